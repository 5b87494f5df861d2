"""The report: one file that says the main thing first, and says what it does not show."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest
from msgspec import structs

from idverify.comparison import charts
from idverify.comparison.matrix import Cell, cell
from idverify.comparison.model import Run, Searched
from idverify.comparison.report import GLOSSARY, MOST_BYTES, NOT_SHOWN, render
from idverify.comparison.sentences import beyond, children, listed, together, warned


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "path", "rect", "circle"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Elements()
    parser.feed(page)
    assert parser.open == []
    return parser.tags


def test_it_is_one_file_without_script_or_request(example_run: Run) -> None:
    page = render(example_run)
    assert len(page.encode()) <= MOST_BYTES
    for tag, attributes in elements(page):
        assert tag not in {"script", "link", "iframe", "img", "object", "base"}
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcset"}]
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(http" not in page
    assert "@import" not in page


def test_with_every_scheme_it_stays_small_and_its_first_sentence_short(large_run: Run) -> None:
    page = render(large_run)
    assert len(page.encode()) <= MOST_BYTES
    elements(page)
    assert len(together(large_run)) < 300
    assert "every account (true shares ≥ 98.8 %) with 14 of 22 schemes" in together(large_run)
    assert len(children(large_run)) < 300
    assert all(r.title in page for r in large_run.schemes.values())


def test_schemes_of_one_kind_stand_together_and_what_is_missing_is_told(large_run: Run) -> None:
    page = render(large_run)
    kinds = list(dict.fromkeys(r.family for r in large_run.schemes.values()))
    places = [page.index(f'rowgroup" colspan="14">{kind[0].upper()}{kind[1:]}<') for kind in kinds]
    assert places == sorted(places)
    assert "pylongfellow is not installed" in page
    assert "a platform accepts each credential once" in page


def test_what_several_schemes_share_is_warned_of_once(large_run: Run) -> None:
    assert warned(large_run) == [
        "7 of 22 schemes, at worst: the load generator was busy for 83% of its time (limit 80%): do not trust the"
        " latencies"
    ]


def test_the_methods_of_reuse_stand_side_by_side(large_run: Run) -> None:
    page = render(large_run).replace("\u00a0", " ")
    part = page[page.index('id="reuse"') : page.index('id="scatter"')]
    assert "81 of 111 (95 %: 63.7–81.0 %)" in part
    assert all(f"({method})" in part for method in "ABCD")


def test_the_first_sentence_says_who_is_identified(example_run: Run) -> None:
    text = together(example_run)
    assert text.startswith(
        "If the identity provider and the platform put their logs together, they identify 312 of 312"
    )
    assert "none of 305 accounts (true share ≤ 1.2 %) with Privacy Pass" in text
    assert "with Self-declared age the identity provider has nothing to put in" in text
    assert text.replace(" %", "\u00a0%").replace("≤ ", "≤\u00a0") in render(example_run)


def test_minors_are_told_with_exact_denominators(example_run: Run) -> None:
    assert "40 of 47 with Self-declared age" in children(example_run)
    assert "none of 47" in children(example_run)


def test_every_chart_has_a_title_a_description_and_a_table(example_run: Run) -> None:
    page = render(example_run)
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 3
    for drawing in drawings:
        assert re.search(r"<title id=.+?>.+?</title><desc id=.+?>.+?</desc>", drawing)
    assert page.count("<summary>View as table</summary>") >= 2
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) - len(set(ids)) == ids.count("hatch-1") + ids.count("hatch-2") - 2


def test_it_says_what_it_does_not_show_and_what_its_words_mean(example_run: Run) -> None:
    page = render(example_run)
    page = page.replace("\u00a0", " ")
    assert all(text in page for text in NOT_SHOWN)
    assert all(word in page for word, _ in GLOSSARY)
    assert "(uncertain)" in page
    assert "MEASURED" in page
    assert "idverify compare --seed 7" in page


def test_warnings_and_failures_stand_before_the_figures(example_run: Run) -> None:
    run = msgspec.structs.replace(example_run, failed={"broken": "platform_a does not answer"}, status="partial")
    page = render(run)
    assert page.index("platform_a does not answer") < page.index("Side by side")
    assert page.index("do not trust the latencies") < page.index("Side by side")
    assert page.index("stopped before its end") < page.index("Side by side")


def test_a_run_without_results_is_still_a_report(example_run: Run) -> None:
    page = render(msgspec.structs.replace(example_run, schemes={}, status="partial"))
    assert "Nothing was measured" in page
    elements(page)


def test_what_comes_from_outside_is_escaped(example_run: Run) -> None:
    page = render(msgspec.structs.replace(example_run, command="idverify <script>alert(1)</script>"))
    assert "<script>" not in page


def test_there_is_no_verdict_in_colour_or_words(example_run: Run) -> None:
    page = render(example_run).lower()
    assert not re.search(r"\b(score|grade|winner|recommended|best scheme)\b", page)
    assert not re.search(r"#(ff0000|f00|00ff00|0f0|008000)\b|: ?(red|green)\b", page)


def test_a_private_schemes_price_stands_beside_its_gain(example_run: Run) -> None:
    page = render(example_run)
    part = page[page.rindex("<h3>Privacy Pass</h3>", 0, page.index('id="scatter"')) :]
    part = part[: part.index("</div></div>")]
    assert "link none of 305 accounts" in part
    assert "one account per person" in part
    assert "each credential works once" in part


@pytest.mark.parametrize(
    ("highest", "expected"),
    [(10, [0, 2, 4, 6, 8, 10]), (0, [0, 1]), (0.7, [0, 0.2, 0.4, 0.6, 0.8]), (7, [0, 2, 4, 6, 8])],
)
def test_ticks_are_round_and_reach_the_highest(highest: float, expected: list[float]) -> None:
    assert charts.ticks(highest) == pytest.approx(expected)


def test_figures_have_three_digits() -> None:
    numbers = (None, 0, 0.01234, 1.4, 23.45, 6320.4)
    assert [charts.figure(n) for n in numbers] == ["–", "0", "0.0123", "1.40", "23.4", "6,320"]


def test_lists_of_items_with_commas_use_semicolons() -> None:
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a, b", "c"]) == "a, b; and c"


def test_the_matrix_of_coalitions_says_share_interval_n_and_attacker(example_run: Run) -> None:
    page = render(example_run).replace("\u00a0", " ")
    part = page[page.index('id="coalitions"') : page.index('id="matrix"')]
    assert page.index("put their logs together") < page.index('id="coalitions"')
    for text in ("301 of 312", "93.8–98.2 %", "address, device", "policy, N 343", "messages alone ≤ 1.2 %", "N 101 M"):
        assert text in part
    assert "nothing to put in" in part
    assert "Trained on 104 accounts of seed 1007" in part
    assert "deletes all that the mandate does not tell it to keep" in part
    figures = page[page.index("The strongest attacks in figures") : page.index("Equal values alone")]
    assert "adversary miscalibrated, value withheld" in figures
    assert "3 damaged" in figures
    assert "no account is in these ledgers" in figures


def test_what_was_not_detected_is_never_a_bare_zero(example_run: Run) -> None:
    hidden = example_run.schemes["privacy_pass"].coalitions["platform_a+platform_a"]
    assert cell(hidden) == Cell("not detected", ("≤ 1.2 %", "N 343"))
    assert cell(None) == Cell("–")
    few = msgspec.structs.replace(hidden, arrived=None, targets=7, silent="too little data: 7 accounts")
    assert cell(few) == Cell("too little data", ("7 accounts",))
    page = render(example_run)
    assert not re.search(r"[^\d,]0 of ", page[page.index('id="coalitions"') : page.index('id="matrix"')])


def test_times_and_addresses_have_a_sentence_of_their_own(example_run: Run, large_run: Run) -> None:
    assert "301 of 312 accounts (95 %: 93.8–98.2 %) with Privacy Pass" in beyond(example_run)
    assert "nobody more often than by chance (≤ 1.2 %) with Self-declared age and Privacy Pass" in beyond(example_run)
    assert len(beyond(large_run)) < 300


def test_numbers_that_were_not_tried_are_told_where_a_hash_could_hide_one(example_run: Run) -> None:
    private = example_run.schemes["privacy_pass"]
    alone = private.coalitions["platform_a"]
    assert "tried" not in beyond(example_run)
    searched = structs.replace(alone, searched=Searched(tried=1_000_000, possible=4_000_000_000, seconds=1980.0))
    changed = structs.replace(private, coalitions=private.coalitions | {"platform_a": searched})
    run = structs.replace(example_run, schemes=example_run.schemes | {"privacy_pass": changed})
    assert "it tried 0.025 %; all of them would take about 33 minutes here (EXTRAPOLATED)" in beyond(run)
    assert "0.025 % of ID numbers tried" in cell(searched).lines
    assert "0.025\u00a0% of ID numbers tried" in render(run)


def test_a_run_from_before_the_coalitions_is_still_a_report(example_run: Run) -> None:
    old = {n: msgspec.structs.replace(s, coalitions={}, shadow=None) for n, s in example_run.schemes.items()}
    page = render(msgspec.structs.replace(example_run, schemes=old))
    assert "Who finds out whom" not in page
    elements(page)
