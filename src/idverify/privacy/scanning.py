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
from functools import cached_property
from typing import TYPE_CHECKING

from idverify.privacy.engine import asked, given, kept_of, let_go, named_of
from idverify.privacy.joining import DIGEST, FORMS, HASHED, MOST_HOLDERS, NUMBER, RAW, FieldPair, Form, Sides
from idverify.privacy.numbering import Numbers
from idverify.privacy.opaque import LEAST_BITS
from idverify.privacy.view import together

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
        for row in asked(self.engine, _all, self._fields).to_pylist():
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
        wanted = given(self.engine, ("asked", "party", "party_2", "kind", "kind_2"), rows)
        found: dict[tuple[Sides, Form], list[Met]] = {}
        for row in asked(self.engine, _met, self.common, wanted).to_pylist():
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
        chosen = given(self.engine, ("place", "kind"), sorted(wanted))
        return {
            (row["place"], row["kind"]): Numbers(
                row["values"], row["low"] or 0.0, row["high"] or 0.0, row["held"], bool(row["whole"])
            )
            for row in asked(self.engine, _sizes, self._values, chosen).to_pylist()
        }

    def agreed(self, pairs: Mapping[FieldPair, int]) -> Table:
        """(5): columns pair, its number; first, second; and of the values in common least, most and number."""
        places = {(self.parties[field.party], field.name): field.place for field in self.fields.values()}
        rows = [
            (number, places[pair.party, pair.field], places[pair.other_party, pair.other_field], *FORMS[pair.form])
            for pair, number in pairs.items()
        ]
        chosen = given(self.engine, ("pair", "place", "place_2", "kind", "kind_2"), rows)
        return kept_of(self.engine, _agreed, self.common, chosen)

    @cached_property
    def common(self) -> Table:
        """(3): columns party, kind, place, value, subject, bits and holders."""
        # What is kept is joined with the smaller table in memory; of what is not, no engine knows the size.
        shared = kept_of(self.engine, _shared, self._values)
        own = kept_of(self.engine, _own, self._values, shared)
        common = kept_of(self.engine, _few, own)
        for table in (shared, own):
            let_go(self.engine, table)
        return common

    def apart(self, field: Field) -> float:
        """The share of pairs of a field's (subject, number) that belong to two subjects."""
        (row,) = asked(self.engine, _squares, self._values, self._place(field)).to_pylist()
        return 1.0 - float(row["squares"]) / int(row["held"]) ** 2

    def led(self, one: Field, two: Field) -> tuple[int, int, int]:
        """Pairs of subjects that each have a number of these fields alone, the same; and how many each party has."""
        (row,) = asked(self.engine, _led, self.common, self._place(one), self._place(two)).to_pylist()
        return row["pairs"], row["first"], row["second"]

    def _place(self, field: Field) -> Table:
        return given(self.engine, ("place",), [(field.place,)])

    @cached_property
    def _values(self) -> Table:
        """(2): columns party, kind, place, value as text, subject, bits."""
        wanted = {
            (self.parties.index(party), kind)
            for sides, form in self.compared
            for party, kind in zip(sides, FORMS[form], strict=True)
        }
        kinds = given(self.engine, ("party", "kind"), sorted(wanted))
        return named_of(self.engine, _in_kinds, self._leaves, self._fields, kinds)

    @cached_property
    def _fields(self) -> Table:
        return kept_of(self.engine, _described, self._leaves)

    @cached_property
    def _leaves(self) -> Table:
        return named_of(self.engine, _speaking, *map(self.leaves, self.parties))


def _speaking(*ledgers: Table) -> Table:
    """What somebody's values are, as far as they say enough to be compared, or are numbers."""
    columns = "subject", "field", "text", "digest", "number", "bits"
    every = together(*(leaves.select(*columns) for leaves in ledgers))
    every = every.filter(every.subject.notnull())
    digits = every.text.re_search(_DIGITS).ifelse(every.text, None).cast("float64")
    every = every.mutate(number=(every.bits == 0.0).ifelse(every.number.fill_null(digits), None))
    return every.filter((every.bits >= LEAST_BITS) | every.number.notnull())


def _described(leaves: Table) -> Table:
    """(1)."""
    import ibis

    opaque = leaves.bits >= LEAST_BITS
    each = leaves.group_by("party", "field").agg(
        opaque=opaque.any(),
        digests=(opaque & leaves.digest.notnull()).any(),
        numbers=leaves.number.notnull().any(),
    )
    place = ibis.row_number().over(order_by=[each.party, each.field])
    return each.mutate(place=place.cast("int32"))


def _in_kinds(leaves: Table, fields: Table, kinds: Table) -> Table:
    """(2)."""
    import ibis

    rows = leaves.join(fields.select("party", "field", "place"), ["party", "field"])
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
    return rows.select("party", "place", "subject", "bits", kind=rows.kind.cast("int8"), value=value)


def _shared(values: Table) -> Table:
    """Which values several parties have, by their marks: shorter than they are, and two may have the same one."""
    values = _marked(values)
    each = values.group_by("space", "mark").agg(
        party=values.party.min(), other=values.party.max(), kind=values.kind.min(), other_kind=values.kind.max()
    )
    shared = each.filter((each.party < each.other) & ((each.space < HASHED) | (each.kind < each.other_kind)))
    return shared.select("space", "mark")


def _own(values: Table, shared: Table) -> Table:
    """Whose these are."""
    return _marked(values).join(shared, ["space", "mark"]).drop("space", "mark")


def _marked(values: Table) -> Table:
    """What is compared with each other is of one space."""
    import ibis

    return values.mutate(space=ibis.least(values.kind, HASHED), mark=values.value.hash())


def _few(own: Table) -> Table:
    """Without constants. The same number in another field is another thing: the holders of each field count alone."""
    met = own.mutate(among=(own.kind == NUMBER).ifelse(own.place, -1))
    by = ["party", "kind", "among", "value"]
    held = met.group_by(by).agg(holders=met.subject.nunique())
    few = met.join(held.filter(held.holders <= MOST_HOLDERS), by)
    return few.select("party", "kind", "place", "value", "subject", "bits", "holders").distinct()


def _met(common: Table, wanted: Table) -> Table:
    """(4)."""
    one = common.group_by("party", "kind", "place", "value").agg(bits=common.bits.min(), holders=common.holders.max())
    two = one.rename({f"{name}_2": name for name in one.columns if name != "value"})
    both = one.join(wanted, ["party", "kind"]).join(two, ["party_2", "kind_2", "value"])
    alone = (both.holders == 1) & (both.holders_2 == 1)
    counts = both.group_by("asked", "place", "place_2").agg(
        joins=both.count(), one_to_one=alone.ifelse(1, 0).sum(), bits=both.bits.min(), bits_2=both.bits_2.min()
    )
    return counts.order_by("asked", "place", "place_2")


def _agreed(common: Table, chosen: Table) -> Table:
    """(5)."""
    one = common.select("place", "kind", "value", first="subject")
    two = common.select("value", place_2="place", kind_2="kind", second="subject")
    both = one.join(chosen, ["place", "kind"]).join(two, ["place_2", "kind_2", "value"])
    each = both.group_by("pair", "first", "second")
    return each.agg(least=both.value.min(), most=both.value.max(), number=both.value.nunique())


def _sizes(values: Table, chosen: Table) -> Table:
    own = values.join(chosen, ["place", "kind"])
    number = (own.kind == NUMBER).ifelse(own.value, None).cast("float64")
    own = own.select("place", "kind", "value", number=number)
    return own.group_by("place", "kind").agg(
        values=own.value.nunique(),
        low=own.number.min(),
        high=own.number.max(),
        held=own.count(),
        whole=(own.number % 1.0 == 0.0).all(),
    )


def _squares(values: Table, chosen: Table) -> Table:
    own = values.filter(values.kind == NUMBER).join(chosen, "place")
    each = own.group_by("subject").agg(n=own.count())
    return each.agg(held=each.n.sum(), squares=(each.n.cast("float64") * each.n).sum())


def _led(common: Table, *chosen: Table) -> Table:
    alone = common.filter((common.kind == NUMBER) & (common.holders == 1))
    one, two = (alone.join(each, "place").select("value", "subject") for each in chosen)
    led = one.rename(first="subject").join(two.rename(second="subject"), "value")
    led = led.select("first", "second").distinct()
    return led.agg(pairs=led.count(), first=led["first"].nunique(), second=led.second.nunique())


def _all(table: Table) -> Table:
    return table
