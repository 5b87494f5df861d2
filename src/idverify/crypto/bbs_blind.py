"""Blind BBS: a signature on messages of which the signer sees only a commitment (draft-irtf-cfrg-bbs-blind-signatures).

The signed messages stand in one row: those of the signer, then the blinding factor of the commitment, then those of
the holder. The draft's newest text would let a proof disclose commitments to messages; the published vectors do not
have that yet, and neither has this module: `bbs` composes proofs with any statement about a hidden message instead.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from idverify.crypto.bbs import (
    SHA_256,
    Ciphersuite,
    Interface,
    ProverPart,
    Signed,
    VerifierPart,
    check_indexes,
    core_proof_check,
    core_proof_gen,
    core_verify,
    finish_signature,
    generators,
    hidden_count,
)
from idverify.crypto.bls12_381 import (
    POINT_SIZE,
    SCALAR_SIZE,
    Base,
    G1Point,
    Scalar,
    combine_fixed,
    combine_fixed_secret,
    decode_point,
    decode_scalar,
    is_identity,
    random_scalar,
    scalar_of,
)
from idverify.errors import BadMessage, BadSignature
from idverify.scheme import Random

SPEC = "draft-irtf-cfrg-bbs-blind-signatures-02 (August 2025)"
COMMITMENT_FLOOR = POINT_SIZE + 2 * SCALAR_SIZE


def blind(suite: Ciphersuite) -> Interface:
    """The interface of section 4.2."""
    return Interface(suite, b"BLIND_H2G_HM2S_")


@dataclass(frozen=True, slots=True)
class Committed:
    """A commitment with its proof for the signer, and what only the holder may know."""

    octets: bytes
    blind: bytes = field(repr=False)
    answers: tuple[bytes, ...] = ()


# Core (section 4.3)


def core_commit(
    interface: Interface,
    messages: Sequence[Scalar],
    *,
    parts: Sequence[ProverPart] = (),
    random: Random = secrets.token_bytes,
) -> Committed:
    """Commit to the messages and prove to know them, and what the `parts` say of them, by index. Raises BadMessage."""
    bases = _blind_bases(interface, len(messages))
    secret, nonce = random_scalar(random), random_scalar(random)
    nonces = {index: random_scalar(random) for index in range(len(messages))}
    commitment = combine_fixed_secret(bases, [secret, *messages])
    announced = combine_fixed_secret(bases, [nonce, *nonces.values()])
    tail = b"".join(part.announce(nonces).tail for part in parts)
    challenge = _challenge(interface, bases, commitment, announced, tail=tail)
    responses = [nonce + secret * challenge]
    responses += [nonces[index] + message * challenge for index, message in enumerate(messages)]
    octets = commitment.to_compressed_bytes() + b"".join(s.to_be_bytes() for s in (*responses, challenge))
    return Committed(octets, secret.to_be_bytes(), tuple(part.respond(challenge) for part in parts))


def core_commit_verify(
    interface: Interface, octets: bytes, *, parts: Sequence[VerifierPart] = ()
) -> tuple[G1Point, int]:
    """The committed point, and how many messages are in it. Raises BadMessage, BadSignature."""
    count = committed_count(octets)
    point = decode_point(octets[:POINT_SIZE], "commitment")
    blinding, *rest, challenge = (
        decode_scalar(octets[at : at + SCALAR_SIZE], "scalar of the commitment")
        for at in range(POINT_SIZE, len(octets), SCALAR_SIZE)
    )
    bases = _blind_bases(interface, count)
    announced = combine_fixed(bases, [blinding, *rest]) - point * challenge
    tail = b"".join(part.recompute(dict(enumerate(rest)), challenge).tail for part in parts)
    if _challenge(interface, bases, point, announced, tail=tail) != challenge:
        raise BadSignature("the proof of the commitment does not verify")
    return point, count


def committed_count(octets: bytes) -> int:
    """How many messages a commitment of this length is to. Raises BadMessage."""
    count, left = divmod(len(octets) - COMMITMENT_FLOOR, SCALAR_SIZE)
    if left or count < 0:
        raise BadMessage(f"no commitment with its proof has {len(octets)} bytes")
    return count


def core_blind_sign(signed: Signed, secret: bytes, commitment: G1Point | None, messages: Sequence[Scalar]) -> bytes:
    """Sign the signer's messages and the committed ones. `signed` has generators for both. Raises BadMessage."""
    key, domain, bases = decode_scalar(secret, "secret key"), signed.domain(), signed.generators.bases
    point = bases[0].point + combine_fixed(bases[1 : 2 + len(messages)], [domain, *messages])
    if commitment is not None:
        point = point + commitment
    if is_identity(point):
        raise BadMessage("the commitment leaves nothing to sign")
    # e hashes SK and B, which stands for the messages that the signer does not know and for the domain. The text of
    # FinalizeBlindSign hashes the domain once more; the published vectors do not, and e is any number to a verifier.
    hashed = key.to_be_bytes() + point.to_compressed_bytes()
    return finish_signature(key, point, signed.interface.hash_to_scalar(hashed))


def _blind_bases(interface: Interface, count: int) -> tuple[Base, ...]:
    """Q_2, J_1, …, J_M."""
    return generators(interface, 0, count + 1).bases[2:]


def _challenge(
    interface: Interface, bases: Sequence[Base], commitment: G1Point, announced: G1Point, *, tail: bytes
) -> Scalar:
    told = (len(bases) - 1).to_bytes(8) + b"".join(base.octets for base in bases)
    told += commitment.to_compressed_bytes() + announced.to_compressed_bytes()
    return interface.hash_to_scalar(told + tail)


# The interface (section 4.2)


def commit(
    messages: Sequence[bytes] = (), *, suite: Ciphersuite = SHA_256, random: Random = secrets.token_bytes
) -> Committed:
    """Commit to messages that the signer shall not see. Raises BadMessage."""
    interface = blind(suite)
    return core_commit(interface, interface.scalars(messages), random=random)


def blind_sign(
    secret: bytes,
    public: bytes,
    *,
    commitment: bytes = b"",
    header: bytes = b"",
    messages: Sequence[bytes] = (),
    suite: Ciphersuite = SHA_256,
) -> bytes:
    """Check a commitment's proof and sign what it hides, after the signer's own messages.

    Raises BadMessage, BadSignature.
    """
    interface = blind(suite)
    point, count = core_commit_verify(interface, commitment) if commitment else (None, 0)
    signed = Signed(interface, public, header, generators(interface, len(messages), count + 1))
    return core_blind_sign(signed, secret, point, interface.scalars(messages))


def verify_blind_sign(
    public: bytes,
    signature: bytes,
    *,
    header: bytes = b"",
    messages: Sequence[bytes] = (),
    committed: Sequence[bytes] = (),
    blind_factor: bytes = b"",
    suite: Ciphersuite = SHA_256,
) -> None:
    """`blind_factor` is `Committed.blind`, empty where nothing was committed. Raises BadMessage, BadSignature."""
    signed, scalars = _row(public, header, messages, committed=committed, blind_factor=blind_factor, suite=suite)
    core_verify(signed, signature, scalars)


def blind_proof_gen(
    public: bytes,
    signature: bytes,
    *,
    header: bytes = b"",
    ph: bytes = b"",
    messages: Sequence[bytes] = (),
    committed: Sequence[bytes] = (),
    disclosed: Collection[int] = (),
    disclosed_committed: Collection[int] = (),
    blind_factor: bytes = b"",
    suite: Ciphersuite = SHA_256,
    random: Random = secrets.token_bytes,
) -> bytes:
    """Prove a blind signature, disclosing some of the signer's and some of the holder's messages. Raises BadMessage."""
    signed, scalars = _row(public, header, messages, committed=committed, blind_factor=blind_factor, suite=suite)
    shown = [*check_indexes(disclosed, len(messages))]
    shown += [len(messages) + 1 + index for index in check_indexes(disclosed_committed, len(committed))]
    return core_proof_gen(signed, signature, scalars, ph=ph, disclosed=shown, random=random).proof


def blind_proof_verify(
    public: bytes,
    proof: bytes,
    *,
    known: int,
    header: bytes = b"",
    ph: bytes = b"",
    disclosed: Mapping[int, bytes] | None = None,
    disclosed_committed: Mapping[int, bytes] | None = None,
    suite: Ciphersuite = SHA_256,
) -> None:
    """`known` is the number of the signer's messages. Raises BadMessage, BadSignature."""
    interface = blind(suite)
    shown = disclosed_row(interface, known, disclosed or {}, disclosed_committed or {})
    blinded = hidden_count(proof) + len(shown) - known
    if blinded < 1:
        raise BadMessage(f"the proof speaks of fewer than {known + 1} messages")
    signed = Signed(interface, public, header, generators(interface, known, blinded))
    core_proof_check(signed, proof, ph=ph, disclosed=shown).finish()


def disclosed_row(
    interface: Interface, known: int, disclosed: Mapping[int, bytes], committed: Mapping[int, bytes]
) -> dict[int, Scalar]:
    """Disclosed messages by their place in the whole row. Raises BadMessage for an index of neither list."""
    check_indexes(disclosed, known)
    if any(index < 0 for index in committed):
        raise BadMessage("a committed message has a negative index")
    places = [*disclosed, *(known + 1 + index for index in committed)]
    return dict(zip(places, interface.scalars([*disclosed.values(), *committed.values()]), strict=True))


def blinding(factor: bytes) -> Scalar:
    """The blinding factor as a signed message; none is zero. Raises BadMessage."""
    return decode_scalar(factor, "blinding factor") if factor else scalar_of(0)


def _row(
    public: bytes,
    header: bytes,
    messages: Sequence[bytes],
    *,
    committed: Sequence[bytes],
    blind_factor: bytes,
    suite: Ciphersuite,
) -> tuple[Signed, list[Scalar]]:
    interface = blind(suite)
    signed = Signed(interface, public, header, generators(interface, len(messages), len(committed) + 1))
    return signed, [*interface.scalars(messages), blinding(blind_factor), *interface.scalars(committed)]
