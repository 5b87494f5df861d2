"""Every way to prove that a signed, hidden number is at most a bound although it is not, fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from idverify.crypto import bbs
from idverify.crypto.bls12_381 import ORDER, POINT_SIZE, SCALAR_SIZE, combine_fixed_secret, random_scalar, scalar_of
from idverify.crypto.range_proof import G, H, RangeProver, RangeVerifier
from idverify.errors import BadMessage, BadSignature

BITS = 8
SECRET = bbs.key_gen(b"k" * 32)
INTERFACE = bbs.plain(bbs.SHA_256)
SIGNED = bbs.Signed(INTERFACE, bbs.public_key(SECRET), b"", bbs.generators(INTERFACE, 3))
REFUSED = (BadMessage, BadSignature)
VALUE = 100
ROW = [scalar_of(5), scalar_of(VALUE), scalar_of(20)]
SIGNATURE = bbs.core_sign(SIGNED, SECRET, ROW)


def prove(part: RangeProver, *, ph: bytes = b"ph") -> tuple[bytes, bytes, bytes]:
    made = bbs.core_proof_gen(SIGNED, SIGNATURE, ROW, ph=ph, disclosed=[0], parts=[part])
    return made.proof, part.commitments, made.answers[0]


def check(
    proof: bytes, commitments: bytes, answer: bytes, *, bound: int, index: int = 1, bits: int = BITS, ph: bytes = b"ph"
) -> None:
    part = RangeVerifier(index, bound, bits, commitments, answer)
    bbs.core_proof_check(SIGNED, proof, ph=ph, disclosed={0: ROW[0]}, parts=[part]).finish()


@pytest.mark.parametrize("bound", [VALUE, VALUE + 1, VALUE + 2, VALUE + 128, VALUE + 255])
def test_a_number_is_at_most_each_bound_that_it_does_not_exceed(bound: int) -> None:
    check(*prove(RangeProver(1, VALUE, bound, bits=BITS)), bound=bound)


@pytest.mark.parametrize("bound", [VALUE - 1, 0, -1, VALUE + 256])
def test_an_honest_prover_says_that_it_cannot(bound: int) -> None:
    with pytest.raises(BadMessage):
        RangeProver(1, VALUE, bound, bits=BITS)


@pytest.mark.parametrize("bound", [VALUE - 1, VALUE - 50, 0])
def test_a_proof_for_a_higher_bound_proves_no_lower_one(bound: int) -> None:
    with pytest.raises(REFUSED):
        check(*prove(RangeProver(1, VALUE, VALUE, bits=BITS)), bound=bound)


def test_a_prover_that_lies_about_the_number_is_refused() -> None:
    with pytest.raises(REFUSED):
        check(*prove(RangeProver(1, VALUE - 60, VALUE - 50, bits=BITS)), bound=VALUE - 50)


def test_the_range_of_another_signed_number_is_refused() -> None:
    with pytest.raises(REFUSED):
        check(*prove(RangeProver(2, 20, VALUE - 50, bits=BITS)), bound=VALUE - 50)


class Cheat(RangeProver):
    """Commits to what it likes in place of bits, and goes on as if nothing were wrong."""

    def __init__(self, bound: int, values: list[int]) -> None:
        super().__init__(1, bound, bound, bits=BITS)  # as if the number were the bound itself
        self._values = [value & 1 for value in values]
        self.points = [
            combine_fixed_secret([H, G], [scalar_of(value % ORDER), blind])
            for value, blind in zip(values, self._blinds, strict=True)
        ]


@pytest.mark.parametrize(
    "values",
    [
        [-50] + [0] * 7,  # a bit that is the negative difference itself
        [ORDER - 50] + [0] * 7,
        [0, -25] + [0] * 6,
        [206, 0, 0, 0, 0, 0, 0, -2],  # 206 − 256
        [2, 0, 0, 0, 0, 0, 0, 0],
    ],
)
def test_a_bit_that_is_neither_zero_nor_one_is_refused(values: list[int]) -> None:
    bound = VALUE - 50
    with pytest.raises(REFUSED):
        check(*prove(Cheat(bound, values)), bound=bound)


def test_bits_that_add_up_to_another_number_are_refused() -> None:
    for values in ([0] * 8, [1] * 8, [0, 1, 0, 0, 1, 1, 0, 0]):
        with pytest.raises(REFUSED):
            check(*prove(Cheat(VALUE - 50, list(values))), bound=VALUE - 50)


def test_a_bound_below_zero_or_far_above_all_numbers_is_refused() -> None:
    good = prove(RangeProver(1, VALUE, VALUE, bits=BITS))
    for bound in (-1, ORDER + VALUE, 1 << 64):
        with pytest.raises(REFUSED):
            check(*good, bound=bound)


def test_the_proof_is_bound_to_its_presentation_header() -> None:
    good = prove(RangeProver(1, VALUE, VALUE, bits=BITS))
    with pytest.raises(REFUSED):
        check(*good, bound=VALUE, ph=b"another")


def test_a_proof_of_more_or_fewer_bits_is_refused() -> None:
    good = prove(RangeProver(1, VALUE, VALUE, bits=BITS))
    for bits in (0, 7, 9, 16, 65):
        with pytest.raises(REFUSED):
            check(*good, bound=VALUE, bits=bits)


def test_a_number_that_is_shown_is_not_taken_for_a_hidden_one() -> None:
    proof, commitments, answer = prove(RangeProver(1, VALUE, VALUE, bits=BITS))
    with pytest.raises(REFUSED):
        check(proof, commitments, answer, bound=VALUE, index=0)


def test_the_parts_of_two_proofs_do_not_mix() -> None:
    one, two = (prove(RangeProver(1, VALUE, VALUE + 3, bits=BITS)) for _ in range(2))
    for mixed in ((one[0], two[1], one[2]), (one[0], one[1], two[2]), (two[0], one[1], one[2])):
        with pytest.raises(REFUSED):
            check(*mixed, bound=VALUE + 3)


def test_every_bit_of_commitments_and_answer_counts() -> None:
    proof, commitments, answer = prove(RangeProver(1, VALUE, VALUE, bits=BITS))
    for at in range(0, len(commitments), 5):
        with pytest.raises(REFUSED):
            check(proof, _flipped(commitments, at), answer, bound=VALUE)
    for at in range(0, len(answer), 5):
        with pytest.raises(REFUSED):
            check(proof, commitments, _flipped(answer, at), bound=VALUE)


INFINITY = bytes([0xC0]) + bytes(POINT_SIZE - 1)
DAMAGE: dict[str, Callable[[bytes, bytes], tuple[bytes, bytes]]] = {
    "the point at infinity": lambda c, a: (INFINITY + c[POINT_SIZE:], a),
    "a zero": lambda c, a: (c, bytes(SCALAR_SIZE) + a[SCALAR_SIZE:]),
    "a scalar of the group's order": lambda c, a: (c, ORDER.to_bytes(SCALAR_SIZE) + a[SCALAR_SIZE:]),
    "a random scalar": lambda c, a: (c, random_scalar().to_be_bytes() + a[SCALAR_SIZE:]),
    "two bits swapped": lambda c, a: (c[POINT_SIZE : 2 * POINT_SIZE] + c[:POINT_SIZE] + c[2 * POINT_SIZE :], a),
    "cut off": lambda c, a: (c[:-1], a),
    "nothing": lambda _c, _a: (b"", b""),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_parts_are_refused(damage: Callable[[bytes, bytes], tuple[bytes, bytes]]) -> None:
    proof, commitments, answer = prove(RangeProver(1, VALUE, VALUE + 5, bits=BITS))
    with pytest.raises(REFUSED):
        check(proof, *damage(commitments, answer), bound=VALUE + 5)


def test_two_proofs_of_one_number_have_no_commitment_in_common() -> None:
    one, two = (RangeProver(1, VALUE, VALUE, bits=BITS).commitments for _ in range(2))
    pieces = [{c[at : at + POINT_SIZE] for at in range(0, len(c), POINT_SIZE)} for c in (one, two)]
    assert not pieces[0] & pieces[1]


def _flipped(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
