"""The wallet service: a browser's way through it, and what it refuses."""

from __future__ import annotations

import asyncio
import base64
import html
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet.app import create_app
from idverify.wallet.sessions import MOST_PENDING, MOST_SESSIONS, Sessions

if TYPE_CHECKING:
    from tests.wallet.conftest import Country

IDP, A, B = "http://idp.test", "http://a.test", "http://b.test"
ADULT, CHILD = date(1990, 5, 17), date(2013, 5, 17)
ISSUED = [name for name, scheme in SCHEMES.items() if scheme.info.issued != "by_holder"]
DECLARED = [name for name, scheme in SCHEMES.items() if scheme.info.issued == "by_holder"]
HTML = {"accept": "text/html"}


class Clock:
    """A clock that tests can turn."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.fromisoformat("2026-06-01T12:00:00+00:00"))


class Visitor:
    """A browser without pictures: keeps cookies, follows no redirect, speaks to the app in this process."""

    def __init__(self, app: FastAPI) -> None:
        self.runner = asyncio.Runner()
        transport = httpx.ASGITransport(app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://wallet.test", headers=HTML)
        self.cookies = self.client.cookies

    def get(self, path: str, *, params: Mapping[str, str] | None = None) -> httpx.Response:
        return self.runner.run(self.client.get(path, params=params))

    def post(self, path: str, *, data: Mapping[str, str]) -> httpx.Response:
        return self.runner.run(self.client.post(path, data=dict(data)))

    def post_json(self, path: str, value: Mapping[str, str]) -> httpx.Response:
        return self.runner.run(self.client.post(path, json=dict(value), headers={"accept": "*/*"}))

    def close(self) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()


@pytest.fixture
def browser(country: Country, settings: Settings, clock: Clock) -> Iterator[Visitor]:
    client = httpx.AsyncClient(transport=httpx.MockTransport(country))
    app = create_app(settings=settings, schemes=SCHEMES, client=client, clock=clock)
    visitor = Visitor(app)
    yield visitor
    visitor.close()


def start(browser: Visitor, country: Country, name: str, *, platform: str = A) -> str:
    """Begin as a platform does; returns where the wallet sends the browser."""
    id_ = country.ask(platform, name)["id"]
    answer = browser.get("/show", params={"request_uri": f"{platform}/api/challenges/{id_}"})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def sign_in(browser: Visitor, country: Country, location: str, *, born: date = ADULT) -> str:
    state = parse_qs(urlsplit(location).query)["state"][0]
    code = country.code_for(country.person(born))
    answer = browser.get("/callback", params={"code": code, "state": state})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def form(page: httpx.Response) -> dict[str, str]:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found
    return {"csrf": found[1]}


def to_consent(browser: Visitor, country: Country, name: str, *, born: date = ADULT) -> str:
    """The path of the consent page."""
    location = start(browser, country, name)
    if name in DECLARED:
        page = browser.get(location)
        answer = browser.post(location, data=form(page) | {"birth_date": born.isoformat()})
        assert answer.status_code == 303
        return str(answer.headers["location"])
    return sign_in(browser, country, location, born=born)


@pytest.mark.parametrize("name", list(SCHEMES))
def test_a_person_shows_what_was_asked_and_goes_back_to_the_platform(
    name: str, browser: Visitor, country: Country
) -> None:
    path = to_consent(browser, country, name)
    page = browser.get(path)
    assert page.status_code == 200
    assert "Market A asks" in page.text
    answer = browser.post(path, data=form(page) | {"decision": "show"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{A}/sign-up/finish?")
    assert "Market A" in browser.get("/").text


@pytest.mark.parametrize("name", ISSUED)
def test_the_sign_in_uses_pkce_and_our_own_callback(name: str, browser: Visitor, country: Country) -> None:
    location = start(browser, country, name)
    assert location.startswith(f"{IDP}/authorize?")
    query = {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}
    assert query["redirect_uri"] == "http://wallet.test/callback"
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43


@pytest.mark.parametrize("name", list(SCHEMES))
def test_the_platform_hears_nothing_before_consent_and_nothing_after_a_no(
    name: str, browser: Visitor, country: Country
) -> None:
    path = to_consent(browser, country, name)
    page = browser.get(path)
    answer = browser.post(path, data=form(page) | {"decision": "cancel"})
    assert "Nothing was shown" in answer.text
    assert country.calls("/api/presentations") == 0
    assert browser.get(path).status_code == 410


@pytest.mark.parametrize("name", [n for n in ISSUED if SCHEMES[n].info.issued != "ahead"])
def test_the_issuer_is_not_asked_before_consent_where_asking_tells_it_something(
    name: str, browser: Visitor, country: Country
) -> None:
    browser.get(to_consent(browser, country, name))
    assert country.calls("/api/issue") == 0


@pytest.mark.parametrize("name", [n for n in ISSUED if SCHEMES[n].info.issued == "ahead"])
def test_what_stays_secret_is_not_in_the_exact_bytes(name: str, browser: Visitor, country: Country) -> None:
    page = browser.get(to_consent(browser, country, name)).text
    assert "<li>your name</li>" in page
    assert "<li>your birth date</li>" in page
    assert "16 or older" in page
    assert "1990-05-17" not in page
    exact = re.search(r"The exact (\d+) bytes</summary><p><code>([^<]*)</code>", page)
    assert exact
    size, text = int(exact[1]), html.unescape(exact[2])
    assert size == len(text) or size == len(base64.b64decode(text, validate=True))


@pytest.mark.parametrize("name", DECLARED)
def test_a_stated_birth_date_is_named_as_shown(name: str, browser: Visitor, country: Country) -> None:
    page = browser.get(to_consent(browser, country, name)).text
    assert "<dt>your birth date</dt><dd>1990-05-17</dd>" in page
    assert not any(origin == IDP for origin, _, _ in country.log)


@pytest.mark.parametrize("name", DECLARED)
@pytest.mark.parametrize("typed", ["", "yesterday", "2030-01-01", "1850-01-01"])
def test_what_is_no_birth_date_is_asked_again(name: str, typed: str, browser: Visitor, country: Country) -> None:
    location = start(browser, country, name)
    page = browser.get(location)
    answer = browser.post(location, data=form(page) | {"birth_date": typed})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize("name", list(SCHEMES))
def test_a_child_reads_why_not(name: str, browser: Visitor, country: Country) -> None:
    path = to_consent(browser, country, name, born=CHILD)
    answer = browser.get(path)
    if 'name="csrf"' in answer.text:  # else the wallet itself knows that it cannot prove that, and asks nothing
        answer = browser.post(path, data=form(answer) | {"decision": "show"})
    assert answer.status_code == 403
    assert "not old enough" in answer.text
    assert f'href="{A}/sign-up"' in answer.text


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://evil.test/api/challenges/x",
        "http://a.test.evil.test/api/challenges/x",
        "http://a.test@evil.test/api/challenges/x",
        "https://a.test/api/challenges/x",
        "http://a.test:81/api/challenges/x",
        "http://a.test/api/challenges/../../admin",
        "http://a.test/api/challenges/x?y=1",
        "http://a.test/api/challenges/x#y",
        "http://a.test/api/other/x",
        "http://127.0.0.1/api/challenges/x",
        "file:///api/challenges/x",
        "//a.test/api/challenges/x",
        "http://[::1/api/challenges/x",
        "http://a.test/api/challenges/%2e%2e",
    ],
)
def test_the_wallet_fetches_from_nobody_else(uri: str, browser: Visitor, country: Country) -> None:
    answer = browser.get("/show", params={"request_uri": uri})
    assert answer.status_code in (400, 403)
    assert country.log == []


@pytest.mark.parametrize("name", list(SCHEMES))
def test_a_form_from_elsewhere_does_not_count(name: str, browser: Visitor, country: Country) -> None:
    path = to_consent(browser, country, name)
    assert browser.post(path, data={"csrf": "guessed", "decision": "show"}).status_code == 403
    assert browser.post(path, data={"csrf": "gües", "decision": "show"}).status_code == 403
    assert country.calls("/api/presentations") == 0


@pytest.mark.parametrize("name", list(SCHEMES))
def test_another_browser_cannot_answer(name: str, browser: Visitor, country: Country) -> None:
    path = to_consent(browser, country, name)
    browser.cookies.clear()
    assert browser.get(path).status_code == 410
    assert browser.post(path, data={"csrf": "x", "decision": "show"}).status_code == 410


@pytest.mark.parametrize("name", ISSUED)
def test_a_state_serves_once(name: str, browser: Visitor, country: Country) -> None:
    location = start(browser, country, name)
    sign_in(browser, country, location)
    state = parse_qs(urlsplit(location).query)["state"][0]
    answer = browser.get("/callback", params={"code": "another", "state": state})
    assert answer.status_code == 410
    assert country.calls("/token") == 1


@pytest.mark.parametrize("name", ISSUED)
@pytest.mark.parametrize("query", [{"error": "access_denied"}, {}])
def test_who_does_not_sign_in_reads_so(name: str, query: dict[str, str], browser: Visitor, country: Country) -> None:
    state = parse_qs(urlsplit(start(browser, country, name)).query)["state"][0]
    answer = browser.get("/callback", params={"state": state} | query)
    assert answer.status_code == 403
    assert "did not sign in" in answer.text


@pytest.mark.parametrize("name", ISSUED)
def test_an_answer_of_another_identity_provider_is_refused(name: str, browser: Visitor, country: Country) -> None:
    state = parse_qs(urlsplit(start(browser, country, name)).query)["state"][0]
    answer = browser.get("/callback", params={"state": state, "code": "c", "iss": "http://mix-up.test"})
    assert answer.status_code == 400
    assert country.calls("/token") == 0


@pytest.mark.parametrize("name", list(SCHEMES))
def test_a_request_ends_after_five_minutes(name: str, browser: Visitor, country: Country, clock: Clock) -> None:
    path = to_consent(browser, country, name)
    clock.now += timedelta(minutes=5)
    answer = browser.get(path)
    assert answer.status_code == 410
    assert "too old" in answer.text


@pytest.mark.parametrize("name", ISSUED)
def test_an_identity_provider_that_is_down_has_a_page(name: str, browser: Visitor, country: Country) -> None:
    location = start(browser, country, name)
    country.broken["/api/public"] = httpx.ConnectError("down")
    path = sign_in(browser, country, location)
    page = browser.get(path)
    answer = page if page.status_code != 200 else browser.post(path, data=form(page) | {"decision": "show"})
    assert answer.status_code == 503
    assert "does not answer" in answer.text


@pytest.mark.parametrize("name", list(SCHEMES))
def test_a_platform_that_answers_twice_used_has_a_page(name: str, browser: Visitor, country: Country) -> None:
    country.broken["/api/presentations"] = httpx.Response(
        409, json={"error": "already_used", "error_description": "this person already has an account here"}
    )
    path = to_consent(browser, country, name)
    answer = browser.post(path, data=form(browser.get(path)) | {"decision": "show"})
    assert answer.status_code == 409
    assert "already have an account" in answer.text


@pytest.mark.parametrize("name", list(SCHEMES))
def test_nobody_is_sent_on_to_another_origin(name: str, browser: Visitor, country: Country) -> None:
    body = {"code": "c", "proven": {}, "continue_at": "http://a.test.evil.test/x"}
    country.broken["/api/presentations"] = httpx.Response(200, json=body)
    path = to_consent(browser, country, name)
    answer = browser.post(path, data=form(browser.get(path)) | {"decision": "show"})
    assert answer.status_code == 400


def test_what_a_platform_calls_itself_is_escaped(browser: Visitor, country: Country) -> None:
    said = country.ask(A, DECLARED[0])
    country.broken["/api/challenges"] = httpx.Response(200, json=said | {"platform": "<script>alert(1)</script>"})
    location = browser.get("/show", params={"request_uri": f"{A}/api/challenges/{said['id']}"}).headers["location"]
    assert "<script>alert" not in browser.get(location).text


def test_the_cookie_is_out_of_reach_of_scripts(browser: Visitor, country: Country) -> None:
    id_ = country.ask(A, ISSUED[0])["id"]
    answer = browser.get("/show", params={"request_uri": f"{A}/api/challenges/{id_}"})
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "samesite=lax" in answer.headers["set-cookie"].lower()


def test_memory_is_bounded(browser: Visitor, country: Country, clock: Clock) -> None:
    sessions = Sessions(SCHEMES, clock=clock)
    for _ in range(MOST_SESSIONS + 10):
        session = sessions.new()
    assert len(sessions) == MOST_SESSIONS
    first = start(browser, country, DECLARED[0])
    for _ in range(MOST_PENDING):
        start(browser, country, DECLARED[0])
    assert browser.get(first).status_code == 410
    assert sessions.find(session.id) is session
    clock.now += timedelta(hours=1)
    assert sessions.find(session.id) is None


@pytest.mark.parametrize("name", list(SCHEMES))
def test_a_machine_signs_a_person_up_in_one_request(name: str, browser: Visitor, country: Country) -> None:
    owner = country.person(ADULT)
    sent = {"id_number": owner.id_number, "pin": owner.pin, "platform": A, "scheme": name, "handle": "linh"}
    answer = browser.post_json("/api/sign-up", sent | {"birth_date": "1990-05-17"})
    assert answer.status_code == 201
    assert answer.json()["account"] == {"platform": A, "id": "id-linh", "handle": "linh"}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"platform": "http://evil.test"}, 403, "not_allowed"),
        ({"scheme": "nonsense"}, 404, "not_found"),
        ({"pin": "999999"}, 401, "wrong_login"),
        ({"handle": "x" * 65}, 400, "bad_message"),
        ({"birth_date": "soon"}, 422, "cannot_answer"),
    ],
)
def test_a_machine_hears_why_not(
    change: dict[str, str], status: int, code: str, browser: Visitor, country: Country
) -> None:
    owner = country.person(ADULT)
    sent = {"id_number": owner.id_number, "pin": owner.pin, "platform": A, "scheme": ISSUED[0], "handle": "linh"}
    answer = browser.post_json("/api/sign-up", sent | change)
    assert (answer.status_code, answer.json()["error"]) == (status, code)


def test_it_says_that_it_is_well(browser: Visitor) -> None:
    assert browser.get("/health").json() == {"status": "ok", "party": "wallet"}
