"""The audit log of openings: each entry signed and chained to the one before by its hash (RFC 8032, FIPS 180-4).

    {"seq": 1, "time": "…", "request": {…}, "previous": "hex", "signature": "base64url"}

The signature covers all other members; `previous` is the SHA-256 of the whole line before, or zeros. Whoever removes,
swaps, doubles or changes an entry breaks the chain or a signature. Cutting entries off the end breaks neither, so every
opener keeps the number and hash of the last entry that they acted on, and `read_log` is given those.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from idverify.errors import BadEnvironment, BadMessage, NotProven
from idverify.formats.strict_json import (
    JsonObject,
    decode_base64url,
    encode_base64url,
    read_object,
    text_member,
    write_json,
)
from idverify.scheme import Json

FIRST = "0" * 64
MEMBERS = {"seq", "time", "request", "previous", "signature"}
MOST_BYTES = 20_000
"""Of one entry."""


class Tampered(NotProven):
    """An audit log that is not what its keeper wrote."""

    code = "tampered"


@dataclass(frozen=True, slots=True)
class Entry:
    """One opening that was asked for. `hash` names it, with all entries before it."""

    seq: int
    time: str
    request: Mapping[str, str]
    previous: str
    line: bytes

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.line).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry that somebody has seen."""

    seq: int
    hash: str


class AuditLog:
    """The file of a log and the key that signs it. An entry is on the disk before anybody gets it."""

    def __init__(self, path: Path, key: Ed25519PrivateKey) -> None:
        self._path = path
        self._key = key

    @property
    def public(self) -> bytes:
        """The raw Ed25519 key that checks the log, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def append(self, request: Mapping[str, str], *, now: datetime) -> Entry:
        """Write an entry down. Raises Tampered where the log so far is not whole, BadEnvironment, BadMessage."""
        for name, text in request.items():
            if not text.isprintable():  # a line break or an escape sequence would forge what a reader sees of the log
                raise BadMessage(f"the {name} of the request for an opening has characters that cannot be printed")
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BadEnvironment(f"the audit log cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            _drop_torn(file)
            before = read_log(self._path, self.public)
            entry = self._signed(request, before, now=now)
            data = entry.line + b"\n"
            if len(data) > MOST_BYTES:
                raise BadMessage(f"the request for an opening is longer than {MOST_BYTES} bytes")
            written = os.write(file, data)
            os.fsync(file)
            if written != len(data):
                raise BadEnvironment("the audit log could not be written whole")
            return entry
        except OSError as error:
            raise BadEnvironment(f"the audit log cannot be written: {error.strerror}") from error
        finally:
            os.close(file)

    def _signed(self, request: Mapping[str, str], before: Sequence[Entry], *, now: datetime) -> Entry:
        previous = before[-1].hash if before else FIRST
        body: dict[str, Json] = {
            "seq": len(before) + 1,
            "time": now.isoformat(timespec="seconds"),
            "request": dict(sorted(request.items())),
            "previous": previous,
        }
        signature = encode_base64url(self._key.sign(write_json(body)))
        line = write_json(body | {"signature": signature})
        return Entry(len(before) + 1, str(body["time"]), dict(request), previous, line)


def read_log(path: Path, public: bytes, *, seen: Sequence[tuple[str, Head]] = ()) -> tuple[Entry, ...]:
    """All entries, oldest first, once all is checked. Raises Tampered, BadEnvironment.

    `seen` are heads that others have kept, with their names: an entry that somebody saw must still be there.
    """
    # (1) each line is an entry  (2) numbered without a gap  (3) chained  (4) signed  (5) nothing that was seen is gone
    try:
        text = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise BadEnvironment(f"the audit log cannot be read: {error.strerror}") from error
    # What has no end of line was being written when its keeper died: nobody got it.
    lines = text[: text.rfind(b"\n") + 1].split(b"\n")[:-1]
    entries: list[Entry] = []
    for number, line in enumerate(lines, 1):
        entry, signature = _entry(line, number)  # (1)
        if entry.seq != number:  # (2)
            raise Tampered(f"line {number} of the audit log is entry {entry.seq}")
        if entry.previous != (entries[-1].hash if entries else FIRST):  # (3)
            raise Tampered(f"entry {number} of the audit log does not follow the one before it")
        check_entry(entry, signature, public)  # (4)
        entries.append(entry)
    for who, head in seen:  # (5)
        if head.seq and (head.seq > len(entries) or entries[head.seq - 1].hash != head.hash):
            raise Tampered(f"entry {head.seq}, which {who} has seen, is not in the audit log")
    return tuple(entries)


def read_entry(line: bytes, public: bytes) -> Entry:
    """One entry by itself, its signature checked. Raises Tampered."""
    entry, signature = _entry(line, 0)
    check_entry(entry, signature, public)
    return entry


def check_entry(entry: Entry, signature: bytes, public: bytes) -> None:
    """Raises Tampered."""
    body: dict[str, Json] = {
        "seq": entry.seq,
        "time": entry.time,
        "request": dict(sorted(entry.request.items())),
        "previous": entry.previous,
    }
    if write_json({**body, "signature": encode_base64url(signature)}) != entry.line:
        raise Tampered(f"entry {entry.seq} of the audit log is not spelled as its keeper writes")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, write_json(body))
    except (InvalidSignature, ValueError) as error:
        raise Tampered(f"entry {entry.seq} of the audit log is not signed by its keeper") from error


def _drop_torn(file: int) -> None:
    """Cut off a line without an end, which a keeper left who died while writing it."""
    text = os.pread(file, os.fstat(file).st_size, 0)
    whole = text.rfind(b"\n") + 1
    if whole != len(text):
        os.ftruncate(file, whole)


def _entry(line: bytes, number: int) -> tuple[Entry, bytes]:
    try:
        value: JsonObject = read_object(line, "entry", max_size=MOST_BYTES)
        seq, request = value.get("seq"), value.get("request")
        if set(value) != MEMBERS or isinstance(seq, bool) or not isinstance(seq, int):
            raise BadMessage("the entry does not have exactly the members of one")
        if not isinstance(request, Mapping) or not all(isinstance(text, str) for text in request.values()):
            raise BadMessage("the request of the entry is not an object of strings")
        texts = {name: str(text) for name, text in request.items()}
        signature = decode_base64url(text_member(value, "signature"), "signature")
        return Entry(seq, text_member(value, "time"), texts, text_member(value, "previous"), line), signature
    except BadMessage as error:
        raise Tampered(f"line {number} of the audit log is no entry: {error.message}") from error
