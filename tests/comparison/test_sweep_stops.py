"""What a sweep keeps when a point fails or somebody stops it. The points themselves run in test_sweep_end_to_end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from idverify.comparison.sweep import SweepOutcome, SweepPlan, sweep
from idverify.comparison.sweep_folder import read_sweep
from idverify.comparison.sweep_model import Point
from idverify.comparison.sweep_point import Tried, Trying
from idverify.errors import BadEnvironment
from idverify.settings import Settings
from tests.comparison.sweep_example import make_sweep
from tests.comparison.test_compare import Silent

Act = Callable[[Trying], None]
With = Callable[[dict[float, Act]], SweepOutcome]


@pytest.fixture
def sweep_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[dict[float, Act]], SweepOutcome]:
    """Sweep one scheme over two rates; at each happens what the test says, and else it gives the example's point."""

    def run(acts: dict[float, Act]) -> SweepOutcome:
        example = make_sweep()

        def point(self: Trying, tried: Tried, folder: Path, *, phase: object) -> Point:
            folder.mkdir()
            if act := acts.get(tried.rate):
                act(self)
            return msgspec.structs.replace(example.points[0], asked_rate=tried.rate, complete=not self.stop.is_set())

        monkeypatch.setattr(Trying, "run", point)
        monkeypatch.setattr("idverify.comparison.sweep.CURVE_LOGINS", 1_000)
        plan = SweepPlan(
            settings=Settings(),
            schemes=["sd_jwt_vc_batch"],
            rates=[1.0, 10.0],
            conditions=example.conditions,
            out=tmp_path / "runs",
            command="idverify sweep",
        )
        return sweep(plan, Silent())

    return run


def interrupted(trying: Trying) -> None:
    trying.under_load = True
    os.kill(os.getpid(), signal.SIGINT)
    trying.under_load = False


def fails(_trying: Trying) -> None:
    raise BadEnvironment("port 1 is in use")


def elsewhere(_trying: Trying) -> None:
    raise KeyboardInterrupt


def test_a_point_that_fails_is_told_and_the_others_go_on(
    sweep_with: With,
) -> None:
    outcome = sweep_with({1.0: fails})
    assert outcome.exit_code == 3
    assert outcome.sweep.failed == {"sd_jwt_vc_batch-1": "port 1 is in use"}
    assert [point.asked_rate for point in outcome.sweep.points] == [10.0]
    assert read_sweep(outcome.folder) == outcome.sweep


def test_ctrl_c_under_load_keeps_the_point_and_stops(sweep_with: With) -> None:
    outcome = sweep_with({1.0: interrupted})
    assert outcome.exit_code == 130
    assert [point.complete for point in outcome.sweep.points] == [False]
    assert outcome.sweep.status == "partial"


def test_ctrl_c_elsewhere_keeps_what_was_done_before(sweep_with: With) -> None:
    outcome = sweep_with({10.0: elsewhere})
    assert outcome.exit_code == 130
    assert [point.asked_rate for point in outcome.sweep.points] == [1.0]
    assert (outcome.folder / "picture.svg").is_file()
