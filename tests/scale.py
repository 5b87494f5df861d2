"""What a country's ledgers would take: measures a recorded run's records and joins on this machine, and extrapolates.

    python -m tests.scale RUN                        measure, and write the tables of docs/scale.md again
    python -m tests.scale RUN --print --rows 100000  measure smaller joins, and only print

RUN is a folder that `idverify compare` wrote, as runs/latest. Spark is measured where it is installed.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import psutil

from idverify.privacy.engine import engine
from idverify.privacy.joining import join_fields
from idverify.privacy.spark import missing
from idverify.privacy.tables import close, ledger_files, parties_in
from idverify.schemes import SCHEMES

PAGE = Path(__file__).parent.parent / "docs" / "scale.md"
PEOPLE, DAYS = 76_000_000, 365
PROOFS = (1 / 30, 1.0, 5.0)
"""Proofs that a person gives on a day, on all platforms together: monthly, daily, at each of five log-ins."""
LIFETIME = 90.0
"""Days for which a credential that may be shown again is used."""
OTHERS = 30.0
"""Other requests of a person on a day that a platform logs: pages of the feed, posts."""
ROWS = (1_000_000, 10_000_000)
SMALLEST = 1_000
"""Rows of a join that takes no time of its own: what an engine takes to start."""
EFFICIENCY = 0.7
"""The share of a cluster's processors that works on the join; the rest waits for the network and for the slowest."""
NIGHT = 8 * 3_600.0
FIELDS = "POST /api/issue/{scheme} sent.id", "POST /api/presentations/{id_} received.id"


@dataclass(frozen=True, slots=True)
class Kept:
    """What one party's ledger of one scheme takes: records an exchange, which is an issuance or a proof."""

    scheme: str
    party: str
    exchanges: int
    records: int
    text: float  # bytes a record as JSON lines
    tables: float  # bytes a record as Parquet
    other: float  # bytes of a record that belongs to no proof, 0 where there is none

    @property
    def each(self) -> float:
        """Records an exchange."""
        return self.records / self.exchanges


@dataclass(frozen=True, slots=True)
class Joined:
    """One exact join of rows × rows: seconds, processor seconds, the most memory in bytes, and what it found."""

    engine: str
    rows: int
    start: float
    wall: float
    cpu: float
    memory: int
    found: int


def kept(run: Path) -> Iterator[Kept]:
    """Every scheme of a run, at the identity provider and at a platform."""
    for world in sorted(place.parent for place in run.glob("*/ledgers")):
        if world.name in SCHEMES:
            for party in sorted({"identity_provider", "platform_a"} & set(parties_in(world / "ledgers"))):
                if found := _kept(world.name, _lines(world / "ledgers", party), party):
                    yield found


def _kept(scheme: str, lines: Sequence[dict[str, str]], party: str) -> Kept | None:
    at_platform = party.startswith("platform")
    lines = [line for line in lines if not line["route"].endswith("/health")]
    ours = [line for line in lines if line["flow"] or not at_platform]
    others = [line for line in lines if not line["flow"] and at_platform]
    route = "/presentations/" if at_platform else "/issue/"
    exchanges = sum(route in line["route"] and int(line["status"]) < 400 for line in ours)
    if not exchanges:
        return None
    # A table has a head and a foot, which a year of records does not feel: what the second half adds is what counts.
    half = len(ours) // 2
    added = (_tables(ours, party) - _tables(ours[:half], party)) / max(len(ours) - half, 1)
    return Kept(scheme, party, exchanges, len(ours), _mean(ours), added, _mean(others))


def _lines(ledgers: Path, party: str) -> list[dict[str, str]]:
    return [json.loads(line) for path in ledger_files(ledgers, party) for line in path.read_bytes().splitlines()]


def _tables(lines: Sequence[dict[str, str]], party: str) -> int:
    """Bytes of the closed tables of these records."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / f"{party}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        close(folder, [party], folder / "closed", schemes=SCHEMES)
        return sum(path.stat().st_size for path in folder.glob("closed/*/*/*.parquet"))


def _mean(lines: Sequence[dict[str, str]]) -> float:
    """Bytes of a line, as the ledger writes it."""
    sizes = [len(json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode()) + 1 for line in lines]
    return sum(sizes) / len(sizes) if sizes else 0.0


def issuances(scheme: str, proofs: float) -> float:
    """How often a person asks the identity provider on a day of so many proofs, from what the scheme declares."""
    info = SCHEMES[scheme].info
    if not info.signed:
        return 0.0
    once = info.single_use or info.batch > 1 or info.issued == "per_login"
    return proofs / info.batch if once else min(proofs, 1.0 / LIFETIME)


def tables_of(folder: Path, rows: int) -> tuple[Path, Path]:
    """Two ledgers' tables with an opaque value each row, the same values at both in another order."""
    out = []
    for number, field in enumerate(FIELDS):
        path = folder / f"{rows}-{number}.parquet"
        if not path.exists():
            # A prime factor, which shuffles them as long as it does not divide the number of rows.
            value = f"(i * {1 + 2654435760 * number}) % {rows}"
            duckdb.sql(
                f"copy (select i as record, i::double as time, '{number}-' || i as subject, '{field}' as field,"
                f" md5(({value})::varchar) as text, null::varchar as digest, null::double as tail,"
                f" null::double as number, 128.0 as bits from range({rows}) t(i)) to '{path}' (compression zstd)"
            )
        out.append(path)
    return out[0], out[1]


def join_once(name: str, rows: int, folder: Path) -> Joined:
    """One join in this process, whose memory is then that of the join."""
    first, second = tables_of(folder, rows)
    begun = time.perf_counter()
    with engine(name) as on:
        started = time.perf_counter()
        found = join_fields(on.read_parquet(str(first)), FIELDS[0], on.read_parquet(str(second)), FIELDS[1])
        told = found.agg(n=found.count(), first=found.first.max(), second=found.second.max(), text=found.text.max())
        number = int(on.to_pyarrow(told).column("n")[0].as_py())
        ended = time.perf_counter()
    who = resource.RUSAGE_SELF if name == "duckdb" else resource.RUSAGE_CHILDREN
    used = resource.getrusage(who)
    cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    return Joined(name, rows, started - begun, ended - started, cpu, memory, number)


def joins(rows: Sequence[int]) -> Iterator[Joined]:
    """All of them, each in a process of its own. The first of each engine shows what starting takes."""
    engines = ("duckdb", "spark") if not missing() else ("duckdb",)
    with TemporaryDirectory(prefix="idverify-scale-") as folder:
        for size in (SMALLEST, *rows):
            tables_of(Path(folder), size)
        for name in engines:
            for size in (SMALLEST, *rows):
                command = [sys.executable, "-m", "tests.scale", "--join", name, str(size), folder]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                print(done.stdout.strip(), file=sys.stderr)
                yield Joined(**json.loads(done.stdout))


def about_records(found: Sequence[Kept]) -> str:
    """The table of bytes, MEASURED."""
    rows = [
        f"| `{k.scheme}` | {k.party} | {k.exchanges:,} | {k.each:.2f} | {k.text:,.0f} | {k.tables:,.0f} |"
        f" {k.each * k.text:,.0f} | {k.each * k.tables:,.0f} |"
        for k in found
    ]
    return "\n".join(
        [
            "| scheme | ledger of | exchanges | records each | JSON, B a record | Parquet | JSON, B each | Parquet |",
            "|---|---|---:|---:|---:|---:|---:|---:|",
            *rows,
        ]
    )


def about_joins(found: Sequence[Joined]) -> str:
    """The table of joins, MEASURED; processor time without what starting takes."""
    idle = {j.engine: j.cpu for j in found if j.rows == SMALLEST}
    rows = [
        f"| {j.engine} | {j.rows:,} | {j.start:.1f} | {j.wall:.1f} | {max(j.cpu - idle[j.engine], 0.0):.1f} |"
        f" {j.memory / 2**20:,.0f} | {j.found:,} |"
        for j in found
    ]
    return "\n".join(
        [
            "| engine | rows of each ledger | start, s | join, s | processor, s | most memory, MiB | found |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *rows,
        ]
    )


def about_country(sizes_of: Sequence[Kept], found: Sequence[Joined]) -> str:
    """The tables for a country, EXTRAPOLATED from the others and from the stated assumptions."""
    lines = ["| scheme | proofs a person and day | identity provider, JSON | Parquet | platforms, JSON | Parquet |"]
    lines.append("|---|---:|---:|---:|---:|---:|")
    for scheme in dict.fromkeys(k.scheme for k in sizes_of):
        by_party = {k.party: k for k in sizes_of if k.scheme == scheme}
        for proofs in PROOFS:
            sizes = []
            for party in ("identity_provider", "platform_a"):
                k = by_party.get(party)
                if k is None:
                    sizes += ["–", "–"]
                    continue
                a_day = proofs if party.startswith("platform") else issuances(scheme, proofs)
                records = PEOPLE * DAYS * a_day * k.each
                sizes += [_size(records * k.text), _size(records * k.tables)]
            lines.append(f"| `{scheme}` | {proofs:.3g} | {' | '.join(sizes)} |")
    other = max((k.other for k in sizes_of), default=0.0)
    lines += [
        "",
        f"Beside the proofs, {OTHERS:g} other requests a person and day, of {other:,.0f} bytes each (the largest"
        f" measured), are {_size(PEOPLE * DAYS * OTHERS * other)} of JSON a year at all platforms together.",
        "",
        "| engine | one field pair, a day | a month | a year | how |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [_line(name, found) for name in dict.fromkeys(j.engine for j in found)]
    largest = [j for j in found if j.engine == "spark"][-1:]
    if largest:
        core = _cpu(largest[0], found) / largest[0].rows
        for cores in (64, 512):
            times = [_time(PEOPLE * days * core / (cores * EFFICIENCY)) for days in (1, 30, DAYS)]
            lines.append(
                f"| spark, {cores} processors | {' | '.join(times)} | processor seconds / (processors × {EFFICIENCY}) |"
            )
    return "\n".join(lines)


def _line(name: str, found: Sequence[Joined]) -> str:
    largest = [j for j in found if j.engine == name][-1]
    times = [_time(largest.wall * PEOPLE * days / largest.rows) for days in (1, 30, DAYS)]
    return f"| {name}, this machine | {' | '.join(times)} | linear from {largest.rows:,} rows |"


def _cpu(join: Joined, found: Sequence[Joined]) -> float:
    return max(join.cpu - next(j.cpu for j in found if j.engine == join.engine and j.rows == SMALLEST), 0.0)


def _size(number: float) -> str:
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number / 1e6:,.1f} MB"


def _time(seconds: float) -> str:
    for unit, size in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def machine() -> str:
    """Which machine this was, in a sentence."""
    cpus, memory = psutil.cpu_count() or 1, psutil.virtual_memory().total / 2**30
    names = ["duckdb", "ibis-framework", "pyarrow"] + ([] if missing() else ["pyspark"])
    return (
        f"MEASURED on {datetime.now(timezone.utc):%Y-%m-%d} with {cpus} processors ({platform.machine()}),"
        f" {memory:.0f} GiB, Python {platform.python_version()},"
        f" {', '.join(f'{name} {version(name)}' for name in names)}; load {psutil.getloadavg()[0]:.0f} from other work."
    )


def written(page: str, parts: dict[str, str]) -> str:
    """The page with these tables between their marks."""
    for name, text in parts.items():
        before, mark, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not (mark and end):
            raise SystemExit(f"docs/scale.md has no place for {name}")
        page = f"{before}{mark}{text}\n{end}{after}"
    return page


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("run", type=Path, nargs="?", help="the folder of a run with several schemes")
    parser.add_argument("--rows", default=",".join(map(str, ROWS)), help="of the joins, with commas")
    parser.add_argument("--print", action="store_true", help="print the tables and leave docs/scale.md as it is")
    parser.add_argument("--join", nargs=3, metavar=("ENGINE", "ROWS", "FOLDER"), help="one join, as JSON")
    options = parser.parse_args()
    if options.join:
        name, rows, folder = options.join
        print(json.dumps(asdict(join_once(name, int(rows), Path(folder)))))
        return 0
    if options.run is None or not (records := list(kept(options.run))):
        print("name a run: python -m tests.scale runs/latest", file=sys.stderr)
        return 2
    found = list(joins([int(n) for n in options.rows.split(",")]))
    parts = {
        "machine": machine(),
        "records": about_records(records),
        "joins": about_joins(found),
        "country": about_country(records, found),
    }
    if options.print:
        print("\n\n".join(parts.values()))
    else:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
