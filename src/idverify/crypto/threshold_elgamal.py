"""ElGamal to a quorum of openers and a witness, with every part checked; not constant-time, see `bls12_381`.

A message m, a small number, becomes (C₁, C₂) = (r·G, r·X + m·H). The key X = X_Q + X_W is the sum of the quorum's key,
of which t of n openers hold the secret (Shamir 1979, with the commitments of Feldman 1987), and of the witness's,
without whom nothing is opened. `SealProver` and `SealVerifier` are parts of a BBS proof: they say that the m in the
seal is a signed, hidden message. Whoever opens gives x_i·C₁ and proves equal discrete logarithms (Chaum and Pedersen
1992) under a context, so that a part that was given for one record cannot be passed off for another.

Opening yields m·H; m itself is found among the numbers that it can be. ElGamal hides m under the decisional
Diffie-Hellman assumption in G1; a quantum computer would open every seal that was kept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    hash_to_scalar,
    is_identity,
    random_scalar,
    scalar_of,
)
from idverify.errors import BadMessage, BadSignature
from idverify.scheme import Random

LABEL = b"IDVERIFY_SEAL_V1_"
MOST_OPENERS = 255
SEAL_SIZE = 2 * POINT_SIZE
PART_SIZE = POINT_SIZE + 2 * SCALAR_SIZE
WITNESS = 0
"""The index of the witness; openers have 1 to n."""

G = Base(G1Point())
H = Base(hash_to_point(LABEL + b"H", LABEL + b"GENERATOR_DST_", expand=SHA_256.expand))


@dataclass(frozen=True, slots=True)
class OpenersKey:
    """What all may know: Feldman's commitments to the quorum's polynomial, how many openers, the witness's key."""

    commitments: tuple[G1Point, ...]
    openers: int
    witness: G1Point
    base: Base = field(repr=False)

    @property
    def threshold(self) -> int:
        """How many openers are needed, beside the witness."""
        return len(self.commitments)

    @property
    def octets(self) -> bytes:
        points = b"".join(point.to_compressed_bytes() for point in (self.witness, *self.commitments))
        return bytes([self.threshold, self.openers]) + points

    @property
    def id(self) -> str:
        """How a seal names the openers that it is for: 16 hexadecimal digits."""
        return hashlib.sha256(self.octets).hexdigest()[:16]

    def of(self, index: int) -> G1Point:
        """The verification key x_i·G of an opener, or of the witness. Raises BadMessage."""
        if index == WITNESS:
            return self.witness
        if not 1 <= index <= self.openers:
            raise BadMessage(f"there are openers 1 to {self.openers}, and no {index}")
        at = scalar_of(index)
        powers = [scalar_of(1)]
        while len(powers) < self.threshold:
            powers.append(powers[-1] * at)
        return combine(self.commitments, powers)


def openers_key(commitments: Sequence[G1Point], openers: int, witness: G1Point) -> OpenersKey:
    """Raises BadMessage where the numbers do not fit, or the keys cancel out."""
    if not 1 <= len(commitments) <= openers <= MOST_OPENERS:
        raise BadMessage(f"{len(commitments)} of {openers} openers is no quorum")
    total = commitments[0] + witness
    if is_identity(total):
        raise BadMessage("the keys of quorum and witness cancel out")
    return OpenersKey(tuple(commitments), openers, witness, Base(total))


def decode_key(octets: bytes) -> OpenersKey:
    """Raises BadMessage."""
    if len(octets) < 2 or len(octets) != 2 + POINT_SIZE * (1 + octets[0]):
        raise BadMessage("the openers' key does not have its length")
    witness, *commitments = (
        decode_point(octets[at : at + POINT_SIZE], "openers' key") for at in range(2, len(octets), POINT_SIZE)
    )
    return openers_key(commitments, octets[1], witness)


@dataclass(frozen=True, slots=True)
class Dealt:
    """The public key, and what each opener and the witness takes home: 32 bytes each."""

    key: OpenersKey
    shares: tuple[bytes, ...] = field(repr=False)
    witness: bytes = field(repr=False)


def deal(threshold: int, openers: int, *, random: Random = secrets.token_bytes) -> Dealt:
    """Make the keys of a quorum by a dealer who then forgets. Raises BadMessage.

    The dealer is trusted: a real quorum would make its keys together (Pedersen 1991), which changes no other message.
    """
    if not 1 <= threshold <= openers <= MOST_OPENERS:
        raise BadMessage(f"{threshold} of {openers} openers is no quorum")
    polynomial = [random_scalar(random) for _ in range(threshold)]
    shares = []
    for index in range(1, openers + 1):
        value = polynomial[-1]
        for coefficient in reversed(polynomial[:-1]):
            value = value * scalar_of(index) + coefficient
        if value.is_zero():
            return deal(threshold, openers, random=random)
        shares.append(value.to_be_bytes())
    witness = random_scalar(random)
    key = openers_key(
        [combine_fixed_secret([G], [each]) for each in polynomial], openers, combine_fixed_secret([G], [witness])
    )
    return Dealt(key, tuple(shares), witness.to_be_bytes())


@dataclass(frozen=True, slots=True)
class Seal:
    """A message for the openers: (C₁, C₂)."""

    c1: G1Point
    c2: G1Point

    @property
    def octets(self) -> bytes:
        return self.c1.to_compressed_bytes() + self.c2.to_compressed_bytes()


def decode_seal(octets: bytes) -> Seal:
    """Raises BadMessage."""
    if len(octets) != SEAL_SIZE:
        raise BadMessage(f"the seal has {len(octets)} bytes, not {SEAL_SIZE}")
    return Seal(decode_point(octets[:POINT_SIZE], "seal"), decode_point(octets[POINT_SIZE:], "seal"))


class SealProver:
    """Seals the hidden message at `index` of a BBS proof, and is the part of that proof which says so."""

    def __init__(self, key: OpenersKey, index: int, message: Scalar, *, random: Random = secrets.token_bytes) -> None:
        self._key, self._index = key, index
        self._r, self._nonce = random_scalar(random), random_scalar(random)
        self.seal = Seal(combine_fixed_secret([G], [self._r]), combine_fixed_secret([key.base, H], [self._r, message]))

    def announce(self, nonces: Mapping[int, Scalar]) -> Announced:
        first = combine_fixed_secret([G], [self._nonce])
        second = combine_fixed_secret([self._key.base, H], [self._nonce, nonces[self._index]])
        return _announced(self._key, self.seal, first, second)

    def respond(self, challenge: Scalar) -> bytes:
        return (self._nonce + self._r * challenge).to_be_bytes()


@dataclass(frozen=True, slots=True)
class SealVerifier:
    """The other half; `answer` is what `SealProver.respond` gave."""

    key: OpenersKey
    index: int
    seal: Seal
    answer: bytes

    def recompute(self, responses: Mapping[int, Scalar], challenge: Scalar) -> Announced:
        if self.index not in responses:
            raise BadMessage("the sealed message is not hidden in the proof")
        r, m = decode_scalar(self.answer, "answer of the seal"), responses[self.index]
        first = combine_fixed([G], [r]) - self.seal.c1 * challenge
        second = combine_fixed([self.key.base, H], [r, m]) - self.seal.c2 * challenge
        return _announced(self.key, self.seal, first, second)


def _announced(key: OpenersKey, seal: Seal, first: G1Point, second: G1Point) -> Announced:
    points = (first.to_compressed_bytes(), second.to_compressed_bytes())
    return framed(LABEL, key.octets, seal.octets, *points)


# Opening


def part_of(share: bytes, index: int, seal: Seal, *, context: bytes, random: Random = secrets.token_bytes) -> bytes:
    """One opener's part of opening a seal: x·C₁ and a proof that it is, 112 bytes. `index` 0 is the witness's.

    Raises BadMessage.
    """
    secret, nonce = decode_scalar(share, "share"), random_scalar(random)
    own, point = combine_fixed_secret([G], [secret]), combine_secret([seal.c1], [secret])
    challenge = _challenge(
        index, seal, own, point, combine_fixed_secret([G], [nonce]), combine_secret([seal.c1], [nonce]), context=context
    )
    return point.to_compressed_bytes() + challenge.to_be_bytes() + (nonce + secret * challenge).to_be_bytes()


def check_part(key: OpenersKey, index: int, seal: Seal, part: bytes, *, context: bytes) -> G1Point:
    """x_i·C₁, once it is proven to be that. Raises BadMessage, BadSignature."""
    if len(part) != PART_SIZE:
        raise BadMessage(f"the part of opener {index} has {len(part)} bytes, not {PART_SIZE}")
    point = decode_point(part[:POINT_SIZE], "part's point")
    challenge = decode_scalar(part[POINT_SIZE:-SCALAR_SIZE], "part's challenge")
    response = decode_scalar(part[-SCALAR_SIZE:], "part's response")
    own = key.of(index)
    first = combine_fixed([G], [response]) - own * challenge
    second = seal.c1 * response - point * challenge
    if _challenge(index, seal, own, point, first, second, context=context) != challenge:
        raise BadSignature(f"the part of opener {index} was not made with their share, or for another record")
    return point


def unseal(key: OpenersKey, seal: Seal, parts: Mapping[int, bytes], *, context: bytes) -> G1Point:
    """m·H, from the parts of the witness and of at least t openers. Raises BadMessage, BadSignature."""
    # (1) the witness  (2) a quorum  (3) every part, also those beyond the quorum  (4) Lagrange at zero
    if WITNESS not in parts:  # (1)
        raise BadMessage("the part of the witness is missing")
    indexes = sorted(index for index in parts if index != WITNESS)
    if len(indexes) < key.threshold:  # (2)
        raise BadMessage(f"{len(indexes)} openers gave their part, {key.threshold} are needed")
    points = {index: check_part(key, index, seal, parts[index], context=context) for index in parts}  # (3)
    used = indexes[: key.threshold]
    weights = [_lagrange(index, used) for index in used]
    shared = combine([points[index] for index in used], weights) + points[WITNESS]  # (4)
    return seal.c2 - shared


def point_of(message: int) -> G1Point:
    """m·H: what opening a seal of the number m gives. Raises BadMessage."""
    return combine_fixed([H], [scalar_of(message)])


def _lagrange(index: int, among: Sequence[int]) -> Scalar:
    above, below = scalar_of(1), scalar_of(1)
    for other in among:
        if other != index:
            above = above * scalar_of(other)
            below = below * (scalar_of(other) - scalar_of(index))
    return above * below.inverse()


def _challenge(
    index: int, seal: Seal, own: G1Point, point: G1Point, first: G1Point, second: G1Point, *, context: bytes
) -> Scalar:
    told = bytes([index]) + seal.octets + b"".join(p.to_compressed_bytes() for p in (own, point, first, second))
    return hash_to_scalar(told + len(context).to_bytes(8) + context, LABEL + b"PART_", expand=SHA_256.expand)
