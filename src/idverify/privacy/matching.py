"""From points and a density of lags to a posterior over candidates: maximum likelihood, event by event.

A presentation at time t has its issuance at s with density f(t − s); with probability 1 − π it has none, and then says
nothing. Candidate j, who issues at rate r, has for the n presentations of one target the likelihood ratio

    Π_i ( 1 − π + π · Σ_s f(t_i − s) / r )        s over the issuances of j

against somebody with no part in it. For one presentation and π = 1 that is f over its sum. Matching all events at once
would not be better where delays are memoryless, and is cubic (measurement.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from idverify.privacy.answers import Floats, Ints, Posterior
from idverify.privacy.delays import Density

PAIRS = 4_000_000
"""Pairs of events that are held at a time."""
MOST_ENTRIES = 16_000_000
"""Candidates that all targets together keep; the least likely go into the rest that is shared alike."""
LEAST_KEPT = 64
NEGLIGIBLE = 1e-7


@dataclass(frozen=True, slots=True)
class Points:
    """Points on a line, ascending, and whose they are; `label` is a second thing that may agree, −1 where unknown."""

    who: Ints
    at: Floats
    label: Ints | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """What equal and unequal labels say: factors of the likelihood, one for each label where they are equal."""

    equal: Floats
    unequal: float


def match(
    first: Points,
    second: Points,
    names: Sequence[str],
    subjects: Sequence[str],
    *,
    density: Density,
    floor: float,
    agreement: Agreement | None = None,
) -> Posterior:
    """The posterior of each subject of `second` over the `names` of `first`; `floor` is the least of 1 − π."""
    share = min(density.share, 1.0 - floor)
    span = max(float(first.at[-1] - first.at[0]), density.high - density.low, 1e-9) if len(first.at) else 1.0
    rate = len(first.at) / max(len(names), 1) / span
    order = np.argsort(second.who, kind="stable")
    who, at = second.who[order], second.at[order]
    label = None if second.label is None else second.label[order]
    begin = np.searchsorted(first.at, at - density.high, side="left")
    end = np.searchsorted(first.at, at - density.low, side="right")
    most = max(LEAST_KEPT, MOST_ENTRIES // max(len(subjects), 1))
    rows: list[tuple[Ints, Ints, Floats]] = []
    repeated = _repeats(first.who), _repeats(who)
    for part in _parts(who, end - begin):
        pair, issue = _pairs(begin[part], end[part])
        event = pair + part.start
        weight = density.of(at[event] - first.at[issue])
        if agreement is not None and label is not None and first.label is not None:
            same = (label[event] == first.label[issue]) & (label[event] >= 0)
            weight = weight * np.where(same, agreement.equal[label[event]], agreement.unequal)
        used = np.flatnonzero(weight > 0.0)
        # The issuances of one candidate that one presentation may belong to count together …
        found = pair[used], first.who[issue[used]], weight[used]
        row, whom, density_there = added(*found, columns=len(names)) if repeated[0] else found
        gain = np.log1p(share / (1.0 - share) * density_there / rate)
        # … and the presentations of one target are independent.
        found = who[part.start + row], whom, gain
        rows.append(normal(*(added(*found, columns=len(names)) if repeated[1] else found), pool=len(names), most=most))
    return gathered(rows, names, subjects)


def _parts(who: Ints, sizes: Ints) -> Iterator[slice]:
    """Slices of whole targets with at most PAIRS pairs, or one target."""
    if not len(who):
        return
    starts = np.flatnonzero(np.r_[True, who[1:] != who[:-1]])
    ends = np.r_[starts[1:], len(who)]
    running = np.cumsum(sizes)
    begin, before = 0, 0
    for number in range(len(starts)):
        last = number + 1 == len(starts)
        if last or running[ends[number + 1] - 1] - before > PAIRS:
            yield slice(begin, int(ends[number]))
            begin, before = int(ends[number]), int(running[ends[number] - 1])


def _pairs(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """All (row, place) with begin[row] ≤ place < end[row]."""
    sizes = np.maximum(end - begin, 0)
    row = np.repeat(np.arange(len(sizes)), sizes)
    inside = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return row, begin[row] + inside


def _repeats(who: Ints) -> bool:
    return len(np.unique(who)) < len(who)


def added(row: Ints, column: Ints, value: Floats, *, columns: int) -> tuple[Ints, Ints, Floats]:
    """The sum of the values of each (row, column), where there is any; rows ascend."""
    key = row * columns + column
    order = np.argsort(key, kind="stable")
    key, value = key[order], value[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, dtype=np.int64)
    if len(starts) < len(key):
        key, value = key[starts], np.add.reduceat(value, starts)
    return key // columns, key % columns, value


def normal(owner: Ints, who: Ints, gain: Floats, *, pool: int, most: int) -> tuple[Ints, Ints, Floats]:
    """The candidates of each owner with their probabilities, best first. Whoever is not named has a gain of 0."""
    if not len(owner):
        return owner, who, gain
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    sizes = np.diff(np.r_[starts, len(owner)])
    best = np.maximum(np.maximum.reduceat(gain, starts), 0.0)
    weight = np.exp(gain - np.repeat(best, sizes))
    rest = np.maximum(pool - sizes, 0) * np.exp(-best)
    confidence = weight / np.repeat(np.add.reduceat(weight, starts) + rest, sizes)
    kept = np.flatnonzero(confidence > NEGLIGIBLE)
    kept = kept[np.lexsort((-confidence[kept], owner[kept]))]
    owner, who, confidence = owner[kept], who[kept], confidence[kept]
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    place = np.arange(len(owner)) - np.repeat(starts, np.diff(np.r_[starts, len(owner)]))
    return owner[place < most], who[place < most], confidence[place < most]


def gathered(rows: Sequence[tuple[Ints, Ints, Floats]], names: Sequence[str], subjects: Sequence[str]) -> Posterior:
    """Sorted rows (owner, candidate, confidence) as one posterior; a target without a row is not claimed."""
    empty = np.empty(0, dtype=np.int64)
    owner = np.concatenate([row[0] for row in rows] or [empty])
    who = np.concatenate([row[1] for row in rows] or [empty])
    confidence = np.concatenate([row[2] for row in rows] or [empty.astype(np.float64)])
    counts = np.bincount(owner, minlength=len(subjects)) if len(owner) else np.zeros(len(subjects), dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Posterior(tuple(subjects), tuple(names), starts, who, confidence, standing_out(starts, confidence))


def only(posterior: Posterior, targets: Ints) -> Posterior:
    """The rows of these targets alone."""
    parts = [posterior.row(int(number)) for number in targets]
    empty = np.empty(0, dtype=np.int64)
    return Posterior(
        tuple(posterior.subjects[number] for number in targets),
        posterior.names,
        np.concatenate([[0], np.cumsum([len(who) for who, _ in parts])]).astype(np.int64),
        np.concatenate([who for who, _ in parts] or [empty]),
        np.concatenate([confidence for _, confidence in parts] or [empty.astype(np.float64)]),
        posterior.claimed[targets],
    )


def standing_out(starts: Ints, confidence: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the best candidate of each target is better than the second."""
    sizes = np.diff(starts)
    claimed = sizes > 0
    two = np.flatnonzero(sizes > 1)
    claimed[two] = confidence[starts[two]] > confidence[starts[two] + 1] * (1.0 + 1e-9)
    return claimed
