"""Privacy under load: an issuer with finite capacity, wallets that fall back, and what either gives away.

A model in virtual time (SIMULATED). Logins come as a Poisson process, and each needs a fresh credential. The issuer
serves one request after the other, on average `capacity` a second (M/M/1; M/D/1 where it is `steady`). A wallet waits
`patience` seconds for the answer; if none has come, it does what its policy says:

    wait        waits on: the login comes later, and farther from its issuance
    method_b    hangs up and shows its last credential again (EU ARF, annex 2, topic 10, ISSU_47); the issuer works on
                the request all the same, and the answer finds nobody

So load works in two ways. More people at a time hide each other better from an issuer and a platform that compare
times; but an issuer that is late makes wallets show the same thing twice, which every platform recognises. Delays are
those of the queue by Lindley's recursion, not of a formula: bursts, and the start from empty, are in them. Beyond a
utilisation of 1 the queue grows as long as the load lasts, and so does all that depends on it: `LoadPolicy.seconds`
says how long that is, and many such rushes, each from an empty queue, are then averaged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from idverify.errors import BadUsage
from idverify.simulation.delays import Floats
from idverify.simulation.events import Ints, stream

Fallback: TypeAlias = Literal["wait", "method_b"]
Flags: TypeAlias = NDArray[np.bool_]

WARM_UP = 0.1
"""The share of the logins at the start that is not counted."""
PROBES = 2_000
"""Logins of which each rate's timing attack tries to find the person."""
BINS = 400
"""Of the delays that the attacker has learned; on a logarithmic scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPolicy:
    """How long wallets wait for the issuer, what they do then, and how long people take to show what they got.

    `citizens` log in at random, `logins` times together; `thinking` is the mean time from the issuer's answer to the
    presentation, exponential; times in seconds. `seconds` is how long a rush lasts, of which the first `warm_up`
    seconds are not counted; 0: all logins are one. Who waits on `gives_up` after so long, and shows nothing.
    """

    fallback: Fallback = "method_b"
    patience: float = 2.0
    thinking: float = 5.0
    citizens: int = 2_000
    logins: int = 40_000
    steady: bool = False  # every request takes the issuer the same time
    seconds: float = 0.0
    warm_up: float = 0.0
    gives_up: float = math.inf


@dataclass(frozen=True, slots=True)
class LoadRow:
    """One point of the picture: what happens at one arrival rate."""

    rate: float  # arrivals per second
    utilisation: float  # arrivals per second / capacity
    p95_ms: float  # of the issuer's answer: waiting and service
    waited_p95_ms: float  # of what a wallet waits for the issuer: until the answer, or until it hangs up
    given_up: float  # share of logins that showed nothing
    fell_back: float  # share of logins whose issuer was too late for the wallet
    reused: float  # share of logins that showed a credential that was shown before
    linked: float  # share of logins whose credential was shown at another login too
    identified: float  # share of logins whose person issuer and platform find by time alone, top-1
    effective_set: float  # persons among whom a fresh login hides by time: 2^(−mean log2 p_true)
    request_found: float  # top-1 by the time of the login's own request, which the issuer has seen even if it was late
    request_set: float  # and the persons among whom that leaves any login that showed something
    label: Literal["SIMULATED"] = "SIMULATED"


def under_load(
    rates: Sequence[float], capacity: float, policy: LoadPolicy | None = None, *, seed: int = 7
) -> list[LoadRow]:
    """One row for each arrival rate (a second). Raises BadUsage for rates or a capacity that are not above 0."""
    policy = policy or LoadPolicy()
    if not rates or not all(math.isfinite(rate) and rate > 0.0 for rate in rates):
        raise BadUsage("the rates are not all above 0 a second")
    if not (math.isfinite(capacity) and capacity > 0.0):
        raise BadUsage(f"a capacity of {capacity} requests a second")
    if policy.citizens < 2 or policy.logins < 1_000 or not policy.patience >= 0.0 or not policy.thinking > 0.0:
        raise BadUsage("a load needs two citizens, a thousand logins, a patience from 0 and a thinking time above 0")
    return [_row(rate, capacity, policy, seed=seed) for rate in rates]


def sojourns(arrivals: Floats, service: Floats) -> Floats:
    """Seconds from arrival to answer at one server, first come first served; `arrivals` ascend.

    Lindley (1952): each request starts when it comes or when the one before is done. Unrolled, departure n is the sum
    of all services up to n, plus the greatest of arrival i less the services before i, over i ≤ n.
    """
    done = np.cumsum(service)
    departures: Floats = done + np.maximum.accumulate(arrivals - (done - service))
    return departures - arrivals


def _row(rate: float, capacity: float, policy: LoadPolicy, *, seed: int) -> LoadRow:
    n = policy.logins
    gaps = stream(seed, "arrivals").exponential(1.0 / rate, n)
    counted = np.arange(n) >= n * WARM_UP
    rush = np.zeros(n, dtype=np.int64)
    if policy.seconds > 0.0:
        per_rush = max(1, round(rate * policy.seconds))
        rush = np.arange(n) // per_rush * per_rush  # the number of its first login
        # Between two of them everybody is answered, and has shown what they got.
        gaps[rush == np.arange(n)] += 4.0 * per_rush / capacity + 40.0 * policy.thinking + policy.patience
    arrivals = np.cumsum(gaps)
    if policy.seconds > 0.0:
        counted = arrivals - arrivals[rush] >= policy.warm_up
    person = stream(seed, "who").integers(0, policy.citizens, n)
    work = np.ones(n) if policy.steady else stream(seed, "work").exponential(1.0, n)
    answer = sojourns(arrivals, work / capacity)
    falls_back = policy.fallback == "method_b"
    late = (answer > policy.patience) & falls_back
    shows = falls_back | (answer <= policy.gives_up)
    longest = policy.patience if falls_back else policy.gives_up
    thinking = stream(seed, "thinking").exponential(policy.thinking, n)
    shown = arrivals + np.where(late, policy.patience, answer) + thinking
    credential, first = _credentials(person, late)
    times_shown = np.bincount(credential)[credential]
    probed = np.flatnonzero(counted & shows)
    probes = stream(seed, "probes").choice(probed, min(PROBES, len(probed)), replace=False)
    # Whoever shows a credential again is found where the login is found for which it was issued.
    origin = first[probes]
    success, truth = _by_time(arrivals, shown, np.unique(origin), learned=(shown - arrivals)[~late & shows])
    place = np.searchsorted(np.unique(origin), origin)
    fresh = np.unique(place[~late[probes]])
    by_request = _by_time(arrivals, shown, np.sort(probes), learned=(shown - arrivals)[shows])
    return LoadRow(
        rate=rate,
        utilisation=rate / capacity,
        p95_ms=1_000.0 * float(np.quantile(answer[counted], 0.95)),
        waited_p95_ms=1_000.0 * float(np.quantile(np.minimum(answer, longest)[counted], 0.95)),
        given_up=float((~shows)[counted].mean()),
        fell_back=float(late[counted].mean()),
        reused=float((first != np.arange(n))[counted].mean()),
        linked=float((times_shown > 1)[counted].mean()),
        identified=float(success[place].mean()) if len(probes) else math.nan,
        effective_set=_set(truth[fresh]),
        request_found=float(by_request[0].mean()) if len(probes) else math.nan,
        request_set=_set(by_request[1]),
    )


def _set(truth: Floats) -> float:
    """2^(−mean log2 p_true); not a number where there is none."""
    return math.exp2(-float(np.log2(truth).mean())) if len(truth) else math.nan


def _credentials(person: Ints, late: Flags) -> tuple[Ints, Ints]:
    """Which credential each login shows, and the login that showed it first.

    A login whose issuer was late shows what its person has shown last; everybody's first login has one from enrolment.
    """
    order = np.lexsort((np.arange(len(person)), person))
    ordered = person[order]
    new = ~late[order]
    new[np.r_[True, ordered[1:] != ordered[:-1]]] = True
    credential, first = np.empty_like(person), np.empty_like(person)
    credential[order] = np.cumsum(new) - 1
    first[order] = order[new][np.cumsum(new) - 1]
    return credential, first


def _by_time(arrivals: Floats, shown: Floats, probes: Ints, *, learned: Floats) -> tuple[Floats, Floats]:
    """Top-1 success and the probability of the truth for each probe, by maximum likelihood over all requests.

    The attacker has learned how long the logins of such a day take (`learned`), as a histogram.
    """
    if not len(learned):  # nobody got an answer in time, so that times say nothing
        return np.full(len(probes), 1.0 / len(arrivals)), np.full(len(probes), 1.0 / len(arrivals))
    edges = np.unique(np.r_[0.0, np.geomspace(max(float(learned.min()), 1e-6), float(learned.max()) * 1.0001, BINS)])
    height = (np.histogram(learned, edges)[0] + 0.01) / np.diff(edges)
    success, truth = np.zeros(len(probes)), np.zeros(len(probes))
    for number, probe in enumerate(probes.tolist()):
        begin = np.searchsorted(arrivals, shown[probe] - edges[-1])
        end = np.searchsorted(arrivals, shown[probe], side="right")
        lags = shown[probe] - arrivals[begin:end]
        weight = height[np.clip(np.searchsorted(edges, lags, side="right") - 1, 0, len(height) - 1)]
        if not begin <= probe < end:
            truth[number] = 1.0 / len(arrivals)
            continue
        own = float(weight[probe - begin])
        best = float(weight.max())
        success[number] = 1.0 / int((weight == best).sum()) if own == best else 0.0
        truth[number] = own / float(weight.sum())
    return success, truth
