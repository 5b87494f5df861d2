"""The browser's way: log-in form, authorization codes and their exchange (RFC 6749, RFC 7636, RFC 9207)."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from httpx import Response

from idverify.identity_provider.keys import KeyStore
from tests.identity_provider.service import ISSUER, PEOPLE, Service, adult, row_where, running

WALLET = "http://127.0.0.1:8004"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
GOOD = {
    "response_type": "code",
    "client_id": "wallet",
    "redirect_uri": f"{WALLET}/callback",
    "state": "a state & more",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BROWSER = {"Accept": "text/html"}


def send_form(service: Service, values: dict[str, str], *, cookie: str = "c" * 32) -> Response:
    form = GOOD | {"csrf": "c" * 32, "answer": "allow", "person": ""} | values
    headers = FORM | BROWSER | ({"Cookie": f"idp_form={cookie}"} if cookie else {})
    return service.ask("POST", "/authorize", content=urlencode(form), headers=headers)


def log_in(service: Service, row: int, **more: str) -> Response:
    return send_form(service, {"id_number": PEOPLE.id_number(row), "pin": PEOPLE.pin(row)} | more)


def code_of(answer: Response) -> str:
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def exchange(service: Service, code: str, /, **changed: str) -> Response:
    values = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": VERIFIER,
        "client_id": "wallet",
        "redirect_uri": f"{WALLET}/callback",
    } | changed
    return service.ask("POST", "/token", content=urlencode(values), headers=FORM)


def test_the_form_carries_the_request_and_a_secret_of_this_browser(service: Service) -> None:
    answer = service.ask("GET", "/authorize?" + urlencode(GOOD), headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
    assert found is not None
    assert found[1] in cookie
    assert 'value="a state &amp; more"' in answer.text


def test_allowing_leads_back_to_the_wallet_with_code_state_and_issuer(service: Service) -> None:
    answer = log_in(service, adult())
    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    target = urlsplit(answer.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == f"{WALLET}/callback"
    query = parse_qs(target.query)
    assert query["state"] == ["a state & more"]
    assert query["iss"] == [ISSUER]
    assert len(query["code"][0]) >= 43


def test_an_invented_person_can_be_picked(service: Service) -> None:
    person = service.ask("GET", "/api/demo/people").json()["people"][0]
    assert code_of(send_form(service, {"person": person["id_number"]}))


def test_what_is_typed_counts_for_more_than_who_is_picked(service: Service) -> None:
    picked = service.ask("GET", "/api/demo/people").json()["people"][0]["id_number"]
    answer = send_form(service, {"person": picked, "id_number": "000000000000", "pin": "1"})
    assert answer.status_code == 401


def test_refusing_leads_back_with_access_denied(service: Service) -> None:
    answer = log_in(service, adult(), answer="refuse")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query == {"error": ["access_denied"], "state": ["a state & more"], "iss": [ISSUER]}


def test_the_code_gives_a_token_that_issues(service: Service) -> None:
    answer = exchange(service, code_of(log_in(service, adult())))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"
    authorization = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert service.issue(service.keys.names[0], authorization).status_code == 200


BAD_REDIRECTS = [
    "", "http://127.0.0.1:8004/callback/", "http://127.0.0.1:8004/callback?x=1", "http://127.0.0.1:8004/callback#x",
    "http://127.0.0.1:8004/Callback", "HTTP://127.0.0.1:8004/callback", "http://localhost:8004/callback",
    "http://127.0.0.1:8004/callback/../x", "http://127.0.0.1:8004//callback", "http://127.0.0.1/callback",
    "http://127.0.0.1:8004@evil.example/callback", "https://127.0.0.1:8004/callback", "//127.0.0.1:8004/callback",
    "http://127.0.0.1:8004/callback\x00", "http://127.0.0.1:8004/callback ", " http://127.0.0.1:8004/callback",
    "http://127.0.0.1:8004/call%62ack", "http://127.0.0.1:8004.evil.example/callback", "javascript:alert(1)",
    "http://127.0.0.1:8004\\@evil.example/callback", "http://127.0.0.1:08004/callback", "data:text/html,x", "/callback",
]  # fmt: skip


@pytest.mark.parametrize("uri", BAD_REDIRECTS)
def test_another_redirect_uri_gets_an_error_page_and_no_redirect(service: Service, uri: str) -> None:
    query = "/authorize?" + urlencode(GOOD | {"redirect_uri": uri})
    for answer in (service.ask("GET", query, headers=BROWSER), log_in(service, adult(), redirect_uri=uri)):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "evil.example" not in answer.text


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_parameter_that_comes_twice_is_refused(service: Service, name: str) -> None:
    query = urlencode([*GOOD.items(), (name, GOOD[name])])
    answer = service.ask("GET", f"/authorize?{query}", headers=BROWSER)
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
    ],
)
def test_a_faulty_request_goes_back_with_its_error(service: Service, changed: dict[str, str], error: str) -> None:
    answers = [
        service.ask("GET", "/authorize?" + urlencode(GOOD | changed), headers=BROWSER),
        log_in(service, adult(), **changed),
    ]
    for answer in answers:
        assert answer.status_code == 303
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        assert query == {"error": [error], "state": ["a state & more"], "iss": [ISSUER]}


@pytest.mark.parametrize("client", ["", "other", "Wallet", "wallet "])
def test_another_client_gets_an_error_page(service: Service, client: str) -> None:
    answer = service.ask("GET", "/authorize?" + urlencode(GOOD | {"client_id": client}), headers=BROWSER)
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("csrf", "cookie"), [("c" * 32, ""), ("", "c" * 32), ("d" * 32, "c" * 32), ("", ""), ("c", "c")]
)
def test_a_form_from_another_browser_is_refused(service: Service, csrf: str, cookie: str) -> None:
    row = adult()
    answer = send_form(
        service, {"id_number": PEOPLE.id_number(row), "pin": PEOPLE.pin(row), "csrf": csrf}, cookie=cookie
    )
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_wrong_pin_shows_the_form_again_without_what_was_typed(service: Service) -> None:
    answer = send_form(service, {"id_number": PEOPLE.id_number(adult()), "pin": "canary"})
    assert answer.status_code == 401
    assert 'name="csrf"' in answer.text
    assert "canary" not in answer.text


def test_who_has_no_e_id_is_told_so(service: Service) -> None:
    answer = log_in(service, row_where(lambda row, _: not PEOPLE.e_id[row]))
    assert answer.status_code == 403
    assert "This person has no e-ID account." in answer.text


def test_nothing_that_a_client_sends_becomes_markup(service: Service) -> None:
    attack = '"><script>alert(1)</script>'
    answer = service.ask("GET", "/authorize?" + urlencode(GOOD | {"state": attack}), headers=BROWSER)
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    page = service.ask("GET", "/" + attack, headers=BROWSER)
    assert page.status_code == 404
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 50}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": CHALLENGE}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": f"{WALLET}/other"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"client_id": "other"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"code": "unknown"}, "invalid_grant"),
    ],
)
def test_an_exchange_with_a_wrong_part_is_refused(service: Service, changed: dict[str, str], error: str) -> None:
    answer = exchange(service, code_of(log_in(service, adult())), **changed)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"


def test_a_parameter_of_the_exchange_that_comes_twice_is_refused(service: Service) -> None:
    code = code_of(log_in(service, adult()))
    body = urlencode([("grant_type", "authorization_code"), ("code", code), ("code", code)])
    assert service.ask("POST", "/token", content=body, headers=FORM).json()["error"] == "invalid_request"


def test_a_code_ends_after_a_minute(service: Service) -> None:
    code = code_of(log_in(service, adult()))
    service.clock.forward(61)
    assert exchange(service, code).json()["error"] == "invalid_grant"


def test_a_code_that_comes_twice_ends_what_it_gave(service: Service) -> None:
    code = code_of(log_in(service, adult()))
    authorization = {"Authorization": f"Bearer {exchange(service, code).json()['access_token']}"}
    name = service.keys.names[0]
    assert service.issue(name, authorization).status_code == 200
    assert exchange(service, code).json()["error"] == "invalid_grant"
    assert service.issue(name, authorization).status_code == 401


def test_of_a_hundred_parallel_exchanges_exactly_one_wins(tmp_path: Path, keys: KeyStore, database_url: str) -> None:
    with running(tmp_path, keys, url=database_url) as service:
        values = {
            "grant_type": "authorization_code",
            "code": code_of(log_in(service, adult())),
            "code_verifier": VERIFIER,
            "client_id": "wallet",
            "redirect_uri": f"{WALLET}/callback",
        }
        answers = service.together(100, "POST", "/token", content=urlencode(values), headers=FORM)
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 99


def test_the_ledger_holds_neither_code_nor_pin_nor_token(service: Service) -> None:
    row = adult()
    code = code_of(log_in(service, row))
    token = exchange(service, code).json()["access_token"]
    service.ledger.flush()
    text = service.ledger.path.read_bytes()
    for encoded in re.findall(rb'"body":"([^"]*)"', text):
        text += base64.b64decode(encoded)
    for secret in (code, token, PEOPLE.pin(row), VERIFIER):
        assert secret.encode() not in text
