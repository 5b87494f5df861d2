"""What the Locust users of one process share: whose turn it is, the wallets and accounts so far, and the recorder."""

from __future__ import annotations

import hashlib
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path

from idverify.ledger import OBSERVER
from idverify.load.people import Citizen, citizen, order
from idverify.load.record import Recorder, percentile
from idverify.load.rush import Rush
from idverify.mandates import load as load_mandate
from idverify.population import Population
from idverify.scheme import Scheme
from idverify.settings import Settings
from idverify.wallet import Account, Owner, Wallet
from idverify.wallet.policy import policy_of
from idverify.wallet.wallet import utc_now

MOST_KEPT = 20_000
"""Wallets and accounts that one process keeps for each scheme."""
DEFAULT_RATE = 2.5
"""Tasks per second and Locust user: 20 users make 50 tasks a second, which two cores carry easily."""
DEFAULT_ADULT = 16
"""Where the mandate asks for no age, minors are counted as those below the age that most drafts name, in years."""


@dataclass(slots=True)
class Window:
    """The measured time: from the end of the warm-up to the end of the test, in epoch seconds."""

    start: float = 0.0
    cpu: float = 0.0
    end: float = 0.0  # 0: it has not ended
    lags: list[float] = field(default_factory=list)

    def covers(self, when: float) -> bool:
        return 0 < self.start <= when and (not self.end or when <= self.end)


class Load:
    """One process's part of a load test: worker `index` of `count`."""

    def __init__(
        self,
        settings: Settings,
        schemes: Mapping[str, Scheme],
        *,
        sign_ups: int = 0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.schemes = schemes
        self.clock = clock
        self.population = Population.make(settings.citizens, settings.seed)
        self.over = load_mandate(settings.mandate).question("sign_up").over
        self.adult_from = self.over or DEFAULT_ADULT
        self.rate = settings.rate or DEFAULT_RATE
        self.window = Window()
        self.limit = sign_ups
        self.under_way = 0
        self.rush: Rush | None = None
        for scheme in schemes.values():
            policy_of(scheme.info, settings)  # a mistake in the settings is told before anybody comes
        self.platform_names: dict[str, str] = {}
        self.accounts: dict[str, list[tuple[Account, Citizen]]] = {}
        self._wallets: dict[str, OrderedDict[int, Wallet]] = {}
        self._orders: dict[str, Iterator[int]] = {}
        self._begun: dict[str, int] = {}
        self._lines: set[tuple[str, str, str]] = set()
        self.partition(0, 1)

    def partition(self, index: int, count: int) -> None:
        """Take over the share of worker `index` of `count`; a worker that comes too late has an index out of range."""
        self.index, self.count = index, count
        self.chance = random.Random(f"{self.settings.seed}:worker:{index}")
        folder = Path(self.settings.results) if self.settings.results else None
        self.recorder = Recorder(folder, worker=index)
        self._orders.clear()

    def next_citizen(self, scheme: str) -> Citizen | None:
        """The next person of this worker who wants an account, or None when all had their turn."""
        if self.limit and self._begun.get(scheme, 0) >= self.share_of_limit:
            return None
        if scheme not in self._orders:
            self._orders[scheme] = order(self.population, seed=self.settings.seed, index=self.index, count=self.count)
        row = next(self._orders[scheme], None)
        if row is None:
            return None
        self._begun[scheme] = self._begun.get(scheme, 0) + 1
        return citizen(self.population, row, settings=self.settings, adult_from=self.adult_from, now=self.clock())

    @property
    def share_of_limit(self) -> int:
        return self.limit // self.count + (self.index < self.limit % self.count)

    def is_complete(self, scheme: str) -> bool:
        """Every sign-up that was ordered has been tried, and none is under way."""
        return bool(self.limit) and self.under_way == 0 and self.next_is_none(scheme)

    def next_is_none(self, scheme: str) -> bool:
        """Nobody is left to sign up."""
        people = len(range(self.index, int(self.population.social.sum()), self.count))
        begun = self._begun.get(scheme, 0)
        return begun >= people or (bool(self.limit) and begun >= self.share_of_limit)

    def wallet(self, scheme: str, row: int, *, declares: date | None = None) -> Wallet:
        """The wallet of the person in that row, the same one each time."""
        kept = self._wallets.setdefault(scheme, OrderedDict())
        if row not in kept:
            person = self.population.person(row)
            owner = Owner(person.id_number, self.population.pin(row), person.born, declares, person.name)
            # By the person alone: who lends a credential in one worker has the same seed in another.
            seed = hashlib.sha256(f"{self.settings.seed}:{row}:seed".encode()).digest()
            policy = partial(policy_of, settings=self.settings)
            kept[row] = Wallet(owner, self.schemes, clock=self.clock, seed=seed, policy=policy, chance=self.chance)
            if len(kept) > MOST_KEPT:
                kept.popitem(last=False)
        return kept[row]

    def waited(self, scheme: str, step: str, *, begun: float, ms: float, up: int, down: int) -> None:
        """Record what several requests took together, if they began in the measured window."""
        if self.window.covers(begun):
            self.recorder.request(scheme, step, ms=ms, up=up, down=down, failed=False)

    def opened(self, scheme: str, account: Account, *, user: Citizen, owner: str, kind: str) -> None:
        """Keep a new account for reading and posting, and write down the truth."""
        pool = self.accounts.setdefault(scheme, [])
        if len(pool) < MOST_KEPT:
            pool.append((account, user))
        platform = self.platform_names.get(account.platform, account.platform)
        self.recorder.of(scheme).opened(platform, user=user.id_number, owner=owner)
        self.recorder.truth(
            scheme,
            {
                "platform": platform,
                "account": account.id,
                "owner": owner,
                "user": user.id_number,
                "kind": kind,
                "minor": user.minor,
            },
        )

    def on_line(self, scheme: str, user: Citizen, *, owner: str) -> None:
        """Write down, once, whose line the user's requests come from: what a network observer is scored by."""
        if (scheme, user.address, owner) not in self._lines:
            self._lines.add((scheme, user.address, owner))
            self.recorder.truth(
                scheme,
                {
                    "platform": OBSERVER,
                    "account": user.address,
                    "owner": owner,
                    "user": user.id_number,
                    "kind": "line",
                    "minor": user.minor,
                },
            )

    def begin(self) -> None:
        """The warm-up is over: from now on it counts."""
        self.window = Window(start=time.time(), cpu=time.process_time())

    def close(self) -> None:
        """From now on it does not count any more; what has begun in time may still end."""
        if self.window.start and not self.window.end:
            self.window.end, self.window.cpu = time.time(), time.process_time() - self.window.cpu

    def end(self) -> None:
        """Write the results, with how busy and how late this generator itself was."""
        self.close()
        if not self.window.start:
            now = time.time()
            self.window = Window(start=now, end=now)
        wall = self.window.end - self.window.start
        lags = self.window.lags
        self.recorder.write(
            window={"start": self.window.start, "end": self.window.end, "seconds": wall},
            generator={
                "cpu_share": self.window.cpu / wall if wall > 0 else 0.0,
                "lag_ms_p50": percentile(lags, 0.5),
                "lag_ms_p99": percentile(lags, 0.99),
                "lag_ms_max": max(lags, default=0.0),
            },
        )
