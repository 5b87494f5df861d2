"""Attack 1, the exact join: every opaque or numeric field of one ledger against every one of the others.

Values are compared as they are, as SHA-256 of either side, and as numbers. A pair of fields counts if its common values
belong, but for a few, to one subject at each party, and are more than accident would have it. Where more parties put
their ledgers together, the way from the target to a person may lead through a third one.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, pairwise, permutations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from idverify.privacy.answers import Answer, Ints, Posterior
from idverify.privacy.attacks._common import no_answer
from idverify.privacy.counting import Counting
from idverify.privacy.joining import FieldPair, Sides, strongest
from idverify.privacy.linking import Step, likeliest
from idverify.privacy.matching import standing_out
from idverify.privacy.scanning import Scan
from idverify.privacy.view import View, places

NAME = "exact_join"
LONGEST = 2
"""Parties between the target and the source, at most."""


def exact_join(view: View) -> Answer:
    """Guess who each subject of the target is among those of the source."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has nothing to join")
    counting = _counting(view)
    numbers = _numbered([pair for sides in _sides(view) for pair in counting.pairs[sides]])
    if not numbers:
        return no_answer(view, NAME, "no opaque value of one ledger is in another")
    possible = list(_ways(view, {(pair.party, pair.other_party) for pair in numbers}))
    if not possible:
        return no_answer(view, NAME, "what the ledgers have in common does not lead to a person")
    steps = list(_steps(view, counting, numbers, possible))
    found = likeliest(view.engine, counting.agreed, steps, longest=max(map(len, possible)))
    posterior, used = _posterior(view, found)
    named = {number: pair for pair, number in numbers.items()}
    pairs = tuple(named[number].name for number in sorted(named) if used >> number & 1)
    return Answer(NAME, view.attacker, view.coalition, view.source, view.target, view.pool, posterior, pairs)


def field_pairs(view: View) -> list[FieldPair]:
    """The pairs of fields of source and target that count, best first."""
    if view.source is None:
        return []
    found = _counting(view).pairs[view.source, view.target]
    return sorted(found, key=lambda p: (-p.one_to_one, p.first, p.second))


def _counting(view: View) -> Counting:
    """What counts between the parties of this coalition, and of those that are asked for beside it."""
    wanted = list(_sides(view))

    def together() -> Counting:
        others = [replace(view, coalition=coalition) for coalition in view.beside]
        sides = dict.fromkeys(pair for each in (view, *others) if each.source is not None for pair in _sides(each))
        return Counting(Scan(view.engine, list(sides), view.leaves))

    counting = view.once(("counting",), together)
    if set(wanted) <= set(counting.scan.sides):
        return counting
    key = "counting", *("+".join(sides) for sides in wanted)
    return view.once(key, lambda: Counting(Scan(view.engine, wanted, view.leaves)))


def _sides(view: View) -> Iterator[Sides]:
    """Pairs of parties, the one nearer to people first."""
    assert view.source is not None
    return combinations((view.source, *view.helpers, view.target), 2)


def _steps(
    view: View, counting: Counting, numbers: dict[FieldPair, int], possible: Sequence[Sequence[Sides]]
) -> Iterator[Step]:
    """The pairs of fields that speak for each step of any way."""
    assert view.source is not None
    order = {party: place for place, party in enumerate((view.source, view.target, *view.helpers))}
    for begin, end in sorted({step for way in possible for step in way}):
        for pair, number in numbers.items():
            if {begin, end} == {pair.party, pair.other_party}:
                ends, turned = (order[begin], order[end]), begin != pair.party
                yield Step(counting.numbers[pair], *ends, turned, 1 << number, pair.consistency, pair.reliability)


def _numbered(pairs: list[FieldPair]) -> dict[FieldPair, int]:
    """A bit for each pair of fields; the strongest where there are too many."""
    order = sorted(strongest(pairs), key=lambda p: (p.name, p.party, p.other_party))
    return {pair: number for number, pair in enumerate(order)}


def _ways(view: View, known: set[Sides]) -> Iterator[tuple[Sides, ...]]:
    """From source to target, directly and through others, as long as each step is known."""
    for between in range(min(LONGEST, len(view.helpers)) + 1):
        for through in permutations(view.helpers, between):
            steps = tuple(pairwise((view.source or "", *through, view.target)))
            if all(step in known or step[::-1] in known for step in steps):
                yield steps


def _posterior(view: View, rows: pa.Table) -> tuple[Posterior, int]:
    """The candidates with the most weight share the reliability of the pairs of fields that speak for them.

    `rows` are in the order of the targets.
    """
    assert view.source is not None
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
