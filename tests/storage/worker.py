"""A process that writes into a store: `worker.py URL MODE NAME COUNT`; prints a line for each acknowledged write."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from collections.abc import Callable

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert

from idverify.errors import Conflict, Unavailable
from idverify.storage import Store

METADATA = MetaData()
SPENT = Table("spent", METADATA, Column("value", String, primary_key=True), Column("worker", String))
NUMBERS = Table("numbers", METADATA, Column("value", Integer, primary_key=True))


async def answered(store: Store, work: Callable[[Connection], object]) -> bool:
    """Whether a unit of work was done; else there was a Conflict.

    On a very busy machine others may hold a lock for longer than a store waits. Who is told so tries again, as the
    hint says; a deadlock is the store's own business.
    """
    while True:
        try:
            await store.write(work)
        except Conflict:
            return False
        except Unavailable as error:
            if not any(words in str(error.__cause__) for words in ("database is locked", "lock timeout")):
                raise
            await asyncio.sleep(1.0)
        else:
            return True


async def race(store: Store, name: str, count: int) -> None:
    """Try to spend one value `count` times at once; print how often it was won and lost."""

    async def attempt() -> bool:
        return await answered(store, lambda c: c.execute(insert(SPENT), {"value": "token", "worker": name}).rowcount)

    won = await asyncio.gather(*(attempt() for _ in range(count)))
    print(sum(won), len(won) - sum(won))


async def count_up(store: Store, first: int) -> None:
    """Write numbers until somebody ends this process."""

    async def put(number: int) -> None:
        await store.write(lambda c: c.execute(insert(NUMBERS), {"value": number}).rowcount)
        print(number, flush=True)

    while True:
        await asyncio.gather(*(put(first + n) for n in range(20)))
        first += 20


async def crossing(store: Store, name: str, count: int) -> None:
    """Write the same keys as another process in the opposite order, in one transaction each: a deadlock."""

    async def pair(number: int) -> bool:
        keys = [f"a{number}", f"b{number}"] if name == "0" else [f"b{number}", f"a{number}"]
        for_each = [{"value": key, "worker": name} for key in keys]
        return await answered(store, lambda c: [c.execute(insert(SPENT), row).rowcount for row in for_each])

    won = await asyncio.gather(*(pair(number) for number in range(count)))
    print(sum(won), len(won) - sum(won))


async def fill(store: Store, count: int) -> None:
    """Write more than the disk takes, here the largest file that this process may make; print what was acknowledged."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count * 1000, resource.RLIM_INFINITY))

    async def put(number: int) -> int:
        row = {"value": str(number), "worker": "x" * 3000}
        try:
            return await store.write(lambda c: c.execute(insert(SPENT), row).rowcount)
        except Unavailable:
            return 0

    won = await asyncio.gather(*(put(number) for number in range(count)))
    print(sum(won), len(won) - sum(won))


def main() -> None:
    url, mode, name, count = sys.argv[1:]
    store = Store.open(url, METADATA, schema="racers")
    print("ready", flush=True)
    sys.stdin.readline()
    work = {
        "race": race(store, name, int(count)),
        "cross": crossing(store, name, int(count)),
        "fill": fill(store, int(count)),
    }
    chosen = work.pop(mode, None)
    for unused in work.values():
        unused.close()
    asyncio.run(chosen if chosen is not None else count_up(store, int(count)))
    store.close()


if __name__ == "__main__":
    main()
