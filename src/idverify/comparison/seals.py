"""The sealed identities that a platform keeps, and the openers of a world that was left on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from idverify.comparison.theft import THIEF, stolen
from idverify.crypto.threshold_elgamal import Seal, decode_seal
from idverify.errors import BadEnvironment, BadMessage, BadUsage
from idverify.formats.strict_json import decode_base64url
from idverify.ledger import RawRecord
from idverify.ledger_decode import decode
from idverify.opening.openers import Openers, load_openers

CLAIM = "sealed"


def openers_in(folder: Path) -> dict[str, Openers]:
    """The openers of a world, by the short hash of their key, as seals name it."""
    known = [load_openers(path.parent) for path in sorted(folder.glob("openers/*/*/public.json"))]
    return {openers.key.id: openers for openers in known}


def seals(folder: Path, platform: str, known: Mapping[str, Openers]) -> Iterator[tuple[str, tuple[Openers, Seal]]]:
    """Account → its openers and seal, from the platform's database, or from the copy that a run keeps of it.

    Raises BadEnvironment where something is kept that is no seal, BadUsage where there is no such platform.
    """
    for account, value in _kept(folder, platform):
        name, _, text = value.partition(".")
        if name not in known:
            continue
        try:
            yield account, (known[name], decode_seal(decode_base64url(text)))
        except BadMessage as error:
            raise BadEnvironment(f"what {platform} keeps of {account} is no seal: {error.message}") from error


def _kept(folder: Path, platform: str) -> Iterator[tuple[str, str]]:
    database, copy = folder / f"{platform}.sqlite", folder / "ledgers" / f"{THIEF}{platform}.jsonl"
    if database.is_file():
        for record in stolen(f"sqlite:///{database.absolute()}", platform, at=0.0):
            values = _values(record)
            if values.get("claim") == CLAIM:
                yield record.subject, str(values.get("value"))
    elif copy.is_file():
        with copy.open("rb") as file:
            for each in decode(file, {}):
                if each.fields.get("received.claim") == CLAIM:
                    yield each.subject, str(each.fields.get("received.value"))
    else:
        raise BadUsage(f"there is no database of {platform} in {folder.name}", hint="name platform_a or platform_b")


def _values(record: RawRecord) -> dict[str, object]:
    values = json.loads(record.received.body or b"{}")
    return values if isinstance(values, dict) else {}
