"""Which pairs of fields count: those with more values in common than accident would have, or one numbering."""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from idverify.privacy.engine import asked
from idverify.privacy.joining import (
    FALSE_ALARM,
    FORMS,
    LEAST_JOINS,
    LEAST_NUMBERS,
    SAME_OWNER,
    FieldPair,
    Sides,
    chance_of,
    last_of,
    strongest,
)
from idverify.privacy.numbering import LARGEST, LOYAL, SHARED, bits_of, dealt, own_counter, received

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from idverify.privacy.scanning import Met, Scan


class Counting:
    """The pairs of fields of a scan that count."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan

    @cached_property
    def pairs(self) -> Mapping[Sides, tuple[FieldPair, ...]]:
        """For each pair of parties those that count; empty for most."""
        return {sides: tuple(self._counting(sides)) for sides in self.scan.sides}

    @cached_property
    def numbers(self) -> Mapping[FieldPair, int]:
        """The number in `agreed` of each pair of fields that may speak in any coalition."""
        return {pair: number for number, pair in enumerate(chain(*map(strongest, self.pairs.values())))}

    @cached_property
    def agreed(self) -> Table:
        """What subjects have in common in these pairs of fields: `Scan.agreed`."""
        return self.scan.agreed(self.numbers)

    def _counting(self, sides: Sides) -> Iterator[FieldPair]:
        for form, kinds in FORMS.items():
            found = self.scan.met.get((sides, form), [])
            for met in found:
                mine, theirs = self.scan.sizes[met.one.place, kinds[0]], self.scan.sizes[met.two.place, kinds[1]]
                bits = min(met.bits)
                if form == "number":
                    if min(mine.values, theirs.values) < LEAST_NUMBERS:
                        continue
                    bits = bits_of(mine, theirs)
                expected = mine.values * theirs.values * 2.0**-bits
                pair = FieldPair(
                    sides[0], met.one.name, sides[1], met.two.name, form, met.joins, met.one_to_one, expected
                )
                if pair.one_to_one < LEAST_JOINS or pair.consistency < SAME_OWNER:
                    continue
                alarm = FALSE_ALARM / len(found)
                by_accident = chance_of(pair.one_to_one, expected) > alarm
                if not by_accident or (form == "number" and self._one_numbering(pair, met, alarm)):
                    yield pair

    def _one_numbering(self, pair: FieldPair, met: Met, alarm: float) -> bool:
        return self._dealt(pair, met, alarm) and self._loyal(met) and self._not_own(pair)

    def _dealt(self, pair: FieldPair, met: Met, alarm: float) -> bool:
        """Whether both fields look like the same numbers dealt out (numbering, (1) and (2)).

        Where both are called the same, it is enough that the first party has nearly all of the second's.
        """
        fields, kinds = (met.one, met.two), FORMS["number"]
        sizes = [self.scan.sizes[field.place, kind] for field, kind in zip(fields, kinds, strict=True)]
        if max(size.high for size in sizes) >= LARGEST:
            return False
        if last_of(pair.field) == last_of(pair.other_field) and pair.joins >= SHARED * sizes[1].values:
            return True
        if pair.joins < SHARED * min(size.values for size in sizes):
            return False
        return all(dealt(size, self.scan.apart(field)) <= alarm for size, field in zip(sizes, fields, strict=True))

    def _loyal(self, met: Met) -> bool:
        """Whether the numbers of one subject all lead to the same other one (numbering, (3))."""
        pairs, first, second = self.scan.led(met.one, met.two)
        return pairs <= LOYAL * max(first, second)

    def _not_own(self, pair: FieldPair) -> bool:
        """Whether at least one party did not count for itself (numbering, (4))."""
        fields = (pair.party, pair.field), (pair.other_party, pair.other_field)
        return any(received(*field) for field in fields) or not all(self._counted(*field) for field in fields)

    def _counted(self, party: str, field: str) -> bool:
        times = asked(self.scan.engine, _in_time, self.scan.leaves(party), field=(field,))
        return own_counter(times.column("number").to_numpy(zero_copy_only=False))


def _in_time(leaves: Table, *, field: tuple[str, ...]) -> Table:
    """The numbers of a field in the order in which each came first."""
    own = leaves.filter(leaves.field.isin(field) & leaves.number.notnull() & leaves.time.notnull())
    times = own.group_by("number").agg(time=own.time.min())
    return times.order_by("time", "number").select("number")
