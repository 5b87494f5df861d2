"""Trying all ID numbers of some groups against SHA-256 values, in several processes. It imports next to nothing.

A group is what stands before the serial: province, century and sex, year of birth. A worker is this file, run by its
path: a confined process may not search for packages where it is installed from a folder of sources (`pip install -e`).
It reads what to do as JSON and prints what it found. Workers of `multiprocessing` would run the main module of whoever
asked once more.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_INNER = 1000
ALONE = 2_000_000
"""Fewer numbers are tried by this process itself; others take as long to start."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What was found: digest → ID number; how many were tried in how many seconds, of how many processes."""

    found: dict[bytes, str]
    tried: int
    seconds: float
    processes: int
    groups: int

    def then(self, more: Tried) -> Tried:
        """This and what was tried after it."""
        return Tried(
            self.found | more.found,
            self.tried + more.tried,
            self.seconds + more.seconds,
            max(self.processes, more.processes),
            self.groups + more.groups,
        )


def enumerate_groups(groups: Sequence[str], digests: Iterable[bytes], *, serials: int, processes: int) -> Tried:
    """Hash every number of these groups. `serials` is a power of ten of at least 1000."""
    wanted = frozenset(digests)
    begun = time.perf_counter()
    workers = min(processes, len(groups)) if len(groups) * serials > ALONE else 1
    if workers > 1:
        found = _by_others(groups, wanted, serials=serials, workers=workers)
    else:
        found = _all(groups, wanted, serials)
    return Tried(found, len(groups) * serials, time.perf_counter() - begun, workers, len(groups))


def _by_others(groups: Sequence[str], wanted: frozenset[bytes], *, serials: int, workers: int) -> dict[bytes, str]:
    command = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
    running = []
    found: dict[bytes, str] = {}
    try:
        for number in range(workers):
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            running.append(worker)
            assert worker.stdin is not None
            task = {"groups": groups[number::workers], "wanted": [d.hex() for d in wanted], "serials": serials}
            json.dump(task, worker.stdin)
            worker.stdin.close()
        for worker in running:
            assert worker.stdout is not None
            said = json.loads(worker.stdout.read() or "{}")
            found |= {bytes.fromhex(digest): number for digest, number in said.items()}
            if worker.wait():
                raise subprocess.CalledProcessError(worker.returncode, command)
    finally:
        for worker in running:
            worker.kill()
            worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()
    return found


def _all(groups: Iterable[str], wanted: frozenset[bytes], serials: int) -> dict[bytes, str]:
    width = len(str(serials - 1))
    ends = [b"%03d" % n for n in range(_INNER)]
    sha256 = hashlib.sha256
    found: dict[bytes, str] = {}
    for group in groups:
        for start in range(serials // _INNER):
            head = (f"{group}{start:0{width - 3}d}" if width > 3 else group).encode()
            for end in ends:
                digest = sha256(head + end).digest()
                if digest in wanted:
                    found[digest] = (head + end).decode()
    return found


def main() -> int:
    """One worker's share, from stdin to stdout."""
    task = json.load(sys.stdin)
    wanted = frozenset(bytes.fromhex(digest) for digest in task["wanted"])
    found = _all(task["groups"], wanted, int(task["serials"]))
    json.dump({digest.hex(): number for digest, number in found.items()}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
