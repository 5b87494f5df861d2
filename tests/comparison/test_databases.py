"""Databases of a comparison: one of its own each, and wrong URLs that are refused at once and without the password."""

from __future__ import annotations

import time

import psycopg
import pytest
from sqlalchemy import MetaData

from idverify.comparison.databases import fresh_database
from idverify.comparison.machine import without_places
from idverify.comparison.stored import postgresql_bytes
from idverify.errors import BadEnvironment, BadSetting
from idverify.storage import Store
from tests.postgres import PostgreSQL

WRONG = (
    "mysql://u:secret@h/db",
    "sqlite:///secret",
    "postgresql://u:secret@h:port/db",
    "postgresql://u:p@secret@h/db",
    "secret",
)


def databases(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")}


def test_a_fresh_database_is_made_and_removed(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    before = databases(url)
    with fresh_database(url.replace("postgres@", "") + "&user=postgres") as fresh:
        assert len(databases(fresh) - before) == 1
    assert databases(url) == before


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(BadSetting) as refusal, fresh_database(url):
        pass
    assert "secret" not in refusal.value.message + refusal.value.hint


def test_an_unknown_host_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: float) -> None:
        raise AssertionError("it waited")

    monkeypatch.setattr(time, "sleep", never)
    url = "postgresql://u:secret@no-such-host.invalid/db?password=secret"
    with pytest.raises(BadEnvironment) as refusal:
        Store.open(url, MetaData(), schema="racers")
    assert "secret" not in str(refusal.value)


def test_only_accounts_count_and_an_empty_table_takes_nothing(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA p")
        for name in ("account", "post"):
            connection.execute(f"CREATE TABLE p.{name} (id text PRIMARY KEY, about text)".encode())
    assert postgresql_bytes(url, "p") == 0
    with psycopg.connect(url) as connection:
        for name in ("account", "post"):
            connection.execute(
                f"INSERT INTO p.{name} SELECT n::text, repeat('x', 100) FROM generate_series(1, 2000) n".encode()
            )
    assert 250_000 < postgresql_bytes(url, "p") < 500_000


@pytest.mark.parametrize("url", ["postgresql://u:hidden@h/db", "postgresql:///db?password=hidden&host=h"])
def test_a_published_command_holds_no_password(url: str) -> None:
    assert "hidden" not in without_places(f"idverify compare --database-url {url}")
