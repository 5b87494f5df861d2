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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from idverify.privacy.engine import counted, kept
from idverify.privacy.numbering import LARGEST, LOYAL, SHARED, Numbers, bits_of, dealt, own_counter, received
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
MOST_HOLDERS = 32
"""A value that more subjects of a party hold is a constant of the system."""
MOST_PAIRS = 60
"""Pairs of fields that may speak for one guess."""

Form: TypeAlias = Literal["raw", "sha256 of the first", "sha256 of the second", "number"]
Kind: TypeAlias = Literal["raw", "hashed", "digest", "number"]
FORMS: Mapping[Form, tuple[Kind, Kind]] = MappingProxyType(
    {
        "raw": ("raw", "raw"),
        "sha256 of the first": ("hashed", "digest"),
        "sha256 of the second": ("digest", "hashed"),
        "number": ("number", "number"),
    }
)
"""What is compared with what, the first party's with the second's."""
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


def values(leaves: Table, kind: Kind) -> Table:
    """(1): columns subject, field, value, bits."""
    leaves = leaves.filter(leaves.subject.notnull())
    if kind == "number":
        digits = leaves.text.re_search(r"^[0-9]{1,9}$").ifelse(leaves.text, None).cast("float64")
        leaves = leaves.mutate(number=leaves.number.fill_null(digits))
        leaves = leaves.filter(leaves.number.notnull() & (leaves.bits == 0.0))
        found = leaves.select("subject", "field", value="number", bits="bits")
    elif kind == "digest":
        leaves = leaves.filter(leaves.digest.notnull() & (leaves.bits >= LEAST_BITS))
        found = leaves.select("subject", "field", "bits", value="digest")
    else:
        leaves = leaves.filter(leaves.bits >= LEAST_BITS)
        value = leaves.text if kind == "raw" else leaves.text.hexdigest("sha256")
        found = leaves.select("subject", "field", "bits", value=value)
    return found.distinct()


class Side:
    """One party's ledger, and what is found once whoever it is compared with."""

    def __init__(self, engine: Engine, party: str, leaves: Table) -> None:
        self.engine = engine
        self.party = party
        self.leaves = leaves
        self._values: dict[Kind, Table] = {}
        self._sizes: dict[Kind, dict[str, Numbers]] = {}

    @cached_property
    def comparable(self) -> bool:
        """Whether it has any value of somebody's that says enough to be compared, or any number."""
        digits = self.leaves.text.re_search(r"^[0-9]{1,9}$")
        says = (self.leaves.bits >= LEAST_BITS) | self.leaves.number.notnull() | digits
        return counted(self.engine, self.leaves.filter(self.leaves.subject.notnull() & says).limit(1)) > 0

    @cached_property
    def digests(self) -> bool:
        """Whether any value may be a hash of another."""
        return counted(self.engine, self.leaves.filter(self.leaves.digest.notnull()).limit(1)) > 0

    def values(self, kind: Kind) -> Table:
        """(1), kept."""
        if kind not in self._values:
            self._values[kind] = kept(self.engine, values(self.leaves, kind))
        return self._values[kind]

    def sizes(self, kind: Kind) -> dict[str, Numbers]:
        """For each field what is known of its values."""
        if kind not in self._sizes:
            self._sizes[kind] = _sizes(self.engine, self.values(kind))
        return self._sizes[kind]


def joined(first: Side, second: Side) -> Iterator[Joined]:
    """(2) and (3) of two ledgers, in all forms in which they have anything in common."""
    engine, parties = first.engine, (first, second)
    for form, kinds in FORMS.items():
        if any(kind == "digest" and not side.digests for side, kind in zip(parties, kinds, strict=True)):
            continue
        sides = first.values(kinds[0]), second.values(kinds[1])
        held = tuple(_held(side, form) for side in sides)
        both = held[1].rename({f"{name}_2": name for name in held[1].columns if name != "value"})
        common = kept(engine, held[0].join(both, "value"))
        pairs = tuple(_pairs(parties, common, form=form))
        if pairs:
            yield Joined(form, sides[0], sides[1], common, pairs)


def _held(side: Table, form: Form) -> Table:
    """Each value and how many subjects hold it, constants of the system left out.

    The same number in another field is another thing.
    """
    by = ("field", "value") if form == "number" else ("value",)
    found = side.select("subject", *by).distinct().group_by(by).agg(holders=lambda t: t.count())
    return found.filter(found.holders <= MOST_HOLDERS)


def _pairs(parties: tuple[Side, Side], common: Table, *, form: Form) -> Iterator[FieldPair]:
    engine, kinds = parties[0].engine, FORMS[form]
    sides = parties[0].values(kinds[0]), parties[1].values(kinds[1])
    if form == "number":
        met = common.mutate(bits=0.0, bits_2=0.0)
    else:
        one, two = (side.group_by("field", "value").agg(bits=side.bits.min()) for side in sides)
        met = common.join(one, "value").join(two.rename(field_2="field", bits_2="bits"), "value")
    both = (met.holders == 1) & (met.holders_2 == 1)
    numbers = met.group_by("field", "field_2").agg(
        joins=met.count(), one_to_one=both.ifelse(1, 0).sum(), bits=met.bits.min(), bits_2=met.bits_2.min()
    )
    found = engine.to_pyarrow(numbers.order_by("field", "field_2")).to_pylist()
    if not found:
        return
    sizes = parties[0].sizes(kinds[0]), parties[1].sizes(kinds[1])
    for row in found:
        mine, theirs = sizes[0][row["field"]], sizes[1][row["field_2"]]
        bits = min(row["bits"], row["bits_2"])
        if form == "number":
            if min(mine.values, theirs.values) < LEAST_NUMBERS:
                continue
            bits = bits_of(mine, theirs)
        expected = mine.values * theirs.values * 2.0**-bits
        pair = FieldPair(
            parties[0].party,
            row["field"],
            parties[1].party,
            row["field_2"],
            form,
            row["joins"],
            int(row["one_to_one"]),
            expected,
        )
        if pair.one_to_one < LEAST_JOINS or pair.consistency < SAME_OWNER:
            continue
        alarm = FALSE_ALARM / len(found)
        by_accident = chance_of(pair.one_to_one, expected) > alarm
        dealt_out = (
            by_accident
            and form == "number"
            and _one_numbering(pair, (mine, theirs), alarm)
            and _loyal(engine, sides, common, pair)
            and _not_own(parties, pair)
        )
        if not by_accident or dealt_out:
            yield pair


def _one_numbering(pair: FieldPair, sides: tuple[Numbers, Numbers], alarm: float) -> bool:
    """Whether both fields look like the same numbers dealt out (numbering, (1) and (2)).

    Where both are called the same, it is enough that the first party has nearly all of the second's.
    """
    if max(side.high for side in sides) >= LARGEST:
        return False
    if _last(pair.field) == _last(pair.other_field) and pair.joins >= SHARED * sides[1].values:
        return True
    if pair.joins < SHARED * min(side.values for side in sides):
        return False
    return all(dealt(side) <= alarm for side in sides)


def _loyal(engine: Engine, sides: tuple[Table, Table], common: Table, pair: FieldPair) -> bool:
    """Whether the numbers of one subject all lead to the same other one (numbering, (3))."""
    one = sides[0].filter(sides[0].field == pair.field).select("value", first="subject")
    two = sides[1].filter(sides[1].field == pair.other_field).select("value", second="subject")
    own = common.filter((common.field == pair.field) & (common.field_2 == pair.other_field))
    only = own.filter((own.holders == 1) & (own.holders_2 == 1)).select("value")
    led = only.join(one, "value").join(two, "value").select("first", "second").distinct()
    counts = led.agg(pairs=led.count(), first=led["first"].nunique(), second=led.second.nunique())
    (row,) = engine.to_pyarrow(counts).to_pylist()
    return bool(row["pairs"] <= LOYAL * max(row["first"], row["second"]))


def _not_own(sides: tuple[Side, Side], pair: FieldPair) -> bool:
    """Whether at least one party did not count for itself (numbering, (4))."""
    if received(pair.party, pair.field) or received(pair.other_party, pair.other_field):
        return True
    for side, field in zip(sides, (pair.field, pair.other_field), strict=True):
        own = side.leaves
        own = own.filter((own.field == field) & own.number.notnull() & own.time.notnull())
        times = own.group_by("number").agg(time=own.time.min()).order_by("time", "number").select("number")
        if not own_counter(side.engine.to_pyarrow(times).column("number").to_numpy(zero_copy_only=False)):
            return True
    return False


def _sizes(engine: Engine, side: Table) -> dict[str, Numbers]:
    """For each field what is known of its values; the least and the greatest where they are numbers."""
    numeric = side.value.type().is_numeric()
    each = side.group_by("field").agg(
        values=side.value.nunique(),
        low=side.value.min() if numeric else side.bits.min(),
        high=side.value.max() if numeric else side.bits.max(),
        held=side.count(),
        whole=(side.value % 1.0 == 0.0).all() if numeric else side.bits.isnull().all(),
    )
    found = engine.to_pyarrow(each).to_pylist()
    squares: dict[str, float] = {}
    if numeric:
        own = side.group_by("field", "subject").agg(n=side.count())
        summed = own.group_by("field").agg(squares=(own.n.cast("float64") * own.n).sum())
        squares = {row["field"]: float(row["squares"]) for row in engine.to_pyarrow(summed).to_pylist()}
    return {
        row["field"]: Numbers(
            row["values"],
            float(row["low"] or 0.0),
            float(row["high"] or 0.0),
            row["held"],
            1.0 - squares.get(row["field"], 0.0) / row["held"] ** 2,
            bool(row["whole"]),
        )
        for row in found
    }


def agree(found: Joined, numbers: dict[FieldPair, int]) -> Table:
    """(4): columns first, second, bit (a power of two that stands for the pair), weight, evidence."""
    import ibis

    chosen_pairs = [pair for pair in found.pairs if pair in numbers]
    fields = {pair.field for pair in chosen_pairs}, {pair.other_field for pair in chosen_pairs}
    one = found.first.filter(found.first.field.isin(sorted(fields[0]))).select("value", "field", first="subject")
    two = found.second.filter(found.second.field.isin(sorted(fields[1])))
    two = two.select("value", field_2="field", second="subject")
    if found.form == "number":
        met = found.common.select("value", "field", "field_2").join(one, ["value", "field"])
        met = met.join(two, ["value", "field_2"])
    else:
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
