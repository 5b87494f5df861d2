"""What a comparison keeps when a scheme fails or somebody stops it. The trials themselves run in test_end_to_end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from idverify.comparison import compare as module
from idverify.comparison.attacked import Found
from idverify.comparison.compare import Outcome, Plan, compare
from idverify.comparison.concluding import Loaded
from idverify.comparison.folders import read_run
from idverify.comparison.model import Run, SchemeResult
from idverify.comparison.trial import Trial
from idverify.comparison.variants import Variant
from idverify.comparison.worlds import Attempt, Recorded
from idverify.errors import BadEnvironment, BadUsage
from idverify.outcomes import assumptions
from idverify.privacy.attackers import Attacker
from idverify.settings import Settings
from tests.comparison.test_collect import measured

Act = Callable[[Trial], None]
Attacks = Callable[[Sequence[Recorded], Attacker], Iterator[tuple[int, Attempt]]]


class Silent:
    """A progress that tells nobody, and remembers what was done."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []
        self.of_all: list[str] = []

    def begin(self, total: int, seconds_each: float | None) -> None: ...
    def scheme(self, name: str, number: int, total: int) -> None: ...
    def phase(self, name: str, seconds: float | None) -> None: ...
    def done(self, name: str, problem: str = "") -> None:
        self.ended.append((name, problem))

    def together(self, name: str, seconds: float) -> None:
        self.of_all.append(name)


@pytest.fixture
def run_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, example_run: Run) -> Callable[..., Outcome]:
    """Compare two schemes: under load each does what the test says, the attacks are the test's own (by default none
    finds anything), and the outcomes are the example's."""

    def run(
        acts: dict[str, Act], *, seeds: tuple[int, ...] = (), attacks: Attacks | None = None, tell: Silent | None = None
    ) -> Outcome:
        def load(self: Trial, variant: Variant, folder: Path, *, phase: object) -> Loaded:
            folder.mkdir(parents=True)
            if act := acts.get(variant.name):
                act(self)
            return Loaded(
                variant=variant,
                folder=folder,
                mandate=self.mandate,
                population=self.population,
                since=1_700_000_000.0,
                measured=measured(info=variant.info),
                shadow=None,
            )

        def outcomes(loaded: Loaded, result: SchemeResult) -> SchemeResult:
            example = example_run.schemes[loaded.variant.info.name]
            return replace(result, outcomes=example.outcomes, steps=example.steps)

        monkeypatch.setattr(Trial, "load", load)
        monkeypatch.setattr(module, "with_outcomes_of", outcomes)
        monkeypatch.setattr(module, "attack_worlds", attacks or nothing_found)
        plan = Plan(
            settings=Settings(citizens=100),
            schemes=["real_name", "privacy_pass"],
            seconds=1.0,
            sign_ups=None,
            users=1,
            warm_up=0.0,
            out=tmp_path / "runs",
            command="idverify compare",
            seeds=seeds,
        )
        return compare(plan, tell or Silent())

    return run


NOTHING = Found({}, {}, seconds=2.0, closing=1.0)


def nothing_found(worlds: Sequence[Recorded], _: Attacker) -> Iterator[tuple[int, Attempt]]:
    yield from ((place, NOTHING) for place in range(len(worlds)))


def fail(_: Trial) -> None:
    raise BadEnvironment("platform_a does not answer; its log is /home/ann/run/logs/platform_a.log")


def interrupt_under_load(trial: Trial) -> None:
    trial.under_load = True
    os.kill(os.getpid(), signal.SIGINT)
    trial.under_load = False


def interrupt_elsewhere(_: Trial) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_all_schemes_are_run_and_written(run_with: Callable[[dict[str, Act]], Outcome]) -> None:
    outcome = run_with({})
    assert outcome.exit_code == 0
    written = read_run(outcome.folder)
    assert (list(written.schemes), written.status, written.failed) == (["real_name", "privacy_pass"], "complete", {})
    assert {a.name for a in written.assumptions} == {*module.ASSUMED, *assumptions.parameters()}
    assert {s.certainty for s in written.mandate_sentences} >= {"seen", "inferred", "uncertain"}


def test_a_scheme_that_fails_is_told_and_the_others_go_on(run_with: Callable[[dict[str, Act]], Outcome]) -> None:
    outcome = run_with({"real_name": fail})
    assert outcome.exit_code == 3
    written = read_run(outcome.folder)
    assert list(written.schemes) == ["privacy_pass"]
    assert "does not answer" in written.failed["real_name"]
    assert "ann" not in written.failed["real_name"]


def test_ctrl_c_under_load_keeps_the_scheme_and_stops(run_with: Callable[[dict[str, Act]], Outcome]) -> None:
    outcome = run_with({"real_name": interrupt_under_load})
    assert outcome.exit_code == 130
    written = read_run(outcome.folder)
    assert (list(written.schemes), written.status) == (["real_name"], "partial")


def test_ctrl_c_elsewhere_keeps_what_was_done_before(run_with: Callable[[dict[str, Act]], Outcome]) -> None:
    outcome = run_with({"privacy_pass": interrupt_elsewhere})
    assert outcome.exit_code == 130
    assert list(read_run(outcome.folder).schemes) == ["real_name"]
    assert "stopped before its end" in (outcome.folder / "report.html").read_text()


def test_ctrl_c_at_once_still_leaves_a_valid_run(run_with: Callable[[dict[str, Act]], Outcome]) -> None:
    outcome = run_with({"real_name": interrupt_elsewhere})
    assert outcome.exit_code == 130
    assert read_run(outcome.folder).schemes == {}


def test_ledgers_are_attacked_after_all_loads_and_what_was_not_attacked_keeps_its_figures(
    run_with: Callable[..., Outcome],
) -> None:
    met: list[str] = []

    def attacks(worlds: Sequence[Recorded], _: Attacker) -> Iterator[tuple[int, Attempt]]:
        met.extend(world.folder.name for world in worlds)
        yield 1, NOTHING
        raise KeyboardInterrupt

    tell = Silent()
    acts: dict[str, Act] = {name: lambda _: met.append("load") for name in ("real_name", "privacy_pass")}
    outcome = run_with(acts, attacks=attacks, tell=tell)
    assert met == ["load", "load", "real_name", "privacy_pass"]
    assert (outcome.exit_code, outcome.run.status) == (130, "partial")
    written = read_run(outcome.folder).schemes
    assert (written["privacy_pass"].attack_seconds, written["privacy_pass"].closing_seconds) == (1.0, 1.0)
    assert written["real_name"].attack_seconds is None
    assert written["real_name"].sign_ups.accepted == 9
    told = "the ledgers were not attacked: somebody stopped the run; idverify attack can still do that"
    assert told in written["real_name"].warnings
    assert told in (outcome.folder / "report.html").read_text()
    assert tell.of_all == ["attacking the ledgers of 2 schemes", "counting outcomes"]


def test_a_world_that_cannot_be_attacked_keeps_its_figures_and_is_told(run_with: Callable[..., Outcome]) -> None:
    def attacks(_worlds: Sequence[Recorded], _: Attacker) -> Iterator[tuple[int, Attempt]]:
        yield 0, BadEnvironment("the attacks took longer than 900 s in /home/ann/run")
        yield 1, NOTHING

    tell = Silent()
    outcome = run_with({}, attacks=attacks, tell=tell)
    assert outcome.exit_code == 3
    why = "its ledgers could not be attacked: the attacks took longer than 900 s"
    assert outcome.run.failed["real_name"].startswith(why)
    assert "/home/ann" not in (outcome.folder / "run.json").read_text()
    assert outcome.run.schemes["real_name"].sign_ups.accepted == 9
    assert any("longer than 900 s" in each for each in outcome.run.schemes["real_name"].warnings)
    assert tell.ended[-1] == ("real_name", outcome.run.failed["real_name"])


def test_ctrl_c_between_two_seeds_keeps_the_first(
    run_with: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_self: Trial, _seed: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trial, "reseed", interrupted)
    outcome = run_with({}, seeds=(4, 1))
    assert (outcome.exit_code, list(outcome.run.schemes)) == (130, ["real_name", "privacy_pass"])


def test_who_stops_the_load_is_told_how_to_leave_the_attacks_out(run_with: Callable[..., Outcome]) -> None:
    tell = Silent()
    run_with({"real_name": interrupt_under_load}, tell=tell)
    assert tell.of_all[0] == "attacking the ledgers of real_name, and Ctrl-C leaves that out"


def test_the_handler_of_ctrl_c_is_put_back(run_with: Callable[[dict[str, Act]], Outcome]) -> None:
    before = signal.getsignal(signal.SIGINT)
    run_with({})
    assert signal.getsignal(signal.SIGINT) is before


def test_an_unknown_scheme_makes_no_folder(tmp_path: Path) -> None:
    plan = Plan(
        settings=Settings(),
        schemes=["nothing"],
        seconds=1.0,
        sign_ups=None,
        users=1,
        warm_up=0.0,
        out=tmp_path / "runs",
        command="",
    )
    with pytest.raises(BadUsage, match="'nothing' is no scheme"):
        compare(plan, Silent())
    assert not (tmp_path / "runs").exists()


def test_over_several_seeds_each_scheme_is_run_again_and_compared(run_with: Callable[..., Outcome]) -> None:
    met: list[int] = []
    outcome = run_with({"real_name": lambda trial: met.append(trial.settings.seed)}, seeds=(4, 1, 9))
    run = outcome.run
    assert (outcome.exit_code, run.seed, run.seeds, met) == (0, 4, [4, 1, 9], [4, 1, 9])
    assert list(run.schemes) == ["real_name", "privacy_pass"]
    assert {path.name for path in outcome.folder.glob("*/*") if path.is_dir()} == {"real_name", "privacy_pass"}
    assert [each.seed for each in run.figures if each.scheme == "real_name"] == [4, 1, 9]
    latency = next(each for each in run.differences if each.metric == "p50_ms")
    assert (latency.n, latency.interval) == (3, (latency.mean, latency.mean))


def test_a_scheme_that_fails_under_one_seed_is_compared_over_the_others(run_with: Callable[..., Outcome]) -> None:
    def fails_once(trial: Trial) -> None:
        if trial.settings.seed == 1:
            fail(trial)

    outcome = run_with({"privacy_pass": fails_once}, seeds=(4, 1, 9))
    assert (outcome.exit_code, list(outcome.run.failed)) == (3, ["privacy_pass, seed 1"])
    assert {each.n for each in outcome.run.differences} == {2}
    assert {each.interval for each in outcome.run.differences} == {None}
