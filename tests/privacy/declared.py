"""Every comparison of the tests with what chance should give, in one place, with its rate of false alarms.

FAMILY is declared beforehand: the probability that any of them fails although all is well. With m comparisons each
interval has the confidence (1 − FAMILY)^(1/m). Each also states a mistake, and must exclude the value that this
would give, so that no comparison passes whatever happens. Everything else in the tests that looks like chance has a
fixed seed, and is the same each time; what has to hold over all cells of `make oracles` is declared there.

    python -m tests.privacy.declared 20     all of them with 20 seeds: false alarms, and mistakes not noticed
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from idverify.privacy.anonymity import Judged, judge
from idverify.privacy.answers import Answer
from idverify.privacy.attack import attack
from idverify.privacy.delays import density
from idverify.privacy.joining import FALSE_ALARM
from idverify.privacy.lags import correlogram
from idverify.privacy.matching import Points, match
from idverify.privacy.public import Delay
from idverify.scheme import Info
from idverify.schemes import SCHEMES
from idverify.simulation import delays, theory
from idverify.simulation.oracles.attacked import I_P, P_P, blocks, share_of, world
from idverify.simulation.oracles.cell import Cell, Judgement, Mean, Share, coins, confidence_of, judged
from idverify.simulation.oracles.real import issuer_recognises, platforms_recognise, real_worlds
from idverify.simulation.scenario import Scenario
from tests.privacy.ledgers import write_ledgers

FAMILY = 0.001
PEOPLE = 2_000
VILLAGE, VILLAGES = 50, 10
"""Ten worlds of 50 are 500 trials: 490 tell 2/N from 1/N at the usual 5 % and 80 %."""
STREAMS = 40
LEDGERS = 10
DELAYS: Mapping[str, Delay] = {
    each.name: each for each in (delays.exponential(10.0), delays.uniform(30.0), delays.lognormal(10.0, 1.0))
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One cell, and how it is measured with a seed."""

    cell: Cell
    measure: Callable[[int], Share | Mean]

    def judged(self, seed: int) -> Judgement:
        """The measurement at the declared confidence."""
        return judged(self.cell, self.measure(seed), confidence=CONFIDENCE)


@cache
def crowd(name: str, seed: int) -> Judged:
    """One issuance a second, each shown after its delay, and the timing attack's answer; account n is person n.

    The streams are a ring, so that nobody is at an end of them and hides among fewer.
    """
    delay, chance = DELAYS[name], np.random.default_rng(seed)
    issued = np.sort(chance.uniform(0.0, PEOPLE, PEOPLE))
    drawn = {
        "exponential": lambda: chance.exponential(delay.parameters["mean"], PEOPLE),
        "uniform": lambda: chance.uniform(0.0, delay.parameters["high"], PEOPLE),
        "lognormal": lambda: delay.parameters["median"] * np.exp(chance.normal(0.0, delay.parameters["sigma"], PEOPLE)),
    }[name]()
    who = chance.permutation(PEOPLE)
    known = density(delay)
    assert known is not None
    laps = np.ceil(known.high / PEOPLE)
    before = [issued - lap * PEOPLE for lap in np.arange(laps, 0, -1)]
    shown = (issued + drawn) % PEOPLE
    order = np.argsort(shown)
    first = Points(np.tile(who, len(before) + 1), np.concatenate([*before, issued]))
    names = [f"{n:05d}" for n in range(PEOPLE)]
    posterior = match(first, Points(who[order], shown[order]), names, names, density=known, floor=1e-4)
    answer = Answer("timing", "policy", ("i", "p"), "i", "p", PEOPLE, posterior)
    return judge(answer, {name: {name} for name in names})


def hits(name: str) -> Callable[[int], Share]:
    """Top-1 hits of the timing attack."""
    return lambda seed: Share(coins(crowd(name, seed).success, seed), PEOPLE)


def crowd_set(name: str) -> Callable[[int], Mean]:
    """The scored set, as the mean of the truth's bits in stretches of the streams."""
    return lambda seed: Mean(blocks(-np.log2(crowd(name, seed).truth)), power=True)


@cache
def villages(seed: int) -> dict[str, list[Judged]]:
    """Small worlds with the schemes' own code: of issuer and platform, and of two platforms, that share nothing."""

    def silent(info: Info) -> bool:
        return info.signed and info.usual and not issuer_recognises(info) and platforms_recognise(info) is False

    schemes = islice(cycle([scheme for scheme in SCHEMES.values() if silent(scheme.info)]), VILLAGES)
    found: dict[str, list[Judged]] = {"ip": [], "pp": []}
    for number, scheme in enumerate(schemes):
        one, other = real_worlds(scheme, VILLAGE, [I_P, P_P], seed=seed * 1_000 + number)
        found["ip"].append(one)
        found["pp"].append(other)
    return found


def revoked(seed: int) -> Share:
    """Accounts that were refused after an update that revoked four."""
    scenario = Scenario(
        row="selective disclosure", citizens=400, exactly=1, delay=delays.exponential(3_000.0), status="list",
        revoked=4, updates=20,
    )  # fmt: skip
    return share_of([world(scenario, seed, attack="revocation")], seed)


def joins_of_nothing(seed: int) -> Share:
    """Pairs of ledgers with random eight-digit hex values (32 bits) and a public constant, in which a link is seen."""
    alarms = 0
    with TemporaryDirectory() as place:
        for number in range(LEDGERS):
            chance = random.Random(seed * 1_000 + number)
            ledgers = {
                party: [
                    (f"{party}{n}", {"value": f"{chance.getrandbits(32):08x}", "key": "public-constant-of-all"})
                    for n in range(60)
                ]
                for party in P_P
            }
            folder = write_ledgers(Path(place) / str(number), ledgers)
            alarms += bool(attack(folder, P_P, attacks=["exact_join"], schemes={})[0].pairs)
    return Share(alarms, LEDGERS)


def rhythms_of_nothing(seed: int) -> Share:
    """Pairs of unrelated streams of points in which a rhythm is seen."""
    chance = np.random.default_rng(seed)
    streams = [[np.sort(chance.uniform(0.0, 1000.0, 1500)) for _ in range(2)] for _ in range(STREAMS)]
    return Share(sum(correlogram(one, other) is not None for one, other in streams), STREAMS)


def _timed(name: str) -> Comparison:
    right, wrong = (theory.timing(DELAYS[name], rate) for rate in (1.0, 3.0))
    return Comparison(Cell(f"timing.{name}", "top-1", right, wrong, "three times as many were about"), hits(name))


COMPARISONS: Sequence[Comparison] = (
    _timed("exponential"),
    _timed("uniform"),
    _timed("lognormal"),
    Comparison(
        Cell(
            "set.uniform",
            "scored set",
            theory.survivor_set(PEOPLE, 30.0 / PEOPLE),
            20.0,
            "a third were not seen",
            "persons",
        ),
        crowd_set("uniform"),
    ),
    Comparison(
        Cell("baseline.ip", "issuer and platform, schemes that hide", 1 / VILLAGE, 0.1, "one in twelve were known"),
        lambda seed: share_of(villages(seed)["ip"], seed),
    ),
    Comparison(
        Cell("baseline.pp", "two platforms, schemes that hide", 1 / VILLAGE, 0.1, "one in twelve were known"),
        lambda seed: share_of(villages(seed)["pp"], seed + 1),
    ),
    Comparison(Cell("revocation", "one of four that were revoked", 0.25, 1.0, "each were revoked alone"), revoked),
    Comparison(
        Cell("alarms.join", "links between unrelated ledgers", FALSE_ALARM, 0.75, "accident were taken for a link"),
        joins_of_nothing,
    ),
    Comparison(
        Cell("alarms.lags", "rhythms of unrelated streams", 0.0, 0.5, "accident were taken for a rhythm"),
        rhythms_of_nothing,
    ),
)
CONFIDENCE = confidence_of(len(COMPARISONS), family=FAMILY)


def main(seeds: int) -> int:
    """Each comparison with each seed; 1 if there were more alarms than the declared rate explains."""
    alarms = 0
    for each in COMPARISONS:
        found = [each.judged(seed) for seed in range(1, seeds + 1)]
        off = sum(not one.agrees for one in found)
        missed = sum(not one.has_power for one in found)
        values = [one.measured.value for one in found]
        print(
            f"{each.cell.name:<20} expected {each.cell.expected:.4g}, mean {math.fsum(values) / seeds:.4g}; of {seeds}"
            f" seeds {off} alarms, {missed} that would not have noticed that {each.cell.mistake}",
            flush=True,
        )
        alarms += off
    expected = seeds * FAMILY
    print(f"{alarms} alarms, where {expected:.2g} are expected ({FAMILY:.1%} for each seed)")
    return int(alarms > expected + 3.0 * math.sqrt(expected) + 1.0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
