"""Scoring an attack against the truth, after it has answered.

The truth says whose credential is behind each account. Several accounts may have one owner, so a claim is right where
both subjects have the same owner; linkable are the accounts of the last-named party whose owner the first-named
party has in its ledger too. A credential that was lent counts as its owner's: that is whom the ledgers can lead to.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import msgspec

from idverify.errors import BadEnvironment
from idverify.privacy.metrics import Linkage
from idverify.privacy.public import THIEF


class Truth(msgspec.Struct, frozen=True):
    """One line of truth.jsonl: who is behind an account, or behind another party's handle of somebody."""

    platform: str  # the party
    account: str
    owner: str  # the ID number of the person whose credential made the account
    user: str  # the ID number of the person who uses it
    kind: str  # own, borrowed, declared; visit (of a status host), line (an address that an observer sees)
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """One row of a guesses file."""

    first: str
    second: str


def read_truth(path: Path) -> list[Truth]:
    """The truth of a load; raises BadEnvironment where the file is not one."""
    read = msgspec.json.Decoder(Truth).decode
    try:
        return [read(line) for line in path.read_bytes().splitlines() if line.strip()]
    except (OSError, msgspec.DecodeError) as error:
        raise BadEnvironment(f"{path.name} is no file of truths: {error}") from error


def read_claims(path: Path) -> list[Claim]:
    """The rows that `python -m idverify.privacy.attack` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Claim(row["subject_1"], row["subject_2"]) for row in csv.DictReader(file)]


def owners(truth: Iterable[Truth], party: str, *, seen: Set[str]) -> dict[str, str]:
    """Subject → owner at one party: by the truth where it has accounts, else the subject is the person (an issuer)."""
    accounts = {row.account: row.owner for row in truth if row.platform == party}
    return accounts or {subject: subject for subject in seen}


def right_answers(truth: Iterable[Truth], *, source: str, target: str) -> dict[str, set[str]]:
    """Target → the candidates that are the same person: the owner's handles at the source, or the owner itself.

    A source that the truth has no rows of knows people by their ID numbers, as an issuer does. A thief's copy of a
    database knows them as the party does.
    """
    rows = list(truth)
    source, target = source.removeprefix(THIEF), target.removeprefix(THIEF)
    handles: dict[str, set[str]] = {}
    for row in rows:
        if row.platform == source:
            handles.setdefault(row.owner, set()).add(row.account)
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.platform == target:
            found.setdefault(row.account, set()).update(handles.get(row.owner, set()) if handles else {row.owner})
    return found


def linkable(truth: Iterable[Truth], *, source: str, target: str, known: Set[str]) -> list[Truth]:
    """The truth without those targets whom nobody at the source could be: their owners are not among the known.

    A party that is alone has no source, and the whole country is known.
    """
    rows = list(truth)
    if not source:
        return rows
    right = right_answers(rows, source=source, target=target)
    mine = target.removeprefix(THIEF)
    return [row for row in rows if row.platform != mine or right.get(row.account, set()) & known]


def score(
    claims: Iterable[Claim],
    truth: Iterable[Truth],
    coalition: tuple[str, str],
    *,
    seen: Mapping[str, Set[str]],
    attack: str,
) -> Linkage:
    """Count what the claims of `coalition` are worth. `seen`: the subjects in each party's ledger."""
    rows = list(truth)
    first, second = coalition
    first_owner = owners(rows, first, seen=seen[first])
    second_owner = owners(rows, second, seen=seen[second])
    known = {first_owner[subject] for subject in seen[first] if subject in first_owner}
    linkable = {subject for subject in seen[second] if second_owner.get(subject) in known}
    best = {claim.second: claim.first for claim in claims}
    correct = sum(
        1 for subject in linkable if subject in best and first_owner.get(best[subject]) == second_owner[subject]
    )
    return Linkage(attack, correct, len(linkable), len(best), len(seen[first]))
