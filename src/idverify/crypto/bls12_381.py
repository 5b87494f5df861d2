"""BLS12-381 on arkworks, which is not constant-time: secret scalars are therefore split before each use (RFC 9380).

`py_arkworks_bls12381` is fast and trusting. It takes the point at infinity in several spellings, makes `Scalar(r)` a
zero, cuts a multi-scalar multiplication off at the shorter list, and finds that the pairing of nothing holds. What it
is given here was checked before: whoever uses the curve calls these functions, and of the library only the operators
of its types.

A secret scalar s never meets the library's multiplication: it becomes a + b with a fresh random a, and s·P = a·P + b·P.
What a clock sees is the time of two random numbers. That is a mitigation and no proof: additions and the reading of
tables still take place in Python, on a machine that others may share.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from typing import TypeAlias

from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from idverify.errors import BadMessage
from idverify.scheme import Random

__all__ = ["G1Point", "G2Point", "Scalar"]

ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
FIELD = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
POINT_SIZE = 48
PUBLIC_SIZE = 96
SCALAR_SIZE = 32
EXPAND_SIZE = 48
"""Bytes that become one scalar: 128 bits more than its size, so that the remainder is uniform."""
TABLE_AFTER = 32
"""Multiplications of a fixed point before a table is made of it: making one takes as long as about 50."""
TABLE_POINTS = 32 * 255
"""In one table, 1.4 MB: a multiple of the point for each value of each byte of a scalar."""
MOST_TABLED = 32
"""Points of one sum that tables are used and made for. Tables gain less the more points there are, and nothing from
about 64 on; a thousand of them, for a proof of a thousand messages, would take 1.4 GB and half a minute to make."""

Expand: TypeAlias = Callable[[bytes, bytes, int], bytes]
"""expand_message of RFC 9380: a message and a domain separation tag to uniform bytes of a length."""


def decode_point(octets: bytes, what: str = "point") -> G1Point:
    """A compressed point of G1, never the one at infinity. Raises BadMessage."""
    # Compressed, finite, below the field's size: 0x80 must be set and 0x40 not. The library checks curve and subgroup.
    if len(octets) != POINT_SIZE or octets[0] & 0xC0 != 0x80:
        raise BadMessage(f"the {what} is not {POINT_SIZE} bytes of a compressed, finite point")
    if int.from_bytes(octets) & ((1 << 381) - 1) >= FIELD:
        raise BadMessage(f"the {what} has a coordinate that is not reduced")
    try:
        return G1Point.from_compressed_bytes(octets)
    except ValueError as error:
        raise BadMessage(f"the {what} is no point of the group G1") from error


def decode_public(octets: bytes, what: str = "public key") -> G2Point:
    """A compressed point of G2, never the one at infinity. Raises BadMessage."""
    if len(octets) != PUBLIC_SIZE or octets[0] & 0xC0 != 0x80:
        raise BadMessage(f"the {what} is not {PUBLIC_SIZE} bytes of a compressed, finite point")
    high, low = int.from_bytes(octets[:POINT_SIZE]) & ((1 << 381) - 1), int.from_bytes(octets[POINT_SIZE:])
    if high >= FIELD or low >= FIELD:
        raise BadMessage(f"the {what} has a coordinate that is not reduced")
    try:
        return G2Point.from_compressed_bytes(octets)
    except ValueError as error:
        raise BadMessage(f"the {what} is no point of the group G2") from error


def decode_scalar(octets: bytes, what: str = "scalar") -> Scalar:
    """32 bytes, big-endian, of a number from 1 to r − 1. Raises BadMessage."""
    if len(octets) != SCALAR_SIZE:
        raise BadMessage(f"the {what} is not {SCALAR_SIZE} bytes")
    try:
        scalar = Scalar.from_be_bytes(octets)
    except ValueError as error:
        raise BadMessage(f"the {what} is not below the group's order") from error
    if scalar.is_zero():
        raise BadMessage(f"the {what} is zero")
    return scalar


def scalar_of(number: int) -> Scalar:
    """A small public number as a scalar; zero is allowed. Raises BadMessage outside 0 to r − 1."""
    if not 0 <= number < ORDER:
        raise BadMessage("a number is not from 0 to the group's order less one")
    return Scalar(number)


def random_scalar(random: Random = secrets.token_bytes) -> Scalar:
    """Uniform from 1 to r − 1."""
    while (scalar := Scalar.from_be_bytes_mod_order(random(EXPAND_SIZE))).is_zero():
        pass
    return scalar


def inverse(secret: Scalar) -> Scalar:
    """1/s, computed of a random multiple of s. Raises BadMessage for zero."""
    if secret.is_zero():
        raise BadMessage("zero has no inverse")
    blind = random_scalar()
    return (secret * blind).inverse() * blind


def is_identity(point: G1Point) -> bool:
    return point == G1Point.identity()


def combine(points: Sequence[G1Point], scalars: Sequence[Scalar]) -> G1Point:
    """s₁·P₁ + s₂·P₂ + … for public scalars. Raises BadMessage where the lengths differ or nothing is given."""
    if len(points) != len(scalars) or not points:
        raise BadMessage(f"{len(scalars)} scalars do not go with {len(points)} points")
    return G1Point.multiexp_unchecked(list(points), list(scalars))


def combine_secret(points: Sequence[G1Point], scalars: Sequence[Scalar]) -> G1Point:
    """The same for secret scalars, each of them split in two."""
    if len(points) != len(scalars):
        raise BadMessage(f"{len(scalars)} scalars do not go with {len(points)} points")
    return combine([*points, *points], split(scalars))


def split(scalars: Sequence[Scalar]) -> list[Scalar]:
    """First random parts, then what is missing to each scalar."""
    parts = [random_scalar() for _ in scalars]
    return parts + [scalar - part for scalar, part in zip(scalars, parts, strict=True)]


def pairings_hold(pairs: Sequence[tuple[G1Point, G2Point]]) -> bool:
    """Whether e(P₁, Q₁)·e(P₂, Q₂)·… is one. Raises BadMessage for no pairs and for a point at infinity."""
    if not pairs:
        raise BadMessage("there is nothing to pair")
    if any(is_identity(point) or public == G2Point.identity() for point, public in pairs):
        raise BadMessage("a point at infinity is to be paired")
    return GT.pairing_check([point for point, _ in pairs], [public for _, public in pairs])


class Base:
    """A fixed point of G1. After its first uses a table makes multiplications of it about six times faster."""

    __slots__ = ("_rows", "_used", "octets", "point")

    def __init__(self, point: G1Point) -> None:
        self.point = point
        self.octets = point.to_compressed_bytes()
        self._used = 0
        self._rows: list[list[G1Point]] | None = None

    def rows(self) -> list[list[G1Point]] | None:
        """Row i holds d·256^i·P at place d. None as long as the point was used too little."""
        if self._rows is None:
            self._used += 1
            if self._used > TABLE_AFTER:
                self.prepare()
        return self._rows

    def prepare(self) -> None:
        """Make the table now. Two threads that do so at once make the same one."""
        rows: list[list[G1Point]] = []
        step = self.point
        for _ in range(SCALAR_SIZE):
            row = [G1Point.identity()]
            for _ in range(255):
                row.append(row[-1] + step)
            rows.append(row)
            step = row[-1] + step
        self._rows = rows


def combine_fixed(bases: Sequence[Base], scalars: Sequence[Scalar]) -> G1Point:
    """`combine` for fixed points and public scalars; zeros are allowed."""
    if len(bases) != len(scalars):
        raise BadMessage(f"{len(scalars)} scalars do not go with {len(bases)} points")
    if len(bases) > MOST_TABLED:
        return combine([base.point for base in bases], scalars)
    total = G1Point.identity()
    points: list[G1Point] = []
    factors: list[Scalar] = []
    for base, scalar in zip(bases, scalars, strict=True):
        rows = base.rows()
        if rows is None:
            points.append(base.point)
            factors.append(scalar)
            continue
        for row, digit in zip(rows, scalar.to_le_bytes(), strict=True):
            if digit:
                total = total + row[digit]
    return total + combine(points, factors) if points else total


def combine_fixed_secret(bases: Sequence[Base], scalars: Sequence[Scalar]) -> G1Point:
    """`combine_fixed` for secret scalars, each of them split in two."""
    if len(bases) != len(scalars):
        raise BadMessage(f"{len(scalars)} scalars do not go with {len(bases)} points")
    return combine_fixed([*bases, *bases], split(scalars))


def expand_xmd(message: bytes, dst: bytes, size: int) -> bytes:
    """expand_message_xmd with SHA-256 (RFC 9380 section 5.3.1). Raises BadMessage for a tag or size out of range."""
    blocks = -(-size // 32)
    if not 0 < len(dst) < 256 or blocks > 255 or size < 1:
        raise BadMessage("a domain separation tag or a length is out of range")
    tag = dst + bytes([len(dst)])
    first = hashlib.sha256(bytes(64) + message + size.to_bytes(2) + b"\0" + tag).digest()
    block = hashlib.sha256(first + b"\1" + tag).digest()
    out = block
    for number in range(2, blocks + 1):
        mixed = (int.from_bytes(first) ^ int.from_bytes(block)).to_bytes(32)
        block = hashlib.sha256(mixed + bytes([number]) + tag).digest()
        out += block
    return out[:size]


def expand_xof(message: bytes, dst: bytes, size: int) -> bytes:
    """expand_message_xof with SHAKE-256 (RFC 9380 section 5.3.2). Raises BadMessage for a tag or size out of range."""
    if not 0 < len(dst) < 256 or not 0 < size < 65536:
        raise BadMessage("a domain separation tag or a length is out of range")
    return hashlib.shake_256(message + size.to_bytes(2) + dst + bytes([len(dst)])).digest(size)


def hash_to_scalar(message: bytes, dst: bytes, *, expand: Expand = expand_xmd) -> Scalar:
    """A message to a number below r (draft-irtf-cfrg-bbs-signatures section 4.2.2)."""
    return Scalar.from_be_bytes_mod_order(expand(message, dst, EXPAND_SIZE))


def hash_to_point(message: bytes, dst: bytes, *, expand: Expand = expand_xmd) -> G1Point:
    """hash_to_curve to G1: RFC 9380 suite BLS12381G1_XMD:SHA-256_SSWU_RO_, or its XOF:SHAKE-256 sister."""
    uniform = expand(message, dst, 128)
    first, second = (int.from_bytes(half) % FIELD for half in (uniform[:64], uniform[64:]))
    return G1Point.map_from_fp_be(first.to_bytes(POINT_SIZE)) + G1Point.map_from_fp_be(second.to_bytes(POINT_SIZE))
