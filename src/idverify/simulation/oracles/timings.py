"""Cells on time: one presentation, many others, addresses, repeated logins, and how wallets refill."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from idverify.privacy.public import Delay
from idverify.simulation import delays, theory
from idverify.simulation.oracles.attacked import bits, scored_set, share_of, world, worlds
from idverify.simulation.oracles.cell import Cell, Experiment, Measured
from idverify.simulation.scenario import DAY, Scenario

PEOPLE: Final = 6_000
"""Targets of one timing cell."""
EXPONENTIAL, UNIFORM = delays.exponential(30.0), delays.uniform(60.0)
LOGNORMAL, SHIFTED = delays.lognormal(20.0, 0.8), delays.uniform(50.0, low=10.0)


def crowd(delay: Delay, others: float, *, people: int = PEOPLE, row: str = "blind tokens") -> Scenario:
    """Everybody logs in once, so that on average so many others ask during one mean delay: λE[D] = others."""
    seconds = people * delays.mean(delay) / others
    return Scenario(row=row, citizens=people, exactly=1, days=seconds / DAY, delay=delay)


def _rate(scenario: Scenario) -> float:
    """λ without the target itself: the others' issuances per second."""
    return (scenario.citizens - 1) / scenario.seconds


def _timing(name: str, title: str, delay: Delay, others: float, *, factor: float) -> Experiment:
    """Top-1 by time alone; the mistake is a rate that is `factor` times as high."""
    scenario = crowd(delay, others)
    rate = _rate(scenario)
    cell = Cell(
        f"timing.{name}",
        f"timing, {title}, λE[D] = {others:g}: top-1",
        theory.timing(delay, rate),
        theory.timing(delay, rate * factor),
        f"λ were {factor:g} times as high",
    )
    return Experiment((cell,), lambda _, seed: {cell.name: share_of([world(scenario, seed)], seed)})


def _crowded(name: str, title: str, delay: Delay, others: float) -> Experiment:
    """A large λ: the scored set, and top-1 from the peak of the density."""
    scenario = crowd(delay, others)
    rate = _rate(scenario)
    top = Cell(
        f"timing.{name}.crowded",
        f"timing, {title}, λE[D] = {others:g}: top-1 as f_max/λ",
        theory.timing_crowded(delay, rate),
        theory.timing_crowded(delay, rate * 2.5),
        "λ were 2.5 times as high",
    )
    size = Cell(
        f"set.{name}",
        f"effective set, {title}, λE[D] = {others:g}: λ·2^h",
        theory.effective_set(delay, rate),
        theory.effective_set(delay, rate * 1.2),
        "λ were a fifth higher",
        "persons",
    )

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        found = [world(scenario, seed)]
        return {top.name: share_of(found, seed), size.name: scored_set(found)}

    return Experiment((top, size), run)


def _after_use(delay: Delay, others: float) -> Experiment:
    """The wallet refills after each use: the same formula with time running backwards."""
    scenario = replace(crowd(delay, others), refill="after_use")
    rate = _rate(scenario)
    cell = Cell(
        "refill.after_use",
        f"refill at once after use, exponential, λE[D] = {others:g}: top-1 after one login",
        theory.timing(delay, rate),
        theory.chance(scenario.citizens),
        "the refill gave nothing away",
    )
    return Experiment((cell,), lambda _, seed: {cell.name: share_of([world(scenario, seed)], seed)})


def _delayed(others: float) -> Experiment:
    """A refill at any time of the hour after a use."""
    delay = delays.uniform(3_600.0)
    scenario = replace(crowd(delay, others), refill="delayed")
    cell = Cell(
        "refill.delayed",
        f"refill within the hour after use, λE[D] = {others:g}: effective set",
        theory.survivor_set(scenario.citizens, 3_600.0 / scenario.seconds),
        theory.survivor_set(scenario.citizens, 1_800.0 / scenario.seconds),
        "it were half an hour",
        "persons",
    )
    return Experiment((cell,), lambda _, seed: {cell.name: scored_set([world(scenario, seed)])})


def _schedule() -> Experiment:
    """A fixed schedule: issuance is tied to no login, so that chance is left."""
    scenario = Scenario(citizens=50, exactly=1, days=2.0, refill="schedule")
    cell = Cell(
        "refill.schedule",
        "refill on a fixed schedule, N = 50: top-1",
        theory.chance(50),
        theory.timing(scenario.delay, 50 / scenario.seconds),
        "wallets refilled just in time",
    )
    return Experiment((cell,), lambda _, seed: {cell.name: share_of(worlds(scenario, seed, number=10), seed)})


def _split() -> Experiment:
    """A split attester: time links attester and platform; the token issuer alone knows nobody."""
    delay, others = EXPONENTIAL, 2.0
    scenario = crowd(delay, others, people=3_000, row="blind tokens, split attester")
    rate = _rate(scenario)
    cell = Cell(
        "timing.split_attester",
        f"timing, attester and platform, exponential, λE[D] = {others:g}: top-1",
        theory.timing(delay, rate),
        theory.timing(delay, rate * 1.5),
        "λ were half as high again",
    )
    coalition = ("attester", "platform_a")
    return Experiment(
        (cell,), lambda _, seed: {cell.name: share_of([world(scenario, seed, coalition=coalition)], seed)}
    )


def _address(behind: int, others: float) -> Experiment:
    """Everybody has an address that others share: they hide among those alone."""
    mean = delays.mean(EXPONENTIAL)
    seconds = behind * mean / others
    scenario = replace(crowd(EXPONENTIAL, others), days=seconds / DAY, behind=behind)
    cell = Cell(
        f"timing.address.{behind}",
        f"timing and address, k = {behind} behind each, r·k·E[D] = {others:g}: top-1",
        theory.timing(EXPONENTIAL, (behind - 1) / seconds),
        theory.timing(EXPONENTIAL, _rate(scenario)),
        "addresses said nothing",
    )
    return Experiment(
        (cell,), lambda _, seed: {cell.name: share_of([world(scenario, seed, attack="timing_and_address")], seed)}
    )


WINDOW: Final = 60.0


def _repeated(people: int, logins: int, *, elsewhere: int, share: float) -> Scenario:
    """Each person's requests lie in the window before a login with probability `share` each."""
    delay = delays.uniform(WINDOW)
    return Scenario(citizens=people, exactly=logins, elsewhere=elsewhere, days=WINDOW / share / DAY, delay=delay)


def _bits(people: int, *, q: float = 0.02) -> Experiment:
    scenario = _repeated(people, 1, elsewhere=0, share=q)
    expected = math.log2(people) - math.log2(theory.survivor_set(people, q))
    cell = Cell(
        f"repeated.bits.{people}",
        f"one login just in time, N = {people:,}, r·2^h = {q:g}: bits, −log2(r·2^h)",
        expected,
        expected - math.log2(1.5),
        "people asked half as often again",
        "bits",
    )
    return Experiment(
        (cell,), lambda _, seed: {cell.name: bits([world(scenario, seed, attack="intersection")], people)}
    )


def _share(people: int, uses: int, logins: int, others: float) -> float:
    """The share of all time that a window is, so that so many others fit all logins on average (by bisection)."""
    low, high = 0.0, 0.3
    for _ in range(60):
        middle = (low + high) / 2.0
        if people * theory.fits(middle, uses, logins=logins) < others:
            low = middle
        else:
            high = middle
    return high


def _identified(people: int, logins: int, *, elsewhere: int, others: float) -> Experiment:
    """Several logins: who else fits them all by accident; `others` is how many do on average."""
    uses = logins + elsewhere
    share = _share(people, uses, logins, others)
    scenario = _repeated(people, logins, elsewhere=elsewhere, share=share)
    cell = Cell(
        f"repeated.top1.{logins}" + (".elsewhere" if elsewhere else ""),
        f"{logins} logins just in time of {uses}, N = {people:,}, of whom {others:g} fit by accident: top-1",
        theory.survivors(people, theory.fits(share, uses, logins=logins)),
        theory.survivors(people, theory.fits(share, uses, logins=logins - 1)),
        "one login told nothing",
    )
    return Experiment(
        (cell,), lambda _, seed: {cell.name: share_of([world(scenario, seed, attack="intersection")], seed)}
    )


def _prefetch(logins: int, *, elsewhere: int, batch: int = 4) -> Experiment:
    """A wallet that fetches a batch when it is empty gives itself away at the logins that find it so."""
    delay = delays.uniform(5.0)
    people = 3_000 if not elsewhere else 1_500
    uses = logins + elsewhere
    seconds = people * uses / batch * 250.0  # a refill of somebody else in 2 of 100 windows
    scenario = Scenario(
        citizens=people,
        exactly=logins,
        elsewhere=elsewhere,
        days=seconds / DAY,
        delay=delay,
        refill="when_empty",
        batch=batch,
    )
    found = theory.timing(delay, scenario.issuance_rate)
    expected = theory.prefetch_among(batch, logins, uses) if elsewhere else theory.prefetch_in_a_row(batch, logins)
    cell = Cell(
        f"prefetch.{logins}.{'elsewhere' if elsewhere else 'in_a_row'}",
        f"prefetch of B = {batch} when empty, {logins} logins"
        + (
            f" among {uses}: top-1, 1 − C(uses − uses/B, n)/C(uses, n)"
            if elsewhere
            else ", all of them seen: top-1, n/B"
        ),
        found * expected,
        found * theory.prefetch(batch // 2, logins),
        f"the batch were {batch // 2}",
    )
    return Experiment(
        (cell,), lambda _, seed: {cell.name: share_of([world(scenario, seed, attack="intersection")], seed)}
    )


EXPERIMENTS: Final[tuple[Experiment, ...]] = (
    _timing("exponential.0.5", "exponential", EXPONENTIAL, 0.5, factor=1.4),
    _timing("exponential.3", "exponential", EXPONENTIAL, 3.0, factor=1.5),
    _timing("uniform.3", "uniform", UNIFORM, 3.0, factor=1.5),
    _timing("uniform.shifted.2", "uniform from 10 to 50 s", SHIFTED, 2.0, factor=1.5),
    _timing("lognormal.3", "lognormal", LOGNORMAL, 3.0, factor=1.5),
    _timing("exponential.20", "exponential", EXPONENTIAL, 20.0, factor=2.5),
    _crowded("exponential", "exponential", EXPONENTIAL, 50.0),
    _crowded("uniform", "uniform", UNIFORM, 50.0),
    _crowded("lognormal", "lognormal", LOGNORMAL, 50.0),
    _after_use(EXPONENTIAL, 0.4),
    _delayed(20.0),
    _schedule(),
    _split(),
    _address(60, 0.5),
    _address(600, 3.0),
    _bits(1_000),
    _bits(4_000),
    _identified(3_000, 2, elsewhere=0, others=1.0),
    _identified(1_500, 2, elsewhere=10, others=0.5),
    _prefetch(1, elsewhere=0),
    _prefetch(2, elsewhere=0),
    _prefetch(2, elsewhere=18),
)
