"""Opening a seal takes a quorum, the audit office and a record; each opener looks before giving a part."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from idverify.crypto.bls12_381 import scalar_of
from idverify.crypto.threshold_elgamal import WITNESS, SealProver, deal, part_of, point_of, unseal
from idverify.errors import BadEnvironment, BadSignature, BadUsage, NotFound
from idverify.opening.audit import Tampered
from idverify.opening.openers import Openers, digest, find, give, load_openers, open_seal, record, settle

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
NAMES = ("court", "ombudsman", "platform")
PERSON = 901_090_000_007
REQUEST = {"platform": "platform_a", "account": "a1", "ground": "case 12", "by": "court"}


@pytest.fixture
def openers(tmp_path: Path) -> Openers:
    dealt = deal(2, 3)
    settle(tmp_path / "o", dealt.key, shares=dict(zip(NAMES, dealt.shares, strict=True)), witness=dealt.witness)
    return load_openers(tmp_path / "o")


def test_two_of_three_find_the_person_and_leave_a_record(openers: Openers) -> None:
    seal = SealProver(openers.key, 0, scalar_of(PERSON)).seal
    opened = open_seal(openers, seal, by=["court", "platform"], request=REQUEST, now=NOW)
    assert find(opened.point, range(PERSON - 5, PERSON + 5)) == PERSON
    [entry] = openers.entries()
    assert entry.request == {**REQUEST, "seal": digest(seal)}
    assert entry == opened.entry


def test_an_opener_alone_is_refused_before_anything_is_recorded(openers: Openers) -> None:
    seal = SealProver(openers.key, 0, scalar_of(PERSON)).seal
    for alone in (["court"], ["court", "court"], []):
        with pytest.raises(BadUsage, match="2 are needed"):
            open_seal(openers, seal, by=alone, request=REQUEST, now=NOW)
    with pytest.raises(BadUsage, match="stranger"):
        open_seal(openers, seal, by=["court", "stranger"], request=REQUEST, now=NOW)
    assert openers.entries() == ()


def test_no_opener_gives_a_part_for_an_entry_that_is_not_in_the_log(openers: Openers) -> None:
    seal = SealProver(openers.key, 0, scalar_of(PERSON)).seal
    entry, _ = record(openers, seal, REQUEST, now=NOW)
    openers.log.unlink()
    with pytest.raises(Tampered):
        give(openers, "court", seal, entry.line)


def test_no_opener_gives_a_part_for_another_seal_than_the_recorded_one(openers: Openers) -> None:
    first, second = (SealProver(openers.key, 0, scalar_of(PERSON)).seal for _ in range(2))
    entry, _ = record(openers, first, REQUEST, now=NOW)
    with pytest.raises(Tampered, match="another seal"):
        give(openers, "court", second, entry.line)
    with pytest.raises(Tampered):
        give(openers, "court", first, entry.line.replace(b"case 12", b"case 13"))


def test_an_opener_that_has_seen_an_opening_notices_its_removal(openers: Openers) -> None:
    seal = SealProver(openers.key, 0, scalar_of(PERSON)).seal
    open_seal(openers, seal, by=["court", "platform"], request=REQUEST, now=NOW)
    openers.log.unlink()
    with pytest.raises(Tampered, match="has seen"):
        openers.entries()
    with pytest.raises(Tampered, match="court has seen"):
        open_seal(openers, seal, by=["court", "ombudsman"], request={**REQUEST, "ground": "case 13"}, now=NOW)


def test_all_openers_together_open_nothing_behind_the_audit_offices_back(openers: Openers) -> None:
    seal = SealProver(openers.key, 0, scalar_of(PERSON)).seal
    shares = [(openers.folder / f"{name}.share").read_bytes() for name in NAMES]
    parts = {i: part_of(share, i, seal, context=b"covert") for i, share in enumerate(shares, 1)}
    forged = part_of(shares[0], WITNESS, seal, context=b"covert")
    with pytest.raises(BadSignature):
        unseal(openers.key, seal, {**parts, WITNESS: forged}, context=b"covert")
    assert openers.entries() == ()


def test_somebody_who_is_not_in_the_register_is_not_found(openers: Openers) -> None:
    with pytest.raises(NotFound):
        find(point_of(PERSON), range(5))


def test_a_lost_share_and_an_empty_folder_are_said(openers: Openers, tmp_path: Path) -> None:
    seal = SealProver(openers.key, 0, scalar_of(PERSON)).seal
    (openers.folder / "ombudsman.share").unlink()
    with pytest.raises(BadEnvironment, match="ombudsman"):
        open_seal(openers, seal, by=["ombudsman", "court"], request=REQUEST, now=NOW)
    with pytest.raises(BadEnvironment):
        load_openers(tmp_path)


@pytest.mark.parametrize("head", [b"", b"\xff", b"[]", b"{}", b'{"seq":"1","hash":"x"}', b'{"seq":1e999,"hash":"x"}'])
def test_a_damaged_head_is_no_fresh_start(openers: Openers, head: bytes) -> None:
    seal = SealProver(openers.key, 0, scalar_of(PERSON)).seal
    (openers.folder / "court.head").write_bytes(head)
    with pytest.raises(Tampered, match=r"court\.head"):
        openers.entries()
    with pytest.raises(Tampered, match=r"court\.head"):
        open_seal(openers, seal, by=["court", "platform"], request=REQUEST, now=NOW)


def test_a_damaged_key_of_the_audit_office_is_said(openers: Openers) -> None:
    seal = SealProver(openers.key, 0, scalar_of(PERSON)).seal
    (openers.folder / "audit_office.key").write_bytes(b"short")
    with pytest.raises(BadEnvironment, match=r"audit_office\.key"):
        record(openers, seal, REQUEST, now=NOW)
