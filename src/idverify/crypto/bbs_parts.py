"""Statements about a hidden message that a BBS proof or a commitment may be composed with.

Here stands the simplest: a published point is base·m, where m is the hidden message at an index of the row. It is a
Schnorr proof that shares nonce, challenge and response with the proof of the signature, so that nobody can use
another m. Others (an encryption of the message, a range of it) have the same two halves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idverify.crypto.bbs import Announced, framed
from idverify.crypto.bls12_381 import Base, G1Point, Scalar, combine_fixed, combine_fixed_secret


class PowerProver:
    """`point` = base·message; the label keeps statements of different kinds apart."""

    def __init__(self, label: bytes, base: Base, index: int, message: Scalar) -> None:
        self._label, self._base, self._index = label, base, index
        self.point = combine_fixed_secret([base], [message])

    def announce(self, nonces: Mapping[int, Scalar]) -> Announced:
        nonce = combine_fixed_secret([self._base], [nonces[self._index]])
        return _announced(self._label, self._base, self._index, point=self.point, nonce=nonce)

    def respond(self, challenge: Scalar) -> bytes:
        return b""


@dataclass(frozen=True, slots=True)
class PowerVerifier:
    """The same statement about a `point` that the prover sent."""

    label: bytes
    base: Base
    index: int
    point: G1Point

    def recompute(self, responses: Mapping[int, Scalar], challenge: Scalar) -> Announced:
        nonce = combine_fixed([self.base], [responses[self.index]]) - self.point * challenge
        return _announced(self.label, self.base, self.index, point=self.point, nonce=nonce)


def _announced(label: bytes, base: Base, index: int, *, point: G1Point, nonce: G1Point) -> Announced:
    return framed(label, base.octets, index.to_bytes(8), point.to_compressed_bytes(), nonce.to_compressed_bytes())
