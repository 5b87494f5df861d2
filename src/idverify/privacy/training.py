"""Training on a shadow world: the attacker builds a world like the real one, with another seed, and knows its truth.

It learns the rhythm from the lags of those that truly belong together, and for each feature (address, client, issuer
key, status list) how often one person shows two values. It never sees the truth of the world that it attacks.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from idverify.privacy.answers import Floats, Ints
from idverify.privacy.attacks.partition import groups, in_common
from idverify.privacy.attacks.timing import FOUND_FLOOR, Rhythm, frequent
from idverify.privacy.delays import Density, histogram
from idverify.privacy.engine import asked
from idverify.privacy.lags import LEAST_POINTS, PER_DECADE
from idverify.privacy.score import read_truth, right_answers
from idverify.privacy.shadow import Learned
from idverify.privacy.view import Events, View

if TYPE_CHECKING:
    from ibis.expr.types import Table

LEAST_LAG = 1e-4
NOTICED = 3.0
"""Standard deviations beyond accident that a bin of lags must have to be learned."""


def learn(view: View, truth: Path) -> Learned:
    """What the shadow world teaches about this coalition. Raises BadEnvironment for a file that is no truth."""
    if view.source is None:
        return Learned()
    right = right_answers(read_truth(truth), source=view.source, target=view.target)
    first, second = view.dated(view.source), view.dated(view.target)
    moved = _moved(view, first, second, right=right) | _regrouped(view, right)
    return Learned(_rhythm(first, second, right), moved)


def _rhythm(first: Events, second: Events, right: Mapping[str, Set[str]]) -> Rhythm | None:
    """The pair of routes with the narrowest lags between what belongs to the same person."""
    person = _person(first.names, second.names, right)
    best: tuple[float, Rhythm] | None = None
    for route in frequent(first.route):
        for other in frequent(second.route):
            here, there = first.route == route, second.route == other
            found = _density(first.who[here], first.time[here], person[second.who[there]], second.time[there])
            if found is not None and (best is None or found[1] > best[0]):
                floor = max(FOUND_FLOOR, 1.0 - found[0].share)
                best = (
                    found[1],
                    Rhythm(frozenset((route,)), frozenset((other,)), found[0], floor, "learned in a shadow world"),
                )
    return best[1] if best else None


def _person(names: tuple[str, ...], subjects: tuple[str, ...], right: Mapping[str, Set[str]]) -> Ints:
    """For each target the place of a candidate that is the same person, −1 where there is none."""
    place = {name: number for number, name in enumerate(names)}
    found = np.full(len(subjects), -1, dtype=np.int64)
    for number, subject in enumerate(subjects):
        known = [place[name] for name in sorted(right.get(subject, ())) if name in place]
        if known:
            found[number] = known[0]
    return found


def _density(who: Ints, time: Floats, person: Ints, shown: Floats) -> tuple[Density, float] | None:
    """The density of lags within persons, and how much it tells: the mean of log2(density × span), in bits."""
    known = person >= 0
    person, shown = person[known], shown[known]
    if min(len(who), len(person)) < LEAST_POINTS:
        return None
    begin, end = min(time[0], shown[0]), max(time[-1], shown[-1])
    span = float(end - begin)
    if span <= 0.0:
        return None
    # Every person on a stretch of time of their own, so that only their own points are near each other.
    stretch = 3.0 * span
    first = np.sort(time - begin + who * stretch)
    second = np.sort(shown - begin + person * stretch)
    steps = int(np.ceil(np.log10(span / LEAST_LAG) * PER_DECADE))
    grid: Floats = np.append(LEAST_LAG * np.power(10.0, np.arange(steps) / PER_DECADE), span)
    edges = np.concatenate([-grid[::-1], [0.0], grid]).astype(np.float64)
    at_least = np.array([np.searchsorted(first, second - edge, side="right").sum() for edge in edges])
    counts = np.asarray(at_least[:-1] - at_least[1:], dtype=np.float64)
    rate = len(first) / max(len(np.unique(who)), 1) / span
    accident = len(second) * rate * np.diff(edges)
    beyond = (counts - accident) / np.sqrt(np.maximum(accident, 1.0))
    shares = np.where(beyond >= NOTICED, np.maximum(counts - accident, 0.0), 0.0) / len(second)
    if not shares.any():
        return None
    told = float(np.sum(np.where(shares > 0, shares * np.log2(np.maximum(shares / np.diff(edges) * span, 1e-9)), 0.0)))
    return histogram(edges, shares), told


def _moved(view: View, first: Events, second: Events, *, right: Mapping[str, Set[str]]) -> dict[str, float]:
    """For address and client: how often the same person shows one that the other party has not met of them."""
    found = {}
    for name in ("peer", "agent"):
        values: dict[str, set[str]] = {}
        for who, value in zip(first.who.tolist(), getattr(first, name), strict=True):
            if value is not None:
                values.setdefault(first.names[who], set()).add(str(value))
        came, elsewhere = 0, 0
        for who, value in zip(second.who.tolist(), getattr(second, name), strict=True):
            known = set().union(*(values.get(person, set()) for person in right.get(second.names[who], ())))
            if value is None or not known:
                continue
            came, elsewhere = came + 1, elsewhere + (str(value) not in known)
        if came >= LEAST_POINTS:
            found[name] = _share(elsewhere, came)
    return found


def _regrouped(view: View, right: Mapping[str, Set[str]]) -> dict[str, float]:
    """For each grouping of both ledgers: how often the same person is in another group at the other party."""
    shared = in_common(view)
    if not shared:
        return {}
    here, there = (_groups(view, side) for side in groups(view))
    found = {}
    for each in shared:
        came, elsewhere = 0, 0
        for subject, shown in there.get(each.name, {}).items():
            known = set[str]().union(*(here[each.name].get(person, set()) for person in right.get(subject, ())))
            if known:
                came, elsewhere = came + 1, elsewhere + known.isdisjoint(shown)
        if came >= LEAST_POINTS:
            found[each.name] = _share(elsewhere, came)
    return found


def _groups(view: View, table: Table) -> dict[str, dict[str, set[str]]]:
    """For each grouping the groups of each subject."""
    found: dict[str, dict[str, set[str]]] = {}
    columns = asked(view.engine, _in_groups, table)
    for feature, subject, value in zip(*(column.to_pylist() for column in columns.columns), strict=True):
        found.setdefault(feature, {}).setdefault(subject, set()).add(value)
    return found


def _in_groups(table: Table) -> Table:
    return table.select("feature", "subject", "value")


def _share(elsewhere: int, came: int) -> float:
    """Jeffreys' estimate, neither never nor nearly always."""
    return min(max((elsewhere + 0.5) / (came + 1.0), 1e-4), 0.9)
