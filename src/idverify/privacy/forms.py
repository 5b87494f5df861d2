"""The forms in which the values of a ledger are compared: what one text is, and the same for a column of texts.

`digest` where it is 32 bytes in hexadecimal or base64url, `tail`, the last of these bytes, `number` where it is an
instant (seconds since 1970), and `bits`, its apparent entropy, 0 where it is not opaque.

`forms_of` says what the forms of a text are. For a column, one pass over the bytes of all its texts finds for each text
from which sets of characters it is; where that does not settle the matter the text is looked at by itself.
"""

from __future__ import annotations

import binascii
import math
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from idverify.privacy.opaque import ALPHABETS, LEAST_BITS, PRINTABLE, SPACE, SPOKEN, opaque_bits

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[0-9A-Za-z_+/-]{43}=?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_INSTANT_LENGTHS = 16, 40
_NO_DIGIT = 255
_NIBBLES, _SIXES = np.full(256, _NO_DIGIT, np.uint8), np.full(256, _NO_DIGIT, np.uint8)
"""The digits of hexadecimal and of base64 in either alphabet, by their characters."""
for _digits in (b"0123456789abcdef", b"0123456789ABCDEF"):
    _NIBBLES[list(_digits)] = range(16)
for _digits in (b"+/", b"-_"):
    _SIXES[list(string.ascii_uppercase.encode() + string.ascii_lowercase.encode() + b"0123456789" + _digits)] = range(
        64
    )

_ALPHANUMERIC = string.digits + string.ascii_letters
_SETS = {
    "ascii": frozenset(map(chr, range(128))),
    "no space": frozenset(chr(code) for code in range(128) if not SPACE.match(chr(code))),
    "spoken first": frozenset(string.digits + "+-"),  # of what is spoken, other than true and false
    "alphanumeric": frozenset(_ALPHANUMERIC),  # nothing spoken is, other than true and false
    "instant": frozenset(string.digits + "-T :.Z+"),
}
_LONGEST_WORD = len("false")
_BIT = {name: np.uint16(1 << (len(ALPHABETS) + place)) for place, name in enumerate(_SETS)}
_SETS_OF_BYTE = np.zeros(256, np.uint16)
"""For each byte the sets of characters that it is in, one bit each: first the alphabets, then the others."""
for _place, _set in enumerate([*(alphabet for _, alphabet in ALPHABETS), *_SETS.values()]):
    _SETS_OF_BYTE[[ord(character) for character in _set]] |= np.uint16(1 << _place)

_ALPHABET_BITS = np.uint16((1 << len(ALPHABETS)) - 1)
_BITS_A_CHARACTER = np.full(1 << len(ALPHABETS), math.log2(PRINTABLE))
"""By the alphabets that a text could be from: the smallest of them decides."""
for _place, (_size, _) in reversed(list(enumerate(ALPHABETS))):
    _BITS_A_CHARACTER[np.flatnonzero(np.arange(len(_BITS_A_CHARACTER)) & (1 << _place))] = math.log2(_size)


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of a column of texts, each as long as it; null where a text has none."""

    digest: pa.Array
    tail: pa.Array
    number: pa.Array
    bits: pa.Array


def forms_of(text: str) -> tuple[str | None, float | None, float]:
    """The digest, the instant and the apparent bits of one text."""
    return _digest(text), _instant(text), opaque_bits(text)


def forms(texts: pa.StringArray) -> Forms:
    """The forms of every text of the column, in which there is no null."""
    numbers, bits = np.full(len(texts), math.nan), np.zeros(len(texts))
    offsets, data = _bytes_of(texts)
    rows = np.flatnonzero(np.diff(offsets))  # the empty ones have no forms, and `reduceat` no answer for them
    first, length = offsets[rows], np.diff(offsets)[rows]
    sets = np.bitwise_and.reduceat(_SETS_OF_BYTE[data], first)
    plain = _within(sets, "ascii")

    def looked_at(chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, str]]:
        which = rows[chosen]
        return zip(which.tolist(), texts.take(pa.array(which)).to_pylist(), strict=True)

    for row, text in looked_at(~plain):
        _, instant, bits[row] = forms_of(text)
        numbers[row] = math.nan if instant is None else instant
    shortest, longest = _INSTANT_LENGTHS
    for row, text in looked_at(_within(sets, "instant") & (length >= shortest) & (length <= longest)):
        numbers[row] = math.nan if (instant := _instant(text)) is None else instant

    varied = np.minimum.reduceat(data, first) != np.maximum.reduceat(data, first)
    apparent = np.where(plain, _unspoken_bits(sets, length) * varied, 0.0)
    perhaps = _within(_SETS_OF_BYTE[data[first]], "spoken first") & ~_within(sets, "alphanumeric")
    bits[rows[plain]] = apparent[plain]
    for row, text in looked_at((apparent > 0.0) & (perhaps | (length <= _LONGEST_WORD))):
        if SPOKEN.fullmatch(text):
            bits[row] = 0.0
    digests, raw = _digests(data, first, length)
    of_rows = np.full(len(texts), -1)
    of_rows[rows[digests]] = np.arange(len(digests))
    which = pa.array(of_rows, mask=of_rows < 0)
    return Forms(
        digest=_hexadecimal(raw).take(which),
        tail=pa.array(raw[:, -1].astype(np.float64)).take(which),
        number=pa.array(numbers, mask=np.isnan(numbers)),
        bits=pa.array(bits),
    )


def _digests(
    data: npt.NDArray[np.uint8], first: npt.NDArray[np.int32], length: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Which texts are 32 bytes in hexadecimal or base64, and these bytes."""
    hexadecimal = np.flatnonzero(length == 64)
    nibbles = _NIBBLES[data[first[hexadecimal, None] + np.arange(64)]]
    valid = (nibbles != _NO_DIGIT).all(axis=1)
    hexadecimal, nibbles = hexadecimal[valid], nibbles[valid]

    base64 = np.flatnonzero((length == 43) | (length == 44))
    padded = length[base64] == 44
    base64 = base64[~padded | (data[(first + length)[base64] - 1] == ord("="))]
    sixes = _SIXES[data[first[base64, None] + np.arange(43)]]
    valid = (sixes != _NO_DIGIT).all(axis=1)
    base64, sixes = base64[valid], sixes[valid]
    # Four digits are three bytes; of the 43rd two bits are left, which belong to no byte.
    one, two, three = sixes[:, 0::4], sixes[:, 1::4], sixes[:, 2::4]
    four = np.pad(sixes[:, 3::4], ((0, 0), (0, 1)))
    threes = np.stack((one << 2 | two >> 4, two << 4 | three >> 2, three << 6 | four), axis=2).reshape(-1, 33)
    raw = np.concatenate((nibbles[:, 0::2] << 4 | nibbles[:, 1::2], threes[:, :32])).astype(np.uint8, copy=False)
    return np.concatenate((hexadecimal, base64)), raw


def _hexadecimal(raw: npt.NDArray[np.uint8]) -> pa.StringArray:
    """Rows of 32 bytes as texts."""
    ends = np.arange(len(raw) + 1, dtype=np.int32) * 64
    return pa.StringArray.from_buffers(len(raw), pa.py_buffer(ends), pa.py_buffer(raw.tobytes().hex().encode()))


def _unspoken_bits(sets: npt.NDArray[np.uint16], length: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """`opaque_bits` of texts of at least two characters, none of which is spoken, by the sets that they are from."""
    apparent = length * _BITS_A_CHARACTER[sets & _ALPHABET_BITS]
    return np.where(_within(sets, "no space") & (apparent >= LEAST_BITS), apparent, 0.0)


def _within(sets: npt.NDArray[np.uint16], name: str) -> npt.NDArray[np.bool_]:
    within: npt.NDArray[np.bool_] = sets & _BIT[name] != 0
    return within


def _bytes_of(texts: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Where each text begins and the last one ends, and the bytes of all of them."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets or b"", np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return ends, np.frombuffer(data or b"", np.uint8)[: ends[-1] if len(ends) else 0]


def _digest(value: str) -> str | None:
    if len(value) == 64 and _HEX.fullmatch(value):
        return value.lower()
    if len(value) in (43, 44) and _BASE64.fullmatch(value):
        return binascii.a2b_base64(value[:43].replace("-", "+").replace("_", "/") + "=").hex()
    return None


def _instant(value: str) -> float | None:
    shortest, longest = _INSTANT_LENGTHS
    if not shortest <= len(value) <= longest or not _INSTANT.fullmatch(value):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
