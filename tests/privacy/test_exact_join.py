"""The exact join must find what is there, in every scheme, and nothing where nothing is."""

from __future__ import annotations

import json
import random
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from idverify.ledger_decode import Record, decode
from idverify.privacy.attack import attack, subjects_in
from idverify.privacy.exact_join import FALSE_ALARM, Answer, chance_of, exact_join
from idverify.privacy.metrics import Linkage
from idverify.privacy.opaque import apparent_bits, is_opaque
from idverify.privacy.score import Claim, Truth, score
from idverify.schemes import SCHEMES

JOINT, PLATFORMS = ("identity_provider", "platform_a"), ("platform_a", "platform_b")


def judged(world: Any, coalition: tuple[str, str], folder: Path, *, truth: list[Truth] | None = None) -> Linkage:
    ledgers = world.write(folder)
    answer = attack(ledgers, coalition, schemes=SCHEMES)
    seen = {party: subjects_in(ledgers, party) for party in coalition}
    claims = [Claim(g.first, g.second) for g in answer.guesses]
    return score(claims, world.truth if truth is None else truth, coalition, seen=seen, attack="exact_join")


def record(party: str, subject: str, **fields: str) -> Record:
    return Record(0.0, party, "", "POST", "/r", 200, subject, "", 0, 0, fields)


@pytest.mark.parametrize("coalition", [JOINT, PLATFORMS])
@pytest.mark.parametrize("scheme", ["real_name", "sd_jwt_vc"])
def test_what_carries_a_handle_is_linked_completely(
    small_world: Callable[..., Any], tmp_path: Path, scheme: str, coalition: tuple[str, str]
) -> None:
    found = judged(small_world(scheme), coalition, tmp_path)
    assert (found.recall, found.precision, found.linkable) == (1.0, 1.0, 40)
    assert found.above_baseline


@pytest.mark.parametrize("coalition", [JOINT, PLATFORMS])
@pytest.mark.parametrize("scheme", ["privacy_pass", "self_declared"])
def test_what_shares_nothing_stays_at_the_baseline(
    small_world: Callable[..., Any], tmp_path: Path, scheme: str, coalition: tuple[str, str]
) -> None:
    found = judged(small_world(scheme), coalition, tmp_path)
    assert found.linkable == 40
    assert found.interval[0] <= found.baseline
    assert not found.above_baseline


def test_a_planted_leak_is_found(small_world: Callable[..., Any], tmp_path: Path) -> None:
    found = judged(small_world("privacy_pass", leak=True), JOINT, tmp_path)
    assert (found.recall, found.precision) == (1.0, 1.0)


def test_a_permuted_ledger_gives_the_baseline(small_world: Callable[..., Any]) -> None:
    world = small_world("real_name")
    first = list(decode(world.lines["identity_provider"], SCHEMES))
    second = list(decode(world.lines["platform_a"], SCHEMES))
    names = sorted({r.subject for r in second})
    mixed = list(names)
    random.Random(11).shuffle(mixed)
    renamed = dict(zip(names, mixed, strict=True))
    answer = exact_join(first, [replace(r, subject=renamed[r.subject]) for r in second])
    seen = {"identity_provider": {r.subject for r in first}, "platform_a": set(names)}
    claims = [Claim(g.first, g.second) for g in answer.guesses]
    assert not score(claims, world.truth, JOINT, seen=seen, attack="exact_join").above_baseline


def test_shuffling_the_truth_leaves_the_guesses_bit_identical(small_world: Callable[..., Any], tmp_path: Path) -> None:
    world = small_world("sd_jwt_vc")
    ledgers = world.write(tmp_path / "ledgers")
    texts = []
    for number in range(2):
        truth = list(world.truth)
        random.Random(number).shuffle(truth)
        (tmp_path / "truth.jsonl").write_text("\n".join(json.dumps({"owner": t.owner}) for t in truth))
        out = tmp_path / f"guesses-{number}.csv"
        command = [sys.executable, "-m", "idverify.privacy.attack", str(ledgers), "--coalition", ",".join(JOINT)]
        subprocess.run([*command, "--out", str(out)], check=True, timeout=120)
        texts.append(out.read_bytes())
    assert texts[0] == texts[1]
    assert texts[0].count(b"\n") == 41


def test_the_attack_process_says_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "idverify.privacy.attack", str(tmp_path), "--coalition", "a,b", "--out", "x.csv"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 3
    assert "no ledger of a" in done.stderr
    assert "Traceback" not in done.stderr


def test_random_values_raise_no_false_alarm_beyond_the_declared_rate() -> None:
    alarms = sum(bool(unrelated(number).pairs) for number in range(20))
    assert alarms <= 20 * FALSE_ALARM + 1


def unrelated(number: int) -> Answer:
    """Two ledgers with random eight-digit hex values (32 bits) and a public constant."""
    chance = random.Random(number)

    def ledger(party: str) -> Iterable[Record]:
        for n in range(60):
            yield record(party, f"{party}{n}", value=f"{chance.getrandbits(32):08x}", key="public-constant-of-all")

    return exact_join(ledger("a"), ledger("b"))


def test_a_hashed_value_is_found_too() -> None:
    import hashlib

    keys = [secrets.token_hex(12) for _ in range(10)]
    first = [record("a", f"a{n}", id=key) for n, key in enumerate(keys)]
    second = [record("b", f"b{n}", digest=hashlib.sha256(key.encode()).hexdigest()) for n, key in enumerate(keys)]
    answer = exact_join(first, second)
    assert {(g.first[1:], g.second[1:]) for g in answer.guesses} == {(str(n), str(n)) for n in range(10)}
    assert "sha256 hex" in answer.guesses[0].pairs[0]


def test_several_accounts_of_one_person_are_all_linked() -> None:
    keys = [secrets.token_urlsafe(16) for _ in range(20)]
    first = [record("a", f"{n}", key=key) for n, key in enumerate(keys)]
    second = [record("b", f"b{n}", key=key) for n, key in enumerate(keys)] + [
        record("b", f"more{n}", key=keys[0]) for n in range(7)
    ]
    back = exact_join(second, first)
    assert len(exact_join(first, second).guesses) == 27
    assert len(back.guesses) == 20


def test_a_subject_with_equal_evidence_for_two_people_is_not_claimed() -> None:
    keys = [secrets.token_urlsafe(16) for _ in range(12)]
    first = [record("a", f"{n}", key=key) for n, key in enumerate(keys)]
    second = [record("b", f"b{n}", key=key) for n, key in enumerate(keys)]
    second += [record("b", "both", key=keys[0]), record("b", "both", key=keys[1])]
    assert "both" not in {g.second for g in exact_join(first, second).guesses}


def test_a_constant_of_the_system_links_nobody() -> None:
    first = [record("a", f"{n}", key="the-issuers-public-key-id") for n in range(30)]
    second = [record("b", f"{n}", key="the-issuers-public-key-id") for n in range(30)]
    assert exact_join(first, second).pairs == ()


@pytest.mark.parametrize(
    ("value", "opaque"),
    [
        ("912345678901", True),
        ("1990-01-01", False),
        ("2026-03-01T08:00:00.123Z", False),
        ("Nguyễn Thị Lan Hương", False),
        ("1234567890.125", False),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", False),
        ("short", False),
        ("b3BhcXVlIHZhbHVl", True),
        (1234567890123456, False),
        (True, False),
    ],
)
def test_opaque_is_what_could_hardly_be_equal_by_accident(value: object, opaque: bool) -> None:
    assert is_opaque(value) is opaque


def test_apparent_entropy_counts_the_alphabet_that_is_used() -> None:
    assert apparent_bits("0123456789") == pytest.approx(33.22, abs=0.01)
    assert apparent_bits("0123456789abcdef") == 64.0


def test_more_joins_than_expected_are_less_likely() -> None:
    assert chance_of(1, 2.0) == 1.0
    assert chance_of(3, 0.0) == 0.0
    assert chance_of(5, 0.01) < chance_of(3, 0.01) < 0.001
