"""Random columns that are the same on every machine: raw Philox words and integer thresholds.

NumPy promises the raw output of a bit generator for ever, and that of `Generator`'s methods for no
longer than a version; so only raw words are used. Each column has a stream of its own, spawned from
the seed by the column's name: a new column changes no other, and a longer column starts like a
shorter one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
WORD = 2**32


def words(seed: int, column: str, size: int) -> Words:
    """`size` independent uniform integers below 2^32."""
    key = int.from_bytes(hashlib.sha256(column.encode()).digest()[:4], "big")
    stream = np.random.Philox(np.random.SeedSequence(seed, spawn_key=(key,)))
    return np.asarray(stream.random_raw(size), dtype=np.uint64) >> np.uint64(32)


def threshold(share: Fraction) -> int:
    """The integer t for which a word lies below t with probability `share`, to 2^-32."""
    return int(share * WORD)


def chosen(drawn: Words, weights: Sequence[Fraction | int]) -> NDArray[np.int64]:
    """For each word the index of a weight, chosen in proportion to the weights."""
    total, sum_so_far, bounds = sum(map(Fraction, weights), Fraction(0)), Fraction(0), []
    for weight in weights:
        sum_so_far += weight
        bounds.append(threshold(sum_so_far / total))
    return np.searchsorted(np.array(bounds, dtype=np.uint64), drawn, side="right").astype(np.int64)


def below(drawn: Words, limits: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each word an integer from 0 to its limit − 1; limits are below 2^31."""
    return ((drawn * limits.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)


def happens(drawn: Words, shares: Sequence[Fraction], which: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each word whether the share that `which` points at comes true."""
    thresholds = np.array([threshold(share) for share in shares], dtype=np.uint64)
    return np.asarray(drawn < thresholds[which], dtype=np.bool_)
