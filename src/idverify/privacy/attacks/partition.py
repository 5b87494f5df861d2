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
from functools import partial
from typing import TYPE_CHECKING

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.classes import Agreeing, agreeing, sizes, weigh
from idverify.privacy.engine import asked, kept, kept_of
from idverify.privacy.fields import FORMS, Form, fields_of
from idverify.privacy.joining import place_of
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


@dataclass(frozen=True, slots=True)
class Grouping:
    """A field whose values part people: how many values it has."""

    field: str
    form: Form
    values: int


@dataclass(frozen=True, slots=True)
class Shared:
    """A grouping of the source that the target has too."""

    one: Grouping
    other: Grouping

    @property
    def name(self) -> str:
        return f"{self.one.field} ({self.one.form}) = {self.other.field} ({self.other.form})"


def partition(view: View) -> Answer:
    """Guess by the groups that candidate and target are in."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has no groups to compare")
    found = view.once(("same group", view.source, view.target), partial(_agreeing, view))
    if found is None:
        return no_answer(view, NAME, "no value parts the people of both ledgers into groups")
    weighed = weigh(view, found, {shared.name: _moved(view, shared) for shared in in_common(view)})
    return replace(
        answer(view, NAME, weighed.posterior, weighed.names), left_out={"too many targets": weighed.left_out}
    )


def in_common(view: View) -> tuple[Shared, ...]:
    """The groupings that source and target have in common."""
    assert view.source is not None
    return view.once(("groupings in common", view.source, view.target), lambda: tuple(_in_common(view)))


def groups(view: View) -> tuple[Table, Table]:
    """Who is in which group of these at the source and at the target, with the columns of `classes`."""
    assert view.source is not None
    shared = in_common(view)
    return (
        kept(view.engine, _labelled(_grouped(view, view.source), [(each.name, each.one) for each in shared])),
        kept(view.engine, _labelled(_grouped(view, view.target), [(each.name, each.other) for each in shared])),
    )


def _agreeing(view: View) -> Agreeing | None:
    """Who is in the same group."""
    shared = in_common(view)
    if not shared:
        return None
    sides = groups(view)
    found = sizes(view, *sides)
    return agreeing(view, *sides, {each.name: found[each.name] for each in shared})


def _labelled(grouped: Table, features: Sequence[tuple[str, Grouping]]) -> Table:
    import ibis

    chosen = [
        grouped.filter((grouped.field == grouping.field) & (grouped.form == grouping.form)).select(
            "subject", "value", feature=ibis.literal(name)
        )
        for name, grouping in features
    ]
    return chosen[0].union(*chosen[1:]) if len(chosen) > 1 else chosen[0]


def _in_common(view: View) -> Iterator[Shared]:
    assert view.source is not None
    here, there = _groupings(view, view.source), _groupings(view, view.target)
    issued = view.public.role(view.source) in KNOWS_PEOPLE
    pairs = [Shared(one, other) for one in here for other in there if _comparable(one, other, issued=issued)]
    if not pairs:
        return
    counts = _common(view)
    for shared in pairs:
        one, other = shared.one, shared.other
        total, common = other.values, counts.get((one.field, one.form, other.field, other.form), 0)
        if total < 2 or common < COMMON * total:
            continue
        if "tail" in (one.form, other.form) and (max(one.values, other.values) / 256.0) ** common > 1e-3:
            continue
        yield shared


def _common(view: View) -> dict[tuple[str, str, str, str], int]:
    """How many distinct values two groupings have in common: field, form, other field, other form → number."""
    assert view.source is not None
    sides = _grouped(view, view.source), _grouped(view, view.target)
    return {
        (row["field"], row["form"], row["field_2"], row["form_2"]): row["number"]
        for row in asked(view.engine, _met, *sides).to_pylist()
    }


def _met(first: Table, second: Table) -> Table:
    one, two = (side.select("field", "form", "text", "value").distinct() for side in (first, second))
    met = one.join(two.rename(field_2="field", form_2="form"), ["text", "value"])
    return met.group_by("field", "form", "field_2", "form_2").agg(number=met.count())


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
    key = "came twice", view.source, shared.one.field, shared.one.form
    came, changed = view.once(key, partial(_came_twice, view, view.source, shared.one))
    return min((changed + 0.5) / (came + 1.0), UNKNOWN) if came >= LEAST_TWICE else UNKNOWN


def _came_twice(view: View, party: str, grouping: Grouping) -> tuple[int, int]:
    """How many subjects have several records with a field, and how many of these have several values."""
    field, form = (grouping.field,), FORMS.index(grouping.form)
    (row,) = asked(view.engine, _again, view.leaves(party), field=field, form=form).to_pylist()
    return row["came"], row["changed"]


def _again(leaves: Table, *, field: tuple[str, ...], form: int) -> Table:
    rows = leaves.filter(leaves.subject.notnull() & leaves.field.isin(field))
    each = rows.group_by("subject").agg(records=rows.record.nunique(), values=rows[FORMS[form]].nunique())
    twice = each.filter(each.records > 1)
    return twice.agg(came=twice.count(), changed=twice.count(where=twice["values"] > 1))


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
    found = [
        Grouping(field.name, form, field.values[form])
        for field in fields_of(view, party)
        for form in FORMS
        if 1 < field.values[form] < field.subjects[form]
    ]
    return sorted(found, key=lambda g: (g.values, g.field, g.form))[:MOST_FIELDS]


def _grouped(view: View, party: str) -> Table:
    """All groupings: columns field, form, subject, value, and whether that is a `text`; each row once."""

    def rows() -> Table:
        fields: dict[Form, tuple[str, ...]] = {
            form: tuple(grouping.field for grouping in _groupings(view, party) if grouping.form == form)
            for form in FORMS
        }
        return kept_of(view.engine, _in_groups, view.leaves(party), **fields)

    return view.once(("grouped", party), rows)


def _in_groups(leaves: Table, **fields: tuple[str, ...]) -> Table:
    import ibis

    forms = []
    for form in FORMS:
        own = leaves.filter(leaves.subject.notnull() & leaves.field.isin(fields[form]) & leaves[form].notnull())
        value, text = own[form].cast("string"), ibis.literal(form == "text")
        forms.append(own.select("field", "subject", form=ibis.literal(form), text=text, value=value).distinct())
    return forms[0].union(*forms[1:])
