"""From a template and its columns to bodies of bytes, for thousands of events at once."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from idverify.simulation.columns import Columns, Selection
from idverify.simulation.events import Ints

_PLACE = re.compile(r"<([a-z0-9+.-]+)>")
_ITEM = re.compile(r"\[\[(.*)\]\]", re.DOTALL)


def bodies(template: str, columns: Columns, chosen: Selection) -> list[bytes]:
    """One body for each event; what stands between double brackets comes once for each credential of its issuance."""
    item = _ITEM.search(template)
    if item is None:
        return _filled(template, columns, chosen)
    before, after = template[: item.start()], template[item.end() :]
    if len(chosen) == 0:
        return []
    events, credentials = _credentials_of(columns, chosen)
    pieces = _filled(
        item[1],
        columns,
        Selection(
            chosen.time[events],
            chosen.person[events],
            chosen.platform[events],
            chosen.login[events],
            chosen.issuance[events],
            credentials,
        ),
    )
    ends = np.cumsum(np.bincount(events, minlength=len(chosen))).tolist()
    begun = _filled(before, columns, chosen)
    ended = _filled(after, columns, chosen)
    found, start = [], 0
    for number, end in enumerate(ends):
        part = pieces[start:end]
        inner = part[0] if len(part) == 1 else b"[" + b",".join(part) + b"]"
        found.append(begun[number] + inner + ended[number])
        start = end
    return found


def _credentials_of(columns: Columns, chosen: Selection) -> tuple[Ints, Ints]:
    """(event, credential) for every credential of every event's issuance, in the order of the events."""
    origin = columns.course.origin
    order = np.argsort(origin, kind="stable")
    sorted_origin = origin[order]
    starts = np.searchsorted(sorted_origin, chosen.issuance, side="left")
    counts = np.searchsorted(sorted_origin, chosen.issuance, side="right") - starts
    events = np.repeat(np.arange(len(chosen), dtype=np.int64), counts)
    within = np.arange(len(events)) - np.repeat(np.cumsum(counts) - counts, counts)
    return events, order[np.repeat(starts, counts) + within].astype(np.int64)


def _filled(template: str, columns: Columns, chosen: Selection) -> list[bytes]:
    names = _PLACE.findall(template)
    form = _PLACE.sub("%b", template.replace("%", "%%")).encode()
    if not names:
        return [form % ()] * len(chosen)
    values: Sequence[list[bytes]] = [columns.column(name, chosen).tolist() for name in names]
    return [form % row for row in zip(*values, strict=True)]
