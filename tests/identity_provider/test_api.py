"""Signing in and issuing: each refusal, and what is given."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from idverify.identity_provider.keys import KeyStore
from idverify.ledger import decode
from idverify.schemes import SCHEMES
from tests.identity_provider.service import OCTETS, PEOPLE, Service, adult, row_where, running

ISSUED = [name for name, scheme in SCHEMES.items() if scheme.info.issued != "by_holder"]
BY_HOLDER = [name for name in SCHEMES if name not in ISSUED]
RATIONED = [name for name in ISSUED if SCHEMES[name].info.rationed]


def test_the_right_pin_gives_a_token_that_no_cache_keeps(service: Service) -> None:
    row = adult()
    answer = service.ask("POST", "/api/sessions", json={"id_number": PEOPLE.id_number(row), "pin": PEOPLE.pin(row)})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"token", "expires_in"}


def test_an_unknown_person_and_a_wrong_pin_get_the_same_answer(service: Service) -> None:
    known = {"id_number": PEOPLE.id_number(adult()), "pin": "x00000"}
    unknown = {"id_number": "000000000000", "pin": PEOPLE.pin(adult())}
    answers = [service.ask("POST", "/api/sessions", json=body) for body in (known, unknown)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["error"] == "wrong_login"


@pytest.mark.parametrize("id_number", ["known", "unknown"])
def test_after_five_wrong_pins_the_right_one_waits_too(service: Service, id_number: str) -> None:
    row = adult(number=1)
    number = PEOPLE.id_number(row) if id_number == "known" else "000000000001"
    wrong = [service.ask("POST", "/api/sessions", json={"id_number": number, "pin": f"{n}"}) for n in range(6)]
    assert [answer.status_code for answer in wrong] == [401] * 5 + [429]
    assert int(wrong[-1].headers["retry-after"]) > 0
    right = {"id_number": number, "pin": PEOPLE.pin(row)}
    assert service.ask("POST", "/api/sessions", json=right).status_code == 429
    service.clock.forward(61)
    assert service.ask("POST", "/api/sessions", json=right).status_code == (201 if id_number == "known" else 401)


def test_of_a_hundred_parallel_guesses_only_five_are_looked_at(service: Service) -> None:
    body = {"id_number": PEOPLE.id_number(adult()), "pin": "000000x"}
    statuses = [answer.status_code for answer in service.together(100, "POST", "/api/sessions", json=body)]
    assert statuses.count(401) == 5
    assert statuses.count(429) == 95


def test_who_has_no_e_id_is_told_so_only_after_the_right_pin(service: Service) -> None:
    row = row_where(lambda row, _: not PEOPLE.e_id[row])
    number = PEOPLE.id_number(row)
    wrong = service.ask("POST", "/api/sessions", json={"id_number": number, "pin": "x"})
    right = service.ask("POST", "/api/sessions", json={"id_number": number, "pin": PEOPLE.pin(row)})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "wrong_login")
    assert (right.status_code, right.json()["error"]) == (403, "no_e_id")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"id_number":1,"pin":"1"}', b'{"id_number":"1"}', b'{"id_number":"","pin":""}',
     json.dumps({"id_number": "9" * 33, "pin": "1"}).encode(), b'{"id_number":"\\u0000","pin":"\\ud800"}'],
)  # fmt: skip
def test_a_malformed_sign_in_is_refused_without_its_values(service: Service, body: bytes) -> None:
    answer = service.ask("POST", "/api/sessions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 401)
    assert "999" not in answer.text


@pytest.mark.parametrize("name", ISSUED)
def test_a_person_gets_a_credential_that_the_wallet_accepts(service: Service, name: str) -> None:
    scheme, headers = SCHEMES[name], service.sign_in(adult()) | OCTETS
    asked = service.asked(scheme)
    answer = service.ask("POST", f"/api/issue/{name}", content=asked.message, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "no-store"
    assert scheme.holder().accept(asked, answer.content)


@pytest.mark.parametrize("name", ISSUED)
def test_without_a_session_nothing_is_issued(service: Service, name: str) -> None:
    token = service.sign_in(adult())["Authorization"].removeprefix("Bearer ")
    wrong = ["", "Bearer", f"Bearer {token}x", f"Basic {token}", token, f"Bearer  {token}", "Bearer " + "a" * 300]
    for value in wrong:
        answer = service.issue(name, {"Authorization": value})
        assert (answer.status_code, answer.json()["error"]) == (401, "not_signed_in"), value
        assert answer.headers["www-authenticate"] == "Bearer"
    in_query = service.ask("POST", f"/api/issue/{name}?access_token={token}", content=b"x", headers=OCTETS)
    assert in_query.status_code == 401


def test_a_session_ends(service: Service) -> None:
    authorization = service.sign_in(adult())
    service.clock.forward(3601)
    assert service.issue(ISSUED[0], authorization).status_code == 401


@pytest.mark.parametrize("name", BY_HOLDER)
def test_what_wallets_make_themselves_is_not_issued(service: Service, name: str) -> None:
    authorization = service.sign_in(adult())
    answer = service.ask("POST", f"/api/issue/{name}", content=b"", headers=authorization | OCTETS)
    assert answer.status_code == 404
    assert answer.json()["hint"]
    assert service.ask("GET", f"/api/public/{name}").status_code == 404


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc", "x" * 3000, "%00"])
def test_an_unknown_scheme_is_not_found(service: Service, name: str) -> None:
    authorization = service.sign_in(adult())
    assert service.ask("POST", f"/api/issue/{name}", content=b"", headers=authorization | OCTETS).status_code == 404
    assert service.ask("GET", f"/api/public/{name}").status_code == 404


@pytest.mark.parametrize("name", ISSUED)
def test_a_request_that_does_not_decode_is_refused(service: Service, name: str) -> None:
    authorization = service.sign_in(adult())
    for body in (b"", b"\x00" * 400, b"{", b"\xff" * 3):
        answer = service.ask("POST", f"/api/issue/{name}", content=body, headers=authorization | OCTETS)
        assert answer.status_code in (400, 422), (body, answer.text)
    body = service.request_of(SCHEMES[name])
    wrong_type = service.ask("POST", f"/api/issue/{name}", content=body, headers=authorization)
    assert wrong_type.status_code == 400


def test_a_child_gets_no_token_of_adults(service: Service) -> None:
    row = row_where(lambda row, person: bool(PEOPLE.e_id[row]) and person.age_at(service.clock()) < 16)
    for name in RATIONED:
        answer = service.issue(name, service.sign_in(row))
        assert (answer.status_code, answer.json()["error"]) == (403, "too_young")


@pytest.mark.parametrize("name", RATIONED)
def test_of_fifty_parallel_requests_only_the_quota_is_served(
    tmp_path: Path, keys: KeyStore, database_url: str, name: str
) -> None:
    with running(tmp_path, keys, url=database_url, quota=3) as service:
        authorization, other = service.sign_in(adult()), service.sign_in(adult(number=1))
        body = service.request_of(SCHEMES[name])
        headers = authorization | OCTETS
        answers = service.together(50, "POST", f"/api/issue/{name}", content=body, headers=headers)
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(200), statuses.count(429)) == (3, 47)
        assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 429)
        assert service.issue(name, other).status_code == 200


@pytest.mark.parametrize("name", RATIONED)
def test_a_batch_uses_as_much_of_the_quota_as_it_has_credentials(
    tmp_path: Path, keys: KeyStore, database_url: str, name: str
) -> None:
    with running(tmp_path, keys, url=database_url, quota=7) as service:
        authorization = service.sign_in(adult())
        url, headers = f"/api/issue/{name}", authorization | OCTETS
        asked = service.asked(SCHEMES[name], count=3)
        answers = service.together(8, "POST", url, content=asked.message, headers=headers)
        assert Counter(answer.status_code for answer in answers) == {200: 2, 429: 6}
        good = next(answer for answer in answers if answer.status_code == 200)
        assert len(SCHEMES[name].holder().accept(asked, good.content)) == 3
        too_many = service.asked(SCHEMES[name], count=2).message
        assert service.ask("POST", url, content=too_many, headers=headers).status_code == 429
        assert service.issue(name, authorization).status_code == 200
        assert service.issue(name, authorization).status_code == 429


@pytest.mark.parametrize("count", [1, 5])
def test_a_batch_has_media_types_of_its_own(service: Service, count: int) -> None:
    authorization, scheme = service.sign_in(adult()), SCHEMES[RATIONED[0]]
    plain, batch = "application/private-token", "application/private-token-generic-batch"
    asked = service.asked(scheme, count=min(count, 3))
    right, wrong = (batch, plain) if count > 1 else (plain, batch)
    for kind, status in ((wrong, 400), (right, 200)):
        headers = authorization | {"Content-Type": f"{kind}-request"}
        answer = service.ask("POST", "/token-request", content=asked.message, headers=headers)
        assert answer.status_code == status
        if status == 200:
            assert answer.headers["content-type"] == f"{kind}-response"
            assert len(scheme.holder().accept(asked, answer.content)) == min(count, 3)


def test_what_is_not_rationed_has_no_quota(service: Service) -> None:
    authorization = service.sign_in(adult())
    # Whoever is remembered must come with the same secret each time; here every request has another one.
    for name in [n for n in ISSUED if n not in RATIONED and not SCHEMES[n].info.remembers]:
        assert [service.issue(name, authorization).status_code for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("name", ISSUED)
def test_public_documents_have_a_validator(service: Service, name: str) -> None:
    first = service.ask("GET", f"/api/public/{name}")
    assert first.headers["content-type"] == "application/json"
    assert "max-age" in first.headers["cache-control"]
    again = service.ask("GET", f"/api/public/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_jwks_has_each_public_key_with_its_kid_and_nothing_private(service: Service) -> None:
    keys = service.ask("GET", "/.well-known/jwks.json").json()["keys"]
    assert keys
    for key in keys:
        assert key["kid"]
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)
    vc = service.ask("GET", "/.well-known/jwt-vc-issuer").json()
    assert vc["issuer"] == service.ask("GET", "/api/public").json()["issuer"]
    assert vc["jwks"]["keys"] == keys


def test_the_token_directory_and_token_request_follow_the_specification(service: Service) -> None:
    directory = service.ask("GET", "/.well-known/private-token-issuer-directory")
    assert directory.headers["content-type"] == "application/private-token-issuer-directory"
    assert directory.headers["cache-control"]
    assert {key["token-type"] for key in directory.json()["token-keys"]} == {2, 0xDA7A}
    path, authorization = directory.json()["issuer-request-uri"], service.sign_in(adult())
    body = service.request_of(SCHEMES[RATIONED[0]])
    kind = {"Content-Type": "application/private-token-request"}
    answer = service.ask("POST", path, content=body, headers=authorization | kind)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/private-token-response"
    assert service.ask("POST", path, content=body, headers=kind).status_code == 401
    assert service.ask("POST", path, content=body, headers=authorization | OCTETS).status_code == 400


def test_the_ledger_ties_each_credential_to_the_person_and_holds_no_pin_or_token(service: Service) -> None:
    row = adult()
    authorization = service.sign_in(row)
    service.issue(ISSUED[0], authorization)
    service.ledger.flush()
    records = list(decode(service.ledger.path.read_bytes().splitlines(), SCHEMES))
    assert [record.subject for record in records] == [PEOPLE.id_number(row)] * 2
    assert records[1].scheme == ISSUED[0]
    kept = json.dumps([record.as_json() for record in records])
    assert PEOPLE.pin(row) not in kept
    assert authorization["Authorization"].removeprefix("Bearer ") not in kept


def test_every_answer_has_the_security_headers(service: Service) -> None:
    for path in ("/health", "/", "/nothing", "/static/shared/base.css", "/authorize"):
        headers = service.ask("GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def test_a_body_that_is_too_large_is_refused(service: Service) -> None:
    answer = service.ask("POST", "/api/sessions", content=b"x" * 600_000)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_a_database_that_is_gone_is_unavailable(service: Service) -> None:
    asyncio.run(asyncio.to_thread(service.store.close))
    body = {"id_number": PEOPLE.id_number(adult()), "pin": PEOPLE.pin(adult())}
    answer = service.ask("POST", "/api/sessions", json=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
