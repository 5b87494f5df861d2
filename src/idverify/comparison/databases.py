"""A PostgreSQL database of its own for each world, so that no scheme meets the rows of another."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from idverify.errors import BadEnvironment, BadSetting
from idverify.storage.engines import parse

CONNECT_SECONDS = 5


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """The URL of a new, empty database on the same server; it is dropped afterwards. An empty URL stays empty."""
    if not url:
        yield ""
        return
    server = parse(url)
    if server.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise BadSetting(
            f"a comparison cannot use a database at {server.drivername}://",
            hint="give a postgresql:// URL, or none for SQLite files in the run's folder",
        )
    server = server.set(drivername="postgresql+psycopg")
    name = f"idverify_{secrets.token_hex(6)}"
    try:
        _execute(server, f"CREATE DATABASE {name}")
    except DBAPIError as error:
        raise BadEnvironment(
            f"no database can be made on the server of --database-url: {str(error.orig).strip().splitlines()[0]}",
            hint="start it, and give a role that may CREATE DATABASE",
        ) from error
    try:
        yield server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        try:
            _execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        except DBAPIError as error:
            raise BadEnvironment(
                f"the database {name} could not be removed: {str(error.orig).strip().splitlines()[0]}",
                hint="drop it by hand",
            ) from error


def _execute(server: URL, statement: str) -> None:
    """One statement outside a transaction, as CREATE DATABASE wants it."""
    engine = create_engine(
        server,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": CONNECT_SECONDS},
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
