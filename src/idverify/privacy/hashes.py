"""The hashes of all ID numbers of a group, made once: several ledgers of one country are compared with them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from idverify.privacy.answers import Ints
from idverify.privacy.enumerating import Tried

CHECKED = 1000
"""How many hashes of a group are made again when somebody hands them over."""
LEAST_SERIALS, MOST_SERIALS = 1000, 10_000_000
"""Of a group that somebody hands over."""
_HASH = """
SELECT CAST('0x' || substr(sha256(numbers.id), 1, 16) AS UBIGINT) AS first, numbers.serial AS serial
FROM (SELECT $1 || lpad(CAST(range AS VARCHAR), $2, '0') AS id, range AS serial FROM range($3)) AS numbers
ORDER BY first, serial
"""
"""DuckDB hashes and sorts a column faster than Python calls a function a million times."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """The first eight bytes of each hash of a group as a number, ascending, whose serials these are, and how many
    seconds it took."""

    group: str
    first: NDArray[np.uint64]
    serial: Ints
    digits: int
    seconds: float

    def write(self, file: IO[bytes]) -> None:
        """One line that says what they are, and the numbers."""
        head = {"group": self.group, "serials": len(self.serial), "seconds": self.seconds}
        file.write(json.dumps(head).encode() + b"\n")
        file.write(self.first.tobytes())
        file.write(self.serial.astype(np.uint32).tobytes())

    def among(self, wanted: Collection[bytes]) -> Iterator[tuple[bytes, str]]:
        """Those of the wanted digests that are hashes of a number of this group, and the number."""
        for digest in wanted:
            first = np.uint64(_first(digest))
            begin, end = (int(np.searchsorted(self.first, first, side=side)) for side in ("left", "right"))
            for serial in self.serial[begin:end].tolist():
                number = f"{self.group}{serial:0{self.digits}d}"
                if hashlib.sha256(number.encode()).digest() == digest:
                    yield digest, number


Hashed: TypeAlias = dict[tuple[str, int], Hashes]
"""By group and number of serials."""


def hashes_of(group: str, serials: int) -> Hashes:
    """Hash every number of a group. `serials` is a power of ten."""
    import duckdb

    begun = time.perf_counter()
    digits = len(str(serials - 1))
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET threads = 1")
        rows = connection.execute(_HASH, [group, digits, serials]).fetchnumpy()
    first, serial = (np.asarray(rows[name]) for name in ("first", "serial"))
    return Hashes(group, first, serial, digits, time.perf_counter() - begun)


def read_hashes(file: IO[bytes]) -> Iterator[Hashes]:
    """What was written. Raises ValueError where that cannot be the hashes of a group: the file may be anybody's.

    Order and number are checked for all of them, the hashes themselves for some.
    """
    while line := file.readline():
        head = json.loads(line)
        group, serials, seconds = str(head["group"]), int(head["serials"]), float(head["seconds"])
        if not LEAST_SERIALS <= serials <= MOST_SERIALS:
            raise ValueError(f"{serials} serials")
        first = np.frombuffer(file.read(8 * serials), np.uint64)
        serial = np.frombuffer(file.read(4 * serials), np.uint32).astype(np.int64)
        if len(serial) != serials or np.any(first[:-1] > first[1:]) or serial.max() >= serials:
            raise ValueError("cut off, or not in order")
        if not np.all(np.bincount(serial) == 1):
            raise ValueError("not every serial once")
        digits = len(str(serials - 1))
        for place in range(0, serials, max(1, serials // CHECKED)):
            made = hashlib.sha256(f"{group}{serial[place]:0{digits}d}".encode()).digest()
            if _first(made) != int(first[place]):
                raise ValueError("not the hashes of that group")
        yield Hashes(group, first, serial, digits, seconds)


def hashes_in(known: Hashed, group: str, serials: int) -> Hashes:
    """The hashes of a group, from those that are known, which get them where they are not there."""
    if (group, serials) not in known:
        known[group, serials] = hashes_of(group, serials)
    return known[group, serials]


def tried(groups: Sequence[Hashes], wanted: Collection[bytes], *, serials: int) -> Tried:
    """What is found among groups that are hashed. The seconds are those that hashing took, whenever that was."""
    found = {digest: number for group in groups for digest, number in group.among(wanted)}
    return Tried(found, len(groups) * serials, sum(group.seconds for group in groups), 1, len(groups))


def _first(digest: bytes) -> int:
    """The first eight bytes, as a number."""
    return int.from_bytes(digest[:8], "big")
