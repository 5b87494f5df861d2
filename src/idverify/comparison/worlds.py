"""The attacks on several worlds at once: one child attacks a world, and as many are attacked as there are processors.

A world that is alone is attacked by two.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from idverify.comparison.attacked import Found, attack_all
from idverify.errors import IdverifyError
from idverify.privacy.attackers import Attacker

MOST_AT_ONCE = 4
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


def attack_worlds(
    worlds: Sequence[Recorded], attacker: Attacker, *, at_once: int = 0
) -> Generator[tuple[int, Attempt], None, None]:
    """Attack them, and give the place of each world as soon as it is done, with what came of it.

    `at_once`: so many worlds; by default as many as there are processors, and MOST_AT_ONCE at most. Whoever stops
    asking ends the attacks that are under way.

    The smallest is the first, because what is worked out there serves all others; then the largest, so that none is
    waited for alone in the end.
    """
    if not worlds:
        return
    processors = os.cpu_count() or 1
    at_once = min(len(worlds), at_once or min(MOST_AT_ONCE, processors))
    attack = partial(_attack, by=attacker, halves=len(worlds) == 1, threads=max(1, processors // max(2, at_once)))
    with ThreadPoolExecutor(at_once) as pool:
        attacker.start()
        smallest, *others = sorted(range(len(worlds)), key=lambda place: worlds[place].size)
        running = {pool.submit(attack, worlds[place]): place for place in (smallest, *reversed(others))}
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
            while not all(each.done() for each in running):  # one that was about to ask asks now
                attacker.interrupt()
                time.sleep(0.05)
            raise


def _attack(world: Recorded, *, by: Attacker, halves: bool, threads: int) -> Found:
    shadow, ordered = world.shadow, world.ordered
    return attack_all(world.folder, shadow=shadow, ordered=ordered, by=by, halves=halves, threads=threads)
