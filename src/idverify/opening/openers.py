"""The openers of one seal and the audit office: who keeps which share, and what they check before they give a part.

    FOLDER/public.json       the openers' key, their names, and the key that checks the audit log
    FOLDER/NAME.share        an opener's share; each would take theirs home
    FOLDER/NAME.head         the last entry of the audit log that this opener has acted on
    FOLDER/audit_office.*    the witness's share, the log's key, and the log

The audit office is the witness of `threshold_elgamal`: without its part nothing is opened, and it gives that only with
an entry in its log. An opener gives a part only for an entry that is signed, that names the seal, and whose log holds
all that the opener has seen before; the part is proven under the hash of that entry.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from idverify.crypto.bls12_381 import G1Point
from idverify.crypto.threshold_elgamal import (
    WITNESS,
    OpenersKey,
    Seal,
    decode_key,
    part_of,
    point_of,
    unseal,
)
from idverify.errors import BadEnvironment, BadMessage, BadUsage, NotFound
from idverify.formats.strict_json import decode_base64url, encode_base64url, read_object, text_member, write_json
from idverify.opening.audit import AuditLog, Entry, Head, Tampered, read_entry, read_log

OFFICE = "audit_office"
LOG = "audit_office.jsonl"


@dataclass(frozen=True, slots=True)
class Opened:
    """What an opening gave: the record that it left, and the point that stands for the person."""

    entry: Entry
    point: G1Point
    openers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Openers:
    """The public half of a folder of openers."""

    folder: Path
    names: tuple[str, ...]
    key: OpenersKey
    log_key: bytes

    @property
    def log(self) -> Path:
        return self.folder / LOG

    def entries(self) -> tuple[Entry, ...]:
        """The audit log, checked against what every opener has seen. Raises Tampered, BadEnvironment."""
        return read_log(self.log, self.log_key, seen=[(name, _head(self.folder, name)) for name in self.names])


def settle(folder: Path, key: OpenersKey, *, shares: Mapping[str, bytes], witness: bytes) -> None:
    """Hand out what a dealer dealt: a file for each opener, in their order, and the audit office with a new key."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log_key = Ed25519PrivateKey.generate()
    for name, share in shares.items():
        _write(folder / f"{name}.share", share)
    _write(folder / f"{OFFICE}.share", witness)
    _write(folder / f"{OFFICE}.key", log_key.private_bytes_raw())
    public = {
        "openers": list(shares),
        "key": encode_base64url(key.octets),
        "log_key": encode_base64url(log_key.public_key().public_bytes_raw()),
    }
    _write(folder / "public.json", write_json(public))


def load_openers(folder: Path) -> Openers:
    """Raises BadEnvironment where the folder holds no openers."""
    try:
        value = read_object((folder / "public.json").read_bytes(), "openers' public file")
        names = value.get("openers")
        if not isinstance(names, list) or not all(isinstance(name, str) and name.isidentifier() for name in names):
            raise BadMessage("the openers have no names")
        key = decode_key(decode_base64url(text_member(value, "key", max_length=40_000)))
        log_key = decode_base64url(text_member(value, "log_key"))
    except (OSError, BadMessage) as error:
        raise BadEnvironment(
            f"{folder.name} holds no openers: {getattr(error, 'strerror', None) or error}",
            hint="name a world or run in which a scheme with openers was used",
        ) from error
    if len(names) != key.openers:
        raise BadEnvironment(f"{len(names)} names do not go with {key.openers} openers")
    return Openers(folder, tuple(str(name) for name in names), key, log_key)


def record(openers: Openers, seal: Seal, request: Mapping[str, str], *, now: datetime) -> tuple[Entry, bytes]:
    """The audit office's work: write the request down, then give the witness's part for it.

    Raises Tampered, BadEnvironment.
    """
    try:
        key = Ed25519PrivateKey.from_private_bytes(_read(openers.folder / f"{OFFICE}.key"))
    except ValueError as error:
        raise BadEnvironment(f"{OFFICE}.key is not the audit office's key of 32 bytes") from error
    entry = AuditLog(openers.log, key).append({**request, "seal": digest(seal)}, now=now)
    return entry, part_of(_read(openers.folder / f"{OFFICE}.share"), WITNESS, seal, context=entry.hash.encode())


def give(openers: Openers, name: str, seal: Seal, line: bytes) -> bytes:
    """One opener's work: check the record, keep its head, give the part. Raises Tampered, BadUsage, BadEnvironment."""
    # (1) signed by the audit office  (2) for this seal  (3) in the log, with all that this opener has seen
    if name not in openers.names:
        raise BadUsage(f"no opener is called {name!r}", hint=f"the openers are {', '.join(openers.names)}")
    entry = read_entry(line, openers.log_key)  # (1)
    if entry.request.get("seal") != digest(seal):  # (2)
        raise Tampered(f"entry {entry.seq} is about another seal")
    log = read_log(openers.log, openers.log_key, seen=[(name, _head(openers.folder, name))])  # (3)
    if entry.seq > len(log) or log[entry.seq - 1].hash != entry.hash:
        raise Tampered(f"entry {entry.seq} is not in the audit log")
    last = log[-1]
    _write(openers.folder / f"{name}.head", write_json({"seq": last.seq, "hash": last.hash}))
    share = _read(openers.folder / f"{name}.share")
    return part_of(share, openers.names.index(name) + 1, seal, context=entry.hash.encode())


def open_seal(openers: Openers, seal: Seal, *, by: Sequence[str], request: Mapping[str, str], now: datetime) -> Opened:
    """The whole way: record, parts of those in `by`, and what the seal holds.

    Too few openers are refused before anything is recorded. Raises BadUsage, Tampered, BadSignature, BadEnvironment.
    """
    chosen = list(dict.fromkeys(by))
    if unknown := [name for name in chosen if name not in openers.names]:
        raise BadUsage(f"no opener is called {unknown[0]!r}", hint=f"the openers are {', '.join(openers.names)}")
    if len(chosen) < openers.key.threshold:
        raise BadUsage(
            f"{len(chosen)} of {openers.key.openers} openers agree, {openers.key.threshold} are needed",
            hint=f"the openers are {', '.join(openers.names)}",
        )
    entry, witness = record(openers, seal, request, now=now)
    parts = {WITNESS: witness}
    for name in chosen:
        parts[openers.names.index(name) + 1] = give(openers, name, seal, entry.line)
    return Opened(entry, unseal(openers.key, seal, parts, context=entry.hash.encode()), tuple(chosen))


def find(point: G1Point, numbers: Iterable[int]) -> int:
    """Which of the numbers the point stands for. Raises NotFound. About 40 µs a number with the table."""
    for number in numbers:
        if point_of(number) == point:
            return number
    raise NotFound("nobody in the register has the number in this seal")


def digest(seal: Seal) -> str:
    """How the audit log names a seal."""
    return hashlib.sha256(seal.octets).hexdigest()


def _head(folder: Path, name: str) -> Head:
    """The last entry that an opener has acted on. Raises Tampered where that cannot be read: it is no fresh start."""
    try:
        value = read_object(_read(folder / f"{name}.head"), "head")
        seq = value.get("seq")
        if isinstance(seq, bool) or not isinstance(seq, int) or seq < 1:
            raise BadMessage("the head names no entry")
        return Head(seq, text_member(value, "hash", what="head"))
    except FileNotFoundError:
        return Head(0, "")
    except BadMessage as error:
        raise Tampered(f"{name}.head does not say which entry of the audit log {name} has seen") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if path.suffix == ".head":
            raise
        raise BadEnvironment(f"{path.name} is missing: without it this opener can give no part") from None
    except OSError as error:
        raise BadEnvironment(f"{path.name} cannot be read: {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    partial = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, data)
        os.fsync(file)
    finally:
        os.close(file)
    partial.rename(path)
