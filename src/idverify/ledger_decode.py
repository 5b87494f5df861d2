"""Reading a ledger: from the bytes that crossed a boundary to named values that can be compared.

JSON, forms, the path and the messages of a scheme (by `Scheme.read`) become leaves with dotted names,
"received.challenge.nonce". All items of a list have the same name, "received.keys[].kid"; where a name comes more than
once in a record, the second is "received.keys[].kid #2", and so on: `collapsed` takes that off again.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl

import msgspec

from idverify.scheme import Json, Scheme

Leaf: TypeAlias = "str | int | float | bool"
VERSION = 1
"""Of the format of a line: `v`."""
MOST_LEAVES = 20_000
_TOKEN = re.compile(r'token="?([A-Za-z0-9_=+/-]+)"?')
_EXTENSIONS = re.compile(r'extensions="?([A-Za-z0-9_=+/-]+)"?')


@dataclass(frozen=True, slots=True)
class Record:
    """One exchange, decoded. `subject` is the handle under which the party itself knows the person."""

    time: float
    party: str
    peer: str
    method: str
    route: str
    status: int
    subject: str
    flow: str
    up: int
    down: int
    fields: Mapping[str, Leaf]
    scheme: str = ""

    def as_json(self) -> dict[str, Json]:
        """The decoded form of ledger.schema.json."""
        return {
            "time": self.time,
            "party": self.party,
            "peer": self.peer,
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "subject": self.subject,
            "flow": self.flow,
            "up": self.up,
            "down": self.down,
            "fields": dict(self.fields),
            "scheme": self.scheme,
        }


class _Part(msgspec.Struct):
    type: str
    body: bytes | None = None
    headers: dict[str, str] = {}
    cut: bool = False


class _Line(msgspec.Struct):
    v: int
    time: float
    party: str
    peer: str
    method: str
    route: str
    path: str
    status: int
    up: int
    down: int
    received: _Part
    sent: _Part
    subject: str = ""
    flow: str = ""
    scheme: str = ""


def collapsed(name: str) -> str:
    """The name that all values of the same place share: without the " #2" of a repeated one."""
    return name.partition(" #")[0]


class Decoding(Iterator[Record]):
    """The records of one party's ledger, in order. `damaged` counts the lines that are none, `other_version` those of
    another version of the format, whose members may mean something else."""

    def __init__(self, lines: Iterable[str | bytes], schemes: Mapping[str, Scheme]) -> None:
        self.damaged = self.other_version = 0
        self._schemes = schemes
        self._kept: list[_Line] = []
        self._subjects: dict[tuple[str, str], str] = {}
        read = msgspec.json.Decoder(_Line).decode
        for line in lines:
            if not line.strip():
                continue
            try:
                raw = read(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.damaged += 1
                continue
            if raw.v != VERSION:
                self.other_version += 1
                continue
            if raw.flow and raw.subject:
                self._subjects[raw.party, raw.flow] = raw.subject
            self._kept.append(raw)
        self._records = map(self._record, self._kept)

    def __next__(self) -> Record:
        return next(self._records)

    def _record(self, raw: _Line) -> Record:
        fields = _Leaves()
        for name, value in _in_the_path(raw.route, raw.path):
            fields.add(f"received.path.{name}", value)
        for side, part in (("received", raw.received), ("sent", raw.sent)):
            for header, value in part.headers.items():
                if header != "authorization":
                    _flatten(value, f"{side}.headers.{header}", fields)
            token = _private_token(part.headers.get("authorization", ""))
            if token is not None:
                _flatten(_base64url(token), f"{side}.authorization.token", fields)
                self._message(token, f"{side}.authorization", raw.scheme, fields)
            if part.body:
                self._body(part, side, raw.scheme, fields)
        subject = raw.subject or (self._subjects.get((raw.party, raw.flow), "") if raw.flow else "")
        return Record(
            time=raw.time,
            party=raw.party,
            peer=raw.peer,
            method=raw.method,
            route=raw.route,
            status=raw.status,
            subject=subject,
            flow=raw.flow,
            up=raw.up,
            down=raw.down,
            fields=fields.values,
            scheme=raw.scheme,
        )

    def _body(self, part: _Part, side: str, scheme: str, fields: _Leaves) -> None:
        body, kind = part.body or b"", part.type.partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            try:
                _flatten(json.loads(body), side, fields)
                return
            except (ValueError, RecursionError):
                pass  # cut or broken: what is left of it is kept below, as bytes
        if kind == "application/x-www-form-urlencoded":
            for name, value in parse_qsl(body.decode("latin-1"), keep_blank_values=True):
                _flatten(value, f"{side}.{name}", fields)
            return
        if kind.endswith("+jwt") and (token := _token(body)) is not None:
            _flatten(token, side, fields)
            return
        if not self._message(body, side, scheme, fields):
            _flatten(_base64url(body), f"{side}.body", fields)

    def _message(self, body: bytes, side: str, scheme: str, fields: _Leaves) -> bool:
        if scheme not in self._schemes:
            return False
        _flatten(self._schemes[scheme].read(body), side, fields)
        return True


def decode(lines: Iterable[str | bytes], schemes: Mapping[str, Scheme]) -> Decoding:
    """Decode the raw lines of ONE party's ledger (all of them: a flow's subject may be known only later).

    Damaged lines are counted in `.damaged`, never fatal. Every record of a flow gets the subject that the party
    itself put beside that flow in any of its records.
    """
    return Decoding(lines, schemes)


class _Leaves:
    """The leaves of one record so far, and how often each name came."""

    __slots__ = ("counts", "values")

    def __init__(self) -> None:
        self.values: dict[str, Leaf] = {}
        self.counts: dict[str, int] = {}

    def add(self, name: str, value: Leaf) -> None:
        count = self.counts.get(name, 0) + 1
        self.counts[name] = count
        self.values[name if count == 1 else f"{name} #{count}"] = value


def _flatten(value: Json, name: str, fields: _Leaves) -> None:
    """Put the leaves of a JSON value into `fields`; without recursion, because the value may be hostile."""
    waiting: list[tuple[Json, str]] = [(value, name)]
    while waiting and len(fields.values) < MOST_LEAVES:
        item, place = waiting.pop()
        if isinstance(item, bool | int | float | str):
            fields.add(place, item)
        elif isinstance(item, Mapping):
            waiting += [(inner, f"{place}.{key}") for key, inner in reversed(list(item.items()))]
        elif item is not None:
            waiting += [(inner, f"{place}[]") for inner in reversed(item)]


def _in_the_path(route: str, path: str) -> Iterator[tuple[str, Leaf]]:
    """What the path says where the route's template has a name: {index} of /lists/{number}/{index}."""
    parts, places = path.split("/"), route.split("/")
    if len(parts) != len(places):
        return
    for part, place in zip(parts, places, strict=True):
        if place.startswith("{") and place.endswith("}") and part:
            yield place[1:-1].strip("_"), int(part) if part.isascii() and part.isdigit() and len(part) < 16 else part


def _token(body: bytes) -> Json | None:
    """A JWS in compact form that no scheme's message is in: header, payload, signature. None for anything else."""
    parts = body.decode("latin-1").split(".")
    if len(parts) != 3:
        return None
    try:
        header, payload = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    except (ValueError, RecursionError):
        return None
    return {"header": header, "payload": payload, "signature": parts[2]}


def _private_token(header: str) -> bytes | None:
    """The token of `Authorization: PrivateToken token="…"` (RFC 9577 section 2.2.2), with its extensions after it."""
    found = [_TOKEN.search(header), _EXTENSIONS.search(header)] if header[:13].lower() == "privatetoken " else [None]
    if found[0] is None:
        return None
    texts = [each[1].rstrip("=").replace("+", "-").replace("/", "_") for each in found if each is not None]
    try:
        return b"".join(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in texts)
    except (binascii.Error, ValueError):
        return None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
