"""The same comparison over several seeds: which seeds, in which order, and what is kept of each repetition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from idverify.comparison.coalitions import SHOWN
from idverify.comparison.model import Assumption, Principle, Run, SchemeResult
from idverify.comparison.wire import bytes_by_party
from idverify.errors import BadUsage
from idverify.outcomes import assumptions
from idverify.outcomes.checklist import checked
from idverify.outcomes.country import Country
from idverify.outcomes.model import Figures
from idverify.outcomes.paired import NAMED, differences
from idverify.outcomes.quasi import USUAL, quasi_identifier
from idverify.scheme import CIVIL_TIME

MOST_SEEDS = 100
WHOLE = "whole_sign_up"
T = TypeVar("T")


def seeds_in(text: str, *, first: int, given: int | None) -> tuple[int, ...]:
    """The seeds of "5", five of them from `first` on, or of "1,2,3". `given` is what --seed says. Raises BadUsage."""
    parts = [part.strip() for part in text.split(",")]
    hint = "give how many, as 5, or the seeds themselves, as 1,2,3"
    if not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        raise BadUsage(f"--seeds {text[:40]!r} is neither a number nor a list of numbers", hint=hint)
    numbers = [int(part) for part in parts]
    if len(parts) == 1:
        if not 1 <= numbers[0] <= MOST_SEEDS:
            raise BadUsage(f"--seeds {numbers[0]}, where 1 to {MOST_SEEDS} are possible", hint=hint)
        return tuple(range(first, first + numbers[0]))
    if given is not None:
        raise BadUsage("--seed and a list in --seeds contradict each other", hint="leave --seed out")
    if len(set(numbers)) < len(numbers):
        raise BadUsage(f"--seeds {text[:40]!r} names a seed twice, which would count it twice", hint=hint)
    if len(numbers) > MOST_SEEDS:
        raise BadUsage(f"--seeds names {len(numbers)} seeds, where {MOST_SEEDS} are possible", hint=hint)
    return tuple(numbers)


def rotated(schemes: Sequence[T], place: int) -> list[T]:
    """Another scheme is first under each seed, so that a machine that slows down harms none of them more."""
    start = place % len(schemes) if schemes else 0
    return [*schemes[start:], *schemes[:start]]


def figures_of(result: SchemeResult, *, scheme: str, seed: int) -> Figures:
    """The key metrics of one scheme under one seed; those that were not measured are left out."""
    step, cpu, outcomes = result.steps.get(WHOLE), result.cpu_ms, result.outcomes
    found: dict[str, float | None] = {
        "p50_ms": step.p50_ms if step else None,
        "p95_ms": step.p95_ms if step else None,
        "cpu_identity_provider_ms": cpu.identity_provider,
        "cpu_platform_ms": cpu.platform,
        "cpu_wallet_ms": cpu.wallet,
        "bytes_per_proof": sum(bytes_by_party(result).values()) or None,
    }
    found |= {
        f"{NAMED}{name}": each.arrived.top_1 if each.arrived else None
        for name, each in result.coalitions.items()
        if name in SHOWN
    }
    if outcomes is not None:
        everybody = zip(("served",), outcomes.coverage, strict=False)
        found["bits"] = outcomes.bits.mean if outcomes.bits else None
        if outcomes.age is not None:
            rates = (("false_block", outcomes.age.false_block), ("false_admit", outcomes.age.false_admit))
            found |= {name: rate.k / rate.n for name, rate in rates if rate.n}
        found |= {name: group.served.k / group.served.n for name, group in everybody if group.served.n}
        found["accounts_per_person"] = outcomes.sybil.per_person if outcomes.sybil else None
    kept = {name: round(value, 6) for name, value in found.items() if value is not None}
    return Figures(seed=seed, scheme=scheme, metrics=kept)


def with_outcomes(run: Run, *, figures: Sequence[Figures], seeds: Sequence[int], order: Sequence[str]) -> Run:
    """The run with what belongs to no single scheme: the country, the checklist, prices, differences over seeds."""
    day = datetime.fromisoformat(run.started).astimezone(CIVIL_TIME).date()
    country = Country(day)
    held = [result.outcomes for result in run.schemes.values() if result.outcomes is not None]
    prices = [
        Assumption(name=name, value=float(parameter), meaning=f"{parameter.what}; {parameter.source}")
        for name, parameter in assumptions.parameters().items()
    ]
    ordered = sorted(figures, key=lambda each: (order.index(each.scheme), seeds.index(each.seed)))
    several = len(seeds) > 1
    return msgspec.structs.replace(
        run,
        assumptions=[*run.assumptions, *prices],
        quasi_identifiers=[quasi_identifier(names, country) for names in USUAL],
        checklist=[
            Principle(
                source=item.source,
                principle=item.principle,
                status=item.status,
                where=item.where,
                anchor=item.anchor,
            )
            for item in checked(held)
        ],
        seeds=list(seeds),
        figures=ordered if several else [],
        differences=differences(ordered) if several else [],
    )
