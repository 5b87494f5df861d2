"""Outcome metrics as CSV: outcomes.csv in long form, differences.csv and figures.csv of a run over several seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from idverify.comparison.model import Run
from idverify.outcomes.model import How, Outcomes, Rate

Row: TypeAlias = Sequence[object]
OUTCOMES = ("scheme", "metric", "detail", "value", "k", "n", "low", "high", "unit", "label")
DIFFERENCES = ("first", "second", "metric", "unit", "n", "mean", "low", "high", "label")
FIGURES = ("seed", "scheme", "metric", "value")


def outcome_rows(run: Run) -> Iterable[Row]:
    """One row for each figure of each scheme."""
    for name, result in run.schemes.items():
        if result.outcomes is not None:
            for row in _of(result.outcomes):
                yield name, *row


def _of(found: Outcomes) -> Iterator[Row]:
    if (bits := found.bits) is not None:
        yield _value("bits", "mean", bits.mean, n=bits.n, ends=bits.interval, unit="bits", label=bits.label)
        for shown, k in bits.shown.items():
            yield "shown", shown, None, k, bits.n, None, None, "presentations", "MEASURED"
    for quasi in found.quasi_identifiers:
        told = " ".join(quasi.attributes)
        yield _value("unique", told, quasi.unique, n=quasi.people, unit="share", label=quasi.label)
        yield _value("top_1", told, quasi.top_1, n=quasi.people, unit="share", label=quasi.label)
    for each in found.exposure:
        yield _rate("named_in_copy", each.party, each.named)
        yield _value("backward", each.party, each.backward, n=each.persons, unit="log-ins", label=each.label)
        for coalition, rate in each.forward.items():
            yield _rate("forward", f"{each.party}: {coalition}", rate)
    if (sybil := found.sybil) is not None:
        yield _value(
            "accounts_per_person", "farmers", sybil.per_person, n=sybil.persons, ends=sybil.interval, unit="accounts",
            label=sybil.label,
        )  # fmt: skip
        for route in sybil.routes:
            yield _value("cost_per_fake", route.name, route.cost, n=route.n, unit="dollars", label=route.label)
    if (age := found.age) is not None:
        yield _rate("false_block", "", age.false_block)
        yield _rate("false_admit", "", age.false_admit)
        for row in age.by_age:
            yield _rate("wrong_at_age", str(row.age), row.wrong)
        for cause in age.causes:
            yield _rate("wrong_by_cause", cause.cause, cause.wrong)
    for group in found.coverage:
        yield _rate("served", group.group, group.served)
        for reason, k in group.reasons.items():
            yield "not_served", f"{group.group}: {reason}", None, k, group.served.n, None, None, "persons", "MEASURED"
    if (cost := found.cost) is not None:
        yield _value("round_trips", "", cost.round_trips, n=cost.n, unit="requests", label="MEASURED")
        for part, joules in (
            ("services", cost.joules_services), ("wallet", cost.joules_wallet), ("network", cost.joules_network),
        ):  # fmt: skip
            yield _value("energy", part, joules, unit="J", label=cost.label)
        for part, dollars in cost.parts.items():
            yield _value("per_million", part, dollars, unit="dollars", label=cost.label)
    if (mask := found.unmasking) is not None:
        if not mask.ways:
            yield "unmasking", mask.feasible, *[None] * 6, mask.label
        for way in mask.ways:
            told = f"{'+'.join(way.coalition)}, by {way.by}"
            yield _rate("unmasking", told, way.share) if way.share else ("unmasking", told, *[None] * 6, way.label)


def _rate(metric: str, detail: str, rate: Rate) -> Row:
    share = rate.k / rate.n if rate.n else None
    return metric, detail, share, rate.k, rate.n, *rate.interval, "share", rate.label


def _value(
    metric: str,
    detail: str,
    value: float | None,
    *,
    n: int | None = None,
    ends: tuple[float, float] | None = None,
    unit: str,
    label: How,
) -> Row:
    return metric, detail, value, None, n, *(ends or (None, None)), unit, label


def difference_rows(run: Run) -> Iterable[Row]:
    """One row for each pair of schemes and metric."""
    for each in run.differences:
        ends = each.interval or (None, None)
        yield each.first, each.second, each.metric, each.unit, each.n, each.mean, *ends, each.label


def figure_rows(run: Run) -> Iterable[Row]:
    """One row for each seed, scheme and metric."""
    for each in run.figures:
        for metric, value in each.metrics.items():
            yield each.seed, each.scheme, metric, value
