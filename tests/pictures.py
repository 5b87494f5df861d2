"""Make the pictures in docs/ from the real thing: the newest report, and a sign-up by hand.

make compare && make pictures
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from playwright.sync_api import Browser

from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.world import World
from tests.browser import journeys
from tests.browser.chromium import browser

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"


def report(running: Browser) -> None:
    """The top of the newest report."""
    page = running.new_page(viewport={"width": 1200, "height": 1240})
    page.goto((ROOT / "runs" / "latest" / "report.html").resolve().as_uri())
    page.screenshot(path=PICTURES / "report.png")


def sign_up(running: Browser) -> None:
    """A sign-up with the first scheme that an issuer signs ahead of time."""
    scheme = next(name for name, scheme in SCHEMES.items() if scheme.info.issued == "ahead")
    with TemporaryDirectory() as folder, World(Path(folder), replace(Settings(), citizens=400)) as world:
        people = httpx.get(f"{world.urls['identity_provider']}/api/demo/people").json()["people"]
        person = next(p for p in people if p["e_id"] and p["age"] >= 18)
        page = running.new_page(viewport={"width": 1000, "height": 900})

        def look(name: str) -> None:
            page.screenshot(path=PICTURES / f"{name}.png")

        journeys.choose(page, world.urls["platform_a"], scheme, look=look)
        journeys.sign_in(page, id_number=person["id_number"], pin=person["pin"], look=look)
        journeys.agree(page, look=look)
        journeys.open_account(page, "villager")
        page.goto(world.urls["platform_a"])
        page.fill("textarea[name=text]", "The market opens at six tomorrow. Who brings mangoes?")
        page.locator("form:has(textarea[name=text]) button").first.click()
        page.goto(world.urls["platform_a"])
        look("feed")


def main() -> int:
    PICTURES.mkdir(parents=True, exist_ok=True)
    if not (ROOT / "runs" / "latest" / "report.html").exists():
        print("no run yet; do this: make compare", file=sys.stderr)
        return 2
    with browser() as running:
        report(running)
        sign_up(running)
    print(f"pictures are in {PICTURES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
