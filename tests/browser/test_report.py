"""The report in a real browser: no barrier, nothing loaded from elsewhere, no scrolling sideways."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from idverify.comparison.model import Run
from idverify.comparison.report import render
from tests.browser.chromium import Theme, barriers, chromium
from tests.comparison.example import make_large_run, make_run
from tests.comparison.outcomes_example import over_seeds

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no chromium found"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def make_run_over_seeds() -> Run:
    """Four schemes with outcomes and differences."""
    return over_seeds(make_run())


@pytest.fixture(params=[make_run_over_seeds, make_large_run], ids=["four schemes", "every scheme"])
def report(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    path = tmp_path / "report.html"
    path.write_text(render(request.param()), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_barrier_in_the_report(running: Browser, report: str, theme: Theme) -> None:
    with running.new_context(color_scheme=theme) as context:
        page = context.new_page()
        page.goto(report)
        assert barriers(page) == []


def test_the_report_loads_nothing_and_fits_a_telephone(running: Browser, report: str) -> None:
    with running.new_context(viewport={"width": 320, "height": 700}) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report)
        assert asked == [report]
        assert page.evaluate("document.scripts.length") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("width", [1280, 1000])
def test_the_first_column_stays_in_sight_and_the_page_does_not_scroll_sideways(
    running: Browser, width: int, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(make_large_run()), encoding="utf-8")
    with running.new_context(viewport={"width": width, "height": 700}) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        moved = page.evaluate(
            "() => { const box = document.querySelector('.wide-table'); box.scrollLeft = 9999;"
            " return document.querySelector('.matrix tbody tr:nth-child(2) .first').getBoundingClientRect().left"
            " - box.getBoundingClientRect().left }"
        )
        assert abs(moved) < 1


def test_no_label_of_the_scatter_covers_another(running: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(make_large_run()), encoding="utf-8")
    with running.new_context(viewport={"width": 1280, "height": 700}) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        boxes = page.evaluate(
            "[...document.querySelector('h2#scatter ~ figure svg').querySelectorAll('text.name')]"
            ".map(t => { const b = t.getBoundingClientRect(); return [b.left, b.right, b.top + 3, b.bottom - 3] })"
        )
    assert len(boxes) > 16
    for n, one in enumerate(boxes):
        for other in boxes[:n]:
            assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
