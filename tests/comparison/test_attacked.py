"""All attacks of all coalitions on one world: what leaks is reported, and what cannot be measured says why."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from idverify.comparison.attacked import Found, attack_all
from idverify.comparison.coalitions import EVERY, STATE, possible
from idverify.privacy.attack import Asked, attack
from idverify.privacy.public import Kept, Public, PublicParty, write_public
from idverify.privacy.score import read_truth
from idverify.privacy.tables import FOLDER
from idverify.privacy.verdict import strongest, verdicts
from tests.privacy.ledgers import line

JOINT, PLATFORMS, SHOWN = "identity_provider+platform_a", "platform_a+platform_b", "/api/presentations/{id_}"
PEOPLE, FEW, DAMAGED = 40, 6, 3


def planted(folder: Path, *, field: str = "serial", values: Sequence[str] = ()) -> Path:
    """A world whose issuer hands out a number that platform A is shown; platform B gets nothing of the kind.

    Three lines are damaged, platform B has few accounts, and the mandate lets nobody keep that number.
    """
    chance = random.Random(7)
    handles = values or [f"{chance.getrandbits(128):032x}" for _ in range(PEOPLE)]
    lines: dict[str, list[str]] = {"identity_provider": [], "platform_a": [], "platform_b": []}
    truth = []
    for n, handle in enumerate(handles):
        owner, begun = f"9010{n:08}", 1_700_000_000.0
        issued, route = begun + chance.uniform(0, 3e4), "/api/issue/{scheme}"
        lines["identity_provider"].append(line("identity_provider", owner, {field: handle}, time=issued, route=route))
        for visit in range(2):
            flow, shown = f"flow-{n}-{visit}", begun + chance.uniform(3e4, 6e4) + 9e4 * visit
            token = {"token": {field: handle}}
            lines["platform_a"].append(line("platform_a", f"a{n}", token, time=shown, route=SHOWN, flow=flow))
        truth.append({"platform": "platform_a", "account": f"a{n}", "owner": owner, "user": owner, "kind": "own"})
        if n < FEW:
            lines["platform_b"].append(line("platform_b", f"b{n}", {}, time=begun + chance.uniform(3e4, 6e4)))
            truth.append({"platform": "platform_b", "account": f"b{n}", "owner": owner, "user": owner, "kind": "own"})
    lines["platform_a"] += ["{", '{"v": 1}', "\x00"]
    (folder / "ledgers").mkdir(parents=True)
    for party, rows in lines.items():
        chance.shuffle(rows)
        (folder / "ledgers" / f"{party}.jsonl").write_text("\n".join(rows))
    (folder / "truth.jsonl").write_text("\n".join(json.dumps(row) for row in truth))
    kept = dict.fromkeys(lines, Kept(fields=["birth_date"], times="none", addresses=False))
    parties = {
        "identity_provider": PublicParty(role="issuer"),
        "platform_a": PublicParty(role="platform"),
        "platform_b": PublicParty(role="platform"),
    }
    write_public(folder / "ledgers", Public(parties=parties, kept=kept))
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("planted") / "world")


@pytest.fixture(scope="module")
def found(world: Path) -> Found:
    return attack_all(world, shadow=None, ordered=True)


def test_a_planted_leak_is_reported_with_the_attack_that_found_it(found: Found) -> None:
    best = found.coalitions[JOINT].arrived
    assert best is not None
    assert (best.attack, best.top_1, best.detected) == ("exact_join", 1.0, True)
    assert (best.targets, best.candidates) == (PEOPLE, PEOPLE)
    assert best.game == (PEOPLE, PEOPLE)
    assert any("serial" in pair for pair in best.evidence)
    assert found.linkage[JOINT].correct == PEOPLE
    assert found.coalitions["platform_a+platform_a"].arrived is not None
    assert found.linkage["platform_a+platform_a"].correct == PEOPLE


def test_birth_dates_are_no_strongest_attack_at_the_simulated_size(tmp_path: Path) -> None:
    dates = [(date(1980, 1, 1) + timedelta(days=97 * n)).isoformat() for n in range(PEOPLE)]
    world = planted(tmp_path / "world", field="birth_date", values=dates)
    pair = tuple(JOINT.split("+"))
    born = verdicts(attack(world, pair), read_truth(world / "truth.jsonl"), label="MEASURED")
    assert {v.answer.attack: v.success for v in born}["quasi_identifiers"] > 0.9
    told = attack_all(world, shadow=None, ordered=True).coalitions[JOINT]
    for best in (told.arrived, told.kept, told.messages):
        assert best is not None
        assert best.attack not in ("quasi_identifiers", "combined")
        assert not best.detected


def test_the_view_that_the_mandate_leaves_differs_from_what_arrived(found: Found) -> None:
    left = found.coalitions[JOINT].kept
    assert left is not None
    assert not left.detected
    assert left.interval[0] <= left.baseline


def test_damaged_records_are_left_out_and_counted(found: Found) -> None:
    assert found.coalitions[JOINT].left_out["damaged"] == DAMAGED


def test_too_little_data_says_so_instead_of_a_number(found: Found) -> None:
    few = found.coalitions[PLATFORMS]
    assert few.arrived is None
    assert few.kept is None
    assert few.silent == f"too little data: {FEW} accounts, and 10 are needed"
    assert found.coalitions["identity_provider"].silent.startswith("no account is in these ledgers")


def test_one_that_is_alone_is_set_against_the_whole_country(found: Found) -> None:
    alone = found.coalitions["platform_a"]
    assert alone.candidates_of == ""
    assert alone.arrived is not None
    assert not alone.arrived.detected


def test_the_tables_stay_beside_the_lines_and_whoever_attacks_later_uses_them(world: Path, found: Found) -> None:
    closed = world / "ledgers" / FOLDER
    assert {path.name for path in (closed / "events").iterdir()} == {
        f"party={party}" for party in ("identity_provider", "platform_a", "platform_b")
    }
    for path in (world / "ledgers").glob("*.jsonl"):
        path.rename(path.with_suffix(".away"))
    try:
        answers = attack(world, JOINT.split("+"), asked=Asked(attacks=("exact_join",)))
    finally:
        for path in (world / "ledgers").glob("*.away"):
            path.rename(path.with_suffix(".jsonl"))
    best = strongest(verdicts(answers, read_truth(world / "truth.jsonl"), label="MEASURED"))
    assert best is not None
    assert best.success == 1.0


def test_tables_that_are_older_than_the_lines_are_made_again(tmp_path: Path, world: Path, found: Found) -> None:
    shutil.copytree(world, tmp_path / "world")
    path = tmp_path / "world" / "ledgers" / "platform_a.jsonl"
    path.write_text(path.read_text() + "\n{{\n")
    answers = attack(tmp_path / "world", JOINT.split("+"), asked=Asked(attacks=("exact_join",)))
    assert answers[0].left_out["damaged"] == DAMAGED + 1


def test_coalitions_are_those_of_the_parties_that_are_there() -> None:
    everybody = {party for each in EVERY for party in each.parties}
    assert [each.name for each in possible(everybody, ordered=True)] == [each.name for each in EVERY]
    assert STATE not in [each.name for each in possible(everybody, ordered=False)]
    two = possible(["identity_provider", "platform_a"], ordered=True)
    assert [each.name for each in two] == [JOINT, "platform_a", STATE, "identity_provider"]
    assert next(each for each in two if each.name == STATE).parties == ("identity_provider", "platform_a")
