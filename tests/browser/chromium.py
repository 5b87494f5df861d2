"""The system's Chromium for the browser tests and the pictures in docs/."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
LONGEST = 120_000.0
"""Milliseconds that a service may take to answer on a busy machine."""
Theme = Literal["light", "dark"]


AXE = """axe.run(document, {resultTypes: ["violations"]})
  .then(told => told.violations.map(each => [each.id, each.nodes.map(node => node.html)]))"""
"""What all rules find. The nodes that pass are not told: of a large page they are thousands."""


def barriers(page: Page) -> list[tuple[str, list[str]]]:
    """Every rule of axe that the page breaks, with the elements that do."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    return [(rule, elements) for rule, elements in page.evaluate(AXE)]


def chromium() -> str | None:
    """The path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium; raises where there is none."""
    path = chromium()
    if path is None:
        raise RuntimeError("no chromium found; Debian and Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield running
        finally:
            running.close()
