"""One point of a sweep: a fresh world, people enrol, the rush, the attacks. The only place that starts things."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

import msgspec
import numpy as np

from idverify.comparison import sweep_figures as figures
from idverify.comparison import sweep_ledgers as ledgers
from idverify.comparison import visits
from idverify.comparison.collect import BUSY_GENERATOR
from idverify.comparison.databases import fresh_database
from idverify.comparison.describing import describe
from idverify.comparison.sweep_model import SAME_PLATFORM, TWO_PLATFORMS, WITH_ISSUER, Conditions, Link, Point, Timing
from idverify.comparison.variants import Variant
from idverify.load.result import FELL_BACK, GIVEN_UP, VISIT, LoadResult, StepResult
from idverify.load.run import Rushed, run_load
from idverify.mandates import Mandate
from idverify.privacy.answers import Answer, AttackerName
from idverify.privacy.apart import attack_apart
from idverify.privacy.attack import Asked
from idverify.privacy.public import Delay, Public, write_public
from idverify.privacy.score import Claim, Truth, read_truth, right_answers
from idverify.privacy.verdict import verdicts
from idverify.settings import Settings
from idverify.world import World, needed

USERS = 20
"""Sources of arrivals; the people themselves are as many as come."""
SPARE = 1.3
"""So many more enrol than are expected to come, so that somebody is left at the end."""
LATE_MS = 250.0
"""A generator that is later than this at times (p99) blurs what people waited."""
DRAIN_SECONDS = 0.8
"""After the load, until the issuer has written down the requests of those who hung up."""
SAMPLE_SECONDS = 0.5
START_SECONDS, LOAD_SECONDS, STOP_SECONDS, ATTACK_SECONDS, ENROLLED_PER_SECOND = 4.0, 3.0, 2.0, 6.0, 60.0
"""How long the phases take here, for the progress bar; nothing else depends on it."""
ISSUING = ("identity_provider", "token_issuer")
ATTACKS: Final = ("exact_join", "timing")
ATTACKERS: Final[tuple[AttackerName, ...]] = ("policy", "blind")

Phase = Callable[[str, float | None], None]


@dataclass(frozen=True, slots=True)
class Tried:
    """What `Trying.run` is asked: a scheme, at a rate of arrivals a second."""

    variant: Variant
    rate: float


class Trying:
    """How every point of one sweep is measured. `stop`, once set, ends the load early and in good order."""

    def __init__(self, settings: Settings, mandate: Mandate, conditions: Conditions, *, stop: threading.Event) -> None:
        self.settings = settings
        self.mandate = mandate
        self.conditions = conditions
        self.stop = stop
        self.under_load = False

    def seconds(self, rate: float) -> float:
        """How long a rush at this rate is measured: long enough for thirty arrivals."""
        return max(self.conditions.seconds, 30.0 / rate)

    def persons(self, rate: float) -> int:
        """Who enrols: each comes twice."""
        expected = rate * (self.seconds(rate) + self.conditions.warm_up_s)
        return int(np.ceil(SPARE * expected / 2.0 + 2.0 * np.sqrt(expected))) + 2

    def expected_seconds(self, rate: float) -> float:
        """How long a point will take."""
        enrolling = self.persons(rate) / ENROLLED_PER_SECOND
        fixed = START_SECONDS + LOAD_SECONDS + STOP_SECONDS + ATTACK_SECONDS
        return fixed + enrolling + self.conditions.warm_up_s + self.seconds(rate) + self.conditions.gives_up_s / 2.0

    def run(self, tried: Tried, folder: Path, *, phase: Phase) -> Point:
        """Measure one point in `folder`. Raises BadEnvironment where its world does not come up."""
        info, rate, conditions = tried.variant.info, tried.rate, self.conditions
        folder.mkdir(parents=True)
        persons = self.persons(rate)
        settings = replace(tried.variant.settings(self.settings), issuer_head_start=persons)
        parties = [party for party in needed(settings) if party != "wallet"]
        phase("starting the services", START_SECONDS)
        with (
            fresh_database(settings.database_url) as database,
            World(folder, replace(settings, database_url=database), parties=parties) as world,
            _sampled(world) as samples,
        ):
            expected = self.expected_seconds(rate) - START_SECONDS - STOP_SECONDS - ATTACK_SECONDS
            phase(f"{persons} people enrol, then the rush", expected)
            load = self._load(world, info.name, folder, rate=rate, persons=persons)
            origins = {party: world.urls[party] for party in world.parties}
            phase("stopping the services", STOP_SECONDS)
            time.sleep(DRAIN_SECONDS)
        shutil.copyfile(load.truth, folder / "truth.jsonl")
        issue = load.steps.get("issue", StepResult())
        public = describe(settings, info, self.mandate, origins=origins)
        longest = 1_000.0 * (conditions.gives_up_s or 1e9)
        known = figures.delay([ms for ms in issue.ms if ms < longest], conditions.thinking_s, seed=self.settings.seed)
        if known.name != "none":
            public = _with_delay(public, known)
        write_public(folder / "ledgers", public)
        _tidy(folder)
        phase("attacking the ledgers", ATTACK_SECONDS)
        with TemporaryDirectory(prefix="idverify-sweep-") as place:
            out = Path(place) / "ledgers"
            begun = load.started - conditions.warm_up_s
            shown = ledgers.lay_out(folder / "ledgers", out, public, begun=begun, counted=load.started)
            linkage, timings = attacked(out, read_truth(folder / "truth.jsonl"), shown, seed=self.settings.seed)
        return self._point(tried, load, samples, persons=persons, linkage=linkage, timings=timings)

    def _load(self, world: World, scheme: str, folder: Path, *, rate: float, persons: int) -> LoadResult:
        conditions = self.conditions
        self.under_load = True
        try:
            return run_load(
                world.urls,
                scheme,
                seconds=self.seconds(rate),
                users=USERS,
                rate=rate / USERS,
                seed=self.settings.seed,
                citizens=self.settings.citizens,
                results=folder / "load",
                warm_up=conditions.warm_up_s,
                stop=self.stop,
                settings=world.settings,
                tags=("rush",),
                rush=Rushed(persons=persons, thinking=conditions.thinking_s, gives_up=conditions.gives_up_s),
            )
        finally:
            self.under_load = False

    def _point(
        self,
        tried: Tried,
        load: LoadResult,
        samples: Sequence[Sample],
        *,
        persons: int,
        linkage: dict[str, Link],
        timings: list[Timing],
    ) -> Point:
        conditions, steps = self.conditions, load.steps
        visit, issue = steps.get(VISIT, StepResult()), steps.get("issue", StepResult())
        arrivals, seconds = len(visit.ms), max(load.seconds, 1e-3)
        requests = (len(issue.ms) + issue.failed) / seconds
        cpu = shares(samples, load.started, load.ended)
        capacity, how = capacity_of(
            requests,
            set_to=conditions.issuer_capacity,
            busy=sum(cpu.get(party, 0.0) for party in ISSUING),
            workers=self.settings.workers,
        )
        saturated = load.cpu_share > BUSY_GENERATOR or load.lag_ms_p99 > LATE_MS
        low, high = figures.poisson(arrivals)
        return Point(
            scheme=tried.variant.info.name,
            asked_rate=tried.rate,
            rate=round(arrivals / seconds, 3),
            rate_interval=(round(low / seconds, 3), round(high / seconds, 3)),
            seconds=round(seconds, 2),
            persons=persons,
            arrivals=arrivals,
            left_out=load.exhausted,
            waited=figures.waits(visit.ms),
            issue=figures.waits(issue.ms),
            given_up=figures.counted(len(steps.get(GIVEN_UP, StepResult()).ms), arrivals),
            fell_back=figures.counted(len(steps.get(FELL_BACK, StepResult()).ms), arrivals),
            requests_per_second=round(requests, 3),
            capacity=None if capacity is None else round(capacity, 3),
            capacity_is=how,
            utilisation=None if not capacity else round(requests / capacity, 4),
            cpu={party: round(share, 4) for party, share in cpu.items()},
            linkage=linkage,
            timing=timings,
            expected=figures.expected(requests, conditions.thinking_s),
            generator_cpu=round(load.cpu_share, 3),
            generator_lag_ms=round(load.lag_ms_p99, 1),
            saturated=saturated,
            complete=not load.stopped,
            warnings=warnings(load, saturated=saturated),
        )


def attacked(
    folder: Path, truth: Sequence[Truth], shown: visits.Visits, *, seed: int
) -> tuple[dict[str, Link], list[Timing]]:
    """What the coalitions link by equal values, and what each attacker learns by time; in a process without truth."""
    issuer, (first, second) = ledgers.ISSUER, ledgers.PLATFORMS
    by_time = [(issuer + ledgers.RUSH, platform + ledgers.RUSH) for platform in (first, second)]
    by_value = {
        WITH_ISSUER: (issuer, first),
        TWO_PLATFORMS: (first, second),
        SAME_PLATFORM: (visits.FIRST, visits.LATER),
    }
    value, time_ = ATTACKS
    with ThreadPoolExecutor(2) as both:
        joined = both.submit(attack_apart, folder, list(by_value.values()), asked=Asked(attacks=(value,)))
        timed = both.submit(attack_apart, folder, by_time, asked=Asked(attackers=ATTACKERS, attacks=(time_,)))
        answers = [*joined.result(), *timed.result()]
    everybody = ledgers.rushed(truth)

    def said(coalition: tuple[str, str], attack: str, attacker: str = ATTACKERS[0]) -> Answer:
        return next(a for a in answers if (a.coalition, a.attack, a.attacker) == (coalition, attack, attacker))

    linkage = {}
    for name, coalition in by_value.items():
        answer = said(coalition, value)
        if name == SAME_PLATFORM:
            found = visits.recognised(shown, _claims(answer), attack=answer.attack)
        else:
            found = verdicts([answer], everybody, label="MEASURED")[0].linkage
        parties = (first,) if name == SAME_PLATFORM else coalition
        linkage[name] = figures.link(found, parties, answer.pairs)
    timings = []
    for attacker in ATTACKERS:
        heard = [said(coalition, time_, attacker) for coalition in by_time]
        owners = [right_answers(everybody, source=a.candidates_of, target=a.targets_of) for a in heard]
        if (judged := figures.timing(heard, owners, seed=seed)) is not None:
            timings.append(judged)
    return linkage, timings


def _claims(answer: Answer) -> list[Claim]:
    return [Claim(t.candidates[0].subject, t.subject) for t in answer.targets if t.claimed and t.candidates]


@dataclass(frozen=True, slots=True)
class Sample:
    """CPU seconds of each party so far, at a time in seconds since 1970."""

    time: float
    cpu: Mapping[str, float]


@contextmanager
def _sampled(world: World) -> Iterator[list[Sample]]:
    """CPU of all parties twice a second, in a thread of its own."""
    samples: list[Sample] = []
    ended = threading.Event()

    def look() -> None:
        while True:
            samples.append(Sample(time.time(), world.cpu_seconds()))
            if ended.wait(SAMPLE_SECONDS):
                return

    thread = threading.Thread(target=look, name="cpu", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def shares(samples: Sequence[Sample], start: float, end: float) -> dict[str, float]:
    """Each party's share of one core from start to end; what lies between two samples is interpolated."""
    if not samples or end <= start:
        return {}
    times = [sample.time for sample in samples]
    found = {}
    for party in samples[0].cpu:
        used = [sample.cpu.get(party, 0.0) for sample in samples]
        before, after = np.interp([start, end], times, used)
        found[party] = max(0.0, float(after - before)) / (end - start)
    return found


def capacity_of(
    requests: float, *, set_to: float, busy: float, workers: int
) -> tuple[float | None, Literal["set", "estimated"]]:
    """Requests a second that the issuer can answer: what it was set to, or else its workers by the CPU of a request.

    `requests` a second kept its processes `busy` for so many cores. None where it had nothing to do.
    """
    if set_to > 0.0:
        return set_to * workers, "set"
    return (workers * requests / busy if requests > 0.0 and busy > 0.0 else None), "estimated"


def warnings(load: LoadResult, *, saturated: bool) -> list[str]:
    """What a reader must know before believing a point."""
    found = []
    if saturated:
        found.append(
            f"the generator was busy for {load.cpu_share:.0%} of a core and {load.lag_ms_p99:.0f} ms late (p99): "
            "do not trust what people waited"
        )
    if load.exhausted:
        found.append(f"{load.exhausted} arrivals found everybody busy or gone: take more citizens")
    failed = sum(step.failed for step in load.steps.values())
    if failed:
        found.append(f"{failed} requests failed")
    if load.stopped:
        found.append("stopped before its time: fewer arrivals than asked for")
    return found


def _with_delay(public: Public, known: Delay) -> Public:
    return msgspec.structs.replace(public, policy=msgspec.structs.replace(public.policy, delay=known))


def _tidy(folder: Path) -> None:
    """Keys and databases go; ledgers, truth, logs, metrics and the load's own figures stay."""
    shutil.rmtree(folder / "keys", ignore_errors=True)
    for path in folder.glob("*.sqlite*"):
        path.unlink()
