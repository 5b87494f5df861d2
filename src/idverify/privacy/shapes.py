"""The shape of a delay, from counts in bins that accident has blurred: of a few usual shapes the one that fits best.

Where many others are about, each bin's excess is as uncertain as it is large, and a histogram of it would take noise
for peaks. Exponential, uniform and lognormal delays are fitted by weighted least squares (minimum χ²), their share by
its closed form; where none of them fits, there is no shape, and the histogram stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from idverify.privacy.answers import Floats
from idverify.privacy.delays import Density, density
from idverify.privacy.public import Delay

FITS = 2.0
"""χ² per degree of freedom, at most."""
STEPS = 4
"""Values of each parameter between two edges."""
SIGMAS: Floats = np.arange(0.1, 2.01, 0.1)
LEAST_BINS = 4


@dataclass(frozen=True, slots=True)
class _Family:
    """Delays of one kind: for each the probability of each bin, and how to make it."""

    name: str
    parameters: tuple[dict[str, float], ...]
    inside: Floats  # delays × bins
    free: int


def fitted(edges: Floats, excess: Floats, variance: Floats, points: int) -> Density | None:
    """The density that explains the `excess` pairs of each bin, with its share of all `points`; None where none does.

    `edges` start at 0; lags are positive.
    """
    if len(excess) < LEAST_BINS:
        return None
    best: tuple[float, Delay, float, float] | None = None
    for family in _families(edges):
        weight = family.inside / variance
        power = np.maximum((weight * family.inside).sum(axis=1), 1e-300)
        share = np.clip((weight * excess).sum(axis=1) / power / points, 1e-6, 1.0)
        off = ((excess - share[:, None] * points * family.inside) ** 2 / variance).sum(axis=1)
        place = int(np.argmin(off))
        score = float(off[place]) + 2.0 * family.free
        if best is None or score < best[0]:
            delay = Delay(name=family.name, parameters=family.parameters[place])  # type: ignore[arg-type]
            best = score, delay, float(share[place]), float(off[place]) / max(len(excess) - family.free, 1)
    if best is None or best[3] > FITS:
        return None
    found = density(best[1])
    return None if found is None else Density(found.low, found.high, found.of, best[2])


def _families(edges: Floats) -> Iterator[_Family]:
    ends = edges[1:]
    fine = np.unique(np.concatenate([ends * (ends[-1] / ends[-2]) ** (step / STEPS) for step in range(STEPS)]))
    fine = fine[fine <= ends[-1]]
    means = np.concatenate([fine, fine[-1:] * 2.0])
    yield _Family(
        "exponential",
        tuple({"mean": float(mean)} for mean in means),
        np.diff(-np.expm1(-edges[None, :] / means[:, None]), axis=1),
        1,
    )
    few = np.concatenate([[0.0], fine[-min(len(fine), 60) :]])
    low, high = (few[place] for place in np.triu_indices(len(few), k=1))
    yield _Family(
        "uniform",
        tuple({"low": float(a), "high": float(b)} for a, b in zip(low, high, strict=True)),
        np.diff(np.clip((edges[None, :] - low[:, None]) / (high - low)[:, None], 0.0, 1.0), axis=1),
        2,
    )
    medians, sigmas = (each.ravel() for each in np.meshgrid(fine, SIGMAS, indexing="ij"))
    yield _Family(
        "lognormal",
        tuple({"median": float(m), "sigma": float(s)} for m, s in zip(medians, sigmas, strict=True)),
        np.diff(_below(np.log(np.maximum(edges, 1e-300))[None, :], np.log(medians)[:, None], sigmas[:, None]), axis=1),
        2,
    )


def _below(log: Floats, middle: Floats, sigma: Floats) -> Floats:
    """The normal distribution function, by Abramowitz and Stegun 26.2.17 (within 8e-8)."""
    x = (log - middle) / sigma
    t = 1.0 / (1.0 + 0.2316419 * np.abs(x))
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    upper = np.exp(-0.5 * np.minimum(x * x, 700.0)) / math.sqrt(2.0 * math.pi) * series
    return np.where(x >= 0.0, 1.0 - upper, upper)
