"""ID numbers that nobody has: the 12 digits of Decree 137/2015 Article 13 with a province that does not exist.

    9pp  province: the real codes begin with 0, ours with 9
    c    century of birth and sex: 0 male, 1 female (1900–1999); 2 male, 3 female (2000–2099)
    yy   year of birth
    ssssss  serial, unique within (province, sex, year)

A serial is the person's place in the group, sent through a small Feistel network over 2^20 and
walked along its cycle until it lies below 10^6: a permutation, so that no two are the same and none
is drawn twice. It hides the order, it is no encryption.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int64]
Words = NDArray[np.uint64]

SERIALS = 10**6
FIRST_PROVINCE = 900
_HALF = np.uint64(10)
_MASK = np.uint64(2**10 - 1)
_ROUNDS = 6


def id_numbers(seed: int, province: Column, male: Column, *, year: Column) -> Column:
    """The ID number of each row, as an integer of 12 digits. A group may have up to 10^6 members."""
    group = ((FIRST_PROVINCE + province) * 10 + 2 * (year >= 2000) + (1 - male)) * 100 + year % 100
    return np.asarray(group * SERIALS + permuted(seed, group, place_in(group)), dtype=np.int64)


def place_in(group: Column) -> Column:
    """For each row, how many earlier rows have the same group."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(group) else np.empty(0, dtype=np.int64)
    first = np.repeat(starts, np.diff(np.r_[starts, len(group)]))
    place = np.empty(len(group), dtype=np.int64)
    place[order] = np.arange(len(group)) - first
    return place


def permuted(seed: int, group: Column, place: Column) -> Column:
    """The serial for each place; a permutation of 0 … 10^6 − 1 for every group."""
    key = np.uint64(int.from_bytes(hashlib.sha256(f"serial {seed}".encode()).digest()[:8], "big"))
    tweak = group.astype(np.uint64) ^ key
    serial = _feistel(place.astype(np.uint64), tweak)
    walking = np.flatnonzero(serial >= SERIALS)
    while len(walking):
        serial[walking] = _feistel(serial[walking], tweak[walking])
        walking = walking[serial[walking] >= SERIALS]
    return serial.astype(np.int64)


def _feistel(value: Words, tweak: Words) -> Words:
    left, right = value >> _HALF, value & _MASK
    for number in range(_ROUNDS):
        left, right = right, left ^ _round(right, tweak, number)
    return (left << _HALF) | right


def _round(half: Words, tweak: Words, number: int) -> Words:
    """A round function of ten bits: the finaliser of SplitMix64, arithmetic modulo 2^64."""
    mixed = (half + np.uint64(number << 10)) * np.uint64(0x9E3779B97F4A7C15) + tweak
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed >> np.uint64(40)) & _MASK
