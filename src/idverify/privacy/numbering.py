"""Numbers that were dealt out, one to each: sequential indices meet by accident as often as not, and are handles still.

Two fields of small numbers have much in common whatever they mean. They are the same numbering where

    (1) at each party different subjects have different numbers, though so many draws from so small a range would have
        met again (the birthday problem; the number of collisions is nearly Poisson: Feller, volume 1, chapter II.3)
    (2) nearly all numbers of the smaller set are in the other one
    (3) whoever has several of them has them in common with one and the same subject of the other party
    (4) one of the parties has received its numbers, or does not count in the order of its own time: what a party
        numbers itself says nothing of anybody else's

Instants in seconds since 1970 are none of these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from idverify.privacy.answers import Floats
from idverify.privacy.public import THIEF

LARGEST = 1e9
"""Whole numbers from here on are instants."""
SHARED = 0.9
"""The share of the smaller set that the larger one must have."""
LOYAL = 1.1
"""Pairs of subjects that numbers lead to, over the subjects that have a partner: at most."""
ASCENDING = 0.95
"""The share of steps up in the order of time by which a party's own counter is known."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is known of one field: distinct values, their least and greatest, and distinct (subject, value)."""

    values: int
    low: float
    high: float
    held: int
    whole: bool


def bits_of(one: Numbers, other: Numbers) -> float:
    """The apparent entropy of a draw from the range of both, in bits."""
    return math.log2(max(max(one.high, other.high) - min(one.low, other.low), 1.0) + 1.0)


def dealt(numbers: Numbers, apart: float) -> float:
    """The probability that so many draws from this range would meet as seldom as they do, by accident: (1).

    `apart` is the share of pairs of (subject, value) that belong to two subjects.
    """
    if not numbers.whole or not -LARGEST < numbers.low <= numbers.high < LARGEST:
        return 1.0
    places, draws = numbers.high - numbers.low + 1.0, float(numbers.held)
    expected = (draws + places * math.expm1(draws * math.log1p(-1.0 / places))) if places > 1 else draws
    expected *= apart
    return at_most(numbers.held - numbers.values, expected)


def at_most(seen: int, expected: float) -> float:
    """The probability of at most `seen` events where `expected` are (Poisson), bounded as by Chernoff."""
    if seen >= expected:
        return 1.0
    return math.exp(-expected + seen + (seen * math.log(expected / seen) if seen else 0.0))


def own_counter(numbers_in_time: Floats) -> bool:
    """Whether numbers, in the order of time, are a party's own counting."""
    steps = numbers_in_time[1:] - numbers_in_time[:-1]
    return len(steps) > 0 and float((steps > 0).mean()) >= ASCENDING


def received(party: str, field: str) -> bool:
    """Whether the party got the values of this field from somebody else; a thief's copy of a database does not say."""
    return not party.startswith(THIEF) and field.rpartition(" ")[2].startswith("received.")
