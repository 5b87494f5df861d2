"""The newest lines of the identity provider's own ledger, for its start page: what it knows about whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from idverify.ledger import Ledger
from idverify.scheme import CIVIL_TIME

_TAIL = 200_000
_MOST = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One exchange that the identity provider can tie to a person."""

    time: str
    person: str
    what: str
    scheme: str


class _Seen(msgspec.Struct):
    time: float
    method: str
    route: str
    status: int
    subject: str
    scheme: str


def latest(ledger: Ledger) -> Sequence[Line]:
    """The last exchanges that were tied to a person, newest first; ID numbers are shortened."""
    try:
        with ledger.path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - _TAIL))
            lines = file.read().splitlines()
    except OSError:
        return ()
    found: list[Line] = []
    for line in reversed(lines):
        try:
            seen = msgspec.json.decode(line, type=_Seen)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # the first line may be cut
        if seen.subject:
            clock = datetime.fromtimestamp(seen.time, CIVIL_TIME).strftime("%H:%M:%S")
            found.append(
                Line(clock, f"{seen.subject[:4]}…{seen.subject[-2:]}", f"{seen.method} {seen.route}", seen.scheme)
            )
        if len(found) == _MOST:
            break
    return found
