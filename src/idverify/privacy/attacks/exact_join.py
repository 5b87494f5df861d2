"""Attack 1, the exact join: every opaque or numeric field of one ledger against every one of the others.

Values are compared as they are, as SHA-256 of either side, and as numbers. A pair of fields counts if its common values
belong, but for a few, to one subject at each party, and are more than accident would have it. Where more parties put
their ledgers together, the way from the target to a person may lead through a third one.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from idverify.privacy.answers import Answer, Ints, Posterior
from idverify.privacy.attacks._common import no_answer
from idverify.privacy.joining import MOST_PAIRS, FieldPair, Joined, Side, agree, joined, links
from idverify.privacy.matching import standing_out
from idverify.privacy.view import View, places

if TYPE_CHECKING:
    from ibis.expr.types import Table

NAME = "exact_join"
LONGEST = 2
"""Parties between the target and the source, at most."""


def exact_join(view: View) -> Answer:
    """Guess who each subject of the target is among those of the source."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has nothing to join")
    found = {sides: _joined(view, *sides) for sides in _sides(view)}
    numbers = _numbered([pair for joins in found.values() for one in joins for pair in one.pairs])
    if not numbers:
        return no_answer(view, NAME, "no opaque value of one ledger is in another")
    tables = {
        sides: links([agree(one, numbers) for one in joins if any(pair in numbers for pair in one.pairs)])
        for sides, joins in found.items()
        if any(pair in numbers for one in joins for pair in one.pairs)
    }
    ways = [_along(way, tables) for way in _ways(view, set(tables))]
    if not ways:
        return no_answer(view, NAME, "what the ledgers have in common does not lead to a person")
    posterior, used = _posterior(view, _best(ways))
    named = {number: pair for pair, number in numbers.items()}
    pairs = tuple(named[number].name for number in sorted(named) if used >> number & 1)
    return Answer(NAME, view.attacker, view.coalition, view.source, view.target, view.pool, posterior, pairs)


def field_pairs(view: View) -> list[FieldPair]:
    """The pairs of fields of source and target that count, best first."""
    if view.source is None:
        return []
    found = [pair for one in _joined(view, view.source, view.target) for pair in one.pairs]
    return sorted(found, key=lambda p: (-p.one_to_one, p.first, p.second))


def _joined(view: View, first: str, second: str) -> tuple[Joined, ...]:
    sides = _side(view, first), _side(view, second)
    # A query a party saves a dozen for each pair with one that has nothing to compare, as an observer of lines.
    if not all(side.comparable for side in sides):
        return ()
    return view.once(("joined", first, second), lambda: tuple(joined(*sides)))


def _side(view: View, party: str) -> Side:
    return view.once(("side", party), lambda: Side(view.engine, party, view.leaves(party)))


def _sides(view: View) -> Iterator[tuple[str, str]]:
    """Pairs of parties, the one nearer to people first."""
    assert view.source is not None
    order = [view.source, *view.helpers, view.target]
    for place, first in enumerate(order):
        for second in order[place + 1 :]:
            yield first, second


def _numbered(pairs: list[FieldPair]) -> dict[FieldPair, int]:
    """A bit for each pair of fields; the strongest where there are too many."""
    best = sorted(pairs, key=lambda p: (-p.one_to_one, p.first, p.second, p.party, p.other_party))[:MOST_PAIRS]
    return {pair: number for number, pair in enumerate(sorted(best, key=lambda p: (p.name, p.party, p.other_party)))}


def _ways(view: View, known: set[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], ...]]:
    """From source to target, directly and through others, as long as each step is known."""
    for between in range(min(LONGEST, len(view.helpers)) + 1):
        for through in permutations(view.helpers, between):
            steps = tuple(pairwise((view.source or "", *through, view.target)))
            if all(step in known or step[::-1] in known for step in steps):
                yield steps


def _along(way: tuple[tuple[str, str], ...], tables: dict[tuple[str, str], Table]) -> Table:
    found: Table | None = None
    for step in way:
        table = tables.get(step)
        if table is None:
            turned = tables[step[::-1]]
            table = turned.rename(first="second", second="first")
        if found is None:
            found = table
            continue
        one, two = found, table.rename(via="first", pairs_2="pairs", weight_2="weight", reliability_2="reliability")
        two = two.drop("least", "most", "number")
        met = one.rename(via="second").join(two, "via")
        import ibis

        both = met.select(
            "first",
            "second",
            pairs=met.pairs + met.pairs_2,
            weight=ibis.least(met.weight, met.weight_2),
            reliability=met.reliability * met.reliability_2,
            least=met.least,
            most=met.most,
            number=met.number,
        )
        found = both.group_by("first", "second").agg(
            pairs=both.pairs.max(),
            weight=both.weight.max(),
            reliability=both.reliability.max(),
            least=both.least.min(),
            most=both.most.max(),
            number=both.number.max(),
        )
    assert found is not None
    return found


def _best(ways: list[Table]) -> Table:
    """For each target its best candidates; what several ways agree on counts more."""
    import ibis

    if len(ways) == 1:
        every = ways[0]
    else:
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


def _posterior(view: View, best: Table) -> tuple[Posterior, int]:
    """The candidates with the most weight share the reliability of the pairs of fields that speak for them."""
    assert view.source is not None
    rows = view.engine.to_pyarrow(best.order_by("second", "first"))
    names, subjects = view.subjects(view.source), view.subjects(view.target)
    owner, who = places(subjects, rows.column("second")), places(names, rows.column("first"))
    counts = np.bincount(owner, minlength=len(subjects))
    starts = np.r_[0, np.cumsum(counts)].astype(np.int64)
    # Engines read a number that is written in a query in ways that differ in its last bit.
    reliability = rows.column("reliability").to_numpy(zero_copy_only=False).astype(np.float64).round(12)
    highest = np.maximum.reduceat(reliability, starts[:-1][counts > 0]) if len(owner) else reliability
    confidence = np.repeat(highest, counts[counts > 0]) / np.repeat(counts, counts)
    claimed = standing_out(starts, confidence)
    # Several candidates with the very same evidence are accounts of one person: any of them is right.
    if view.public.role(view.source) == "platform":
        claimed |= _same_evidence(rows.select(["least", "most", "number"]), starts)
    used = 0
    for mask in set(rows.column("pairs").to_pylist()):
        used |= int(mask)
    posterior = Posterior(subjects, names, starts, who, confidence, claimed)
    return posterior, used


def _same_evidence(rows: pa.Table, starts: Ints) -> NDArray[np.bool_]:
    """Whether all candidates of a target have the same evidence."""
    sizes = np.diff(starts)
    alike: NDArray[np.bool_] = np.equal(sizes, 1)
    several = np.flatnonzero(sizes > 1)
    if len(several):
        marks = list(zip(*(rows.column(name).to_pylist() for name in rows.column_names), strict=True))
        alike[several] = [len(set(marks[starts[n] : starts[n + 1]])) == 1 for n in several.tolist()]
    return alike
