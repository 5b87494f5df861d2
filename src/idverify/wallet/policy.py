"""Which credential a wallet shows to whom, and when it fetches more (EU ARF 3.0.0, annex 2, topic 10, ISSU_37 to 57).

    A  once only       each copy is shown once (ISSU_43 to 47)
    B  limited time    one copy, shown to everybody until it runs out (ISSU_48 to 50)
    C  rotating batch  each copy once, in random order; then the batch begins again (ISSU_51 to 54)
    D  per platform    another copy for each platform, which sees the same one each time (ISSU_55 to 57)

Under A and D a wallet whose copies are used up shows one again where the issuer does not answer (ISSU_47): that keeps
the person in and costs them privacy, so it is counted.

When more is fetched (`Refill`) tells the issuer something too: a fetch beside a use lets it and the platform match the
two by time. Decisions only: nothing here fetches, waits or reads a clock. Times are aware datetimes and seconds.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, get_args

from idverify.errors import BadSetting
from idverify.scheme import Credential, Info
from idverify.settings import Settings

SPEC = "EU Architecture and Reference Framework 3.0.0, annex 2, topic 10"
Method: TypeAlias = Literal["A", "B", "C", "D"]
Refill: TypeAlias = Literal["just_in_time", "after_use", "when_empty", "delayed", "fixed_schedule"]
METHODS: tuple[Method, ...] = get_args(Method)
REFILLS: tuple[Refill, ...] = get_args(Refill)
TITLES = {"A": "once only", "B": "limited time", "C": "rotating batch", "D": "per platform"}
USUAL_BATCH = {"A": 10, "B": 1, "C": 3, "D": 10}
"""Copies at a time where neither scheme nor setting names a number. A rotation of 3 shows in minutes what one of 20,
as the ARF's discussion paper on topic A suggests, does in a year."""
RENEW = 0.1
"""The share of its lifetime that a copy has left when a wallet renews it (ISSU_50 and 54 leave it to the issuer)."""
MOST_STORED = 256
"""Copies that one wallet keeps for one purpose; an issuer that sends more is cut short."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One credential, when it came, how often and to whom it was shown; `keys` are what the issuer published then."""

    credential: Credential
    since: datetime
    shown: int = 0
    audiences: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    def shown_to(self, audience: str) -> Copy:
        """The same copy after one more showing."""
        return replace(self, shown=self.shown + 1, audiences=self.audiences | {audience})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one wallet does with the credentials of one scheme. Make it with `policy_of`.

    `batch` copies are fetched at a time; `lower_limit` unused ones count as empty (ISSU_45). `lifetime` is in seconds
    (0: as long as the issuer's own date says), as are `delay` (the mean of a random wait) and `interval`, and
    `patience`, after which an issuer counts as one that does not answer (0: as long as a request may take). `reusable`
    is false where a platform accepts each credential once, whatever the wallet would do.
    """

    method: Method
    batch: int = 1
    refill: Refill = "just_in_time"
    lower_limit: int = 0
    lifetime: float = 0.0
    delay: float = 2.0
    interval: float = 5.0
    patience: float = 3.0
    reusable: bool = True

    def choose(self, copies: Sequence[Copy], audience: str, *, now: datetime, chance: random.Random) -> Copy | None:
        """The copy to show to this platform, or None where one must be fetched first."""
        live = self.live(copies, now)
        if self.method == "B":
            return max(live, key=lambda copy: copy.since, default=None)
        if self.method == "C":
            batch = _newest(live)
            least = min((copy.shown for copy in batch), default=0)
            return chance.choice([copy for copy in batch if copy.shown == least]) if batch else None
        if self.method == "D" and (known := [copy for copy in live if audience in copy.audiences]):
            return known[0]
        return next((copy for copy in live if not copy.shown), None)

    def again(self, copies: Sequence[Copy], audience: str, *, now: datetime) -> Copy | None:
        """The copy to show a second time because the issuer does not answer (ISSU_47), or None.

        One that this platform has seen tells the least, then one that few have seen.
        """
        live = self.live(copies, now) if self.reusable else []
        return min(live, key=lambda copy: (audience not in copy.audiences, copy.shown), default=None)

    def fresh(self, copies: Sequence[Copy], now: datetime) -> list[Copy]:
        """The copies that serve without a fetch: unused under A and D, not about to run out under B and C."""
        live = self.live(copies, now)
        if self.method in ("A", "D"):
            return [copy for copy in live if not copy.shown]
        return [copy for copy in _newest(live) if not self.lifetime or _age(copy, now) < (1 - RENEW) * self.lifetime]

    def refill_in(self, copies: Sequence[Copy], *, now: datetime, chance: random.Random) -> float | None:
        """After a showing: in how many seconds to fetch more, or None for not because of it."""
        left = len(self.fresh(copies, now))
        match self.refill:
            case "after_use" if left < self.batch:
                return 0.0
            case "delayed" if left < self.batch:
                return chance.expovariate(1 / self.delay) if self.delay > 0 else 0.0
            case "when_empty" if left <= self.lower_limit:
                return 0.0
            case _:
                return None

    def wanted(self, copies: Sequence[Copy], *, now: datetime) -> int:
        """How many to fetch: what was used, or a whole batch, whose number tells nothing about use."""
        if self.refill in ("after_use", "delayed"):
            return max(1, self.batch - len(self.fresh(copies, now)))
        return self.batch

    def keep(self, copies: Sequence[Copy], new: Sequence[Copy], *, now: datetime) -> list[Copy]:
        """What the wallet holds once `new` have come: under B and C a new batch takes the old one's place."""
        if self.method in ("B", "C"):
            return list(new[:MOST_STORED])
        old = self.live(copies, now)
        if self.refill == "fixed_schedule":  # the next batch is a whole one, so what was not used goes
            old = [copy for copy in old if copy.shown]
        used, unused = [copy for copy in old if copy.shown], [copy for copy in old if not copy.shown]
        unused = [*unused, *new][:MOST_STORED]
        room = MOST_STORED - len(unused)
        return [*(used[-room:] if room else []), *unused]

    def live(self, copies: Sequence[Copy], now: datetime) -> list[Copy]:
        """The copies that have not run out by this policy."""
        return [copy for copy in copies if not self.lifetime or _age(copy, now) < self.lifetime]


def _age(copy: Copy, now: datetime) -> float:
    return (now - copy.since) / timedelta(seconds=1)


def _newest(copies: Sequence[Copy]) -> list[Copy]:
    """The copies of the last batch."""
    last = max((copy.since for copy in copies), default=None)
    return [copy for copy in copies if copy.since == last]


def keeps_credentials(info: Info) -> bool:
    """Whether wallets keep credentials of a scheme at all, so that a policy has something to decide."""
    return info.issued in ("ahead", "ahead_per_platform")


def why_not(info: Info, method: Method) -> str:
    """Why a scheme's credentials cannot be used by this method, in a sentence; empty where they can."""
    if info.issued == "by_holder":
        return "nothing is issued: the wallet states it afresh each time"
    if info.issued == "per_login":
        return "the issuer makes an answer for each log-in, and wallets keep none"
    if info.unlinkable:
        return "each showing is a fresh proof, so showing one credential again tells nothing"
    if not info.binds_nonce and method != "A":
        return "a platform accepts each credential once"
    return ""


def policy_of(info: Info, settings: Settings) -> Policy:
    """The policy for one scheme: the settings' method where it applies, else what the scheme itself asks for.

    Raises BadSetting.
    """
    usual: Method = "A" if info.single_use else "B"
    named = _method(settings.reuse)
    method = usual if named is None or why_not(info, named) else named
    batch = settings.batch or (info.batch if info.single_use else USUAL_BATCH[method])
    if method == "B":  # ISSU_48
        batch = 1
    return Policy(
        method=method,
        batch=min(batch, MOST_STORED),
        refill=_refill(settings.refill),
        lower_limit=min(settings.refill_at, batch - 1),
        lifetime=settings.credential_lifetime,
        delay=settings.refill_delay,
        interval=settings.refill_interval,
        patience=settings.patience,
        reusable=info.binds_nonce,
    )


def _method(name: str) -> Method | None:
    for known in METHODS:
        if name.upper() == known:
            return known
    if name:
        raise BadSetting(f"{name[:40]!r} is no method of reuse", hint=f"the methods are {', '.join(METHODS)}")
    return None


def _refill(name: str) -> Refill:
    for known in REFILLS:
        if name == known:
            return known
    raise BadSetting(f"{name[:40]!r} is no refill policy", hint=f"the policies are {', '.join(REFILLS)}")
