"""Two visits to one platform: whether it would know a person again by what is shown, not being told the account.

The platform's own ledger is cut into single presentations, each known by its challenge only: those that opened an
account become the ledger of one party, the last one of each account that proved again the ledger of another. The
attack joins the two; which challenge belongs to which account is looked up afterwards, to score the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from idverify.ledger import RawRecord, Received, Sent
from idverify.privacy.metrics import Linkage
from idverify.privacy.score import Claim, Truth

SHOWN = "/api/presentations/{id_}"
SOME_TIME = 1.0
"""The same for all: when somebody came is no part of what they showed."""
NOTHING = Sent("", None)
FIRST, LATER = "platform_first_visit", "platform_later_visit"


@dataclass(frozen=True, slots=True)
class Visits:
    """Presentations of the first and of a later visit, as a platform sees them that knows no account."""

    first: tuple[RawRecord, ...]
    later: tuple[RawRecord, ...]
    accounts: Mapping[str, str]  # flow → account, for the score only


def visits_in(records: Iterable[RawRecord]) -> Visits:
    """The first presentation of each account, and its last one where there is more than one."""
    shown: list[RawRecord] = []
    accounts: dict[str, str] = {}
    for record in records:
        if record.flow and record.subject:
            accounts[record.flow] = record.subject
        if record.route == SHOWN and record.status < 300:
            shown.append(record)
    by_account: dict[str, list[RawRecord]] = {}
    for record in shown:
        if record.flow in accounts:
            by_account.setdefault(accounts[record.flow], []).append(record)
    first = tuple(_anonymous(each[0], FIRST) for each in by_account.values())
    later = tuple(_anonymous(each[-1], LATER) for each in by_account.values() if len(each) > 1)
    return Visits(first, later, accounts)


def read_visits(ledgers: Sequence[Path]) -> Visits:
    """The visits in the ledger files of one platform; damaged lines are left out."""
    read = msgspec.json.Decoder(RawRecord).decode
    records = []
    for path in ledgers:
        for line in path.read_bytes().splitlines():
            try:
                records.append(read(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
    return visits_in(sorted(records, key=lambda record: record.time))


def write_ledgers(visits: Visits, folder: Path) -> None:
    """The two parties' ledgers, for the attack."""
    folder.mkdir(exist_ok=True)
    encode = msgspec.json.Encoder().encode
    for party, records in ((FIRST, visits.first), (LATER, visits.later)):
        (folder / f"{party}.jsonl").write_bytes(b"".join(encode(record) + b"\n" for record in records))


def recognised(visits: Visits, claims: Iterable[Claim], *, attack: str) -> Linkage:
    """How many of the later visits were joined with the first visit of the same account."""
    best = {claim.second: claim.first for claim in claims}
    accounts = visits.accounts
    correct = sum(accounts.get(first) == accounts.get(second) for second, first in best.items())
    return Linkage(attack, correct, len(visits.later), len(best), len(visits.first))


def truths(visits: Visits) -> list[Truth]:
    """Whose each visit is, as any other truth: the owner of a visit is the account."""
    first, later = subjects(visits.first), subjects(visits.later)
    return [
        Truth(party, flow, visits.accounts[flow], visits.accounts[flow], "visit")
        for party, flows in ((FIRST, first), (LATER, later))
        for flow in sorted(flows)
    ]


def subjects(records: Iterable[RawRecord]) -> set[str]:
    """The challenges by which these visits are known."""
    return {record.flow for record in records}


def _anonymous(record: RawRecord, party: str) -> RawRecord:
    """What was shown, and nothing that the platform knows or made, nor from where and when it came."""
    received = Received(record.received.type, record.received.body, {}, record.received.cut)
    return msgspec.structs.replace(
        record, party=party, subject=record.flow, path="", peer="", time=SOME_TIME, received=received, sent=NOTHING
    )
