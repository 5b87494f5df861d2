"""What each field of a party holds: how many values that may part people, how many numbers, whether there are words.

A value has up to three forms by which people may be told apart: its text, where it is opaque, its number, and the last
byte of what it abbreviates (`tables`). It is one question for all fields of a party, whatever attack wants to know.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from idverify.privacy.engine import asked
from idverify.privacy.opaque import LEAST_BITS
from idverify.privacy.view import View

if TYPE_CHECKING:
    from ibis.expr.types import Table

Form: TypeAlias = Literal["text", "number", "tail"]
FORMS: tuple[Form, ...] = ("text", "number", "tail")


@dataclass(frozen=True, slots=True)
class Field:
    """`values` and `subjects` that have one: by form, distinct ones. `numbers` and `words`: among all leaves."""

    name: str
    values: Mapping[Form, int]
    subjects: Mapping[Form, int]
    numbers: int
    words: bool


def fields_of(view: View, party: str) -> tuple[Field, ...]:
    """The fields of values that belong to somebody, by name."""
    return view.once(("fields", party), lambda: _fields_of(view, party))


def _fields_of(view: View, party: str) -> tuple[Field, ...]:
    return tuple(
        Field(
            row["field"],
            {form: row[form] or 0 for form in FORMS},
            {form: row[f"{form}_subjects"] for form in FORMS},
            row["numbers"],
            row["words"],
        )
        for row in asked(view.engine, _held, view.leaves(party)).to_pylist()
    )


def _held(leaves: Table) -> Table:
    leaves = leaves.filter(leaves.subject.notnull())
    opaque = leaves.bits >= LEAST_BITS
    word = leaves.number.isnull() & ~opaque & ~leaves.text.isin(["true", "false"])
    each = leaves.group_by("field", "subject").agg(
        text=opaque.any(),
        number=leaves.number.notnull().any(),
        tail=(opaque & leaves.tail.notnull()).any(),
        numbers=leaves.number.count(),
        words=word.any(),
    )
    held = each.group_by("field").agg(
        **{f"{form}_subjects": each.count(where=each[form]) for form in FORMS},
        numbers=each.numbers.sum(),
        words=each.words.any(),
    )
    texts = leaves.filter(opaque).group_by("field", "text").agg(tail=leaves.tail.min())
    texts = texts.group_by("field").agg(text=texts.count(), tail=texts.tail.nunique())
    numbers = leaves.filter(leaves.number.notnull()).select("field", "number").distinct()
    numbers = numbers.group_by("field").agg(number=numbers.count())
    found = held.left_join(texts, "field").drop("field_right").left_join(numbers, "field").drop("field_right")
    return found.order_by("field")
