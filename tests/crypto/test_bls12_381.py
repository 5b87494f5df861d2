"""The wrapper on arkworks: what the library takes and we refuse."""

from __future__ import annotations

import secrets

import pytest

from idverify.crypto.bls12_381 import (
    FIELD,
    MOST_TABLED,
    ORDER,
    TABLE_AFTER,
    Base,
    G1Point,
    G2Point,
    Scalar,
    combine,
    combine_fixed,
    combine_fixed_secret,
    combine_secret,
    decode_point,
    decode_public,
    decode_scalar,
    expand_xmd,
    expand_xof,
    hash_to_point,
    inverse,
    is_identity,
    pairings_hold,
    random_scalar,
    scalar_of,
    split,
)
from idverify.errors import BadMessage

POINT = (G1Point() * Scalar(7)).to_compressed_bytes()
PUBLIC = (G2Point() * Scalar(7)).to_compressed_bytes()


def spellings(size: int) -> list[bytes]:
    """The point at infinity as it should be written, and as it is read all the same; then other wrong flags."""
    infinite = [bytes([flags]) + bytes(size - 2) + bytes([last]) for flags in (0xC0, 0xE0) for last in (0, 1)]
    return [*infinite, b"\xff" * size, bytes(size), b"\x40" + bytes(size - 1), b"\x20" + bytes(size - 1), b""]


@pytest.mark.parametrize("octets", spellings(48), ids=lambda octets: octets.hex()[:4] + octets.hex()[-2:])
def test_the_point_at_infinity_is_refused_in_every_spelling(octets: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_point(octets)


@pytest.mark.parametrize("octets", spellings(96), ids=lambda octets: octets.hex()[:4] + octets.hex()[-2:])
def test_a_public_key_at_infinity_is_refused_in_every_spelling(octets: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_public(octets)


def test_a_point_of_another_length_or_without_its_flag_is_refused() -> None:
    assert decode_point(POINT).to_compressed_bytes() == POINT
    assert decode_public(PUBLIC).to_compressed_bytes() == PUBLIC
    for octets in (POINT[:-1], POINT + b"\0", bytes([POINT[0] & 0x7F]) + POINT[1:], PUBLIC):
        with pytest.raises(BadMessage):
            decode_point(octets)
    for octets in (PUBLIC[:-1], PUBLIC + b"\0", bytes([PUBLIC[0] & 0x7F]) + PUBLIC[1:], POINT):
        with pytest.raises(BadMessage):
            decode_public(octets)


def test_a_coordinate_that_is_not_reduced_is_refused() -> None:
    flags, x = 0, FIELD
    while x + FIELD >= 1 << 381:
        octets = (G1Point() * random_scalar()).to_compressed_bytes()
        flags, x = octets[0] & 0xE0, int.from_bytes(octets) & ((1 << 381) - 1)
    decode_point((x | flags << 376).to_bytes(48))
    with pytest.raises(BadMessage, match="not reduced"):
        decode_point((x + FIELD | flags << 376).to_bytes(48))


def test_a_point_of_the_curve_outside_the_group_is_refused() -> None:
    # x = 4 is on the curve with y² = 68? The first small x that decompresses stands for all: the cofactor is 2^125.
    for x in range(1, 50):
        octets = (x | 0x80 << 376).to_bytes(48)
        try:
            point = G1Point.from_compressed_bytes_unchecked(octets)
        except ValueError:
            continue
        assert not point.is_in_subgroup()
        with pytest.raises(BadMessage, match="no point of the group"):
            decode_point(octets)
        return
    pytest.fail("no small x is on the curve")


@pytest.mark.parametrize("number", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_zero_and_numbers_from_the_order_on_are_no_scalars(number: int) -> None:
    with pytest.raises(BadMessage):
        decode_scalar(number.to_bytes(32))


def test_scalars_have_one_length_and_numbers_do_not_wrap_around() -> None:
    for octets in (b"", bytes(31), b"\1" * 33):
        with pytest.raises(BadMessage):
            decode_scalar(octets)
    for number in (-1, ORDER, 1 << 300):
        with pytest.raises(BadMessage):
            scalar_of(number)
    assert int(scalar_of(ORDER - 1)) == ORDER - 1


def test_lists_of_different_lengths_are_refused() -> None:
    points, scalars = [G1Point(), G1Point()], [random_scalar()]
    bases = [Base(point) for point in points]
    for function in (combine, combine_secret):
        with pytest.raises(BadMessage):
            function(points, scalars)
        with pytest.raises(BadMessage):
            function([], [])
    for fixed in (combine_fixed, combine_fixed_secret):
        with pytest.raises(BadMessage):
            fixed(bases, scalars)


def test_the_pairing_of_nothing_or_of_infinity_does_not_hold() -> None:
    with pytest.raises(BadMessage):
        pairings_hold([])
    with pytest.raises(BadMessage):
        pairings_hold([(G1Point.identity(), G2Point())])
    with pytest.raises(BadMessage):
        pairings_hold([(G1Point(), G2Point.identity())])
    assert pairings_hold([(G1Point() * Scalar(6), G2Point()), (-G1Point() * Scalar(2), G2Point() * Scalar(3))])
    assert not pairings_hold([(G1Point() * Scalar(6), G2Point()), (-G1Point() * Scalar(2), G2Point() * Scalar(4))])


def test_split_scalars_sum_up_and_are_split_differently_each_time() -> None:
    scalars = [random_scalar() for _ in range(3)]
    first, again = split(scalars), split(scalars)
    assert [a + b for a, b in zip(first[:3], first[3:], strict=True)] == scalars
    assert first != again
    points = [G1Point() * random_scalar() for _ in range(3)]
    assert combine_secret(points, scalars) == combine(points, scalars)


def test_a_table_gives_the_same_points() -> None:
    point = G1Point() * random_scalar()
    base = Base(point)
    for number in (0, 1, 255, 256, ORDER - 1):
        assert combine_fixed([base], [scalar_of(number)]) == point * Scalar(number)
    assert base.rows() is None
    base.prepare()
    assert base.rows() is not None
    for number in (0, 1, 255, 256, ORDER - 1, secrets.randbelow(ORDER)):
        assert combine_fixed([base], [scalar_of(number)]) == point * Scalar(number)
        assert combine_fixed_secret([base], [scalar_of(number)]) == point * Scalar(number)


def test_a_table_is_made_of_what_is_used_often() -> None:
    base = Base(G1Point() * random_scalar())
    for _ in range(TABLE_AFTER):
        assert base.rows() is None
    assert base.rows() is not None


def test_no_tables_are_made_for_a_sum_of_many_points() -> None:
    points = [G1Point() * Scalar(number) for number in range(1, MOST_TABLED + 2)]
    bases, factors = [Base(point) for point in points], [random_scalar() for _ in points]
    for _ in range(TABLE_AFTER + 1):
        assert combine_fixed(bases, factors) == combine(points, factors)
    assert all(base.rows() is None for base in bases)


def test_the_inverse_is_one_and_zero_has_none() -> None:
    scalar = random_scalar()
    assert (inverse(scalar) * scalar).is_one()
    with pytest.raises(BadMessage):
        inverse(Scalar(0))


def test_random_scalars_are_never_zero() -> None:
    draws = [bytes(48), ORDER.to_bytes(48), (ORDER + 5).to_bytes(48)]
    assert int(random_scalar(lambda _: draws.pop(0))) == 5


def test_hashing_to_the_curve_follows_rfc_9380() -> None:
    # Appendix J.9.1 of RFC 9380, and what the library itself does.
    dst = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_"
    assert hash_to_point(b"", dst).to_xy_bytes_be().hex() == (
        "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1"
        "08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265"
    )
    for message in (b"", b"abc", bytes(1000)):
        assert hash_to_point(message, dst) == G1Point.hash_to_curve(message, dst)
        assert hash_to_point(message, dst, expand=expand_xof) != hash_to_point(message, dst)


@pytest.mark.parametrize("expand", [expand_xmd, expand_xof])
def test_expanding_refuses_tags_and_lengths_out_of_range(expand: object) -> None:
    assert callable(expand)
    for dst, size in ((b"", 48), (b"d" * 256, 48), (b"d", 0), (b"d", 1 << 20)):
        with pytest.raises(BadMessage):
            expand(b"message", dst, size)


def test_expand_message_xmd_gives_the_published_bytes() -> None:
    # Appendix K.1 of RFC 9380.
    made = expand_xmd(b"abc", b"QUUX-V01-CS02-with-expander-SHA256-128", 32)
    assert made.hex() == "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615"


def test_a_point_at_infinity_is_known_as_such() -> None:
    assert is_identity(G1Point.identity())
    assert not is_identity(G1Point())
