"""What openers of sealed identities log: a quorum that opens a platform's accounts, and one opener too few.

    openers.jsonl           one record for each account that a quorum opened, under the ID number that came out
    openers_too_few.jsonl   one record for each opening that was refused because one opener was missing

The shares are real, the audit office writes an entry for each opening, and every opener checks it. All of it happens on
a copy of the openers' folder, so that the run's own audit log stays as it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from idverify.comparison.seals import openers_in, seals
from idverify.crypto.threshold_elgamal import Seal, point_of
from idverify.errors import BadUsage
from idverify.formats.strict_json import encode_base64url
from idverify.ledger import VERSION, RawRecord, Received, Sent
from idverify.opening.openers import Openers, digest, load_openers, open_seal
from idverify.population import Population

QUORUM, TOO_FEW = "openers", "openers_too_few"
"""The parties of the two ledgers."""
MOST = 50
"""Accounts that are opened; each opening reads the whole audit log. Accounts are in no order, so these are like any."""
GROUND = {"ground": "an order for every account", "by": "the comparison"}


def open_accounts(world: Path, *, platform: str, population: Population) -> int:
    """Write both ledgers beside the others of a world whose load has ended; returns how many accounts were opened.

    A world without openers or without a seal gets none. Raises BadEnvironment where the openers' files are broken.
    """
    if not (world / "openers").is_dir():
        return 0
    chosen = list(islice(seals(world, platform, openers_in(world)), MOST))
    if not chosen:
        return 0
    numbers = (int(population.id_number(row)) for row in range(len(population)))
    people = {point_of(number).to_compressed_bytes(): f"{number:012d}" for number in numbers}
    with TemporaryDirectory(prefix="idverify-openers-") as folder:
        used = {openers.key.id: openers for _, (openers, _) in chosen}
        copies = {name: _copy(openers, Path(folder)) for name, openers in used.items()}
        kept: dict[str, list[RawRecord]] = {TOO_FEW: [], QUORUM: []}
        for account, (openers, seal) in chosen:
            for party, record in _tried(copies[openers.key.id], seal, platform, account, people=people):
                kept[party].append(record)
    encode = msgspec.json.Encoder().encode
    for party, records in kept.items():
        path = world / "ledgers" / f"{party}.jsonl"
        path.write_bytes(b"".join(encode(record) + b"\n" for record in records))
        path.chmod(0o600)
    return len(chosen)


def _copy(openers: Openers, place: Path) -> Openers:
    folder = place / openers.key.id
    shutil.copytree(openers.folder, folder)
    return load_openers(folder)


def _tried(
    openers: Openers, seal: Seal, platform: str, account: str, *, people: Mapping[bytes, str]
) -> Iterator[tuple[str, RawRecord]]:
    """One account: one opener too few, then a quorum."""
    quorum, now = openers.names[: openers.key.threshold], datetime.now(timezone.utc)
    request = {"platform": platform, "account": account, **GROUND}
    asked = {**request, "sealed": f"{openers.key.id}.{encode_base64url(seal.octets)}", "openers": list(quorum[:-1])}
    try:
        open_seal(openers, seal, by=quorum[:-1], request=request, now=now)
    except BadUsage as error:
        yield TOO_FEW, _record(TOO_FEW, asked, {"error": error.message}, status=403, now=now)
    opened = open_seal(openers, seal, by=quorum, request=request, now=now)
    number = people.get(opened.point.to_compressed_bytes(), "")
    answer = {"id_number": number, "entry": opened.entry.seq, "seal": digest(seal)}
    yield QUORUM, _record(QUORUM, {**asked, "openers": list(quorum)}, answer, status=200, now=now, subject=number)


def _record(
    party: str,
    asked: Mapping[str, object],
    answer: Mapping[str, object],
    *,
    status: int,
    now: datetime,
    subject: str = "",
) -> RawRecord:
    """What the openers log of one request."""
    body, reply, kind = msgspec.json.encode(asked), msgspec.json.encode(answer), "application/json"
    return RawRecord(
        VERSION, now.timestamp(), party, "", "", "openings", "", status, len(body), len(reply),
        Received(kind, body, {}), Sent(kind, reply), subject, "", "",
    )  # fmt: skip
