"""A seal opens with a quorum and the witness, and with nothing else; every part of it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import pytest

from idverify.crypto import bbs
from idverify.crypto.bls12_381 import ORDER, G1Point, Scalar, random_scalar, scalar_of
from idverify.crypto.threshold_elgamal import (
    PART_SIZE,
    SEAL_SIZE,
    WITNESS,
    Dealt,
    Seal,
    SealProver,
    SealVerifier,
    check_part,
    deal,
    decode_key,
    decode_seal,
    part_of,
    point_of,
    unseal,
)
from idverify.errors import BadMessage, BadSignature

MESSAGE = 901_090_000_001
SECRET = bbs.key_gen(b"k" * 32)
PUBLIC = bbs.public_key(SECRET)
SIGNED = bbs.Signed(bbs.plain(bbs.SHA_256), PUBLIC, b"header", bbs.generators(bbs.plain(bbs.SHA_256), 3))
ROW = [scalar_of(7), scalar_of(MESSAGE), scalar_of(9)]
SIGNATURE = bbs.core_sign(SIGNED, SECRET, ROW)


@pytest.fixture(scope="module")
def dealt() -> Dealt:
    return deal(2, 3)


def sealed(dealt: Dealt, *, message: int = MESSAGE, index: int = 1) -> tuple[Seal, bytes, bytes]:
    """A proof that shows the first message, with the seal and its answer."""
    part = SealProver(dealt.key, index, scalar_of(message))
    made = bbs.core_proof_gen(SIGNED, SIGNATURE, ROW, ph=b"ph", disclosed=[0], parts=[part])
    return part.seal, made.proof, made.answers[0]


def check(dealt: Dealt, seal: Seal, proof: bytes, answer: bytes, *, index: int = 1) -> None:
    part = SealVerifier(dealt.key, index, seal, answer)
    shown: Mapping[int, Scalar] = {0: ROW[0]}
    bbs.core_proof_check(SIGNED, proof, ph=b"ph", disclosed=shown, parts=[part]).finish()


def parts(dealt: Dealt, seal: Seal, indexes: tuple[int, ...], *, context: bytes = b"entry") -> dict[int, bytes]:
    return {
        i: part_of(dealt.witness if i == WITNESS else dealt.shares[i - 1], i, seal, context=context) for i in indexes
    }


@pytest.mark.parametrize(("threshold", "openers"), [(1, 1), (1, 3), (2, 3), (3, 3), (3, 5)])
def test_every_quorum_with_the_witness_finds_the_message(threshold: int, openers: int) -> None:
    dealt = deal(threshold, openers)
    seal = SealProver(dealt.key, 0, scalar_of(MESSAGE)).seal
    for chosen in combinations(range(1, openers + 1), threshold):
        found = unseal(dealt.key, seal, parts(dealt, seal, (WITNESS, *chosen)), context=b"entry")
        assert found == point_of(MESSAGE)
    every = unseal(dealt.key, seal, parts(dealt, seal, tuple(range(openers + 1))), context=b"entry")
    assert every == point_of(MESSAGE) != point_of(MESSAGE + 1)


def test_the_proof_with_the_seal_of_the_signed_message_is_accepted(dealt: Dealt) -> None:
    check(dealt, *sealed(dealt))


def test_the_seal_of_another_number_than_the_signed_one_is_refused(dealt: Dealt) -> None:
    with pytest.raises(BadSignature):
        check(dealt, *sealed(dealt, message=MESSAGE + 1))


def test_the_seal_of_another_signed_message_is_refused(dealt: Dealt) -> None:
    with pytest.raises(BadSignature):
        check(dealt, *sealed(dealt, message=9, index=2))


def test_a_seal_cannot_be_swapped_stripped_or_made_for_other_openers(dealt: Dealt) -> None:
    seal, proof, answer = sealed(dealt)
    other, _, other_answer = sealed(dealt)
    for changed in ((other, proof, answer), (seal, proof, other_answer), (replace(seal, c1=other.c1), proof, answer)):
        with pytest.raises(BadSignature):
            check(dealt, *changed)
    with pytest.raises(BadSignature):
        check(deal(2, 3), seal, proof, answer)
    with pytest.raises(BadSignature):
        bbs.core_proof_check(SIGNED, proof, ph=b"ph", disclosed={0: ROW[0]}).finish()


def test_a_message_that_is_shown_cannot_be_the_sealed_one(dealt: Dealt) -> None:
    seal, proof, answer = sealed(dealt)
    with pytest.raises(BadMessage):
        check(dealt, seal, proof, answer, index=0)


def test_two_seals_of_one_person_have_nothing_in_common(dealt: Dealt) -> None:
    first, second = sealed(dealt)[0], sealed(dealt)[0]
    assert not {first.c1.to_compressed_bytes(), first.c2.to_compressed_bytes()} & {
        second.c1.to_compressed_bytes(),
        second.c2.to_compressed_bytes(),
    }


@pytest.mark.parametrize("given", [(1, 2), (WITNESS, 1), (WITNESS,), ()])
def test_less_than_a_quorum_with_the_witness_opens_nothing(dealt: Dealt, given: tuple[int, ...]) -> None:
    seal = sealed(dealt)[0]
    with pytest.raises(BadMessage):
        unseal(dealt.key, seal, parts(dealt, seal, given), context=b"entry")


def test_the_openers_without_the_witness_do_not_even_have_the_point(dealt: Dealt) -> None:
    seal = sealed(dealt)[0]
    all_three = parts(dealt, seal, (1, 2, 3))
    forged = {**all_three, WITNESS: part_of(random_scalar().to_be_bytes(), WITNESS, seal, context=b"entry")}
    with pytest.raises(BadSignature):
        unseal(dealt.key, seal, forged, context=b"entry")


def test_a_part_is_good_for_its_own_opener_seal_and_record_only(dealt: Dealt) -> None:
    seal, other = sealed(dealt)[0], sealed(dealt)[0]
    part = part_of(dealt.shares[0], 1, seal, context=b"entry")
    check_part(dealt.key, 1, seal, part, context=b"entry")
    for index, its_seal, context in (
        (2, seal, b"entry"),
        (1, other, b"entry"),
        (1, seal, b"another"),
        (0, seal, b"entry"),
    ):
        with pytest.raises(BadSignature):
            check_part(dealt.key, index, its_seal, part, context=context)


def test_every_flipped_bit_of_a_part_is_noticed(dealt: Dealt) -> None:
    seal = sealed(dealt)[0]
    part = part_of(dealt.shares[0], 1, seal, context=b"entry")
    for at in range(PART_SIZE):
        changed = part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]
        with pytest.raises((BadMessage, BadSignature)):
            check_part(dealt.key, 1, seal, changed, context=b"entry")


def test_one_wrong_part_among_more_than_enough_is_noticed(dealt: Dealt) -> None:
    seal = sealed(dealt)[0]
    given = parts(dealt, seal, (WITNESS, 1, 2, 3))
    given[3] = part_of(dealt.shares[0], 3, seal, context=b"entry")
    with pytest.raises(BadSignature):
        unseal(dealt.key, seal, given, context=b"entry")


def test_a_key_is_read_as_it_was_written(dealt: Dealt) -> None:
    assert decode_key(dealt.key.octets).octets == dealt.key.octets
    assert decode_key(dealt.key.octets).of(3) == dealt.key.of(3)


INFINITY = bytes([0xC0]) + bytes(47)


@pytest.mark.parametrize(
    "change",
    [
        lambda k: k[:-1],
        lambda k: k + b"\0",
        lambda k: b"",
        lambda k: bytes([4, 3]) + k[2:],
        lambda k: bytes([0, 3]) + k[2 : 2 + 48],
        lambda k: bytes([2, 1]) + k[2:],
        lambda k: k[:2] + INFINITY + k[50:],
        lambda k: k[:50] + INFINITY + k[98:],
    ],
)
def test_a_damaged_key_is_refused(dealt: Dealt, change: object) -> None:
    assert callable(change)
    with pytest.raises(BadMessage):
        decode_key(change(dealt.key.octets))


def test_a_witness_whose_key_cancels_the_quorums_is_refused(dealt: Dealt) -> None:
    cancelling = (-dealt.key.commitments[0]).to_compressed_bytes()
    with pytest.raises(BadMessage):
        decode_key(dealt.key.octets[:2] + cancelling + dealt.key.octets[50:])


@pytest.mark.parametrize("octets", [b"", bytes(SEAL_SIZE), INFINITY * 2, G1Point().to_compressed_bytes() + INFINITY])
def test_a_seal_of_no_points_is_refused(octets: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_seal(octets)


@pytest.mark.parametrize(("threshold", "openers"), [(0, 3), (4, 3), (1, 0), (1, 256), (-1, 2)])
def test_a_quorum_that_cannot_be_is_refused(threshold: int, openers: int) -> None:
    with pytest.raises(BadMessage):
        deal(threshold, openers)


@pytest.mark.parametrize("share", [b"", bytes(32), ORDER.to_bytes(32), b"\xff" * 32])
def test_a_share_that_is_no_scalar_is_refused(dealt: Dealt, share: bytes) -> None:
    with pytest.raises(BadMessage):
        part_of(share, 1, sealed(dealt)[0], context=b"entry")
