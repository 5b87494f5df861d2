"""Privacy under load: schemes × arrival rates, one point after the other; what is done is kept, whatever happens."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from idverify.comparison import machine
from idverify.comparison.compare import Progress, interrupts
from idverify.comparison.folders import new_run
from idverify.comparison.sweep_folder import KIND, write_sweep
from idverify.comparison.sweep_model import Conditions, Curve, CurvePoint, Point, Sweep, Swept, name_of
from idverify.comparison.sweep_point import Tried, Trying
from idverify.comparison.variants import Variant, check
from idverify.errors import BadUsage, IdverifyError
from idverify.mandates import load as load_mandate
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.simulation.under_load import LoadPolicy, LoadRow, under_load
from idverify.wallet.policy import policy_of, why_not

MOST_RATE = 1_000.0
SHELVES = 4
"""Batches that a person may fetch: one at enrolment, one for each of two visits, and one more."""
CURVE_POINTS, CURVE_LOGINS = 15, 20_000
"""Rates of a simulated curve, and logins at each of them."""
STEEP = (0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6)
"""Utilisations at which the curve has further points: there it is steep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """What to measure. `settings` are the base of every world; `conditions` are the same at all points."""

    settings: Settings
    schemes: Sequence[str]
    rates: Sequence[float]
    conditions: Conditions
    out: Path
    command: str


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """A finished sweep and the exit code that says how it ended."""

    sweep: Sweep
    folder: Path
    exit_code: int


def variant_of(name: str) -> Variant:
    """The scheme with each credential shown once, where it can be used so. Raises BadUsage where nothing is issued."""
    info = SCHEMES[name].info
    if info.issued == "by_holder":
        raise BadUsage(
            f"{name} has no issuer that could be overloaded", hint="name schemes whose credentials are issued"
        )
    return Variant(info, None if why_not(info, "A") else "A")


def rates_in(text: str) -> tuple[float, ...]:
    """The rates in "1,3,10", ascending. Raises BadUsage for what is no rate, and for one that is named twice."""
    found: list[float] = []
    for part in text.split(","):
        try:
            rate = float(part)
        except ValueError:
            rate = math.nan
        if not 0.0 < rate <= MOST_RATE:
            raise BadUsage(
                f"{part.strip()[:40]!r} is no rate", hint=f"rates are arrivals a second, above 0, up to {MOST_RATE:g}"
            )
        if rate in found:
            raise BadUsage(f"the rate {rate:g} is named twice", hint="name each rate once: 1,3,10,30,100")
        found.append(rate)
    return tuple(sorted(found))


def settings_of(base: Settings, conditions: Conditions) -> Settings:
    """The settings of a rush: nobody lies, lends, farms or loses a phone, and no quota ends it."""
    return replace(
        base,
        ledger="on",
        quota=max(base.quota, SHELVES * conditions.batch),
        batch=conditions.batch,
        refill="just_in_time",
        patience=conditions.patience_s,
        issuer_capacity=conditions.issuer_capacity,
        borrowing=0.0,
        lying=0.0,
        farmers=0.0,
        lost_phones=0.0,
    )


def sweep(plan: SweepPlan, progress: Progress) -> SweepOutcome:
    """Run it. Exit code 0; 3 where a point could not be measured; 130 where it was stopped."""
    mandate = load_mandate(plan.settings.mandate)
    settings = settings_of(plan.settings, plan.conditions)
    variants = [variant_of(name) for name in plan.schemes]
    check(settings, variants)
    tried = [Tried(variant, rate) for variant in variants for rate in plan.rates]
    folder = new_run(plan.out, kind=KIND)
    stop = threading.Event()
    trying = Trying(settings, mandate, plan.conditions, stop=stop)
    started = datetime.now(timezone.utc)
    points: list[Point] = []
    failed: dict[str, str] = {}
    with interrupts(trying):
        try:
            expected = [trying.expected_seconds(each.rate) for each in tried]
            progress.begin(len(tried), sum(expected) / len(tried))
            for number, each in enumerate(tried, 1):
                name = name_of(each.variant.info.name, each.rate)
                progress.scheme(name, number, len(tried))
                try:
                    points.append(trying.run(each, folder / name, phase=progress.phase))
                    progress.done(name)
                except (IdverifyError, OSError) as error:
                    failed[name] = machine.without_places(str(error))
                    progress.done(name, failed[name])
                if stop.is_set():
                    break
        except KeyboardInterrupt:
            stop.set()
        found = Sweep(
            seed=settings.seed,
            mandate=mandate.name,
            citizens=settings.citizens,
            machine=machine.describe(),
            versions=machine.versions(),
            command=machine.without_places(plan.command),
            started=started.isoformat(timespec="seconds"),
            conditions=plan.conditions,
            rates=list(plan.rates),
            schemes={variant.info.name: swept(variant, settings) for variant in variants},
            points=points,
            curves=[curve for variant in variants if (curve := curve_of(variant, settings, plan, points=points))],
            failed=failed,
            status="partial" if stop.is_set() else "complete",
        )
    write_sweep(folder, found)
    return SweepOutcome(found, folder, 130 if stop.is_set() else 3 if failed else 0)


def swept(variant: Variant, settings: Settings) -> Swept:
    """How the wallets of a scheme use its credentials."""
    policy = policy_of(variant.info, variant.settings(settings))
    falls_back = policy.reusable and policy.method in ("A", "D") and variant.method is not None
    return Swept(title=variant.info.title, method=policy.method, batch=policy.batch, falls_back=falls_back)


def curve_of(variant: Variant, settings: Settings, plan: SweepPlan, *, points: Sequence[Point]) -> Curve | None:
    """The model in virtual time with the same parameters, from the lowest to the highest rate.

    Without a capacity that was set, it takes the one that the busiest sound point shows. None where none is known, or
    where not every arrival asks the issuer for one credential, which is what the model is of.
    """
    mine = [point for point in points if point.scheme == variant.info.name and point.capacity]
    how = swept(variant, settings)
    if not mine or how.batch != 1 or variant.method is None:
        return None
    capacity = max(mine, key=lambda point: (not point.saturated, point.rate)).capacity or 0.0
    conditions = plan.conditions
    low, high = min(plan.rates), max(plan.rates)
    steep = (round(capacity * share, 4) for share in STEEP)
    grid = sorted({*plan.rates, *_between(low, high), *(rate for rate in steep if low < rate < high)})
    rows: list[LoadRow] = []
    for rate in grid:
        policy = LoadPolicy(
            fallback="method_b" if how.falls_back else "wait",
            patience=conditions.patience_s,
            gives_up=conditions.gives_up_s or math.inf,
            thinking=max(conditions.thinking_s, 1e-3),
            citizens=settings.citizens,
            logins=CURVE_LOGINS,
            steady=True,
            seconds=max(conditions.seconds, 30.0 / rate) + conditions.warm_up_s,
            warm_up=conditions.warm_up_s,
        )
        rows += under_load([rate], capacity, policy, seed=settings.seed)
    return Curve(scheme=variant.info.name, capacity=capacity, points=[_curve_point(row) for row in rows])


def _between(low: float, high: float) -> list[float]:
    """Rates between the lowest and the highest, evenly on a logarithmic scale."""
    steps = CURVE_POINTS - 1
    return [round(low * (high / low) ** (n / steps), 4) for n in range(CURVE_POINTS)] if high > low else [low]


def _curve_point(row: LoadRow) -> CurvePoint:
    shown = math.isfinite(row.request_set)
    return CurvePoint(
        rate=row.rate,
        utilisation=round(row.utilisation, 4),
        waited_p95=round(row.waited_p95_ms, 1),
        given_up=row.given_up,
        fell_back=row.fell_back,
        top_1=row.request_found if shown else None,
        effective_set=row.request_set if shown else None,
    )
