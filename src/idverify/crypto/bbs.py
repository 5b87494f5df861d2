"""BBS signatures: sign many messages, show some of them and prove the rest (draft-irtf-cfrg-bbs-signatures).

Two layers, as in the draft. The interface (`sign`, `verify`, `proof_gen`, `proof_verify`) takes messages as octets and
keys, signatures and proofs in their encodings. The core (`core_…`) takes scalars; blind issuance (`bbs_blind`),
pseudonyms (`bbs_pseudonym`) and the statements of other modules are built on it.

**Composing.** A proof says of each hidden message only that it was signed. A `ProverPart` says more about one, under
the same Fiat-Shamir challenge: it gets the nonces with which the messages are hidden, tells what it announces for
them, and its verifier's half, a `VerifierPart`, gets the responses and computes the same announcement again. Because
a hidden message has one nonce and one response for all parts, they all speak of the same value. Parts that the drafts
do not know put a label of their own in front (`framed`), so that no announcement can be read as another's.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from idverify.crypto.bbs_suites import MOST_MESSAGES, Generators
from idverify.crypto.bbs_suites import SHA_256 as SHA_256
from idverify.crypto.bbs_suites import SHAKE_256 as SHAKE_256
from idverify.crypto.bbs_suites import Ciphersuite as Ciphersuite
from idverify.crypto.bbs_suites import Interface as Interface
from idverify.crypto.bbs_suites import generators as generators
from idverify.crypto.bbs_suites import plain as plain
from idverify.crypto.bls12_381 import (
    POINT_SIZE,
    SCALAR_SIZE,
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
    hash_to_scalar,
    inverse,
    is_identity,
    pairings_hold,
    random_scalar,
    split,
)
from idverify.errors import BadMessage, BadSignature
from idverify.scheme import Random

SPEC = "draft-irtf-cfrg-bbs-signatures-09 (July 2025)"
PROOF_FLOOR = 3 * POINT_SIZE + 4 * SCALAR_SIZE


@dataclass(frozen=True, slots=True)
class Signed:
    """What signer, holder and verifier agree on: interface, key, header, and a generator for each message."""

    interface: Interface
    public: bytes
    header: bytes
    generators: Generators

    def domain(self) -> Scalar:
        """Section 4.2.3."""
        size = len(self.header).to_bytes(8)
        return self.interface.hash_to_scalar(
            self.public + self.generators.octets + self.interface.api_id + size + self.header
        )


# Keys (section 3.4)


def key_gen(material: bytes, *, info: bytes = b"", key_dst: bytes | None = None, suite: Ciphersuite = SHA_256) -> bytes:
    """A secret key of 32 bytes from at least 32 secret, random ones. Raises BadMessage."""
    if len(material) < 32 or len(info) > 65535:
        raise BadMessage("the key material has less than 32 bytes, or the key info more than 65535")
    dst = plain(suite).api_id + b"KEYGEN_DST_" if key_dst is None else key_dst
    secret = hash_to_scalar(material + len(info).to_bytes(2) + info, dst, expand=suite.expand)
    if secret.is_zero():
        raise BadMessage("the key material gives a zero key")
    return secret.to_be_bytes()


def public_key(secret: bytes) -> bytes:
    """SkToPk. Raises BadMessage."""
    first, second = split([decode_scalar(secret, "secret key")])
    return (G2Point() * first + G2Point() * second).to_compressed_bytes()


@lru_cache(maxsize=256)
def public_point(public: bytes) -> G2Point:
    """octets_to_pubkey; a key that was checked is not checked again (section 4.2.4.6). Raises BadMessage."""
    return decode_public(public)


# Signatures (sections 3.6.1, 3.6.2)


def signed_point(signed: Signed, messages: Sequence[Scalar], domain: Scalar) -> G1Point:
    """B = P1 + Q_1·domain + H_1·msg_1 + …"""
    bases = signed.generators.bases
    if len(messages) != signed.generators.messages:
        raise BadMessage(f"{len(messages)} messages do not go with {signed.generators.messages} generators")
    shown = bases[0].point + combine_fixed(bases[1:2], [domain])
    return shown + combine_fixed_secret(bases[2:], messages) if messages else shown


def finish_signature(secret: Scalar, point: G1Point, e: Scalar) -> bytes:
    """A = B·1/(SK + e), and its encoding with e. Raises BadMessage."""
    if e.is_zero() or is_identity(point):
        raise BadMessage("there is nothing to sign")
    return combine_secret([point], [inverse(secret + e)]).to_compressed_bytes() + e.to_be_bytes()


def core_sign(signed: Signed, secret: bytes, messages: Sequence[Scalar]) -> bytes:
    key, domain = decode_scalar(secret, "secret key"), signed.domain()
    hashed = b"".join(scalar.to_be_bytes() for scalar in (key, *messages, domain))
    return finish_signature(key, signed_point(signed, messages, domain), signed.interface.hash_to_scalar(hashed))


def decode_signature(signature: bytes) -> tuple[G1Point, Scalar]:
    if len(signature) != POINT_SIZE + SCALAR_SIZE:
        raise BadMessage(f"the signature has {len(signature)} bytes, not {POINT_SIZE + SCALAR_SIZE}")
    return (
        decode_point(signature[:POINT_SIZE], "signature's point"),
        decode_scalar(signature[POINT_SIZE:], "signature's e"),
    )


def core_verify(signed: Signed, signature: bytes, messages: Sequence[Scalar]) -> None:
    """Raises BadMessage, BadSignature."""
    point, e = decode_signature(signature)
    rest = combine_secret([point], [e]) - signed_point(signed, messages, signed.domain())
    if is_identity(rest) or not pairings_hold([(point, public_point(signed.public)), (rest, G2Point())]):
        raise BadSignature("the BBS signature does not verify with the issuer's key")


# Proofs (sections 3.6.3, 3.6.4, 3.7)


@dataclass(frozen=True, slots=True)
class Announced:
    """What a part puts into the challenge: after T2, and after the presentation header."""

    points: bytes = b""
    tail: bytes = b""


def framed(label: bytes, *fields: bytes) -> Announced:
    """The announcement of a part that the drafts do not know, unambiguous by its label and lengths."""
    return Announced(tail=b"".join(len(part).to_bytes(8) + part for part in (label, *fields)))


class ProverPart(Protocol):
    """A further statement about hidden messages, for one proof."""

    def announce(self, nonces: Mapping[int, Scalar]) -> Announced:
        """`nonces` are those of the hidden messages by their index; they are as secret as the messages."""
        ...

    def respond(self, challenge: Scalar) -> bytes:
        """What the verifier's half needs beside the responses of the messages."""
        ...


class VerifierPart(Protocol):
    def recompute(self, responses: Mapping[int, Scalar], challenge: Scalar) -> Announced:
        """What the prover must have announced. A response is nonce + challenge·message. Raises BadMessage."""
        ...


@dataclass(frozen=True, slots=True)
class Composed:
    """A proof, and what each of its parts adds."""

    proof: bytes
    answers: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """A proof of which all is checked but one equation: e(Abar, W) = e(Bbar, BP2)."""

    abar: G1Point
    bbar: G1Point
    key: G2Point

    def finish(self) -> None:
        """Raises BadSignature. `bbs_batch` finishes many for less."""
        if not pairings_hold([(self.abar, self.key), (-self.bbar, G2Point())]):
            raise BadSignature("the BBS proof was not made of a signature by the issuer's key")


def core_proof_gen(
    signed: Signed,
    signature: bytes,
    messages: Sequence[Scalar],
    *,
    ph: bytes,
    disclosed: Collection[int],
    parts: Sequence[ProverPart] = (),
    random: Random = secrets.token_bytes,
) -> Composed:
    """Prove a signature on `messages` that discloses those at the indexes `disclosed`. Raises BadMessage."""
    a, e = decode_signature(signature)
    shown = check_indexes(disclosed, len(messages))
    hidden = [index for index in range(len(messages)) if index not in shown]
    r1, r2, e_nonce, r1_nonce, r3_nonce = (random_scalar(random) for _ in range(5))
    nonces = {index: random_scalar(random) for index in hidden}
    domain, bases = signed.domain(), signed.generators.bases
    d = combine_secret([signed_point(signed, messages, domain)], [r2])
    abar = combine_secret([a], [r1 * r2])
    bbar = combine_secret([d, abar], [r1, -e])
    t1 = combine_secret([abar, d], [e_nonce, r1_nonce])
    t2 = combine_secret([d], [r3_nonce])
    if hidden:
        t2 = t2 + combine_fixed_secret([bases[index + 2] for index in hidden], list(nonces.values()))
    proof = b"".join(point.to_compressed_bytes() for point in (abar, bbar, d))
    announced = [part.announce(nonces) for part in parts]
    challenge = _challenge(
        signed, {index: messages[index] for index in shown}, proof, t1, t2, domain, ph=ph, announced=announced
    )
    responses = [e_nonce + e * challenge, r1_nonce - r1 * challenge, r3_nonce - inverse(r2) * challenge]
    responses += [nonce + messages[index] * challenge for index, nonce in nonces.items()]
    proof += b"".join(scalar.to_be_bytes() for scalar in (*responses, challenge))
    return Composed(proof, tuple(part.respond(challenge) for part in parts))


def core_proof_check(
    signed: Signed,
    proof: bytes,
    *,
    ph: bytes,
    disclosed: Mapping[int, Scalar],
    parts: Sequence[VerifierPart] = (),
) -> Pending:
    """All of a verification but the pairing. Raises BadMessage, BadSignature."""
    # CoreProofVerify: (1) shape  (2) points and scalars  (3) T1, T2 and what the parts announce  (4) challenge
    # (5) pairing, by `Pending.finish`.
    count, bases = signed.generators.messages, signed.generators.bases
    shown = check_indexes(disclosed, count)
    hidden = [index for index in range(count) if index not in shown]
    if len(proof) != PROOF_FLOOR + SCALAR_SIZE * len(hidden):  # (1)
        raise BadMessage(f"a proof of {len(proof)} bytes does not hide {len(hidden)} of {count} messages")
    key = public_point(signed.public)
    scalars = [
        decode_scalar(proof[at : at + SCALAR_SIZE], "scalar of the proof")
        for at in range(3 * POINT_SIZE, len(proof), SCALAR_SIZE)
    ]
    abar, bbar, d = (
        decode_point(proof[at : at + POINT_SIZE], "point of the proof") for at in range(0, 3 * POINT_SIZE, POINT_SIZE)
    )  # (2)
    e, r1, r3, *rest, challenge = scalars
    responses = dict(zip(hidden, rest, strict=True))
    domain = signed.domain()
    t1 = combine([bbar, abar, d], [challenge, e, r1])  # (3)
    known = _disclosed_point(bases, domain, frozenset(disclosed.items()))
    t2 = d * r3 + combine_fixed([known, *(bases[index + 2] for index in hidden)], [challenge, *rest])
    announced = [part.recompute(responses, challenge) for part in parts]
    expected = _challenge(signed, disclosed, proof[: 3 * POINT_SIZE], t1, t2, domain, ph=ph, announced=announced)
    if expected != challenge:  # (4)
        raise BadSignature("the BBS proof does not verify for what it is shown with")
    return Pending(abar, bbar, key)


@lru_cache(maxsize=16)
def _disclosed_point(bases: tuple[Base, ...], domain: Scalar, disclosed: frozenset[tuple[int, Scalar]]) -> Base:
    """Bv = P1 + Q_1·domain + H_i·msg_i for what is disclosed: the same in all answers to one question in one epoch."""
    messages = [bases[1], *(bases[index + 2] for index, _ in disclosed)]
    return Base(bases[0].point + combine_fixed(messages, [domain, *(message for _, message in disclosed)]))


def check_indexes(indexes: Collection[int], count: int) -> tuple[int, ...]:
    """The indexes in ascending order. Raises BadMessage for one that is doubled or out of range."""
    ordered = tuple(sorted(indexes))
    if len(set(ordered)) != len(ordered) or (ordered and not 0 <= ordered[0] <= ordered[-1] < count):
        raise BadMessage(f"the disclosed messages are not different ones of {count}")
    return ordered


def hidden_count(proof: bytes) -> int:
    """How many messages a proof of this length hides. Raises BadMessage."""
    hidden, left = divmod(len(proof) - PROOF_FLOOR, SCALAR_SIZE)
    if left or not 0 <= hidden <= MOST_MESSAGES:
        raise BadMessage(f"no BBS proof has {len(proof)} bytes")
    return hidden


def _challenge(
    signed: Signed,
    disclosed: Mapping[int, Scalar],
    points: bytes,
    t1: G1Point,
    t2: G1Point,
    domain: Scalar,
    *,
    ph: bytes,
    announced: Sequence[Announced],
) -> Scalar:
    """Section 3.7.4, with the additions of the parts."""
    told = [len(disclosed).to_bytes(8)]
    told += [index.to_bytes(8) + disclosed[index].to_be_bytes() for index in sorted(disclosed)]
    told += [points, t1.to_compressed_bytes(), t2.to_compressed_bytes(), *(part.points for part in announced)]
    told += [domain.to_be_bytes(), len(ph).to_bytes(8), ph, *(part.tail for part in announced)]
    return signed.interface.hash_to_scalar(b"".join(told))


# The interface (section 3.5)


def _plain(public: bytes, header: bytes, count: int, suite: Ciphersuite) -> Signed:
    interface = plain(suite)
    return Signed(interface, public, header, generators(interface, count))


def sign(
    secret: bytes,
    public: bytes,
    *,
    header: bytes = b"",
    messages: Sequence[bytes] = (),
    suite: Ciphersuite = SHA_256,
) -> bytes:
    """An 80-byte signature on messages of any length. Raises BadMessage."""
    signed = _plain(public, header, len(messages), suite)
    return core_sign(signed, secret, signed.interface.scalars(messages))


def verify(
    public: bytes,
    signature: bytes,
    *,
    header: bytes = b"",
    messages: Sequence[bytes] = (),
    suite: Ciphersuite = SHA_256,
) -> None:
    """Raises BadMessage, BadSignature."""
    signed = _plain(public, header, len(messages), suite)
    core_verify(signed, signature, signed.interface.scalars(messages))


def proof_gen(
    public: bytes,
    signature: bytes,
    *,
    header: bytes = b"",
    ph: bytes = b"",
    messages: Sequence[bytes] = (),
    disclosed: Collection[int] = (),
    suite: Ciphersuite = SHA_256,
    random: Random = secrets.token_bytes,
) -> bytes:
    """A proof of 272 bytes and 32 for each message that is not disclosed. Raises BadMessage."""
    signed = _plain(public, header, len(messages), suite)
    scalars = signed.interface.scalars(messages)
    return core_proof_gen(signed, signature, scalars, ph=ph, disclosed=disclosed, random=random).proof


def proof_verify(
    public: bytes,
    proof: bytes,
    *,
    header: bytes = b"",
    ph: bytes = b"",
    disclosed: Mapping[int, bytes] | None = None,
    suite: Ciphersuite = SHA_256,
) -> None:
    """Check a proof and the messages that it discloses, by their index. Raises BadMessage, BadSignature."""
    messages = disclosed or {}
    signed = _plain(public, header, hidden_count(proof) + len(messages), suite)
    scalars = dict(zip(messages, signed.interface.scalars(list(messages.values())), strict=True))
    core_proof_check(signed, proof, ph=ph, disclosed=scalars).finish()
