"""The attacking process cannot read the truth, three attackers answer, and their answers do not depend on it."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as altered
from functools import partial
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from idverify.errors import BadEnvironment, BadUsage
from idverify.privacy.answers import Answer, Candidate, posterior_of
from idverify.privacy.apart import attack_apart
from idverify.privacy.attack import Asked
from idverify.privacy.attackers import Attacker
from idverify.privacy.closing import close_all
from idverify.privacy.guard import readable_places
from idverify.privacy.public import Kept, read_public, write_public
from idverify.privacy.score import read_truth
from idverify.privacy.stored import read_answers, write_answers
from idverify.privacy.tables import FOLDER, close, read_left_out
from idverify.privacy.verdict import strongest, verdicts
from idverify.simulation import delays
from idverify.simulation.replay import replay
from idverify.simulation.scenario import Scenario
from tests.privacy.ledgers import line, write_ledgers

JOINT = ("identity_provider", "platform_a")
SCENARIO = Scenario(citizens=250, exactly=1, delay=delays.exponential(400.0), behind=4, keys=8)
READING = """
import sys
import time
from pathlib import Path
from idverify.privacy.guard import confine
own, truth = Path(sys.argv[1]), sys.argv[2]
print(confine(own, writable=(own / "out",)))
for read in (
    lambda: open(truth).read(),
    lambda: __import__("duckdb").sql(f"select * from read_csv('{truth}', delim = chr(1))").fetchall(),
    lambda: __import__("subprocess").run(["/bin/cat", truth], check=True, capture_output=True),
    lambda: (own / "here.txt").write_text("x"),
):
    try:
        read()
    except Exception as error:
        print("refused", type(error).__name__)
    else:
        print("read")
print((own / "here.txt").read_text(), (own / "out" / "there.txt").write_text("x"))
"""


TRYING = """
import hashlib
import sys
from pathlib import Path
from idverify.privacy import enumerating
from idverify.privacy.guard import confine
confine(Path(sys.argv[1]), writable=())
enumerating.ALONE = 0
wanted = [hashlib.sha256(b"90109000%d" % n).digest() for n in (1234, 5678)]
tried = enumerating.enumerate_groups(["9010900", "9010901"], wanted, serials=100_000, processes=2)
print(tried.processes, sorted(tried.found.values()))
"""


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A world and its shadow of another seed."""
    folder = tmp_path_factory.mktemp("worlds")
    return replay(SCENARIO, folder / "world", seed=1).folder, replay(SCENARIO, folder / "shadow", seed=2).folder


def test_a_confined_process_reads_its_own_folder_and_no_truth(tmp_path: Path) -> None:
    own, truth = tmp_path / "own", tmp_path / "truth.jsonl"
    (own / "out").mkdir(parents=True)
    (own / "here.txt").write_text("mine")
    truth.write_text("secret")
    done = subprocess.run(
        [sys.executable, "-c", READING, str(own), str(truth)], capture_output=True, text=True, timeout=300
    )
    by_kernel, *refused, last = done.stdout.splitlines()
    assert last == "mine 1", done.stderr
    assert refused[0].startswith("refused")
    if by_kernel == "True":
        assert all(each.startswith("refused") for each in refused)


def test_a_world_among_programs_is_hidden_and_all_beside_it_is_not(tmp_path: Path) -> None:
    programs, world = tmp_path / "opt", tmp_path / "opt" / "idverify" / "runs" / "001"
    for folder in (world, programs / "java", programs / "idverify" / "src"):
        folder.mkdir(parents=True)
    (programs / "idverify" / "runs" / "link").symlink_to(world)
    (programs / "idverify" / "runs" / "library").touch()
    beside = {programs / "java", programs / "idverify" / "src", programs / "idverify" / "runs" / "library"}
    assert set(readable_places([str(programs)], hidden=[world])) == beside
    assert readable_places([str(programs)], hidden=[]) == (programs,)
    assert readable_places([str(world / "..")], hidden=[programs]) == ()


def test_a_confined_process_tries_id_numbers_with_others_to_help(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TRYING, str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert done.stdout == "2 ['901090001234', '901090005678']\n", done.stderr


def test_a_folder_may_be_named_from_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ledgers(tmp_path / "ledgers", {"platform_a": [("a1", {"serial": "x"})]})
    monkeypatch.chdir(tmp_path)
    with Attacker() as attacker:
        close_all([Path("ledgers")], attacker, at_once=1, timeout=300)
    assert list((tmp_path / "ledgers" / FOLDER).glob("events/party=platform_a/*"))


def test_one_posterior_is_kept_once_however_many_say_it(tmp_path: Path) -> None:
    said = posterior_of({"a1": [Candidate("p1", 0.75), Candidate("p2", 0.25)], "a2": []})
    other = posterior_of({"a1": [Candidate("p2", 1.0)], "a2": []})
    first = Answer("address", "policy", ("identity_provider", "platform_a"), "identity_provider", "platform_a", 2, said)
    answers = [first, altered(first, attacker="blind", pairs=("x = y",)), altered(first, posterior=other)]
    write_answers(tmp_path, answers)
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    read = read_answers(tmp_path)
    assert [(a.attacker, a.pairs) for a in read] == [("policy", ()), ("blind", ("x = y",)), ("policy", ())]
    assert read[0].posterior is read[1].posterior
    write_answers(tmp_path, [altered(first, posterior=other)])  # what was there before is not taken for it
    (again,) = read_answers(tmp_path)
    assert list(again.targets) == list(answers[2].targets)
    for answer, again in zip(answers, read, strict=True):
        assert list(answer.targets) == list(again.targets)


def test_three_attackers_answer_and_the_strongest_is_named(worlds: tuple[Path, Path]) -> None:
    world, shadow = worlds
    asked = Asked(attackers=("policy", "trained", "blind"), shadow=shadow, explain="best")
    answers = attack_apart(world, [JOINT], asked=asked)
    found = verdicts(answers, read_truth(world / "truth.jsonl"), label="SIMULATED")
    best = strongest(found)
    assert best is not None
    assert {v.answer.attacker for v in found} == {"policy", "trained", "blind"}
    assert best.success > 0.9
    assert best.above_baseline
    assert best.game[0] > 0.9 * best.game[1]
    timed = {v.answer.attacker: v.success for v in found if v.answer.attack == "timing" and v.spoke}
    assert timed["trained"] > 0.1
    assert timed["policy"] == pytest.approx(timed["trained"], abs=0.1)
    (evidence,) = best.answer.evidence.values()
    assert {"identity_provider", "platform_a"} == {evidence[0].party, evidence[0].other_party}


def test_other_truths_leave_the_answers_bit_identical(worlds: tuple[Path, Path], tmp_path: Path) -> None:
    world, _ = worlds
    asked = Asked(attackers=("policy", "blind"), attacks=("exact_join", "timing", "partition", "combined"))
    truth = (world / "truth.jsonl").read_text()
    seen = []
    try:
        for number in range(2):
            rows = [json.loads(row) for row in truth.splitlines()]
            owners = [row["owner"] for row in rows]
            random.Random(number).shuffle(owners)
            mixed = [json.dumps(row | {"owner": owner}) for row, owner in zip(rows, owners, strict=True)]
            (world / "truth.jsonl").write_text("\n".join(mixed))
            answers = attack_apart(world, [JOINT], asked=asked)
            seen.append([(a.posterior.who.tobytes(), a.posterior.confidence.tobytes(), a.pairs) for a in answers])
    finally:
        (world / "truth.jsonl").write_text(truth)
    assert seen[0] == seen[1]


def test_labels_in_public_json_change_no_answer(worlds: tuple[Path, Path], tmp_path: Path) -> None:
    world, _ = worlds
    shutil.copytree(world, tmp_path / "other")
    asked = Asked(attacks=("timing", "address"))
    first = attack_apart(world, [JOINT], asked=asked)
    public = read_public(world / "ledgers")
    assert public.label == "SIMULATED"
    write_public(tmp_path / "other", replace(public, label="MEASURED"))
    second = attack_apart(tmp_path / "other", [JOINT], asked=asked)
    for one, other in zip(first, second, strict=True):
        assert one.posterior.confidence.tobytes() == other.posterior.confidence.tobytes()


def test_permuted_accounts_give_the_baseline(worlds: tuple[Path, Path], tmp_path: Path) -> None:
    world, _ = worlds
    lines = [json.loads(row) for row in (world / "ledgers" / "platform_a.jsonl").read_text().splitlines()]
    names = sorted({row["subject"] for row in lines})
    mixed = list(names)
    random.Random(3).shuffle(mixed)
    renamed = dict(zip(names, mixed, strict=True))
    (tmp_path / "ledgers").mkdir()
    for name in ("identity_provider.jsonl",):
        (tmp_path / "ledgers" / name).write_bytes((world / "ledgers" / name).read_bytes())
    rows = [json.dumps(row | {"subject": renamed[row["subject"]]}) for row in lines]
    (tmp_path / "ledgers" / "platform_a.jsonl").write_text("\n".join(rows))
    write_public(tmp_path, read_public(world / "ledgers"))
    answers = attack_apart(tmp_path, [JOINT], asked=Asked())
    found = verdicts(answers, read_truth(world / "truth.jsonl"), label="SIMULATED")
    best = strongest(found)
    assert best is not None
    assert not best.above_baseline


@pytest.mark.parametrize("row", ["selective disclosure", "blind tokens"])
def test_one_more_ledger_never_weakens_the_strongest_attack(tmp_path: Path, row: str) -> None:
    platforms = ("platform_a", "platform_b")
    chain: list[tuple[str, ...]] = [
        platforms,
        ("network_observer", *platforms),
        ("identity_provider", "network_observer", *platforms),
    ]
    scenario = Scenario(
        row=row, citizens=80, platforms=2, exactly=1, delay=delays.exponential(3e3), behind=4, observed=True
    )
    world = replay(scenario, tmp_path, seed=5)
    truth = read_truth(world.truth)
    answers = attack_apart(world.folder, chain, asked=Asked())
    low, success = 0.0, 0.0
    for coalition in chain:
        best = strongest(verdicts([a for a in answers if a.coalition == coalition], truth, label="SIMULATED"))
        if best is None:
            continue
        assert best.interval[1] >= low, coalition
        low, success = max(low, best.interval[0]), best.success
    assert success > 0.25


def test_the_process_ends_when_its_starter_is_killed(worlds: tuple[Path, Path]) -> None:
    world, _ = worlds
    code = (
        "from pathlib import Path\n"
        "from idverify.privacy.apart import attack_apart\n"
        "from idverify.privacy.attack import Asked\n"
        f"attack_apart(Path({str(world)!r}), [{JOINT!r}] * 500, asked=Asked())\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 120
    while not (children := psutil.Process(starter.pid).children()) and time.monotonic() < until:
        time.sleep(0.05)
    starter.kill()
    starter.wait()
    assert children
    _, left = psutil.wait_procs(children, timeout=120)
    assert left == []


def test_one_process_attacks_world_after_world_and_answers_as_another_would(worlds: tuple[Path, Path]) -> None:
    asked = Asked(attackers=("policy", "blind"))
    with Attacker() as attacker:
        with pytest.raises(BadUsage, match="has no ledger here"):
            attack_apart(worlds[0], [("identity_provider", "platform_z")], asked=asked, attacker=attacker)
        one, other = (attack_apart(world, [JOINT], asked=asked, attacker=attacker) for world in worlds)
    for world, answers in zip(worlds, (one, other), strict=True):
        for again, answer in zip(attack_apart(world, [JOINT], asked=asked), answers, strict=True):
            assert answer.posterior.subjects == again.posterior.subjects
            assert answer.posterior.who.tobytes() == again.posterior.who.tobytes()
            assert answer.posterior.confidence.tobytes() == again.posterior.confidence.tobytes()
            assert (answer.pairs, answer.silent) == (again.pairs, again.silent)


def serving() -> psutil.Process:
    """The process that attacks for us."""
    (found,) = (each for each in psutil.Process().children() if "idverify.privacy.serving" in each.cmdline())
    return found


def until(true: Callable[[], bool]) -> None:
    """Wait for that, two minutes at most."""
    end = time.monotonic() + 120
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    assert true()


def test_a_process_that_was_killed_says_so_and_the_next_question_starts_another(worlds: tuple[Path, Path]) -> None:
    asked = Asked(attacks=("address",))
    with Attacker() as attacker, ThreadPoolExecutor(1) as pool:
        attack_apart(worlds[0], [JOINT], asked=asked, attacker=attacker)
        process = serving()
        ask = partial(attack_apart, coalitions=[JOINT] * 500, asked=Asked(), attacker=attacker)
        long = pool.submit(ask, worlds[0])
        until(lambda: bool(process.children()))
        process.kill()
        with pytest.raises(BadEnvironment, match="the attacks ended"):
            long.result()
        assert attack_apart(worlds[0], [JOINT], asked=asked, attacker=attacker)


def test_what_takes_too_long_is_ended_and_what_runs_beside_it_goes_on(worlds: tuple[Path, Path]) -> None:
    with Attacker() as attacker, ThreadPoolExecutor(2) as pool:
        ask = partial(attack_apart, coalitions=[JOINT], asked=Asked(attacks=("address", "timing")), attacker=attacker)
        ask(worlds[0])
        long = pool.submit(ask, worlds[0], timeout=0.001)
        beside = pool.submit(ask, worlds[1])
        with pytest.raises(BadEnvironment, match="longer than"):
            long.result()
        assert [answer.attack for answer in beside.result()] == ["address", "timing"]
        until(lambda: serving().children() == [])


def test_what_the_process_says_is_wrong_arrives_in_words(worlds: tuple[Path, Path]) -> None:
    world, _ = worlds
    with pytest.raises(BadUsage, match="has no ledger here"):
        attack_apart(world, [("identity_provider", "platform_z")], asked=Asked())
    with pytest.raises(BadUsage, match="is no engine"):
        attack_apart(world, [JOINT], asked=Asked(engine="abacus"))
    with pytest.raises((BadUsage, BadEnvironment), match="truth"):
        attack_apart(world, [JOINT], asked=Asked(attackers=("trained",), shadow=world / "ledgers"))


def test_damaged_repeated_undated_and_foreign_records_are_left_out_and_counted(tmp_path: Path) -> None:
    good = [line("platform_a", f"a{n}", {"key": f"handle-number-{n:04d}"}, time=1_700_000_000.0 + n) for n in range(30)]
    other = [line("identity_provider", f"9{n}", {"key": f"handle-number-{n:04d}"}) for n in range(30)]
    bad = ["{", good[3], line("platform_a", "x", {}, time=-5.0), line("platform_b", "x", {}), '{"v": 1}', "\x00"]
    shuffled = good + bad
    random.Random(1).shuffle(shuffled)
    (tmp_path / "platform_a.jsonl").write_text("\n".join(shuffled) + '\n{"v":1,"tim')
    (tmp_path / "identity_provider.jsonl").write_text("\n".join(other))
    (answer,) = attack_apart(tmp_path, [JOINT], asked=Asked(attacks=("exact_join",)))
    assert len(answer.posterior.subjects) == 30
    assert answer.posterior.claimed.all()
    assert answer.left_out == {"damaged": 4, "of another party": 1, "repeated": 1, "without a time": 1}


def test_a_closed_run_needs_its_lines_no_more(worlds: tuple[Path, Path], tmp_path: Path) -> None:
    world, _ = worlds
    ledgers = tmp_path / "ledgers"
    close(world / "ledgers", JOINT, ledgers / FOLDER, schemes={})
    write_public(tmp_path, read_public(world / "ledgers"))
    assert set(read_left_out(ledgers / FOLDER)) == set(JOINT)
    asked = Asked(attacks=("timing", "address"))
    closed, lines = (attack_apart(folder, [JOINT], asked=asked) for folder in (tmp_path, world))
    for one, other in zip(closed, lines, strict=True):
        assert one.posterior.confidence.tobytes() == other.posterior.confidence.tobytes()


def test_a_thief_before_the_first_record_finds_nothing(worlds: tuple[Path, Path]) -> None:
    world, _ = worlds
    early, late = (attack_apart(world, [JOINT], asked=Asked(attacks=("address",), at=at))[0] for at in (1_000.0, 4e9))
    assert early.posterior.subjects == ()
    assert len(late.posterior.subjects) == 250


def test_what_the_mandate_does_not_keep_is_not_in_the_kept_view(worlds: tuple[Path, Path], tmp_path: Path) -> None:
    world, _ = worlds
    shutil.copytree(world / "ledgers", tmp_path / "ledgers")
    kept = {"platform_a": Kept(times="none", addresses=False), "identity_provider": Kept(times="day", addresses=False)}
    write_public(tmp_path, replace(read_public(world / "ledgers"), kept=kept))
    arrived = attack_apart(tmp_path, [JOINT], asked=Asked())
    deleted = attack_apart(tmp_path, [JOINT], asked=Asked(view="kept"))
    assert not all(answer.silent for answer in arrived)
    assert all(answer.silent for answer in deleted)
