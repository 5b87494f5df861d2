"""Small ledgers written by hand: for each party (subject, members of the JSON body that it received)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

Rows: TypeAlias = "list[tuple[str, Mapping[str, object]]]"


def line(party: str, subject: str, body: Mapping[str, object], *, time: float = 1_700_000_000.0, **more: object) -> str:
    """One raw line of a ledger."""
    packed = base64.b64encode(json.dumps(body).encode()).decode()
    part = {"type": "application/json", "body": packed, "headers": {}}
    record = {"v": 1, "time": time, "party": party, "peer": "192.0.2.1", "method": "POST", "route": "/r", "path": "/r"}
    record |= {"status": 200, "up": 0, "down": 0, "received": part, "sent": {"type": "", "body": None}}
    return json.dumps(record | {"subject": subject, "flow": "", "scheme": ""} | more)


def write_ledgers(folder: Path, ledgers: Mapping[str, Sequence[tuple[str, Mapping[str, object]]]]) -> Path:
    """Write them all, a second between records."""
    folder.mkdir(parents=True, exist_ok=True)
    for party, rows in ledgers.items():
        lines = [line(party, subject, body, time=1_700_000_000.0 + n) for n, (subject, body) in enumerate(rows)]
        (folder / f"{party}.jsonl").write_text("\n".join(lines) + "\n")
    return folder
