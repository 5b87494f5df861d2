"""The correlogram: which lags between two streams of points are more frequent than by accident.

It needs no labels. Of n points of the second stream, each has λw points of the first in a bin of width w by accident;
what is beyond that is the density of the lag between those that belong together, times n. Times, status indices and
issue dates are all points on a line.

What is by accident is read off lags some times as large on the same side of zero: the rates of both streams change
with the hour and end with the ledger, but hardly between one lag and a few times that lag.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idverify.privacy.answers import Floats
from idverify.privacy.delays import Density, histogram

PER_DECADE = 8
NEAR, FAR = 4.0, 16.0
"""A lag is compared with lags from 4 to 16 times as large."""
CERTAIN, LIKELY, POSSIBLE = 6.5, 2.5, 1.0
"""Standard deviations beyond accident: that a bin must have to count (about 10^-7 by accident, for a hundred bins of a
hundred pairs of fields), that its neighbours must have to reach as far, and that a bin within that reach must have."""
LEAST_POINTS = 20
"""Fewer points on either side say too little."""


@dataclass(frozen=True, slots=True)
class Correlogram:
    """What was found: the density, and how many standard deviations the clearest bin lies beyond accident."""

    density: Density
    clearest: float


@dataclass(frozen=True, slots=True)
class _Side:
    """Pairs whose lag has one sign: counts in bins from `edges[k]` to `edges[k + 1]`; the first edge is 0."""

    edges: Floats
    counts: Floats
    shared: float  # λ1 + λ2: pairs in a wide bin share points, so that their number varies more than Poisson's

    def between(self, low: float, high: float) -> tuple[float, float]:
        """The density of pairs at lags from low to high, and its variance."""
        a, b = np.searchsorted(self.edges, [low, high])
        a, b = int(min(a, len(self.edges) - 2)), int(min(b, len(self.edges) - 1))
        if b <= a:
            b = a + 1
        width = float(self.edges[b] - self.edges[a])
        density = float(self.counts[a:b].sum()) / width
        return density, max(density, 1.0 / width) * (1.0 + self.shared * width) / width

    def beyond(self, first: int, last: int, accident: tuple[float, float]) -> float:
        """Standard deviations by which the bins from first to before last exceed what is accidental there."""
        width = float(self.edges[last] - self.edges[first])
        expected = accident[0] * width
        variance = max(expected, 1.0) * (1.0 + self.shared * width) + accident[1] * width * width
        return float((self.counts[first:last].sum() - expected) / math.sqrt(variance))


def correlogram(
    first: Floats, second: Floats, *, least: float = 1e-4, signs: tuple[float, ...] = (1.0, -1.0)
) -> Correlogram | None:
    """The lags `second − first` that stand out; None where none does. Both ascending.

    `least` is the finest lag, `signs` say on which side of zero lags may be.
    """
    if min(len(first), len(second)) < LEAST_POINTS:
        return None
    begin, end = first[0], first[-1]
    span = float(end - begin)
    if span <= 0.0:
        return None
    far = max(span / 4.0, least * 100.0)
    # Only points that have all of the first stream's within reach, so that the ends of the ledgers are no lag.
    inner = second[(second >= begin + far) & (second <= end - far)]
    if len(inner) < LEAST_POINTS:
        return None
    steps = math.ceil(math.log10(far / least) * PER_DECADE)
    grid: Floats = least * np.power(10.0, np.arange(steps + 1) / PER_DECADE)
    edges = np.concatenate([[0.0], grid]).astype(np.float64)
    shared = (len(first) + len(second)) / span
    sides = (
        (1.0, _Side(edges, _earlier(first, inner, edges), shared)),
        (-1.0, _Side(edges, _later(first, inner, edges), shared)),
    )
    clearest, bins = 0.0, []
    for sign, side in sides:
        found = _standing_out(side) if sign in signs else None
        if found is not None:
            clearest = max(clearest, found[0])
            bins += [
                (sign * side.edges[k], sign * side.edges[k + 1], share / len(inner)) for k, share in found[1].items()
            ]
    if not bins:
        return None
    return Correlogram(_density(bins), clearest)


def _earlier(first: Floats, second: Floats, edges: Floats) -> Floats:
    """Pairs with a lag in each bin: those with a lag of at least an edge have first ≤ second − edge."""
    at_least = np.array([np.searchsorted(first, second - edge, side="right").sum() for edge in edges])
    return np.asarray(at_least[:-1] - at_least[1:], dtype=np.float64)


def _later(first: Floats, second: Floats, edges: Floats) -> Floats:
    """The same for negative lags; one of exactly 0 counts as positive."""
    beyond = np.array([(len(first) - np.searchsorted(first, second + edge, side="right")).sum() for edge in edges])
    return np.asarray(beyond[:-1] - beyond[1:], dtype=np.float64)


def _standing_out(side: _Side) -> tuple[float, dict[int, float]] | None:
    """The clearest bin's deviation, and for each bin that counts its pairs beyond accident."""
    most = float(side.edges[-1])
    last = int(np.searchsorted(side.edges, most / NEAR, side="right")) - 1
    if last < 1:
        return None
    accidents = [side.between(side.edges[k + 1] * NEAR, min(side.edges[k + 1] * FAR, most)) for k in range(last)]
    alone = np.array([side.beyond(k, k + 1, accident) for k, accident in enumerate(accidents)])
    # Many bins that stand out a little, each, stand out together: all lags up to this one.
    together = np.array([side.beyond(0, k + 1, accident) for k, accident in enumerate(accidents)])
    if max(alone.max(), together.max()) < CERTAIN:
        return None
    reach = int(np.argmax(together)) if together.max() >= CERTAIN else 0
    reach = max(reach, int(np.flatnonzero(alone >= CERTAIN)[-1]) if alone.max() >= CERTAIN else 0)
    while reach + 1 < last and alone[reach + 1] >= LIKELY:
        reach += 1
    accident = accidents[reach]
    kept: dict[int, float] = {}
    for k in range(reach + 1):
        if side.beyond(k, k + 1, accident) >= POSSIBLE or alone[k] >= CERTAIN:
            kept[k] = max(float(side.counts[k] - accident[0] * (side.edges[k + 1] - side.edges[k])), 0.0)
    if sum(kept.values()) <= 0.0:
        return None
    return float(max(alone.max(), together.max())), kept


def _density(bins: list[tuple[float, float, float]]) -> Density:
    """A histogram of signed bins; gaps between them are empty."""
    edges = np.unique(np.array([edge for low, high, _ in bins for edge in (low, high)]))
    shares: NDArray[np.float64] = np.zeros(len(edges) - 1)
    for low, high, share in bins:
        shares[np.searchsorted(edges, min(low, high))] = share
    return histogram(edges, shares)
