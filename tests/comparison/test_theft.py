"""What a thief of a database gets, in SQLite and PostgreSQL alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection

from idverify.comparison.theft import steal
from idverify.ledger import decode
from idverify.social_platform.tables import METADATA, Kept, Pseudonym, ServerKey, insert_new
from idverify.social_platform.tables import Account as Row
from idverify.storage import Store
from tests.postgres import PostgreSQL

ACCOUNT: dict[str, str | int | float | bytes | None] = {
    "id": "a1",
    "handle": "linh",
    "handle_key": "linh",
    "verified": True,
    "over": 16,
    "guarded": False,
    "scheme": "some_scheme",
    "bio": "",
    "password": "",
    "created": 1_700_000_000.0,
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/platform_a.sqlite"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def filled(url: str) -> str:
    """A platform's database with one account, its pseudonym, a kept claim and a server key."""
    import asyncio

    store = Store.open(url, METADATA, schema="platform_a")

    def fill(connection: Connection) -> None:
        insert_new(connection, Row, **ACCOUNT)
        insert_new(connection, Pseudonym, scheme="some_scheme", pseudonym="f" * 64, account_id="a1")
        insert_new(connection, Kept, account_id="a1", claim="name", value="Người Thứ 0001", until=None)
        insert_new(connection, ServerKey, name="pseudonym", value=b"canary-of-a-key")

    asyncio.run(store.write(fill))
    store.close()
    return url


def test_every_row_is_a_record_under_the_account_that_it_is_about(filled: str, tmp_path: Path) -> None:
    path = steal(filled, "platform_a", folder=tmp_path, at=1_800_000_000.0)
    records = {record.route: record for record in decode(path.read_bytes().splitlines(), {})}
    assert {records[table].subject for table in ("account", "pseudonym", "kept")} == {"a1"}
    assert records["account"].time == 1_700_000_000.0
    assert records["kept"].time == 1_800_000_000.0
    assert records["kept"].fields["received.value"] == "Người Thứ 0001"
    assert records["pseudonym"].fields["received.pseudonym"] == "f" * 64
    assert {record.party for record in records.values()} == {"thief_of_platform_a"}


def test_the_keys_of_the_service_are_not_handed_on(filled: str, tmp_path: Path) -> None:
    text = steal(filled, "platform_a", folder=tmp_path, at=0.0).read_bytes()
    [record] = [r for r in decode(text.splitlines(), {}) if r.route == "serverkey"]
    assert record.fields["received.value"] == "[redacted]"
    assert b"canary" not in text


def test_a_theft_changes_nothing(filled: str, tmp_path: Path) -> None:
    first = steal(filled, "platform_a", folder=tmp_path, at=0.0).read_bytes()
    assert steal(filled, "platform_a", folder=tmp_path, at=0.0).read_bytes() == first
