"""Published BBS fixtures: where they stand, and the random numbers that they were made with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from idverify.crypto.bbs import SHA_256, Ciphersuite
from idverify.scheme import Random

SEED = b"3.141592653589793238462643383279"


class Fixture(TypedDict, total=False):
    """The members of any fixture; octets are in hexadecimal."""

    caseName: str
    signerKeyPair: dict[str, str]
    signerPublicKey: str
    signature: str
    header: str
    presentationHeader: str
    messages: list[str]
    committedMessages: list[str] | None
    disclosedIndexes: list[int]
    revealedMessages: dict[str, str]
    revealedCommittedMessages: dict[str, str]
    proverBlind: str | None
    commitmentWithProof: str | None
    L: int
    proof: str
    result: dict[str, object]
    trace: dict[str, str]
    proverNyms: list[str]
    nym_secrets: list[str]
    signer_nym_entropy: str
    pseudonym: str
    context_id: str


def fixtures(folder: Path) -> list[tuple[str, Fixture]]:
    """All of a folder, by their names; a folder without any is a mistake."""
    found = [(path.name, json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    assert found, folder
    return found


def octets(text: str | None) -> bytes:
    return bytes.fromhex(text or "")


def scalar(text: str) -> bytes:
    """Some fixtures leave leading zeros out."""
    return int(text, 16).to_bytes(32)


def all_octets(texts: Sequence[str] | None) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts or ()]


def by_index(texts: Mapping[str, str] | None) -> dict[int, bytes]:
    return {int(index): bytes.fromhex(text) for index, text in (texts or {}).items()}


def mocked(count: int, label: bytes, *, suite: Ciphersuite = SHA_256) -> Random:
    """Section 8.1 of the draft: `count` numbers of 48 bytes, in order, and not one more."""
    stream = suite.expand(SEED, suite.name + b"H2G_HM2S_" + label + b"MOCK_RANDOM_SCALARS_DST_", 48 * count)
    left = [stream[at : at + 48] for at in range(0, len(stream), 48)]

    def take(size: int) -> bytes:
        assert size == 48
        return left.pop(0)

    return take
