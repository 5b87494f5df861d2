"""Trying all ID numbers of some groups against SHA-256 values, in several processes. It imports next to nothing.

A group is what stands before the serial: province, century and sex, year of birth.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_INNER = 1000


@dataclass(frozen=True, slots=True)
class Tried:
    """What was found: digest → ID number; how many were tried in how many seconds, of how many processes."""

    found: dict[bytes, str]
    tried: int
    seconds: float
    processes: int


def enumerate_groups(groups: Sequence[str], digests: Iterable[bytes], *, serials: int, processes: int) -> Tried:
    """Hash every number of these groups. `serials` is a power of ten of at least 1000."""
    wanted = frozenset(digests)
    begun = time.perf_counter()
    jobs = [(group, wanted, serials) for group in groups]
    found: dict[bytes, str] = {}
    if processes > 1 and len(jobs) > 1:
        # A fork would copy the threads of a database that runs here.
        with multiprocessing.get_context("spawn").Pool(min(processes, len(jobs))) as pool:
            for some in pool.imap_unordered(_one, jobs, chunksize=1):
                found.update(some)
    else:
        for job in jobs:
            found.update(_one(job))
    return Tried(found, len(jobs) * serials, time.perf_counter() - begun, processes)


def _one(job: tuple[str, frozenset[bytes], int]) -> dict[bytes, str]:
    group, wanted, serials = job
    width = len(str(serials - 1))
    ends = [b"%03d" % n for n in range(_INNER)]
    sha256 = hashlib.sha256
    found: dict[bytes, str] = {}
    for start in range(serials // _INNER):
        head = f"{group}{start:0{width - 3}d}".encode()
        for end in ends:
            digest = sha256(head + end).digest()
            if digest in wanted:
                found[digest] = (head + end).decode()
    return found
