"""Attacks 7 and 8, batch, status list and issuer key: values that part people into groups.

An issuer with K keys, a status list for every H holders, an issue date in milliseconds: each value is shared by some
and not by others. Values are compared that stand at the same place of a message, that are opaque in both ledgers, or
of which one is the last byte of the other.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.classes import Feature, weigh
from idverify.privacy.engine import counted
from idverify.privacy.joining import place_of
from idverify.privacy.opaque import LEAST_BITS
from idverify.privacy.view import KNOWS_PEOPLE, View

if TYPE_CHECKING:
    from ibis.expr.types import Table

NAME = "partition"
CHANGED = 1e-3
"""The probability that a person has moved to another group between issuance and presentation."""
UNKNOWN = 0.5
"""The same where nobody can know: a group that stays and one that does not are as likely."""
COMMON = 0.9
"""The share of the target's values that the source must have, or the two fields are not the same thing."""
LEAST_TWICE = 20
"""Subjects that came twice, to tell whether a group stays with a person."""
MOST_FIELDS = 40
FORMS = ("text", "number", "tail")


@dataclass(frozen=True, slots=True)
class Grouping:
    """A field whose values part people: how many values it has."""

    field: str
    form: str
    values: int


def partition(view: View) -> Answer:
    """Guess by the groups that candidate and target are in."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has no groups to compare")
    found = weigh(view, list(_features(view)))
    if found is None:
        return no_answer(view, NAME, "no value parts the people of both ledgers into groups")
    return replace(answer(view, NAME, found.posterior, found.names), left_out={"too many targets": found.left_out})


def _features(view: View) -> Iterator[Feature]:
    for shared in in_common(view):
        yield Feature(shared.name, shared.first, shared.second, _moved(view, shared))


@dataclass(frozen=True, slots=True)
class Shared:
    """A grouping of both parties: tables with the columns subject and value, and the source's field."""

    name: str
    first: Table
    second: Table
    field: str
    form: str


def in_common(view: View) -> tuple[Shared, ...]:
    """The groupings that source and target have in common."""
    assert view.source is not None
    sides = view.source, view.target
    return view.once(("groupings in common", *sides), lambda: tuple(_in_common(view, *sides)))


def _in_common(view: View, source: str, target: str) -> Iterator[Shared]:
    here, there = _groupings(view, source), _groupings(view, target)
    issued = view.public.role(source) in KNOWS_PEOPLE
    pairs = [(one, other) for one in here for other in there if _comparable(one, other, issued=issued)]
    if not pairs:
        return
    counts = _common(view, (source, target), pairs)
    for one, other in pairs:
        total, common = other.values, counts.get((one.field, one.form, other.field, other.form), 0)
        if total < 2 or common < COMMON * total:
            continue
        if "tail" in (one.form, other.form) and (max(one.values, other.values) / 256.0) ** common > 1e-3:
            continue
        name = f"{one.field} ({one.form}) = {other.field} ({other.form})"
        yield Shared(name, _values(view, source, one), _values(view, target, other), one.field, one.form)


def _common(
    view: View, sides: tuple[str, str], pairs: Sequence[tuple[Grouping, Grouping]]
) -> dict[tuple[str, str, str, str], int]:
    """How many distinct values two groupings have in common: field, form, other field, other form → number."""
    found = {}
    for forms in sorted({(one.form, other.form) for one, other in pairs}):
        fields = [sorted({pair[n].field for pair in pairs if pair[n].form == forms[n]}) for n in (0, 1)]
        one, two = (_distinct(view, sides[n], fields[n], forms[n]) for n in (0, 1))
        met = one.join(two.rename(field_2="field"), "value")
        numbers = met.group_by("field", "field_2").agg(number=met.count())
        for row in view.engine.to_pyarrow(numbers).to_pylist():
            found[row["field"], forms[0], row["field_2"], forms[1]] = row["number"]
    return found


def _distinct(view: View, party: str, fields: Sequence[str], form: str) -> Table:
    leaves = view.leaves(party)
    rows = leaves.filter(leaves.subject.notnull() & leaves.field.isin(fields) & leaves[form].notnull())
    return rows.select("field", value=form).distinct()


def _moved(view: View, shared: Shared) -> float:
    """The probability that a person shows another value next time.

    What an issuer gave is what a platform sees. Two platforms may see two credentials of one person: whether a group
    stays with the person is known from a shadow world, or from those who came to the same platform twice. Where nobody
    did, it is as likely as not.
    """
    assert view.source is not None
    if view.learned is not None and shared.name in view.learned.moved:
        return view.learned.moved[shared.name]
    if view.public.role(view.source) in KNOWS_PEOPLE:
        return CHANGED
    leaves = view.leaves(view.source)
    rows = leaves.filter(leaves.subject.notnull() & (leaves.field == shared.field))
    each = rows.group_by("subject").agg(records=rows.record.nunique(), values=rows[shared.form].nunique())
    twice = each.filter(each.records > 1)
    came, changed = counted(view.engine, twice), counted(view.engine, twice.filter(twice["values"] > 1))
    return min((changed + 0.5) / (came + 1.0), UNKNOWN) if came >= LEAST_TWICE else UNKNOWN


def _comparable(one: Grouping, other: Grouping, *, issued: bool) -> bool:
    """Whether two fields may be the same thing. Numbers are, where what one party issued is what the other saw."""
    match (one.form, other.form):
        case ("text", "text"):
            return True
        case ("number", "number"):
            return issued and place_of(one.field) == place_of(other.field)
        case ("number", "tail") | ("tail", "number"):
            return True
        case _:
            return False


def _groupings(view: View, party: str) -> list[Grouping]:
    """Fields with more than one value, of which at least one belongs to several subjects."""
    return view.once(("groupings", party), lambda: _found(view, party))


def _found(view: View, party: str) -> list[Grouping]:
    leaves = view.leaves(party)
    leaves = leaves.filter(leaves.subject.notnull() & ((leaves.bits >= LEAST_BITS) | leaves.number.notnull()))
    sizes = {}
    for form in FORMS:
        said = leaves[form].notnull() & (leaves.number.notnull() if form == "number" else leaves.bits >= LEAST_BITS)
        sizes[form] = leaves[form].nunique(where=said)
        sizes[f"{form} subjects"] = leaves.subject.nunique(where=said)
    rows = view.engine.to_pyarrow(leaves.group_by("field").agg(**sizes)).to_pylist()
    found = [
        Grouping(row["field"], form, row[form])
        for row in rows
        for form in FORMS
        if 1 < row[form] < row[f"{form} subjects"]
    ]
    return sorted(found, key=lambda g: (g.values, g.field, g.form))[:MOST_FIELDS]


def _values(view: View, party: str, grouping: Grouping) -> Table:
    leaves = view.leaves(party)
    rows = leaves.filter(leaves.subject.notnull() & (leaves.field == grouping.field))
    rows = rows.filter(rows[grouping.form].notnull())
    return rows.select("subject", value=grouping.form).distinct()
