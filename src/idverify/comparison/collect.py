"""From what services, load and attacks left behind to one scheme's result. Pure: nothing is read or started here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from idverify.comparison.model import (
    AgeGate,
    CpuMs,
    EnrolledAgain,
    Linked,
    Reuse,
    Revocation,
    SchemeResult,
    SignUps,
    Step,
)
from idverify.families import family
from idverify.metering import RouteUse, Use
from idverify.privacy.metrics import Linkage
from idverify.scheme import Info
from idverify.wallet.policy import TITLES, Policy

ENOUGH_FOR_P99 = 200
ENOUGH_FOR_P95 = 20
BUSY_GENERATOR = 0.8


@dataclass(frozen=True, slots=True)
class StepSample:
    """The latencies of one kind of request, in milliseconds, and its bytes in total."""

    latencies_ms: Sequence[float]
    bytes_up: int = 0
    bytes_down: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All raw figures of one scheme. `before` are the services' figures when the warm-up ended."""

    info: Info
    seconds: float
    steps: Mapping[str, StepSample]
    attempted: int
    accepted: int
    refused: Mapping[str, int]
    failed: int
    minors_admitted: tuple[int, int]
    borrowed_admitted: tuple[int, int]
    adults_blocked: tuple[int, int]
    accounts_per_person_max: int
    generator_cpu: float
    wallet_cpu: Mapping[str, tuple[int, float]]  # request, accept, present → calls, seconds
    after: Sequence[Use]
    before: Sequence[Use] = ()
    storage_bytes: int | None = None
    accounts_stored: int = 0
    adults_blocked_reasons: Mapping[str, int] = field(default_factory=dict)
    policy: Policy | None = None
    revocation: Revocation | None = None
    fallbacks: int = 0
    proofs_again: tuple[int, int] = (0, 0)
    enrolled_again: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    unanswered: frozenset[str] = frozenset()
    complete: bool = True
    warnings: Sequence[str] = field(default=())


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of an ordered, non-empty sequence."""
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def median_interval(ordered: Sequence[float]) -> tuple[float, float]:
    """A 95 % interval of the median from order statistics: ranks n/2 ± 0.98 √n, the binomial as a normal distribution.

    Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2.
    """
    n = len(ordered)
    reach = 0.98 * math.sqrt(n)
    low, high = max(0, math.floor(n / 2 - reach) - 1), min(n - 1, math.ceil(n / 2 + reach))
    return round(ordered[low], 3), round(ordered[high], 3)


def step(sample: StepSample, seconds: float) -> Step:
    """Percentiles of one step; those that rest on too few samples are left out."""
    ordered = sorted(sample.latencies_ms)
    n = len(ordered)
    return Step(
        n=n,
        per_second=round(n / seconds, 3) if seconds > 0 else 0.0,
        p50_ms=round(percentile(ordered, 0.50), 3) if n else None,
        p95_ms=round(percentile(ordered, 0.95), 3) if n >= ENOUGH_FOR_P95 else None,
        p99_ms=round(percentile(ordered, 0.99), 3) if n >= ENOUGH_FOR_P99 else None,
        p50_interval=median_interval(ordered) if n >= ENOUGH_FOR_P95 else None,
        bytes_up=round(sample.bytes_up / n, 1) if n else 0.0,
        bytes_down=round(sample.bytes_down / n, 1) if n else 0.0,
    )


@dataclass(frozen=True, slots=True)
class _Spent:
    routes: Mapping[str, RouteUse]
    capture: float
    total: float  # CPU seconds of the processes, as the system counts them

    @property
    def overhead(self) -> float:
        """CPU that no route is charged with: server, event loop, database writer, capture; per CPU second of routes."""
        charged = sum(route.cpu_s for route in self.routes.values())
        return max(0.0, self.total - charged) / charged if charged > 0 else 0.0

    def cost(self, *prefixes: str) -> float:
        """CPU seconds of the routes whose path begins with one of `prefixes`, with their share of the overhead."""
        own = sum(use.cpu_s for name, use in self.routes.items() if _path(name).startswith(prefixes))
        return own * (1.0 + self.overhead)


def _path(route: str) -> str:
    """The path of "POST /api/accounts"."""
    return route.partition(" ")[2]


def _use(party: str, *, after: Sequence[Use], before: Sequence[Use]) -> _Spent:
    """What a party's processes used between two readings; `party` is a beginning: platform for platform_a and _b."""
    routes: dict[str, RouteUse] = {}
    capture = total = 0.0
    for sign, uses in ((1, after), (-1, before)):
        for use in uses:
            if not use.party.startswith(party):
                continue
            capture += sign * use.capture_cpu_s
            total += sign * use.process_cpu_s
            for name, route in use.routes.items():
                sum_ = routes.setdefault(name, RouteUse())
                sum_.n += sign * route.n
                sum_.cpu_s = max(0.0, sum_.cpu_s + sign * route.cpu_s)
    return _Spent(routes, max(0.0, capture), max(0.0, total))


ISSUING = ("/api/sessions", "/api/issue", "/token", "/authorize")
SIGNING_UP = ("/api/challenges", "/api/presentations", "/api/accounts")
PROVING = ("POST /api/accounts", "POST /api/accounts/verify")


def cpu_ms(measured: Measured) -> CpuMs:
    """CPU by party: per issuance request (log-in included), per answered sign-up or proof again, per presentation."""
    provider = _use("identity_provider", after=measured.after, before=measured.before)
    platform = _use("platform", after=measured.after, before=measured.before)
    issued = sum(
        use.n for name, use in provider.routes.items() if _path(name).startswith(("/api/issue", "/token-request"))
    )
    proven = sum(use.n for name, use in platform.routes.items() if name in PROVING)
    presented, _ = measured.wallet_cpu.get("present", (0, 0.0))
    wallet = sum(seconds for _, seconds in measured.wallet_cpu.values())
    return CpuMs(
        identity_provider=_per(provider.cost(*ISSUING), issued),
        platform=_per(platform.cost(*SIGNING_UP), proven),
        wallet=_per(wallet, presented),
    )


def _per(seconds: float, n: int) -> float | None:
    return round(1000.0 * seconds / n, 4) if n > 0 else None


def capture_share(measured: Measured) -> float | None:
    """What keeping the ledgers took of all services' CPU."""
    everything = _use("", after=measured.after, before=measured.before)
    return round(min(1.0, everything.capture / everything.total), 4) if everything.total > 0 else None


def linked(linkage: Linkage, evidence: Sequence[str]) -> Linked:
    """One attack's outcome as it stands in run.json, with at most five of the field pairs that gave it away."""
    return Linked(
        attack=linkage.attack,
        correct=linkage.correct,
        linkable=linkage.linkable,
        claimed=linkage.claimed,
        recall=linkage.recall,
        precision=linkage.precision,
        interval=linkage.interval,
        baseline=linkage.baseline,
        candidates=linkage.candidates,
        evidence=list(evidence[:5]),
    )


def warnings(measured: Measured) -> list[str]:
    """What a reader must know before believing the figures."""
    found = list(measured.warnings)
    if measured.generator_cpu > BUSY_GENERATOR:
        found.append(
            f"the load generator was busy for {measured.generator_cpu:.0%} of its time (limit {BUSY_GENERATOR:.0%}): "
            "do not trust the latencies"
        )
    few = [name for name, sample in measured.steps.items() if 0 < len(sample.latencies_ms) < ENOUGH_FOR_P99]
    if few:
        found.append(f"too few samples for a p99 (under {ENOUGH_FOR_P99}): {', '.join(sorted(few))}")
    if measured.failed:
        found.append(f"{measured.failed} sign-ups failed, neither accepted nor refused")
    if not measured.complete:
        found.append("stopped before its time: fewer samples than asked for")
    return found


def reuse(measured: Measured) -> Reuse | None:
    """How wallets used the credentials, where they keep any."""
    policy = measured.policy
    if policy is None:
        return None

    def number(name: str) -> int:
        return len(measured.steps[name].latencies_ms) if name in measured.steps else 0

    return Reuse(
        method=policy.method,
        title=TITLES[policy.method],
        batch=policy.batch,
        refill=policy.refill,
        lower_limit=policy.lower_limit,
        lifetime_s=policy.lifetime,
        issued=number("issue"),
        refills=number("refill"),
        fallbacks=measured.fallbacks,
    )


def revocation(seconds: Sequence[float], *, ttl: float, publish: float) -> Revocation | None:
    """The latencies of revocations in short; None for none."""
    ordered = sorted(seconds)
    if not ordered:
        return None
    return Revocation(
        n=len(ordered),
        median_s=round(percentile(ordered, 0.5), 3),
        mean_s=round(sum(ordered) / len(ordered), 3),
        longest_s=round(ordered[-1], 3),
        ttl_s=ttl,
        publish_s=publish,
    )


FLAGS = (
    "online", "single_use", "signed", "binds_device", "quantum_safe", "rationed", "status", "remembers", "unlinkable",
    "verifies_many",
)  # fmt: skip


def result(measured: Measured, linkage: Mapping[str, Linked], *, title: str = "") -> SchemeResult:
    """Put one scheme's figures together; `title` is that of a variant."""
    info = measured.info
    stored = measured.storage_bytes
    return SchemeResult(
        sign_ups=SignUps(
            attempted=measured.attempted,
            accepted=measured.accepted,
            refused=dict(sorted(measured.refused.items())),
            failed=measured.failed,
        ),
        steps={name: step(sample, measured.seconds) for name, sample in measured.steps.items()},
        cpu_ms=cpu_ms(measured),
        storage_bytes_per_account=(
            round(stored / measured.accounts_stored, 1) if stored is not None and measured.accounts_stored else None
        ),
        generator_cpu=round(measured.generator_cpu, 3),
        linkage=dict(linkage),
        age_gate=AgeGate(
            minors_admitted=measured.minors_admitted,
            borrowed_admitted=measured.borrowed_admitted,
            adults_blocked=measured.adults_blocked,
            adults_blocked_reasons=dict(sorted(measured.adults_blocked_reasons.items())),
        ),
        accounts_per_person_max=measured.accounts_per_person_max,
        title=title or info.title,
        scheme=info.name,
        family=family(info),
        experimental=info.experimental,
        parties=list(info.parties),
        reuse=reuse(measured),
        revocation=measured.revocation,
        proofs_again=measured.proofs_again,
        enrolled_again=EnrolledAgain(**measured.enrolled_again) if measured.enrolled_again else None,
        spec=info.spec,
        limits=info.limits,
        learns=dict(info.learns),
        flags={name: bool(getattr(info, name)) for name in FLAGS},
        unanswered=sorted(measured.unanswered),
        capture_share=capture_share(measured),
        seconds=round(measured.seconds, 2),
        complete=measured.complete,
        warnings=warnings(measured),
    )
