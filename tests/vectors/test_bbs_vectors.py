"""draft-irtf-cfrg-bbs-signatures: every published fixture of BLS12-381-SHA-256, the invalid ones too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from idverify.crypto import bbs
from idverify.crypto.bls12_381 import hash_to_scalar, random_scalar
from idverify.errors import BadMessage, BadSignature
from tests.vectors.bbs import SEED, all_octets, fixtures, mocked, octets


def test_the_key_pair_is_the_published_one(vectors: Path) -> None:
    fixture = json.loads((vectors / "bbs/core/keypair.json").read_text())
    material, info, key_dst = (octets(fixture[k]) for k in ("keyMaterial", "keyInfo", "keyDst"))
    secret = bbs.key_gen(material, info=info, key_dst=key_dst)
    assert secret == bbs.key_gen(material, info=info)
    assert secret.hex() == fixture["keyPair"]["secretKey"]
    assert bbs.public_key(secret).hex() == fixture["keyPair"]["publicKey"]


def test_hashes_to_scalars_are_the_published_ones(vectors: Path) -> None:
    fixture = json.loads((vectors / "bbs/core/h2s.json").read_text())
    assert hash_to_scalar(octets(fixture["message"]), octets(fixture["dst"])).to_be_bytes().hex() == fixture["scalar"]
    mapped = json.loads((vectors / "bbs/core/MapMessageToScalarAsHash.json").read_text())
    scalars = bbs.plain(bbs.SHA_256).scalars([octets(case["message"]) for case in mapped["cases"]])
    assert [scalar.to_be_bytes().hex() for scalar in scalars] == [case["scalar"] for case in mapped["cases"]]
    for case, scalar in zip(mapped["cases"], scalars, strict=True):
        assert hash_to_scalar(octets(case["message"]), octets(mapped["dst"])) == scalar


def test_the_generators_are_the_published_ones(vectors: Path) -> None:
    fixture = json.loads((vectors / "bbs/core/generators.json").read_text())
    made = bbs.generators(bbs.plain(bbs.SHA_256), len(fixture["MsgGenerators"]))
    assert [base.octets.hex() for base in made.bases] == [fixture["P1"], fixture["Q1"], *fixture["MsgGenerators"]]


def test_the_mocked_random_numbers_are_the_published_ones(vectors: Path) -> None:
    fixture = json.loads((vectors / "bbs/core/mockedRng.json").read_text())
    assert octets(fixture["seed"]) == SEED
    random = mocked(fixture["count"], b"")
    assert [random_scalar(random).to_be_bytes().hex() for _ in range(fixture["count"])] == fixture["mockedScalars"]


def test_every_signature_is_the_published_one(vectors: Path) -> None:
    for name, fixture in fixtures(vectors / "bbs/core/signature"):
        keys, header, messages = fixture["signerKeyPair"], octets(fixture["header"]), all_octets(fixture["messages"])
        public, signature = octets(keys["publicKey"]), octets(fixture["signature"])
        if fixture["result"]["valid"]:
            made = bbs.sign(octets(keys["secretKey"]), public, header=header, messages=messages)
            assert made == signature, name
            bbs.verify(public, signature, header=header, messages=messages)
        else:
            with pytest.raises((BadMessage, BadSignature)):
                bbs.verify(public, signature, header=header, messages=messages)


def test_every_proof_is_the_published_one(vectors: Path) -> None:
    for name, fixture in fixtures(vectors / "bbs/core/proof"):
        public, header, ph = (octets(fixture[k]) for k in ("signerPublicKey", "header", "presentationHeader"))
        messages, shown = all_octets(fixture["messages"]), fixture["disclosedIndexes"]
        disclosed = {index: messages[index] for index in shown}
        proof = octets(fixture["proof"])
        if fixture["result"]["valid"]:
            made = bbs.proof_gen(
                public,
                octets(fixture["signature"]),
                header=header,
                ph=ph,
                messages=messages,
                disclosed=shown,
                random=mocked(5 + len(messages) - len(shown), b""),
            )
            assert made == proof, name
            bbs.proof_verify(public, proof, header=header, ph=ph, disclosed=disclosed)
        else:
            with pytest.raises((BadMessage, BadSignature)):
                bbs.proof_verify(public, proof, header=header, ph=ph, disclosed=disclosed)


def test_the_shake_256_suite_makes_the_published_signature_and_proof() -> None:
    published = json.loads((Path(__file__).parent / "published/bbs_shake_256.json").read_text())
    signed, shown, suite = published["signature"], published["proof"], bbs.SHAKE_256
    keys, messages = signed["signerKeyPair"], all_octets(signed["messages"])
    public, header = octets(keys["publicKey"]), octets(signed["header"])
    signature = bbs.sign(octets(keys["secretKey"]), public, header=header, messages=messages, suite=suite)
    assert signature.hex() == signed["signature"] == shown["signature"]
    indexes, ph = shown["disclosedIndexes"], octets(shown["presentationHeader"])
    proof = bbs.proof_gen(
        public,
        signature,
        header=header,
        ph=ph,
        messages=messages,
        disclosed=indexes,
        suite=suite,
        random=mocked(5 + len(messages) - len(indexes), b"", suite=suite),
    )
    assert proof.hex() == shown["proof"]
    disclosed = {index: messages[index] for index in indexes}
    bbs.proof_verify(public, proof, header=header, ph=ph, disclosed=disclosed, suite=suite)
    with pytest.raises(BadMessage):
        bbs.proof_verify(public, proof[:-1], header=header, ph=ph, disclosed=disclosed, suite=suite)
