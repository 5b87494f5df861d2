"""Keys of the issuer: rotated, unknown, unreachable."""

from __future__ import annotations

import pytest

from idverify.scheme import fingerprint
from idverify.schemes import SCHEMES
from tests import keys
from tests.social_platform.village import ISSUER, LINH, MINH, Village

SIGNED = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if s.info.signed])


def rotate(village: Village, scheme: str) -> None:
    village.country.issuers[scheme] = [keys.issuer(scheme, 1, name=ISSUER), *village.country.issuers[scheme]]


@SIGNED
def test_a_rotation_fails_nobody(village: Village, scheme: str) -> None:
    village.sign_up(scheme, LINH, handle="linh")
    rotate(village, scheme)
    village.sign_up(scheme, MINH, handle="minh")


@SIGNED
def test_known_keys_go_on_working_while_the_issuer_is_down(village: Village, scheme: str) -> None:
    village.sign_up(scheme, LINH, handle="linh")
    village.country.down = True
    village.sign_up(scheme, MINH, handle="minh")


@SIGNED
def test_without_any_keys_the_answer_is_unavailable(village: Village, scheme: str) -> None:
    village.country.down = True
    asked = village.start(scheme)
    shown = village.presentation(scheme, LINH, asked)
    refused = village.deliver(asked, shown)
    assert refused.status_code == 503
    assert refused.json()["error"] == "unavailable"
    assert refused.headers["retry-after"]
    village.country.down = False
    assert village.deliver(asked, shown).status_code == 200


@SIGNED
def test_many_unknown_keys_cause_few_fetches(village: Village, scheme: str) -> None:
    village.sign_up(scheme, LINH, handle="linh")
    asked = village.start(scheme)
    honest = village.country.issuers[scheme]
    village.country.issuers[scheme] = [keys.issuer(scheme, 1, name=ISSUER)]
    forged = village.presentation(scheme, MINH, asked)
    village.country.issuers[scheme] = honest
    before = len(village.country.fetched)
    answers = village.together([("POST", f"/api/presentations/{asked.id}", "", {"content": forged})] * 100)
    assert {answer.status_code for answer in answers} == {403}
    assert len(village.country.fetched) - before <= 5
    village.sign_up(scheme, MINH, handle="minh")


def test_a_scheme_without_an_issuer_asks_nobody(village: Village) -> None:
    village.country.down = True
    for name, scheme in SCHEMES.items():
        if not scheme.info.signed:
            village.sign_up(name, LINH, handle=f"linh_{name}"[:20])
    assert village.country.fetched == []


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b"\xff", b'{"issuer": 1, "keys": 2}', b"[" * 100_000])
@SIGNED
def test_a_document_that_is_none_is_the_issuers_fault(village: Village, scheme: str, document: bytes) -> None:
    village.country.publish({scheme: document or b" "})
    asked = village.start(scheme)
    answer = village.deliver(asked, b"x.y.z")
    assert answer.status_code == 503


@pytest.mark.parametrize("name", [name for name, scheme in SCHEMES.items() if scheme.info.same_keys])
def test_a_platform_tells_which_keys_it_sees_and_looks_again_where_a_wallet_sees_others(
    village: Village, name: str
) -> None:
    url = f"/api/keys/{name}"
    digest = village.ask("GET", url).json()["digest"]
    assert digest == fingerprint(village.country.public(name))
    fetched = len(village.country.fetched)
    assert village.ask("GET", f"{url}?digest={digest}").json()["digest"] == digest
    assert len(village.country.fetched) == fetched
    for _ in range(50):
        assert village.ask("GET", f"{url}?digest=AAAA").json()["digest"] == digest
    assert len(village.country.fetched) <= fetched + 10
    assert village.ask("GET", "/api/keys/self_declared").status_code == 404
    assert village.ask("GET", "/api/keys/nothing").status_code == 404
