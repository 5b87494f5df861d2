"""An opening that is tried out finds what holds and what does not, and leaves the run's own audit log alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from idverify.comparison.drill import drill
from idverify.crypto.bls12_381 import scalar_of
from idverify.crypto.threshold_elgamal import SealProver, deal
from idverify.formats.strict_json import encode_base64url
from idverify.ledger import RawRecord, Received, Sent
from idverify.opening.openers import settle
from idverify.outcomes.unmasking import Drill

ALL_HOLD = Drill(opened=True, too_few_refused=True, unrecorded_refused=True, cut_noticed=True)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """What a trial leaves: the openers, and a thief's copy of a platform that keeps one seal."""
    dealt = deal(2, 3)
    shares = dict(zip(("court", "ombudsman", "platform"), dealt.shares, strict=True))
    settle(tmp_path / "openers" / "x" / "1", dealt.key, shares=shares, witness=dealt.witness)
    seal = SealProver(dealt.key, 0, scalar_of(901_090_000_007)).seal
    row = {"account_id": "a1", "claim": "sealed", "value": f"{dealt.key.id}.{encode_base64url(seal.octets)}"}
    received = Received("application/json", msgspec.json.encode(row), {})
    record = RawRecord(
        1, 1.0, "thief_of_platform_a", "", "", "kept", "", 0, 0, 0, received, Sent("", None), "a1", "", ""
    )
    (tmp_path / "ledgers").mkdir()
    (tmp_path / "ledgers" / "thief_of_platform_a.jsonl").write_bytes(msgspec.json.encode(record) + b"\n")
    return tmp_path


def test_openers_as_they_are_need_a_quorum_and_leave_a_trace(world: Path) -> None:
    before = {path: path.read_bytes() for path in world.rglob("*") if path.is_file()}
    assert drill(world, platform="platform_a") == ALL_HOLD
    assert {path: path.read_bytes() for path in world.rglob("*") if path.is_file()} == before


def test_an_opener_who_looks_at_no_log_is_found_out(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idverify.comparison.drill.give", lambda *_: b"a part all the same")
    found = drill(world, platform="platform_a")
    assert found == replace(ALL_HOLD, unrecorded_refused=False)
    assert "not so: an entry that is not in the audit log got no opener's part" in found.checks()


def test_without_openers_nothing_is_tried(tmp_path: Path) -> None:
    assert drill(tmp_path, platform="platform_a") is None
