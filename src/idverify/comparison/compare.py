"""The comparison: one scheme after the other, never two at once; what is done is kept, whatever happens."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import Protocol

from idverify.comparison import machine
from idverify.comparison.folders import new_run, write_run
from idverify.comparison.model import Assumption, Load, Run, SchemeResult, Sentence
from idverify.comparison.repeats import figures_of, rotated, with_outcomes
from idverify.comparison.report import render
from idverify.comparison.trial import Trial
from idverify.comparison.variants import check, variants
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
    """Run it. Exit code 0; 3 where a scheme could not be measured; 130 where it was stopped."""
    with Attacker() as one, Attacker() as other:
        return _compare(plan, progress, attackers=(one, other))


def _compare(plan: Plan, progress: Progress, *, attackers: tuple[Attacker, Attacker]) -> Outcome:
    mandate = load_mandate(plan.settings.mandate)
    if unknown := [name for name in plan.schemes if name not in SCHEMES]:
        raise BadUsage(f"{unknown[0]!r} is no scheme", hint=f"the schemes are {', '.join(SCHEMES)}")
    chosen, left_out = variants(plan.schemes, SCHEMES, plan.methods)
    check(plan.settings, chosen)
    folder = new_run(plan.out)
    stop = threading.Event()
    trial = Trial(
        replace(plan.settings, seed=plan.seeds[0]) if plan.seeds else plan.settings,
        mandate,
        seconds=plan.seconds,
        sign_ups=plan.sign_ups,
        users=plan.users,
        warm_up=plan.warm_up,
        stop=stop,
        shadow=plan.shadow,
        attackers=attackers,
    )
    started = datetime.now(timezone.utc)
    results: dict[str, SchemeResult] = {}
    failed: dict[str, str] = {}
    figures: list[Figures] = []
    seeds = list(plan.seeds) or [plan.settings.seed]
    turns = [(place, seed, variant) for place, seed in enumerate(seeds) for variant in rotated(chosen, place)]
    with interrupts(trial):
        try:
            progress.begin(len(turns), trial.expected_seconds)
            for number, (place, seed, variant) in enumerate(turns, 1):
                name = variant.name if len(seeds) == 1 else f"{variant.name}, seed {seed}"
                progress.scheme(name, number, len(turns))
                if seed != trial.settings.seed:
                    trial.reseed(seed)
                try:
                    own = folder / f"seed-{seed}" if place else folder
                    result = trial.run(variant, own / variant.folder, phase=progress.phase)
                    if not place:
                        results[variant.name] = result
                    figures.append(figures_of(result, scheme=variant.name, seed=seed))
                    progress.done(name)
                except (IdverifyError, OSError) as error:
                    failed[name] = machine.without_places(str(error))
                    progress.done(name, failed[name])
                if stop.is_set():
                    break
        except KeyboardInterrupt:
            stop.set()
        results = {variant.name: results[variant.name] for variant in chosen if variant.name in results}
        run = _run(plan, mandate, results, failed=failed, left_out=left_out, stopped=stop.is_set(), started=started)
        run = with_outcomes(run, figures=figures, seeds=seeds, order=[variant.name for variant in chosen])
    write_run(folder, run, render(run))
    return Outcome(run, folder, 130 if stop.is_set() else 3 if failed else 0)


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
    *,
    failed: dict[str, str],
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
        failed=failed,
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
