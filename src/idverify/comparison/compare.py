"""The comparison: one scheme after the other, never two at once; what is done is kept, whatever happens."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import Protocol

from idverify.comparison import machine
from idverify.comparison.concluding import Loaded, result_of, with_outcomes_of
from idverify.comparison.folders import new_run, write_run
from idverify.comparison.model import Assumption, Load, Run, SchemeResult, Sentence
from idverify.comparison.repeats import figures_of, rotated, with_outcomes
from idverify.comparison.report import render
from idverify.comparison.trial import ATTACK_SECONDS, OUTCOME_SECONDS, Trial
from idverify.comparison.variants import Variant, check, variants
from idverify.comparison.worlds import Attempt, attack_worlds
from idverify.errors import BadUsage, IdverifyError
from idverify.mandates import Mandate
from idverify.mandates import load as load_mandate
from idverify.outcomes.model import Figures
from idverify.privacy.attackers import Attacker
from idverify.schemes import MISSING, SCHEMES
from idverify.settings import Settings
from idverify.wallet.policy import Method

ASSUMED = (
    "borrowing", "lying", "farmers", "farmer_tries", "lost_phones", "quota", "people_per_address", "proofs_again"
)  # fmt: skip


class Progress(Protocol):
    """Who is told how far it is."""

    def begin(self, total: int, seconds_each: float | None) -> None: ...
    def scheme(self, name: str, number: int, total: int) -> None: ...
    def phase(self, name: str, seconds: float | None) -> None: ...
    def done(self, name: str, problem: str = "") -> None: ...
    def together(self, name: str, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to compare. Exactly one of seconds and sign_ups, or both, says when a scheme's load ends.

    With `methods`, each scheme runs once for each of them that it can follow; with `seeds`, once for each of these.
    """

    settings: Settings
    schemes: Sequence[str]
    seconds: float | None
    sign_ups: int | None
    users: int
    warm_up: float
    out: Path
    command: str
    methods: Sequence[Method] = ()
    seeds: Sequence[int] = ()  # more than one: everything once for each, with the same people for every scheme
    shadow: float = 0.0  # seconds of load in a world of another seed, for the attacker that trains; 0: none


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished comparison and the exit code that says how it ended."""

    run: Run
    folder: Path
    exit_code: int


def compare(plan: Plan, progress: Progress) -> Outcome:
    """Run it. Exit code 0; 3 where a scheme could not be measured or attacked; 130 where it was stopped."""
    with Attacker() as attacker:
        return _compare(plan, progress, attacker)


def _compare(plan: Plan, progress: Progress, attacker: Attacker) -> Outcome:
    mandate = load_mandate(plan.settings.mandate)
    if unknown := [name for name in plan.schemes if name not in SCHEMES]:
        raise BadUsage(f"{unknown[0]!r} is no scheme", hint=f"the schemes are {', '.join(SCHEMES)}")
    chosen, left_out = variants(plan.schemes, SCHEMES, plan.methods)
    check(plan.settings, chosen)
    folder = new_run(plan.out)
    seeds = list(plan.seeds) or [plan.settings.seed]
    trial = Trial(
        replace(plan.settings, seed=seeds[0]),
        mandate,
        seconds=plan.seconds,
        sign_ups=plan.sign_ups,
        users=plan.users,
        warm_up=plan.warm_up,
        stop=threading.Event(),
        attacker=attacker,
        shadow=plan.shadow,
    )
    started = datetime.now(timezone.utc)
    kept = _Kept()
    progress.begin(len(seeds) * len(chosen), trial.expected_seconds)
    with interrupts(trial):
        try:
            for place, seed in enumerate(seeds):
                if seed != trial.settings.seed:
                    trial.reseed(seed)
                turn = _Turn(trial, place, seeds, own=folder / f"seed-{seed}" if place else folder, progress=progress)
                loaded = turn.load(rotated(chosen, place), kept)
                turn.conclude(loaded, turn.attack(loaded, attacker, kept), kept)
                if trial.stop.is_set():
                    break
        except KeyboardInterrupt:  # between two phases
            trial.stop.set()
        stopped = trial.stop.is_set()
        results = {variant.name: kept.results[variant.name] for variant in chosen if variant.name in kept.results}
        run = _run(plan, mandate, results, kept, left_out=left_out, stopped=stopped, started=started)
        run = with_outcomes(run, figures=kept.figures, seeds=seeds, order=[variant.name for variant in chosen])
    write_run(folder, run, render(run))
    return Outcome(run, folder, 130 if stopped else 3 if kept.failed else 0)


@dataclass(slots=True)
class _Kept:
    """What was found so far."""

    results: dict[str, SchemeResult] = field(default_factory=dict)  # of the first seed
    figures: list[Figures] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    attack_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """All schemes under one seed: load for one after the other, then attacks, which would disturb it, on all at once.

    Whoever stops the load has the attacks on what there is before him, and can stop these, too.
    """

    trial: Trial
    place: int
    seeds: Sequence[int]
    own: Path
    progress: Progress = field(kw_only=True)

    def load(self, chosen: Sequence[Variant], kept: _Kept) -> list[Loaded]:
        """The worlds of those schemes that could be put under load."""
        found: list[Loaded] = []
        try:
            for number, variant in enumerate(chosen, self.place * len(chosen) + 1):
                name = self._name(variant)
                self.progress.scheme(name, number, len(self.seeds) * len(chosen))
                try:
                    found.append(self.trial.load(variant, self.own / variant.folder, phase=self.progress.phase))
                    self.progress.done(name)
                except (IdverifyError, OSError) as error:
                    kept.failed[name] = machine.without_places(str(error))
                    self.progress.done(name, kept.failed[name])
                if self.trial.stop.is_set():
                    break
        except KeyboardInterrupt:
            self.trial.stop.set()
        return found

    def attack(self, worlds: Sequence[Loaded], attacker: Attacker, kept: _Kept) -> dict[int, Attempt]:
        """By the place of each world what the attacks on it found."""
        if not worlds:
            return {}
        found: dict[int, Attempt] = {}
        begun = time.monotonic()
        several = f"{len(worlds)} schemes" if len(worlds) > 1 else self._name(worlds[0].variant)
        again = ", and Ctrl-C leaves that out" if self.trial.stop.is_set() else ""
        self.progress.together(f"attacking the ledgers of {several}{again}", len(worlds) * ATTACK_SECONDS)
        try:
            for place, attempt in attack_worlds([each.recorded for each in worlds], attacker):
                found[place] = attempt
                if isinstance(attempt, Exception):
                    name = self._name(worlds[place].variant)
                    kept.failed[name] = machine.without_places(f"its ledgers could not be attacked: {attempt}")
                    self.progress.done(name, kept.failed[name])
        except KeyboardInterrupt:
            self.trial.stop.set()
        kept.attack_seconds += time.monotonic() - begun
        return found

    def conclude(self, worlds: Sequence[Loaded], attempts: Mapping[int, Attempt], kept: _Kept) -> None:
        """The results of these worlds; the first seed's are those of the run."""
        if not worlds:
            return
        results = [result_of(world, attempts.get(place)) for place, world in enumerate(worlds)]
        self.progress.together("counting outcomes", len(worlds) * OUTCOME_SECONDS)
        try:
            for place, world in enumerate(worlds):
                results[place] = with_outcomes_of(world, results[place])
        except KeyboardInterrupt:
            self.trial.stop.set()
        names = [world.variant.name for world in worlds]
        seed = self.seeds[self.place]
        kept.figures += [figures_of(each, scheme=name, seed=seed) for name, each in zip(names, results, strict=True)]
        if not self.place:
            kept.results.update(zip(names, results, strict=True))

    def _name(self, variant: Variant) -> str:
        return variant.name if len(self.seeds) == 1 else f"{variant.name}, seed {self.seeds[self.place]}"


class Stoppable(Protocol):
    """Work that sometimes is under load, and then ends in good order once `stop` is set."""

    stop: threading.Event
    under_load: bool


@contextmanager
def interrupts(trial: Stoppable) -> Iterator[None]:
    """Ctrl-C under load ends the load in good order and keeps it; at any other time, or twice, it stops at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if trial.under_load and not trial.stop.is_set():
            trial.stop.set()
        else:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(
    plan: Plan,
    mandate: Mandate,
    results: dict[str, SchemeResult],
    kept: _Kept,
    *,
    left_out: dict[str, str],
    stopped: bool,
    started: datetime,
) -> Run:
    settings = plan.settings
    return Run(
        seed=plan.seeds[0] if plan.seeds else settings.seed,
        mandate=mandate.name,
        citizens=settings.citizens,
        machine=machine.describe(),
        versions=machine.versions(),
        command=machine.without_places(plan.command),
        schemes=results,
        status="partial" if stopped else "complete",
        failed=kept.failed,
        attack_seconds=round(kept.attack_seconds, 2) if kept.attack_seconds else None,
        missing=dict(MISSING),
        left_out=left_out,
        started=started.isoformat(timespec="seconds"),
        database="postgresql" if settings.database_url else "sqlite",
        load=Load(
            users=plan.users,
            duration=plan.seconds,
            sign_ups=plan.sign_ups,
            rate=settings.rate,
            warm_up=plan.warm_up,
        ),
        mandate_title=mandate.title,
        mandate_sentences=[
            Sentence(text=rule.text, certainty=rule.certainty, source=rule.source) for rule in mandate.rule_sentences()
        ],
        assumptions=[
            Assumption(name=name, value=float(getattr(settings, name)), meaning=help_)
            for name, help_ in settings_help().items()
        ],
    )


def settings_help() -> dict[str, str]:
    """The settings that are assumptions about people, with what they stand for."""
    return {f.name: str(f.metadata["help"]) for f in fields(Settings) if f.name in ASSUMED}
