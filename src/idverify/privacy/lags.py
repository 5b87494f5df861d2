"""The correlogram: which lags between two streams of points are more frequent than by accident.

It needs no labels. Of n points of the second stream, each has λw points of the first in a bin of width w by accident;
what is beyond that is the density of the lag between those that belong together, times n. Times, status indices and
issue dates are all points on a line.

The accidental number is that of the first stream's rate around each point of the second, at a scale some ten times the
lag, so that days and nights and the ends of a ledger are no lag.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from idverify.privacy.answers import Floats
from idverify.privacy.delays import Density, histogram

PER_DECADE = 8
AROUND = 20.0
CERTAIN, LIKELY = 5.5, 2.5
"""Standard deviations beyond accident: that a bin must have to count (about 10^-7 by accident, for a hundred bins of a
hundred pairs of fields), and that its neighbours must have to count with it."""
LEAST_POINTS = 20
"""Fewer points on either side say too little."""


@dataclass(frozen=True, slots=True)
class Correlogram:
    """What was found: the density, and how many standard deviations the clearest bin lies beyond accident."""

    density: Density
    clearest: float


def correlogram(first: Floats, second: Floats, *, least: float = 1e-4) -> Correlogram | None:
    """The lags `second − first` that stand out; None where none does. Both ascending; `least` is the finest lag."""
    if min(len(first), len(second)) < LEAST_POINTS:
        return None
    begin, end = min(first[0], second[0]), max(first[-1], second[-1])
    span = float(end - begin)
    if span <= 0.0:
        return None
    far = max(span / 10.0, least * 10.0)
    # Only points that have all of the first stream's within reach, so that the ends of the ledgers do not count.
    inner = second[(second >= begin + far) & (second <= end - far)]
    if len(inner) < LEAST_POINTS:
        return None
    edges = _edges(least, far)
    seen = _counts(first, inner, edges)
    expected = _accidental(first, inner, edges, far=far)
    # Pairs in a wide bin share points, so that their number varies more than a Poisson number does.
    shared = (len(first) + len(second)) / span * np.diff(edges)
    beyond = (seen - expected) / np.sqrt(np.maximum(expected * (1.0 + shared), 1.0))
    kept = _grown(beyond)
    if not kept.any():
        return None
    shares = np.where(kept, np.maximum(seen - expected, 0.0), 0.0) / len(inner)
    return Correlogram(histogram(edges, shares), float(beyond.max()))


def _accidental(first: Floats, second: Floats, edges: Floats, *, far: float) -> Floats:
    """The pairs that each bin has by accident: from the first stream's rate around each point of the second."""
    lag = np.maximum(np.abs(edges[:-1]), np.abs(edges[1:]))
    around = np.minimum(far, AROUND * 10.0 ** np.ceil(np.log10(lag)))
    found: Floats = np.empty(len(lag), dtype=np.float64)
    for reach in np.unique(around):
        near = np.searchsorted(first, second + reach, side="right") - np.searchsorted(first, second - reach)
        bins = around == reach
        found[bins] = near.sum() / (2.0 * reach) * np.diff(edges)[bins]
    return found


def _edges(least: float, most: float) -> Floats:
    """Bins on either side of zero whose width grows with the lag."""
    steps = math.ceil(math.log10(most / least) * PER_DECADE)
    side: Floats = least * np.power(10.0, np.arange(steps + 1) / PER_DECADE)
    return np.concatenate([-side[::-1], side]).astype(np.float64)


def _counts(first: Floats, second: Floats, edges: Floats) -> Floats:
    """Pairs in each bin: those with a lag of at least an edge have first ≤ second − edge."""
    at_least = np.array([np.searchsorted(first, second - edge, side="right").sum() for edge in edges])
    return np.asarray(at_least[:-1] - at_least[1:], dtype=np.float64)


def _grown(beyond: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The bins that stand out, and their neighbours as long as these are likely."""
    kept = beyond >= CERTAIN
    likely = beyond >= LIKELY
    while True:
        grown = kept | (likely & (np.append(kept[1:], False) | np.append(False, kept[:-1])))
        if (grown == kept).all():
            return kept
        kept = grown
