"""The hashes of all ID numbers of a group, made once: several ledgers of one country are compared with them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from idverify.privacy.answers import Ints
from idverify.privacy.enumerating import Tried

_INNER = 1000


@dataclass(frozen=True, slots=True)
class Hashes:
    """The first eight bytes of each hash of a group, ascending, whose serials they are, and the seconds it took."""

    group: str
    first: NDArray[np.uint64]
    serial: Ints
    digits: int
    seconds: float

    def among(self, wanted: Collection[bytes]) -> Iterator[tuple[bytes, str]]:
        """Those of the wanted digests that are hashes of a number of this group, and the number."""
        for digest in wanted:
            first = np.frombuffer(digest[:8], dtype=np.uint64)[0]
            begin, end = (int(np.searchsorted(self.first, first, side=side)) for side in ("left", "right"))
            for serial in self.serial[begin:end].tolist():
                number = f"{self.group}{serial:0{self.digits}d}"
                if hashlib.sha256(number.encode()).digest() == digest:
                    yield digest, number


Hashed: TypeAlias = dict[tuple[str, int], Hashes]
"""By group and number of serials."""


def hashes_of(group: str, serials: int) -> Hashes:
    """Hash every number of a group. `serials` is a power of ten of at least 1000."""
    begun = time.perf_counter()
    digits, sha256 = len(str(serials - 1)), hashlib.sha256
    ends = [b"%03d" % end for end in range(_INNER)]
    starts = (f"{group}{start:0{digits - 3}d}" if digits > 3 else group for start in range(serials // _INNER))
    heads = [start.encode() for start in starts]
    whole = b"".join([sha256(head + end).digest()[:8] for head in heads for end in ends])
    first = np.frombuffer(whole, dtype=np.uint64)
    serial = np.argsort(first, kind="stable")
    return Hashes(group, first[serial], serial, digits, time.perf_counter() - begun)


def hashes_in(known: Hashed, group: str, serials: int) -> Hashes:
    """The hashes of a group, from those that are known, which get them where they are not there."""
    if (group, serials) not in known:
        known[group, serials] = hashes_of(group, serials)
    return known[group, serials]


def tried(groups: Sequence[Hashes], wanted: Collection[bytes], *, serials: int) -> Tried:
    """What is found among groups that are hashed. The seconds are those that hashing took, whenever that was."""
    found = {digest: number for group in groups for digest, number in group.among(wanted)}
    return Tried(found, len(groups) * serials, sum(group.seconds for group in groups), 1, len(groups))
