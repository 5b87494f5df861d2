"""BBS pseudonyms: one per person and context, proven with a signature (draft-irtf-cfrg-bbs-per-verifier-linkability).

The holder commits to secrets, the signer adds entropy to the last of them and signs the sums. For a context the
pseudonym is OP·(n₀ + n₁·z + n₂·z² + …), where OP and z are hashes of the context: the same at each visit, and for
whoever does not know the secrets unrelated to that of any other context. With more secrets than contexts that holds
even against somebody who computes discrete logarithms; with one secret it rests on Diffie-Hellman.

The signed messages stand in one row: those of the signer, the blinding factor, those of the holder, the nym secrets.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from idverify.crypto.bbs import (
    SHA_256,
    Announced,
    Ciphersuite,
    Interface,
    Pending,
    ProverPart,
    Signed,
    VerifierPart,
    check_indexes,
    core_proof_check,
    core_proof_gen,
    core_verify,
    generators,
    hidden_count,
)
from idverify.crypto.bbs_blind import (
    Committed,
    blinding,
    core_blind_sign,
    core_commit,
    core_commit_verify,
    disclosed_row,
)
from idverify.crypto.bls12_381 import (
    Base,
    G1Point,
    Scalar,
    combine_fixed,
    combine_fixed_secret,
    decode_point,
    decode_scalar,
    hash_to_point,
    is_identity,
)
from idverify.errors import BadMessage
from idverify.scheme import Random

SPEC = "draft-irtf-cfrg-bbs-per-verifier-linkability-02 (September 2025)"


def pseudonymous(suite: Ciphersuite) -> Interface:
    """The interface of section 6."""
    return Interface(suite, b"H2G_HM2S_PSEUDONYM_")


@dataclass(frozen=True, slots=True)
class Context:
    """OP and z: what a pseudonym is made with."""

    octets: bytes
    base: Base
    z: Scalar

    def evaluate(self, nyms: Sequence[Scalar]) -> Scalar:
        """n₀ + n₁·z + n₂·z² + …"""
        total = nyms[-1]
        for nym in reversed(nyms[:-1]):
            total = total * self.z + nym
        return total


@lru_cache(maxsize=8)
def context_of(interface: Interface, octets: bytes) -> Context:
    """Few are kept, for each may come to have a table of 1.4 MB: a platform has one."""
    point = hash_to_point(octets, interface.api_id, expand=interface.suite.expand)
    return Context(octets, Base(point), interface.hash_to_scalar(octets, b"VECT_NYM_SECRETS"))


class NymProver:
    """That the pseudonym was made of the last messages of the row: section 7.3.1, a part of a BBS proof."""

    def __init__(self, context: Context, first: int, nyms: Sequence[Scalar]) -> None:
        self._context, self._first, self._count = context, first, len(nyms)
        self.pseudonym = combine_fixed_secret([context.base], [context.evaluate(nyms)])
        if is_identity(self.pseudonym):
            raise BadMessage("the nym secrets cancel out")

    def announce(self, nonces: Mapping[int, Scalar]) -> Announced:
        nonce = self._context.evaluate([nonces[self._first + i] for i in range(self._count)])
        return _announced(self._context, self.pseudonym, combine_fixed_secret([self._context.base], [nonce]))

    def respond(self, challenge: Scalar) -> bytes:
        return b""


@dataclass(frozen=True, slots=True)
class NymVerifier:
    """Section 7.3.2."""

    context: Context
    pseudonym: G1Point
    first: int
    count: int

    def recompute(self, responses: Mapping[int, Scalar], challenge: Scalar) -> Announced:
        response = self.context.evaluate([responses[self.first + i] for i in range(self.count)])
        nonce = combine_fixed([self.context.base], [response]) - self.pseudonym * challenge
        return _announced(self.context, self.pseudonym, nonce)


def _announced(context: Context, pseudonym: G1Point, nonce: G1Point) -> Announced:
    if is_identity(nonce):
        raise BadMessage("the proof of the pseudonym announces a point at infinity")
    points = pseudonym.to_compressed_bytes() + nonce.to_compressed_bytes()
    return Announced(points, len(context.octets).to_bytes(8) + context.octets)


def decode_pseudonym(octets: bytes) -> G1Point:
    """A point that is neither the one at infinity nor the group's base point. Raises BadMessage."""
    point = decode_point(octets, "pseudonym")
    if point == G1Point():
        raise BadMessage("the pseudonym is the base point, which nobody's is")
    return point


@dataclass(frozen=True, slots=True)
class NymProof:
    """What the verifier gets; `answers` are those of further parts."""

    proof: bytes
    pseudonym: bytes
    answers: tuple[bytes, ...] = ()


# Core: scalars, and further parts


def nym_signed(public: bytes, *, header: bytes, known: int, committed: int, nyms: int, interface: Interface) -> Signed:
    """The header is followed by the number of nym secrets, so that nobody can leave some out (section 10.2)."""
    row = generators(interface, known, 1 + committed + nyms)
    return Signed(interface, public, header + nyms.to_bytes(8), row)


def core_nym_blind_sign(
    secret: bytes,
    public: bytes,
    *,
    commitment: bytes,
    nyms: int,
    entropy: bytes,
    header: bytes,
    messages: Sequence[Scalar],
    interface: Interface,
    parts: Sequence[VerifierPart] = (),
) -> bytes:
    """Check the commitment, add the entropy to the last nym secret, sign. Raises BadMessage, BadSignature."""
    point, count = core_commit_verify(interface, commitment, parts=parts)
    if not 1 <= nyms <= count:
        raise BadMessage(f"{nyms} nym secrets are not among {count} committed messages")
    signed = nym_signed(
        public, header=header, known=len(messages), committed=count - nyms, nyms=nyms, interface=interface
    )
    added = combine_fixed(signed.generators.bases[-1:], [decode_scalar(entropy, "signer's entropy")])
    return core_blind_sign(signed, secret, point + added, messages)


def core_nym_proof_gen(
    signed: Signed,
    signature: bytes,
    messages: Sequence[Scalar],
    *,
    nyms: int,
    context: Context,
    ph: bytes,
    disclosed: Collection[int],
    parts: Sequence[ProverPart] = (),
    random: Random = secrets.token_bytes,
) -> NymProof:
    """`messages` is the whole row, nym secrets last; those are never disclosed. Raises BadMessage."""
    first = len(messages) - nyms
    if nyms < 1 or first < 0:
        raise BadMessage(f"{nyms} nym secrets are not among {len(messages)} messages")
    check_indexes(disclosed, first)
    nym = NymProver(context, first, messages[first:])
    composed = core_proof_gen(
        signed, signature, messages, ph=ph, disclosed=disclosed, parts=(nym, *parts), random=random
    )
    return NymProof(composed.proof, nym.pseudonym.to_compressed_bytes(), composed.answers[1:])


def core_nym_proof_check(
    signed: Signed,
    proof: bytes,
    pseudonym: bytes,
    *,
    nyms: int,
    context: Context,
    ph: bytes,
    disclosed: Mapping[int, Scalar],
    parts: Sequence[VerifierPart] = (),
) -> Pending:
    """All of a verification but the pairing. Raises BadMessage, BadSignature."""
    first = signed.generators.messages - nyms
    if nyms < 1 or first < 0:
        raise BadMessage(f"{nyms} nym secrets are not among {signed.generators.messages} messages")
    check_indexes(disclosed, first)
    nym = NymVerifier(context, decode_pseudonym(pseudonym), first, nyms)
    return core_proof_check(signed, proof, ph=ph, disclosed=disclosed, parts=(nym, *parts))


# The interface (section 6)


def pseudonym_of(nym_secrets: Sequence[bytes], context_id: bytes, *, suite: Ciphersuite = SHA_256) -> bytes:
    """The pseudonym that these secrets have in a context. Raises BadMessage."""
    context = context_of(pseudonymous(suite), context_id)
    return NymProver(context, 0, _nyms(nym_secrets)).pseudonym.to_compressed_bytes()


def commit_with_nym(
    prover_nyms: Sequence[bytes],
    *,
    committed: Sequence[bytes] = (),
    suite: Ciphersuite = SHA_256,
    random: Random = secrets.token_bytes,
) -> Committed:
    """Commit to messages and to nym secrets, which are 32-byte scalars. Raises BadMessage."""
    interface = pseudonymous(suite)
    return core_commit(interface, [*interface.scalars(committed), *_nyms(prover_nyms)], random=random)


def blind_sign_with_nym(
    secret: bytes,
    public: bytes,
    *,
    commitment: bytes,
    nyms: int,
    entropy: bytes,
    header: bytes = b"",
    messages: Sequence[bytes] = (),
    suite: Ciphersuite = SHA_256,
) -> bytes:
    """Sign for the holder of a commitment to `nyms` nym secrets. Raises BadMessage, BadSignature."""
    interface = pseudonymous(suite)
    return core_nym_blind_sign(
        secret,
        public,
        commitment=commitment,
        nyms=nyms,
        entropy=entropy,
        header=header,
        messages=interface.scalars(messages),
        interface=interface,
    )


def verify_finalize_with_nym(
    public: bytes,
    signature: bytes,
    *,
    prover_nyms: Sequence[bytes],
    entropy: bytes = b"",
    blind_factor: bytes = b"",
    header: bytes = b"",
    messages: Sequence[bytes] = (),
    committed: Sequence[bytes] = (),
    suite: Ciphersuite = SHA_256,
) -> tuple[bytes, ...]:
    """The nym secrets, after a check of the signature on them. Raises BadMessage, BadSignature."""
    nyms = with_entropy(_nyms(prover_nyms), entropy)
    signed, row = _row(public, header, messages, committed=committed, blind_factor=blind_factor, nyms=nyms, suite=suite)
    core_verify(signed, signature, row)
    return tuple(nym.to_be_bytes() for nym in nyms)


def proof_gen_with_nym(
    public: bytes,
    signature: bytes,
    *,
    nym_secrets: Sequence[bytes],
    context_id: bytes,
    blind_factor: bytes = b"",
    header: bytes = b"",
    ph: bytes = b"",
    messages: Sequence[bytes] = (),
    committed: Sequence[bytes] = (),
    disclosed: Collection[int] = (),
    disclosed_committed: Collection[int] = (),
    suite: Ciphersuite = SHA_256,
    random: Random = secrets.token_bytes,
) -> NymProof:
    """Prove a signature and the pseudonym in a context. Raises BadMessage."""
    nyms = _nyms(nym_secrets)
    signed, row = _row(public, header, messages, committed=committed, blind_factor=blind_factor, nyms=nyms, suite=suite)
    shown = [*check_indexes(disclosed, len(messages))]
    shown += [len(messages) + 1 + index for index in check_indexes(disclosed_committed, len(committed))]
    context = context_of(signed.interface, context_id)
    return core_nym_proof_gen(
        signed, signature, row, nyms=len(nyms), context=context, ph=ph, disclosed=shown, random=random
    )


def proof_verify_with_nym(
    public: bytes,
    proof: bytes,
    pseudonym: bytes,
    *,
    context_id: bytes,
    nyms: int,
    known: int,
    header: bytes = b"",
    ph: bytes = b"",
    disclosed: Mapping[int, bytes] | None = None,
    disclosed_committed: Mapping[int, bytes] | None = None,
    suite: Ciphersuite = SHA_256,
) -> None:
    """`nyms` and `known` count the nym secrets and the signer's messages. Raises BadMessage, BadSignature."""
    interface = pseudonymous(suite)
    shown = disclosed_row(interface, known, disclosed or {}, disclosed_committed or {})
    committed = hidden_count(proof) + len(shown) - known - 1 - nyms
    if nyms < 1 or committed < 0:
        raise BadMessage(f"the proof speaks of fewer than {known + 1 + nyms} messages")
    signed = nym_signed(public, header=header, known=known, committed=committed, nyms=nyms, interface=interface)
    context = context_of(interface, context_id)
    core_nym_proof_check(signed, proof, pseudonym, nyms=nyms, context=context, ph=ph, disclosed=shown).finish()


def with_entropy(nyms: Sequence[Scalar], entropy: bytes) -> list[Scalar]:
    """The nym secrets of prover nyms: the signer adds to the last one. Raises BadMessage."""
    return [*nyms[:-1], nyms[-1] + decode_scalar(entropy, "signer's entropy")] if entropy else list(nyms)


def _nyms(octets: Sequence[bytes]) -> list[Scalar]:
    if not octets:
        raise BadMessage("there are no nym secrets")
    return [decode_scalar(nym, "nym secret") for nym in octets]


def _row(
    public: bytes,
    header: bytes,
    messages: Sequence[bytes],
    *,
    committed: Sequence[bytes],
    blind_factor: bytes,
    nyms: Sequence[Scalar],
    suite: Ciphersuite,
) -> tuple[Signed, list[Scalar]]:
    interface = pseudonymous(suite)
    signed = nym_signed(
        public, header=header, known=len(messages), committed=len(committed), nyms=len(nyms), interface=interface
    )
    row = [*interface.scalars(messages), blinding(blind_factor), *interface.scalars(committed), *nyms]
    return signed, row
