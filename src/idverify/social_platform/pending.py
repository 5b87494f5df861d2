"""Proofs that wait for each other, so that many are verified together, in threads beside the event loop.

A proof that finds nothing under way is verified at once, with whatever else arrived in the same turn of the loop. While
a batch is under way, proofs gather: until it ends, until there are `most`, or until the first of them has waited for
`delay`, if a thread is free by then. With no thread free they would wait anyway, and gather while they do. So the queue
adds nothing where there is little to do, never more than `delay`, and the batches grow with the load.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from idverify import metering
from idverify.errors import Unavailable
from idverify.scheme import Challenge, ManyVerifier, Proven

THREADS = 2
"""Batches at a time; the platform's other work has the rest of the machine."""
MOST_WAITING = 4096
"""Proofs that may wait for one verifier; more would wait for longer than anybody does."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    presentation: bytes
    challenge: Challenge
    result: asyncio.Future[Proven]
    bill: list[float] | None


@dataclass(slots=True)
class _Line:
    """The proofs that wait for one verifier."""

    verifier: ManyVerifier
    waiting: deque[_Waiting] = field(default_factory=deque)
    running: int = 0
    soon: asyncio.Handle | None = None
    late: asyncio.TimerHandle | None = None


class PendingProofs:
    """The queue of one worker process. `delay` is in seconds, `most` the size of a batch."""

    def __init__(self, threads: Executor, *, delay: float, most: int) -> None:
        self._threads = threads
        self._delay = max(0.0, delay)
        self._most = max(1, most)
        self._lines: dict[int, _Line] = {}

    async def verify(self, verifier: ManyVerifier, presentation: bytes, challenge: Challenge) -> Proven:
        """What `verifier.verify` would return or raise. Raises Unavailable where too many wait."""
        line = self._lines.get(id(verifier))
        if line is None:
            line = self._lines[id(verifier)] = _Line(verifier)
        if len(line.waiting) >= MOST_WAITING:
            raise Unavailable("too many proofs wait to be verified", hint="try again in a moment")
        loop = asyncio.get_running_loop()
        mine = _Waiting(presentation, challenge, loop.create_future(), metering.bill())
        line.waiting.append(mine)
        if not line.running or len(line.waiting) >= self._most:
            line.soon = line.soon or loop.call_soon(self._start, line)
        elif line.late is None:
            line.late = loop.call_later(self._delay, self._start, line)
        return await mine.result

    def close(self) -> None:
        """Nobody waits any longer."""
        for line in self._lines.values():
            for waiting in line.waiting:
                if not waiting.result.done():
                    waiting.result.set_exception(Unavailable("the platform is stopping"))
            line.waiting.clear()
        self._lines.clear()

    def _start(self, line: _Line) -> None:
        """Verify what waits, as far as threads are free; the rest goes when a batch ends."""
        for handle in (line.soon, line.late):
            if handle is not None:
                handle.cancel()
        line.soon = line.late = None
        loop = asyncio.get_running_loop()
        while line.waiting and line.running < THREADS:
            batch = self._take(line)
            if not batch:
                break
            line.running += 1
            done = loop.run_in_executor(self._threads, _verify, line.verifier, batch)
            done.add_done_callback(lambda done, batch=batch: self._ended(line, batch, done))  # type: ignore[misc]

    def _take(self, line: _Line) -> list[_Waiting]:
        batch: list[_Waiting] = []
        while line.waiting and len(batch) < self._most:
            waiting = line.waiting.popleft()
            if not waiting.result.done():  # whoever asked may have gone
                batch.append(waiting)
        return batch

    def _ended(
        self, line: _Line, batch: Sequence[_Waiting], done: asyncio.Future[Sequence[Proven | Exception]]
    ) -> None:
        line.running -= 1
        fault = Unavailable("the platform is stopping") if done.cancelled() else done.exception()
        results = [fault] * len(batch) if fault else done.result()
        for waiting, result in zip(batch, results, strict=True):
            if waiting.result.done():
                continue
            if isinstance(result, Proven):
                waiting.result.set_result(result)
            else:
                waiting.result.set_exception(result or Unavailable("the proof was not verified"))
        if line.waiting:
            self._start(line)
        elif not line.running:
            self._lines.pop(id(line.verifier), None)


def _verify(verifier: ManyVerifier, batch: Sequence[_Waiting]) -> Sequence[Proven | Exception]:
    """In a thread; each request pays its part of the CPU time."""
    begun = time.thread_time()
    try:
        return verifier.verify_many([(waiting.presentation, waiting.challenge) for waiting in batch])
    except Exception:  # a fault that one proof has brought out: each by itself, so that no other pays for it
        return [_alone(verifier, waiting) for waiting in batch]
    finally:
        part = (time.thread_time() - begun) / len(batch)
        for waiting in batch:
            if waiting.bill is not None:
                waiting.bill.append(part)


def _alone(verifier: ManyVerifier, waiting: _Waiting) -> Proven | Exception:
    try:
        return verifier.verify(waiting.presentation, waiting.challenge)
    except Exception as error:
        return error
