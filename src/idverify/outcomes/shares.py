"""Shares and means with their intervals, in the terms of run.json.

Clopper and Pearson, Biometrika 26 (1934), for shares; Student, Biometrika 6 (1908), for means.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from idverify.outcomes.model import How, Rate
from idverify.privacy.metrics import CONFIDENCE, clopper_pearson

FEWEST = 3
"""Values below which a mean has no interval: with two the t interval is 12.7 standard errors wide."""


def rate(k: int, n: int, *, label: How = "MEASURED") -> Rate:
    """k of n with its 95 % interval."""
    return Rate(k=k, n=n, interval=clopper_pearson(k, n), label=label)


def mean(values: Sequence[float]) -> float:
    """The mean of at least one value, without rounding on the way."""
    return math.fsum(values) / len(values)


def t_interval(values: Sequence[float], *, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """The interval of the mean of independent values, mean ± t(n−1)·s/√n; None below FEWEST of them.

    Equal values give an interval without width: they say that nothing varied, not that nothing could.
    """
    n = len(values)
    if n < FEWEST:
        return None
    middle = mean(values)
    spread = math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (n - 1))
    reach = quantile(n - 1, confidence) * spread / math.sqrt(n)
    return middle - reach, middle + reach


@lru_cache(maxsize=256)
def quantile(freedom: int, confidence: float) -> float:
    """The two-sided quantile of Student's t with so many degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf((1.0 + confidence) / 2.0, freedom))
