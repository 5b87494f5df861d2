"""What a thief finds in a party's database at one moment, as a ledger: one record for each row of each table.

The party of such a ledger is `thief_of_PARTY`. Keys of the service itself are left out, so that a run's folder can be
handed on: a real thief has them too, and with them what they protect (docs/ledger.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

import msgspec
from sqlalchemy import MetaData, Table, select

from idverify.ledger import VERSION, RawRecord, Received, Sent
from idverify.ledger_redact import REDACTED
from idverify.scheme import Json
from idverify.storage.engines import open_engines

THIEF = "thief_of_"
SUBJECTS = ("account_id", "id_number")
"""Columns that say whose a row is; a table called `account` says it by its `id`."""
TIMES = ("created", "time")
"""Columns that say when a row was made, in seconds since 1970."""


def stolen(url: str, party: str, *, at: float) -> Iterator[RawRecord]:
    """Every row of the party's tables as it stands `at` that time (seconds since 1970). Raises BadSetting."""
    engines = open_engines(url, party)
    try:
        found = MetaData()
        with engines.reader.connect() as connection:
            found.reflect(connection)
            for table in found.sorted_tables:
                for row in connection.execute(select(table)):
                    yield _record(table, row._asdict(), party=party, at=at)
    finally:
        engines.reader.dispose()
        engines.writer.dispose()


def steal(url: str, party: str, *, folder: Path, at: float) -> Path:
    """Write the ledger of the thief into `folder`; returns its path."""
    path = folder / f"{THIEF}{party}.jsonl"
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for record in stolen(url, party, at=at):
            file.write(encode(record) + b"\n")
    path.chmod(0o600)
    return path


def _record(table: Table, row: Mapping[str, object], *, party: str, at: float) -> RawRecord:
    named = next((row[name] for name in SUBJECTS if row.get(name)), row.get("id") if table.name == "account" else "")
    made = next((row[name] for name in TIMES if isinstance(row.get(name), float)), at)
    values = {name: _json(value) for name, value in row.items() if value is not None}
    body = msgspec.json.encode(values)
    return RawRecord(
        VERSION,
        made if isinstance(made, float) else at,
        THIEF + party,
        "",
        "",
        str(table.name),
        "",
        0,
        len(body),
        0,
        Received("application/json", body, {}),
        Sent("", None),
        str(named or ""),
        "",
        str(row.get("scheme") or ""),
    )


def _json(value: object) -> Json:
    """A cell; binary ones are the service's own keys."""
    if isinstance(value, bytes | memoryview):
        return REDACTED
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool) else str(value)
