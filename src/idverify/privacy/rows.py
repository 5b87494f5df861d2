"""The rows of a closed ledger: records become the columns of the two tables, events and leaves.

The handle under which a party knows somebody is a value of its own, once, as the field SUBJECT, where it is opaque. A
value has up to five forms: `text` as it stands, `number` where it is one, and those of a text (`forms`).
"""

# pyright: reportAttributeAccessIssue=false
# (Arrow's functions are made while it is imported.)

from __future__ import annotations

import numpy as np
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


class Rows:
    """The rows of one party's records, which get their numbers in the order in which they are added."""

    def __init__(self) -> None:
        self._number = 0
        self._named: set[str] = set()
        """The subjects that have a row of their own by now."""
        self._begin()

    def _begin(self) -> None:
        self._events: list[tuple[object, ...]] = []
        self._ends: list[int] = [0]
        """How many leaves there are up to each record."""
        self._fields: list[str] = []
        self._texts: list[str | None] = []
        self._spelled: list[str] = []
        self._numbers: list[float | None] = []
        """For the leaves that are no text, None in `_texts`, in their order."""
        self._fields_of: dict[str, _Fields] = {}

    def add(self, record: Record, leaves: Leaves) -> None:
        """Take in one record."""
        route = f"{record.method} {record.route}".strip()
        self._events.append(_event(self._number, record, route, leaves.first(AGENT)))
        self._number += 1
        if record.subject and record.subject not in self._named:
            self._named.add(record.subject)
            if is_opaque(record.subject):
                self._fields.append(SUBJECT)
                self._texts.append(record.subject)
        fields = self._fields_of.get(route)
        if fields is None:
            fields = self._fields_of[route] = _Fields(route)
        values = [v if not isinstance(v, str) or v.isascii() else _writable(v) for v in leaves.values]
        found = zip(map(fields.__getitem__, leaves.names), map(type, values), values, strict=True)
        for field, _, value in dict.fromkeys(found):
            self._fields.append(field)
            if isinstance(value, str):
                self._texts.append(value)
            else:
                self._texts.append(None)
                spelled, number = _spelled(value)
                self._spelled.append(spelled)
                self._numbers.append(number)
        self._ends.append(len(self._fields))

    def take(self) -> tuple[pa.Table, pa.Table]:
        """The events and the leaves that were added since the last time."""
        columns = list(zip(*self._events, strict=True)) or [()] * len(EVENTS)
        events = pa.table([pa.array(c, type=f.type) for c, f in zip(columns, EVENTS, strict=True)], schema=EVENTS)
        leaves = self._leaves(events)
        self._begin()
        return events, leaves

    def _leaves(self, events: pa.Table) -> pa.Table:
        event = pa.array(np.repeat(np.arange(len(events)), np.diff(self._ends)))
        # The same texts come again and again: each is looked at once.
        texts = pa.array(self._texts, pa.string()).dictionary_encode()
        seen, which = forms(texts.dictionary), texts.indices
        no_text = which.is_null()
        spelled, numbers = pa.array(self._spelled, pa.string()), pa.array(self._numbers, pa.float64())
        columns = {
            **{name: events[name].take(event) for name in ("record", "time", "subject")},
            "field": pa.array(self._fields, pa.string()),
            "text": pc.replace_with_mask(texts.dictionary.take(which), no_text, spelled),
            "digest": seen.digest.take(which),
            "tail": seen.tail.take(which),
            "number": pc.replace_with_mask(seen.number.take(which), no_text, numbers),
            "bits": seen.bits.take(which).fill_null(0.0),
        }
        return pa.table(columns, schema=LEAVES)


class _Fields(dict[str, str]):
    """The name of the column for each name of a leaf on one route."""

    def __init__(self, route: str) -> None:
        super().__init__()
        self._route = route

    def __missing__(self, name: str) -> str:
        field = self[name] = f"{self._route} {_writable(collapsed(name))}"
        return field


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


def _spelled(value: float) -> tuple[str, float | None]:
    """A number or a truth as text, and as a number where it has a place among them: not NaN, nor beyond all others."""
    if isinstance(value, bool):
        return ("true" if value else "false"), None
    return repr(value), (float(value) if -1e308 <= value <= 1e308 else None)


def _writable(text: str) -> str:
    """The same text with a mark for each half of a character, which JSON can escape and nothing can write."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
