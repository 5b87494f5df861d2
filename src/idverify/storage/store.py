"""A party's store: every write answered after a durable COMMIT, many writes to one COMMIT.

One thread owns the writing connection. It takes all units of work that wait, runs each in a SAVEPOINT of its own,
commits once and only then answers them all; so the price of a disk sync is shared, and a unit that fails undoes
only itself. A fault that concerns the whole transaction (a deadlock with another process, a lost connection) rolls
all back and runs the units again one by one, so a unit of work must be safe to call twice.
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from idverify.errors import BadMessage, Conflict, Unavailable
from idverify.storage.engines import READ_THREADS, Engines, connect, create_tables, open_engines

T = TypeVar("T")

MOST_TOGETHER = 256
"""Units of work in one COMMIT at most."""
LONGEST_TOGETHER = 0.5
"""Seconds after which no more units join a COMMIT: another process that needs one of its locks waits for
`engines.BUSY_SECONDS` only, and on a busy machine 256 units take longer."""
MOST_WAITING = 4000
"""Units that may wait; more are refused at once, because they would wait too long."""
TRIES_ALONE = 6
"""How often a unit is tried by itself after deadlocks before it is refused."""
_RETRIABLE = frozenset({"40001", "40P01"})
_ITS_OWN_FAULT = (IntegrityError, DataError)


class _Unit(Generic[T]):
    """One write on its way through the writer thread."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Callable[[Connection], T], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()
        self.result: T
        self.error: BaseException | None = None

    def run(self, connection: Connection) -> None:
        self.error = None
        self.result = self.work(connection)

    def settle(self) -> None:
        if self.future.done():  # the client is gone; the write stands
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Store:
    """Reads and writes of one party. Open one per process, after any fork."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._queue: queue.SimpleQueue[_Unit[object] | None] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._read_connection: Connection | None = None
        self._read_lock = threading.Lock()
        self._readers = ThreadPoolExecutor(READ_THREADS, "reader") if not engines.inline else None
        self._closed = False
        self.writer_cpu_seconds = 0.0
        self._thread = threading.Thread(target=self._serve, name="writer", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, url: str, metadata: MetaData, *, schema: str) -> Store:
        """Open the database at `url` and create its tables, waiting up to 60 s for a PostgreSQL that starts.

        `schema` is the party's own PostgreSQL schema. Raises BadSetting or BadEnvironment.
        """
        engines = open_engines(url, schema)
        create_tables(engines, metadata, schema=schema)
        return cls(engines)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return its result once that is durable.

        `work` runs in another thread, may run twice, and must have no effect outside the database. Its own
        exceptions come back unchanged, with its changes undone. Raises Conflict for a unique key that is taken
        and Unavailable for a database that is locked, full, read-only or gone; then nothing is promised.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        if self._queue.qsize() >= MOST_WAITING:
            raise Unavailable(f"more than {MOST_WAITING} writes are waiting", hint="try again in a second")
        unit = _Unit(work, asyncio.get_running_loop())
        self._queue.put(unit)  # type: ignore[arg-type]
        return await unit.future

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a read-only connection: SQLite at once, PostgreSQL in a thread. Raises Unavailable."""
        if self._closed:
            raise Unavailable("the store is closed")
        if self._readers is None:
            return self._read_inline(work)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read_pooled, work)

    def close(self) -> None:
        """Finish the writes that wait, then close the database."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join(timeout=8.0)
        if self._readers is not None:
            self._readers.shutdown(wait=True)
        with self._read_lock:
            if self._read_connection is not None:
                self._read_connection.close()
                self._read_connection = None
        self._engines.reader.dispose()
        self._engines.writer.dispose()

    def _read_inline(self, work: Callable[[Connection], T]) -> T:
        # One connection for all: SQLite reads take microseconds, opening a connection takes hundreds.
        with self._read_lock:
            try:
                if self._read_connection is None:
                    self._read_connection = connect(self._engines.reader)
                result = work(self._read_connection)
                self._read_connection.rollback()
            except DBAPIError as error:
                broken, self._read_connection = self._read_connection, None
                if broken is not None:
                    broken.close()
                raise _as_ours(error) from error
            except BaseException:
                if self._read_connection is not None:
                    self._read_connection.rollback()
                raise
            return result

    def _read_pooled(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engines.reader.connect() as connection:
                return work(connection)
        except DBAPIError as error:
            raise _as_ours(error) from error

    def _serve(self) -> None:
        """The writer thread: take what waits, write it, answer it."""
        running = True
        while running:
            first = self._queue.get()
            if first is None:
                break
            units = [first]
            while len(units) < MOST_TOGETHER:
                try:
                    unit = self._queue.get_nowait()
                except queue.Empty:
                    break
                if unit is None:
                    running = False
                    break
                units.append(unit)
            while units:
                tried = self._write_together(units)
                self.writer_cpu_seconds = time.thread_time()
                _answer(units[:tried])
                units = units[tried:]
        self._drop_connection()

    def _write_together(self, units: Sequence[_Unit[object]]) -> int:
        """Write the first units, as many as there is time for, with one COMMIT. Returns how many; the others wait."""
        if len(units) == 1:
            self._write_alone(units[0])
            return 1
        until, tried = time.monotonic() + LONGEST_TOGETHER, 0
        try:
            connection = self._connected()
            with connection.begin():
                for unit in units:
                    tried += 1
                    _in_savepoint(connection, unit)
                    if time.monotonic() > until:
                        break
        except Exception:  # the transaction as a whole failed: each unit by itself, so that none drags others along
            tried = max(1, tried)
            self._drop_connection()
            for unit in units[:tried]:
                self._write_alone(unit)
        return tried

    def _write_alone(self, unit: _Unit[object]) -> None:
        for attempt in range(TRIES_ALONE):
            try:
                connection = self._connected()
                with connection.begin():
                    unit.run(connection)
                return
            except DBAPIError as error:
                unit.error = _as_ours(error)
                unit.error.__cause__ = error
                if isinstance(error, _ITS_OWN_FAULT):
                    return
                self._drop_connection()
                gone = error.connection_invalidated and attempt == 0
                if not gone and getattr(error.orig, "sqlstate", None) not in _RETRIABLE:
                    return
                time.sleep(random.uniform(0.0, 0.01 * 2**attempt))
            except BaseException as error:
                unit.error = error
                if isinstance(error, SQLAlchemyError):
                    self._drop_connection()
                return

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._engines.writer)
        return self._connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except SQLAlchemyError:
                connection.invalidate()


def _in_savepoint(connection: Connection, unit: _Unit[object]) -> None:
    """Run one unit so that its failure undoes only itself; a fault of the database goes to the caller."""
    connection.exec_driver_sql("SAVEPOINT unit")
    try:
        unit.run(connection)
    except _ITS_OWN_FAULT as error:
        unit.error = _as_ours(error)
        unit.error.__cause__ = error
    except DBAPIError:
        raise
    except Exception as error:
        unit.error = error
    if unit.error is not None:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT unit")
    connection.exec_driver_sql("RELEASE SAVEPOINT unit")


def _answer(units: Sequence[_Unit[object]]) -> None:
    """Wake the callers: one call into each event loop for all of its units."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Unit[object]]] = {}
    for unit in units:
        by_loop.setdefault(unit.loop, []).append(unit)
    for loop, its_units in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, its_units)
        except RuntimeError:  # the loop has ended, and with it everybody who could have waited
            continue


def _settle(units: Sequence[_Unit[object]]) -> None:
    for unit in units:
        unit.settle()


def _as_ours(error: DBAPIError) -> Exception:
    """The error that leaves this module: whose fault it is, without the statement or its values."""
    if isinstance(error, IntegrityError):
        return Conflict("something with this key is there already")
    if isinstance(error, DataError):
        return BadMessage("the database does not take one of the values")
    cause = type(error.orig).__name__
    return Unavailable(f"the database does not take this now ({cause})", hint="try again in a second")
