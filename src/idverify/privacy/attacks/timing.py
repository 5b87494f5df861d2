"""Attack 3, timing: who was issued something just when this account showed something.

Maximum likelihood for each presentation by itself. The density of the delay comes from the published wallet policy,
from a shadow world, or, for an attacker that knows neither, from the correlogram of the two ledgers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idverify.privacy.answers import Answer, Floats, Ints
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.delays import AFTER, Density, of_policy
from idverify.privacy.lags import LEAST_POINTS, Correlogram, correlogram
from idverify.privacy.matching import Agreement, Points, match
from idverify.privacy.view import KNOWS_PEOPLE, Events, View

NAME, WITH_ADDRESS = "timing", "timing_and_address"
MOST_ROUTES = 12
"""Routes of each party that an attacker without knowledge compares."""
DECLARED_FLOOR, FOUND_FLOOR = 1e-4, 1e-2
"""The least probability that a presentation has no issuance: records are lost, and a density that was found may err."""
STAYS, MOVES = 1e-3, 0.05
"""The probability that a wallet shows from another address than it fetched from: where the policy says how many share
one, and else."""
TICKS = (86_400.0, 3_600.0, 60.0, 1.0)
"""Seconds to which a clock, or whoever keeps its times, may round: a day, an hour, a minute, a second."""
LEAST_COMMON = 0.5
"""The share of the target's addresses that the source must have met too, or the two see different things."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Which routes belong together, and at which lag."""

    first_routes: frozenset[str]
    second_routes: frozenset[str]
    density: Density
    floor: float
    origin: str  # in a sentence: from where the density is known


def timing(view: View) -> Answer:
    """Each account by its first presentation."""
    return by_time(view, NAME, every=False, addresses=False)


def timing_and_address(view: View) -> Answer:
    """The same among those who come from the same address."""
    return by_time(view, WITH_ADDRESS, every=False, addresses=True)


def by_time(view: View, name: str, *, every: bool, addresses: bool) -> Answer:
    """The posterior from times: of the first presentation of each account, or of `every` one."""
    if view.source is None:
        return no_answer(view, name, "one party alone has nothing to compare times with")
    first, second = view.dated(view.source), view.dated(view.target)
    if min(len(first.time), len(second.time)) == 0:
        return no_answer(view, name, "a ledger without times has no rhythm")
    sides = view.source, view.target
    rhythm = view.once(("rhythm", view.attacker, *sides), lambda: rhythm_of(view, first, second))
    if rhythm is None:
        return no_answer(view, name, "no lag between the two ledgers is more frequent than by accident")
    return by_rhythm(view, name, rhythm, every=every, addresses=addresses)


def by_rhythm(view: View, name: str, rhythm: Rhythm, *, every: bool, addresses: bool = False) -> Answer:
    """The posterior from a rhythm that is known."""
    assert view.source is not None
    first, second = view.dated(view.source), view.dated(view.target)
    here, there = _on(first, rhythm.first_routes), _on(second, rhythm.second_routes)
    if not every:
        there = there[_first_of_each(second.who[there])]
    if not len(here) or not len(there):
        return no_answer(view, name, "no record is on a route of issuance or of presentation")
    labels, agreement = _addresses(view, first, second, here=here, there=there) if addresses else (None, None)
    if addresses and agreement is None:
        return no_answer(view, name, "all records come from one address, or from none that both have met")
    posterior = match(
        Points(first.who[here], first.time[here], None if labels is None else labels[0]),
        Points(second.who[there], second.time[there], None if labels is None else labels[1]),
        first.names,
        second.names,
        density=rhythm.density,
        floor=rhythm.floor,
        agreement=agreement,
    )
    said = f"time of {_said(rhythm.first_routes)} ~ time of {_said(rhythm.second_routes)}: {rhythm.origin}"
    return answer(view, name, posterior, (said, "network address = network address") if addresses else (said,))


def rhythm_of(view: View, first: Events, second: Events) -> Rhythm | None:
    """The rhythm that this attacker knows or finds."""
    assert view.source is not None
    if view.attacker == "trained":
        return view.learned.rhythm if view.learned else None
    here, there = view.routes(view.source), view.routes(view.target)
    issues = view.public.role(view.source) in KNOWS_PEOPLE
    declared = of_policy(view.public.policy) if view.attacker == "policy" and issues else None
    if declared is not None and here and there:
        return Rhythm(here, there, declared, DECLARED_FLOOR, "the published wallet policy")
    # Whoever knows that credentials are fetched first looks for nothing else.
    before = view.attacker == "policy" and issues and view.public.policy.refill not in AFTER
    known = frozenset(first.route.tolist()) & here, frozenset(second.route.tolist()) & there
    return found_rhythm(first, second, *known, signs=(1.0,) if before else (1.0, -1.0))


def found_rhythm(
    first: Events,
    second: Events,
    here: frozenset[str] = frozenset(),
    there: frozenset[str] = frozenset(),
    *,
    signs: tuple[float, ...] = (1.0, -1.0),
) -> Rhythm | None:
    """The pair of routes whose lags stand out most; routes that are given are not questioned."""
    best: tuple[str, str, Correlogram] | None = None
    there_at = {other: second.time[second.route == other] for other in [*there] or frequent(second.route)}
    for route in [*here] or frequent(first.route):
        here_at = first.time[first.route == route]
        for other, shown in there_at.items():
            found = _lags(here_at, shown, signs=signs)
            if found is not None and (best is None or found.clearest > best[2].clearest):
                best = route, other, found
    if best is None:
        return None
    route, other, found = best
    density = found.density
    floor = max(FOUND_FLOOR, 1.0 - density.share)
    return Rhythm(frozenset((route,)), frozenset((other,)), density, floor, "a lag that stands out")


def _lags(first: Floats, second: Floats, *, signs: tuple[float, ...]) -> Correlogram | None:
    """The lags in seconds that stand out. Where clocks tick it is in ticks: every whole one would stand out."""
    tick = next((each for each in TICKS if _ticks(first, each) and _ticks(second, each)), None)
    if tick is None:
        return correlogram(first, second, signs=signs)
    found = correlogram(first / tick, second / tick + 0.5, least=1.0, whole=True, signs=signs)
    if found is None:
        return None

    def lags() -> Density:
        of = found.density
        return Density(
            (of.low - 0.5) * tick, (of.high - 0.5) * tick, lambda lag: of.of(lag / tick + 0.5) / tick, of.share
        )

    return Correlogram(found.clearest, lags)


def _ticks(times: Floats, tick: float) -> bool:
    """Whether all times are whole multiples of a tick."""
    return bool(np.array_equal(times, np.round(times / tick) * tick))


def frequent(routes: NDArray[np.str_]) -> list[str]:
    """The routes that come often enough to have a rhythm, the most frequent first."""
    names, counts = np.unique(routes, return_counts=True)
    enough = [(int(-count), str(name)) for name, count in zip(names, counts, strict=True) if count >= LEAST_POINTS]
    return [name for _, name in sorted(enough)[:MOST_ROUTES]]


def _on(events: Events, routes: frozenset[str]) -> Ints:
    return np.flatnonzero(np.isin(events.route, sorted(routes)))


def _first_of_each(who: Ints) -> Ints:
    """Places of the first event of each; events are in the order of time."""
    return np.sort(np.unique(who, return_index=True)[1])


def _addresses(
    view: View, first: Events, second: Events, *, here: Ints, there: Ints
) -> tuple[tuple[Ints, Ints] | None, Agreement | None]:
    """Addresses as labels, and what it says that they are equal: the rarer one is, the more."""
    one, other = first.peer[here], second.peer[there]
    met = {str(peer) for peer in one if peer is not None}
    theirs = {str(peer) for peer in other if peer is not None}
    known = sorted(met | theirs)
    if len(known) < 2 or len(met & theirs) < LEAST_COMMON * len(theirs):
        return None, None
    number = {peer: place for place, peer in enumerate(known)}
    labels = tuple(
        np.asarray([number[str(p)] if p is not None else -1 for p in side], dtype=np.int64) for side in (one, other)
    )
    counts = np.bincount(labels[0][labels[0] >= 0], minlength=len(known)).astype(np.float64)
    frequency: Floats = np.maximum(counts, 0.5) / max(counts.sum(), 1.0)
    declared = view.attacker == "policy" and view.public.policy.users_per_address is not None
    moved = view.learned.moved.get("peer", MOVES) if view.learned else STAYS if declared else MOVES
    return (labels[0], labels[1]), Agreement((1.0 - moved) / frequency, moved)


def _said(routes: frozenset[str]) -> str:
    return " or ".join(sorted(routes))
