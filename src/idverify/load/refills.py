"""Refills under load: what wallets fetch of themselves, each when its policy says, in greenlets of their own."""

from __future__ import annotations

from collections.abc import Callable

import gevent

from idverify.errors import IdverifyError
from idverify.load.client import Client
from idverify.scheme import Challenge
from idverify.wallet import Flows, Wallet, drive

MOST_WAITING = 20_000
"""Refills that one process waits for; beyond that, whoever needs a copy fetches it then."""


class Refills:
    """The refills of one Locust user's citizens. `done` is told of every wallet whose refill has ended."""

    def __init__(
        self,
        name: str,
        *,
        flows: Callable[[Wallet], Flows],
        client: Callable[[], Client],
        done: Callable[[Wallet], None],
    ) -> None:
        self.name = name
        self._flows = flows
        self._client = client
        self._done = done
        self._idle: list[Client] = []
        self._waiting = 0
        self._closed = False
        self._scheduled: set[int] = set()

    def after(self, wallet: Wallet, challenge: Challenge, line: tuple[str, str]) -> None:
        """A credential was shown: fetch more now, later, or not because of it, from that address with that device."""
        if not wallet.stores(self.name):
            return
        policy = wallet.policy(self.name)
        if policy.refill == "fixed_schedule":
            if id(wallet) not in self._scheduled:
                self._scheduled.add(id(wallet))
                self._later(wallet.chance.uniform(0.0, policy.interval), lambda: self._again_and_again(wallet, line))
            return
        seconds = wallet.refill_in(self.name, challenge)
        if seconds is not None:
            self._later(seconds, lambda: self._fetch(wallet, challenge, line))

    def close(self) -> None:
        """No more refills from now on."""
        self._closed = True
        for client in self._idle:
            client.close()
        self._idle.clear()

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        if self._waiting >= MOST_WAITING or self._closed:
            return
        self._waiting += 1

        def run() -> None:
            self._waiting -= 1
            if not self._closed:
                work()

        gevent.spawn_later(seconds, run)

    def _again_and_again(self, wallet: Wallet, line: tuple[str, str]) -> None:
        """One fetch for each purpose, and the next one after the interval, whatever was used."""
        self._later(max(0.1, wallet.policy(self.name).interval), lambda: self._again_and_again(wallet, line))
        for challenge in wallet.places(self.name):
            self._fetch(wallet, challenge, line)

    def _fetch(self, wallet: Wallet, challenge: Challenge | None, line: tuple[str, str]) -> None:
        client = self._idle.pop() if self._idle else self._client()
        client.become(address=line[0], agent=line[1])
        try:
            drive(self._flows(wallet).refill(self.name, challenge), client.send)
        except IdverifyError:
            pass  # the client has reported the request; whoever needs a copy fetches it then
        finally:
            self._done(wallet)
            if self._closed:
                client.close()
            else:
                self._idle.append(client)
