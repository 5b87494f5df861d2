"""No opening without a trace: what can be done to an audit log is found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from idverify.errors import BadEnvironment, BadMessage
from idverify.opening.audit import AuditLog, Head, Tampered, read_entry, read_log

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "log.jsonl", Ed25519PrivateKey.generate())


@pytest.fixture
def path(log: AuditLog, tmp_path: Path) -> Path:
    for number in range(4):
        log.append({"account": f"a{number}", "ground": "case 12"}, now=NOW)
    return tmp_path / "log.jsonl"


def test_entries_come_back_in_order_with_what_was_asked(log: AuditLog, path: Path) -> None:
    entries = read_log(path, log.public)
    assert [entry.request["account"] for entry in entries] == ["a0", "a1", "a2", "a3"]
    assert [entry.seq for entry in entries] == [1, 2, 3, 4]
    assert read_entry(entries[2].line, log.public) == entries[2]


CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "the first removed": lambda lines: lines[1:],
    "one removed": lambda lines: [lines[0], *lines[2:]],
    "two swapped": lambda lines: [lines[0], lines[2], lines[1], lines[3]],
    "one doubled": lambda lines: [*lines[:2], *lines[1:]],
    "an empty line": lambda lines: [*lines[:2], b"", *lines[2:]],
    "another account": lambda lines: [lines[0].replace(b"a0", b"a9"), *lines[1:]],
    "no JSON": lambda lines: [b"nothing", *lines[1:]],
    "a member more": lambda lines: [lines[0][:-1] + b',"x":1}', *lines[1:]],
    "spaces": lambda lines: [*lines[:3], lines[3].replace(b'"seq":', b'"seq": ')],
    "deep nesting": lambda lines: [b"[" * 9000 + b"]" * 9000, *lines[1:]],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_log_is_found_out(log: AuditLog, path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"\n".join(change(path.read_bytes().splitlines())) + b"\n")
    with pytest.raises(Tampered):
        read_log(path, log.public)


def test_every_flipped_bit_is_found_out(log: AuditLog, path: Path) -> None:
    good = path.read_bytes()
    head = [("court", Head(4, read_log(path, log.public)[3].hash))]
    for at in range(0, len(good), 7):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(Tampered):
            read_log(path, log.public, seen=head)


def test_a_log_that_was_written_anew_is_not_the_old_one(log: AuditLog, path: Path, tmp_path: Path) -> None:
    seen = Head(2, read_log(path, log.public)[1].hash)
    path.unlink()
    for _ in range(4):
        log.append({"account": "nobody"}, now=NOW)
    assert read_log(path, log.public)
    with pytest.raises(Tampered, match="court"):
        read_log(path, log.public, seen=[("court", seen)])


@pytest.mark.parametrize("left", [3, 0])
def test_cutting_off_the_end_is_noticed_by_whoever_has_seen_it(log: AuditLog, path: Path, left: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    seen = [("ombudsman", Head(4, read_log(path, log.public)[3].hash))]
    path.write_bytes(b"".join(lines[:left]))
    assert len(read_log(path, log.public)) == left
    with pytest.raises(Tampered, match="ombudsman"):
        read_log(path, log.public, seen=seen)


def test_another_keepers_log_is_refused(log: AuditLog, path: Path) -> None:
    with pytest.raises(Tampered):
        read_log(path, Ed25519PrivateKey.generate().public_key().public_bytes_raw())


def test_nothing_is_added_to_a_log_that_is_not_whole(log: AuditLog, path: Path) -> None:
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[1:]) + b"\n")
    before = path.read_bytes()
    with pytest.raises(Tampered):
        log.append({"account": "a5"}, now=NOW)
    assert path.read_bytes() == before


def test_a_line_that_was_being_written_when_its_keeper_died_does_not_stop_the_next(log: AuditLog, path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"seq":5,"ti')
    assert len(read_log(path, log.public)) == 4
    assert log.append({"account": "a5"}, now=NOW).seq == 5
    assert len(read_log(path, log.public)) == 5


def test_entries_of_many_at_once_make_one_chain(log: AuditLog, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: log.append({"account": f"a{n}"}, now=NOW), range(40)))
    entries = read_log(tmp_path / "log.jsonl", log.public)
    assert {entry.request["account"] for entry in entries} == {f"a{n}" for n in range(40)}


def test_a_request_that_is_too_long_is_refused_and_leaves_nothing(log: AuditLog, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(BadMessage):
        log.append({"ground": "x" * 30_000}, now=NOW)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["case 1\n   9  forged", "\x1b[2Kcase", "case \u202e21", "case \udc80", "\0"])
def test_a_request_that_would_forge_what_a_reader_sees_is_refused(log: AuditLog, path: Path, text: str) -> None:
    before = path.read_bytes()
    with pytest.raises(BadMessage, match="ground"):
        log.append({"account": "a1", "ground": text}, now=NOW)
    assert path.read_bytes() == before


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "missing" / "log.jsonl", Ed25519PrivateKey.generate())
    with pytest.raises(BadEnvironment):
        log.append({"account": "a1"}, now=NOW)


def test_an_entry_is_a_line_of_plain_json(path: Path) -> None:
    entry = json.loads(path.read_bytes().splitlines()[0])
    assert set(entry) == {"seq", "time", "request", "previous", "signature"}
