"""What workers write is what a run brings back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from idverify.errors import BadEnvironment, BadUsage
from idverify.load.record import Recorder, percentile
from idverify.load.result import read_results
from idverify.load.run import run_load

GENERATOR = {"cpu_share": 0.25, "lag_ms_p50": 0.1, "lag_ms_p99": 1.5, "lag_ms_max": 9.0}


def write(folder: Path, worker: int) -> None:
    recorder = Recorder(folder, worker=worker)
    recorder.request("x", "read", ms=1.23456, up=100, down=200, failed=False)
    recorder.request("x", "read", ms=9.0, up=100, down=20, failed=True)
    outcomes = recorder.of("x")
    outcomes.attempted, outcomes.accepted, outcomes.persons = 3, 2, 2
    outcomes.refused["too_young"] += 1
    outcomes.minors_admitted.add(hit=False)
    outcomes.adults_blocked.add(hit=True)
    outcomes.cpu["present"] = (2, 0.5)
    for _ in range(worker + 1):
        outcomes.opened("platform_a", user="9", owner="9")
    recorder.truth("x", {"account": f"account-{worker}"})
    recorder.write(window={"start": 100.0 + worker, "end": 110.0, "seconds": 10.0 - worker}, generator=GENERATOR)


def test_workers_are_added_up(tmp_path: Path) -> None:
    write(tmp_path, 0)
    write(tmp_path, 1)
    result = read_results(tmp_path, "x")
    assert result.seconds == 10
    assert result.steps["read"].ms == (1.2346, 1.2346)
    assert (result.steps["read"].up, result.steps["read"].down, result.steps["read"].failed) == (400, 440, 2)
    assert (result.persons, result.attempted, result.accepted, result.failures) == (4, 6, 4, 2)
    assert dict(result.refused) == {"too_young": 2}
    assert result.minors_admitted == (0, 2)
    assert result.adults_blocked == (2, 2)
    assert result.wallet_cpu == {"present": (4, 1.0)}
    assert result.accounts_per_person_max == {"platform_a": 2}
    assert (result.cpu_share, result.lag_ms_p99) == (0.25, 1.5)
    truth = [json.loads(line) for line in result.truth.read_text().splitlines()]
    assert [entry["account"] for entry in truth] == ["account-0", "account-1"]


def test_a_run_that_wrote_nothing_is_an_error_with_what_locust_said(tmp_path: Path) -> None:
    (tmp_path / "locust.log").write_text("no such module\n")
    with pytest.raises(BadEnvironment) as caught:
        read_results(tmp_path, "x")
    assert "no such module" in caught.value.hint


def test_a_run_needs_an_end(tmp_path: Path) -> None:
    with pytest.raises(BadUsage):
        run_load({}, "x", results=tmp_path)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 3), (0.95, 5), (1.0, 5)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([5, 3, 1, 4, 2], share) == value


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 0.5) == 0
