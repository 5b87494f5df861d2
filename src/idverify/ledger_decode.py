"""Reading a ledger: from the bytes that crossed a boundary to named values that can be compared.

JSON, forms, the path and the messages of a scheme (by `Scheme.read`) become leaves with dotted names,
"received.challenge.nonce" (`ledger_leaves`). Where a name comes more than once in a record, as "received.keys[].kid"
does for the items of a list, the second is "received.keys[].kid #2", and so on: `collapsed` takes that off again.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl

import msgspec

from idverify.ledger_leaves import Leaf, Leaves, Place, collapsed, numbered
from idverify.scheme import Json, Scheme

__all__ = ["VERSION", "Decoding", "Leaf", "Record", "collapsed", "decode"]

VERSION = 1
"""Of the format of a line: `v`."""
_TOKEN = re.compile(r'token="?([A-Za-z0-9_=+/-]+)"?')
_EXTENSIONS = re.compile(r'extensions="?([A-Za-z0-9_=+/-]+)"?')


class Record(msgspec.Struct, frozen=True):
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


class _Part(msgspec.Struct, gc=False):
    type: str
    body: bytes | None = None
    headers: dict[str, str] = {}
    cut: bool = False


class _Line(msgspec.Struct, gc=False):
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


_Said: TypeAlias = Callable[[str, str, str, bytes], Leaves]


class _Once:
    """What bodies say, where those that come again, as a feed does that all are shown, are decoded once, and have each
    value once under its name. What these say is kept as long as this is, and is no more than what all say."""

    def __init__(self, lines: Iterable[_Line], said: _Said) -> None:
        self._said = said
        self._times = Counter(part.body for raw in lines for part in (raw.received, raw.sent))
        self._known: dict[tuple[str, str, str, bytes], Leaves] = {}

    def __call__(self, side: str, kind: str, scheme: str, body: bytes) -> Leaves:
        key = side, kind, scheme, body
        found = self._known.get(key)
        if found is None:
            found = self._said(*key)
            if self._times[body] > 1:
                found = self._known[key] = found.once()
                found.again = True
        return found


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
        self._places = {side: Place(side) for side in ("received", "sent")}
        self._records = (self._record(raw, numbered(self._parts(raw, self._said))) for raw in self._kept)

    def __next__(self) -> Record:
        return next(self._records)

    def with_leaves(self) -> Iterator[tuple[Record, list[Leaves]]]:
        """The same records without their fields, and beside each its leaves in parts: those of the path and the
        headers, and those of each body. A body that comes again has the same part each time."""
        said = _Once(self._kept, self._said)
        for raw in self._kept:
            yield self._record(raw, {}), self._parts(raw, said)

    def _record(self, raw: _Line, fields: Mapping[str, Leaf]) -> Record:
        return Record(
            time=raw.time,
            party=raw.party,
            peer=raw.peer,
            method=raw.method,
            route=raw.route,
            status=raw.status,
            subject=raw.subject or (self._subjects.get((raw.party, raw.flow), "") if raw.flow else ""),
            flow=raw.flow,
            up=raw.up,
            down=raw.down,
            fields=fields,
            scheme=raw.scheme,
        )

    def _parts(self, raw: _Line, said: _Said) -> list[Leaves]:
        head = Leaves()
        for name, value in _in_the_path(raw.route, raw.path):
            head.put(value, self._places["received"]["path"][name])
        parts = [head]
        for side, part in (("received", raw.received), ("sent", raw.sent)):
            if part.headers:
                self._headers(part.headers, self._places[side], raw.scheme, head)
            if part.body:
                parts.append(said(side, part.type, raw.scheme, part.body))
        return parts

    def _headers(self, headers: Mapping[str, str], place: Place, scheme: str, leaves: Leaves) -> None:
        for header, value in headers.items():
            if header != "authorization":
                leaves.put(value, place["headers"][header])
        token = _private_token(headers.get("authorization", ""))
        if token is not None:
            leaves.put(_base64url(token), place["authorization"]["token"])
            self._message(token, place["authorization"], scheme, leaves)

    def _said(self, side: str, kind: str, scheme: str, body: bytes) -> Leaves:
        """What a body of that type says."""
        leaves, place, kind = Leaves(), self._places[side], kind.partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            try:
                leaves.add(_json(body), place)
                return leaves
            except (ValueError, RecursionError):
                pass  # cut or broken: what is left of it is kept below, as bytes
        if kind == "application/x-www-form-urlencoded":
            for name, value in parse_qsl(body.decode("latin-1"), keep_blank_values=True):
                leaves.put(value, place[name])
        elif kind.endswith("+jwt") and (token := _token(body)) is not None:
            leaves.add(token, place)
        elif not self._message(body, place, scheme, leaves):
            leaves.put(_base64url(body), place["body"])
        return leaves

    def _message(self, body: bytes, place: Place, scheme: str, leaves: Leaves) -> bool:
        if scheme not in self._schemes:
            return False
        leaves.add(self._schemes[scheme].read(body), place)
        return True


def decode(lines: Iterable[str | bytes], schemes: Mapping[str, Scheme]) -> Decoding:
    """Decode the raw lines of ONE party's ledger (all of them: a flow's subject may be known only later).

    Damaged lines are counted in `.damaged`, never fatal. Every record of a flow gets the subject that the party
    itself put beside that flow in any of its records.
    """
    return Decoding(lines, schemes)


def _json(body: bytes) -> Json:
    """A JSON text with all that `json` allows; what msgspec reads too, it reads to the same value in half the time."""
    value: Json
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = json.loads(body)
    return value


def _in_the_path(route: str, path: str) -> Iterator[tuple[str, Leaf]]:
    """What the path says where the route's template has a name: {index} of /lists/{number}/{index}."""
    if "{" not in route:
        return
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
