"""The values that a measurement must agree with: closed forms and integrals, each with its source and its units.

Symbols: N candidates; λ issuances per second; D the delay from issuance to presentation with density f and entropy h
in bits; r requests per user and second; k users behind one address; B credentials in a batch. Where a formula here is
sharper than the usual one, its docstring says what the usual one leaves out. docs/simulation.md derives them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from idverify.errors import BadUsage
from idverify.privacy.public import Delay
from idverify.simulation.delays import Floats, Rearranged, entropy, highest, rearranged


def chance(candidates: int) -> float:
    """Top-1 success of a guess at random among N: 1/N."""
    return 1.0 / _at_least_one(candidates, "candidates")


def timing(delay: Delay | Rearranged, rate: float) -> float:
    """Top-1 success of maximum likelihood on time alone: ∫ f(a)·exp(−λ·length{x: f(x) > f(a)}) da.

    One presentation, whose issuance lies D earlier, among others that come as a Poisson process of `rate` λ per second.
    The attacker is right if none of the others lies at a time of higher density. With the decreasing rearrangement f*
    of the density this is the Laplace transform ∫ f*(l)·exp(−λl) dl, which breaks ties at random: the formula with a
    strict ">" alone would give 1 for a uniform delay.
    """
    if rate < 0.0 or not math.isfinite(rate):
        raise BadUsage(f"a rate of {rate} per second")
    shape = delay if isinstance(delay, Rearranged) else rearranged(delay)
    ends = np.cumsum(shape.width)
    starts = ends - shape.width
    if rate == 0.0:
        return 1.0
    # Exact within each stretch: the height is constant there.
    inside = np.exp(-rate * starts) * -np.expm1(-rate * shape.width) / rate
    return float(np.sum(shape.height * inside))


def timing_exponential(mean: float, rate: float) -> float:
    """`timing` for an exponential delay: 1/(1 + λE[D])."""
    return 1.0 / (1.0 + rate * mean)


def timing_uniform(length: float, rate: float) -> float:
    """`timing` for a delay that is uniform over `length` T seconds: (1 − exp(−λT))/(λT)."""
    return -math.expm1(-rate * length) / (rate * length)


def timing_crowded(delay: Delay, rate: float) -> float:
    """`timing` where λ is large: f_max/λ."""
    return highest(delay) / rate


def timing_of_person(delay: Delay, rate_per_user: float, users: int) -> float:
    """Top-1 success by person where each of k users asks at r per second: G + (1 − G)/k with G = timing(rk).

    The usual form G(r·k) counts a person's other requests as wrong answers; they name the right person. It is exact for
    k = 1 (there is nobody else, so 1), and G(r·k) is what is left where k is large.
    """
    _at_least_one(users, "users")
    alone = timing(delay, rate_per_user * users)
    return alone + (1.0 - alone) / users


def effective_set(delay: Delay, rate: float) -> float:
    """The scored anonymity set 2^(−mean log2 p_true) under timing, λ large: λ·2^h persons.

    Exponential e·λE[D], uniform λT, lognormal λ·m·σ·√(2πe) with the median m. The attacker's own certainty 2^H is the
    same number where he is calibrated.
    """
    return rate * math.exp2(entropy(delay))


def bits_per_login(delay: Delay, rate_per_user: float) -> float:
    """What each login tells of who it is, just in time: −log2(r·2^h) bits, whatever N; r·2^h well below 1."""
    return -(math.log2(rate_per_user) + entropy(delay))


def logins_needed(candidates: int, bits: float) -> float:
    """Logins after which one candidate is left: about log2(N)/bits. Infinite where a login tells nothing."""
    return math.log2(_at_least_one(candidates, "candidates")) / bits if bits > 0.0 else math.inf


def coincidence(length: float, rate_per_user: float) -> float:
    """q, the probability that somebody else has asked within the `length` T before a login: 1 − exp(−rT).

    −log2 q is `bits_per_login` of a uniform delay where rT is small, and stays right where it is not.
    """
    return -math.expm1(-rate_per_user * length)


def fits(share: float, uses: int, *, logins: int) -> float:
    """The probability that somebody else's requests fit all of n logins by accident.

    Each of their `uses` u lies in a given window with probability `share` p, and the n windows do not overlap: by
    inclusion and exclusion Σ (−1)^j C(n, j)(1 − jp)^u. For many uses it tends to q^n with q = `coincidence`; somebody
    who asks no more often than n times in all fits by n!·p^n alone, which q^n would overstate.
    """
    return math.fsum((-1) ** j * math.comb(logins, j) * (1.0 - j * share) ** uses for j in range(logins + 1))


def survivors(candidates: int, left: float) -> float:
    """Top-1 success where each wrong candidate fits with probability `left`, which is q^n after n logins (or `fits`).

    Candidates that fit: the true one and Bin(N − 1, q^n) others, of whom one is taken at random:
    (1 − (1 − q^n)^N)/(N·q^n).
    """
    _at_least_one(candidates, "candidates")
    if left <= 0.0:
        return 1.0
    return -math.expm1(candidates * math.log1p(-left)) / (candidates * left) if left < 1.0 else 1.0 / candidates


def survivor_set(candidates: int, left: float) -> float:
    """The scored set where each wrong candidate fits with probability q^n: 2^E[log2(1 + Bin(N − 1, q^n))].

    About N·q^n where that is large. For one login and a uniform delay it is `effective_set` without its assumption of
    a large λ: at λT = 40 it is 1.2 % more.
    """
    from scipy.stats import binom

    others = np.arange(candidates)
    weight = binom.pmf(others, candidates - 1, left)
    return math.exp2(float(np.sum(weight * np.log2(1.0 + others))))


def prefetch(batch: int, logins: int) -> float:
    """Share of people whose wallet has refilled at one of n logins: 1 − (1 − 1/B)^n.

    Right where the logins that are seen are few among those of the wallet, so that each finds it empty independently.
    """
    return 1.0 - (1.0 - 1.0 / _at_least_one(batch, "credentials in a batch")) ** logins


def prefetch_among(batch: int, logins: int, uses: int) -> float:
    """The same where n of a wallet's logins are seen, any as likely, and `uses` are all of them, a multiple of B.

    Exactly one in B finds it empty, so that n are drawn without putting back: 1 − C(uses − uses/B, n)/C(uses, n). It
    is 1 − (1 − 1/B)^n for many uses, and min(1, n/B) would be if they followed each other.
    """
    if uses % _at_least_one(batch, "credentials in a batch") or not 0 <= logins <= uses:
        raise ValueError(f"{logins} of {uses} logins with batches of {batch}")
    return 1.0 - math.comb(uses - uses // batch, logins) / math.comb(uses, logins)


def prefetch_in_a_row(batch: int, logins: int) -> float:
    """The same where all logins of the wallet are seen: exactly one in B finds it empty, so min(1, n/B)."""
    return min(1.0, logins / _at_least_one(batch, "credentials in a batch"))


StatusMode = Literal["direct", "list", "sequential", "revoked"]


def status(mode: StatusMode, *, among: int = 1) -> float:
    """Top-1 success through the status of a credential: direct check 1; list of H holders 1/H; sequential index 1; R
    revoked in one update 1/R. `among` is H or R."""
    return 1.0 if mode in ("direct", "sequential") else 1.0 / _at_least_one(among, "holders of a list or update")


def key_partition(keys: int, candidates: int) -> float:
    """Top-1 success where an issuer spreads N people over K keys at random: K(1 − (1 − 1/K)^N)/N, about K/N."""
    n = _at_least_one(candidates, "candidates")
    return keys * (1.0 - (1.0 - 1.0 / _at_least_one(keys, "keys")) ** n) / n


def key_set(keys: int, candidates: int) -> float:
    """The anonymity set that K keys leave: N/K, and at least one."""
    return max(1.0, candidates / keys)


def unique(shares: Floats, people: float) -> float:
    """P(somebody is the only one with their value) = Σ p·exp(−Np), for values of probability p among N people."""
    p = _probabilities(shares)
    return float(np.sum(p * np.exp(-people * p)))


def game_exponential(mean: float, seconds: float) -> float:
    """Share of two-user games won by time alone, with an exponential delay: 1 − E[D]/T.

    The other's issuance, any time of the T `seconds` alike, is preferred only if it lies between the true one and the
    presentation: with probability D/T. D is short beside T.
    """
    return 1.0 - mean / seconds


def game_groups(groups: int, candidates: int) -> float:
    """Share of two-user games won where G groups of equal size are told apart: 1 − ½(N/G − 1)/(N − 1).

    The other one is in the same group with probability (N/G − 1)/(N − 1), and then a coin is thrown.
    """
    n = _at_least_one(candidates, "candidates")
    return 1.0 - 0.5 * (n / _at_least_one(groups, "groups") - 1.0) / max(n - 1, 1)


def quasi_identifier(shares: Floats, people: float) -> float:
    """Top-1 success of a guess among those who share the value: Σ (1 − exp(−Np))/N."""
    p = _probabilities(shares)
    return float(np.sum(-np.expm1(-people * p))) / people


def accounts_per_person(*, pseudonym: bool, quota: int = 1, epochs: int = 1) -> int:
    """Accounts that one person can get at one platform: 1 with a unique pseudonym, else quota × epochs."""
    return 1 if pseudonym else quota * epochs


def leaked(candidates: float, bits: float) -> float:
    """The set that is left of N after a leak of b bits: N/2^b, and at least one."""
    return max(1.0, candidates / math.exp2(bits))


def trials_to_tell_apart(share: float, other: float, *, false_alarm: float = 0.05, power: float = 0.8) -> int:
    """Trials that tell two shares apart: the normal approximation (Fleiss, Statistical Methods for Rates, chapter 4).

    One-sided, a share that is known against another that is seen: telling 2/N from 1/N takes about 490 at N = 50 and
    103,000 at N = 10,000, which is why baselines are measured in small worlds.
    """
    from scipy.stats import norm

    a, b = float(norm.ppf(1.0 - false_alarm)), float(norm.ppf(power))
    spread = a * math.sqrt(share * (1.0 - share)) + b * math.sqrt(other * (1.0 - other))
    return math.ceil((spread / (other - share)) ** 2)


@dataclass(frozen=True, slots=True)
class Extrapolated:
    """A value that a formula gives for a country; nobody has simulated that many people."""

    what: str
    value: float
    people: int
    formula: str
    label: Literal["EXTRAPOLATED"] = "EXTRAPOLATED"


def extrapolate_timing(delay: Delay, *, people: int, requests_per_day: float) -> Extrapolated:
    """Top-1 success by time alone in a country where each of `people` asks so often: `timing` at λ = rN."""
    rate = people * requests_per_day / 86_400.0
    return Extrapolated("timing, top-1", timing(delay, rate), people, "∫ f(a)·exp(−λ·length{x: f(x) > f(a)}) da")


def extrapolate_repeated(delay: Delay, *, people: int, requests_per_day: float) -> Extrapolated:
    """Logins, each just in time, after which one of `people` is left."""
    bits = bits_per_login(delay, requests_per_day / 86_400.0)
    return Extrapolated("logins needed", logins_needed(people, bits), people, "log2 N / −log2(r·2^h)")


def extrapolate_unique(shares: Floats, *, people: int) -> Extrapolated:
    """The share of `people` whose value nobody else has."""
    return Extrapolated("unique", unique(shares, people), people, "Σ p·exp(−Np)")


def _at_least_one(number: int, what: str) -> int:
    if number < 1:
        raise BadUsage(f"{number} {what}, where at least one is needed")
    return number


def _probabilities(shares: Floats) -> Floats:
    p = np.asarray(shares, dtype=np.float64)
    if not len(p) or (p < 0.0).any() or not math.isclose(float(p.sum()), 1.0, rel_tol=1e-6):
        raise BadUsage("the shares are no probabilities that sum to 1")
    return p
