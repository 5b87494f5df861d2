"""How many bytes an account takes in the platform's database, indexes included."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

ABOUT_OTHER_THINGS = (
    *("post", "comment", "reaction", "share", "session", "group", "member", "challenge", "idempot", "nonce", "code"),
    *("server", "issuer", "report"),
)
"""Tables with one of these in their name hold what people do, not what an account is."""


def about_accounts(table: str) -> bool:
    return not any(word in table.lower() for word in ABOUT_OTHER_THINGS)


def sqlite_bytes(database: Path) -> int:
    """The size of a copy with the tables about accounts only, less that of the same tables empty."""
    with TemporaryDirectory(prefix="idverify-") as folder:
        copy = Path(folder) / "copy.sqlite"
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        with closing(sqlite3.connect(copy, isolation_level=None)) as target:
            target.execute("PRAGMA journal_mode = DELETE")
            target.execute("PRAGMA foreign_keys = OFF")
            names = [
                str(row[0])
                for row in target.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                )
            ]
            for name in names:
                if not about_accounts(name):
                    target.execute(f"DROP TABLE {_quoted(name)}")
            target.execute("VACUUM")
            full = _used(target)
            for name in names:
                if about_accounts(name):
                    target.execute(f"DELETE FROM {_quoted(name)}")
            target.execute("VACUUM")
            return max(0, full - _used(target))


def _used(database: sqlite3.Connection) -> int:
    """Bytes in use, without the empty rest of each page where SQLite was built to tell (dbstat)."""
    try:
        row = database.execute("SELECT sum(pgsize - unused) FROM dbstat").fetchone()
    except sqlite3.OperationalError:
        row = database.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()
    return int(row[0])


def postgresql_bytes(url: str, schema: str) -> int:
    """The size of a fresh copy of the tables about accounts, indexes and TOAST included, less that of empty ones.

    The copy has no dead rows, as the VACUUMed one of SQLite has none. The maps of free space are left out.
    """
    import psycopg
    from psycopg import sql

    size = (
        "SELECT pg_total_relation_size(oid) - pg_relation_size(oid, 'fsm') - pg_relation_size(oid, 'vm') "
        "FROM pg_class WHERE oid = 'pg_temp.copy'::regclass"
    )
    total = 0
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
        for name in (str(row[0]) for row in rows if about_accounts(str(row[0]))):
            table = sql.Identifier(schema, name)
            connection.execute(sql.SQL("CREATE TEMPORARY TABLE copy (LIKE {} INCLUDING ALL)").format(table))
            empty = connection.execute(size).fetchone()
            connection.execute(
                sql.SQL("INSERT INTO pg_temp.copy OVERRIDING SYSTEM VALUE SELECT * FROM {}").format(table)
            )
            full = connection.execute(size).fetchone()
            total += int(full[0]) - int(empty[0]) if full and empty else 0
            connection.execute("DROP TABLE pg_temp.copy")
    return total


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
