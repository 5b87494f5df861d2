"""A quorum of openers leads every account that it opens to its person; one opener too few learns nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from idverify.comparison.coalitions import possible
from idverify.comparison.openings import QUORUM, TOO_FEW, open_accounts
from idverify.crypto.bls12_381 import scalar_of
from idverify.crypto.threshold_elgamal import SealProver, deal
from idverify.formats.strict_json import encode_base64url
from idverify.ledger import RawRecord, Received, Sent
from idverify.opening.openers import load_openers, settle
from idverify.population import Population
from idverify.privacy.attack import attack
from tests.privacy.ledgers import line

PEOPLE = Population.make(12, 7)
NUMBERS = {f"account-of-person-{row:04d}": f"{int(PEOPLE.id_number(row)):012d}" for row in range(len(PEOPLE))}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a trial leaves: the openers, a platform's ledger, and a thief's copy of it with a seal of each account."""
    folder = tmp_path_factory.mktemp("world")
    dealt = deal(2, 3)
    shares = dict(zip(("court", "ombudsman", "platform"), dealt.shares, strict=True))
    settle(folder / "openers" / "x" / "1", dealt.key, shares=shares, witness=dealt.witness)
    kept = []
    for account, number in NUMBERS.items():
        seal = SealProver(dealt.key, 0, scalar_of(int(number))).seal
        row = {"account_id": account, "claim": "sealed", "value": f"{dealt.key.id}.{encode_base64url(seal.octets)}"}
        received = Received("application/json", msgspec.json.encode(row), {})
        kept.append(RawRecord(1, 1.0, "thief_of_platform_a", "", "", "kept", "", 0, 0, 0, received, Sent("", None),
                              account, "", ""))  # fmt: skip
    (folder / "ledgers").mkdir()
    stolen = b"\n".join(map(msgspec.json.encode, kept))
    (folder / "ledgers" / "thief_of_platform_a.jsonl").write_bytes(stolen)
    (folder / "ledgers" / "platform_a.jsonl").write_text("\n".join(line("platform_a", each, {}) for each in NUMBERS))
    assert open_accounts(folder, platform="platform_a", population=PEOPLE) == len(NUMBERS)
    return folder


def test_a_quorum_and_the_platform_name_everybody_whom_the_quorum_opened(world: Path) -> None:
    (answer,) = attack(world, (QUORUM, "platform_a"), attacks=["exact_join"], schemes={})
    assert {t.subject: t.candidates[0].subject for t in answer.targets if t.claimed} == NUMBERS


def test_one_opener_too_few_names_nobody_and_has_asked_for_all(world: Path) -> None:
    lines = (world / "ledgers" / f"{TOO_FEW}.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(each)["status"] for each in lines] == [403] * len(NUMBERS)
    answers = attack(world, (TOO_FEW, "platform_a"), schemes={})
    assert all(answer.silent for answer in answers)
    assert all(answer.pool == 0 for answer in answers)


def test_the_runs_own_audit_log_stays_empty_and_both_are_attacked(world: Path) -> None:
    assert load_openers(world / "openers" / "x" / "1").entries() == ()
    names = [each.name for each in possible([QUORUM, TOO_FEW, "platform_a"], ordered=True)]
    assert names == ["platform_a", f"{QUORUM}+platform_a", f"{TOO_FEW}+platform_a"]


def test_a_world_without_openers_gets_no_ledger_of_them(tmp_path: Path) -> None:
    assert open_accounts(tmp_path, platform="platform_a", population=PEOPLE) == 0
    assert list(tmp_path.iterdir()) == []
