"""The issuer's counter: with a limited capacity, requests wait in one line and are answered one after the other.

A fault to be set (`issuer_capacity`), so that an overload can be had on any machine. Each request takes 1/capacity
seconds, first come first served (M/D/1 where people come at random). Whoever hangs up has still had their turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio
from fastapi import Request


class Counter:
    """One line for one worker process. `per_second` 0: nobody waits; the first `head_start` requests never do."""

    def __init__(self, per_second: float, *, head_start: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._head_start = head_start
        self._clock = clock
        self._free = 0.0

    def turn(self) -> float:
        """Take a place in the line; the seconds from now until the request is answered."""
        if self._per_second <= 0.0:
            return 0.0
        if self._head_start > 0:
            self._head_start -= 1
            return 0.0
        now = self._clock()
        self._free = max(self._free, now) + 1.0 / self._per_second
        return self._free - now

    async def wait(self, request: Request) -> None:
        """Wait for the turn, or until the wallet has hung up: then nobody is left to wait for. The body was read."""
        seconds = self.turn()
        if seconds <= 0.0:
            return
        with anyio.move_on_after(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
