"""The report's sections on outcomes: each a table with what it counts, how, and under which label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from idverify.comparison.charts import figure
from idverify.comparison.coalitions import FIRST, ISSUER
from idverify.comparison.model import Run
from idverify.comparison.outcome_words import (
    KEY,
    Cell,
    against,
    attributes,
    base_of,
    difference_cell,
    metric,
    one_in,
    party,
    share_cell,
)
from idverify.comparison.sentences import listed, reason
from idverify.outcomes.coverage import GROUPS
from idverify.outcomes.model import AgeErrors, Exposure, Outcomes, Sybil, Unmasking
from idverify.privacy.public import THIEF

NOTHING = Cell("–")
BOTH = f"{THIEF}{ISSUER}+{THIEF}{FIRST}"
MANY = 6
"""More schemes are told apart by the key metrics alone; all are in differences.csv."""
YEARS = 5
"""Single years of age that are told on each side of the limit."""
CAUSES = {
    "lied": "stated a false birth date",
    "borrowed_credential": "used an adult’s credential",
    "own_credential": "told the truth, used what is their own",
    "birth_year_only": "year of birth only",
    "time_zone": "time zone",
    "cached_answer": "cached answer",
    "leap_day": "29 February",
}


@dataclass(frozen=True, slots=True)
class Head:
    """A column, with its own label where the columns of a table came about in different ways."""

    text: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One table. Schemes whose cells are all alike share a row; `level` 3 belongs to the section before it.

    `label` is that of all figures in it; empty where each column has its own.
    """

    id: str
    title: str
    text: str
    label: str
    head: Sequence[Head]
    rows: list[tuple[str, list[Cell]]]
    note: str = ""
    level: int = 2
    first: str = "Scheme"
    items: list[str] = field(default_factory=list)


def sections(run: Run, titled: dict[str, str]) -> list[Section]:
    """Those for which the run has anything."""
    held = [(titled[name], r.outcomes) for name, r in run.schemes.items() if r.outcomes is not None]
    if not held:
        return []
    made = (_bits, _country, _exposure, _sybil, _gate, _years, _unmasking, _coverage, _cost)
    return [section for make in made if (section := make(run, held)) is not None]


def _rows(
    held: Iterable[tuple[str, Outcomes]], cells: Callable[[Outcomes], list[Cell] | None]
) -> list[tuple[str, list[Cell]]]:
    """A row for each scheme, or for several whose cells are the same."""
    alike: dict[tuple[Cell, ...], list[str]] = {}
    for title, outcomes in held:
        if (row := cells(outcomes)) is not None:
            alike.setdefault(tuple(row), []).append(title)
    return [(listed(titles), list(row)) for row, titles in alike.items()]


Held = Sequence[tuple[str, Outcomes]]


def _bits(run: Run, held: Held) -> Section | None:
    def cells(outcomes: Outcomes) -> list[Cell] | None:
        bits = outcomes.bits
        if bits is None:
            return None
        usual = [name for name, n in bits.shown.items() if n > bits.n / 2]
        spread = f"{bits.least:.1f} to {bits.most:.1f}" if round(bits.least, 1) < round(bits.most, 1) else ""
        quasi = outcomes.quasi_identifiers[0] if outcomes.quasi_identifiers else None
        alone = [Cell("–"), Cell("–")]
        if quasi is not None:
            told = attributes(quasi.attributes)
            alone = [
                Cell("everybody" if quasi.unique == 1.0 else one_in(quasi.unique, quasi.people), told),
                Cell("always" if quasi.top_1 == 1.0 else one_in(quasi.top_1, quasi.people)),
            ]
        return [
            Cell(attributes(usual), f"in most of {bits.n:,}"),
            Cell(f"{bits.mean:.2f}", spread),
            Cell("one person" if bits.mean > bits.ceiling - 0.01 else one_in(2.0**-bits.mean, bits.people)),
            *alone,
        ]

    rows = _rows(held, cells)
    first = next((o.bits for _, o in held if o.bits is not None), None)
    if first is None:
        return None
    return Section(
        "bits",
        "What one presentation discloses",
        f"−log2 of the share of the country that fits what the platform was shown, counted in its log; "
        f"{first.ceiling:.1f} bits name one of {first.people:,} people. Keys, signatures and pseudonyms are no "
        "attributes: what they connect is in the columns of accounts linked.",
        "",
        (
            Head("Shown", "MEASURED"),
            Head("Bits, mean", "EXTRAPOLATED"),
            Head("Fits", "EXTRAPOLATED"),
            Head("Alone with it", "EXTRAPOLATED"),
            Head("Right guesses among those who share it", "EXTRAPOLATED"),
        ),
        rows,
        "What is shown is measured; how many people fit is the population model’s, with the sources in "
        "docs/population.md. A hash of an ID number counts as the number: trying all numbers undoes it.",
    )


def _country(run: Run, _: Held) -> Section | None:
    if not run.quasi_identifiers:
        return None
    people = run.quasi_identifiers[0].people
    rows = [
        (attributes(each.attributes), [Cell(one_in(each.unique, people)), Cell(one_in(each.top_1, people))])
        for each in run.quasi_identifiers
    ]
    return Section(
        "quasi",
        "What few people share",
        f"For {people:,} people, whatever a scheme shows: P(alone with it) = Σ p·exp(−Np), success of a "
        f"guess = Σ (1 − exp(−Np))/N. Among the {run.citizens:,} simulated people these figures would mean nothing.",
        "EXTRAPOLATED",
        [Head("Alone with it"), Head("Right guesses among those who share it")],
        rows,
        level=3,
        first="Together",
    )


def _exposed(found: Exposure | None) -> Cell:
    if found is None or not found.persons:
        return Cell("nobody is in it")
    named = f"{found.named.k:,} of {found.named.n:,} with ID number"
    if found.named.k < found.named.n and found.attributes:
        named += f"; others by {attributes(found.attributes)}"
    if found.backward is None:
        return Cell("no term stated", named)
    return Cell(f"{figure(found.backward)} log-ins", f"{named}; {found.retention_days:g} days")


def _exposure(run: Run, held: Held) -> Section | None:
    def cells(outcomes: Outcomes) -> list[Cell] | None:
        by = {each.party: each for each in outcomes.exposure}
        if not by:
            return None
        later = by["platform_a"].forward if "platform_a" in by else {}
        both = by["platform_a"].thieves.get(BOTH) if "platform_a" in by else None
        return [
            _exposed(by.get("identity_provider")),
            _exposed(by.get("platform_a")),
            share_cell(both, nobody="nothing to join"),
            share_cell(later.get("platform_a+platform_a"), nobody="nothing to join"),
            share_cell(later.get("platform_a+platform_b"), nobody="nothing to join"),
        ]

    rows = _rows(held, cells)
    return None if not rows else Section(
        "exposure",
        "Exposure on breach",
        "A thief copies one database at the end of the load. Backward: log-ins of one person in the copy that lead to "
        "a name, once the party has kept them as long as the mandate says, at one log-in a day. Forward: later events "
        "that join to what the copy shows.",
        "",
        (
            Head("Backward, identity provider", "EXTRAPOLATED"),
            Head("Backward, platform A", "EXTRAPOLATED"),
            Head("Accounts named by a thief of both", "MEASURED"),
            Head("Forward: later visits to platform A", "MEASURED"),
            Head("Forward: accounts at platform B", "MEASURED"),
        ),
        rows,
        "Rows, names and joins are measured; one log-in a day and the days kept carry them to a person’s history. "
        "Keys of the services are left out: a real thief has them too.",
    )  # fmt: skip


def _sybil(run: Run, held: Held) -> Section | None:
    def cells(outcomes: Outcomes) -> list[Cell] | None:
        found = outcomes.sybil
        return None if found is None else _farmed(found)

    rows = _rows(held, cells)
    return None if not rows else Section(
        "sybil",
        "Fake accounts",
        "Farmers each try for many accounts on one platform. What a fake costs is the cheapest route: a price divided "
        "by the accounts that it gave.",
        "",
        (
            Head("Accounts / persons", "MEASURED"),
            Head("Accounts a person", "MEASURED"),
            Head("Cheapest fake, dollars", "EXTRAPOLATED"),
            Head("Routes: price, accounts for it", "EXTRAPOLATED"),
        ),
        rows,
        "Accounts are measured. Prices are assumptions without a source, listed below; a market would answer to them.",
    )  # fmt: skip


def _farmed(found: Sybil) -> list[Cell]:
    routes = "; ".join(f"{r.name}: {r.price:g}, {r.accounts:.2f} (n = {r.n})" for r in found.routes)
    between = f"{found.interval[0]:.2f}–{found.interval[1]:.2f}" if found.interval else "too few persons"
    return [
        Cell(f"{found.accounts:,} / {found.persons:,}", f"{found.tries:,} tries"),
        Cell(figure(found.per_person), between),
        Cell("no route gave one" if found.cost is None else figure(found.cost), found.cheapest),
        Cell(routes),
    ]


def _gate(run: Run, held: Held) -> Section | None:
    ages = [o.age for _, o in held if o.age is not None and o.age.limit is not None]
    if not ages:
        return None
    happened = [c for c in CAUSES if any(cause.cause == c and cause.wrong.n for age in ages for cause in age.causes)]

    def cells(outcomes: Outcomes) -> list[Cell] | None:
        age = outcomes.age
        if age is None:
            return None
        causes = {cause.cause: cause.wrong for cause in age.causes}
        return [
            share_cell(age.false_block),
            share_cell(age.false_admit),
            *(share_cell(causes.get(name), nobody="cannot happen") for name in happened),  # type: ignore[call-overload]
        ]

    absent = [text for name, text in CAUSES.items() if name not in happened]
    turning = ages[0].turning_a_day
    return Section(
        "gate",
        "Errors of the age gate",
        f"The limit is {ages[0].limit} years. False block: of age and refused as too young. False admit: below it and "
        "let in, by whatever way. Then wrong decisions by cause, each of the people to whom it could happen.",
        "MEASURED",
        [Head("False block"), Head("False admit"), *(Head(CAUSES[name]) for name in happened)],
        _rows(held, cells),
        (f"Cannot happen in this run, because nobody in that position tried: {listed(absent)}. " if absent else "")
        + f"In the country about {turning:,.0f} people reach the limit on one day (EXTRAPOLATED).",
    )


def _years(run: Run, held: Held) -> Section | None:
    limits = {o.age.limit for _, o in held if o.age is not None and o.age.limit is not None}
    if len(limits) != 1:
        return None
    (limit,) = limits
    assert limit is not None
    years = [*range(limit - YEARS, limit + YEARS)]

    def cells(outcomes: Outcomes) -> list[Cell] | None:
        return None if outcomes.age is None else _by_year(outcomes.age, years)

    return Section(
        "years",
        "By single year of age",
        f"Wrong decisions of those who tried: below {limit} let in, from {limit} on kept out as too young. Intervals "
        "are in outcomes.csv.",
        "MEASURED",
        [Head(str(year)) for year in years],
        _rows(held, cells),
        level=3,
    )


def _by_year(age: AgeErrors, years: Sequence[int]) -> list[Cell]:
    rows = {row.age: row.wrong for row in age.by_age}
    return [Cell(f"{rows[year].k} of {rows[year].n}") if year in rows else NOTHING for year in years]


def _unmasking(run: Run, held: Held) -> Section | None:
    def cells(outcomes: Outcomes) -> list[Cell] | None:
        return None if outcomes.unmasking is None else _unmasked(outcomes.unmasking)

    rows = _rows(held, cells)
    checks = [f"{title}: {text}" for title, o in held if o.unmasking is not None for text in o.unmasking.checks]
    return None if not rows else Section(
        "unmasking",
        "Unmasking",
        "Whether an account can be led back to a name, by how few parties, and whether that leaves a trace. Parties "
        "that put their logs together leave none. Where identities are sealed, an opening was tried out on a copy.",
        "",
        (
            Head("Feasible"),
            Head("Smallest coalition"),
            Head("Accounts named", "MEASURED"),
            Head("Other ways, without an entry", "MEASURED"),
            Head("Quorum", "DECLARED"),
            Head("Audit entry"),
            Head("Covert opening"),
        ),
        rows,
        "“Not detected” is no proof that nobody can: it counts the attacks that ran. What times and addresses give "
        "away depends on how many people come at a time, here those of a small run.",
        items=checks,
    )  # fmt: skip


def _unmasked(found: Unmasking) -> list[Cell]:
    audit = {"none": "nothing is written down"}.get(found.audit_entry, found.audit_entry)
    first = found.ways[0] if found.ways else None
    others = []
    for way in found.ways[1:]:
        named = "" if way.share is None else f": {share_cell(way.share).text}"
        others.append(f"{' + '.join(map(party, way.coalition))}, by {way.by}{named}")
    return [
        Cell(f"{found.feasible}, by {first.by}" if first else found.feasible, found.label),
        Cell(" + ".join(map(party, first.coalition)) if first else "–"),
        share_cell(first.share if first else found.share),
        Cell("; ".join(others) or "–"),
        Cell(f"{found.quorum[0]} of {found.quorum[1]} openers" if found.quorum else "none"),
        Cell(audit, found.audit_label if found.quorum else ""),
        Cell(found.covert, found.audit_label if found.quorum else ""),
    ]


def _coverage(run: Run, held: Held) -> Section | None:
    def cells(outcomes: Outcomes) -> list[Cell] | None:
        groups = {group.group: group for group in outcomes.coverage}
        if not groups:
            return None
        return [share_cell(groups[name].served) if name in groups else NOTHING for name, _ in GROUPS]

    rows = _rows(held, cells)
    reasons = sorted({reason(code) for _, o in held for group in o.coverage for code in group.reasons})
    return None if not rows else Section(
        "coverage",
        "Coverage: served of those who came",
        "Served is who got an account wherever they tried, with something of their own and the truth. Groups overlap. "
        "The load has no guardian who registers a child: minors are told with what they own.",
        "MEASURED",
        [Head(name) for name, _ in GROUPS],
        rows,
        f"Why others were not served: {listed(reasons)}; by group in outcomes.csv." if reasons else "",
    )  # fmt: skip


def _cost(run: Run, held: Held) -> Section | None:
    def cells(outcomes: Outcomes) -> list[Cell] | None:
        cost = outcomes.cost
        if cost is None:
            return None
        between = "" if cost.round_trips_range is None else "–".join(map(str, dict.fromkeys(cost.round_trips_range)))
        parts = "; ".join(f"{name} {figure(value)}" for name, value in cost.parts.items())
        return [
            Cell(figure(cost.round_trips), f"{between}, n = {cost.n:,}" if cost.n else ""),
            Cell(figure(cost.joules_services)),
            Cell(figure(cost.joules_wallet)),
            Cell(figure(cost.joules_network)),
            Cell(figure(cost.dollars_per_million), parts),
        ]

    rows = _rows(held, cells)
    return None if not rows else Section(
        "cost",
        "Round trips, energy and money for a sign-up",
        "Requests that a person waited for, from log-in and issuance to the account. Energy and money come from CPU, "
        "bytes and stored bytes, times powers and prices that are assumptions, listed below.",
        "",
        (
            Head("Round trips", "MEASURED"),
            Head("Services, J", "EXTRAPOLATED"),
            Head("Wallet, J", "EXTRAPOLATED"),
            Head("Network, J", "EXTRAPOLATED"),
            Head("A million sign-ups, dollars", "EXTRAPOLATED"),
        ),
        rows,
        "A proxy: no idle machines, no people, no support, no law.",
    )  # fmt: skip


def differences_section(run: Run, titled: dict[str, str]) -> Section | None:
    """Every scheme against the base, paired over seeds; None where there was one seed."""
    base = base_of(run)
    if base is None or not run.differences:
        return None
    rows = against(run, base)
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    if len(rows) > MANY:
        names = [name for name in names if name in KEY]
    seeds = ", ".join(map(str, run.seeds))
    down, across = [titled.get(name, name) for name in rows], [metric(name) for name in names]
    table = [[difference_cell(row.get(key)) for key in names] for row in rows.values()]
    if turned := len(rows) < len(names):  # the longer side goes down the page
        down, across, table = across, down, [list(column) for column in zip(*table, strict=True)]
    return Section(
        "differences",
        "Differences over seeds",
        f"Each scheme minus {titled.get(base, base)}, under seeds {seeds}: the same people meet both under each seed, "
        "and the mean of the differences has a paired t interval at 95 %.",
        "MEASURED",
        [Head(text) for text in across],
        list(zip(down, table, strict=True)),
        "Below 3 seeds there are too few for an interval. Each interval stands by itself: of twenty differences that "
        "are in truth zero, one will seem not to be. All metrics and pairs are in differences.csv; the other tables "
        f"are of seed {run.seed}."
        + (
            ""
            if run.load.sign_ups
            else " A faster scheme reaches more of the people in the same time; --sign-ups gives each the same number."
        ),
        first="Metric" if turned else "Scheme",
    )
