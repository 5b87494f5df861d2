"""The rows of a closed ledger: records become the columns of the two tables, events and leaves.

The handle under which a party knows somebody is a value of its own, once, as the field SUBJECT, where it is opaque. A
value has up to five forms: `text` as it stands, `number` where it is one, and those of a text (`forms`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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


class Rows:
    """The rows of one party's records, which get their numbers in the order in which they are added."""

    def __init__(self) -> None:
        self._number = 0
        self._named: set[str] = set()
        """The subjects that have a row of their own by now."""
        self._begin()

    def _begin(self) -> None:
        self._events: list[tuple[object, ...]] = []
        self._columns = _Columns()
        self._ends: list[int] = [0]
        """How many leaves there are up to each record."""
        self._fields_of: dict[str, _Fields] = {}
        self._again: dict[tuple[str, Leaves], _Columns] = {}
        """By route, the parts that other records have too."""

    def __len__(self) -> int:
        """How many leaves there are since the last time that they were taken."""
        return self._ends[-1]

    def add(self, record: Record, parts: Sequence[Leaves]) -> None:
        """Take in one record with its leaves."""
        route = f"{record.method} {record.route}".strip()
        agent = next((found for leaves in parts if (found := leaves.first(AGENT)) is not None), None)
        self._events.append(_event(self._number, record, route, agent))
        self._number += 1
        if record.subject and record.subject not in self._named:
            self._named.add(record.subject)
            if is_opaque(record.subject):
                self._columns.add([SUBJECT], [record.subject])
        fields = self._fields_of.get(route)
        if fields is None:
            fields = self._fields_of[route] = _Fields(route)
        for leaves in parts:
            if not leaves.again:
                self._columns.add(map(fields.__getitem__, leaves.names), leaves.values)
                continue
            columns = self._again.get((route, leaves))
            if columns is None:
                columns = self._again[route, leaves] = _Columns()
                columns.add(map(fields.__getitem__, leaves.names), leaves.values)
            self._columns.take_in(columns)
        self._ends.append(len(self._columns.fields))

    def take(self) -> tuple[pa.Table, pa.Table]:
        """The events and the leaves that were added since the last time."""
        columns = list(zip(*self._events, strict=True)) or [()] * len(EVENTS)
        events = pa.table([pa.array(c, type=f.type) for c, f in zip(columns, EVENTS, strict=True)], schema=EVENTS)
        leaves = self._leaves(events)
        self._begin()
        return events, leaves

    def _leaves(self, events: pa.Table) -> pa.Table:
        # The same fields and values come again and again: a leaf is the codes of its event, its field and its value.
        fields = pa.array(self._columns.fields, pa.string()).dictionary_encode()
        values, which = self._columns.values()
        event, field = np.repeat(np.arange(len(events)), np.diff(self._ends)), fields.indices.to_numpy()
        once = pa.array(_first_of_each((event * len(fields.dictionary) + field) * len(values) + which))
        event = pa.array(event).filter(once)
        columns = {
            **{name: events[name].take(event) for name in ("record", "time", "subject")},
            "field": fields.dictionary.take(fields.indices.filter(once)),
            **{name: values[name].take(pa.array(which).filter(once)) for name in values.column_names},
        }
        return pa.table(columns, schema=LEAVES)


class _Columns:
    """The field of each leaf and what is there: a text, or a number or a truth as Python shows it, which tells all
    kinds apart, and 0.0 from -0.0."""

    __slots__ = ("_shown", "_texts", "fields")

    def __init__(self) -> None:
        self.fields: list[str] = []
        self._texts: list[str | None] = []
        self._shown: list[str] = []
        """Those that are no text, None in `_texts`, in their order."""

    def add(self, fields: Iterable[str], values: Sequence[Leaf]) -> None:
        self.fields += fields
        self._texts += [_writable(value) if isinstance(value, str) else None for value in values]
        self._shown += [repr(value) for value in values if not isinstance(value, str)]

    def take_in(self, others: _Columns) -> None:
        self.fields += others.fields
        self._texts += others._texts
        self._shown += others._shown

    def values(self) -> tuple[pa.Table, npt.NDArray[np.int64]]:
        """All values with their forms, each once, and which of them each leaf has."""
        texts, shown = (pa.array(column, pa.string()).dictionary_encode() for column in (self._texts, self._shown))
        which = texts.indices.fill_null(0).to_numpy().astype(np.int64)
        which[texts.indices.is_null().to_numpy(zero_copy_only=False)] = shown.indices.to_numpy() + len(texts.dictionary)
        spelled = [_spelled(each) for each in shown.dictionary.to_pylist()]
        seen = forms(texts.dictionary)
        none = pa.nulls(len(spelled), pa.float64())
        columns = {
            "text": (texts.dictionary, pa.array([text for text, _ in spelled], pa.string())),
            "digest": (seen.digest, none.cast(pa.string())),
            "tail": (seen.tail, none),
            "number": (seen.number, pa.array([number for _, number in spelled], pa.float64())),
            "bits": (seen.bits, none.fill_null(0.0)),
        }
        return pa.table({name: pa.concat_arrays(both) for name, both in columns.items()}), which


class _Fields(dict[str, str]):
    """The name of the column for each name of a leaf on one route."""

    def __init__(self, route: str) -> None:
        super().__init__()
        self._route = route

    def __missing__(self, name: str) -> str:
        field = self[name] = f"{self._route} {_writable(collapsed(name))}"
        return field


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


def _spelled(shown: str) -> tuple[str, float | None]:
    """A number or a truth as text, and as a number where it has a place among them: not NaN, nor beyond all others."""
    if shown in {"True", "False"}:
        return shown.lower(), None
    number = float(shown)
    return shown, (number if -1e308 <= number <= 1e308 else None)


def _writable(text: str) -> str:
    """The same text with a mark for each half of a character, which JSON can escape and nothing can write."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
