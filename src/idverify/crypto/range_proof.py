"""A hidden message of a BBS proof is at most a bound: a proof bit by bit; not constant-time, see `bls12_381`.

With v = bound − message, the prover commits to each bit of v, C_i = v_i·H + r_i·G (Pedersen 1991), proves that each
commits to 0 or to 1 (Cramer, Damgård and Schoenmakers 1994), and that Σ 2^i·C_i commits to bound − message for the
message that the BBS proof hides: both proofs share its nonce and response under one Fiat-Shamir challenge.

v lies in [0, 2^bits), and so the message in (bound − 2^bits, bound], taken modulo the group's order: what a signer
signs as a number is far below the order, hence not one of those that this calls negative, hence at most the bound.
No standard describes this
composition; nobody should rely on it before it was reviewed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idverify.crypto.bbs import SHA_256, Announced, framed
from idverify.crypto.bls12_381 import (
    POINT_SIZE,
    SCALAR_SIZE,
    Base,
    G1Point,
    Scalar,
    combine,
    combine_fixed,
    combine_fixed_secret,
    combine_secret,
    decode_point,
    decode_scalar,
    hash_to_point,
    is_identity,
    random_scalar,
    scalar_of,
)
from idverify.errors import BadMessage
from idverify.scheme import Random

LABEL = b"IDVERIFY_RANGE_V1_"
BIT_SIZE = 3 * SCALAR_SIZE
"""Of the answer for one bit: the challenge of the first case, and a response for each case."""
MOST_BITS = 64

G = Base(hash_to_point(LABEL + b"G", LABEL + b"GENERATOR_DST_", expand=SHA_256.expand))
H = Base(hash_to_point(LABEL + b"H", LABEL + b"GENERATOR_DST_", expand=SHA_256.expand))


def commitments_size(bits: int) -> int:
    """Bytes of the commitments to that many bits."""
    return bits * POINT_SIZE


def answer_size(bits: int) -> int:
    """Bytes of the answer: for each bit, and one response for the sum."""
    return bits * BIT_SIZE + SCALAR_SIZE


class RangeProver:
    """That the hidden message at `index` is at most `bound`. Raises BadMessage where it is not, or is too far below."""

    def __init__(
        self, index: int, message: int, bound: int, *, bits: int, random: Random = secrets.token_bytes
    ) -> None:
        value = bound - message
        if not 0 < bits <= MOST_BITS or not 0 <= value < 1 << bits:
            raise BadMessage(f"the message is not at most the bound, by less than {bits} bits")
        self._index, self._bound = index, bound
        self._values = [value >> i & 1 for i in range(bits)]
        self._blinds = [random_scalar(random) for _ in range(bits)]
        self.points = [
            combine_fixed_secret([H, G], [scalar_of(bit), blind])
            for bit, blind in zip(self._values, self._blinds, strict=True)
        ]
        # For the case that is not so, challenge and response are drawn first and the announcement follows from them.
        self._false = [(random_scalar(random), random_scalar(random)) for _ in range(bits)]
        self._true = [random_scalar(random) for _ in range(bits)]
        self._sum = random_scalar(random)

    @property
    def commitments(self) -> bytes:
        return b"".join(point.to_compressed_bytes() for point in self.points)

    def announce(self, nonces: Mapping[int, Scalar]) -> Announced:
        cases: list[G1Point] = []
        for bit, point, (challenge, response), nonce in zip(
            self._values, self.points, self._false, self._true, strict=True
        ):
            other = point if bit else point - H.point
            simulated = combine_fixed_secret([G], [response]) - combine_secret([other], [challenge])
            real = combine_fixed_secret([G], [nonce])
            cases += [simulated, real] if bit else [real, simulated]
        whole = combine_fixed_secret([H, G], [nonces[self._index], self._sum])
        return _announced(self._bound, self.points, cases, whole)

    def respond(self, challenge: Scalar) -> bytes:
        answers: list[Scalar] = []
        for bit, blind, (false, response), nonce in zip(
            self._values, self._blinds, self._false, self._true, strict=True
        ):
            real = challenge - false
            answer = nonce + blind * real
            answers += [false, response, answer] if bit else [real, answer, response]
        total = scalar_of(0)
        for i, blind in enumerate(self._blinds):
            total = total + blind * scalar_of(1 << i)
        # bound·H − Σ 2^i·C_i = message·H − total·G, whose second exponent is therefore −total.
        answers.append(self._sum - total * challenge)
        return b"".join(each.to_be_bytes() for each in answers)


@dataclass(frozen=True, slots=True)
class RangeVerifier:
    """The other half, for `commitments` and the `answer` of `RangeProver.respond`."""

    index: int
    bound: int
    bits: int
    commitments: bytes
    answer: bytes

    def recompute(self, responses: Mapping[int, Scalar], challenge: Scalar) -> Announced:
        # (1) shape  (2) the message is hidden  (3) each bit is 0 or 1  (4) the sum is bound − message
        if not 0 < self.bits <= MOST_BITS or not 0 <= self.bound < 1 << MOST_BITS:
            raise BadMessage("the bound of the range is out of range itself")
        if len(self.commitments) != commitments_size(self.bits) or len(self.answer) != answer_size(self.bits):  # (1)
            raise BadMessage(f"the range proof does not have the length for {self.bits} bits")
        if self.index not in responses:  # (2)
            raise BadMessage("the message of the range proof is not hidden")
        points = [
            decode_point(self.commitments[at : at + POINT_SIZE], "commitment of the range proof")
            for at in range(0, len(self.commitments), POINT_SIZE)
        ]
        scalars = [
            decode_scalar(self.answer[at : at + SCALAR_SIZE], "answer of the range proof")
            for at in range(0, len(self.answer), SCALAR_SIZE)
        ]
        cases: list[G1Point] = []
        for i, point in enumerate(points):  # (3)
            first, zero, one = scalars[3 * i : 3 * i + 3]
            cases.append(combine_fixed([G], [zero]) - point * first)
            cases.append(combine_fixed([G], [one]) - (point - H.point) * (challenge - first))
        weighted = combine(points, [scalar_of(1 << i) for i in range(self.bits)])  # (4)
        whole = combine_fixed([H, G], [responses[self.index], scalars[-1]])
        whole = whole - (combine_fixed([H], [scalar_of(self.bound)]) - weighted) * challenge
        return _announced(self.bound, points, cases, whole)


def _announced(bound: int, points: Sequence[G1Point], cases: Sequence[G1Point], whole: G1Point) -> Announced:
    if any(is_identity(point) for point in points):
        raise BadMessage("a bit of the range proof is committed to by the point at infinity")
    octets = (b"".join(each.to_compressed_bytes() for each in group) for group in (points, cases, [whole]))
    return framed(LABEL, bound.to_bytes(8), *octets)
