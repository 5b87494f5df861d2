"""Engines for a party's database: SQLite in a file, or a PostgreSQL schema of its own.

SQLite runs in WAL mode with synchronous=FULL, so that a COMMIT is on the disk when it returns. In PostgreSQL the
search_path is the party's schema, so that one database serves all parties and a table never names its schema.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from idverify.errors import BadEnvironment, BadSetting, Unavailable

BUSY_SECONDS = 1.8
"""How long a statement waits for another process's lock on a SQLite file before the answer is 503."""
START_SECONDS = 60.0
"""How long to wait for a PostgreSQL that is still starting."""
READ_THREADS = 4
_PASSING = (
    *("Connection refused", "Is the server running", "starting up", "shutting down", "not yet accepting connections"),
    *("recovery mode", "server closed the connection", "too many clients", "lock timeout", "deadlock", "locked"),
)
"""Faults that go away by themselves: a server that starts, a lock of another process. Only these are waited for."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engine of the one writer, and that of the readers; `inline` where reads need no thread."""

    writer: Engine
    reader: Engine
    inline: bool


def open_engines(url: str, schema: str) -> Engines:
    """Engines for `url`: sqlite:///path, postgresql://, postgres:// or postgresql+psycopg://."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,50}", schema):
        raise BadSetting(f"the schema {schema!r} is no name of small letters, digits and _")
    parsed = parse(url)
    if parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return _postgresql(parsed.set(drivername="postgresql+psycopg"), schema)
    if parsed.drivername in ("sqlite", "sqlite+pysqlite") and parsed.database:
        return _sqlite(parsed)
    raise BadSetting(
        f"the database URL begins with {parsed.drivername}://, not with postgresql:// or sqlite:///",
        hint="write postgresql://user:password@host/name, or sqlite:///path/to/file",
    )


def parse(url: str) -> URL:
    """The parts of a database URL. Raises BadSetting, whose message never shows the URL: it may hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise BadSetting("the database URL is no URL", hint="write postgresql://user:password@host/name") from error
    if "@" in (parsed.host or ""):
        raise BadSetting("the database URL has more than one @", hint="write an @ in a password as %40")
    return parsed


def _sqlite(url: URL) -> Engines:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadEnvironment(f"the folder {path.parent} cannot be made: {error.strerror}") from error
    arguments = {"check_same_thread": False, "timeout": BUSY_SECONDS}
    writer = create_engine(url, poolclass=NullPool, connect_args=arguments)
    reader = create_engine(url, poolclass=NullPool, connect_args=arguments)

    # sqlite3 begins transactions by itself and late; ours begin where we say, with the write lock taken.
    @event.listens_for(writer, "connect")
    def _prepare_writer(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # a deleted account leaves no bytes behind

    @event.listens_for(writer, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(reader, "connect")
    def _prepare_reader(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA query_only=ON")

    return Engines(writer, reader, inline=True)


def _postgresql(url: URL, schema: str) -> Engines:
    def options(*, read_only: bool) -> dict[str, str | int]:
        settings = f"-c search_path={schema} -c synchronous_commit=on -c statement_timeout=10000 -c lock_timeout=1800"
        if read_only:
            settings += " -c default_transaction_read_only=on"
        # A database that was made without a locale (SQL_ASCII) would hand text back as bytes.
        text = {"client_encoding": "utf8", "application_name": f"idverify_{schema}"}
        return {"options": settings, "connect_timeout": 5, **text}

    writer = create_engine(url, poolclass=NullPool, connect_args=options(read_only=False))
    reader = create_engine(
        url,
        pool_size=READ_THREADS,
        max_overflow=0,
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT",
        connect_args=options(read_only=True),
    )
    return Engines(writer, reader, inline=False)


def connect(engine: Engine) -> Connection:
    """A connection. Raises Unavailable where SQLite fails on its very first statements, which nothing else wraps."""
    try:
        return engine.connect()
    except sqlite3.Error as error:
        raise Unavailable(f"the database cannot be opened now ({type(error).__name__})") from error


def create_tables(engines: Engines, metadata: MetaData, *, schema: str) -> None:
    """Make the tables that are missing; safe when several processes do it at the same moment."""

    def on_postgresql(connection: Connection) -> None:
        _lock(connection, f"idverify {schema}")
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        metadata.create_all(connection)

    def on_sqlite(connection: Connection) -> None:
        metadata.create_all(connection)  # BEGIN IMMEDIATE lets one process in at a time

    if engines.inline:
        _patiently(lambda: _to_wal(engines.writer), wait=10.0, why="")
        _patiently(lambda: _in_transaction(engines.writer, on_sqlite), wait=10.0, why="")
    else:
        url = engines.writer.url  # its query may hold a password too
        place = f"{url.host or url.query.get('host', 'the local socket')}, {url.database}"
        _patiently(
            lambda: _in_transaction(engines.writer, on_postgresql),
            wait=START_SECONDS,
            why=f"waiting for the database at {place}",
        )


def one_process_at_a_time(connection: Connection, name: str) -> None:
    """Let no other process past this line, with this name and in this party's database, until the transaction ends.

    SQLite needs nothing for it: a writing transaction there begins with the lock of the whole file.
    """
    if connection.dialect.name == "postgresql":
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        _lock(connection, f"idverify {schema} {name}")


def _lock(connection: Connection, name: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})


def _to_wal(engine: Engine) -> None:
    """WAL is a property of the file; the switch does not wait for a lock, so the caller repeats it."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        raw.close()


def _in_transaction(engine: Engine, work: Callable[[Connection], None]) -> None:
    with engine.begin() as connection:
        work(connection)


def _patiently(action: Callable[[], None], *, wait: float, why: str) -> None:
    """Repeat `action` while the database does not answer. Raises BadEnvironment after `wait` seconds."""
    deadline, said = time.monotonic() + wait, False
    while True:
        try:
            action()
            return
        except (DBAPIError, sqlite3.Error) as error:
            cause = str(getattr(error, "orig", error)).strip().splitlines()[0]
            whole = str(getattr(error, "orig", error))
            retriable = isinstance(error, OperationalError | sqlite3.OperationalError)
            if not retriable or not any(words in whole for words in _PASSING) or time.monotonic() > deadline:
                raise BadEnvironment(
                    f"the database cannot be used: {cause}", hint="look at IDVERIFY_DATABASE_URL and IDVERIFY_FOLDER"
                ) from error
            if why and not said:
                print(f"{why}: {cause}", file=sys.stderr, flush=True)
                said = True
            time.sleep(0.05 if not why else 0.5)
