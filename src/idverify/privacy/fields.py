"""What each field of a party holds: how many values that may part people, how many numbers, whether there are words.

A value has up to three forms by which people may be told apart: its text, where it is opaque, its number, and the last
byte of what it abbreviates (`tables`). It is one question for all fields of all parties, whatever attack wants to know.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from idverify.privacy.engine import asked
from idverify.privacy.opaque import LEAST_BITS
from idverify.privacy.view import View, split, together

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
    return view.of_each("fields", party, partial(_fields_of, view))


def _fields_of(view: View, parties: Sequence[str]) -> list[tuple[Field, ...]]:
    every = asked(view.engine, _held, *map(view.leaves, parties))
    return [
        tuple(
            Field(
                row["field"],
                {form: row[form] or 0 for form in FORMS},
                {form: row[f"{form}_subjects"] for form in FORMS},
                row["numbers"],
                row["words"],
            )
            for row in rows.to_pylist()
        )
        for rows in split(every, len(parties))
    ]


def _held(*ledgers: Table) -> Table:
    columns = "field", "subject", "text", "tail", "number", "bits"
    leaves = together(*(leaves.select(*columns) for leaves in ledgers))
    leaves = leaves.filter(leaves.subject.notnull())
    opaque = leaves.bits >= LEAST_BITS
    word = leaves.number.isnull() & ~opaque & ~leaves.text.isin(["true", "false"])
    each = leaves.group_by("party", "field", "subject").agg(
        text=opaque.any(),
        number=leaves.number.notnull().any(),
        tail=(opaque & leaves.tail.notnull()).any(),
        numbers=leaves.number.count(),
        words=word.any(),
    )
    held = each.group_by("party", "field").agg(
        **{f"{form}_subjects": each.count(where=each[form]) for form in FORMS},
        numbers=each.numbers.sum(),
        words=each.words.any(),
    )
    texts = leaves.filter(opaque).group_by("party", "field", "text").agg(tail=leaves.tail.min())
    texts = texts.group_by("party", "field").agg(text=texts.count(), tail=texts.tail.nunique())
    numbers = leaves.filter(leaves.number.notnull()).select("party", "field", "number").distinct()
    numbers = numbers.group_by("party", "field").agg(number=numbers.count())
    for more in (texts, numbers):
        held = held.left_join(more, ["party", "field"]).drop("party_right", "field_right")
    return held.order_by("party", "field")
