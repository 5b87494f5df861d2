"""The store's promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text

from idverify.errors import BadEnvironment, BadMessage, BadSetting, Conflict, Unavailable
from idverify.storage import Store
from tests.postgres import PostgreSQL
from tests.storage.worker import METADATA, NUMBERS, SPENT

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.open(database_url, METADATA, schema="racers")
    yield store
    store.close()


def add(connection: Connection, number: int) -> int:
    connection.execute(insert(NUMBERS), {"value": number})
    return number


async def how_many(store: Store) -> int:
    return int(await store.read(lambda c: c.execute(select(func.count()).select_from(NUMBERS)).scalar_one()))


def test_what_is_written_can_be_read(store: Store) -> None:
    async def go() -> tuple[int, int]:
        return await store.write(lambda c: add(c, 7)), await how_many(store)

    assert asyncio.run(go()) == (7, 1)


def test_of_a_thousand_parallel_writes_of_one_key_exactly_one_wins(store: Store) -> None:
    async def go() -> list[object]:
        return await asyncio.gather(*(store.write(lambda c: add(c, 1)) for _ in range(1000)), return_exceptions=True)

    results = asyncio.run(go())
    assert results.count(1) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 999


def test_a_unit_that_fails_undoes_only_itself(store: Store) -> None:
    def fails(connection: Connection) -> int:
        add(connection, 500)
        raise LookupError("no")

    async def go() -> tuple[list[object], int]:
        units = [store.write(fails if n % 3 == 0 else partial(add, number=n)) for n in range(30)]
        return await asyncio.gather(*units, return_exceptions=True), await how_many(store)

    results, stored = asyncio.run(go())
    assert [isinstance(result, LookupError) for result in results] == [n % 3 == 0 for n in range(30)]
    assert stored == 20


def test_a_read_cannot_write(store: Store) -> None:
    async def go() -> None:
        await store.read(lambda c: add(c, 3))

    with pytest.raises(Unavailable):
        asyncio.run(go())


def test_a_read_that_failed_does_not_spoil_the_next(store: Store) -> None:
    async def go() -> int:
        with pytest.raises(Unavailable):
            await store.read(lambda c: c.execute(text("SELECT nothing FROM nowhere")).scalar())
        return await how_many(store)

    assert asyncio.run(go()) == 0


def test_a_text_that_no_database_takes_is_the_clients_fault_or_is_kept(store: Store) -> None:
    async def go() -> object:
        row = {"value": "a\0b", "worker": ""}
        try:
            return await store.write(lambda c: c.execute(insert(SPENT), row).rowcount)
        except BadMessage as error:
            return error

    assert isinstance(asyncio.run(go()), int | BadMessage)


def test_a_closed_store_finishes_what_waits_and_takes_no_more(database_url: str) -> None:
    store = Store.open(database_url, METADATA, schema="racers")

    async def go() -> None:
        waiting = [asyncio.ensure_future(store.write(partial(add, number=n))) for n in range(50)]
        await asyncio.sleep(0)
        await asyncio.to_thread(store.close)
        assert sorted(await asyncio.gather(*waiting)) == list(range(50))
        with pytest.raises(Unavailable):
            await store.write(lambda c: add(c, 99))

    asyncio.run(go())


def test_a_slow_unit_does_not_keep_those_before_it_from_being_committed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idverify.storage.store.LONGEST_TOGETHER", 0.0)
    queued, answered = threading.Event(), threading.Event()

    async def first() -> None:
        await store.write(lambda c: add(c, 1))
        answered.set()

    async def go() -> bool:
        gate = asyncio.ensure_future(store.write(lambda c: queued.wait(20)))
        before, slow = asyncio.ensure_future(first()), asyncio.ensure_future(store.write(lambda c: answered.wait(20)))
        await asyncio.sleep(0)
        queued.set()  # behind the gate both wait, and would be written together
        await asyncio.gather(gate, before)
        return await slow

    assert asyncio.run(go())


def start(url: str, mode: str, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WORKER), url, mode, name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run_together(url: str, mode: str, *, workers: int, count: int) -> list[tuple[int, int]]:
    """Start the workers, let them go at the same moment, return what each printed."""
    running = [start(url, mode, str(n), count) for n in range(workers)]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=300)[0].split() for process in running]
    return [(int(won), int(lost)) for won, lost in outputs]


def test_over_four_processes_exactly_one_of_a_thousand_wins(database_url: str) -> None:
    outcomes = run_together(database_url, "race", workers=4, count=250)
    assert sum(won for won, _ in outcomes) == 1
    assert sum(lost for _, lost in outcomes) == 999


def test_processes_that_lock_in_opposite_order_both_get_an_answer(database_url: str) -> None:
    outcomes = run_together(database_url, "cross", workers=2, count=100)
    assert sum(won for won, _ in outcomes) == 100
    assert sum(lost for _, lost in outcomes) == 100


def test_kill_9_loses_no_acknowledged_write(database_url: str) -> None:
    acknowledged: set[int] = set()
    for round_ in range(4):
        process = start(database_url, "count", "w", round_ * 1_000_000)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        seen = [process.stdout.readline() for _ in range(60 + 45 * round_)]
        process.send_signal(signal.SIGKILL)
        printed = "".join(seen) + process.stdout.read()
        process.communicate()
        acknowledged |= {int(line) for line in printed.splitlines(keepends=True) if line.endswith("\n")}
    store = Store.open(database_url, METADATA, schema="racers")

    async def go() -> set[int]:
        return set(await store.read(lambda c: c.execute(select(NUMBERS.c.value)).scalars().all()))

    stored = asyncio.run(go())
    store.close()
    assert len(acknowledged) > 400
    assert acknowledged <= stored


def test_a_locked_database_is_unavailable_and_recovers(tmp_path: Path) -> None:
    path = tmp_path / "locked.sqlite"
    store = Store.open(f"sqlite:///{path}", METADATA, schema="racers")
    other = sqlite3.connect(path, isolation_level=None)

    async def go() -> list[object]:
        other.execute("BEGIN IMMEDIATE")
        refused = await asyncio.gather(*(store.write(lambda c: add(c, 1)) for _ in range(1)), return_exceptions=True)
        other.execute("ROLLBACK")
        return [*refused, await store.write(lambda c: add(c, 2)), await how_many(store)]

    refused, written, stored = asyncio.run(go())
    other.close()
    store.close()
    assert isinstance(refused, Unavailable)
    assert (written, stored) == (2, 1)


def test_a_full_disk_is_unavailable_and_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'full.sqlite'}"
    [(won, lost)] = run_together(url, "fill", workers=1, count=200)
    assert lost > 0
    store = Store.open(url, METADATA, schema="racers")
    count = select(func.count()).select_from(SPENT)
    assert asyncio.run(store.read(lambda c: c.execute(count).scalar_one())) == won
    store.close()


def test_a_read_only_database_is_unavailable(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'read.sqlite'}", METADATA, schema="racers")

    async def go() -> None:
        await store.write(lambda c: c.exec_driver_sql("PRAGMA query_only=ON").close())
        await store.write(lambda c: add(c, 1))

    with pytest.raises(Unavailable):
        asyncio.run(go())
    store.close()


def test_a_postgresql_connection_that_was_cut_is_made_anew(postgresql: PostgreSQL) -> None:
    store = Store.open(postgresql.new_database(), METADATA, schema="racers")
    killer = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    async def go() -> int:
        await store.write(lambda c: add(c, 1))
        await store.read(lambda c: c.execute(killer).all())
        await store.write(lambda c: add(c, 2))
        return await how_many(store)

    assert asyncio.run(go()) == 2
    store.close()


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite://", "nonsense", "http://x"])
def test_another_kind_of_url_is_refused_with_a_hint(url: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        Store.open(url, METADATA, schema="racers")
    assert "postgresql://" in refusal.value.hint


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_url_works(scheme: str, database_url: str) -> None:
    url = database_url.replace("postgresql://", f"{scheme}://", 1)
    store = Store.open(url, METADATA, schema="racers")
    assert asyncio.run(store.write(lambda c: add(c, 1))) == 1
    store.close()


def test_a_folder_that_cannot_hold_a_database_is_the_environments_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadEnvironment):
        Store.open(f"sqlite:///{tmp_path / 'file' / 'x.sqlite'}", METADATA, schema="racers")
    (tmp_path / "damaged.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(BadEnvironment):
        Store.open(f"sqlite:///{tmp_path / 'damaged.sqlite'}", METADATA, schema="racers")


def test_two_parties_share_a_database_without_seeing_each_other(database_url: str, tmp_path: Path) -> None:
    urls = [database_url, database_url]
    if database_url.startswith("sqlite"):
        urls[1] = f"sqlite:///{tmp_path / 'other.sqlite'}"
    stores = [Store.open(url, METADATA, schema=f"party_{n}") for n, url in enumerate(urls)]

    async def go() -> int:
        await stores[0].write(lambda c: add(c, 1))
        return await how_many(stores[1])

    assert asyncio.run(go()) == 0
    for store in stores:
        store.close()
