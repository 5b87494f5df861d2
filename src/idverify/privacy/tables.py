"""Closing a run: ledgers of JSON lines become Parquet tables, one partition a party, for relational queries.

    events   one row for each record: when, from where, on which route, whose
    leaves   one row for each named value of a record: what the exact join and its relatives compare

    CLOSED/events/party=platform_a/part-0.parquet      CLOSED/leaves/party=platform_a/part-0.parquet
    CLOSED/left_out.json                               {party: {reason: records}}

The handle under which a party knows somebody is a value of its own, once, as the field SUBJECT, where it is opaque. A
value has up to five forms: `text` as it stands, `digest` where it is 32 bytes in hexadecimal or base64url, `tail`,
the last of these bytes (protocols abbreviate identifiers so), `number` where it is a number or an instant (seconds
since 1970), and `bits`, its apparent entropy, 0 where it is not opaque. Damaged, repeated and undated records are left
out and counted; order does not matter.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from idverify.errors import BadEnvironment
from idverify.ledger_decode import Leaf, Record, collapsed, decode
from idverify.privacy.opaque import opaque_bits
from idverify.scheme import Scheme

FOLDER = "closed"
CHUNK = 20_000
"""Lines that are decoded at a time."""
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
SHORT, REMEMBERED = 100, 50_000
"""Texts up to this length are looked at once, as long as they are among so many last ones."""
LARGEST = 2**63 - 1
"""A status or a size beyond this is none."""
AGENT = "received.headers.user-agent"
SUBJECT = "subject"
"""The name of the field that is a party's own handle of somebody."""
DAMAGED, REPEATED, UNDATED, OTHERS = "damaged", "repeated", "without a time", "of another party"
VERSIONS = "of another version of the format"
_AGAIN = "take that folder away: it is made again from the lines"
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[0-9A-Za-z_+/-]{43}=?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")


class _Glance(msgspec.Struct):
    """What the first pass reads of a line."""

    flow: str = ""
    subject: str = ""


def ledger_files(folder: Path, party: str) -> list[Path]:
    """The files of one party: PARTY.jsonl, PARTY-PID.jsonl for each of its worker processes, and what a network
    observer saw on each line, PARTY-SERVICE.jsonl."""
    files = _files_of(folder, party)
    if not files:
        raise BadEnvironment(
            f"{folder.name} has no ledger of {party}", hint=f"the ledgers there are {', '.join(parties_in(folder))}"
        )
    return files


def _files_of(folder: Path, party: str) -> list[Path]:
    return sorted(path for path in folder.glob("*.jsonl") if path.stem.partition("-")[0] == party)


def parties_in(folder: Path) -> list[str]:
    """The parties that have a ledger in the folder; no party's name has a hyphen."""
    return sorted({path.stem.partition("-")[0] for path in folder.glob("*.jsonl")})


def close(folder: Path, parties: Sequence[str], out: Path, *, schemes: Mapping[str, Scheme]) -> None:
    """Write the tables of these parties; one that is there already is left as it is."""
    left_out = read_left_out(out)
    for party in parties:
        files = ledger_files(folder, party)
        if party in left_out and is_closed(folder, party, out):
            continue
        events, leaves = (out / name / f"party={party}" for name in ("events", "leaves"))
        for place in (events, leaves):
            place.mkdir(parents=True, exist_ok=True)
        counts: Counter[str] = Counter()
        named: set[str] = set()
        with (
            pq.ParquetWriter(events / "part-0.parquet", EVENTS, compression="zstd") as event_file,
            pq.ParquetWriter(leaves / "part-0.parquet", LEAVES, compression="zstd") as leaf_file,
        ):
            for records in _chunks(files, party, schemes=schemes, left_out=counts):
                event_file.write_table(_table(EVENTS, (_event(n, r) for n, r in records)))
                leaf_file.write_table(_table(LEAVES, (row for n, r in records for row in _leaves(n, r, named))))
        add_left_out(out, {party: dict(counts)})


def is_closed(folder: Path, party: str, out: Path) -> bool:
    """Whether the tables of the party are there, and none of its lines has been written since."""
    tables = [out / name / f"party={party}" / "part-0.parquet" for name in ("events", "leaves")]
    if not all(path.is_file() for path in tables):
        return False
    closed = min(path.stat().st_mtime_ns for path in tables)
    return all(path.stat().st_mtime_ns <= closed for path in _files_of(folder, party))


def check_table(path: Path, name: str, party: str) -> None:
    """Raises BadEnvironment where a closed table was cut off, is none, or has not the columns of events or leaves."""
    try:
        with pq.ParquetFile(path) as file:
            columns = set(file.schema_arrow.names)
    except (OSError, pa.ArrowException) as error:
        said = str(error).splitlines()[0][:120]
        raise BadEnvironment(f"the closed ledger of {party} is damaged: {said}", hint=_AGAIN) from error
    if missing := set({"events": EVENTS, "leaves": LEAVES}[name].names) - columns:
        raise BadEnvironment(f"the closed ledger of {party} has no column {min(missing)}", hint=_AGAIN)


def is_whole(party: str, out: Path) -> bool:
    """Whether every page of the party's tables can be read: one may be damaged although head and foot are whole."""
    try:
        for name in ("events", "leaves"):
            with pq.ParquetFile(out / name / f"party={party}" / "part-0.parquet") as file:
                for _ in file.iter_batches():
                    pass
    except (OSError, pa.ArrowException):
        return False
    return True


def read_left_out(out: Path) -> dict[str, dict[str, int]]:
    """How many records of each party are not in the tables, by reason."""
    try:
        return msgspec.json.decode((out / "left_out.json").read_bytes(), type=dict[str, dict[str, int]])
    except (OSError, msgspec.DecodeError):
        return {}


def add_left_out(out: Path, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Say of these parties how many of their records are not in the tables."""
    known = {**read_left_out(out), **counts}
    (out / "left_out.json").write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def _chunks(
    files: Iterable[Path], party: str, *, schemes: Mapping[str, Scheme], left_out: Counter[str]
) -> Iterator[list[tuple[int, Record]]]:
    """The usable records with their numbers, some thousands at a time."""
    # A flow's subject may be known only later, so that the first pass looks for it.
    glance = msgspec.json.Decoder(_Glance).decode
    owners: dict[str, str] = {}
    for line in _lines(files):
        try:
            seen = glance(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if seen.flow and seen.subject:
            owners[seen.flow] = seen.subject
    met: set[bytes] = set()
    number, batch = 0, []
    for line in _lines(files):
        mark = blake2b(line.strip(), digest_size=12).digest()
        if mark in met:
            left_out[REPEATED] += 1
            continue
        met.add(mark)
        batch.append(line)
        if len(batch) == CHUNK:
            yield (records := _usable(batch, party, schemes=schemes, left_out=left_out, first=number, owners=owners))
            number, batch = number + len(records), []
    yield _usable(batch, party, schemes=schemes, left_out=left_out, first=number, owners=owners)


def _lines(files: Iterable[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as file:
            for line in file:
                if line.strip():
                    yield line


def _usable(
    lines: Sequence[bytes],
    party: str,
    *,
    schemes: Mapping[str, Scheme],
    left_out: Counter[str],
    first: int,
    owners: Mapping[str, str],
) -> list[tuple[int, Record]]:
    decoding = decode(lines, schemes)
    left_out[DAMAGED] += decoding.damaged
    left_out[VERSIONS] += decoding.other_version
    found: list[tuple[int, Record]] = []
    for record in decoding:
        if record.party != party:
            left_out[OTHERS] += 1
        elif not all(-LARGEST <= number <= LARGEST for number in (record.status, record.up, record.down)):
            left_out[DAMAGED] += 1
        elif not 0.0 < record.time < 1e11:
            left_out[UNDATED] += 1
        else:
            late = "" if record.subject else owners.get(record.flow, "")
            found.append((first + len(found), replace(record, subject=late) if late else record))
    return found


def _table(schema: pa.Schema, rows: Iterable[Sequence[object]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _event(number: int, record: Record) -> tuple[object, ...]:
    agent = record.fields.get(AGENT)
    return (
        number,
        record.time,
        record.peer or None,
        f"{record.method} {record.route}".strip(),
        record.status,
        record.subject or None,
        record.flow or None,
        record.scheme or None,
        record.up,
        record.down,
        agent if isinstance(agent, str) else None,
    )


def _leaves(number: int, record: Record, named: set[str]) -> Iterator[tuple[object, ...]]:
    """The rows of one record. `named`: the subjects that have a row of their own by now."""
    if record.subject and record.subject not in named:
        named.add(record.subject)
        text, digest, numeric, bits = forms(record.subject)
        if bits:
            tail = float(int(digest[-2:], 16)) if digest else None
            yield number, record.time, record.subject, SUBJECT, text, digest, tail, numeric, bits
    route = f"{record.method} {record.route}".strip()
    seen: set[tuple[str, type, object]] = set()
    for name, value in record.fields.items():
        plain, value = _text(collapsed(name)), _text(value) if isinstance(value, str) else value
        if (plain, type(value), value) in seen:
            continue
        seen.add((plain, type(value), value))
        text, digest, numeric, bits = forms(value)
        tail = float(int(digest[-2:], 16)) if digest else None
        yield number, record.time, record.subject or None, f"{route} {plain}", text, digest, tail, numeric, bits


def forms(value: Leaf) -> tuple[str, str | None, float | None, float]:
    """A value as text, as a digest of 32 bytes, as a number or an instant, and its apparent bits."""
    if isinstance(value, bool):
        return ("true" if value else "false"), None, None, 0.0
    if isinstance(value, int | float):
        number = float(value) if -1e308 <= value <= 1e308 else math.inf
        return repr(value), None, (number if math.isfinite(number) else None), 0.0
    return _of_short_text(value) if len(value) <= SHORT else _of_text(value)


def _of_text(value: str) -> tuple[str, str | None, float | None, float]:
    return value, _digest(value), _instant(value), opaque_bits(value)


_of_short_text = lru_cache(maxsize=REMEMBERED)(_of_text)
"""The same words come with every record."""


def _text(value: str) -> str:
    """The same text with a mark for each half of a character, which JSON can escape and nothing can write."""
    if value.isascii():
        return value
    return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _digest(value: str) -> str | None:
    if len(value) == 64 and _HEX.fullmatch(value):
        return value.lower()
    if len(value) in (43, 44) and _BASE64.fullmatch(value):
        try:
            raw = base64.urlsafe_b64decode(value.rstrip("=").replace("+", "-").replace("/", "_") + "=")
        except (binascii.Error, ValueError):
            return None
        return raw.hex() if len(raw) == 32 else None
    return None


def _instant(value: str) -> float | None:
    if not 16 <= len(value) <= 40 or not _INSTANT.fullmatch(value):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
