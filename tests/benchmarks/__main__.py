"""Measure the parts that everything else waits for, against what a well-kept library takes for the same job.

    make bench                       all areas; writes docs/benchmarks.md
    make bench ARGS="bbs mdoc"       only these, printed and not written

Each pair runs in turns within one process, best of several rounds, and what counts is the ratio: absolute figures
depend on the machine. An area is a module here with `AREA`, a list of functions that yield lines.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.measuring import ROUNDS, Line

ROOT = Path(__file__).parent.parent.parent
AREAS = sorted(
    p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in ("__init__", "__main__", "measuring")
)


def lines(areas: list[str]) -> Iterator[Line]:
    """All lines of these areas."""
    for area in areas:
        for part in import_module(f"tests.benchmarks.{area}").AREA:
            yield from part()


def table(found: list[Line]) -> str:
    """The page, in Markdown."""
    cpu = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):
        lines_of_cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines_of_cpu if line.startswith("model name"))
    named = ", ".join(f"{name} {version(name)}" for name in ("cryptography", "pyjwt", "sd-jwt", "fastapi", "sqlmodel"))
    rows = [
        f"| {x.what} | {x.ours:,.1f} | {x.other or '–'} | {f'{x.theirs:,.1f}' if x.other else '–'} | "
        f"{f'{x.theirs / x.ours:.2f} ×' if x.other else '–'} | {f'{x.wanted:g} ×' if x.wanted else '–'} |"
        for x in found
    ]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Written by `make bench` on {datetime.now(timezone.utc):%Y-%m-%d}: {cpu}, {platform.system()},"
            f" Python {platform.python_version()}, {named}.",
            f"Best of {ROUNDS} rounds in turns within one process. What counts is the ratio; above 1 ours is faster.",
            "",
            "| what | ours, µs | beside | µs | ratio | wanted |",
            "|---|---:|---|---:|---:|---:|",
            *rows,
            "",
            "The libraries check less than ours do: PyJWT no `typ`, nonce or duplicate members; `sd-jwt` no times and",
            "no unused disclosures. The verifications here include all that `docs/schemes/` says. What capture costs",
            "under load stands in each report: its share of the services' CPU.",
            "",
            "The attacks of a run are those of all coalitions and three attackers on ten replayed worlds, each with a",
            "shadow world, judging included. The same on the worlds of a recorded run, copied without `closed`:",
            "`python -m tests.benchmarks.privacy run WORLD…`.",
            "",
        ]
    )


def main() -> int:
    asked = sys.argv[1:]
    if unknown := [name for name in asked if name not in AREAS]:
        print(f"{unknown[0]!r} is no area; the areas are {', '.join(AREAS)}", file=sys.stderr)
        return 2
    page = table(list(lines(asked or AREAS)))
    if not asked:
        (ROOT / "docs" / "benchmarks.md").write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
