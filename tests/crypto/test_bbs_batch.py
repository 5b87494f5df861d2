"""Batch verification: one equation for many proofs, and every bad one found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idverify.crypto import bbs
from idverify.crypto.bbs import Pending
from idverify.crypto.bbs_batch import bad_ones
from idverify.crypto.bls12_381 import G1Point, random_scalar
from idverify.errors import BadSignature

SECRETS = [bbs.key_gen(bytes([number]) * 32) for number in range(2)]
INTERFACE = bbs.plain(bbs.SHA_256)


def pending(secret: bytes) -> Pending:
    public = bbs.public_key(secret)
    signed = bbs.Signed(INTERFACE, public, b"", bbs.generators(INTERFACE, 1))
    scalars = INTERFACE.scalars([b"m"])
    made = bbs.core_proof_gen(signed, bbs.core_sign(signed, secret, scalars), scalars, ph=b"", disclosed=[])
    return bbs.core_proof_check(signed, made.proof, ph=b"", disclosed={})


GOOD = [pending(secret) for secret in SECRETS for _ in range(2)]


def spoiled(proof: Pending, by: G1Point) -> Pending:
    return replace(proof, bbar=proof.bbar + by)


def good(count: int) -> list[Pending]:
    return [GOOD[number % len(GOOD)] for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8])
def test_good_proofs_of_several_keys_hold_together(count: int) -> None:
    assert bad_ones(good(count)) == frozenset()


@pytest.mark.parametrize("bad", [{0}, {1}, {6}, {0, 1}, {2, 5}, {0, 3, 6}, set(range(7))])
def test_exactly_the_bad_ones_are_found(bad: set[int]) -> None:
    proofs = [spoiled(p, G1Point()) if number in bad else p for number, p in enumerate(good(7))]
    assert bad_ones(proofs) == bad
    for number in bad:
        with pytest.raises(BadSignature):
            proofs[number].finish()


def test_one_bad_proof_of_128_is_the_only_one_found() -> None:
    proofs = good(128)
    proofs[77] = spoiled(proofs[77], G1Point() * random_scalar())
    assert bad_ones(proofs) == {77}


def test_faults_that_cancel_each_other_out_are_found() -> None:
    fault = G1Point() * random_scalar()
    proofs = [spoiled(GOOD[0], fault), spoiled(GOOD[0], -fault), GOOD[1]]
    assert bad_ones(proofs) == {0, 1}


def test_a_proof_under_another_key_is_a_bad_one() -> None:
    stranger = replace(GOOD[0], key=GOOD[-1].key)
    assert bad_ones([GOOD[0], stranger, GOOD[-1]]) == {1}


def test_weights_have_128_bits_and_are_drawn_for_each_equation() -> None:
    drawn: list[int] = []

    def random(size: int) -> bytes:
        drawn.append(size)
        return len(drawn).to_bytes(size)

    proofs = [*good(3), spoiled(GOOD[0], G1Point())]
    assert bad_ones(proofs, random=random) == {3}
    assert set(drawn) == {16}
    assert len(drawn) > 4
