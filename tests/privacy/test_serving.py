"""What several children of one process close is put together, and what one has worked out serves the next."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace as altered
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from idverify.privacy.attack import Known
from idverify.privacy.attackers import Attacker
from idverify.privacy.closing import close_all
from idverify.privacy.hashes import hashes_in, hashes_of, read_hashes
from idverify.privacy.serving import MOST_GROUPS, hand_over, learn
from idverify.privacy.tables import FOLDER, close, read_left_out
from idverify.schemes import SCHEMES
from tests.privacy.ledgers import write_ledgers


def test_ledgers_that_two_processes_close_are_the_same_as_from_one(tmp_path: Path) -> None:
    parties = ["platform_a", "platform_b"]
    ledgers = {party: [(f"{party}{n}", {"serial": f"x{n:09d}"}) for n in range(5)] for party in parties}
    for name in ("both", "one"):
        write_ledgers(tmp_path / name, ledgers)
        with (tmp_path / name / "platform_a.jsonl").open("a") as lines:
            lines.write("damaged\n")
    close(tmp_path / "one", parties, tmp_path / "one" / FOLDER, schemes=SCHEMES)
    # One that is closed already stays as it is.
    close(tmp_path / "both", ["platform_b"], tmp_path / "both" / FOLDER, schemes=SCHEMES)
    with Attacker() as attacker:
        close_all([tmp_path / "both", tmp_path / "one"], attacker, at_once=2, timeout=300)
    found = [sorted((tmp_path / name / FOLDER).rglob("*.parquet")) for name in ("both", "one")]
    assert len(found[0]) == len(found[1]) == 4
    for mine, theirs in zip(*found, strict=True):
        assert pq.read_table(mine).equals(pq.read_table(theirs))
    assert read_left_out(tmp_path / "both" / FOLDER) == read_left_out(tmp_path / "one" / FOLDER)
    assert read_left_out(tmp_path / "both" / FOLDER)["platform_a"]["damaged"] == 1
    assert not list((tmp_path / "both").glob("closing-*"))


def handed_over(known: Known) -> bytes:
    """What a child hands over that began with nothing."""
    file = io.BytesIO()
    hand_over(known, file, before=Known())
    return file.getvalue()


def test_a_process_learns_sql_and_hashes_from_its_children_and_nothing_from_one_that_broke_off() -> None:
    child, known = Known(), Known()
    child.written["shape"] = "SELECT 1"
    for number in range(MOST_GROUPS + 2):
        hashes_in(child.hashed, f"{number:06d}", 1000)
    whole = handed_over(child)
    for handed in (b"", b'{"shape": "SELECT', b"[]", b"{}\n7", b"{}\n{}"):
        learn(known, io.BytesIO(handed))
    assert known == Known()
    learn(known, io.BytesIO(whole[:-1]))
    assert len(known.hashed) == MOST_GROUPS - 1
    for _ in range(2):
        learn(known, io.BytesIO(whole))
    assert known.written == {"shape": "SELECT 1"}
    assert list(known.hashed) == [(f"{number:06d}", 1000) for number in range(MOST_GROUPS)]
    digest = hashlib.sha256(b"000002007").digest()
    assert list(known.hashed["000002", 1000].among([digest])) == [(digest, "000002007")]


def test_hashes_that_are_none_are_not_taken() -> None:
    made = hashes_of("000001", 1000)
    twice = made.serial.copy()
    twice[1] = twice[0]
    for wrong in (
        altered(made, group="000002"),
        altered(made, first=made.first[::-1].copy()),
        altered(made, serial=made.serial[::-1].copy()),
        altered(made, serial=twice),
        altered(made, serial=made.serial + 1),
        altered(made, first=made.first[:100], serial=made.serial[:100]),
    ):
        file = io.BytesIO()
        wrong.write(file)
        file.seek(0)
        with pytest.raises(ValueError, match=r"serial|order|group"):
            next(read_hashes(file))
