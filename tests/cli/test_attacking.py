"""`idverify attack`, `export` and `score` on a replayed world."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from idverify.cli import main
from idverify.commands.attacking import coalition_in, linkable_in
from idverify.privacy.attack import Asked, attack
from idverify.privacy.public import IdNumbers, Public, PublicPopulation, write_public
from idverify.privacy.score import read_truth
from idverify.simulation import delays
from idverify.simulation.replay import replay
from idverify.simulation.scenario import Scenario
from tests.privacy.ledgers import line

COALITION = "identity_provider,platform_a"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of real names, where everybody is found."""
    folder = tmp_path_factory.mktemp("run") / "real_name"
    scenario = Scenario(row="real name", citizens=40, exactly=1, delay=delays.exponential(3_000.0))
    return replay(scenario, folder, seed=3).folder


def test_attack_says_who_is_found_and_explains_one(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", str(world.parent), "--coalition", COALITION, "--explain"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "40 of 40 (95 %: 91.2–100 %) platform_a accounts identified" in said
    assert "SIMULATED; attacker policy, attack exact_join; by chance 1 of 40" in said
    assert "It is right. Side by side" in said
    assert "sent.payload.id_number" in said


def test_the_state_and_names_as_reports_write_them_are_coalitions() -> None:
    known = [["identity_provider", "platform_a", "network_observer"]]
    assert coalition_in("state", known) == ["identity_provider", "network_observer", "platform_a"]
    assert coalition_in("identity_provider+platform_a", known) == ["identity_provider", "platform_a"]


def test_accounts_of_people_whom_the_source_never_met_are_not_counted(world: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(world, tmp_path / "copy")
    ledger = copy / "ledgers" / "identity_provider.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    gone = {json.loads(line)["subject"] for line in lines[:3]}
    ledger.write_bytes(b"".join(line for line in lines if json.loads(line)["subject"] not in gone))
    (answer,) = attack(copy, ("identity_provider", "platform_a"), attacks=["exact_join"], schemes={})
    left = linkable_in(copy, answer)
    assert len([row for row in left if row.platform == "platform_a"]) == 40 - len(gone)


def test_where_nobody_is_linked_explain_says_so_and_records_are_accounted_for(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(world, tmp_path / "copy")
    (copy / "ledgers" / "platform_a.jsonl").write_bytes(b"{\n")
    arguments = ["--coalition", COALITION, "--attacker", "policy", "--attacks", "exact_join", "--explain"]
    assert main(["attack", str(copy), *arguments]) == 5
    said = capsys.readouterr().out
    assert "left out: 1 damaged" in said
    assert "nobody was linked" in said


def test_a_hashed_id_number_that_is_found_is_explained(tmp_path: Path) -> None:
    number = "900090042"  # province, century and sex, year, serial
    body = {"birth_date": "1990-05-01", "id_hash": hashlib.sha256(number.encode()).hexdigest()}
    (tmp_path / "platform_a.jsonl").write_text(line("platform_a", "a1", body))
    numbers = IdNumbers(digits=9, provinces=["one"], serials=1_000)
    write_public(tmp_path, Public(id_numbers=numbers, population=PublicPopulation(people=2_000)))
    asked = Asked(attacks=("enumeration",), explain="best")
    (answer,) = attack(tmp_path, ["platform_a"], asked=asked, schemes={})
    (found,) = answer.evidence["a1"]
    assert (found.value, found.how) == (number, "the second is the SHA-256 of the first")


def test_attack_gives_json(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--coalition", COALITION, "--attacker", "blind", "--attacks", "exact_join", "--json"]
    assert main(["attack", str(world), *arguments]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["strongest"]["top_1"] == 1.0
    assert found["strongest"]["attacker"] == "blind"


def test_too_little_data_says_so_and_ends_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replay(Scenario(row="real name", citizens=5, exactly=1), tmp_path, seed=1)
    assert main(["attack", str(tmp_path), "--coalition", COALITION, "--attacks", "exact_join"]) == 5
    assert "too little data for a number: 5 accounts, and 10 are needed" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--coalition", "identity_provider,platform_z"], 2, "'platform_z' has no ledger here"),
        (["--coalition", "platform_a,platform_a"], 2, "names platform_a twice"),
        (["--coalition", "platform_a+platform_a"], 2, "names platform_a twice"),
        (["--coalition", ""], 2, "names nobody"),
        (["--coalition", "platform_a,"], 2, "names nobody"),
        (["--coalition", "telecom,platform_a"], 2, "no scheme that is run here goes over phone numbers"),
        (["--coalition", "openers,platform_a"], 2, "only a scheme that seals identities has openers"),
        (["--coalition", COALITION, "--attacks", "magic"], 2, "'magic' is no attack"),
        (["--coalition", COALITION, "--engine", "abacus"], 2, "'abacus' is no engine"),
        (["--coalition", COALITION, "--at", "yesterday"], 2, "'yesterday' is no time"),
        (["--coalition", COALITION, "--attacker", "trained"], 2, "has nothing to train on"),
        (["--coalition", COALITION, "--scheme", "x"], 2, "'x' is not in this run"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    world: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert main(["attack", str(world.parent), *arguments]) == code
    found = capsys.readouterr().err
    assert said in found
    assert "Traceback" not in found


def test_a_run_that_is_not_there_is_an_error_of_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["attack", str(tmp_path / "nothing"), "--coalition", COALITION]) == 3
    assert "there is no run" in capsys.readouterr().err


def test_guesses_for_another_run_are_refused_and_a_confidence_of_0_is_no_claim(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guesses = tmp_path / "guesses.csv"
    guesses.write_text("account,person\nnobody,900000000000\n")
    assert main(["score", str(guesses), "--run", str(world)]) == 2
    assert "none of the 1 accounts in guesses.csv is one of platform_a" in capsys.readouterr().err
    row = next(row for row in read_truth(world / "truth.jsonl") if row.platform == "platform_a")
    guesses.write_text(f"account,person,confidence\n{row.account},{row.owner},0\n")
    assert main(["score", str(guesses), "--run", str(world)]) == 0
    assert "guessed           0 accounts, of which 0 right" in capsys.readouterr().out


def test_an_exercise_has_ledgers_and_no_truth_and_guesses_are_graded(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(world), "--folder", str(tmp_path / "exercise")]) == 0
    names = {path.name for path in (tmp_path / "exercise").rglob("*") if path.is_file()}
    assert {"identity_provider.jsonl", "platform_a.jsonl", "public.json", "README.txt"} == names
    assert main(["export", str(world), "--folder", str(tmp_path / "exercise")]) == 2
    guesses = tmp_path / "guesses.csv"
    with guesses.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["account", "person", "confidence"])
        for number, row in enumerate(read_truth(world / "truth.jsonl")):
            writer.writerow([row.account, row.owner if number % 2 else "900000000000", 0.5])
        writer.writerow(["nobody", "900000000000", 0.5])
    capsys.readouterr()
    assert main(["score", str(guesses), "--run", str(world)]) == 0
    said = capsys.readouterr().out
    assert "guessed           40 accounts, of which 20 right" in said
    assert "1 accounts that nobody has" in said


def test_persons_named_alike_are_no_claim(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = [row for row in read_truth(world / "truth.jsonl") if row.platform == "platform_a"]
    rows = [f"{row.account},{owner},0.5" for row in truth for owner in (row.owner, "900000000000")]
    guesses = tmp_path / "guesses.csv"
    guesses.write_text("\n".join(["account,person,confidence", *rows]))
    assert main(["score", str(guesses), "--run", str(world)]) == 0
    said = capsys.readouterr().out
    assert "right             20 of 40" in said
    assert "guessed           0 accounts" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column account"),
        ("who,what\n", "has no column account"),
        ("account\na\n", "has no column person"),
        ("account,person\na\n", "line 2: 1 columns"),
        ("account,person\na,\n", "line 2: the account or the person is missing"),
        ("account,person,confidence\na,b,often\n", "line 2: 'often' is no confidence"),
        ("account,person,confidence\na,b,1.5\n", "line 2: '1.5' is no confidence"),
        ("account,person,confidence\na,b,nan\n", "line 2: 'nan' is no confidence"),
        ("account,person\na,b\na,b\n", "line 3: b was named for a before"),
        ("account,person\n\0", "is no text"),
    ],
)
def test_a_bad_file_of_guesses_is_refused_with_its_line(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (tmp_path / "guesses.csv").write_text(text)
    assert main(["score", str(tmp_path / "guesses.csv"), "--run", str(world)]) == 2
    assert said in capsys.readouterr().err
