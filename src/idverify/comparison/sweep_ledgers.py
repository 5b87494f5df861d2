"""The ledgers of a rush as its attackers get them: what counts is told apart from the enrolment before it.

    identity_provider           all that it has seen, from the first enrolment on
    platform_a, platform_b      the same without what began in the warm-up
    NAME_rush                   from the beginning of the rush: the issuer's; or of the measured time: a platform's
    platform_first_visit, …     the first platform's, cut into single showings (visits)

The timing attack gets the ledgers of the rush, because how fast people enrolled before says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from idverify.comparison import visits
from idverify.ledger import RawRecord
from idverify.privacy.public import Public, PublicParty, write_public
from idverify.privacy.score import Truth
from idverify.privacy.tables import ledger_files

ISSUER, PLATFORMS = "identity_provider", ("platform_a", "platform_b")
RUSH = "_rush"


def lay_out(world: Path, out: Path, public: Public, *, begun: float, counted: float) -> visits.Visits:
    """Write the ledgers of a rush that began at `begun` and counts from `counted` on (seconds since 1970).

    Returns the showings at the first platform, which say afterwards whose they were.
    """
    out.mkdir(parents=True)
    issuer = read(ledger_files(world, ISSUER))
    write(out, ISSUER, issuer)
    write(out, ISSUER + RUSH, (record for record in issuer if record.time >= begun))
    shown = visits.visits_in([])
    for platform in PLATFORMS:
        records = read(ledger_files(world, platform))
        since = _since(records)
        kept = [record for record in records if not begun <= since(record) < counted]
        write(out, platform, kept)
        write(out, platform + RUSH, (record for record in kept if since(record) >= counted))
        if platform == PLATFORMS[0]:
            shown = visits.visits_in(kept)
            visits.write_ledgers(shown, out)
    named = {name: public.parties[name] for name in (ISSUER, *PLATFORMS) if name in public.parties}
    rushed = {name + RUSH: PublicParty(role=each.role) for name, each in named.items()}
    write_public(out, msgspec.structs.replace(public, parties={**public.parties, **rushed}))
    return shown


def _since(records: Iterable[RawRecord]) -> Callable[[RawRecord], float]:
    """When that began of which a record is a part: the first of its flow, or the record itself."""
    first: dict[str, float] = {}
    for record in records:
        if record.flow:
            first.setdefault(record.flow, record.time)
    return lambda record: first.get(record.flow, record.time)


def rushed(truth: Iterable[Truth]) -> list[Truth]:
    """The truth for the ledgers of the rush too: the same people under the parties' other names."""
    rows = list(truth)
    return [*rows, *(msgspec.structs.replace(row, platform=row.platform + RUSH) for row in rows)]


def read(files: Iterable[Path]) -> list[RawRecord]:
    """The records of ledger files in the order of time; damaged lines are left out."""
    decode = msgspec.json.Decoder(RawRecord).decode
    records = []
    for path in files:
        for line in path.read_bytes().splitlines():
            try:
                records.append(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
    return sorted(records, key=lambda record: record.time)


def write(folder: Path, party: str, records: Iterable[RawRecord]) -> None:
    """A party's ledger under a name that may be new."""
    encode = msgspec.json.Encoder().encode
    lines = [encode(msgspec.structs.replace(record, party=party)) + b"\n" for record in records]
    (folder / f"{party}.jsonl").write_bytes(b"".join(lines))
