"""`idverify open`: from an account to a person with a quorum, and never without a record."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from idverify import cli
from idverify.crypto.bls12_381 import scalar_of
from idverify.crypto.threshold_elgamal import SealProver, deal
from idverify.formats.strict_json import encode_base64url
from idverify.opening.openers import settle
from idverify.population import Population
from idverify.social_platform.tables import METADATA, Kept, insert_new
from idverify.storage import Store

CITIZENS, SEED, ROW = 50, 7, 11
NAMES = ("court", "ombudsman", "platform")


@dataclass(frozen=True, slots=True)
class World:
    """The folder of `idverify up` with one account that has a seal."""

    folder: Path
    id_number: str

    def run(self, *arguments: str) -> int:
        return cli.main(["open", str(self.folder), "--citizens", str(CITIZENS), "--seed", str(SEED), *arguments])


@pytest.fixture
def world(tmp_path: Path) -> World:
    dealt, population = deal(2, 3), Population.make(CITIZENS, SEED)
    folder = tmp_path / "openers" / "some_scheme" / "000001"
    settle(folder, dealt.key, shares=dict(zip(NAMES, dealt.shares, strict=True)), witness=dealt.witness)
    seal = SealProver(dealt.key, 0, scalar_of(int(population.id_number(ROW)))).seal
    value = f"{dealt.key.id}.{encode_base64url(seal.octets)}"
    store = Store.open(f"sqlite:///{tmp_path}/platform_a.sqlite", METADATA, schema="platform_a")
    asyncio.run(
        store.write(lambda c: insert_new(c, Kept, account_id="a1", claim="sealed", value=value, until=None) and None)
    )
    store.close()
    return World(tmp_path, population.id_number(ROW))


OPENING = ("--account", "a1", "--openers", "court,platform", "--ground", "case 12", "--by", "a prosecutor")


def test_a_quorum_learns_who_it_is_and_the_log_keeps_that_it_asked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run(*OPENING) == 0
    assert world.id_number in capsys.readouterr().out
    assert world.run("--log", "--json") == 0
    [entry] = json.loads(capsys.readouterr().out)
    assert entry["request"]["ground"] == "case 12"
    assert entry["request"]["by"] == "a prosecutor"
    assert world.id_number not in json.dumps(entry)


def test_the_result_is_there_as_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run(*OPENING, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["id_number"], found["openers"], found["entry"]["seq"]) == (world.id_number, ["court", "platform"], 1)


def test_without_an_account_it_says_which_have_a_seal_and_who_can_open_them(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run() == 0
    told = capsys.readouterr()
    assert "a1" in told.out
    assert "court, ombudsman, platform" in told.out
    assert "idverify open" in told.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--account", "a1", "--openers", "court", "--ground", "case"), "2 are needed"),
        (("--account", "a1", "--ground", "case"), "2 are needed"),
        (("--account", "a1", "--openers", "court,nobody", "--ground", "case"), "nobody"),
        (("--account", "a1", "--openers", "court,platform"), "legal ground"),
        (("--account", "a9", "--openers", "court,platform", "--ground", "case"), "a9"),
        (("--account", "a1", "--platform", "platform_x"), "platform_x"),
    ],
)
def test_what_cannot_be_opened_is_said_and_leaves_no_record(
    world: World, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert world.run(*arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert world.id_number not in told.out
    assert not list(world.folder.rglob("audit_office.jsonl"))


def test_a_log_from_which_an_opening_was_taken_is_not_shown_as_whole(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run(*OPENING) == 0
    [log] = world.folder.rglob("audit_office.jsonl")
    log.write_bytes(b"")
    capsys.readouterr()
    assert world.run("--log") == 3
    assert "has seen" in capsys.readouterr().err


def test_a_folder_without_openers_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["open", str(tmp_path)]) == 3
    assert "run.json" in capsys.readouterr().err
