"""The relational part of the exact join: which values two ledgers have in common, field by field.

    (1) values   each distinct value of a field with its subject, in one of three forms: as it is, as SHA-256, a number
    (2) common   values that both ledgers have, held by few enough subjects at each
    (3) pairs    for each pair of fields: values in common, and how many of these belong to one subject at each party
    (4) agree    for each pair of subjects the values that they have in common in pairs of fields that count

All of it is Ibis, and runs on any engine.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Literal, TypeAlias

from idverify.privacy.engine import counted, kept
from idverify.privacy.opaque import LEAST_BITS

if TYPE_CHECKING:
    from ibis.expr.types import Column, Table

    from idverify.privacy.engine import Engine

FALSE_ALARM = 0.001
"""The chance, declared beforehand, that any accidental equality at all is taken for a link."""
LEAST_JOINS = 2
"""Equal values that a pair of fields needs; one alone may be a constant that only one subject met."""
LEAST_NUMBERS = 20
"""Distinct numbers that a field needs before it is compared: fewer are settings, not handles."""
SAME_OWNER = 0.75
SAME_NUMBERS = 0.9
"""The share of the second party's numbers of that name that the first must have."""
MOST_HOLDERS = 32
"""A value that more subjects of a party hold is a constant of the system."""
MOST_PAIRS = 60
"""Pairs of fields that may speak for one guess."""

Form: TypeAlias = Literal["raw", "sha256 of the first", "sha256 of the second", "number"]
FORMS: tuple[Form, ...] = ("raw", "sha256 of the first", "sha256 of the second", "number")
_ITEM = re.compile(r"\[\]")


@dataclass(frozen=True, slots=True)
class FieldPair:
    """Two fields, one at each party, with values in common in one form."""

    party: str
    field: str
    other_party: str
    other_field: str
    form: Form
    joins: int
    one_to_one: int
    expected: float  # equal values by accident, from the apparent entropy

    @property
    def consistency(self) -> float:
        """The share of common values that belong to one subject at each party."""
        return self.one_to_one / self.joins

    @property
    def reliability(self) -> float:
        """The probability that two subjects with such a value are one person (Jeffreys)."""
        return (self.one_to_one + 0.5) / (self.joins + 1.0)

    @property
    def first(self) -> str:
        return f"{self.field} ({'sha256' if self.form == 'sha256 of the first' else _plain(self.form)})"

    @property
    def second(self) -> str:
        return f"{self.other_field} ({'sha256' if self.form == 'sha256 of the second' else _plain(self.form)})"

    @property
    def name(self) -> str:
        return f"{self.first} = {self.second}"


@dataclass(frozen=True, slots=True)
class Joined:
    """Two ledgers' common values in one form: the tables (1) of both sides and (2), and the pairs (3) that count."""

    form: Form
    first: Table
    second: Table
    common: Table
    pairs: tuple[FieldPair, ...]


def _plain(form: Form) -> str:
    return "number" if form == "number" else "raw"


def place_of(field: str) -> str:
    """Where in a message a field stands, without route, direction and lists: "issued.payload.iat"."""
    path = _ITEM.sub("", field.rpartition(" ")[2])
    return path.partition(".")[2].strip(".")


def _last(field: str) -> str:
    return place_of(field).rpartition(".")[2]


def values(leaves: Table, form: Form, *, first: bool) -> Table:
    """(1): columns subject, field, value, bits."""
    leaves = leaves.filter(leaves.subject.notnull())
    if form == "number":
        leaves = leaves.filter(leaves.number.notnull() & (leaves.bits == 0.0))
        found = leaves.select("subject", "field", value="number", bits="bits")
    elif form == "raw" or (form == "sha256 of the first") == first:
        leaves = leaves.filter(leaves.bits >= LEAST_BITS)
        value = leaves.text if form == "raw" else leaves.text.hexdigest("sha256")
        found = leaves.select("subject", "field", "bits", value=value)
    else:
        leaves = leaves.filter(leaves.digest.notnull() & (leaves.bits >= LEAST_BITS))
        found = leaves.select("subject", "field", "bits", value="digest")
    return found.distinct()


def joined(engine: Engine, leaves: tuple[Table, Table], parties: tuple[str, str]) -> Iterator[Joined]:
    """(2) and (3) of two ledgers, in all forms in which they have anything in common."""
    for form in FORMS:
        sides = values(leaves[0], form, first=True), values(leaves[1], form, first=False)
        if form.startswith("sha256"):
            digests = sides[1] if form == "sha256 of the first" else sides[0]
            if counted(engine, digests) == 0:
                continue
        held = tuple(_held(side) for side in sides)
        common = kept(engine, held[0].join(held[1].rename(holders_2="holders"), "value"))
        pairs = tuple(_pairs(engine, sides, common, parties=parties, form=form))
        if pairs:
            yield Joined(form, sides[0], sides[1], common, pairs)


def _held(side: Table) -> Table:
    """Each value and how many subjects hold it, constants of the system left out."""
    found = side.select("value", "subject").distinct().group_by("value").agg(holders=lambda t: t.count())
    return found.filter(found.holders <= MOST_HOLDERS)


def _pairs(
    engine: Engine, sides: tuple[Table, Table], common: Table, *, parties: tuple[str, str], form: Form
) -> Iterator[FieldPair]:
    one, two = (side.group_by("field", "value").agg(bits=side.bits.min()) for side in sides)
    met = common.join(one, "value").join(two.rename(field_2="field", bits_2="bits"), "value")
    both = (met.holders == 1) & (met.holders_2 == 1)
    numbers = met.group_by("field", "field_2").agg(
        joins=met.count(), one_to_one=both.ifelse(1, 0).sum(), bits=met.bits.min(), bits_2=met.bits_2.min()
    )
    found = engine.to_pyarrow(numbers.order_by("field", "field_2")).to_pylist()
    if not found:
        return
    sizes = [_sizes(engine, side) for side in (one, two)]
    for row in found:
        size_1, low_1, high_1 = sizes[0][row["field"]]
        size_2, low_2, high_2 = sizes[1][row["field_2"]]
        bits = min(row["bits"], row["bits_2"])
        if form == "number":
            if min(size_1, size_2) < LEAST_NUMBERS:
                continue
            bits = math.log2(max(max(high_1, high_2) - min(low_1, low_2), 1.0) + 1.0)
        expected = size_1 * size_2 * 2.0**-bits
        pair = FieldPair(
            parties[0],
            row["field"],
            parties[1],
            row["field_2"],
            form,
            row["joins"],
            int(row["one_to_one"]),
            expected,
        )
        if pair.one_to_one < LEAST_JOINS or pair.consistency < SAME_OWNER:
            continue
        by_accident = chance_of(pair.one_to_one, expected) > FALSE_ALARM / len(found)
        # Numbers in a row, as sequential indices are, meet by accident as often as not; where both are called the same
        # and nearly all are there, that is no accident.
        same_name = _last(pair.field) == _last(pair.other_field) and pair.joins >= SAME_NUMBERS * size_2
        if by_accident and not (form == "number" and same_name):
            continue
        yield pair


def _sizes(engine: Engine, side: Table) -> dict[str, tuple[int, float, float]]:
    """For each field the number of its values, the least and the greatest where they are numbers."""
    numeric = side.value.type().is_numeric()
    low, high = (side.value.min(), side.value.max()) if numeric else (side.bits.min(), side.bits.max())
    rows = engine.to_pyarrow(side.group_by("field").agg(size=side.count(), low=low, high=high)).to_pylist()
    return {row["field"]: (row["size"], float(row["low"] or 0.0), float(row["high"] or 0.0)) for row in rows}


def agree(found: Joined, numbers: dict[FieldPair, int]) -> Table:
    """(4): columns first, second, bit (a power of two that stands for the pair), weight, evidence."""
    import ibis

    chosen_pairs = [pair for pair in found.pairs if pair in numbers]
    fields = {pair.field for pair in chosen_pairs}, {pair.other_field for pair in chosen_pairs}
    one = found.first.filter(found.first.field.isin(sorted(fields[0]))).select("value", "field", first="subject")
    two = found.second.filter(found.second.field.isin(sorted(fields[1])))
    two = two.select("value", field_2="field", second="subject")
    met = found.common.select("value").join(one, "value").join(two, "value")

    def chosen(pick: Sequence[float | int], kind: str) -> Column:
        branches = [
            ((met.field == pair.field) & (met.field_2 == pair.other_field), value)
            for pair, value in zip(chosen_pairs, pick, strict=True)
        ]
        return ibis.cases(*branches, else_=None).cast(kind)

    rows = met.select(
        "first",
        "second",
        evidence=met.value.cast("string"),
        bit=chosen([2 ** numbers[pair] for pair in chosen_pairs], "int64"),
        weight=chosen([pair.consistency for pair in chosen_pairs], "float64"),
        reliability=chosen([pair.reliability for pair in chosen_pairs], "float64"),
    )
    return rows.filter(rows.bit.notnull())


def links(tables: Sequence[Table]) -> Table:
    """All agreements of two parties, one row for two subjects: which pairs, their weight, and the evidence in short."""
    every = reduce(lambda one, other: one.union(other), tables)
    each = every.group_by("first", "second", "bit").agg(
        weight=every.weight.max(),
        reliability=every.reliability.max(),
        least=every.evidence.min(),
        most=every.evidence.max(),
        number=every.evidence.nunique(),
    )
    return each.group_by("first", "second").agg(
        pairs=each.bit.sum().cast("int64"),
        weight=each.weight.sum().round(6),
        reliability=each.reliability.max(),
        least=each.least.min(),
        most=each.most.max(),
        number=each.number.sum().cast("int64"),
    )


def chance_of(joins: int, expected: float) -> float:
    """The probability of at least `joins` events where `expected` are (Poisson), bounded as by Chernoff.

    P(X ≥ k) ≤ exp(−λ)(eλ/k)^k for k > λ; it needs no library and errs on the careful side.
    """
    if joins <= expected:
        return 1.0
    if expected <= 0.0:
        return 0.0
    exponent = joins - expected + joins * math.log(expected / joins)
    return math.exp(min(exponent, 0.0))


def join_fields(first: Table, field: str, second: Table, other_field: str) -> Table:
    """The exact join of one pair of fields: pairs of subjects, and the value they have in common."""
    one = first.filter((first.field == field) & first.subject.notnull()).select("text", first="subject")
    two = second.filter((second.field == other_field) & second.subject.notnull()).select("text", second="subject")
    return one.join(two, "text")
