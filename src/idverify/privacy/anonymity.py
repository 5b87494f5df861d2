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

from idverify.privacy.answers import Answer, Floats
from idverify.privacy.metrics import CONFIDENCE, clopper_pearson

LEAST_TARGETS = 20
"""Fewer targets give a success rate with an interval wider than a third; no set is computed from them."""
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
    rows = answer.posterior
    place = {name: number for number, name in enumerate(rows.names)}
    kept: list[str] = []
    table: list[tuple[float, ...]] = []
    for number, subject in enumerate(rows.subjects):
        right = owners.get(subject)
        if not right:
            continue
        who, confidence = rows.row(number)
        kept.append(subject)
        true = {place[name] for name in right if name in place}
        table.append((*_one(who, confidence, true, pool=answer.pool, copies=len(right)), bool(rows.claimed[number])))
    columns = np.asarray(table, dtype=np.float64).reshape(len(kept), 6).T
    first, success, rank, truth, entropy, claimed = columns
    return Judged(tuple(kept), first, success, rank, truth, entropy, claimed)


def _one(
    who: np.ndarray, confidence: Floats, true: Set[int], *, pool: int, copies: int
) -> tuple[float, float, float, float, float]:
    """Confidence of the first, success, rank and probability of the truth, entropy."""
    named = float(confidence.sum())
    unnamed = max(pool - len(who), 0)
    rest = max(0.0, 1.0 - named)
    each = rest / unnamed if unnamed else 0.0
    entropy = -float(np.sum(confidence * np.log2(np.maximum(confidence, 1e-300))))
    if each > 0.0:
        entropy -= rest * math.log2(each)
    is_true = np.isin(who, list(true))
    hidden = copies - int(is_true.sum())
    probability = float(confidence[is_true].sum()) + each * hidden
    best = float(confidence[0]) if len(who) else 0.0
    top = max(best, each)
    # A candidate drawn at random among those with the same, highest confidence.
    equal = np.isclose(confidence, top, rtol=1e-9, atol=0.0)
    ties, right = int(equal.sum()), int((equal & is_true).sum())
    if unnamed and math.isclose(each, top, rel_tol=1e-9):
        ties, right = ties + unnamed, right + hidden
    success = right / ties if ties else 0.0
    own = float(confidence[is_true].max()) if is_true.any() else each
    above = int(np.sum(confidence > own * (1 + 1e-9))) + (unnamed if each > own * (1 + 1e-9) else 0)
    same = int(np.isclose(confidence, own, rtol=1e-9, atol=0.0).sum())
    same += unnamed if math.isclose(each, own, rel_tol=1e-9) else 0
    return top, success, above + (max(same, 1) + 1) / 2, probability, entropy


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


def game(judged_truth: Floats, other: Floats) -> tuple[int, int, tuple[float, float]]:
    """The two-user game: wins, trials and the 95 % interval; a tie is a coin, counted as half."""
    wins = float(np.sum(judged_truth > other * (1 + 1e-9))) + 0.5 * float(
        np.sum(np.isclose(judged_truth, other, rtol=1e-9, atol=0.0))
    )
    return round(wins), len(other), clopper_pearson(round(wins), len(other), confidence=CONFIDENCE)
