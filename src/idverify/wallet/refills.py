"""Refills of the wallet service: tasks of their own that fetch copies when the policy says, with nobody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from idverify.errors import IdverifyError
from idverify.scheme import Challenge
from idverify.wallet.flows import Flow, Flows
from idverify.wallet.wallet import Wallet

Run = Callable[[Flow[None]], Awaitable[None]]
"""Runs a flow over HTTP."""
MOST_TASKS = 2000


class Refills:
    """All refills that this process has under way or is waiting for."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._tasks: set[asyncio.Task[None]] = set()
        self._scheduled: set[tuple[int, str]] = set()

    def after(self, flows: Flows, name: str, challenge: Challenge, *, wanted: Callable[[], bool]) -> None:
        """Something was shown: do what the policy makes of it, as long as `wanted` says that anybody still cares."""
        wallet = flows.wallet
        if not wallet.stores(name):
            return
        if wallet.policy(name).refill == "fixed_schedule":
            if (id(wallet), name) not in self._scheduled:
                self._start(self._regularly(flows, name, wanted=wanted))
            return
        seconds = wallet.refill_in(name, challenge)
        if seconds is not None:
            self._start(self._once(flows, name, challenge, seconds=seconds, wanted=wanted))

    def close(self) -> None:
        """End those under way."""
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        if len(self._tasks) >= MOST_TASKS:  # the next use fetches just in time
            task.cancel()
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _once(
        self, flows: Flows, name: str, challenge: Challenge | None, *, seconds: float, wanted: Callable[[], bool]
    ) -> None:
        await asyncio.sleep(seconds)
        if wanted():
            with suppress(IdverifyError):  # nobody waits; who needs one later fetches it then
                await self._run(flows.refill(name, challenge))

    async def _regularly(self, flows: Flows, name: str, *, wanted: Callable[[], bool]) -> None:
        """Every `interval` seconds from a random moment on."""
        wallet: Wallet = flows.wallet
        key, interval = (id(wallet), name), max(0.1, wallet.policy(name).interval)
        self._scheduled.add(key)
        try:
            seconds = wallet.chance.uniform(0.0, interval)
            while wanted():
                await asyncio.sleep(seconds)
                seconds = interval
                for challenge in wallet.places(name):
                    await self._once(flows, name, challenge, seconds=0.0, wanted=wanted)
        finally:
            self._scheduled.discard(key)
