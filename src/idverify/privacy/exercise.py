"""Ledgers as an exercise: handed out without the truth, and somebody else's guesses graded.

A file of guesses is CSV with the columns `account` and `person`, and if one likes `confidence` between 0 and 1. More
than one person may be named for an account; the likeliest counts, the others for how sure one was.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from idverify.errors import BadUsage
from idverify.privacy.answers import Answer, Candidate, posterior_of
from idverify.privacy.apart import lay_out
from idverify.privacy.attack import ledgers_of, parties
from idverify.privacy.score import Truth

ACCOUNT = ("account", "subject_2", "target")
PERSON = ("person", "subject_1", "candidate")
CONFIDENCE = ("confidence", "weight")
READ_ME = """An exercise: who is who?

Each PARTY.jsonl is what one party saw, one JSON line for each exchange (docs/ledger.md says what the members are);
public.json is what everybody may know. Find out which person is behind each account, or which two accounts are one
person's, and write a CSV file with the columns account,person,confidence. Then:

  idverify score GUESSES.csv --run RUN

All people are invented.
"""


def export(world: Path, out: Path) -> list[str]:
    """Copy a world's ledgers and public.json into a new folder, and say what the exercise is; the parties."""
    if out.exists() and any(out.iterdir()):
        raise BadUsage(f"{out.name} is not empty", hint="name a folder that is not there yet")
    names = parties(ledgers_of(world))
    if not names:
        raise BadUsage(f"{world.name} has no ledgers", hint="name a run, or a folder with ledgers")
    lay_out(ledgers_of(world), out, set(names), link=False)
    (out / "README.txt").write_text(READ_ME, encoding="utf-8")
    return names


def read_guesses(path: Path) -> dict[str, list[Candidate]]:
    """Account → persons with confidences that sum to 1 at most. Raises BadUsage with the line at fault."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadUsage(f"{path.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadUsage(f"{path.name} is not UTF-8", hint="save it as CSV in UTF-8") from error
    if "\0" in text:
        raise BadUsage(f"{path.name} is no text", hint="save it as CSV in UTF-8")
    rows = csv.reader(text.splitlines())
    head = [name.strip().lower() for name in next(rows, [])]
    account, person = _column(head, ACCOUNT, path), _column(head, PERSON, path)
    sure = next((head.index(name) for name in CONFIDENCE if name in head), None)
    found: dict[str, dict[str, float]] = {}
    try:
        for number, row in enumerate(rows, 2):
            if not any(cell.strip() for cell in row):
                continue
            if len(row) < max(account, person, sure or 0) + 1:
                raise BadUsage(f"{path.name}, line {number}: {len(row)} columns, where the first line has {len(head)}")
            whose, who = row[account].strip(), row[person].strip()
            if not whose or not who:
                raise BadUsage(f"{path.name}, line {number}: the account or the person is missing")
            confidence = 1.0 if sure is None else _confidence(row[sure], path, number)
            if who in found.setdefault(whose, {}):
                raise BadUsage(f"{path.name}, line {number}: {who} was named for {whose} before")
            found[whose][who] = confidence
    except csv.Error as error:
        raise BadUsage(f"{path.name} is no CSV file: {error}") from error
    return {whose: _normal(some) for whose, some in found.items()}


def graded(path: Path, truth: Sequence[Truth], *, source: str, target: str, pool: int) -> tuple[Answer, int]:
    """Somebody's guesses as an answer that can be judged, and how many of them are about accounts nobody has.

    An account that was not guessed counts as one for which everybody is as likely.
    """
    guesses = read_guesses(path)
    known = {row.account for row in truth if row.platform == target}
    if guesses and not guesses.keys() & known:
        raise BadUsage(
            f"none of the {len(guesses):,} accounts in {path.name} is one of {target}",
            hint="name the run, scheme and coalition whose ledgers were attacked",
        )
    rows = {account: guesses.get(account, []) for account in known}
    answer = Answer(
        attack=path.stem,
        attacker="blind",
        coalition=(source, target),
        candidates_of=source,
        targets_of=target,
        pool=pool,
        posterior=posterior_of(rows, claimed={whose: _stands_out(row) for whose, row in rows.items()}),
    )
    return answer, len(guesses.keys() - known)


def _stands_out(row: Sequence[Candidate]) -> bool:
    """Whether one person is named with more confidence than any other: only then is somebody claimed."""
    best, *others = sorted((candidate.confidence for candidate in row), reverse=True) or [0.0]
    return best > 0.0 and (not others or best > others[0])


def _column(head: Sequence[str], names: Sequence[str], path: Path) -> int:
    for name in names:
        if name in head:
            return head.index(name)
    raise BadUsage(
        f"{path.name} has no column {names[0]}", hint="its first line is account,person or account,person,confidence"
    )


def _confidence(text: str, path: Path, number: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise BadUsage(f"{path.name}, line {number}: {text!r} is no confidence from 0 to 1")
    return value


def _normal(some: dict[str, float]) -> list[Candidate]:
    total = max(1.0, sum(some.values()))
    return [Candidate(who, confidence / total) for who, confidence in some.items()]
