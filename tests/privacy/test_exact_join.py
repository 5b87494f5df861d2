"""The exact join must find what is there, in every scheme, and nothing where nothing is."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import secrets
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from idverify.privacy.answers import Answer
from idverify.privacy.attack import Asked, Attacking, attack, subjects_in
from idverify.privacy.joining import chance_of, place_of
from idverify.privacy.metrics import Linkage
from idverify.privacy.opaque import apparent_bits, is_opaque
from idverify.privacy.score import Claim, Truth, score
from tests.privacy.ledgers import Rows, line, write_ledgers

JOINT, PLATFORMS = ("identity_provider", "platform_a"), ("platform_a", "platform_b")


def claims(answer: Answer) -> list[Claim]:
    return [Claim(t.candidates[0].subject, t.subject) for t in answer.targets if t.claimed]


def judged(world: Any, coalition: tuple[str, str], folder: Path, *, truth: list[Truth] | None = None) -> Linkage:
    ledgers = world.write(folder)
    (answer,) = attack(ledgers, coalition, attacks=["exact_join"])
    seen = {party: subjects_in(ledgers, party) for party in coalition}
    return score(claims(answer), world.truth if truth is None else truth, coalition, seen=seen, attack="exact_join")


def joined(folder: Path, ledgers: dict[str, Rows], coalition: Sequence[str] = ("platform_a", "platform_b")) -> Answer:
    """The exact join of ledgers that are given as (subject, members of a JSON body)."""
    (answer,) = attack(write_ledgers(folder, ledgers), coalition, attacks=["exact_join"])
    return answer


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


def test_a_permuted_ledger_gives_the_baseline(small_world: Callable[..., Any], tmp_path: Path) -> None:
    world = small_world("real_name")
    lines = [json.loads(line) for line in world.lines["platform_a"]]
    names = sorted({line["subject"] for line in lines})
    mixed = list(names)
    random.Random(11).shuffle(mixed)
    renamed = dict(zip(names, mixed, strict=True))
    world.write(tmp_path)
    permuted = [json.dumps(line | {"subject": renamed[line["subject"]]}) for line in lines]
    (tmp_path / "platform_a.jsonl").write_text("\n".join(permuted))
    (answer,) = attack(tmp_path, JOINT, attacks=["exact_join"])
    seen = {party: subjects_in(tmp_path, party) for party in JOINT}
    assert not score(claims(answer), world.truth, JOINT, seen=seen, attack="exact_join").above_baseline


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
        subprocess.run([*command, "--out", str(out)], check=True, timeout=300)
        texts.append(out.read_bytes())
    assert texts[0] == texts[1]
    assert texts[0].count(b"\n") == 41


def test_the_attack_process_says_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "idverify.privacy.attack", str(tmp_path), "--coalition", "a,b", "--out", "x.csv"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 2
    assert "'a' has no ledger here" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hashed_value_is_found_too(tmp_path: Path) -> None:
    keys = [secrets.token_hex(12) for _ in range(10)]
    first: Rows = [(f"a{n}", {"id": key}) for n, key in enumerate(keys)]
    for name, digest in (("hex", _hex), ("base64url", _base64url)):
        second: Rows = [(f"b{n}", {"digest": digest(key)}) for n, key in enumerate(keys)]
        answer = joined(tmp_path / name, {"platform_a": first, "platform_b": second})
        assert {(c.first[1:], c.second[1:]) for c in claims(answer)} == {(str(n), str(n)) for n in range(10)}
        assert "id (sha256) = " in answer.pairs[0]


def _hex(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _base64url(key: str) -> str:
    import base64

    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()).decode().rstrip("=")


def test_several_accounts_of_one_person_are_all_linked(tmp_path: Path) -> None:
    keys = [secrets.token_urlsafe(16) for _ in range(20)]
    first: Rows = [(f"{n}", {"key": key}) for n, key in enumerate(keys)]
    second: Rows = [(f"b{n}", {"key": key}) for n, key in enumerate(keys)]
    second += [(f"more{n}", {"key": keys[0]}) for n in range(7)]
    back = joined(tmp_path / "back", {"platform_a": second, "platform_b": first})
    there = joined(tmp_path / "there", {"platform_a": first, "platform_b": second})
    assert len(claims(there)) == 27
    assert len(claims(back)) == 20


def test_a_subject_with_equal_evidence_for_two_people_is_not_claimed(tmp_path: Path) -> None:
    keys = [secrets.token_urlsafe(16) for _ in range(12)]
    first: Rows = [(f"{n}", {"key": key}) for n, key in enumerate(keys)]
    second: Rows = [(f"b{n}", {"key": key}) for n, key in enumerate(keys)]
    second += [("both", {"key": keys[0]}), ("both", {"key": keys[1]})]
    answer = joined(tmp_path, {"platform_a": first, "platform_b": second})
    assert "both" not in {c.second for c in claims(answer)}
    (both,) = [t for t in answer.targets if t.subject == "both"]
    assert [c.subject for c in both.candidates] == ["0", "1"]


def test_a_constant_of_the_system_links_nobody(tmp_path: Path) -> None:
    rows: Rows = [(f"{n}", {"key": "the-issuers-public-key-id"}) for n in range(40)]
    answer = joined(tmp_path, {"platform_a": rows, "platform_b": rows})
    assert answer.pairs == ()
    assert answer.silent == "no opaque value of one ledger is in another"


def test_a_status_index_is_a_handle_even_where_indices_are_given_in_a_row(tmp_path: Path) -> None:
    first: Rows = [(f"9{n}", {"issued": {"status": {"idx": n}}}) for n in range(60)]
    second: Rows = [(f"b{n}", {"issued": {"status": {"idx": n}}}) for n in range(60)]
    answer = joined(tmp_path, {"identity_provider": first, "platform_b": second}, ("identity_provider", "platform_b"))
    assert {(c.first[1:], c.second[1:]) for c in claims(answer)} == {(str(n), str(n)) for n in range(60)}


@pytest.mark.parametrize("shuffled", [False, True])
def test_sequential_numbers_are_joined_whatever_the_two_parties_call_them(tmp_path: Path, shuffled: bool) -> None:
    first: Rows = [(f"9{n}", {"status": {"idx": n, "ttl": 3600}}) for n in range(60)]
    second: Rows = [(f"b{n}", {"index": str(n) if shuffled else n, "over": 16}) for n in range(60)]
    if shuffled:
        random.Random(3).shuffle(second)
    answer = joined(tmp_path, {"identity_provider": first, "platform_b": second}, ("identity_provider", "platform_b"))
    assert {(c.first[1:], c.second[1:]) for c in claims(answer)} == {(str(n), str(n)) for n in range(60)}


def test_numbers_that_are_no_handles_link_nobody(tmp_path: Path) -> None:
    """Ages, scores, and counters that each party keeps for itself, of the same and of another name."""
    for number in range(4):
        chance = random.Random(number)
        people = 40 + 30 * number

        def rows(name: str, dice: random.Random = chance, people: int = people) -> Rows:
            return [
                (
                    f"{name}{dice.randrange(people)}",
                    {name: dice.randrange(people), "age": dice.randrange(16, 90), "score": dice.randrange(100_000)},
                )
                for _ in range(people)
            ]

        ledgers = {"platform_a": rows("rank"), "platform_b": rows("place")}
        assert joined(tmp_path / str(number), ledgers).pairs == ()


def test_what_each_party_numbers_itself_links_nobody(tmp_path: Path) -> None:
    chance = random.Random(5)
    folder = write_ledgers(tmp_path, {"platform_a": [], "platform_b": []})
    for party in ("platform_a", "platform_b"):
        lines = []
        for number in range(200):
            who = f"{party}-{chance.randrange(40)}"
            raw = json.loads(line(party, who, {}, time=1.7e9 + number))
            body = base64.b64encode(json.dumps({"id": number}).encode()).decode()
            raw |= {"route": "/api/posts", "sent": {"type": "application/json", "body": body}}
            lines.append(json.dumps(raw))
        (folder / f"{party}.jsonl").write_text("\n".join(lines))
    (answer,) = attack(folder, PLATFORMS, attacks=["exact_join"])
    assert answer.pairs == ()


def test_an_id_number_is_joined_with_its_hash_even_where_only_the_handle_has_it(tmp_path: Path) -> None:
    ids = [f"9010900{n:05d}" for n in range(30)]
    first: Rows = [(number, {"asked": "yes"}) for number in ids]
    second: Rows = [(f"a{n}", {"hash": hashlib.sha256(number.encode()).hexdigest()}) for n, number in enumerate(ids)]
    answer = joined(tmp_path, {"identity_provider": first, "platform_a": second}, JOINT)
    assert {(c.first, c.second) for c in claims(answer)} == {(number, f"a{n}") for n, number in enumerate(ids)}


def test_a_third_party_is_a_bridge_between_two(tmp_path: Path) -> None:
    ids = [secrets.token_urlsafe(16) for _ in range(30)]
    codes = [secrets.token_urlsafe(16) for _ in range(30)]
    issuer: Rows = [(f"9{n}", {"id": ids[n]}) for n in range(30)]
    attester: Rows = [(f"x{n}", {"id": ids[n], "code": codes[n]}) for n in range(30)]
    platform: Rows = [(f"a{n}", {"code": codes[n]}) for n in range(30)]
    ledgers = {"identity_provider": issuer, "attester": attester, "platform_a": platform}
    alone = joined(tmp_path / "two", ledgers, ("identity_provider", "platform_a"))
    assert alone.silent
    bridged = joined(tmp_path / "three", ledgers, ("identity_provider", "attester", "platform_a"))
    assert {(c.first[1:], c.second[1:]) for c in claims(bridged)} == {(str(n), str(n)) for n in range(30)}


def test_coalitions_that_are_looked_at_together_find_what_each_finds_alone(tmp_path: Path) -> None:
    keys = [secrets.token_urlsafe(16) for _ in range(20)]
    ledgers: dict[str, Rows] = {
        "identity_provider": [(f"9{n}", {"id": key}) for n, key in enumerate(keys)],
        "platform_a": [(f"a{n}", {"digest": _hex(key), "code": f"code-{n}-{keys[-n]}"}) for n, key in enumerate(keys)],
        "platform_b": [(f"b{n}", {"id": key, "code": f"code-{n}-{keys[-n]}"}) for n, key in enumerate(keys)],
    }
    coalitions = JOINT, PLATFORMS, ("identity_provider", "platform_b", "platform_a"), ("platform_a",)
    folder = write_ledgers(tmp_path, ledgers)
    with Attacking(folder, Asked(attacks=("exact_join",))) as running:
        running.expect(coalitions[:3])
        together = [running.answers(names)[0] for names in coalitions]
    alone = [attack(folder, names, attacks=["exact_join"])[0] for names in coalitions]
    said = [[(a.pairs, a.silent, list(a.targets)) for a in answers] for answers in (together, alone)]
    assert said[0] == said[1]
    assert [len(claims(answer)) for answer in together] == [20, 20, 20, 0]
    assert any("code" in pair for pair in together[2].pairs)


def test_the_place_of_a_field_has_neither_route_nor_direction_nor_lists() -> None:
    assert place_of("POST /api/x sent.[].issued.payload.iat") == "issued.payload.iat"
    assert place_of("POST /api/y received.issued.payload.iat") == "issued.payload.iat"


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
