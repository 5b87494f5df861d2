"""draft-irtf-cfrg-bbs-blind-signatures: every published fixture of BLS12-381-SHA-256."""

from __future__ import annotations

import json
from pathlib import Path

from idverify.crypto import bbs, bbs_blind
from tests.vectors.bbs import all_octets, by_index, fixtures, mocked, octets


def test_the_generators_are_the_published_ones(vectors: Path) -> None:
    fixture = json.loads((vectors / "bbs/blind/generators.json").read_text())
    own, blind = fixture["generators"], fixture["blindGenerators"]
    interface = bbs_blind.blind(bbs.SHA_256)
    assert interface.api_id.decode() == own["api_id"]
    made = bbs.generators(interface, len(own["MsgGenerators"]), len(blind["MsgGenerators"]) + 1)
    published = [own["P1"], own["Q1"], *own["MsgGenerators"], blind["Q1"], *blind["MsgGenerators"]]
    assert [base.octets.hex() for base in made.bases] == published


def test_every_commitment_is_the_published_one(vectors: Path) -> None:
    for name, fixture in fixtures(vectors / "bbs/blind/commit"):
        messages = all_octets(fixture["committedMessages"])
        made = bbs_blind.commit(messages, random=mocked(len(messages) + 2, b"COMMIT_"))
        assert made.octets == octets(fixture["commitmentWithProof"]), name
        assert made.blind == octets(fixture["proverBlind"]), name


def test_every_signature_is_the_published_one(vectors: Path) -> None:
    for name, fixture in fixtures(vectors / "bbs/blind/signature"):
        keys, header, messages = fixture["signerKeyPair"], octets(fixture["header"]), all_octets(fixture["messages"])
        public = octets(keys["publicKey"])
        made = bbs_blind.blind_sign(
            octets(keys["secretKey"]),
            public,
            commitment=octets(fixture["commitmentWithProof"]),
            header=header,
            messages=messages,
        )
        assert made == octets(fixture["signature"]), name
        bbs_blind.verify_blind_sign(
            public,
            made,
            header=header,
            messages=messages,
            committed=all_octets(fixture["committedMessages"]),
            blind_factor=octets(fixture["proverBlind"]),
        )


def test_every_proof_is_the_published_one(vectors: Path) -> None:
    published = json.loads((vectors / "bbs/blind/messages.json").read_text())
    for name, fixture in fixtures(vectors / "bbs/blind/proof"):
        public, header, ph = (octets(fixture[k]) for k in ("signerPublicKey", "header", "presentationHeader"))
        disclosed = by_index(fixture["revealedMessages"])
        disclosed_committed = by_index(fixture["revealedCommittedMessages"])
        messages = all_octets(published["messages"])[: fixture["L"]]
        committed = all_octets(published["committedMessages"]) if fixture["commitmentWithProof"] else []
        hidden = len(messages) + 1 + len(committed) - len(disclosed) - len(disclosed_committed)
        proof = bbs_blind.blind_proof_gen(
            public,
            octets(fixture["signature"]),
            header=header,
            ph=ph,
            messages=messages,
            committed=committed,
            disclosed=disclosed,
            disclosed_committed=disclosed_committed,
            blind_factor=octets(fixture["proverBlind"]),
            random=mocked(5 + hidden, b"PROOF_"),
        )
        assert proof == octets(fixture["proof"]), name
        bbs_blind.blind_proof_verify(
            public,
            proof,
            known=fixture["L"],
            header=header,
            ph=ph,
            disclosed=disclosed,
            disclosed_committed=disclosed_committed,
        )
