"""A sweep as it could have been: two schemes at three rates, one that falls back and one that cannot."""

from __future__ import annotations

import msgspec

from idverify.comparison.sweep_figures import counted, waits
from idverify.comparison.sweep_model import (
    SAME_PLATFORM,
    TWO_PLATFORMS,
    WITH_ISSUER,
    Conditions,
    Curve,
    CurvePoint,
    Expected,
    Link,
    Point,
    Sweep,
    Swept,
    Timing,
)
from idverify.privacy.metrics import clopper_pearson

CAPACITY = 25.0


def link(coalition: list[str], correct: int, of: int) -> Link:
    return Link(
        coalition=coalition,
        attack="exact_join",
        correct=correct,
        linkable=of,
        claimed=correct,
        interval=clopper_pearson(correct, of),
        baseline=0.01,
    )


def timing(top_1: float, hidden: float | None, targets: int) -> Timing:
    return Timing(
        attacker="policy",
        targets=targets,
        candidates=max(1, targets // 2),
        top_1=top_1,
        interval=clopper_pearson(round(top_1 * targets), targets),
        claimed_confidence=top_1,
        median_rank=2.0,
        set_median=hidden,
        set_5th=hidden,
        scored_set=hidden,
        scored_interval=None if hidden is None else (hidden / 1.2, hidden * 1.2),
        withheld="" if hidden else "adversary miscalibrated, value withheld",
    )


def point(scheme: str, rate: float, *, ms: float, again: float, gone: float, saturated: bool = False) -> Point:
    n = round(30 * max(1.0, rate / 3))
    half = n // 2
    return Point(
        scheme=scheme,
        asked_rate=rate,
        rate=rate * 1.03,
        rate_interval=(rate * 0.9, rate * 1.2),
        seconds=10.0,
        persons=n,
        arrivals=n,
        left_out=0,
        waited=waits([ms * (1 + i / n) for i in range(n)]),
        issue=waits([ms * (1 + i / n) / 2 for i in range(n)]),
        given_up=counted(round(gone * n), n),
        fell_back=counted(round(again * n), n),
        requests_per_second=rate,
        capacity=CAPACITY,
        capacity_is="set",
        utilisation=rate / CAPACITY,
        cpu={"identity_provider": 0.1},
        linkage={
            WITH_ISSUER: link(["identity_provider", "platform_a"], half if again else 0, half),
            SAME_PLATFORM: link(["platform_a"], round(again * half), half),
            TWO_PLATFORMS: link(["platform_a", "platform_b"], round(again * half), half),
        },
        timing=[timing(1 / (1 + rate), None if saturated else 2.7 * rate + 1, n)],
        expected=Expected(requests_per_second=rate, delay_s=1.0, top_1=1 / (1 + rate), effective_set=2.718 * rate),
        generator_cpu=0.9 if saturated else 0.1,
        generator_lag_ms=12.0,
        saturated=saturated,
        warnings=["the generator was busy"] if saturated else [],
    )


def make_sweep() -> Sweep:
    rates = (1.0, 10.0, 100.0)
    points = [
        *(point("sd_jwt_vc_batch", r, ms=40.0 * r**0.6, again=0.95 if r > 25 else 0.0, gone=0.0) for r in rates),
        *(
            point("privacy_pass", r, ms=60.0 * r**0.9, again=0.0, gone=0.8 if r > 25 else 0.0, saturated=r > 25)
            for r in rates
        ),
    ]
    curves = [
        Curve(
            scheme=name,
            capacity=CAPACITY,
            points=[
                CurvePoint(
                    rate=r,
                    utilisation=r / CAPACITY,
                    waited_p95=40.0 * r**0.6,
                    given_up=0.0,
                    fell_back=min(1.0, r / 100.0) if name.startswith("sd") else 0.0,
                    top_1=0.5,
                    effective_set=None if r > 60 else 3.0 * r,
                )
                for r in (1.0, 5.0, 25.0, 60.0, 100.0)
            ],
        )
        for name in ("sd_jwt_vc_batch", "privacy_pass")
    ]
    return Sweep(
        seed=7,
        mandate="directive_57",
        citizens=5000,
        machine={"cpu": "An example", "cpus": 2},
        versions={"python": "3.13"},
        command="idverify sweep --scheme sd_jwt_vc_batch,privacy_pass --rates 1,10,100",
        started="2026-03-01T12:00:00+00:00",
        conditions=Conditions(
            issuer_capacity=CAPACITY, patience_s=1, thinking_s=1, gives_up_s=5, batch=1, seconds=8, warm_up_s=2
        ),
        rates=list(rates),
        schemes={
            "sd_jwt_vc_batch": Swept(title="SD-JWT VC, 30 once-only", method="A", batch=1, falls_back=True),
            "privacy_pass": Swept(title="Privacy Pass token", method="A", batch=1, falls_back=False),
        },
        points=points,
        curves=curves,
    )


def empty() -> Sweep:
    return msgspec.structs.replace(make_sweep(), points=[], curves=[], failed={"privacy_pass-1": "a port is taken"})
