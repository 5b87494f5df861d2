"""The relational part of the exact join: which values ledgers have in common, field by field.

    (1) fields   each field of each party, and which kinds of values it has
    (2) values   each distinct value of a field with its subject, in each kind that is compared
    (3) common   values that several parties have, and how many subjects hold each; constants of the system left out
    (4) met      for each pair of fields: values in common, and how many of these belong to one subject at each party
    (5) agreed   for each pair of subjects what they have in common in each pair of fields that counts

Each is one query for all parties and kinds: party, kind and field are columns, and small tables say which are compared.
All of it is Ibis, and runs on any engine.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING

from idverify.privacy.engine import given, kept, let_go, named
from idverify.privacy.joining import DIGEST, FORMS, HASHED, MOST_HOLDERS, NUMBER, RAW, FieldPair, Form, Sides
from idverify.privacy.numbering import Numbers
from idverify.privacy.opaque import LEAST_BITS

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from idverify.privacy.engine import Engine

_DIGITS = r"^[0-9]{1,9}$"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one party. `place` stands for it in the tables; `party` is a place among those of the scan."""

    place: int
    party: int
    name: str
    kinds: frozenset[int]


@dataclass(frozen=True, slots=True)
class Met:
    """Two fields that have values in common in one form, and the least apparent bits of these at each party."""

    one: Field
    two: Field
    joins: int
    one_to_one: int
    bits: tuple[float, float]


class Scan:
    """The ledgers of some pairs of parties. Each step is taken once, when it is asked for."""

    def __init__(self, engine: Engine, sides: Collection[Sides], leaves: Callable[[str], Table]) -> None:
        """`leaves`: a party's named values, with the columns of `tables.LEAVES`."""
        self.engine = engine
        self.sides = tuple(sides)
        self.parties = sorted({party for pair in sides for party in pair})
        self.leaves = leaves

    @cached_property
    def fields(self) -> Mapping[int, Field]:
        """(1), by their places, which are in the order of parties and names."""
        found = {}
        for row in self.engine.to_pyarrow(self._fields).to_pylist():
            kinds = [RAW, HASHED] * row["opaque"] + [DIGEST] * row["digests"] + [NUMBER] * row["numbers"]
            found[row["place"]] = Field(row["place"], row["party"], row["field"], frozenset(kinds))
        return found

    @cached_property
    def compared(self) -> Sequence[tuple[Sides, Form]]:
        """The pairs of parties that both have values of the kinds that are compared in a form."""
        kinds: dict[str, frozenset[int]] = dict.fromkeys(self.parties, frozenset())
        for field in self.fields.values():
            kinds[self.parties[field.party]] |= field.kinds
        return [
            (sides, form)
            for sides in self.sides
            for form, wanted in FORMS.items()
            if all(kind in kinds[party] for party, kind in zip(sides, wanted, strict=True))
        ]

    @cached_property
    def met(self) -> Mapping[tuple[Sides, Form], list[Met]]:
        """(4), for each pair of parties and each form that has any."""
        if not self.compared:
            return {}
        rows = [(n, *map(self.parties.index, sides), *FORMS[form]) for n, (sides, form) in enumerate(self.compared)]
        asked = given(self.engine, ("asked", "party", "party_2", "kind", "kind_2"), rows)
        common = self.common
        one = common.group_by("party", "kind", "place", "value").agg(
            bits=common.bits.min(), holders=common.holders.max()
        )
        two = one.rename({f"{name}_2": name for name in one.columns if name != "value"})
        both = one.join(asked, ["party", "kind"]).join(two, ["party_2", "kind_2", "value"])
        alone = (both.holders == 1) & (both.holders_2 == 1)
        counts = both.group_by("asked", "place", "place_2").agg(
            joins=both.count(), one_to_one=alone.ifelse(1, 0).sum(), bits=both.bits.min(), bits_2=both.bits_2.min()
        )
        found: dict[tuple[Sides, Form], list[Met]] = {}
        for row in self.engine.to_pyarrow(counts.order_by("asked", "place", "place_2")).to_pylist():
            pair = self.fields[row["place"]], self.fields[row["place_2"]]
            met = Met(*pair, row["joins"], int(row["one_to_one"]), (row["bits"], row["bits_2"]))
            found.setdefault(self.compared[row["asked"]], []).append(met)
        return found

    @cached_property
    def sizes(self) -> Mapping[tuple[int, int], Numbers]:
        """What is known of all values of each field that has any in common, by its place and their kind."""
        wanted = {
            (field.place, kind)
            for (_, form), rows in self.met.items()
            for met in rows
            for field, kind in zip((met.one, met.two), FORMS[form], strict=True)
        }
        own = self._values.join(given(self.engine, ("place", "kind"), sorted(wanted)), ["place", "kind"])
        number = (own.kind == NUMBER).ifelse(own.value, None).cast("float64")
        own = own.select("place", "kind", "value", number=number)
        each = own.group_by("place", "kind").agg(
            values=own.value.nunique(),
            low=own.number.min(),
            high=own.number.max(),
            held=own.count(),
            whole=(own.number % 1.0 == 0.0).all(),
        )
        return {
            (row["place"], row["kind"]): Numbers(
                row["values"], row["low"] or 0.0, row["high"] or 0.0, row["held"], bool(row["whole"])
            )
            for row in self.engine.to_pyarrow(each).to_pylist()
        }

    def agreed(self, pairs: Mapping[FieldPair, int]) -> Table:
        """(5): columns pair, its number; first, second; and of the values in common least, most and number."""
        places = {(self.parties[field.party], field.name): field.place for field in self.fields.values()}
        rows = [
            (number, places[pair.party, pair.field], places[pair.other_party, pair.other_field], *FORMS[pair.form])
            for pair, number in pairs.items()
        ]
        chosen = given(self.engine, ("pair", "place", "place_2", "kind", "kind_2"), rows)
        one = self.common.select("place", "kind", "value", first="subject")
        two = self.common.select("value", place_2="place", kind_2="kind", second="subject")
        both = one.join(chosen, ["place", "kind"]).join(two, ["place_2", "kind_2", "value"])
        each = both.group_by("pair", "first", "second")
        return kept(self.engine, each.agg(least=both.value.min(), most=both.value.max(), number=both.value.nunique()))

    @cached_property
    def common(self) -> Table:
        """(3). The same number in another field is another thing, so that the holders of each field count alone."""
        import ibis

        values = self._values
        # Most values are nobody else's. They go by their marks, which are shorter; two values may have the same one.
        values = values.mutate(space=ibis.least(values.kind, HASHED), mark=values.value.hash())
        each = values.group_by("space", "mark").agg(
            party=values.party.min(), other=values.party.max(), kind=values.kind.min(), other_kind=values.kind.max()
        )
        shared = each.filter((each.party < each.other) & ((each.space < HASHED) | (each.kind < each.other_kind)))
        # What is kept is joined with the smaller table in memory; of what is not, no engine knows the size.
        shared = kept(self.engine, shared.select("space", "mark"))
        own = kept(self.engine, values.join(shared, ["space", "mark"]).drop("space", "mark"))
        met = own.mutate(among=(own.kind == NUMBER).ifelse(own.place, -1))
        by = ["party", "kind", "among", "value"]
        held = met.group_by(by).agg(holders=met.subject.nunique())
        few = met.join(held.filter(held.holders <= MOST_HOLDERS), by)
        few = few.select("party", "kind", "place", "value", "subject", "bits", "holders")
        common = kept(self.engine, few.distinct())
        for table in (shared, own):
            let_go(self.engine, table)
        return common

    def alone(self, field: Field) -> Table:
        """The numbers of a field that one subject alone holds, in common with anybody: columns value, subject."""
        own = self.common
        own = own.filter((own.place == field.place) & (own.kind == NUMBER))
        return own.filter(own.holders == 1).select("value", "subject")

    def apart(self, field: Field) -> float:
        """The share of pairs of a field's (subject, number) that belong to two subjects."""
        own = self._values.filter((self._values.place == field.place) & (self._values.kind == NUMBER))
        each = own.group_by("subject").agg(n=own.count())
        sums = each.agg(held=each.n.sum(), squares=(each.n.cast("float64") * each.n).sum())
        (row,) = self.engine.to_pyarrow(sums).to_pylist()
        return 1.0 - float(row["squares"]) / int(row["held"]) ** 2

    @cached_property
    def _values(self) -> Table:
        """(2): columns party, kind, place, value as text, subject, bits."""
        import ibis

        wanted = {
            (self.parties.index(party), kind)
            for sides, form in self.compared
            for party, kind in zip(sides, FORMS[form], strict=True)
        }
        kinds = given(self.engine, ("party", "kind"), sorted(wanted))
        rows = self._leaves.join(self._fields.select("party", "field", "place"), ["party", "field"])
        rows = rows.join(kinds, "party")
        opaque = (rows.bits >= LEAST_BITS) & ((rows.kind != DIGEST) | rows.digest.notnull())
        rows = rows.filter((rows.kind == NUMBER).ifelse(rows.number.notnull(), opaque))
        value = ibis.cases(
            (rows.kind == RAW, rows.text),
            (rows.kind == HASHED, rows.text.hexdigest("sha256")),
            (rows.kind == DIGEST, rows.digest),
            # Equal numbers are equal texts: zero loses its sign.
            else_=(rows.number + 0.0).cast("string"),
        )
        kind = rows.kind.cast("int8")
        return named(self.engine, rows.select("party", "place", "subject", "bits", kind=kind, value=value))

    @cached_property
    def _fields(self) -> Table:
        import ibis

        leaves = self._leaves
        opaque = leaves.bits >= LEAST_BITS
        each = leaves.group_by("party", "field").agg(
            opaque=opaque.any(),
            digests=(opaque & leaves.digest.notnull()).any(),
            numbers=leaves.number.notnull().any(),
        )
        place = ibis.row_number().over(order_by=[each.party, each.field])
        return kept(self.engine, each.mutate(place=place.cast("int32")))

    @cached_property
    def _leaves(self) -> Table:
        """What somebody's values are, as far as they say enough to be compared, or are numbers."""
        import ibis

        tables = []
        for number, party in enumerate(self.parties):
            own = self.leaves(party).select("subject", "field", "text", "digest", "number", "bits")
            tables.append(own.mutate(party=ibis.literal(number, "int16")))
        every = reduce(lambda one, other: one.union(other), tables)
        every = every.filter(every.subject.notnull())
        digits = every.text.re_search(_DIGITS).ifelse(every.text, None).cast("float64")
        every = every.mutate(number=(every.bits == 0.0).ifelse(every.number.fill_null(digits), None))
        return named(self.engine, every.filter((every.bits >= LEAST_BITS) | every.number.notnull()))
