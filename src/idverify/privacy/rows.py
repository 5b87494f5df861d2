"""The rows of a closed ledger: records become the columns of the two tables, events and leaves.

The handle under which a party knows somebody is a value of its own, once, as the field SUBJECT, where it is opaque. A
value has up to five forms: `text` as it stands, `number` where it is one, and those of a text (`forms`).
"""

# pyright: reportAttributeAccessIssue=false
# (Arrow's functions are made while it is imported.)

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from idverify.ledger_decode import Record, collapsed
from idverify.ledger_leaves import Leaf, Leaves
from idverify.privacy.forms import forms
from idverify.privacy.opaque import is_opaque

EVENTS = pa.schema(
    {
        "record": pa.int64(), "time": pa.float64(), "peer": pa.string(), "route": pa.string(), "status": pa.int64(),
        "subject": pa.string(), "flow": pa.string(), "scheme": pa.string(), "up": pa.int64(), "down": pa.int64(),
        "agent": pa.string(),
    }
)  # fmt: skip
LEAVES = pa.schema(
    {
        "record": pa.int64(), "time": pa.float64(), "subject": pa.string(), "field": pa.string(), "text": pa.string(),
        "digest": pa.string(), "tail": pa.float64(), "number": pa.float64(), "bits": pa.float64(),
    }
)  # fmt: skip
AGENT = "received.headers.user-agent"
SUBJECT = "subject"
"""The name of the field that is a party's own handle of somebody."""
Value: TypeAlias = "str | tuple[type, str]"
"""A text, or the type of anything else and how Python shows it: 1, 1.0 and true are three values, 0.0 and -0.0 two."""


class Rows:
    """The rows of one party's records, which get their numbers in the order in which they are added.

    The same names and values come again and again: a leaf is the code of its field and the code of its value.
    """

    def __init__(self) -> None:
        self._number = 0
        self._named: set[str] = set()
        """The subjects that have a row of their own by now."""
        self._begin()

    def _begin(self) -> None:
        self._events: list[tuple[object, ...]] = []
        self._fields, self._values = _Codes(), _Values()
        self._coded = _Coded(array("i"), array("i"))
        self._ends: list[int] = [0]
        """How many leaves there are up to each record."""
        self._fields_of: dict[str, _FieldsOf] = {}
        self._again: dict[tuple[str, Leaves], _Coded] = {}
        """By route, the parts that other records have too."""

    def add(self, record: Record, parts: Sequence[Leaves]) -> None:
        """Take in one record with its leaves."""
        route = f"{record.method} {record.route}".strip()
        agent = next((found for leaves in parts if (found := leaves.first(AGENT)) is not None), None)
        self._events.append(_event(self._number, record, route, agent))
        self._number += 1
        if record.subject and record.subject not in self._named:
            self._named.add(record.subject)
            if is_opaque(record.subject):
                self._coded.fields.append(self._fields[SUBJECT])
                self._coded.values.append(self._values[record.subject])
        for leaves in parts:
            if not leaves.again:
                self._code(route, leaves, self._coded)
                continue
            coded = self._again.get((route, leaves))
            if coded is None:
                coded = self._again[route, leaves] = _Coded(array("i"), array("i"))
                self._code(route, leaves, coded)
            self._coded.fields.extend(coded.fields)
            self._coded.values.extend(coded.values)
        self._ends.append(len(self._coded.fields))

    def _code(self, route: str, leaves: Leaves, into: _Coded) -> None:
        fields = self._fields_of.get(route)
        if fields is None:
            fields = self._fields_of[route] = _FieldsOf(route, self._fields)
        into.fields.extend(map(fields.__getitem__, leaves.names))
        values = [value if isinstance(value, str) else (type(value), repr(value)) for value in leaves.values]
        into.values.extend(map(self._values.__getitem__, values))

    def take(self) -> tuple[pa.Table, pa.Table]:
        """The events and the leaves that were added since the last time."""
        columns = list(zip(*self._events, strict=True)) or [()] * len(EVENTS)
        events = pa.table([pa.array(c, type=f.type) for c, f in zip(columns, EVENTS, strict=True)], schema=EVENTS)
        leaves = self._leaves(events)
        self._begin()
        return events, leaves

    def _leaves(self, events: pa.Table) -> pa.Table:
        event = np.repeat(np.arange(len(events)), np.diff(self._ends))
        field, value = (np.asarray(codes, np.int32) for codes in (self._coded.fields, self._coded.values))
        kept = _first_of_each((event * len(self._fields) + field) * len(self._values) + value)
        event, field, value = (pa.array(codes[kept]) for codes in (event, field, value))
        columns = {
            **{name: events[name].take(event) for name in ("record", "time", "subject")},
            "field": pa.array(self._fields, pa.string()).take(field),
            **{name: column.take(value) for name, column in self._values.columns().items()},
        }
        return pa.table(columns, schema=LEAVES)


@dataclass(frozen=True, slots=True)
class _Coded:
    """Leaves, each as two codes."""

    fields: array[int]
    values: array[int]


class _Codes(dict[str, int]):
    """Numbers from 0 for texts, in the order in which they are first asked for."""

    def __missing__(self, text: str) -> int:
        code = self[text] = len(self)
        return code


class _FieldsOf(dict[str, int]):
    """The code of the field for each name of a leaf on one route."""

    def __init__(self, route: str, fields: _Codes) -> None:
        super().__init__()
        self._route, self._fields = route, fields

    def __missing__(self, name: str) -> int:
        code = self[name] = self._fields[f"{self._route} {_writable(collapsed(name))}"]
        return code


class _Values(dict[Value, int]):
    """The code of each value, and what the columns say of the values in the order of their codes."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: list[str] = []
        self._numbers: list[float | None] = []
        """Of those that are no text, in their order."""
        self._no_text: list[bool] = []

    def __missing__(self, value: Value) -> int:
        if isinstance(value, str):
            text = _writable(value)
            if text != value:
                code = self[value] = self[text]
                return code
        else:
            text, number = _spelled(*value)
            self._numbers.append(number)
        code = self[value] = len(self._texts)
        self._texts.append(text)
        self._no_text.append(not isinstance(value, str))
        return code

    def columns(self) -> dict[str, pa.Array]:
        texts, no_text = pa.array(self._texts, pa.string()), np.array(self._no_text, np.bool_)
        seen = forms(texts.filter(pa.array(~no_text)))
        which = pa.array(np.cumsum(~no_text) - 1, mask=no_text)
        numbers = pa.array(self._numbers, pa.float64())
        return {
            "text": texts,
            "digest": seen.digest.take(which),
            "tail": seen.tail.take(which),
            "number": pc.replace_with_mask(seen.number.take(which), pa.array(no_text), numbers),
            "bits": seen.bits.take(which).fill_null(0.0),
        }


def _first_of_each(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where each code is for the first time."""
    met = pa.array(codes).dictionary_encode().indices.to_numpy()  # 0, 1, 2 … in the order in which they come
    first: npt.NDArray[np.bool_] = np.diff(np.maximum.accumulate(met), prepend=-1) > 0
    return first


def _event(number: int, record: Record, route: str, agent: Leaf | None) -> tuple[object, ...]:
    return (
        number,
        record.time,
        record.peer or None,
        route,
        record.status,
        record.subject or None,
        record.flow or None,
        record.scheme or None,
        record.up,
        record.down,
        _writable(agent) if isinstance(agent, str) else None,
    )


def _spelled(kind: type, shown: str) -> tuple[str, float | None]:
    """A number or a truth as text, and as a number where it has a place among them: not NaN, nor beyond all others."""
    if kind is bool:
        return shown.lower(), None
    number = float(shown)
    return shown, (number if -1e308 <= number <= 1e308 else None)


def _writable(text: str) -> str:
    """The same text with a mark for each half of a character, which JSON can escape and nothing can write."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
