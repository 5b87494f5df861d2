"""The report in a real browser: no barrier, nothing loaded from elsewhere, no scrolling sideways."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from idverify.comparison.report import render
from tests.browser.chromium import Theme, browser, chromium
from tests.comparison.example import make_run

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no chromium found"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def report(tmp_path: Path) -> str:
    path = tmp_path / "report.html"
    path.write_text(render(make_run()), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_barrier_in_the_report(report: str, theme: Theme) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    with browser() as running, running.new_context(color_scheme=theme) as context:
        page = context.new_page()
        page.goto(report)
        page.evaluate(axe)
        assert [(v["id"], v["nodes"][0]["html"]) for v in page.evaluate("axe.run()")["violations"]] == []


def test_the_report_loads_nothing_and_fits_a_telephone(report: str) -> None:
    with browser() as running, running.new_context(viewport={"width": 320, "height": 700}) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report)
        assert asked == [report]
        assert page.evaluate("document.scripts.length") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
