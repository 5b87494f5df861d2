"""What `idverify compare` and `idverify report` print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from idverify import cli
from idverify.commands.terminal import EXPOSED, NARROW_NAME_WIDTH, Watch, print_matrix
from idverify.comparison.matrix import NARROW
from idverify.comparison.model import EnrolledAgain, Run, as_bytes
from idverify.comparison.report import render
from idverify.comparison.sentences import gains, most_accounts
from tests.comparison.example import make_large_run, make_run


def test_a_report_is_written_again(tmp_path: Path, example_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "001").mkdir()
    (tmp_path / "001" / "run.json").write_bytes(as_bytes(example_run))
    target = tmp_path / "again.html"
    assert cli.main(["report", "1", "--out", str(tmp_path), "-o", str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == target.stat().st_size
    assert cli.main(["report", "1", "--out", str(tmp_path), "-o", str(tmp_path / "no" / "where.html")]) == 3


@pytest.mark.parametrize("make", [make_run, make_large_run])
def test_the_matrix_fits_80_columns(make: Callable[[], Run], capsys: pytest.CaptureFixture[str]) -> None:
    run = make()
    print_matrix(run)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    short = [name for name in run.schemes if len(name) <= 24]
    assert all(name in shown for name in short)
    assert "312/312" in shown
    assert "\x1b[" not in shown
    assert "…" not in shown


def test_latencies_of_seconds_stand_there_whole(example_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    step = structs.replace(example_run.schemes["real_name"].steps["whole_sign_up"], p95_ms=12_345.6)
    slow = structs.replace(example_run.schemes["real_name"], steps={"whole_sign_up": step})
    print_matrix(structs.replace(example_run, schemes=example_run.schemes | {"real_name": slow}))
    assert "12,346" in capsys.readouterr().out


def test_one_account_is_no_finding_where_nobody_tried_for_two(example_run: Run) -> None:
    again = EnrolledAgain(recovered=(1, 1), recognised=(1, 1), second_account=(0, 24), new_seed=(0, 3))
    found = structs.replace(example_run.schemes["real_name"], enrolled_again=again)
    untried = structs.replace(found, enrolled_again=structs.replace(again, second_account=(0, 0)))
    assert (most_accounts(found), most_accounts(untried)) == (1, None)
    assert "nobody got a second account on a platform, in 24 tries" in gains(found, base=None, base_title="")
    assert not any("second account" in each for each in gains(untried, base=None, base_title=""))
    page = render(structs.replace(example_run, schemes={"real_name": untried}))
    assert ">nobody tried<" in page


def test_the_longest_cell_of_every_column_fits_beside_the_names() -> None:
    longest = max(map(len, NARROW.values())) + len("/p")
    assert NARROW_NAME_WIDTH + 1 + len(EXPOSED) * (longest + 1) <= 80


def test_without_a_terminal_every_phase_is_a_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Watch() as watch:
        watch.begin(2, 90.0)
        watch.scheme("real_name", 1, 2)
        watch.phase("under load", 10.0)
        watch.done("real_name")
        watch.scheme("broken", 2, 2)
        watch.done("broken", "platform_a does not answer")
        watch.together("attacking the ledgers", 10.0)
        watch.done("real_name", "its ledgers are damaged")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "2 schemes, about 3 min",
        "1/2 real_name (about 3 min left)",
        "1/2 real_name: under load",
        "1/2 real_name: done",
        "2/2 broken (about 5 s left)",
        "2/2 broken: failed: platform_a does not answer",
        "attacking the ledgers",
        "real_name: failed: its ledgers are damaged",
    ]
