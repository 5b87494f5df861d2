"""A scenario: how many people log in how often, with what, and how their wallets and the issuer behave.

It is what a statistician would write down before the experiment; a scenario and a seed give the same ledgers for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from idverify.errors import BadUsage
from idverify.privacy.public import Delay, Refill, Reuse
from idverify.simulation.delays import checked, exponential

DAY = 86_400.0
LARGEST = 1_000_000
"""Persons in one replay."""
MOST_LOGINS = 5_000_000

StatusCheck: TypeAlias = Literal["none", "direct", "list"]
IssuedAt: TypeAlias = Literal["day", "second", "millisecond"]
Index: TypeAlias = Literal["random", "sequential"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that is decided before the first login. Times are in seconds but for `days`.

    `logins` is the mean number a person, platform and day of a Poisson process; `exactly` replaces it by that many
    logins of each person at each platform at independent times. `behind` users share each network address, which is
    the same at the issuer and at the platforms; 0: everything comes through one relay and addresses say nothing.
    """

    row: str = "blind tokens"  # of the table of parties: rows.ROWS
    citizens: int = 1_000
    days: float = 1.0
    platforms: int = 1
    logins: float = 1.0
    exactly: int | None = None
    elsewhere: int = 0  # logins of each person at places whose ledgers nobody reads, over the same time
    delay: Delay = field(default_factory=lambda: exponential(30.0))
    reuse: Reuse = "once_only"
    refill: Refill = "just_in_time"
    batch: int = 1
    lifetime: float = 90 * DAY  # of a credential that is shown more than once
    schedule: float = DAY  # between the refills of a fixed schedule
    behind: int = 0
    observed: bool = False  # a network observer keeps a ledger too
    status: StatusCheck = "none"
    holders: int = 0  # of each status list; 0: one list for all
    index: Index = "random"
    entries: int = 2**20  # of a status list, among which random indices are drawn
    revoked: int = 0  # credentials that are revoked in each update of the status list
    updates: int = 0
    opened: int = 0  # logins whose sealed identity is opened a day later
    keys: int = 1  # among which the issuer spreads people
    issued_at: IssuedAt = "day"  # how exactly a credential says when it was issued

    def __post_init__(self) -> None:
        checked(self.delay)
        bounds: tuple[tuple[str, float, float], ...] = (
            ("citizens", 1, LARGEST),
            ("days", 1e-6, 3_660),
            ("platforms", 1, 2),
            ("logins", 0.0, 10_000),
            ("elsewhere", 0, 10_000),
            ("batch", 1, 1_000),
            ("lifetime", 1e-6, 3_660 * DAY),
            ("schedule", 1e-6, 3_660 * DAY),
            ("behind", 0, LARGEST),
            ("holders", 0, LARGEST),
            ("entries", 1, 2**24),
            ("revoked", 0, LARGEST),
            ("updates", 0, 10_000),
            ("opened", 0, MOST_LOGINS),
            ("keys", 1, LARGEST),
        )
        for name, low, high in bounds:
            value = getattr(self, name)
            if not low <= value <= high:  # NaN too
                raise BadUsage(f"a scenario's {name} is {value}, where {low:g} to {high:g} are possible")
        if self.exactly is not None and not 0 <= self.exactly <= 10_000:
            raise BadUsage(f"exactly {self.exactly} logins, where 0 to 10000 are possible")
        if self.expected_logins > MOST_LOGINS:
            raise BadUsage(
                f"a scenario with about {self.expected_logins:,.0f} logins, where {MOST_LOGINS:,} are possible",
                hint="take fewer citizens or days",
            )
        if self.revoked * self.updates > self.citizens:
            raise BadUsage(f"{self.updates} updates that revoke {self.revoked} each, of {self.citizens} citizens")

    @property
    def seconds(self) -> float:
        """How long the logins last."""
        return self.days * DAY

    @property
    def per_person(self) -> float:
        """The mean number of logins of one person at all platforms and elsewhere."""
        one = self.logins * self.days if self.exactly is None else float(self.exactly)
        return one * self.platforms + self.elsewhere

    @property
    def expected_logins(self) -> float:
        return self.citizens * self.per_person

    @property
    def login_rate(self) -> float:
        """r: logins per user and second, wherever they are."""
        return self.per_person / self.seconds

    @property
    def issuance_rate(self) -> float:
        """λ: issuances per second while logins last, those of enrolment left out."""
        per_login = {"just_in_time": 1.0, "after_use": 1.0, "delayed": 1.0, "when_empty": 1.0 / self.batch}
        if self.reuse == "once_only" and self.refill in per_login:
            return self.citizens * self.login_rate * per_login[self.refill]
        if self.reuse == "once_only":
            return self.citizens / self.schedule
        return 0.0 if self.reuse == "unlimited" else self.citizens / max(self.lifetime, 1.0 / self.login_rate)
