"""A PostgreSQL database of its own for each world, so that no scheme meets the rows of another."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from idverify.errors import BadEnvironment


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """The URL of a new, empty database on the same server; it is dropped afterwards. An empty URL stays empty."""
    if not url:
        yield ""
        return
    import psycopg
    from psycopg import sql

    name = f"idverify_{secrets.token_hex(6)}"
    plain = re.sub(r"^postgresql\+\w+://", "postgresql://", url)
    try:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise BadEnvironment(
            f"no database can be made on the server of --database-url: {str(error).strip().splitlines()[0]}",
            hint="start it, and give a role that may CREATE DATABASE",
        ) from error
    parts = urlsplit(url)
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
