"""draft-irtf-cfrg-bbs-per-verifier-linkability: every published fixture of BLS12-381-SHA-256."""

from __future__ import annotations

import json
from pathlib import Path

from idverify.crypto import bbs
from idverify.crypto import bbs_pseudonym as nym
from tests.vectors.bbs import all_octets, by_index, fixtures, mocked, octets, scalar


def test_the_generators_are_the_published_ones(vectors: Path) -> None:
    fixture = json.loads((vectors / "bbs/pseudonym/generators.json").read_text())
    own, blind = fixture["generators"], fixture["blindGenerators"]
    interface = nym.pseudonymous(bbs.SHA_256)
    assert interface.api_id.decode() == own["api_id"]
    made = bbs.generators(interface, len(own["MsgGenerators"]), len(blind["MsgGenerators"]) + 1)
    published = [own["P1"], own["Q1"], *own["MsgGenerators"], blind["Q1"], *blind["MsgGenerators"]]
    assert [base.octets.hex() for base in made.bases] == published


def test_every_commitment_is_the_published_one(vectors: Path) -> None:
    for name, fixture in fixtures(vectors / "bbs/pseudonym/commit"):
        messages, nyms = all_octets(fixture["committedMessages"]), [scalar(n) for n in fixture["proverNyms"]]
        random = mocked(len(messages) + len(nyms) + 2, b"COMMIT_")
        made = nym.commit_with_nym(nyms, committed=messages, random=random)
        assert made.octets == octets(fixture["commitmentWithProof"]), name
        assert made.blind == scalar(fixture["proverBlind"] or ""), name


def test_every_signature_is_the_published_one(vectors: Path) -> None:
    for name, fixture in fixtures(vectors / "bbs/pseudonym/signature"):
        keys, header, messages = fixture["signerKeyPair"], octets(fixture["header"]), all_octets(fixture["messages"])
        public, entropy = octets(keys["publicKey"]), scalar(fixture["signer_nym_entropy"])
        nyms = [scalar(n) for n in fixture["proverNyms"]]
        made = nym.blind_sign_with_nym(
            octets(keys["secretKey"]),
            public,
            commitment=octets(fixture["commitmentWithProof"]),
            nyms=len(nyms),
            entropy=entropy,
            header=header,
            messages=messages,
        )
        assert made == octets(fixture["signature"]), name
        secrets = nym.verify_finalize_with_nym(
            public,
            made,
            prover_nyms=nyms,
            entropy=entropy,
            blind_factor=scalar(fixture["proverBlind"] or ""),
            header=header,
            messages=messages,
            committed=all_octets(fixture["committedMessages"]),
        )
        assert list(secrets) == [scalar(n) for n in fixture["nym_secrets"]], name


def test_every_proof_and_pseudonym_is_the_published_one(vectors: Path) -> None:
    for name, fixture in fixtures(vectors / "bbs/pseudonym/proof"):
        public, header, ph = (octets(fixture[k]) for k in ("signerPublicKey", "header", "presentationHeader"))
        disclosed = by_index(fixture["revealedMessages"])
        disclosed_committed = by_index(fixture["revealedCommittedMessages"])
        messages, committed = all_octets(fixture["messages"]), all_octets(fixture["committedMessages"])
        secrets, context_id = [scalar(n) for n in fixture["nym_secrets"]], octets(fixture["context_id"])
        row = len(messages) + 1 + len(committed) + len(secrets)
        proven = nym.proof_gen_with_nym(
            public,
            octets(fixture["signature"]),
            nym_secrets=secrets,
            context_id=context_id,
            blind_factor=scalar(fixture["proverBlind"] or ""),
            header=header,
            ph=ph,
            messages=messages,
            committed=committed,
            disclosed=disclosed,
            disclosed_committed=disclosed_committed,
            random=mocked(5 + row - len(disclosed) - len(disclosed_committed), b"PROOF_"),
        )
        assert proven.proof == octets(fixture["proof"]), name
        assert proven.pseudonym == octets(fixture["pseudonym"]), name
        assert proven.pseudonym == nym.pseudonym_of(secrets, context_id), name
        nym.proof_verify_with_nym(
            public,
            proven.proof,
            proven.pseudonym,
            context_id=context_id,
            nyms=len(secrets),
            known=fixture["L"],
            header=header,
            ph=ph,
            disclosed=disclosed,
            disclosed_committed=disclosed_committed,
        )
