"""How well people are hidden: four numbers together, none of which says enough by itself.

    top-1 success     the share of targets whose first candidate is right
    median rank       of the truth among the candidates; ties count half
    self-entropy set  2^H, H the entropy of what the adversary claims: median and 5th percentile over the targets
    scored set        2^(−mean log2 p_true), p_true what the adversary gave the truth

The third is the adversary's own opinion. It is only worth something where the adversary is calibrated: if the
confidence that it claims differs from its success, or the scored set exceeds the number of candidates, the values are
withheld (Serjantov and Danezis 2002 for the entropy; Good 1952 for the logarithmic score).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idverify.privacy.answers import Answer, Floats, Ints
from idverify.privacy.metrics import clopper_pearson

LEAST_TARGETS = 20
"""Fewer targets give a success rate with an interval wider than a third; no set is computed from them."""
CLOSE = 1e-9
"""Confidences that differ by less, in proportion, are the same."""
MISCALIBRATED = "adversary miscalibrated, value withheld"
TOO_FEW = "too few targets for a value"
CALIBRATION_CONFIDENCE = 0.999
"""The calibration test's: one well calibrated adversary in a thousand is called miscalibrated."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the truth says of each target that it knows: arrays over the same targets."""

    subjects: tuple[str, ...]
    confidence: Floats  # of the first candidate
    success: Floats  # whether it is right: 1 or 0, and a share where several are equally likely
    rank: Floats  # of the truth, from 1
    truth: Floats  # the probability of the truth
    entropy: Floats  # in bits
    claimed: Floats


@dataclass(frozen=True, slots=True)
class Anonymity:
    """The numbers, with the interval of the first; None where withheld, and `withheld` says why."""

    targets: int
    candidates: int
    top_1: float | None
    interval: tuple[float, float]
    claimed_confidence: float | None
    median_rank: float | None
    set_median: float | None
    set_5th: float | None
    scored_set: float | None
    withheld: str = ""


def judge(answer: Answer, owners: Mapping[str, Set[str]]) -> Judged:
    """Look up the truth in each posterior. `owners`: target → the candidates that are the same person.

    Targets without a candidate among the pool are left out: nobody could have named them.
    """
    rows, pool = answer.posterior, answer.pool
    chosen = [number for number, subject in enumerate(rows.subjects) if owners.get(subject)]
    if not chosen:
        nobody = np.empty(0)
        return Judged((), nobody, nobody, nobody, nobody, nobody, nobody)
    subjects = tuple(rows.subjects[number] for number in chosen)
    place = {name: number for number, name in enumerate(rows.names)}
    true = [{place[name] for name in owners[subject] if name in place} for subject in subjects]
    parts = [rows.row(number) for number in chosen]
    # Each row is summed by itself, and not all at once, so that a sum does not depend on the rows before it.
    named = np.array([confidence.sum() for _, confidence in parts])
    told = np.array([np.sum(confidence * np.log2(np.maximum(confidence, 1e-300))) for _, confidence in parts])
    sizes = np.array([len(who) for who, _ in parts])
    unnamed = np.maximum(pool - sizes, 0)
    rest = np.maximum(1.0 - named, 0.0)
    each = np.divide(rest, unnamed, out=np.zeros(len(parts)), where=unnamed > 0)
    entropy = -told - [r * math.log2(e) if e > 0.0 else 0.0 for r, e in zip(rest.tolist(), each.tolist(), strict=True)]

    row = np.repeat(np.arange(len(parts)), sizes)
    who = np.concatenate([names for names, _ in parts])
    confidence = np.concatenate([each_ for _, each_ in parts])
    keys = [number * len(rows.names) + name for number, names in enumerate(true) for name in names]
    is_true = np.isin(row * len(rows.names) + who, keys)

    def number_of(entries: NDArray[np.bool_]) -> Ints:
        return np.bincount(row[entries], minlength=len(parts))

    hidden = np.array([len(owners[subject]) for subject in subjects]) - number_of(is_true)
    named_true = np.bincount(row, weights=np.where(is_true, confidence, 0.0), minlength=len(parts))
    truth = named_true.astype(np.float64) + each * hidden
    best = np.array([confidence_[0] if len(confidence_) else 0.0 for _, confidence_ in parts])
    top = np.maximum(best, each)
    # A candidate drawn at random among those with the same, highest confidence.
    equal = np.isclose(confidence, top[row], rtol=CLOSE, atol=0.0)
    rest_too = np.where(np.isclose(each, top, rtol=CLOSE, atol=0.0), unnamed, 0)
    ties = number_of(equal) + rest_too
    right = number_of(equal & is_true) + np.where(rest_too > 0, hidden, 0)
    own = np.where(number_of(is_true) > 0, 0.0, each)
    np.maximum.at(own, row[is_true], confidence[is_true])
    above = number_of(confidence > own[row] * (1 + CLOSE)) + np.where(each > own * (1 + CLOSE), unnamed, 0)
    same = number_of(np.isclose(confidence, own[row], rtol=CLOSE, atol=0.0))
    same += np.where(np.isclose(each, own, rtol=CLOSE, atol=0.0), unnamed, 0)
    return Judged(
        subjects,
        top,
        np.divide(right, ties, out=np.zeros(len(parts)), where=ties > 0),
        above + (np.maximum(same, 1) + 1) / 2,
        truth,
        entropy,
        rows.claimed[chosen].astype(np.float64),
    )


def anonymity(judged: Judged, *, candidates: int) -> Anonymity:
    """The four numbers of targets whose truth is known."""
    trials = len(judged.subjects)
    if trials == 0:
        return Anonymity(0, candidates, None, (0.0, 1.0), None, None, None, None, None, TOO_FEW)
    success = float(judged.success.mean())
    interval = clopper_pearson(round(float(judged.success.sum())), trials)
    confidence = float(judged.confidence.mean())
    rank = float(np.median(judged.rank))
    if trials < LEAST_TARGETS:
        return Anonymity(trials, candidates, success, interval, confidence, rank, None, None, None, TOO_FEW)
    scored = scored_set(judged.truth)
    if miscalibrated(judged) or scored > candidates * 1.01:
        return Anonymity(trials, candidates, success, interval, confidence, rank, None, None, None, MISCALIBRATED)
    middle, low = np.quantile(2.0**judged.entropy, [0.5, 0.05])
    return Anonymity(trials, candidates, success, interval, confidence, rank, float(middle), float(low), scored)


def miscalibrated(judged: Judged) -> bool:
    """Whether the mean confidence of the first candidates lies outside the exact interval of their success."""
    trials, hits = len(judged.subjects), round(float(judged.success.sum()))
    low, high = clopper_pearson(hits, trials, confidence=CALIBRATION_CONFIDENCE)
    # Half a hit for each end: a claim of exactly 1 with all hits right is calibrated, and so is 1/N with none.
    return not low - 0.5 / trials <= float(judged.confidence.mean()) <= high + 0.5 / trials


def scored_set(truth: Floats) -> float:
    """2^(−mean log2 p_true); infinite where the truth was given no probability at all."""
    if np.any(truth <= 0.0):
        return math.inf
    return float(2.0 ** -np.mean(np.log2(truth)))


def calibration(judged: Judged, *, bins: int = 10) -> list[tuple[float, float, int]]:
    """A reliability table: mean confidence, share right, and targets, by tenths of the confidence."""
    place = np.minimum((judged.confidence * bins).astype(int), bins - 1)
    return [
        (float(judged.confidence[place == b].mean()), float(judged.success[place == b].mean()), int((place == b).sum()))
        for b in range(bins)
        if (place == b).any()
    ]
