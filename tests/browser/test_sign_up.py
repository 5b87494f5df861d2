"""The whole sign-up in a real browser, over real services, for every scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from playwright.sync_api import Browser, Page

from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.world import World
from tests.browser import journeys
from tests.browser.chromium import LONGEST, Theme, barriers, chromium
from tests.keys import lend
from tests.kinds import one_of_each_kind

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no chromium found"),
    # Playwright's own event loop leaves its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
ADULT_AGE = 16


@pytest.fixture(scope="module")
def world(forked_parties: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(lend(tmp_path_factory.mktemp("world")), replace(Settings(), citizens=400)) as running:
        yield running


@pytest.fixture
def page(running: Browser) -> Iterator[Page]:
    context = running.new_context(viewport={"width": 1000, "height": 800})
    context.set_default_timeout(LONGEST)
    faults: list[str] = []
    opened = context.new_page()
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    context.close()
    # A refusal is a page with a 4xx status, which Chromium lists too.
    assert [fault for fault in faults if "the server responded with a status of 4" not in fault] == []


def people(world: World) -> list[dict[str, object]]:
    """The invented people whom the identity provider lists on its page."""
    found: list[dict[str, object]] = httpx.get(f"{world.urls['identity_provider']}/api/demo/people", timeout=60).json()[
        "people"
    ]
    return found


def prove(world: World, page: Page, scheme: str, person: dict[str, object], *, born: str = "1990-01-01") -> None:
    """Go from the platform's sign-up page through wallet and identity provider to what comes of it."""
    journeys.choose(page, world.urls["platform_a"], scheme)
    if SCHEMES[scheme].info.issued == "by_holder":
        journeys.state_birth_date(page, born)
    else:
        journeys.sign_in(page, id_number=str(person["id_number"]), pin=str(person["pin"]))
    if page.locator("form:has(input[value=show])").count():  # else the wallet knows by itself that it cannot prove it
        journeys.agree(page)


@pytest.mark.parametrize("scheme", one_of_each_kind())
def test_a_person_signs_up_and_posts(world: World, page: Page, scheme: str) -> None:
    adult = next(p for p in people(world) if p["e_id"] and int(str(p["age"])) >= ADULT_AGE)
    prove(world, page, scheme, adult)
    handle = f"villager_{scheme}"
    journeys.open_account(page, handle)
    assert page.get_by_role("heading", level=1).inner_text() == f"Welcome, @{handle}"
    page.goto(world.urls["platform_a"])
    page.fill("textarea[name=text]", "Is the ferry running?")
    journeys.press(page, "form:has(textarea[name=text]) button >> nth=0")
    page.goto(world.urls["platform_a"])
    assert page.get_by_text("Is the ferry running?").count() >= 1
    assert page.get_by_text(f"@{handle}").count() >= 1


@pytest.mark.parametrize("scheme", [name for name in one_of_each_kind() if SCHEMES[name].info.signed])
def test_a_child_does_not_get_in(world: World, page: Page, scheme: str) -> None:
    child = next(p for p in people(world) if p["e_id"] and int(str(p["age"])) < ADULT_AGE)
    prove(world, page, scheme, child)
    assert "not old enough" in page.get_by_role("heading", level=1).inner_text()


def test_somebody_without_an_e_id_is_told_why(world: World, page: Page) -> None:
    scheme = next(name for name, scheme in SCHEMES.items() if scheme.info.issued != "by_holder")
    left_out = next(p for p in people(world) if not p["e_id"])
    journeys.choose(page, world.urls["platform_a"], scheme)
    journeys.sign_in(page, id_number=str(left_out["id_number"]), pin=str(left_out["pin"]))
    assert re.search("no e-ID account", page.locator("main").inner_text())


def test_whoever_declines_shows_nothing(world: World, page: Page) -> None:
    scheme = next(name for name, scheme in SCHEMES.items() if scheme.info.issued == "ahead")
    adult = next(p for p in people(world) if p["e_id"] and int(str(p["age"])) >= ADULT_AGE)
    journeys.choose(page, world.urls["platform_b"], scheme)
    journeys.sign_in(page, id_number=str(adult["id_number"]), pin=str(adult["pin"]))
    journeys.press(page, "form:has(input[value=cancel]) button")
    assert page.get_by_role("heading", level=1).inner_text() == "Nothing was shown"


@pytest.mark.parametrize("width", [320, 1200])
def test_no_page_scrolls_sideways(world: World, running: Browser, width: int) -> None:
    with running.new_context(viewport={"width": width, "height": 800}) as context:
        context.set_default_timeout(LONGEST)
        opened = context.new_page()
        places = {
            "platform_a": ("/", "/sign-up", "/groups", "/log-in"),
            "identity_provider": ("/", "/lost-phone"),
            "wallet": ("/",),
        }
        for party, paths in places.items():
            for path in paths:
                assert opened.goto(world.urls[party] + path)
                assert opened.evaluate("document.documentElement.scrollWidth") <= width, (party, path)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_barrier_on_any_page_of_a_sign_up(world: World, running: Browser, theme: Theme) -> None:
    scheme = next(name for name, scheme in SCHEMES.items() if scheme.info.issued == "ahead")
    adult = next(p for p in people(world) if p["e_id"] and int(str(p["age"])) >= ADULT_AGE)
    platform, seen = world.urls["platform_b"], 0
    found: list[tuple[str, str, list[str]]] = []
    with running.new_context(color_scheme=theme) as context:
        context.set_default_timeout(LONGEST)
        page = context.new_page()

        def look(name: str) -> None:
            nonlocal seen
            seen += 1
            found.extend((name, *fault) for fault in barriers(page))

        for url in (platform, f"{platform}/groups", f"{platform}/log-in", f"{platform}/nowhere", world.urls["wallet"]):
            page.goto(url)
            look(url)
        page.goto(world.urls["identity_provider"])
        look("identity provider")
        journeys.choose(page, platform, scheme, look=look)
        journeys.sign_in(page, id_number=str(adult["id_number"]), pin=str(adult["pin"]), look=look)
        journeys.agree(page, look=look)
        journeys.open_account(page, f"axe_{theme}", look=look)
        told = str(adult["id_number"]), str(adult["pin"])
        journeys.lose_phone(page, world.urls["identity_provider"], id_number=told[0], pin=told[1], look=look)
    assert found == []
    assert seen == 14


def test_what_was_on_a_lost_phone_is_revoked(world: World, page: Page) -> None:
    scheme = next(name for name, scheme in SCHEMES.items() if scheme.info.status and scheme.info.batch == 1)
    adult = [p for p in people(world) if p["e_id"] and int(str(p["age"])) >= ADULT_AGE][-1]
    prove(world, page, scheme, adult)
    told = str(adult["id_number"]), str(adult["pin"])
    journeys.lose_phone(page, world.urls["identity_provider"], id_number=told[0], pin=told[1])
    assert re.search(r"\d+ credentials? (is|are) revoked", page.get_by_role("status").inner_text())
