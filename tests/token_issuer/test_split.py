"""Attester and token issuer apart: who sees what, who may ask for signatures, and what a failure costs."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from idverify.formats import jose, jwa
from idverify.identity_provider.attester_key import AttesterKey
from idverify.identity_provider.keys import KeyFolder
from idverify.ledger_decode import decode
from idverify.protocols import attestation, privacy_pass
from idverify.scheme import Challenge, Json, Question, SplitIssuer, SplitScheme
from idverify.schemes import SCHEMES
from tests.identity_provider.service import PEOPLE, adult
from tests.token_issuer.conftest import ISSUER, NAME, OCTETS, PLATFORM, PROVIDER, SPLIT, Pair, running

REQUEST = {"Content-Type": privacy_pass.REQUEST_TYPE}


def signed(
    pair: Pair,
    body: bytes,
    *,
    kind: str = privacy_pass.REQUEST_TYPE,
    key: jose.PrivateKey | None = None,
    kid: str = "",
    attester: str = PROVIDER,
    issuer: str = ISSUER,
    about: bytes | None = None,
    later: int = 0,
) -> httpx.Response:
    """A request at the token issuer with an attester's statement, of which parts can be changed."""
    statement = attestation.statement(
        key or pair.key.key,
        kid or pair.key.kid,
        attester=attester,
        issuer=issuer,
        body=body if about is None else about,
        now=pair.clock() + timedelta(seconds=later),
    )
    headers = {"Content-Type": kind, "Authorization": f"Bearer {statement}"}
    return pair.ask("POST", "/token-request", at=ISSUER, content=body, headers=headers)


def test_a_scheme_says_who_holds_its_keys_exactly_where_it_is_split() -> None:
    for scheme in SCHEMES.values():
        assert bool(scheme.info.keys_at) == isinstance(scheme, SplitScheme), scheme.info.name
        assert not scheme.info.keys_at or scheme.info.keys_at in scheme.info.parties


def test_an_attested_person_gets_a_token_that_the_platform_accepts(pair: Pair) -> None:
    scheme, asked = SPLIT[NAME], pair.asked()
    answer = pair.issue(asked, pair.sign_in())
    assert answer.status_code == 200
    [credential] = scheme.holder().accept(asked, answer.content)
    challenge = Challenge(PLATFORM, "m" * 22, Question(over=16), pair.clock())
    shown = scheme.holder().present(credential, challenge)
    assert scheme.verifier(pair.keys.public(NAME)).verify(shown, challenge).claims == {"over": 16}


def test_the_provider_publishes_what_the_token_issuer_does_and_keeps_no_token_key(pair: Pair, tmp_path: Path) -> None:
    public = pair.ask("GET", f"/api/public/{NAME}")
    assert public.content == pair.ask("GET", f"/api/public/{NAME}", at=ISSUER).content
    assert public.json()["issuer"] == ISSUER
    assert NAME in pair.ask("GET", "/api/public").json()["schemes"]
    assert not [path for path in (tmp_path / "keys").rglob("*") if NAME in str(path)]
    assert pair.ask("GET", "/.well-known/private-token-issuer-directory").status_code == 404


def test_the_token_issuer_never_learns_for_whom_it_signs(pair: Pair) -> None:
    row = adult()
    person = PEOPLE.person(row)
    assert pair.issue(pair.asked(), pair.sign_in()).status_code == 200
    pair.ledger.flush()
    text = pair.ledger.path.read_text()
    for secret in (person.id_number, person.name, person.born.isoformat(), PEOPLE.pin(row)):
        assert secret not in text
    records = list(decode(text.encode().splitlines(), SCHEMES))
    asked = [record for record in records if record.route == "/token-request"]
    assert [(record.subject, record.scheme) for record in asked] == [("", NAME)]
    sent = pair.wire.seen[-1]
    assert b"over" not in sent.content
    assert set(sent.headers) <= {
        *("host", "accept", "accept-encoding", "connection", "user-agent"),
        *("content-type", "content-length", "authorization"),
    }


def test_a_child_is_refused_before_the_token_issuer_hears_of_it(pair: Pair) -> None:
    rows = [r for r in range(len(PEOPLE)) if PEOPLE.e_id[r] and PEOPLE.person(r).age_at(pair.clock()) < 20]
    body = {"id_number": PEOPLE.id_number(rows[0]), "pin": PEOPLE.pin(rows[0])}
    token = pair.ask("POST", "/api/sessions", json=body).json()["token"]
    answer = pair.issue(pair.asked(over=21), {"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]) == (403, "too_young")
    assert all(request.method == "GET" for request in pair.wire.seen)


# --- strangers


def test_nobody_but_the_attester_gets_a_signature(pair: Pair) -> None:
    body = pair.asked().message
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}, pair.sign_in()):
        answer = pair.ask("POST", "/token-request", at=ISSUER, content=body, headers=REQUEST | headers)
        assert answer.status_code == 401
    assert signed(pair, body).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"attester": "http://127.0.0.1:9999"},
        {"attester": PROVIDER + "/"},
        {"issuer": PROVIDER},
        {"issuer": ISSUER + "/"},
        {"about": b"another request"},
        {"about": b""},
        {"later": -180},
        {"later": 180},
        {"kid": "unknown"},
        {"key": jwa.ES256.new_key()},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_statement_that_is_not_for_this_request_is_refused(pair: Pair, changed: dict[str, object]) -> None:
    body = pair.asked().message
    assert signed(pair, body, **changed).status_code == 401  # type: ignore[arg-type]


def test_a_statement_of_another_type_or_algorithm_is_refused(pair: Pair) -> None:
    body, at = pair.asked().message, int(pair.clock().timestamp())
    good: dict[str, Json] = {"iss": PROVIDER, "aud": ISSUER, "iat": at, "exp": at + 60}
    claims = good | {"body": attestation.digest(body)}
    key, kid = pair.key.key, pair.key.kid
    for made in [
        jose.sign(claims, key, typ="JWT", kid=kid),
        jose.sign({**claims, "exp": at + 3600}, key, typ=attestation.TYPE, kid=kid),
        jose.sign({**claims, "exp": None}, key, typ=attestation.TYPE, kid=kid),
        jose.sign({**claims, "body": 7}, key, typ=attestation.TYPE, kid=kid),
        jose.sign(good, key, typ=attestation.TYPE, kid=kid),
        jose.sign(claims, key, typ=attestation.TYPE),
        jose.sign(claims, jwa.ES256.new_key(), typ=attestation.TYPE, kid=kid),
    ]:
        headers = REQUEST | {"Authorization": f"Bearer {made}"}
        assert pair.ask("POST", "/token-request", at=ISSUER, content=body, headers=headers).status_code == 401


def test_a_hundred_invented_keys_cause_few_fetches(pair: Pair) -> None:
    body = pair.asked().message
    for number in range(100):
        assert signed(pair, body, kid=f"k{number}").status_code == 401
    assert signed(pair, body).status_code == 200


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/octet-stream", None),
        ("", None),
        (privacy_pass.BATCH_REQUEST_TYPE, None),
        (privacy_pass.REQUEST_TYPE, b""),
        (privacy_pass.REQUEST_TYPE, b"\0\2" + bytes(256)),
        (privacy_pass.REQUEST_TYPE, b"\0\1" + bytes(257)),
        (privacy_pass.REQUEST_TYPE, bytes(259)),
        (privacy_pass.REQUEST_TYPE, b"\0\2" + b"\xff" * 257),
    ],
    ids=repr,
)
def test_the_token_issuer_answers_malformed_requests_with_400(pair: Pair, kind: str, body: bytes | None) -> None:
    sent = pair.asked().message if body is None else body
    answer = signed(pair, sent, kind=kind)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_message")


# --- failures


def test_a_token_issuer_that_is_down_is_503_and_costs_no_quota(pair: Pair) -> None:
    authorization = pair.sign_in()
    assert pair.issue(pair.asked(), authorization).status_code == 200
    pair.wire.down = True
    pair.time[0] += 60
    for _ in range(8):
        answer = pair.issue(pair.asked(), authorization)
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        assert answer.headers["retry-after"]
    assert pair.ask("GET", f"/api/public/{NAME}").status_code == 200
    pair.wire.down = False
    assert [pair.issue(pair.asked(), authorization).status_code for _ in range(5)] == [200, 200, 200, 200, 429]


def test_where_the_keys_were_never_seen_the_answer_is_503(pair: Pair) -> None:
    pair.wire.down = True
    assert pair.ask("GET", f"/api/public/{NAME}").status_code == 503
    assert pair.issue(pair.asked(), pair.sign_in()).status_code == 503
    assert pair.ask("GET", "/api/public/real_name").status_code == 200


@pytest.mark.parametrize("status", [301, 401, 404, 429, 500, 503])
def test_whatever_else_the_token_issuer_says_is_503(pair: Pair, status: int) -> None:
    authorization = pair.sign_in()
    pair.wire.answer = httpx.Response(status, json={"error": "odd"})
    assert pair.issue(pair.asked(), authorization).status_code == 503
    pair.wire.answer = httpx.Response(200, content=b"x" * 256, headers={"content-type": "text/plain"})
    assert pair.issue(pair.asked(), authorization).status_code == 503
    pair.wire.answer = httpx.Response(200, content=b"x" * 2_000_000)
    assert pair.issue(pair.asked(), authorization).status_code == 503


def test_a_rotation_of_the_token_keys_reaches_the_attester_and_brings_a_new_quota(tmp_path: Path, pair: Pair) -> None:
    authorization, old = pair.sign_in(), pair.asked()
    assert [pair.issue(pair.asked(), authorization).status_code for _ in range(6)][-2:] == [200, 429]
    epoch = pair.keys.rotate(NAME)
    pair.time[0] += 60
    assert pair.ask("GET", f"/api/public/{NAME}", at=ISSUER).headers["key-epoch"] == str(epoch)
    assert pair.issue(old, authorization).status_code == 200
    assert pair.issue(pair.asked(), authorization).status_code == 200


# --- batches, and clients that know only the RFC


def test_a_batch_counts_as_many_as_it_has_tokens(pair: Pair) -> None:
    authorization, asked = pair.sign_in(), pair.asked(count=4)
    answer = pair.issue(asked, authorization)
    assert len(SPLIT[NAME].holder().accept(asked, answer.content)) == 4
    assert pair.issue(pair.asked(count=2), authorization).status_code == 429
    assert pair.issue(pair.asked(), authorization).status_code == 200
    assert pair.issue(pair.asked(), authorization).status_code == 429


@pytest.mark.parametrize("count", [1, 3])
def test_a_client_of_the_rfc_asks_its_attester_and_names_the_issuer(pair: Pair, count: int) -> None:
    directory = pair.ask("GET", privacy_pass.DIRECTORY_PATH, at=ISSUER)
    assert directory.headers["content-type"] == privacy_pass.DIRECTORY_TYPE
    assert directory.json()["issuer-request-uri"] == privacy_pass.REQUEST_PATH
    asked = pair.asked(count=count)
    kind = privacy_pass.media_type(asked.message)
    headers = pair.sign_in() | {"Content-Type": kind}
    for query in ("", f"?issuer={ISSUER.removeprefix('http://')}"):
        answer = pair.ask("POST", f"/token-request{query}", content=asked.message, headers=headers)
        assert answer.status_code == (200 if not query or count == 1 else 429)
        if answer.status_code == 200:
            assert answer.headers["content-type"] == privacy_pass.ANSWERED_BY[kind]
            assert len(SPLIT[NAME].holder().accept(asked, answer.content)) == count
    other = pair.ask("POST", "/token-request?issuer=other.example", content=asked.message, headers=headers)
    assert other.status_code == 400


# --- the attester's key


def test_an_attesters_key_is_made_once_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "attester.pem"
    first, second = (AttesterKey.at(path, name=PROVIDER) for _ in range(2))
    assert first.kid == second.kid
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["attester.pem"]
    document = json.dumps(first.document())
    assert '"d"' not in document
    assert first.kid in document


def test_a_new_key_of_the_attester_is_believed_once_it_is_published(
    tmp_path: Path, token_keys: KeyFolder[SplitIssuer]
) -> None:
    with running(tmp_path, token_keys) as pair:
        body = pair.asked().message
        stranger = AttesterKey.at(tmp_path / "other.pem", name=PROVIDER)
        assert signed(pair, body, key=stranger.key, kid=stranger.kid).status_code == 401
        headers = pair.sign_in() | OCTETS
        assert pair.ask("POST", f"/api/issue/{NAME}", content=body, headers=headers).status_code == 200
