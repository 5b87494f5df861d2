"""The ways from a source's subjects to a target's: what agrees in pairs of fields, directly or through other parties.

    (1) links   for each step of a way, two subjects: which pairs of fields agree, their weight, the evidence in short
    (2) ways    steps one after the other: a way weighs as much as its weakest step, and is as reliable as all of them
    (3) best    for each target its best candidates; what several ways agree on counts more

A step has a number for each of its parties, `SOURCE` and `TARGET` for those of the ends. All ways with the same number
of steps are one query, and so is the answer. All of it is Ibis, and runs on any engine.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idverify.privacy.engine import asked, given

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.expr.types import Table

    from idverify.privacy.engine import Engine

SOURCE, TARGET = 0, 1
_MOST_PARTIES = 64


@dataclass(frozen=True, slots=True)
class Step:
    """One pair of fields that speaks for one step. `pair`: its number in what agreed; `turned`: from second to first.

    `bit` is the power of two that stands for the pair in the answer.
    """

    pair: int
    begin: int
    end: int
    turned: bool
    bit: int
    weight: float
    reliability: float


def likeliest(engine: Engine, agreed: Table, steps: Sequence[Step], *, longest: int) -> pa.Table:
    """The best candidates of each target, by ways of so many steps at most. `agreed` as `Scan.agreed` gives it.

    Columns first, second, pairs (their bits), weight, reliability, least, most, number; in the order of the targets.
    """
    names = "pair", "begin_at", "end_at", "turned", "bit", "weight", "reliability"
    rows = [(s.pair, s.begin, s.end, int(s.turned), s.bit, s.weight, s.reliability) for s in steps]
    return asked(engine, _likeliest, agreed, given(engine, names, rows), longest=longest)


def _likeliest(agreed: Table, steps: Table, *, longest: int) -> Table:
    return best(ways(links(agreed, steps), longest)).order_by("second", "first")


def links(agreed: Table, steps: Table) -> Table:
    """(1)."""
    each = agreed.join(steps, "pair")
    turned = each.turned == 1
    each = each.mutate(
        first=turned.ifelse(each["second"], each["first"]), second=turned.ifelse(each["first"], each["second"])
    )
    return each.group_by("begin_at", "end_at", "first", "second").agg(
        pairs=each.bit.sum().cast("int64"),
        weight=each.weight.sum().round(6),
        reliability=each.reliability.max(),
        least=each.least.min(),
        most=each.most.max(),
        number=each.number.sum().cast("int64"),
    )


def ways(links: Table, longest: int) -> list[Table]:
    """(2), of one step, of two, and so on. All steps lead from the source towards the target."""
    begun = links.filter(links.begin_at == SOURCE).drop("begin_at").mutate(through=0)
    found = [begun]
    for _ in range(1, longest):
        found.append(_further(found[-1], links))
    return [way.filter(way.end_at == TARGET).drop("end_at", "through") for way in found]


def _further(found: Table, links: Table) -> Table:
    """The same ways with one more step, and the evidence of the first; `through` says which parties lie between."""
    import ibis

    names = {"at": "begin_at", "via": "first", "pairs_2": "pairs", "weight_2": "weight", "reliability_2": "reliability"}
    step = links.drop("least", "most", "number").rename(names)
    both = found.rename(at="end_at", via="second").join(step, ["at", "via"])
    both = both.mutate(
        through=both.through * _MOST_PARTIES + both.at,
        pairs=both.pairs + both.pairs_2,
        weight=ibis.least(both.weight, both.weight_2),
        reliability=both.reliability * both.reliability_2,
    )
    return both.group_by("through", "end_at", "first", "second").agg(
        pairs=both.pairs.max(),
        weight=both.weight.max(),
        reliability=both.reliability.max(),
        least=both.least.min(),
        most=both.most.max(),
        number=both.number.max(),
    )


def best(ways: Sequence[Table]) -> Table:
    """(3)."""
    import ibis

    every = ways[0]
    if len(ways) > 1:
        union = ibis.union(*ways)
        every = union.group_by("first", "second").agg(
            pairs=union.pairs.max(),
            weight=union.weight.sum().round(6),
            reliability=union.reliability.max(),
            least=union.least.min(),
            most=union.most.max(),
            number=union.number.max(),
        )
    place = ibis.rank().over(group_by=every.second, order_by=every.weight.desc())
    ranked = every.mutate(place=place)
    return ranked.filter(ranked.place == 0).drop("place")
