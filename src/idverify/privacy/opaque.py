"""Which values of a ledger are worth joining on: those that could hardly be equal by accident.

Apparent entropy of a string = length × log2(size of the smallest usual alphabet that its characters are from).
The rule knows no scheme and no field name.
"""

from __future__ import annotations

import math
import re
import string

LEAST_BITS = 32.0
_DIGITS, _LOWER, _UPPER = string.digits, string.ascii_lowercase, string.ascii_uppercase
ALPHABETS = (
    (10, frozenset(_DIGITS)),
    (16, frozenset(_DIGITS + "abcdef")),
    (16, frozenset(_DIGITS + "ABCDEF")),
    (26, frozenset(_LOWER)),
    (26, frozenset(_UPPER)),
    (36, frozenset(_DIGITS + _LOWER)),
    (36, frozenset(_DIGITS + _UPPER)),
    (62, frozenset(_DIGITS + _LOWER + _UPPER)),
    (64, frozenset(_DIGITS + _LOWER + _UPPER + "_=-")),
    (64, frozenset(_DIGITS + _LOWER + _UPPER + "+/=")),
)
"""The smallest first. A text from none of them is counted as printable ASCII."""
PRINTABLE = 95
SPOKEN = re.compile(r"[+-]?\d+[.,]\d+|\d{4}-\d\d(-\d\d)?([T ].*)?|\d\d?[./]\d\d?[./]\d{4}|true|false", re.IGNORECASE)
SPACE = re.compile(r"\s")


def apparent_bits(value: str) -> float:
    """The apparent entropy of `value` in bits: an upper bound, from its length and its characters alone.

    A value of one repeated character says nothing and has 0 bits.
    """
    characters = set(value)
    if len(characters) < 2:
        return 0.0
    size = next((size for size, alphabet in ALPHABETS if characters <= alphabet), PRINTABLE)
    return len(value) * math.log2(size)


def opaque_bits(value: str) -> float:
    """The apparent entropy of a candidate for a join, and 0 for anything else: see `is_opaque`."""
    if len(value) * math.log2(PRINTABLE) < LEAST_BITS or SPACE.search(value) or SPOKEN.fullmatch(value):
        return 0.0
    bits = apparent_bits(value)
    return bits if bits >= LEAST_BITS else 0.0


def is_opaque(value: object) -> bool:
    """Whether a leaf is a candidate for a join: a string of at least 32 apparent bits that nobody would say aloud.

    Numbers, booleans, dates, decimal numbers and text with spaces (names, sentences) are left to other attacks.
    """
    return isinstance(value, str) and opaque_bits(value) > 0.0
