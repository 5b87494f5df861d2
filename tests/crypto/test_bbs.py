"""BBS: round trips, what signer, holder and verifier refuse, and proofs composed with other statements."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import pytest

from idverify.crypto import bbs, bbs_blind
from idverify.crypto import bbs_pseudonym as nym
from idverify.crypto.bbs import SHA_256, SHAKE_256, Ciphersuite
from idverify.crypto.bbs_parts import PowerProver, PowerVerifier
from idverify.crypto.bls12_381 import (
    ORDER,
    Base,
    G1Point,
    Scalar,
    decode_scalar,
    hash_to_point,
    random_scalar,
)
from idverify.errors import BadMessage, BadSignature

SECRET = bbs.key_gen(bytes(range(32)))
PUBLIC = bbs.public_key(SECRET)
MESSAGES = [b"one", b"two", b"", b"four"]
HEADER, PH = b"header", b"presentation"
SUITES = pytest.mark.parametrize("suite", [SHA_256, SHAKE_256], ids=["sha-256", "shake-256"])
ENTROPY = random_scalar().to_be_bytes()
INFINITE = b"\xc0" + bytes(47)


def a_proof(suite: Ciphersuite = SHA_256) -> bytes:
    signature = bbs.sign(SECRET, PUBLIC, header=HEADER, messages=MESSAGES, suite=suite)
    return bbs.proof_gen(PUBLIC, signature, header=HEADER, ph=PH, messages=MESSAGES, disclosed=[0, 2], suite=suite)


@SUITES
def test_a_proof_discloses_what_it_says(suite: Ciphersuite) -> None:
    proof = a_proof(suite)
    assert len(proof) == 272 + 32 * 2
    bbs.proof_verify(PUBLIC, proof, header=HEADER, ph=PH, disclosed={0: b"one", 2: b""}, suite=suite)
    assert a_proof(suite) != proof


@pytest.mark.parametrize(
    ("header", "ph", "disclosed"),
    [
        (b"other", PH, {0: b"one", 2: b""}),
        (HEADER, b"other", {0: b"one", 2: b""}),
        (HEADER, PH, {0: b"two", 2: b""}),
        (HEADER, PH, {0: b"one", 1: b""}),
        (HEADER, PH, {0: b"", 2: b"one"}),
        (HEADER, PH, {0: b"one"}),
        (HEADER, PH, {0: b"one", 1: b"two", 2: b""}),
        (HEADER, PH, {0: b"one", 4: b""}),
        (HEADER, PH, {-1: b"four", 0: b"one"}),
        (HEADER, PH, {}),
    ],
)
def test_a_proof_is_of_its_header_presentation_and_messages_only(
    header: bytes, ph: bytes, disclosed: Mapping[int, bytes]
) -> None:
    with pytest.raises((BadMessage, BadSignature)):
        bbs.proof_verify(PUBLIC, a_proof(), header=header, ph=ph, disclosed=disclosed)


def test_a_proof_of_another_ciphersuite_or_key_is_refused() -> None:
    other = bbs.public_key(bbs.key_gen(b"k" * 32))
    with pytest.raises(BadSignature):
        bbs.proof_verify(PUBLIC, a_proof(), header=HEADER, ph=PH, disclosed={0: b"one", 2: b""}, suite=SHAKE_256)
    with pytest.raises(BadSignature):
        bbs.proof_verify(other, a_proof(), header=HEADER, ph=PH, disclosed={0: b"one", 2: b""})


def test_no_byte_of_a_proof_can_be_changed() -> None:
    proof = a_proof()
    for at in range(0, len(proof), 5):
        changed = bytearray(proof)
        changed[at] ^= 1 << secrets.randbelow(8)
        with pytest.raises((BadMessage, BadSignature)):
            bbs.proof_verify(PUBLIC, bytes(changed), header=HEADER, ph=PH, disclosed={0: b"one", 2: b""})


def test_a_proof_of_another_length_is_refused() -> None:
    proof = a_proof()
    for other in (b"", proof[:-1], proof[:-32], proof + b"\0", proof + proof[-32:], proof[:271], proof * 200):
        with pytest.raises((BadMessage, BadSignature)):
            bbs.proof_verify(PUBLIC, other, header=HEADER, ph=PH, disclosed={0: b"one", 2: b""})


def test_points_at_infinity_and_scalars_out_of_range_are_refused() -> None:
    proof = a_proof()
    forged = [proof[:at] + INFINITE + proof[at + 48 :] for at in (0, 48, 96)]
    for number in (0, ORDER, 2**256 - 1):
        forged += [proof[:at] + number.to_bytes(32) + proof[at + 32 :] for at in range(144, len(proof), 32)]
    forged.append(INFINITE * 3 + proof[144:])
    for other in forged:
        with pytest.raises(BadMessage):
            bbs.proof_verify(PUBLIC, other, header=HEADER, ph=PH, disclosed={0: b"one", 2: b""})


def test_a_signature_is_of_its_key_header_and_messages_only() -> None:
    signature = bbs.sign(SECRET, PUBLIC, header=HEADER, messages=MESSAGES)
    bbs.verify(PUBLIC, signature, header=HEADER, messages=MESSAGES)
    for header, messages in ((b"", MESSAGES), (HEADER, MESSAGES[:-1]), (HEADER, MESSAGES[::-1]), (HEADER, [])):
        with pytest.raises(BadSignature):
            bbs.verify(PUBLIC, signature, header=header, messages=messages)
    for other in (signature[:-1], INFINITE + signature[48:], signature[:48] + bytes(32), b""):
        with pytest.raises(BadMessage):
            bbs.verify(PUBLIC, other, header=HEADER, messages=MESSAGES)


def test_keys_are_made_of_enough_and_decoded_strictly() -> None:
    with pytest.raises(BadMessage):
        bbs.key_gen(bytes(31))
    with pytest.raises(BadMessage):
        bbs.key_gen(bytes(32), info=bytes(65536))
    for secret in (bytes(32), ORDER.to_bytes(32), b"short"):
        with pytest.raises(BadMessage):
            bbs.public_key(secret)
    with pytest.raises(BadMessage):
        bbs.verify(b"\xc0" + bytes(95), bbs.sign(SECRET, PUBLIC))


def test_a_number_of_messages_without_end_is_refused() -> None:
    with pytest.raises(BadMessage):
        bbs.sign(SECRET, PUBLIC, messages=[b""] * 2000)


def test_indexes_are_different_and_in_range() -> None:
    signature = bbs.sign(SECRET, PUBLIC, messages=MESSAGES)
    for disclosed in ([4], [-1], [0, 0], [1, 2, 2]):
        with pytest.raises(BadMessage):
            bbs.proof_gen(PUBLIC, signature, messages=MESSAGES, disclosed=disclosed)


@SUITES
def test_a_blind_signature_covers_what_the_signer_never_saw(suite: Ciphersuite) -> None:
    committed = bbs_blind.commit([b"secret", b"shown"], suite=suite)
    signature = bbs_blind.blind_sign(
        SECRET, PUBLIC, commitment=committed.octets, header=HEADER, messages=MESSAGES, suite=suite
    )
    bbs_blind.verify_blind_sign(
        PUBLIC,
        signature,
        header=HEADER,
        messages=MESSAGES,
        committed=[b"secret", b"shown"],
        blind_factor=committed.blind,
        suite=suite,
    )
    proof = bbs_blind.blind_proof_gen(
        PUBLIC,
        signature,
        header=HEADER,
        ph=PH,
        messages=MESSAGES,
        committed=[b"secret", b"shown"],
        disclosed=[3],
        disclosed_committed=[1],
        blind_factor=committed.blind,
        suite=suite,
    )
    for shown, good in (({1: b"shown"}, True), ({0: b"shown"}, False), ({1: b"other"}, False), ({-1: b"x"}, False)):
        try:
            bbs_blind.blind_proof_verify(
                PUBLIC,
                proof,
                known=4,
                header=HEADER,
                ph=PH,
                disclosed={3: b"four"},
                disclosed_committed=shown,
                suite=suite,
            )
        except (BadMessage, BadSignature):
            assert not good
        else:
            assert good


def test_a_commitment_whose_proof_fails_is_not_signed() -> None:
    octets = bbs_blind.commit([b"secret"]).octets
    point = (G1Point() * random_scalar()).to_compressed_bytes()
    for other in (
        point + octets[48:],
        INFINITE + octets[48:],
        octets[:-32] + random_scalar().to_be_bytes(),
        octets[:-32] + bytes(32),
        octets[:-1],
        octets + b"\0",
        octets[:48],
        octets + octets[-32:],
        octets[:80] + octets[112:],
    ):
        with pytest.raises((BadMessage, BadSignature)):
            bbs_blind.blind_sign(SECRET, PUBLIC, commitment=other)


def test_a_commitment_is_of_one_interface_only() -> None:
    with pytest.raises(BadSignature):
        bbs_blind.blind_sign(SECRET, PUBLIC, commitment=nym.commit_with_nym([ENTROPY]).octets)


@pytest.fixture(scope="module", params=[1, 3])
def nyms(request: pytest.FixtureRequest) -> list[bytes]:
    return [random_scalar().to_be_bytes() for _ in range(request.param)]


def signed_nyms(nyms: list[bytes]) -> tuple[bytes, bytes, tuple[bytes, ...]]:
    committed = nym.commit_with_nym(nyms)
    signature = nym.blind_sign_with_nym(
        SECRET, PUBLIC, commitment=committed.octets, nyms=len(nyms), entropy=ENTROPY, messages=MESSAGES
    )
    held = nym.verify_finalize_with_nym(
        PUBLIC, signature, prover_nyms=nyms, entropy=ENTROPY, blind_factor=committed.blind, messages=MESSAGES
    )
    return signature, committed.blind, held


def test_a_pseudonym_is_the_same_at_one_verifier_and_another_at_the_next(nyms: list[bytes]) -> None:
    pseudonyms = []
    for context in (b"a", b"a", b"b"):
        signature, blind, held = signed_nyms(nyms)
        made = nym.proof_gen_with_nym(
            PUBLIC,
            signature,
            nym_secrets=held,
            context_id=context,
            blind_factor=blind,
            messages=MESSAGES,
            disclosed=[0],
        )
        nym.proof_verify_with_nym(
            PUBLIC, made.proof, made.pseudonym, context_id=context, nyms=len(nyms), known=4, disclosed={0: b"one"}
        )
        pseudonyms.append(made.pseudonym)
    assert pseudonyms[0] == pseudonyms[1] != pseudonyms[2]


def test_a_pseudonym_is_of_its_proof_and_context_only(nyms: list[bytes]) -> None:
    signature, blind, held = signed_nyms(nyms)
    made = nym.proof_gen_with_nym(
        PUBLIC, signature, nym_secrets=held, context_id=b"a", blind_factor=blind, messages=MESSAGES, disclosed=[0]
    )
    other = nym.pseudonym_of([random_scalar().to_be_bytes()], b"a")
    own_elsewhere = nym.pseudonym_of(held, b"b")
    base = G1Point().to_compressed_bytes()
    for context, pseudonym, count in (
        (b"b", made.pseudonym, len(nyms)),
        (b"b", own_elsewhere, len(nyms)),
        (b"a", other, len(nyms)),
        (b"a", own_elsewhere, len(nyms)),
        (b"a", base, len(nyms)),
        (b"a", INFINITE, len(nyms)),
        (b"a", b"", len(nyms)),
        (b"a", made.pseudonym, len(nyms) + 1),
        (b"a", made.pseudonym, 0),
        (b"a", made.pseudonym, 100),
        (b"a", made.pseudonym, -1),
    ):
        with pytest.raises((BadMessage, BadSignature)):
            nym.proof_verify_with_nym(
                PUBLIC, made.proof, pseudonym, context_id=context, nyms=count, known=4, disclosed={0: b"one"}
            )


def test_nym_secrets_are_never_disclosed(nyms: list[bytes]) -> None:
    signature, blind, held = signed_nyms(nyms)
    for disclosed_committed in ([0], [-1]):
        with pytest.raises(BadMessage):
            nym.proof_gen_with_nym(
                PUBLIC,
                signature,
                nym_secrets=held,
                context_id=b"a",
                blind_factor=blind,
                messages=MESSAGES,
                disclosed_committed=disclosed_committed,
            )


def test_nym_secrets_of_somebody_else_prove_nothing(nyms: list[bytes]) -> None:
    signature, blind, held = signed_nyms(nyms)
    stolen = [*held[:-1], random_scalar().to_be_bytes()]
    made = nym.proof_gen_with_nym(
        PUBLIC, signature, nym_secrets=stolen, context_id=b"a", blind_factor=blind, messages=MESSAGES
    )
    with pytest.raises(BadSignature):
        nym.proof_verify_with_nym(PUBLIC, made.proof, made.pseudonym, context_id=b"a", nyms=len(nyms), known=4)
    with pytest.raises(BadSignature):
        nym.verify_finalize_with_nym(
            PUBLIC, signature, prover_nyms=stolen, entropy=ENTROPY, blind_factor=blind, messages=MESSAGES
        )


def test_the_signer_wants_to_know_how_many_nym_secrets_there_are(nyms: list[bytes]) -> None:
    committed = nym.commit_with_nym(nyms, committed=[b"message"])
    for count in (0, -1, len(nyms) + 2):
        with pytest.raises(BadMessage):
            nym.blind_sign_with_nym(SECRET, PUBLIC, commitment=committed.octets, nyms=count, entropy=ENTROPY)
    with pytest.raises(BadMessage):
        nym.commit_with_nym([])
    with pytest.raises(BadMessage):
        nym.blind_sign_with_nym(SECRET, PUBLIC, commitment=committed.octets, nyms=1, entropy=bytes(32))


# Composed proofs


TAG = Base(hash_to_point(b"issuer", b"TAG"))
INTERFACE = bbs.plain(SHA_256)
STATEMENT = bbs.Signed(INTERFACE, PUBLIC, HEADER, bbs.generators(INTERFACE, 4))


def composed(label: bytes, base: Base, index: int, value: Scalar) -> tuple[bytes, G1Point]:
    scalars = INTERFACE.scalars(MESSAGES)
    signature = bbs.core_sign(STATEMENT, SECRET, scalars)
    part = PowerProver(label, base, index, value)
    made = bbs.core_proof_gen(STATEMENT, signature, scalars, ph=PH, disclosed=[0], parts=[part])
    return made.proof, part.point


def test_a_proof_says_more_about_a_hidden_message() -> None:
    scalars = INTERFACE.scalars(MESSAGES)
    proof, point = composed(b"tag", TAG, 1, scalars[1])
    assert point == TAG.point * scalars[1]
    part = PowerVerifier(b"tag", TAG, 1, point)
    bbs.core_proof_check(STATEMENT, proof, ph=PH, disclosed={0: scalars[0]}, parts=[part]).finish()


@pytest.mark.parametrize(
    "part",
    [
        PowerVerifier(b"tag", TAG, 1, TAG.point * random_scalar()),
        PowerVerifier(b"other", TAG, 1, TAG.point * INTERFACE.scalars(MESSAGES)[1]),
        PowerVerifier(b"tag", TAG, 2, TAG.point * INTERFACE.scalars(MESSAGES)[1]),
        PowerVerifier(b"tag", Base(G1Point()), 1, TAG.point * INTERFACE.scalars(MESSAGES)[1]),
        None,
    ],
)
def test_a_statement_is_proven_of_its_point_label_index_and_base_only(part: PowerVerifier | None) -> None:
    scalars = INTERFACE.scalars(MESSAGES)
    proof, _ = composed(b"tag", TAG, 1, scalars[1])
    with pytest.raises(BadSignature):
        bbs.core_proof_check(STATEMENT, proof, ph=PH, disclosed={0: scalars[0]}, parts=[part] if part else [])


def test_a_statement_about_another_value_than_the_signed_one_fails() -> None:
    proof, point = composed(b"tag", TAG, 1, random_scalar())
    with pytest.raises(BadSignature):
        bbs.core_proof_check(
            STATEMENT,
            proof,
            ph=PH,
            disclosed={0: INTERFACE.scalars(MESSAGES)[0]},
            parts=[PowerVerifier(b"tag", TAG, 1, point)],
        )


def test_a_commitment_says_more_about_what_is_committed() -> None:
    interface, value = nym.pseudonymous(SHA_256), random_scalar()
    part = PowerProver(b"tag", TAG, 0, value)
    made = bbs_blind.core_commit(interface, [value], parts=[part])
    _, count = bbs_blind.core_commit_verify(interface, made.octets, parts=[PowerVerifier(b"tag", TAG, 0, part.point)])
    assert count == 1
    for wrong in (PowerVerifier(b"tag", TAG, 0, TAG.point), PowerVerifier(b"x", TAG, 0, part.point), None):
        with pytest.raises(BadSignature):
            bbs_blind.core_commit_verify(interface, made.octets, parts=[wrong] if wrong else [])
    liar = PowerProver(b"tag", TAG, 0, random_scalar())
    made = bbs_blind.core_commit(interface, [value], parts=[liar])
    with pytest.raises(BadSignature):
        bbs_blind.core_commit_verify(interface, made.octets, parts=[PowerVerifier(b"tag", TAG, 0, liar.point)])


def test_the_published_signature_of_the_shake_256_suite_is_made() -> None:
    # draft-irtf-cfrg-bbs-signatures-09, section 8.3.4.1 (valid single message signature).
    secret = bytes.fromhex("2eee0f60a8a3a8bec0ee942bfd46cbdae9a0738ee68f5a64e7238311cf09a079")
    public = bbs.public_key(secret)
    assert decode_scalar(secret)
    assert public.hex().startswith("92d37d1d6cd38fea3a873953333eab23a4c0377e3e049974eb62bd45949cdeb1")
    message = bytes.fromhex("9872ad089e452c7b6e283dfac2a80d58e8d0ff71cc4d5e310a1debdda4a45f02")
    header = bytes.fromhex("11223344556677889900aabbccddeeff")
    signature = bbs.sign(secret, public, header=header, messages=[message], suite=SHAKE_256)
    assert signature.hex() == (
        "b9a622a4b404e6ca4c85c15739d2124a1deb16df750be202e2430e169bc27fb71c44d98e6d40792033e1c452145ada95"
        "030832c5dc778334f2f1b528eced21b0b97a12025a283d78b7136bb9825d04ef"
    )
