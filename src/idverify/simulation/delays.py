"""The time from issuance to presentation: drawing it, and its density, entropy and decreasing rearrangement.

Names and parameters are those of public.json, so that an attacker who knows the policy reads the same delay that the
replay draws. All times are in seconds, entropies in bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from idverify.errors import BadUsage
from idverify.privacy.public import Delay

Floats: TypeAlias = NDArray[np.float64]

POINTS = 400_001
"""Of the grid on which a density is integrated."""
TAIL = 1e-9
"""The probability that lies beyond the grid at either end."""
_NEEDED = {
    "none": frozenset[str](),
    "constant": frozenset({"seconds"}),
    "exponential": frozenset({"mean"}),
    "uniform": frozenset({"low", "high"}),
    "lognormal": frozenset({"median", "sigma"}),
}


def exponential(mean: float) -> Delay:
    """Memoryless, with that mean in seconds."""
    return checked(Delay(name="exponential", parameters={"mean": mean}))


def uniform(high: float, *, low: float = 0.0) -> Delay:
    """Any time from low to high alike."""
    return checked(Delay(name="uniform", parameters={"low": low, "high": high}))


def lognormal(median: float, sigma: float) -> Delay:
    """exp of a normal variable: median in seconds, sigma of the logarithm."""
    return checked(Delay(name="lognormal", parameters={"median": median, "sigma": sigma}))


def constant(seconds: float) -> Delay:
    """Always the same."""
    return checked(Delay(name="constant", parameters={"seconds": seconds}))


NONE = Delay(name="none")
"""Issued within the login."""


def checked(delay: Delay) -> Delay:
    """The delay itself. Raises BadUsage for one that cannot be drawn, and says which parameter is wrong."""
    if delay.name not in _NEEDED:
        raise BadUsage(f"a delay cannot be {delay.name}", hint=f"it is {', '.join(_NEEDED)}")
    wanted, given = _NEEDED[delay.name], delay.parameters
    if set(given) != wanted:
        raise BadUsage(f"a delay that is {delay.name} has {', '.join(sorted(wanted)) or 'no parameters'}, not {given}")
    for name, value in given.items():
        least = 0.0 if name in ("low", "seconds") else math.ulp(0.0)
        if not (math.isfinite(value) and value >= least):
            raise BadUsage(f"a delay's {name} is {value}, which is not a positive number of seconds")
    if delay.name == "uniform" and given["high"] <= given["low"]:
        raise BadUsage(f"a uniform delay from {given['low']} to {given['high']} s is empty")
    return delay


def draw(delay: Delay, random: np.random.Generator, *, size: int) -> Floats:
    """`size` independent delays in seconds."""
    p = checked(delay).parameters
    match delay.name:
        case "exponential":
            return random.exponential(p["mean"], size)
        case "uniform":
            return random.uniform(p["low"], p["high"], size)
        case "lognormal":
            return p["median"] * np.exp(p["sigma"] * random.standard_normal(size))
        case "constant":
            return np.full(size, p["seconds"])
    return np.zeros(size)


def mean(delay: Delay) -> float:
    """E[D] in seconds."""
    p = checked(delay).parameters
    match delay.name:
        case "exponential":
            return p["mean"]
        case "uniform":
            return (p["low"] + p["high"]) / 2.0
        case "lognormal":
            return p["median"] * math.exp(p["sigma"] ** 2 / 2.0)
        case "constant":
            return p["seconds"]
    return 0.0


def entropy(delay: Delay) -> float:
    """The differential entropy h in bits; −∞ where the delay is no surprise at all.

    Exponential log2(e·m), uniform log2(T), lognormal log2(m·σ·√(2πe)) with the median m (Cover and Thomas, Elements of
    Information Theory, chapter 8 and table 17.1).
    """
    p = checked(delay).parameters
    match delay.name:
        case "exponential":
            return math.log2(math.e * p["mean"])
        case "uniform":
            return math.log2(p["high"] - p["low"])
        case "lognormal":
            return math.log2(p["median"] * p["sigma"] * math.sqrt(2.0 * math.pi * math.e))
    return -math.inf


def highest(delay: Delay) -> float:
    """The greatest value of the density, per second; ∞ for a delay without one."""
    p = checked(delay).parameters
    match delay.name:
        case "exponential":
            return 1.0 / p["mean"]
        case "uniform":
            return 1.0 / (p["high"] - p["low"])
        case "lognormal":
            # At the mode m·exp(−σ²).
            return math.exp(p["sigma"] ** 2 / 2.0) / (p["median"] * p["sigma"] * math.sqrt(2.0 * math.pi))
    return math.inf


def density(delay: Delay, at: Floats) -> Floats:
    """f in 1/second at the given times; 0 before the issuance. Raises BadUsage for a delay without a density."""
    p = checked(delay).parameters
    match delay.name:
        case "exponential":
            return np.where(at >= 0.0, np.exp(-np.maximum(at, 0.0) / p["mean"]) / p["mean"], 0.0)
        case "uniform":
            return np.where((at >= p["low"]) & (at <= p["high"]), 1.0 / (p["high"] - p["low"]), 0.0)
        case "lognormal":
            x = np.maximum(at, np.finfo(np.float64).tiny)
            z = (np.log(x) - math.log(p["median"])) / p["sigma"]
            return np.where(at > 0.0, np.exp(-z * z / 2.0) / (x * p["sigma"] * math.sqrt(2.0 * math.pi)), 0.0)
    raise BadUsage(f"a delay that is {delay.name} has no density")


@dataclass(frozen=True, slots=True, eq=False)
class Rearranged:
    """A density sorted from its greatest value down: `height[i]` per second over a stretch of `width[i]` seconds.

    The decreasing rearrangement f* (Hardy, Littlewood and Pólya, Inequalities, chapter X). Equal heights lie side by
    side, which is what breaking ties at random does.
    """

    height: Floats
    width: Floats

    @property
    def mass(self) -> Floats:
        """The probability of each stretch."""
        return self.height * self.width


def rearranged(delay: Delay, *, points: int = POINTS) -> Rearranged:
    """f* on a grid that is fine where the density changes fast and leaves out 2·TAIL of it. Raises BadUsage."""
    p = checked(delay).parameters
    match delay.name:
        case "exponential":
            edges = np.concatenate([[0.0], np.geomspace(p["mean"] * 1e-7, -p["mean"] * math.log(TAIL), points)])
        case "uniform":
            edges = np.linspace(p["low"], p["high"], points)
        case "lognormal":
            reach = 6.0 * p["sigma"]  # 6 standard deviations: 1e-9 on either side
            edges = p["median"] * np.exp(np.linspace(-reach, reach, points))
        case _:
            raise BadUsage(f"a delay that is {delay.name} has no density")
    return from_histogram(np.diff(edges), density(delay, (edges[1:] + edges[:-1]) / 2.0) * np.diff(edges))


def from_histogram(width: Floats, mass: Floats) -> Rearranged:
    """f* of a density that is known as the probability `mass` of bins of that `width`; made to sum to 1."""
    if width.shape != mass.shape or not len(width) or (width <= 0.0).any() or (mass < 0.0).any() or mass.sum() <= 0.0:
        raise BadUsage("a density's bins have no positive widths and probabilities")
    height = mass / width / mass.sum()
    order = np.argsort(-height, kind="stable")
    return Rearranged(height[order], width[order])
