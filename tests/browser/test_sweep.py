"""The page and the picture of a sweep in a real browser: no barrier, nothing loaded from elsewhere, narrow too."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from idverify.comparison.sweep_page import render
from idverify.comparison.sweep_picture import picture
from tests.browser.chromium import Theme, barriers, chromium
from tests.comparison.sweep_example import make_sweep

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no chromium found"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
THEMES: tuple[Theme, ...] = ("light", "dark")


def test_a_sweep_can_be_read_by_everybody(running: Browser, tmp_path: Path) -> None:
    page_file, picture_file = tmp_path / "sweep.html", tmp_path / "picture.svg"
    page_file.write_text(render(make_sweep()), encoding="utf-8")
    picture_file.write_text(picture(make_sweep()), encoding="utf-8")
    for theme in THEMES:
        with running.new_context(color_scheme=theme, viewport={"width": 320, "height": 700}) as context:
            look_at(context.new_page(), page_file.as_uri(), picture_file.as_uri())


def look_at(page: Page, sweep: str, picture: str) -> None:
    """The page on a telephone and on a wide screen, then the picture."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(sweep)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(CUT_OFF) == []
    assert barriers(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.goto(picture)
    assert page.evaluate(CUT_OFF) == []
    assert asked == [sweep, picture]


CUT_OFF = """() => [...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()])
    .filter(([_, r]) => r.left < box.left - 1 || r.right > box.right + 1 || r.bottom > box.bottom + 1).map(([t]) => t);
})"""
"""The labels that reach beyond their picture."""
