"""The figures of a sweep from what was recorded: waits, shares, times as attackers compare them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set

import numpy as np

from idverify.comparison.collect import ENOUGH_FOR_P95, ENOUGH_FOR_P99, percentile
from idverify.comparison.sweep_model import Counted, Expected, Link, Quantile, Timing, Waits
from idverify.privacy.anonymity import Judged, anonymity, judge, scored_set
from idverify.privacy.answers import Answer
from idverify.privacy.metrics import Linkage, clopper_pearson
from idverify.privacy.public import Delay
from idverify.simulation import theory

RESAMPLED = 1_000
"""Bootstrap samples for the interval of the scored set."""
DRAWS, BINS = 50, 48
"""Thoughts drawn for each wait, and bins, of the delay that attackers know."""


def waits(ms: Sequence[float]) -> Waits:
    """Percentiles with intervals; those that rest on too few samples are left out."""
    ordered, n = sorted(ms), len(ms)
    return Waits(
        n=n,
        p50=quantile(ordered, 0.50) if n else None,
        p95=quantile(ordered, 0.95) if n >= ENOUGH_FOR_P95 else None,
        p99=quantile(ordered, 0.99) if n >= ENOUGH_FOR_P99 else None,
    )


def quantile(ordered: Sequence[float], share: float) -> Quantile:
    """The nearest-rank percentile of an ordered, non-empty sequence and its 95 % interval from order statistics.

    The number of samples below the true quantile is binomial (n, share): between the 2.5 % and the 97.5 % point of it
    lie the ranks of the interval (David and Nagaraja, Order Statistics, section 7.1).
    """
    from scipy.stats import binom

    n = len(ordered)
    low, high = int(binom.ppf(0.025, n, share)), int(binom.ppf(0.975, n, share))
    upper = round(ordered[high], 3) if high < n else None  # rank high + 1, counted from 1
    return Quantile(round(percentile(ordered, share), 3), round(ordered[max(0, low - 1)], 3), upper)


def counted(k: int, n: int) -> Counted:
    """k of n; a count that a lost record has made too large is cut."""
    k = min(k, n)
    return Counted(k=k, n=n, interval=clopper_pearson(k, n))


def poisson(n: int) -> tuple[float, float]:
    """The exact 95 % interval of the mean of a Poisson count (Garwood 1936)."""
    from scipy.stats import chi2

    return (float(chi2.ppf(0.025, 2 * n)) / 2.0 if n else 0.0), float(chi2.ppf(0.975, 2 * n + 2)) / 2.0


def link(linkage: Linkage, coalition: Sequence[str], evidence: Sequence[str]) -> Link:
    """What a coalition linked, as it stands in sweep.json."""
    return Link(
        coalition=list(coalition),
        attack=linkage.attack,
        correct=linkage.correct,
        linkable=linkage.linkable,
        claimed=linkage.claimed,
        interval=linkage.interval,
        baseline=linkage.baseline,
        evidence=list(evidence[:5]),
    )


def delay(waited_ms: Sequence[float], thinking: float, *, seed: int) -> Delay:
    """How long it takes from a request to a showing: the waits of that day and an exponential time to think, in s.

    A distribution that everybody knows who logs in often on such a day, and so the attacker; it says nothing of
    anybody. Bins hold equal shares.
    """
    random = np.random.Generator(np.random.Philox(seed))
    waited = np.asarray(waited_ms, dtype=np.float64) / 1_000.0
    if not len(waited):
        return Delay(name="none")
    thought = random.exponential(thinking, (DRAWS, len(waited))) if thinking > 0.0 else np.zeros((1, len(waited)))
    lags = np.sort((waited + thought).ravel())
    edges = np.unique(np.r_[0.0, np.quantile(lags, np.linspace(0.0, 1.0, BINS + 1)), 1.5 * lags[-1] + 0.01])
    shares = np.histogram(lags, edges)[0] + 0.5
    return Delay(name="empirical", edges=[float(e) for e in edges], shares=[float(s) for s in shares / shares.sum()])


def timing(answers: Sequence[Answer], owners: Sequence[Mapping[str, Set[str]]], *, seed: int) -> Timing | None:
    """One attacker's answers for several platforms, judged together. None where the attacker had nothing to say.

    `owners` has, for each answer, target → the candidates that are the same person.
    """
    spoke = [(answer, own) for answer, own in zip(answers, owners, strict=True) if not answer.silent]
    judged = _together([judge(answer, own) for answer, own in spoke])
    if judged is None or not judged.subjects:
        return None
    found = anonymity(judged, candidates=max(answer.pool for answer, _ in spoke))
    return Timing(
        attacker=spoke[0][0].attacker,
        targets=found.targets,
        candidates=found.candidates,
        top_1=found.top_1,
        interval=found.interval,
        claimed_confidence=_share(found.claimed_confidence),
        median_rank=found.median_rank,
        set_median=found.set_median,
        set_5th=found.set_5th,
        scored_set=found.scored_set,
        scored_interval=scored_interval(judged, seed=seed) if found.scored_set is not None else None,
        withheld=found.withheld,
    )


def scored_interval(judged: Judged, *, seed: int) -> tuple[float, float]:
    """The 95 % interval of the scored set by the bootstrap over targets (Efron, percentile method)."""
    random = np.random.Generator(np.random.Philox(seed))
    bits = np.log2(judged.truth)
    means = bits[random.integers(0, len(bits), (RESAMPLED, len(bits)))].mean(axis=1)
    low, high = np.quantile(-means, [0.025, 0.975])
    value = scored_set(judged.truth)
    return min(value, 2.0 ** float(low)), max(value, 2.0 ** float(high))


def best(found: Sequence[Timing]) -> Timing | None:
    """Of the attackers whose own confidence is to be believed, the one who finds most; None where there is none."""
    believed = [each for each in found if each.scored_set is not None]
    return max(believed, key=lambda each: each.top_1 or 0.0, default=None)


def expected(requests_per_second: float, thinking: float) -> Expected | None:
    """What theory says of time alone at an issuer that answers at once; None where people do not think."""
    if requests_per_second <= 0.0 or thinking <= 0.0:
        return None
    return Expected(
        requests_per_second=round(requests_per_second, 3),
        delay_s=thinking,
        top_1=theory.timing_exponential(thinking, requests_per_second),
        effective_set=theory.effective_set(
            Delay(name="exponential", parameters={"mean": thinking}), requests_per_second
        ),
    )


def _together(parts: Sequence[Judged]) -> Judged | None:
    if not parts:
        return None
    columns = ("confidence", "success", "rank", "truth", "entropy", "claimed")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return Judged(tuple(subject for part in parts for subject in part.subjects), **joined)


def _share(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else min(1.0, max(0.0, value))
