"""A rush: people who have a wallet and an account come back, more at a time than usual, and each needs a credential.

First everybody enrols and signs up at the first platform, as fast as that goes. Then they come at random (a Poisson
process), each person twice: to log in again at the first platform, and to sign up at the second. Twice they think for a
while, exponentially distributed: until they open the wallet, which then fetches a credential, and until they let it be
shown. Arrivals do not wait for each other: whoever comes while others still wait for the issuer waits beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent

from idverify.load.people import Citizen
from idverify.load.result import FELL_BACK, GIVEN_UP, VISIT
from idverify.wallet import Account

if TYPE_CHECKING:
    from idverify.load.state import Load
    from idverify.load.users import CitizenUser

TICK = 0.05
MOST_AT_ONCE = 2_000
"""Visits under way in one process; who comes beyond that is counted as not served and asks nobody."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody comes: to log in again with an account, or without one to sign up at the second platform."""

    person: Citizen
    account: Account | None


class Rush:
    """The part of one load process. `thinking` and `gives_up` are in seconds; 0 of the latter: as the client does."""

    def __init__(self, load: Load, *, size: int, thinking: float = 0.0, gives_up: float = 0.0) -> None:
        self._load = load
        self._size = size
        self._thinking = thinking
        self._gives_up = gives_up
        self._enrolled: list[tuple[Citizen, Account]] = []
        self._begun = False
        self._over = False
        self._asked = 0
        self._under_way = 0
        self._visits: list[Visit] = []
        self._busy: set[int] = set()
        self._idle: list[CitizenUser] = []
        self._running: set[gevent.Greenlet] = set()

    @property
    def enrols(self) -> bool:
        """The rush has not begun yet."""
        return not self._begun

    @property
    def is_ready(self) -> bool:
        """Everybody has enrolled."""
        return self._asked >= self._share and self._under_way == 0

    @property
    def _share(self) -> int:
        load = self._load
        return self._size // load.count + (load.index < self._size % load.count)

    def begin(self) -> None:
        """From now on people come back, in an order of their own."""
        second = len(self._load.settings.platform_urls) > 1
        self._visits = [Visit(person, account) for person, account in self._enrolled]
        self._visits += [Visit(person, None) for person, _ in self._enrolled if second]
        self._load.chance.shuffle(self._visits)
        self._begun = True

    def step(self, user: CitizenUser) -> None:
        """One arrival: before the rush somebody enrols, in the rush somebody comes back."""
        if self._over:
            return
        if not self._begun:
            self._enrol(user)
            return
        visit = self._next() if len(self._running) < MOST_AT_ONCE else None
        if visit is None:
            user.outcomes.exhausted += 1
            return
        visitor = self._idle.pop() if self._idle else type(user)(user.environment)
        running = gevent.spawn(self._come, visitor, visit)
        self._running.add(running)
        running.rawlink(self._running.discard)

    def finish(self, seconds: float) -> None:
        """Nobody comes any more; those who are there have `seconds` to finish."""
        self._over = True
        gevent.joinall(list(self._running), timeout=seconds)

    def _enrol(self, user: CitizenUser) -> None:
        person = self._next_person(user.name) if self._asked < self._share else None
        if person is None:
            gevent.sleep(TICK)
            return
        self._under_way += 1
        try:
            wallet = user.own_wallet(person)
            user.client.become(address=person.address, agent=person.agent)
            platform = user.platforms[0]
            tried = user.attempt(platform, wallet, person, kind="own", expected=user.expected)
            if tried.account is not None:
                self._enrolled.append((person, tried.account))
        finally:
            self._under_way -= 1

    def _next_person(self, name: str) -> Citizen | None:
        """Somebody who can: of age, with a smartphone and an e-ID account. None where nobody is left."""
        self._asked += 1
        while person := self._load.next_citizen(name):
            if person.smartphone and not person.minor and person.e_id:
                return person
        self._asked = self._share
        return None

    def _next(self) -> Visit | None:
        """The next visit of somebody who is not here already: a wallet does one thing at a time."""
        for place in range(len(self._visits) - 1, -1, -1):
            if self._visits[place].person.row not in self._busy:
                return self._visits.pop(place)
        return None

    def _come(self, visitor: CitizenUser, visit: Visit) -> None:
        person, client = visit.person, visitor.client
        wallet = visitor.own_wallet(person)
        fell_back = False

        def think(step: str) -> None:
            nonlocal fell_back
            if step == "present":
                fell_back = wallet.fallbacks.get(visitor.name, 0) > 0
            if step in ("issue", "present") and self._thinking > 0:
                gevent.sleep(visitor.chance.expovariate(1.0 / self._thinking))

        self._busy.add(person.row)
        try:
            client.become(address=person.address, agent=person.agent)
            client.before, client.longest = think, self._gives_up
            begun = visitor.begin_waiting()
            if visit.account is not None:
                tried = visitor.prove_again(visit.account, wallet)
            else:
                platform = visitor.platforms[1]
                tried = visitor.attempt(platform, wallet, person, kind="own", expected=visitor.expected)
            visitor.waited(VISIT, begun)
            if fell_back:
                visitor.waited(FELL_BACK, begun)
            if tried.reason:
                visitor.waited(GIVEN_UP, begun)
        finally:
            self._busy.discard(person.row)
            client.close()
            self._idle.append(visitor)
