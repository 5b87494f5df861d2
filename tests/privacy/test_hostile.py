"""Ledgers as bad as they come give a result for the rest; names, order and repetition change no answer."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from idverify.errors import BadEnvironment
from idverify.privacy import apart, tables
from idverify.privacy.answers import Answer
from idverify.privacy.attack import Asked, attack
from idverify.privacy.attacks import ATTACKS
from idverify.privacy.tables import FOLDER, close
from idverify.simulation import delays
from idverify.simulation.replay import replay
from idverify.simulation.scenario import Scenario
from tests.privacy.ledgers import line

JOINT = ("identity_provider", "platform_a")
PARTS = ("exact_join", "near_join", "timing", "address", "partition", "combined")
PEOPLE = 40


def lines(party: str, subject: str) -> list[str]:
    """One record of each person; a handle is in both parties' ledgers."""
    return [
        line(party, f"{subject}{n}", {"key": f"handle-number-{n:04d}", "n": n}, time=1.7e9 + 60.0 * n)
        for n in range(PEOPLE)
    ]


def _nested(_: random.Random) -> bytes:
    deep = line("platform_a", "deep", {}).replace('"body": "e30="', '"body": "' + "W1tb" * 20_000 + '"')
    return deep.encode()


HOSTILE: tuple[Callable[[random.Random], bytes], ...] = (
    lambda dice: dice.randbytes(200).replace(b"\n", b""),
    lambda dice: b"\xff\xfe" + line("platform_a", "x", {}).encode(),
    lambda dice: line("platform_a", "x", {}).encode()[: dice.randrange(10, 200)],
    lambda dice: line("platform_a", "x", {}).replace("1700000000.0", "NaN").encode(),
    lambda dice: line("platform_a", "x", {}).replace("1700000000.0", "1e400").encode(),
    lambda dice: line("platform_a", "x", {}, time=-1.0).encode(),
    lambda dice: line("platform_a", "x", {}, status=10**30).encode(),
    lambda dice: line("platform_a", "x", {"n": 10**400, "m": 1e308, "t": "9999-99-99T99:99:99Z"}).encode(),
    lambda dice: line("platform_a", "\ud800", {}).encode(errors="surrogatepass"),
    lambda dice: line("platform_a", "x", {"\udfff": "half of a character \ud800", "": [], "q": {}}).encode(),
    lambda dice: line("platform_b", "x", {}).encode(),
    lambda dice: b'{"v": 1}',
    lambda dice: b"[" * 100_000,
    _nested,
)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_in_a_ledger_the_rest_is_attacked_and_all_lines_are_accounted_for(
    tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    good = [each.encode() for each in lines("platform_a", "a")]
    bad = [make(dice) for make in HOSTILE]
    mixed = [*good, *bad, *dice.sample(good, 5), b"", b"  "]
    dice.shuffle(mixed)
    (tmp_path / "platform_a.jsonl").write_bytes(b"\n".join(mixed))
    (tmp_path / "identity_provider.jsonl").write_text("\n".join(lines("identity_provider", "9")))
    names = tuple(ATTACKS) if seed == 0 else ("exact_join",)
    answers = attack(tmp_path, JOINT, asked=Asked(attacks=names, hashes=1_000), schemes={})
    joined = answers[0]
    named = {t.subject: t.candidates[0].subject for t in joined.targets if t.claimed}
    assert all(named[f"a{n}"] == f"9{n}" for n in range(PEOPLE))
    assert joined.left_out["repeated"] == 5
    assert joined.left_out["of another party"] == 1
    gone = sum(joined.left_out[reason] for reason in ("damaged", "without a time", "of another party"))
    kept = len(bad) - gone
    assert 0 < kept <= 5
    assert len(joined.posterior.subjects) <= PEOPLE + kept


def test_a_ledger_of_nothing_and_of_one_record_gives_a_reason(tmp_path: Path) -> None:
    for number, left in enumerate(([], lines("platform_a", "a")[:1])):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "platform_a.jsonl").write_text("\n".join(left))
        (folder / "identity_provider.jsonl").write_text("\n".join(lines("identity_provider", "9")))
        answers = attack(folder, JOINT, schemes={})
        assert [answer.attack for answer in answers] == list(ATTACKS)
        assert all(answer.silent for answer in answers)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "columns"])
def test_a_damaged_closed_ledger_is_said_to_be_one(tmp_path: Path, damage: str) -> None:
    for party, subject in zip(JOINT, "9a", strict=True):
        (tmp_path / f"{party}.jsonl").write_text("\n".join(lines(party, subject)))
    close(tmp_path, JOINT, tmp_path / FOLDER, schemes={})
    leaves = tmp_path / FOLDER / "leaves" / "party=platform_a" / "part-0.parquet"
    other = tmp_path / FOLDER / "events" / "party=platform_a" / "part-0.parquet"
    raw = leaves.read_bytes()
    bad = {"cut": raw[: len(raw) // 2], "empty": b"", "text": b"no table", "columns": other.read_bytes()}
    leaves.write_bytes(bad[damage])
    with pytest.raises(BadEnvironment, match="the closed ledger of platform_a"):
        attack(tmp_path, JOINT, attacks=["exact_join"], schemes={})


def test_a_closed_ledger_of_damaged_pages_is_said_to_be_one_and_made_again_from_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for party, subject in zip(JOINT, "9a", strict=True):
        (tmp_path / f"{party}.jsonl").write_text("\n".join(lines(party, subject)))
    close(tmp_path, JOINT, tmp_path / FOLDER, schemes={})
    leaves = tmp_path / FOLDER / "leaves" / "party=platform_a" / "part-0.parquet"
    raw = bytearray(leaves.read_bytes())
    pages = slice(4, len(raw) - 8 - int.from_bytes(raw[-8:-4], "little"))
    raw[pages] = bytes(len(raw[pages]))
    leaves.write_bytes(raw)
    with pytest.raises(BadEnvironment, match="DuckDB gave up"):
        attack(tmp_path, JOINT, attacks=["exact_join"], schemes={})

    asked: list[bool] = []

    def answers(*_: object, closed: bool = True, **__: object) -> list[Answer]:
        asked.append(closed)
        if closed:
            raise BadEnvironment("DuckDB gave up")
        return []

    monkeypatch.setattr(apart, "_attack_apart", answers)
    assert apart.attack_apart(tmp_path, [JOINT], asked=Asked()) == []
    assert asked == [True, False]
    (tmp_path / "platform_a.jsonl").unlink()
    with pytest.raises(BadEnvironment, match="closed ledger of platform_a is damaged, and its lines are not there"):
        apart.attack_apart(tmp_path, [JOINT], asked=Asked())


def test_records_of_another_version_of_the_format_are_left_out_and_counted(tmp_path: Path) -> None:
    good = lines("platform_a", "a")
    newer = [each.replace('"v": 1', '"v": 2') for each in good[30:]]
    (tmp_path / "platform_a.jsonl").write_text("\n".join(good[:30] + newer))
    (tmp_path / "identity_provider.jsonl").write_text("\n".join(lines("identity_provider", "9")))
    (answer,) = attack(tmp_path, JOINT, attacks=["exact_join"], schemes={})
    assert len(answer.posterior.subjects) == 30
    assert answer.left_out == {"of another version of the format": 10}


def shape(answer: Answer, renamed: dict[str, str]) -> dict[str, list[tuple[float, str]]]:
    """For each target its candidates under their new names, those of equal confidence in the order of names."""
    return {
        renamed[t.subject]: sorted((-round(c.confidence, 9), renamed[c.subject]) for c in t.candidates)
        for t in answer.targets
    }


def test_every_value_of_a_record_is_in_the_tables_whatever_it_is_called(tmp_path: Path) -> None:
    body: dict[str, object] = {
        "a[] #2": "first",
        "a": ["second", "third"],
        "b": [0.5, 0.5],
        "headers": {"user-agent": "half \ud800"},
    }
    (tmp_path / "platform_a.jsonl").write_text(
        line("platform_a", "known-as-this-handle", {"c": [body, {"a": True}]} | body)
    )
    close(tmp_path, ["platform_a"], tmp_path / FOLDER, schemes={})
    events, leaves = (
        pq.ParquetFile(tmp_path / FOLDER / name / "party=platform_a" / "part-0.parquet").read()
        for name in ("events", "leaves")
    )
    inner = [("received.a[]", "first"), ("received.a[]", "second"), ("received.a[]", "third"), ("received.b[]", "0.5")]
    named = [*zip(leaves["field"].to_pylist(), leaves["text"].to_pylist(), strict=True)]
    assert events["agent"].to_pylist() == ["half \ufffd\ufffd\ufffd"]
    assert named[0] == ("subject", "known-as-this-handle")
    assert named[-5:-1] == [(f"POST /r {name}", text) for name, text in inner]
    assert ("POST /r received.c[].a", "true") in named


def test_a_body_that_comes_again_is_in_the_tables_for_each_record_under_the_name_of_its_route(tmp_path: Path) -> None:
    numbers = {"n": [0.0, -0.0, 1, True, 1.0, 1]}
    routes = ("/r", "/s", "/r")
    (tmp_path / "platform_a.jsonl").write_text(
        "\n".join(line("platform_a", "", numbers, time=1e9 + n, route=route) for n, route in enumerate(routes))
    )
    close(tmp_path, ["platform_a"], tmp_path / FOLDER, schemes={})
    leaves = pq.ParquetFile(tmp_path / FOLDER / "leaves" / "party=platform_a" / "part-0.parquet").read()
    assert [(row["record"], row["field"], row["text"], row["number"]) for row in leaves.to_pylist()] == [
        (record, f"POST {route} received.n[]", text, number)
        for record, route in enumerate(routes)
        for text, number in (("0.0", 0.0), ("-0.0", -0.0), ("1", 1.0), ("true", None), ("1.0", 1.0))
    ]


@pytest.mark.parametrize("limit", ["CHUNK", "CHUNK_BYTES", "CHUNK_LEAVES"])
def test_the_tables_are_the_same_however_many_lines_and_leaves_are_taken_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    flow = [line("platform_a", subject, {"n": n}, flow="f") for n, subject in enumerate(("", "a-handle-of-one", ""))]
    (tmp_path / "platform_a.jsonl").write_text("\n".join([*lines("platform_a", "a"), *flow]))
    for folder in ("as it is", "one by one"):
        close(tmp_path, ["platform_a"], tmp_path / folder, schemes={})
        monkeypatch.setattr(tables, limit, 1)
    for name in ("events", "leaves"):
        first, second = (
            pq.ParquetFile(tmp_path / folder / name / "party=platform_a" / "part-0.parquet").read()
            for folder in ("as it is", "one by one")
        )
        assert first.equals(second)
        assert first["subject"].to_pylist()[-3:] == ["a-handle-of-one"] * 3


def test_order_and_names_change_no_answer(tmp_path: Path) -> None:
    scenario = Scenario(row="selective disclosure", citizens=60, exactly=2, behind=3, delay=delays.exponential(600.0))
    world = replay(scenario, tmp_path / "world", seed=4)
    dice = random.Random(1)
    whole: dict[str, str] = {}
    other = tmp_path / "other"
    (other / "ledgers").mkdir(parents=True)
    (other / "public.json").write_bytes((world.folder / "public.json").read_bytes())
    for party in JOINT:
        records = [json.loads(raw) for raw in (world.ledgers / f"{party}.jsonl").read_text().splitlines()]
        names = sorted({record["subject"] for record in records})
        new = [f"{party[0]}{n}" for n in range(len(names))]
        dice.shuffle(new)
        renamed = dict(zip(names, new, strict=True))
        whole |= renamed
        dice.shuffle(records)
        text = "\n".join(json.dumps(record | {"subject": renamed[record["subject"]]}) for record in records)
        (other / "ledgers" / f"{party}.jsonl").write_text(text)
    first, again, second = (attack(place, JOINT, attacks=PARTS, schemes={}) for place in (
        world.folder, world.folder, other
    ))  # fmt: skip
    for one, same, changed in zip(first, again, second, strict=True):
        assert np.array_equal(one.posterior.confidence, same.posterior.confidence)
        assert np.array_equal(one.posterior.who, same.posterior.who)
        assert shape(one, whole) == shape(changed, {name: name for name in whole.values()})
