"""Closing a run: ledgers of JSON lines become Parquet tables, one partition a party, for relational queries.

    events   one row for each record: when, from where, on which route, whose
    leaves   one row for each named value of a record: what the exact join and its relatives compare

    CLOSED/events/party=platform_a/part-0.parquet      CLOSED/leaves/party=platform_a/part-0.parquet
    CLOSED/left_out.json                               {party: {reason: records}}

`rows` says what is in the columns. Damaged, repeated and undated records are left out and counted; order does not
matter.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from idverify.errors import BadEnvironment
from idverify.ledger_decode import VERSION, Record, decode
from idverify.ledger_leaves import Leaves
from idverify.privacy.rows import EVENTS, LEAVES, Rows
from idverify.scheme import Scheme

FOLDER = "closed"
CHUNK, CHUNK_BYTES = 20_000, 64_000_000
"""Lines that are decoded at a time, and fewer where they are long."""
CHUNK_LEAVES = 1_000_000
"""Leaves whose rows are made at a time: a short line may have many."""
LARGEST = 2**63 - 1
"""A status or a size beyond this is none."""
DAMAGED, REPEATED, UNDATED, OTHERS = "damaged", "repeated", "without a time", "of another party"
VERSIONS = "of another version of the format"
_AGAIN = "take that folder away: it is made again from the lines"


class _Glance(msgspec.Struct):
    """What the first pass reads of a line."""

    v: int
    party: str
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
    files_of = {party: ledger_files(folder, party) for party in parties}
    for party in still_open(folder, parties, out):
        files = files_of[party]
        events, leaves = (out / name / f"party={party}" for name in ("events", "leaves"))
        for place in (events, leaves):
            place.mkdir(parents=True, exist_ok=True)
        counts: Counter[str] = Counter()
        rows = Rows()
        chunks = _chunks(files, counts)
        ahead = deque(islice(chunks, 2))
        owners = _owners(files, party) if len(ahead) > 1 else {}  # of a single chunk reading finds them
        with (
            pq.ParquetWriter(events / "part-0.parquet", EVENTS, compression="zstd") as event_file,
            pq.ParquetWriter(leaves / "part-0.parquet", LEAVES, compression="zstd") as leaf_file,
        ):
            while ahead:
                for record, values in _usable(ahead.popleft(), party, schemes=schemes, left_out=counts, owners=owners):
                    rows.add(record, values)
                    if len(rows) >= CHUNK_LEAVES:
                        _write(rows, event_file, leaf_file)
                _write(rows, event_file, leaf_file)
                ahead.extend(islice(chunks, 1))
        add_left_out(out, {party: dict(counts)})


def _write(rows: Rows, events: pq.ParquetWriter, leaves: pq.ParquetWriter) -> None:
    new_events, new_leaves = rows.take()
    events.write_table(new_events)
    leaves.write_table(new_leaves)


def still_open(folder: Path, parties: Sequence[str], out: Path) -> list[str]:
    """Those of the parties whose tables are not there, or not what was left out of them."""
    counted = read_left_out(out)
    return [party for party in parties if party not in counted or not is_closed(folder, party, out)]


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


def _owners(files: Iterable[Path], party: str) -> dict[str, str]:
    """The subject of each flow, which may be known only later than its first record: so this is a pass of its own."""
    glance = msgspec.json.Decoder(_Glance).decode
    owners: dict[str, str] = {}
    for line in _lines(files):
        try:
            seen = glance(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if seen.flow and seen.subject and (seen.v, seen.party) == (VERSION, party):
            owners[seen.flow] = seen.subject
    return owners


def _chunks(files: Iterable[Path], left_out: Counter[str]) -> Iterator[list[bytes]]:
    """Every line once, some thousands at a time."""
    met: set[bytes] = set()
    chunk: list[bytes] = []
    size = 0
    for line in _lines(files):
        mark = blake2b(line, digest_size=12).digest()
        if mark in met:
            left_out[REPEATED] += 1
            continue
        met.add(mark)
        chunk.append(line)
        size += len(line)
        if len(chunk) == CHUNK or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    yield chunk


def _lines(files: Iterable[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as file:
            for line in file:
                if stripped := line.strip():
                    yield stripped


def _usable(
    lines: Sequence[bytes],
    party: str,
    *,
    schemes: Mapping[str, Scheme],
    left_out: Counter[str],
    owners: Mapping[str, str],
) -> Iterator[tuple[Record, list[Leaves]]]:
    """The records that go into the tables, each with its leaves."""
    decoding = decode(lines, schemes)
    left_out[DAMAGED] += decoding.damaged
    left_out[VERSIONS] += decoding.other_version
    for record, leaves in decoding.with_leaves():
        if record.party != party:
            left_out[OTHERS] += 1
        elif max(abs(record.status), abs(record.up), abs(record.down)) > LARGEST:
            left_out[DAMAGED] += 1
        elif not 0.0 < record.time < 1e11:
            left_out[UNDATED] += 1
        else:
            late = "" if record.subject else owners.get(record.flow, "")
            yield (msgspec.structs.replace(record, subject=late) if late else record), leaves
