"""The correlogram: which lags between two streams of points are more frequent than by accident.

It needs no labels. Of n points of the second stream, each has λw points of the first in a bin of width w by accident;
what is beyond that is the density of the lag between those that belong together, times n. Times, status indices and
issue dates are all points on a line.

What is by accident is read off lags some times as large on the same side of zero: the rates of both streams change
with the hour and end with the ledger, but hardly between one lag and a few times that lag.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from idverify.privacy.answers import Floats, Ints
from idverify.privacy.delays import Density, histogram
from idverify.privacy.shapes import fitted

PER_DECADE = 8
NEAR, FAR = 4.0, 16.0
"""A lag is compared with lags from 4 to 16 times as large."""
REACHES = (4.0, 12.0, 32.0)
"""The longest lag, as a share of the first stream's span. A long one leaves out half the points, which are too near to
its ends; a short one leaves out few."""
CERTAIN, LIKELY, POSSIBLE = 6.0, 2.5, 1.0
"""Standard deviations beyond accident: that a bin must have to count (about 10^-9 by accident, for the bins of both
sides and all reaches of a hundred pairs of fields below 10^-4), that its neighbours must have to reach as far, and
that a bin within that reach must have."""
SHORTEST = 32.0
"""The longest lag is at least so many times the finest."""
BLOCKS, STEADY, LONG_STEADY = 16, 1.5, 5.0
"""Stretches of the second stream, and Student's t of the excess over them, at least, for short and for long lags: a
rhythm is there all the time, where a rush of both streams, or the end of one, is in some stretches alone."""
LEAST_PAIRS = 8
"""Pairs that stand out, at least: two points that happen to be close make two pairs with a third."""
LEAST_EXPECTED = 1e-3
"""Pairs by accident in a bin, at least."""
LEAST_POINTS = 20
"""Fewer points on either side say too little."""
CELLS = 500_000
"""Lags that are counted at a time."""

Accident: TypeAlias = "tuple[Floats, Floats]"
"""A density of pairs by accident, and its variance."""


@dataclass(frozen=True, slots=True)
class Correlogram:
    """What was found: how many standard deviations the clearest bin lies beyond accident, and the density.

    To find a density takes longer than to see that there is one, and most are not the clearest.
    """

    clearest: float
    find: Callable[[], Density]

    @property
    def density(self) -> Density:
        """The density of the lags."""
        return self.find()


@dataclass(frozen=True, slots=True)
class _Side:
    """Pairs whose lag has one sign: counts in bins from `edges[k]` to `edges[k + 1]`; the first edge is 0.

    Both streams' numbers are known, so that the counts of two bins are as good as independent and Poisson's. Only the
    points at the ends of the first stream are within reach of one lag and not of another: over a stretch of one lag at
    either end the pairs of one point, λ2 times the width, fade out; a third of that squared is left on average.
    """

    edges: Floats
    counts: Floats
    rate: float  # λ2
    span: float

    def pairs(self, first: Ints, last: Ints) -> Floats:
        """How many pairs lie in the bins from each of `first` to before each of `last`."""
        until = np.concatenate([[0.0], np.cumsum(self.counts)])
        found: Floats = until[last] - until[first]
        return found

    def between(self, low: Floats, high: Floats) -> Accident:
        """The density of pairs at lags from each low to each high, and its variance."""
        a = np.minimum(np.searchsorted(self.edges, low), len(self.edges) - 2)
        b = np.maximum(np.minimum(np.searchsorted(self.edges, high), len(self.edges) - 1), a + 1)
        width = self.edges[b] - self.edges[a]
        density = self.pairs(a, b) / width
        return density, np.maximum(density, 1.0 / width) * self.spread(width, self.edges[b]) / width

    def spread(self, width: Floats, lag: Floats) -> Floats:
        """The variance of a count over its mean."""
        return 1.0 + self.rate * width * np.minimum(1.0, 2.0 / 3.0 * lag / self.span)

    def beyond(self, first: Ints, last: Ints, accident: Accident) -> Floats:
        """Standard deviations by which the bins from first to before last exceed what is accidental there.

        Few pairs are not normally distributed; the root of Poisson's deviance, √(2(k ln(k/μ) − k + μ)), nearly is.
        """
        pairs, expected = self.pairs(first, last), self.expected(first, last, accident)
        middle = np.maximum(expected, LEAST_EXPECTED)
        deviance = middle - pairs + pairs * np.log(np.maximum(pairs, 1.0) / middle)
        wider = np.maximum(self.variance(first, last, accident) / np.maximum(expected, 1.0), 1.0)
        return np.copysign(np.sqrt(np.maximum(2.0 * deviance, 0.0) / wider), pairs - middle)

    def expected(self, first: Ints, last: Ints, accident: Accident) -> Floats:
        return accident[0] * (self.edges[last] - self.edges[first])

    def variance(self, first: Ints, last: Ints, accident: Accident) -> Floats:
        width = self.edges[last] - self.edges[first]
        expected = np.maximum(accident[0] * width, 1.0)
        return expected * self.spread(width, self.edges[last]) + accident[1] * width * width


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands out on one side: the clearest deviation, the pairs beyond accident of each bin that counts, and the
    bins that were looked at with their variance."""

    clearest: float
    kept: dict[int, float]
    excess: Floats
    variance: Floats


def correlogram(
    first: Floats,
    second: Floats,
    *,
    least: float = 1e-4,
    signs: tuple[float, ...] = (1.0, -1.0),
    whole: bool = False,
) -> Correlogram | None:
    """The lags `second − first` that stand out; None where none does. Both ascending.

    `least` is the finest lag, `signs` say on which side of zero lags may be. Numbers that are all `whole` have whole
    bins: give `second` half of one more than it is, and take it off the lags that come back.
    """
    if min(len(first), len(second)) < LEAST_POINTS:
        return None
    found = [_within(first, second, least, signs=signs, whole=whole, reach=reach) for reach in REACHES]
    return max((each for each in found if each is not None), key=lambda each: each.clearest, default=None)


def _within(
    first: Floats, second: Floats, least: float, *, signs: tuple[float, ...], whole: bool, reach: float
) -> Correlogram | None:
    """The lags up to 1/reach of the first stream's span."""
    begin, end = first[0], first[-1]
    span = float(end - begin)
    if span <= 0.0:
        return None
    far = max(span / reach, least * SHORTEST)
    # Only points that have all of the first stream's within reach, so that the ends of the ledgers are no lag.
    inner = second[(second >= begin + far) & (second <= end - far)]
    if len(inner) < LEAST_POINTS:
        return None
    steps = math.ceil(math.log10(far / least) * PER_DECADE)
    grid: Floats = least * np.power(10.0, np.arange(steps + 1) / PER_DECADE)
    if whole:
        grid = np.unique(np.maximum(np.round(grid), 1.0))
    edges = np.concatenate([[0.0], grid]).astype(np.float64)
    rate = len(inner) / (span - 2.0 * far)
    # A whole lag of −k is in bin k too, as k is; 0 is on one side alone.
    at = {1.0: inner, -1.0: inner - 1.0 if whole else inner}
    sides = {sign: _Side(edges, _counts(first, at[sign], edges, sign), rate, span) for sign in signs}
    if whole and -1.0 in sides:
        sides[-1.0].counts[0] = 0.0
    found: list[tuple[float, _Side, _Found]] = []
    for sign, side in sides.items():
        outstanding = _standing_out(side)
        if outstanding is not None and _steady(first, {sign: at[sign]}, side, outstanding):
            found.append((sign, side, outstanding))
    if len(found) < 2 <= len(sides):
        # Half to either side may be too little on each.
        whole_side = _Side(edges, np.sum([side.counts for side in sides.values()], axis=0), rate, span)
        outstanding = _standing_out(whole_side)
        clearer = outstanding is not None and all(outstanding.clearest > each.clearest for _, _, each in found)
        if outstanding is not None and clearer and _steady(first, at, whole_side, outstanding):
            found = [(sign, side, _part(side, outstanding)) for sign, side in sides.items()]
    if not found:
        return None
    clearest = max(each.clearest for _, _, each in found)
    return Correlogram(clearest, partial(_density_of, found, len(inner), whole=whole))


def _density_of(found: Sequence[tuple[float, _Side, _Found]], points: int, *, whole: bool) -> Density:
    """The density of what stands out on each side, for so many points of the second stream."""
    if len(found) == 1 and not whole:
        ((sign, side, only),) = found
        shape = fitted(side.edges[: len(only.excess) + 1], only.excess, only.variance, points)
        if shape is not None:
            return shape if sign > 0 else shape.mirrored()
    bins = [
        (sign * (side.edges[k] - back), sign * (side.edges[k + 1] - back), share / points)
        for sign, side, each in found
        for back in (1.0 if whole and sign < 0 else 0.0,)
        for k, share in each.kept.items()
    ]
    return _histogram(bins)


def _part(side: _Side, whole: _Found) -> _Found:
    """One side's pairs in the bins that stand out on both together; a trace at least, so that no bin is empty."""
    high = side.edges[[max(whole.kept) + 1]]
    accident = side.between(high * NEAR, np.minimum(high * FAR, side.edges[-1]))
    bins = np.array(sorted(whole.kept))
    left = np.maximum(side.counts[bins] - side.expected(bins, bins + 1, accident), 0.1)
    kept = dict(zip(bins.tolist(), left.tolist(), strict=True))
    return _Found(whole.clearest, kept, whole.excess, whole.variance)


def _counts(first: Floats, second: Floats, edges: Floats, sign: float) -> Floats:
    """Pairs with a lag of that sign in each bin: those with a lag of at least an edge have first ≤ second − edge.

    A lag of exactly 0 counts as positive.
    """
    some = max(1, CELLS // max(len(second), 1))
    parts = (second - sign * edges[k : k + some, None] for k in range(0, len(edges), some))
    earlier = np.concatenate([np.searchsorted(first, part, side="right").sum(axis=1) for part in parts])
    return np.abs(np.diff(earlier)).astype(np.float64)


def _standing_out(side: _Side) -> _Found | None:
    """The bins of one side that count."""
    most = float(side.edges[-1])
    last = int(np.searchsorted(side.edges, most / NEAR, side="right")) - 1
    if last < 1:
        return None
    bins = np.arange(last)
    ends = side.edges[bins + 1]
    accidents = side.between(ends * NEAR, np.minimum(ends * FAR, most))
    alone = side.beyond(bins, bins + 1, accidents)
    # Many bins that stand out a little, each, stand out together: all lags up to this one.
    together = side.beyond(np.zeros_like(bins), bins + 1, accidents)
    alone[side.counts[:last] < LEAST_PAIRS] = 0.0
    together[np.cumsum(side.counts[:last]) < LEAST_PAIRS] = 0.0
    if max(alone.max(), together.max()) < CERTAIN:
        return None
    reach = int(np.argmax(together)) if together.max() >= CERTAIN else 0
    reach = max(reach, int(np.flatnonzero(alone >= CERTAIN)[-1]) if alone.max() >= CERTAIN else 0)
    while reach + 1 < last and alone[reach + 1] >= LIKELY:
        reach += 1
    accident = accidents[0][reach], accidents[1][reach]
    # The shape is seen a little beyond that reach too, where the rest of it fades into accident.
    seen = np.arange(min(reach + PER_DECADE // 2 + 1, last))
    excess = side.counts[seen] - side.expected(seen, seen + 1, accident)
    variance = side.variance(seen, seen + 1, accident) + np.maximum(excess, 0.0)
    counts = (side.beyond(seen, seen + 1, accident) >= POSSIBLE) | (alone[seen] >= CERTAIN)
    kept = {k: max(float(excess[k]), 0.0) for k in range(reach + 1) if counts[k]}
    if sum(kept.values()) <= 0.0:
        return None
    return _Found(float(max(alone.max(), together.max())), kept, excess, variance)


def _steady(first: Floats, at: dict[float, Floats], side: _Side, found: _Found) -> bool:
    """Whether there is more than accident in nearly all stretches of the second stream, which is `at` for each sign.

    Where lags are so long that there is hardly anything to compare them with, there must be more than at the same lags
    on the other side of zero, too: streams that begin or end are alike on both.
    """
    low, high, most = (float(side.edges[k]) for k in (min(found.kept), max(found.kept) + 1, -1))

    def pairs(one: float, other: float, turned: float = 1.0) -> Floats:
        total = np.zeros(len(next(iter(at.values()))))
        for sign, second in at.items():
            ends = (np.searchsorted(first, second - turned * sign * edge, side="right") for edge in (one, other))
            total += np.abs(np.subtract(*ends))
        return total

    near, far = pairs(low, high), (high * NEAR, min(high * FAR, most))
    controls = [pairs(*far) * (high - low) / (far[1] - far[0])]
    if high * FAR > 2.0 * most:
        controls.append(pairs(low, high, -1.0))
    least = LONG_STEADY if high * FAR > most else STEADY
    for control in controls:
        means = np.array([part.mean() for part in np.array_split(near - control, BLOCKS)])
        if float(means.mean()) < least * float(means.std(ddof=1)) / math.sqrt(BLOCKS) or means.mean() <= 0.0:
            return False
    return True


def _histogram(bins: list[tuple[float, float, float]]) -> Density:
    """A histogram of signed bins; gaps between them are empty."""
    edges = np.unique(np.array([edge for low, high, _ in bins for edge in (low, high)]))
    shares: NDArray[np.float64] = np.zeros(len(edges) - 1)
    for low, high, share in bins:
        shares[np.searchsorted(edges, min(low, high))] = share
    return histogram(edges, shares)
