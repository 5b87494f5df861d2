"""Sign-up: whoever proves what is asked gets one account, and nobody else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idverify.errors import IdverifyError
from idverify.scheme import Challenge, Question, Scheme
from idverify.schemes import SCHEMES
from tests import keys
from tests.social_platform.village import CHILD, ISSUER, LINH, MINH, Asked, Village


def all_that_a_wallet_can_show(village: Village, kind: Scheme, asked: Asked, pretended: Challenge) -> int:
    """What becomes of a dishonest wallet, which gets whatever the issuer gives a child and shows that."""
    try:
        credential = village.country.credential(kind, CHILD, challenge=pretended)
        shown = kind.holder().present(credential, pretended)
    except IdverifyError as error:
        return error.status
    return village.deliver(asked, shown).status_code


ALL = pytest.mark.parametrize("scheme", list(SCHEMES))
SIGNED = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if s.info.signed])
RECOGNISES = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if "one_account" in s.info.answers])


@ALL
def test_an_adult_signs_up_reads_and_posts(village_on_both: Village, scheme: str) -> None:
    token = village_on_both.sign_up(scheme, LINH, handle="linh")
    me = village_on_both.ask("GET", "/api/me", token=token).json()
    assert me["handle"] == "linh"
    assert me["verified"] is True
    assert me["over"] == 16
    assert me["scheme"] == scheme
    posted = village_on_both.ask("POST", "/api/posts", token=token, json={"text": "Chào cả làng"})
    assert posted.status_code == 201
    feed = village_on_both.ask("GET", "/api/feed", token=token).json()
    assert [post["text"] for post in feed["posts"]] == ["Chào cả làng"]


@ALL
def test_a_child_does_not_get_in(village: Village, scheme: str) -> None:
    asked, kind = village.start(scheme), SCHEMES[scheme]
    nothing_asked = replace(asked.challenge, question=Question())
    assert all_that_a_wallet_can_show(village, kind, asked, nothing_asked) in (400, 403, 422)
    assert village.open("child", code="", binding=asked.binding).status_code in (401, 403)


@ALL
def test_a_presentation_counts_once(village: Village, scheme: str) -> None:
    asked = village.start(scheme)
    shown = village.presentation(scheme, LINH, asked)
    assert village.deliver(asked, shown).status_code == 200
    again = village.deliver(asked, shown)
    assert again.status_code == 409
    assert again.json()["error"] == "already_used"


@ALL
def test_a_challenge_is_answered_once_even_by_another_proof(village: Village, scheme: str) -> None:
    asked = village.start(scheme)
    first, second = (village.presentation(scheme, person, asked) for person in (LINH, MINH))
    assert village.deliver(asked, first).status_code == 200
    assert village.deliver(asked, second).status_code == 409


@ALL
def test_a_presentation_answers_no_other_challenge(village: Village, scheme: str) -> None:
    first, second = village.start(scheme), village.start(scheme)
    shown = village.presentation(scheme, LINH, first)
    assert village.deliver(first, shown).status_code == 200
    assert village.deliver(second, shown).status_code in (403, 409)


@ALL
def test_a_presentation_that_fails_leaves_the_challenge_good(village: Village, scheme: str) -> None:
    asked = village.start(scheme)
    shown = village.presentation(scheme, LINH, asked)
    for broken in (shown[:-3], b"{}", b"\x00" * 40, shown + b"x"):
        assert village.deliver(asked, broken).status_code in (400, 403)
    assert village.deliver(asked, shown).status_code == 200


@ALL
def test_a_challenge_expires(village: Village, scheme: str) -> None:
    asked = village.start(scheme)
    shown = village.presentation(scheme, LINH, asked)
    village.clock.forward(seconds=301)
    late = village.deliver(asked, shown)
    assert late.status_code == 403
    assert late.json()["error"] == "expired"


def test_a_challenge_that_the_platform_did_not_make_is_unknown(village: Village) -> None:
    asked = village.start(next(iter(SCHEMES)))
    for id_ in ("x", "a" * 399, asked.id[:-1], asked.id[:-1] + ("A" if asked.id[-1] != "A" else "B"), asked.id + "="):
        assert village.ask("GET", f"/api/challenges/{id_}").status_code == 404


@ALL
def test_a_code_opens_one_account(village: Village, scheme: str) -> None:
    proof = village.prove(scheme, LINH)
    assert village.open("linh", **proof).status_code == 201
    again = village.open("another", **proof)
    assert again.status_code == 409
    assert again.json()["error"] == "already_used"


@ALL
def test_a_code_is_worth_nothing_to_another_client(village: Village, scheme: str) -> None:
    proof = village.prove(scheme, LINH)
    other = village.start(scheme)
    for binding in ("", other.binding, proof["binding"][:-1]):
        refused = village.open("thief", code=proof["code"], binding=binding)
        assert refused.status_code == 403
        assert refused.json()["error"] == "not_proven"
    assert village.open("linh", **proof).status_code == 201


def test_a_code_expires(village: Village) -> None:
    proof = village.prove(next(iter(SCHEMES)), LINH)
    village.clock.forward(seconds=601)
    assert village.open("linh", **proof).json()["error"] == "expired"


@RECOGNISES
def test_a_person_has_one_account(village_on_both: Village, scheme: str) -> None:
    village_on_both.sign_up(scheme, LINH, handle="linh")
    second = village_on_both.open("linh_again", **village_on_both.prove(scheme, LINH))
    assert second.status_code == 409
    assert second.json()["error"] == "already_used"
    village_on_both.sign_up(scheme, MINH, handle="minh")


def test_a_handle_that_is_taken_does_not_use_the_code_up(village: Village) -> None:
    scheme = next(iter(SCHEMES))
    village.sign_up(scheme, LINH, handle="linh")
    proof = village.prove(scheme, MINH)
    assert village.open("LINH", **proof).status_code == 409
    assert village.open("minh", **proof).status_code == 201


def test_no_account_without_a_proof_where_the_mandate_wants_one(village: Village) -> None:
    refused = village.open("nobody")
    assert refused.status_code == 401
    assert refused.json()["error"] == "not_verified"
    assert refused.headers["www-authenticate"].startswith("PrivateToken challenge=")


@SIGNED
def test_an_issuer_whom_the_mandate_does_not_trust_is_refused(village: Village, scheme: str) -> None:
    village.country.country = "LA"
    asked = village.start(scheme)
    answer = village.deliver(asked, village.presentation(scheme, LINH, asked))
    assert answer.status_code == 403
    assert answer.json()["error"] == "untrusted_issuer"
    assert ISSUER in answer.json()["hint"]


@SIGNED
def test_keys_of_another_issuer_prove_nothing(village: Village, scheme: str) -> None:
    asked = village.start(scheme)
    honest = village.country.issuers[scheme]
    village.country.issuers[scheme] = [keys.issuer(scheme, 1, name=ISSUER)]
    forged = village.presentation(scheme, LINH, asked)
    village.country.issuers[scheme] = honest
    assert village.deliver(asked, forged).status_code == 403


def test_what_is_no_presentation_is_refused_in_words(village: Village) -> None:
    for scheme in SCHEMES:
        asked = village.start(scheme)
        for body in (b"[" * 60_000, b"\xff\xfe", b"null", b"{" + b'"a":1,' * 5000 + b'"a":1}'):
            refused = village.deliver(asked, body)
            assert refused.status_code in (400, 403), refused.text
            assert set(refused.json()) >= {"error", "error_description"}
        assert village.deliver(asked, b"x" * 70_000).status_code == 400
        assert village.deliver(asked, b"x" * 600_000).status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scheme": "no_such"},
        {"scheme": 7},
        {"scheme": "SCHEME", "extra": 1},
        {"scheme": "SCHEME", "action": "fly"},
        {"scheme": "SCHEME", "action": "join"},
        {"scheme": "SCHEME", "action": "join", "group": "no_such"},
        {"scheme": "SCHEME", "group": "over_18"},
        {"scheme": "SCHEME", "action": "join", "group": "over_18", "ward": True},
    ],
)
def test_a_challenge_that_makes_no_sense_is_refused(village: Village, body: dict[str, object]) -> None:
    if body.get("scheme") == "SCHEME":
        body = body | {"scheme": next(iter(SCHEMES))}
    assert village.ask("POST", "/api/challenges", json=body).status_code in (400, 404)


@pytest.mark.parametrize(
    "handle",
    [
        "ab",
        "a" * 31,
        "lin h",
        "linh\u202e",
        "l\u0456nh",
        "ａｂｃ",
        "a\u0301\u0302\u0303" * 3,
        "<b>x</b>",
        "linh\x00",
        "שלום",
        "e" + "\u0301" * 90,
        "linhα",
        "aaa\u0eb1",
        "ກາ\u0ec8\u0ec9\u0eca",
        "ກາa",
        "👩‍🌾👩‍🌾👩‍🌾",
        "αβγ",
    ],
)
def test_a_handle_that_could_mislead_is_refused(open_village: Village, handle: str) -> None:
    assert open_village.open(handle).status_code == 400


@pytest.mark.parametrize("handle", ["linh", "chợ_quê", "ລາວຄົນດີ", "Đặng9", "a1_"])
def test_a_handle_of_letters_and_digits_is_taken(open_village: Village, handle: str) -> None:
    assert open_village.open(handle).status_code == 201


def test_two_spellings_of_a_handle_are_one(open_village: Village) -> None:
    open_village.unverified("chợ_quê")
    assert open_village.open("CHỢ_QUÊ").status_code == 409
    assert open_village.open("cho\u031b\u0323_que\u0302").status_code == 409
