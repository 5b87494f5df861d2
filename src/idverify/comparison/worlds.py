"""The attacks on several worlds at once: one process attacks a world, and as many are attacked as there are processors.

A world that is alone is shared by all processes.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

from idverify.comparison.attacked import Found, attack_all
from idverify.errors import IdverifyError
from idverify.privacy.attackers import Attacker

MOST_PROCESSES = 4
"""Each takes some hundred megabytes."""

Attempt: TypeAlias = "Found | IdverifyError | OSError"
"""What was found in a world, or why it could not be attacked."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A world whose ledgers are there, and beside it the one to train on; `ordered`: as `attack_all` says."""

    folder: Path
    shadow: Path | None
    ordered: bool

    @property
    def size(self) -> int:
        """Bytes of ledgers."""
        return sum(path.stat().st_size for path in self.folder.glob("ledgers/*.jsonl"))


class Attackers:
    """The processes that attack for a whole comparison. They are started when they are first asked."""

    def __init__(self, number: int = 0) -> None:
        self.each = [Attacker() for _ in range(number or min(MOST_PROCESSES, os.cpu_count() or 1))]
        self._stack = ExitStack()

    def __enter__(self) -> Attackers:
        for attacker in self.each:
            self._stack.enter_context(attacker)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def attack_worlds(worlds: Sequence[Recorded], attackers: Attackers) -> Generator[tuple[int, Attempt], None, None]:
    """Attack them, the largest first, and give the place of each world as soon as it is done, with what came of it.

    Whoever stops asking ends the attacks that are under way.
    """
    shares = [attackers.each] if len(worlds) == 1 else [[one] for one in attackers.each]
    free: SimpleQueue[Sequence[Attacker]] = SimpleQueue()
    for share in shares:
        free.put(share)

    def attack(world: Recorded) -> Found:
        by = free.get()
        try:
            return attack_all(world.folder, shadow=world.shadow, ordered=world.ordered, by=by, threads=threads)
        finally:
            free.put(by)

    threads = max(1, (os.cpu_count() or 1) // len(attackers.each))
    with ThreadPoolExecutor(len(shares)) as pool:
        places = sorted(range(len(worlds)), key=lambda place: -worlds[place].size)
        running = {pool.submit(attack, worlds[place]): place for place in places}
        try:
            for done in as_completed(running):
                error = done.exception()
                if error is None:
                    yield running[done], done.result()
                elif isinstance(error, (IdverifyError, OSError)):
                    yield running[done], error
                else:
                    raise error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for attacker in attackers.each:
                attacker.interrupt()
            raise
