"""Pages, as a browser without JavaScript sees them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from httpx import ASGITransport, AsyncClient, Cookies, Response

from idverify.scheme import Challenge, Issuer, Person
from idverify.schemes import SCHEMES
from idverify.social_platform.sign_up_pages import OUTCOMES
from tests.social_platform.village import LINH, MINH, ORIGIN, SETTINGS, Asked, Village, running

ALL = pytest.mark.parametrize("scheme", list(SCHEMES))
ANY = next(iter(SCHEMES))


class Browser:
    """One browser: keeps cookies, sends forms from the pages it has read."""

    def __init__(self, village: Village) -> None:
        self.village = village
        self.cookies = Cookies()

    def get(self, url: str) -> Response:
        return self._send("GET", url)

    def post(self, url: str, *, origin_page: str = "/", **fields: str) -> Response:
        """Send a form with the token that `origin_page` holds."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(origin_page).text)
        return self.post_raw(url, csrf=found[1] if found else "", **fields)

    def post_raw(self, url: str, **fields: str) -> Response:
        return self._send("POST", url, fields)

    def start(self, scheme: str, **fields: str) -> Asked:
        """Choose a way to prove it; what the wallet is then sent to."""
        sent = self.post("/sign-up", origin_page="/sign-up", scheme=scheme, **fields)
        assert sent.status_code == 303, sent.text
        place = sent.headers["location"]
        assert place.startswith(f"{SETTINGS.wallet}/show?request_uri=")
        id_ = unquote(place.partition("=")[2]).rsplit("/", 1)[1]
        said = self.village.ask("GET", f"/api/challenges/{id_}").json()
        assert "binding" not in said
        return Asked(id_, "", Challenge.from_json(said["challenge"], now=self.village.clock()))

    def prove(self, scheme: str, person: Person, **fields: str) -> str:
        """Where the wallet sends the browser after an accepted presentation."""
        asked = self.start(scheme, **fields)
        answer = self.village.deliver(asked, self.village.presentation(scheme, person, asked))
        return str(answer.json()["continue_at"]).removeprefix(ORIGIN)

    def sign_up(self, scheme: str, person: Person, *, handle: str, **fields: str) -> Response:
        place = self.prove(scheme, person)
        id_, code = re.findall(r"id=([^&]+)&code=(.+)", place)[0]
        return self.post("/sign-up/finish", origin_page=place, id=id_, code=code, handle=handle, **fields)

    def _send(self, method: str, url: str, fields: dict[str, str] | None = None) -> Response:
        async def go() -> Response:
            transport = ASGITransport(self.village.app, raise_app_exceptions=False)
            async with AsyncClient(transport=transport, base_url=ORIGIN, cookies=self.cookies) as client:
                answer = await client.request(method, url, data=fields, headers={"Accept": "text/html"})
                self.cookies = client.cookies
                return answer

        return asyncio.run(go())


@pytest.fixture
def browser(village: Village) -> Browser:
    return Browser(village)


@pytest.fixture
def decree(tmp_path: Path, issuers: dict[str, list[Issuer]]) -> Iterator[Village]:
    with running(tmp_path, issuers, mandate="decree_147") as village:
        yield village


@ALL
def test_a_person_signs_up_and_posts_in_a_browser(browser: Browser, scheme: str) -> None:
    done = browser.sign_up(scheme, LINH, handle="linh")
    assert done.status_code == 303
    assert done.headers["location"] == "/me?welcome=1"
    me = browser.get("/me?welcome=1").text
    assert "16 or older" in me
    assert browser.post("/posts", text="Chào cả làng").status_code == 303
    assert "Chào cả làng" in browser.get("/").text


@ALL
def test_another_browser_cannot_finish_what_one_began(village: Village, scheme: str) -> None:
    victim, thief = Browser(village), Browser(village)
    place = victim.prove(scheme, LINH)
    id_, code = re.findall(r"id=([^&]+)&code=(.+)", place)[0]
    assert thief.get(place).status_code == 403
    thief.start(scheme)
    refused = thief.post("/sign-up/finish", origin_page="/sign-up", id=id_, code=code, handle="thief")
    assert refused.status_code == 403
    assert "Not proven" in refused.text
    assert victim.get(place).status_code == 200


def test_a_form_from_elsewhere_is_refused(village: Village) -> None:
    browser, other = Browser(village), Browser(village)
    browser.sign_up(ANY, LINH, handle="linh")
    other.sign_up(ANY, MINH, handle="minh")
    stolen = re.search(r'name="csrf" value="([^"]+)"', other.get("/").text)
    assert stolen
    for token in ("", "x", stolen[1]):
        for url in ("/posts", "/log-out", "/me/delete", "/me", "/sign-up", "/groups/everyone/members"):
            refused = browser.post_raw(url, csrf=token, text="forged", handle="linh", scheme=ANY)
            assert refused.status_code == 403, url
    assert "forged" not in browser.get("/").text
    assert browser.get("/me").status_code == 200


def test_what_people_write_is_text_and_never_markup(browser: Browser) -> None:
    browser.sign_up(ANY, LINH, handle="linh")
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg onload=alert(1)>"
    assert browser.post("/posts", text=evil).status_code == 303
    id_ = browser.village.ask("GET", "/api/feed").json()["posts"][0]["id"]
    assert browser.post(f"/posts/{id_}/comments", text=evil).status_code == 303
    assert browser.post("/me", origin_page="/me", bio=evil).status_code == 303
    for url in ("/", f"/posts/{id_}", "/me"):
        page = browser.get(url).text
        assert "<script" not in page
        assert "<img" not in page
        assert "<svg onload" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "url", ["/", "/?before=%3Cscript%3E", "/sign-up?group=%3Cscript%3E", "/sign-up/outcome/%3Cb%3E"]
)
def test_nothing_of_an_address_is_reflected(browser: Browser, url: str) -> None:
    page = browser.get(url).text
    assert "<script" not in page
    assert "<b>" not in page


def test_pages_forbid_scripts_and_frames_and_cookies_are_out_of_reach(browser: Browser) -> None:
    answer = browser.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    done = browser.sign_up(ANY, LINH, handle="linh")
    for line in [*answer.headers.get_list("set-cookie"), *done.headers.get_list("set-cookie")]:
        assert "httponly" in line.lower()
        assert "samesite=lax" in line.lower()


def test_over_tls_cookies_are_bound_to_the_host(tmp_path: Path, issuers: dict[str, list[Issuer]]) -> None:
    secure = replace(SETTINGS, public_url="https://banyan.example")
    with running(tmp_path, issuers, settings=secure) as village:
        line = Browser(village).get("/").headers["set-cookie"]
    assert line.startswith("__Host-")
    assert "Secure" in line


def test_signing_in_gives_a_new_session_and_logging_out_ends_it(browser: Browser) -> None:
    browser.sign_up(ANY, LINH, handle="linh", password="correct horse")
    first = {c.value for c in browser.cookies.jar if c.name.endswith("_session")}
    old = Cookies(browser.cookies)
    assert browser.post("/log-out").status_code == 303
    assert browser.get("/me").status_code == 401
    again = browser.post("/log-in", origin_page="/log-in", handle="linh", password="correct horse")
    assert again.status_code == 303
    assert browser.get("/me").status_code == 200
    assert first.isdisjoint({c.value for c in browser.cookies.jar if c.name.endswith("_session")})
    browser.cookies = old
    assert browser.get("/me").status_code == 401


def test_a_wrong_password_is_said_on_the_form(browser: Browser) -> None:
    wrong = browser.post("/log-in", origin_page="/log-in", handle="linh", password="wrong")
    assert wrong.status_code == 401
    assert "no account has this handle" in wrong.text.lower()


@pytest.mark.parametrize("code", list(OUTCOMES))
def test_each_refusal_has_a_page_that_says_what_is_still_allowed(browser: Browser, code: str) -> None:
    answer = browser.get(f"/sign-up/outcome/{code}")
    assert answer.status_code == OUTCOMES[code].status
    assert "Still allowed" in answer.text
    assert "Read, without signing in" in answer.text
    assert code in answer.text


def test_the_page_of_a_blocked_minor_offers_the_guardian_and_names_no_age(browser: Browser) -> None:
    page = browser.get("/sign-up/outcome/too_young").text
    assert "guardian" in page.lower()
    assert not re.search(r"\b1[0-9] years", page)


def test_the_composer_is_closed_to_the_unverified_with_the_reason(decree: Village) -> None:
    browser = Browser(decree)
    assert browser.post("/accounts", origin_page="/sign-up", handle="quiet").status_code == 303
    page = browser.get("/").text
    assert '<fieldset class="composer" disabled' in page
    assert "Posting needs a verified account" in page


def test_the_sign_up_page_says_beforehand_who_learns_what(browser: Browser) -> None:
    page = browser.get("/sign-up").text.replace("&#39;", "'")
    for scheme in SCHEMES.values():
        assert scheme.info.title in page
        for sentence in (*scheme.info.learns.values(), scheme.info.limits):
            assert sentence in page


def test_an_age_is_proven_for_a_group_in_a_browser(browser: Browser) -> None:
    browser.sign_up(ANY, LINH, handle="linh")
    assert "Prove you are 18" in browser.get("/groups").text
    place = browser.prove(ANY, LINH, group="over_18")
    id_, code = re.findall(r"id=([^&]+)&code=(.+)", place)[0]
    assert browser.post("/sign-up/finish", origin_page=place, id=id_, code=code).status_code == 303
    assert browser.post("/groups/over_18/members", origin_page="/groups").status_code == 303
    assert "Over 18" in browser.get("/groups/over_18").text


def test_a_guardian_registers_a_child_in_a_browser(browser: Browser) -> None:
    place = browser.prove(ANY, LINH, ward="1")
    id_, code = re.findall(r"id=([^&]+)&code=(.+)", place)[0]
    done = browser.post("/sign-up/finish", origin_page=place, id=id_, code=code, handle="little_an")
    assert done.status_code == 303
    assert "A guardian has registered" in browser.get("/me").text


def test_a_handle_that_is_taken_can_be_changed_on_the_form(village: Village) -> None:
    village.sign_up(ANY, MINH, handle="linh")
    browser = Browser(village)
    place = browser.prove(ANY, LINH)
    id_, code = re.findall(r"id=([^&]+)&code=(.+)", place)[0]
    taken = browser.post("/sign-up/finish", origin_page=place, id=id_, code=code, handle="linh")
    assert taken.status_code == 409
    assert "is taken" in taken.text
    assert browser.post("/sign-up/finish", origin_page=place, id=id_, code=code, handle="linh_2").status_code == 303


def test_an_account_is_deleted_only_by_typing_its_handle(browser: Browser) -> None:
    browser.sign_up(ANY, LINH, handle="linh")
    assert browser.post("/me/delete", origin_page="/me", handle="other").status_code == 404
    done = browser.post("/me/delete", origin_page="/me", handle="linh")
    assert done.status_code == 200
    assert "is deleted" in done.text
    assert browser.get("/me").status_code == 401


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&a=2", b"&".join(b"f%d=1" % n for n in range(50)), b"a=%ff"])
def test_a_form_that_cannot_be_read_is_refused(village: Village, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    assert village.ask("POST", "/posts", content=body, headers=headers).status_code in (400, 403)
    assert village.ask("POST", "/posts", json={"text": "x"}).status_code == 400


class _Labels(HTMLParser):
    """Collects what a page's fields and labels are called."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[str] = []
        self.labels: set[str] = set()
        self.headings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "label":
            self.labels.add(known.get("for") or "")
        elif tag == "h1":
            self.headings += 1
        elif tag in ("input", "textarea") and known.get("type") != "hidden" and "aria-label" not in known:
            self.fields.append(known.get("id") or "?")


def test_every_field_has_a_label_and_every_page_a_heading(browser: Browser) -> None:
    urls = ["/", "/sign-up", "/log-in", "/groups", "/sign-up/outcome/expired", "/me", "/groups/everyone"]
    browser.sign_up(ANY, LINH, handle="linh")
    for visitor in (browser, Browser(browser.village)):
        for url in urls:
            seen = _Labels()
            seen.feed(visitor.get(url).text)
            assert seen.headings == 1, url
            assert set(seen.fields) <= seen.labels, url
