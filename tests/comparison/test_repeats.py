"""Which seeds are meant, and how outcomes and differences are told."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest

from idverify.comparison.folders import write_run
from idverify.comparison.model import Run
from idverify.comparison.outcome_words import against, difference_cell, key_differences, one_in, share_cell, signed
from idverify.comparison.repeats import rotated, seeds_in
from idverify.comparison.report import MOST_BYTES, render
from idverify.errors import BadUsage
from idverify.outcomes.shares import rate
from tests.comparison.outcomes_example import over_seeds


def test_seeds_are_a_number_of_them_or_a_list() -> None:
    assert seeds_in("3", first=7, given=None) == (7, 8, 9)
    assert seeds_in("5, 1,2", first=7, given=None) == (5, 1, 2)
    assert seeds_in("1", first=4, given=4) == (4,)


@pytest.mark.parametrize(
    ("text", "given", "says"),
    [
        ("0", None, "where 1 to 100 are possible"),
        ("1000", None, "where 1 to 100 are possible"),
        ("some", None, "neither a number nor a list"),
        ("1,,2", None, "neither a number nor a list"),
        ("-3", None, "neither a number nor a list"),
        ("1,2,1", None, "names a seed twice"),
        ("1,2", 7, "contradict each other"),
        (",".join(map(str, range(101))), None, "where 100 are possible"),
    ],
)
def test_wrong_seeds_are_told_what_is_wrong(text: str, given: int | None, says: str) -> None:
    with pytest.raises(BadUsage, match=says):
        seeds_in(text, first=7, given=given)


def test_another_scheme_is_first_under_each_seed() -> None:
    assert [rotated("abc", place) for place in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_shares_and_differences_never_round_to_certainty() -> None:
    assert (one_in(0.606, 10**8), one_in(0.00036, 10**8), one_in(1e-22, 10**8)) == ("60.6 %", "1 in 2,778", "nobody")
    assert (share_cell(rate(0, 30)).small, share_cell(rate(0, 0)).text) == ("≤ 11.6 %", "nobody")
    assert (signed(-0.034, "share"), signed(0.0, "ms"), signed(1.234, "ms")) == ("−3.4 points", "±0 ms", "+1.23 ms")


@pytest.fixture
def several(example_run: Run) -> Run:
    """The example run over three seeds."""
    return over_seeds(example_run)


def test_the_report_tells_outcomes_checklist_and_differences(several: Run) -> None:
    page = render(several)
    for part in (
        "differences",
        "bits",
        "quasi",
        "exposure",
        "sybil",
        "gate",
        "years",
        "unmasking",
        "coverage",
        "cost",
        "checklist",
    ):
        assert f'id="{part}"' in page
    assert "using it on an identity mandate is an analogy" in page
    assert "OUTSIDE THE SIMULATION" in page
    assert "Cannot happen in this run" in page
    assert 'id="differences"' not in render(msgspec.structs.replace(several, differences=[]))


def test_with_every_scheme_and_all_that_can_be_told_of_it_the_report_stays_small(large_run: Run) -> None:
    page = render(over_seeds(large_run))
    assert len(page.encode()) <= MOST_BYTES
    assert "The single steps are in steps.csv" in page


def test_differences_are_told_against_the_scheme_that_names_people(several: Run) -> None:
    rows = against(several, "real_name")
    assert list(rows) == ["self_declared", "sd_jwt_vc", "privacy_pass"]  # the first pair was turned round
    first, later = rows["self_declared"]["p50_ms"], rows["sd_jwt_vc"]["p50_ms"]
    assert first.mean < 0 < later.mean
    assert difference_cell(first).small == "the same under each seed, n = 3"
    assert next(title for title, _ in key_differences(several)) == "self_declared minus real_name"


def test_outcomes_and_differences_stand_in_tables(several: Run, tmp_path: Path) -> None:
    write_run(tmp_path, several, "<p>")
    rows = {
        name: list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines()))
        for name in ("outcomes", "differences", "figures")
    }
    gate = next(row for row in rows["outcomes"] if row["metric"] == "false_admit")
    assert (gate["scheme"], gate["k"], gate["n"], gate["label"]) == ("self_declared", "2", "4", "MEASURED")
    assert len({(row["first"], row["second"]) for row in rows["differences"]}) == 6
    assert {row["seed"] for row in rows["figures"]} == {"1", "2", "3"}
