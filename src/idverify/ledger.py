"""Ledgers: what crossed one party's boundary, as it arrived, one JSON line for each exchange.

Capture is ASGI middleware. On the hot path it only keeps references to the bytes that pass and encodes one line at
the end of the exchange; nothing is decoded until somebody looks (`decode`). The forms are in ledger.schema.json.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idverify.errors import BadEnvironment
from idverify.ledger_decode import VERSION, Decoding, Leaf, Record, decode
from idverify.ledger_redact import REDACTED, Redaction

__all__ = [
    "REDACTED",
    "SECRET_MEMBERS",
    "VERSION",
    "Capture",
    "Decoding",
    "Leaf",
    "Ledger",
    "RawRecord",
    "Record",
    "decode",
    "note",
]

MOST_BODY = 1_048_576
"""Longer bodies are cut to this many bytes and marked."""
FLUSH_SECONDS = 0.2
SECRET_MEMBERS = frozenset({"pin", "password", "token", "access_token", "code", "code_verifier", "binding"})
"""JSON and form members that never reach a ledger: what they open is still open when somebody reads it."""
OBSERVER = "network_observer"
"""The party that watches the lines: who talks to whom, when, and how much; never what."""
_NOTE = "idverify.note"


class Received(msgspec.Struct, omit_defaults=True):
    """What came in. `body` is null where it is not kept, and base64 on the line."""

    type: str
    body: bytes | None
    headers: dict[str, str]
    cut: bool = False


class Sent(msgspec.Struct, omit_defaults=True):
    """What went out."""

    type: str
    body: bytes | None
    cut: bool = False


class RawRecord(msgspec.Struct):
    """One exchange, as it arrived. `time` is in seconds since 1970, `up` and `down` are body bytes."""

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
    received: Received
    sent: Sent
    subject: str
    flow: str
    scheme: str


class Ledger:
    """An append-only file of JSON lines, written at most 0.2 s late by a thread of its own."""

    def __init__(self, path: Path, party: str) -> None:
        self.path = path
        self.party = party
        self.lost = 0
        self.cpu_seconds = 0.0
        self._encode = msgspec.json.Encoder().encode
        self._lines: list[bytes] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise BadEnvironment(f"the ledger {path} cannot be written: {error.strerror}") from error
        self._thread = threading.Thread(target=self._keep_flushing, name="ledger", daemon=True)
        self._thread.start()

    def write(self, record: RawRecord) -> None:
        """Add one record; it is on the file within FLUSH_SECONDS."""
        line = self._encode(record)
        self._lines.append(line)

    def flush(self) -> None:
        """Write what waits. A ledger that cannot be written does not stop the service; it counts what it lost."""
        with self._lock:
            # The list stays the same one: a record that somebody is adding now would be lost with another.
            lines = self._lines[:]
            del self._lines[: len(lines)]
            if not lines:
                return
            data = memoryview(b"\n".join(lines) + b"\n")
            try:
                while data:
                    data = data[os.write(self._file, data) :]
            except OSError as error:
                if not self.lost:
                    print(f"the ledger {self.path.name} loses records: {error.strerror}", file=sys.stderr, flush=True)
                self.lost += len(lines)

    def close(self) -> None:
        """Flush and close. Writing after this is an error of the caller."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join()
        self.flush()
        os.close(self._file)

    def _keep_flushing(self) -> None:
        while not self._ended.wait(FLUSH_SECONDS):
            if self._lines:
                self.flush()
                self.cpu_seconds = time.thread_time()


def note(request: HTTPConnection | Scope, *, subject: str = "", flow: str = "", scheme: str = "") -> None:
    """Say what this party itself knows of the exchange: whose it is, which flow, which scheme.

    Without a Capture around the app it does nothing.
    """
    scope = request.scope if isinstance(request, HTTPConnection) else request
    known: dict[str, str] | None = scope.get(_NOTE)
    if known is None:
        return
    if subject:
        known["subject"] = subject
    if flow:
        known["flow"] = flow
    if scheme:
        known["scheme"] = scheme


class Capture:
    """ASGI middleware that writes each exchange into a ledger; None captures nothing.

    `observer` is the ledger of whoever watches the line to this party, who gets the addresses, the time and the sizes.
    """

    def __init__(
        self,
        app: ASGIApp,
        ledger: Ledger | None,
        *,
        observer: Ledger | None = None,
        redact: frozenset[str] = SECRET_MEMBERS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.app = app
        self.ledger = ledger
        self.observer = observer
        self.cpu = 0.0
        self._clock = clock
        self._redaction = Redaction(redact)

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds spent on capture so far, the ledger's own thread included."""
        return self.cpu + sum(each.cpu_seconds for each in (self.ledger, self.observer) if each)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self.ledger is None:
            await self.app(scope, receive, send)
            return
        arrived = self._clock()
        known: dict[str, str] = {}
        scope[_NOTE] = known
        came: list[bytes] = []
        went: list[bytes] = []
        start: Message = {}

        async def watched_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request" and (body := message.get("body")):
                came.append(body)
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.body":
                if body := message.get("body"):
                    went.append(body)
            elif message["type"] == "http.response.start":
                start.update(message)
            await send(message)

        try:
            await self.app(scope, watched_receive, watched_send)
        finally:
            begun = time.thread_time()
            self.ledger.write(self._record(scope, start, came, went, known=known, arrived=arrived))
            if self.observer is not None:
                self.observer.write(_watched(scope, start, came, went, arrived=arrived))
            self.cpu += time.thread_time() - begun

    def _record(
        self,
        scope: Scope,
        start: Message,
        came: list[bytes],
        went: list[bytes],
        *,
        known: dict[str, str],
        arrived: float,
    ) -> RawRecord:
        up_type, headers = _what_came(scope["headers"])
        down_type = ""
        for name, value in start.get("headers", ()):
            if name == b"content-type":
                down_type = value.decode("latin-1")
        up, down = sum(map(len, came)), sum(map(len, went))
        up_body, up_cut = self._kept(up_type, came)
        down_body, down_cut = self._kept(down_type, went)
        return RawRecord(
            VERSION,
            arrived,
            self.ledger.party if self.ledger else "",
            scope["client"][0] if scope.get("client") else "",
            scope["method"],
            getattr(scope.get("route"), "path", ""),
            scope["path"][:500],
            start.get("status", 0),
            up,
            down,
            Received(up_type, up_body, headers, up_cut),
            Sent(down_type, down_body, down_cut),
            known.get("subject", ""),
            known.get("flow", ""),
            known.get("scheme", ""),
        )

    def _kept(self, content_type: str, parts: list[bytes]) -> tuple[bytes | None, bool]:
        """The body as the ledger keeps it, and whether it was cut; pages, styles and pictures are not kept."""
        if not parts or content_type.startswith(("text/", "image/", "font/")):
            return None, False
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        body = self._redaction.redacted(content_type, body)
        return (body, False) if len(body) <= MOST_BODY else (body[:MOST_BODY], True)


def _watched(scope: Scope, start: Message, came: list[bytes], went: list[bytes], *, arrived: float) -> RawRecord:
    """What crosses the line once it is encrypted: both ends, the time, and sizes with the heads of the messages.

    The subject is the source address: whoever carries the traffic knows whose line that is.
    """
    source = scope["client"][0] if scope.get("client") else ""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")[:300]
    up = _head(scope["headers"]) + len(scope["path"]) + sum(map(len, came))
    down = _head(start.get("headers", ())) + sum(map(len, went))
    received, sent = Received("", None, {"host": host}), Sent("", None)
    return RawRecord(VERSION, arrived, OBSERVER, source, "", "", "", 0, up, down, received, sent, source, "", "")


def _head(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Bytes of a message's head; the first line is about as long as two of its lines' ends."""
    return sum(len(name) + len(value) + 4 for name, value in headers)


def _what_came(headers: list[tuple[bytes, bytes]]) -> tuple[str, dict[str, str]]:
    """The content type and the headers that a ledger keeps: never a cookie, never a Bearer token."""
    content_type, kept = "", {}
    for name, value in headers:
        if name == b"content-type":
            content_type = value.decode("latin-1")[:200]
        elif name == b"user-agent":
            kept["user-agent"] = value.decode("latin-1")[:300]
        elif name == b"authorization" and value[:13].lower() == b"privatetoken ":
            kept["authorization"] = value.decode("latin-1")[:8192]
    return content_type, kept
