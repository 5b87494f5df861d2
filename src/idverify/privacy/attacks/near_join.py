"""Attacks 1 and 7, near-join: numbers and instants that are not equal, but closer than by accident.

Status indices of one batch, an issue date and the time of its issuance, counters: any two fields of numbers, and the
times of the records themselves, are compared by their correlogram.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.timing import FOUND_FLOOR
from idverify.privacy.engine import asked
from idverify.privacy.fields import fields_of
from idverify.privacy.lags import LEAST_POINTS, Correlogram, correlogram
from idverify.privacy.matching import Points, match
from idverify.privacy.view import View, places

if TYPE_CHECKING:
    from ibis.expr.types import Table

NAME = "near_join"
MOST_FIELDS = 10
MOST_VALUES = 300_000
TIME = "time of the record"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one field, ascending."""

    field: str
    points: Points

    @property
    def whole(self) -> bool:
        """Whether all are whole numbers."""
        return bool(np.array_equal(self.points.at, np.round(self.points.at)))


def near_join(view: View) -> Answer:
    """Guess by the pair of numeric fields whose differences stand out most."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has nothing to compare numbers with")
    best: tuple[float, Numbers, Numbers, Correlogram] | None = None
    for one in _numbers(view, view.source):
        for other in _numbers(view, view.target):
            if (one.field, other.field) == (TIME, TIME):
                continue
            whole = one.whole and other.whole
            found = correlogram(one.points.at, _shifted(other, whole).at, least=1.0 if whole else 1e-3, whole=whole)
            if found is not None and (best is None or found.clearest > best[0]):
                best = found.clearest, one, other, found
    if best is None:
        return no_answer(view, NAME, "no two fields of numbers are closer than by accident")
    _, one, other, found = best
    density = found.density
    posterior = match(
        one.points,
        _shifted(other, one.whole and other.whole),
        view.subjects(view.source),
        view.subjects(view.target),
        density=density,
        floor=max(FOUND_FLOOR, 1.0 - density.share),
    )
    return answer(view, NAME, posterior, (f"{one.field} ~ {other.field}",))


def _shifted(numbers: Numbers, whole: bool) -> Points:
    """Whole numbers half of one further on, so that equal ones are in the middle of a bin."""
    points = numbers.points
    return Points(points.who, points.at + 0.5) if whole else points


def _numbers(view: View, party: str) -> tuple[Numbers, ...]:
    """The fields of numbers that differ enough to say something, and the times of the records."""
    return view.once(("numbers", party), lambda: tuple(_found(view, party)))


def _found(view: View, party: str) -> Iterator[Numbers]:
    known = [f for f in fields_of(view, party) if f.values["number"] >= LEAST_POINTS and f.numbers <= MOST_VALUES]
    fields = tuple(field.name for field in sorted(known, key=lambda f: (-f.values["number"], f.name))[:MOST_FIELDS])
    if fields:
        table = asked(view.engine, _in_order, view.leaves(party), fields=fields)
        for field in fields:
            part = table.filter(pc.equal(table.column("field"), field))
            at = part.column("number").to_numpy(zero_copy_only=False).astype(np.float64)
            yield Numbers(field, Points(places(view.subjects(party), part.column("subject")), at))
    events = view.dated(party)
    if LEAST_POINTS <= len(events.time) <= MOST_VALUES:
        yield Numbers(TIME, Points(events.who, events.time))


def _in_order(leaves: Table, *, fields: tuple[str, ...]) -> Table:
    """Whose the numbers of these fields are, each once."""
    rows = leaves.filter(leaves.subject.notnull() & leaves.number.notnull() & leaves.field.isin(fields))
    return rows.select("field", "subject", "number").distinct().order_by("field", "number", "subject")
