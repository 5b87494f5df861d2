"""Paired differences over seeds: two schemes, the same people under each seed, so that people cancel out.

    d(s) = second(s) − first(s)        mean(d) ± t(n−1)·sd(d)/√n
Student, Biometrika 6 (1908). Each difference has an interval of its own: of twenty that are in truth zero, one will
exclude zero by accident.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from idverify.outcomes.model import Difference, Figures
from idverify.outcomes.shares import mean, t_interval

UNITS = {
    "p50_ms": "ms", "p95_ms": "ms", "cpu_identity_provider_ms": "ms", "cpu_platform_ms": "ms", "cpu_wallet_ms": "ms",
    "bytes_per_proof": "bytes", "bits": "bits", "false_block": "share", "false_admit": "share", "served": "share",
    "accounts_per_person": "accounts",
}  # fmt: skip
NAMED = "linked by "
"""Before the name of a coalition: top-1 success of its strongest attack, as a share of accounts."""


def unit(metric: str) -> str:
    """What a metric is counted in."""
    return "share" if metric.startswith(NAMED) else UNITS.get(metric, "")


def differences(figures: Sequence[Figures]) -> list[Difference]:
    """Every pair of schemes in every metric that both have under at least one seed."""
    by_scheme: dict[str, dict[int, dict[str, float]]] = {}
    for each in figures:
        by_scheme.setdefault(each.scheme, {})[each.seed] = each.metrics
    return [
        difference
        for first, second in combinations(by_scheme, 2)
        for difference in _pair(first, by_scheme[first], second, by_scheme[second])
    ]


def _pair(
    first: str, one: dict[int, dict[str, float]], second: str, other: dict[int, dict[str, float]]
) -> Iterator[Difference]:
    seeds = [seed for seed in one if seed in other]
    for metric in dict.fromkeys(name for seed in seeds for name in one[seed]):
        values = [
            other[seed][metric] - one[seed][metric] for seed in seeds if metric in one[seed] and metric in other[seed]
        ]
        if not values:
            continue
        interval = t_interval(values)
        yield Difference(
            first=first,
            second=second,
            metric=metric,
            unit=unit(metric),
            n=len(values),
            mean=round(mean(values), 6),
            interval=None if interval is None else (round(interval[0], 6), round(interval[1], 6)),
        )
