"""Densities of the time between an issuance and the presentation that it belongs to, in seconds.

A lag is presentation minus issuance: positive where the credential was fetched before it was shown, negative where
the wallet refills after a use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from idverify.errors import BadEnvironment
from idverify.privacy.answers import Floats
from idverify.privacy.public import Delay, Policy

TAIL = 1e-6
"""The share of a delay that may lie beyond the window in which an attack looks for it."""
AFTER = ("after_use", "delayed")
"""Refill policies by which the issuance follows the presentation."""


@dataclass(frozen=True, slots=True)
class Density:
    """A density of lags: `of(lags)` per second, zero outside low … high.

    `share` is the probability that a presentation has an issuance of its own at such a lag at all.
    """

    low: float
    high: float
    of: Callable[[Floats], Floats]
    share: float = 1.0

    def mirrored(self) -> Density:
        """The same with issuance after presentation."""
        return Density(-self.high, -self.low, lambda lag: self.of(-lag), self.share)


def density(delay: Delay) -> Density | None:
    """The density of a published delay; None where nothing is published. Raises BadEnvironment for a wrong one."""
    given = delay.parameters
    match delay.name:
        case "exponential":
            mean = _positive(given, "mean")
            return Density(0.0, -mean * math.log(TAIL), lambda lag: np.exp(-lag / mean) / mean)
        case "uniform":
            low, high = given.get("low", 0.0), _positive(given, "high")
            if high <= low:
                raise BadEnvironment(f"a uniform delay from {low:g} to {high:g} s", hint="high must be above low")
            return Density(low, high, lambda lag: np.full_like(lag, 1.0 / (high - low)))
        case "lognormal":
            median, sigma = _positive(given, "median"), _positive(given, "sigma")
            far = math.exp(5.0 * sigma)
            return Density(median / far, median * far, lambda lag: _lognormal(lag, median, sigma))
        case "constant":
            seconds = given.get("seconds", 0.0)
            wide = max(given.get("jitter", 0.0), 1e-3)
            return Density(seconds - wide, seconds + wide, lambda lag: np.full_like(lag, 0.5 / wide))
        case "empirical":
            return histogram(np.asarray(delay.edges, dtype=np.float64), np.asarray(delay.shares, dtype=np.float64))
        case _:
            return None


def histogram(edges: Floats, shares: Floats) -> Density:
    """A density that is constant within each bin; `shares` that sum to less than 1 leave the rest without a lag."""
    if len(edges) != len(shares) + 1 or not len(shares) or np.any(np.diff(edges) <= 0) or np.any(shares < 0):
        raise BadEnvironment("an empirical delay needs ascending edges and one share, not negative, for each bin")
    total = float(shares.sum())
    if total <= 0.0:
        raise BadEnvironment("the shares of an empirical delay are all zero")
    heights = np.append(shares / total / np.diff(edges), 0.0)

    def of(lag: Floats) -> Floats:
        place = np.searchsorted(edges, lag, side="right") - 1
        return np.where(place >= 0, heights[place], 0.0)

    used = np.flatnonzero(shares)
    return Density(float(edges[used[0]]), float(edges[used[-1] + 1]), of, min(1.0, total))


def of_policy(policy: Policy) -> Density | None:
    """The density that a wallet policy implies, its share and direction included; None where it implies none.

    A wallet that fetches a batch of B when it has none left has one issuance for B logins, the other two have one for
    each. A fixed schedule ties no issuance to any login, and a credential that is shown again has one for the first.
    """
    if policy.refill == "schedule" or policy.reuse != "once_only":
        return None
    found = density(policy.delay)
    if found is None:
        return None
    share = 1.0 / max(policy.batch, 1) if policy.refill == "when_empty" else 1.0
    shared = Density(found.low, found.high, found.of, share)
    return shared.mirrored() if policy.refill in AFTER else shared


def _positive(given: Mapping[str, float], name: str) -> float:
    value = given.get(name, 0.0)
    if not 0.0 < value < math.inf:
        raise BadEnvironment(f"a delay with {name} {value:g}", hint=f"{name} is a number of seconds above 0")
    return value


def _lognormal(lag: Floats, median: float, sigma: float) -> Floats:
    positive = np.maximum(lag, 1e-12)
    return np.exp(-0.5 * (np.log(positive / median) / sigma) ** 2) / (positive * sigma * math.sqrt(2 * math.pi))
