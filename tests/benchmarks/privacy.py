"""The attacks on large ledgers: joins beside the bare engine, the scan's memory, timing, and all on a usual run.

Ledgers of a million records are written as the Parquet tables that closing a run makes. Each figure is taken in a
process of its own, so that its peak memory is its own too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from idverify.comparison.worlds import Recorded
from idverify.comparison.worlds import attack_worlds as worlds_attacked
from idverify.privacy.attack import Asked, Attacking
from idverify.privacy.attackers import Attacker
from idverify.privacy.closing import close_all
from idverify.privacy.delays import density
from idverify.privacy.engine import counted, engine
from idverify.privacy.joining import join_fields
from idverify.privacy.matching import Points, match
from idverify.privacy.public import Delay
from idverify.privacy.rows import EVENTS, LEAVES
from idverify.privacy.tables import FOLDER
from idverify.simulation.delays import exponential
from idverify.simulation.replay import replay
from idverify.simulation.rows import ROWS
from idverify.simulation.scenario import Scenario
from tests.benchmarks.measuring import Line

RECORDS = 1_000_000
ROUNDS = 3
PARTIES = ("platform_a", "platform_b")
HANDLE = "POST /r received.handle"
PAIRS = 10_000
LEFT_OUT = ("phone", "escrow")
"""Rows of the table of parties that a comparison's usual ten schemes have not."""
PEOPLE = 300
"""Who sign up in one scheme's load, and three times as many logins at each of two platforms."""


def write_closed(folder: Path, *, records: int = RECORDS) -> Path:
    """Two platforms' closed tables: each record has a handle that both know, a nonce, a count, and an instant."""
    for number, party in enumerate(PARTIES):
        random = np.random.Generator(np.random.Philox(number))
        order = random.permutation(records)
        subject = pa.array([f"{party}-{n:07d}" for n in range(records)])
        time_of = pa.array(1.7e9 + np.sort(random.uniform(0.0, 1e6, records)))
        row = pa.array(np.arange(records))
        columns = {
            "record": row, "time": time_of, "peer": pa.nulls(records, pa.string()),
            "route": pa.array(["POST /r"] * records), "status": pa.array(np.full(records, 200)), "subject": subject,
            "flow": pa.nulls(records, pa.string()), "scheme": pa.nulls(records, pa.string()),
            "up": pa.array(np.full(records, 100)), "down": pa.array(np.full(records, 100)),
            "agent": pa.nulls(records, pa.string()),
        }  # fmt: skip
        _write(folder, "events", party, [pa.table(columns, schema=EVENTS)])
        nonce = random.bytes(16 * records).hex()
        values = (
            (HANDLE, pa.array([f"{n * 2_654_435_761 % 2**64:016x}-shared" for n in order.tolist()]), None, 76.0),
            ("POST /r received.nonce", pa.array([nonce[n * 32 : n * 32 + 32] for n in range(records)]), None, 128.0),
            ("POST /r received.count", None, random.integers(0, 2**30, records).astype(np.float64), 0.0),
            ("POST /r received.over", None, np.full(records, 16.0), 0.0),
        )
        parts = []
        for field, text, numbers, bits in values:
            shown = text if text is not None else pa.array(numbers).cast(pa.int64()).cast(pa.string())
            leaf = {
                "record": row, "time": time_of, "subject": subject, "field": pa.array([field] * records),
                "text": shown, "digest": pa.nulls(records, pa.string()), "tail": pa.nulls(records, pa.float64()),
                "number": pa.nulls(records, pa.float64()) if numbers is None else pa.array(numbers),
                "bits": pa.array(np.full(records, bits)),
            }  # fmt: skip
            parts.append(pa.table(leaf, schema=LEAVES))
        _write(folder, "leaves", party, parts)
    left_out = json.dumps({party: {} for party in PARTIES})
    (folder / FOLDER / "left_out.json").write_text(left_out, encoding="utf-8")
    return folder


def _write(folder: Path, name: str, party: str, tables: list[pa.Table]) -> None:
    place = folder / FOLDER / name / f"party={party}"
    place.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(place / "part-0.parquet", tables[0].schema, compression="zstd") as file:
        for table in tables:
            file.write_table(table)


def one_pair(folder: Path) -> dict[str, float]:
    """The exact join of one pair of fields, and what bare DuckDB takes for the same join; seconds, best of some."""
    paths = [str(folder / FOLDER / "leaves" / f"party={party}" / "part-0.parquet") for party in PARTIES]
    bare = (
        "SELECT count(*) FROM (SELECT a.subject, b.subject, a.text FROM read_parquet('{}') a "
        "JOIN read_parquet('{}') b ON a.text = b.text WHERE a.field = '{}' AND b.field = '{}' "
        "AND a.subject IS NOT NULL AND b.subject IS NOT NULL)"
    ).format(*paths, HANDLE, HANDLE)
    ours, theirs = [], []
    with engine() as on, duckdb.connect() as connection:
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            found = counted(on, join_fields(on.read_parquet(paths[0]), HANDLE, on.read_parquet(paths[1]), HANDLE))
            ours.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            (expected,) = connection.execute(bare).fetchone() or (0,)
            theirs.append(time.perf_counter() - begun)
            assert found == expected == RECORDS
    return {"ours": min(ours), "theirs": min(theirs)}


def scan(folder: Path) -> dict[str, float]:
    """The exact join over all pairs of fields, as an attack."""
    begun = time.perf_counter()
    with Attacking(folder, Asked(attacks=("exact_join",)), schemes={}) as running:
        (answer,) = running.answers(PARTIES)
    assert answer.posterior.claimed.all()
    return {"seconds": time.perf_counter() - begun, "bytes": _peak()}


def timing() -> dict[str, float]:
    """Maximum likelihood for 10,000 issuances and presentations, at a mean of fifty others within the delay."""
    random = np.random.Generator(np.random.Philox(1))
    issued = np.sort(random.uniform(0.0, PAIRS, PAIRS))
    shown = issued + random.exponential(50.0, PAIRS)
    order = np.argsort(shown)
    names = [f"{n:05d}" for n in range(PAIRS)]
    known = density(Delay(name="exponential", parameters={"mean": 50.0}))
    assert known is not None
    begun = time.perf_counter()
    match(Points(np.arange(PAIRS), issued), Points(order, shown[order]), names, names, density=known, floor=1e-4)
    return {"seconds": time.perf_counter() - begun}


def usual(folder: Path) -> dict[str, float]:
    """All attacks of a default run on ten replayed worlds, each with a shadow world to train on."""
    worlds = []
    for number, (name, row) in enumerate(item for item in ROWS.items() if item[0] not in LEFT_OUT):
        scenario = Scenario(
            row=name, citizens=PEOPLE, logins=3.0, platforms=2, behind=2, observed=True, delay=exponential(60.0)
        )
        if not row.per_login:
            scenario = replace(scenario, refill="after_use", batch=10)
        worlds.append(replay(scenario, folder / str(number), seed=number).folder)
        replay(scenario, folder / str(number) / "shadow", seed=1000 + number)
    return attack_worlds(worlds)


def attack_worlds(worlds: list[Path]) -> dict[str, float]:
    """Seconds that closing the ledgers of these worlds takes as a comparison does it, and then all attacks on them.

    For a recorded run: its worlds copied without their `closed` folders.
    """
    recorded = []
    for world in worlds:
        shadow = world / "shadow"
        there = (shadow / "truth.jsonl").is_file()
        recorded.append(Recorded(world, shadow if there else None, ordered=True))
    with Attacker() as attacker:
        attacker.start()
        begun = time.perf_counter()
        for each in recorded:
            folders = [each.folder / "ledgers", *([each.shadow / "ledgers"] if each.shadow is not None else [])]
            close_all(folders, attacker, at_once=2, timeout=900.0)
        closed = time.perf_counter()
        for _, found in worlds_attacked(recorded, attacker):
            if isinstance(found, Exception):
                raise found
        return {"closing": closed - begun, "seconds": time.perf_counter() - closed}


def _peak() -> float:
    """The greatest resident size of this process so far, in bytes."""
    import resource

    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024.0


def _apart(what: str, *places: Path) -> dict[str, float]:
    """Run one of the functions above in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.privacy", what, *map(str, places)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def large() -> Iterator[Line]:
    """Two ledgers of a million records."""
    with TemporaryDirectory(prefix="idverify-bench-") as place:
        folder = write_closed(Path(place))
        found = _apart("pair", folder)
        what = f"exact join of one field pair, {RECORDS:,} × {RECORDS:,} records"
        yield Line(what, found["ours"] * 1e6, "bare DuckDB on the same Parquet", found["theirs"] * 1e6, 1 / 1.5)
        found = _apart("scan", folder)
        yield Line("scan of all their field pairs", found["seconds"] * 1e6, "20 s wanted", 20e6, 1.0)
        yield Line("its peak memory, bytes", found["bytes"], "2 GB wanted", 2e9, 1.0)


def small() -> Iterator[Line]:
    """Timing alone, and all attacks of all coalitions on ten worlds of the size of a default run's."""
    yield Line(f"timing, {PAIRS:,} events", _apart("timing")["seconds"] * 1e6, "5 s wanted", 5e6, 1.0)
    with TemporaryDirectory(prefix="idverify-bench-") as place:
        found = _apart("usual", Path(place))
        yield Line("all attacks of a run, on ten replayed worlds", found["seconds"] * 1e6, "30 s wanted", 30e6, 1.0)
        yield Line("closing their ledgers before", found["closing"] * 1e6, "", 0.0)


def main(arguments: list[str]) -> int:
    """One figure as JSON: pair FOLDER, scan FOLDER, timing, usual FOLDER, run WORLD…"""
    what, *places = arguments
    folders = [Path(place) for place in places]
    found: Mapping[str, float]
    match what:
        case "pair":
            found = one_pair(folders[0])
        case "scan":
            found = scan(folders[0])
        case "timing":
            found = timing()
        case "usual":
            found = usual(folders[0])
        case _:
            found = attack_worlds(folders)
    print(json.dumps(found))
    return 0


AREA = [large, small]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
