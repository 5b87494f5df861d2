"""Issuing: who may have which credential, how many, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from anyio import to_thread
from fastapi import Request
from sqlalchemy import Connection, select, text

from idverify import metering
from idverify.errors import BadMessage, NotFound, NotSignedIn, QuotaUsed, TooMany
from idverify.identity_provider.keys import KeyStore
from idverify.identity_provider.register import Register
from idverify.identity_provider.remembered import recall, remember
from idverify.identity_provider.sessions import Limits
from idverify.identity_provider.status_entries import Entries, bind
from idverify.identity_provider.tables import Quota
from idverify.scheme import Issuer, Person, Records, Scheme, Status
from idverify.storage import Store

MOST_ACCOUNTS = 20_000


class Rate:
    """A bucket for each account and one for all: `at_once` tokens, refilled at `per_second`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[str, tuple[float, float]] = {}
        self._all = (limits.issued_per_second_in_all, 0.0)

    def take(self, account: str, now: float) -> None:
        """Take one. Raises TooMany."""
        limits = self._limits
        left, since = self._buckets.get(account, (limits.issued_at_once, now))
        left = min(limits.issued_at_once, left + (now - since) * limits.issued_per_second)
        total, last = self._all
        total = min(limits.issued_per_second_in_all, total + (now - last) * limits.issued_per_second_in_all)
        if left < 1 or total < 1:
            raise TooMany("too many credentials in a short time", hint="try again in a second")
        if len(self._buckets) >= MOST_ACCOUNTS:
            self._buckets.clear()
        self._buckets[account] = (left - 1, now)
        self._all = (total - 1, now)


@dataclass(frozen=True, slots=True)
class Issued:
    """An answer, and what is to be stored before anybody sees it."""

    answer: bytes
    records: Records
    drawn: Sequence[Status]


class Issuance:
    """Answers the requests of wallets that are signed in."""

    def __init__(
        self,
        register: Register,
        keys: KeyStore,
        store: Store,
        *,
        schemes: Mapping[str, Scheme],
        quota: int,
        clock: Callable[[], datetime],
        limits: Limits,
        entries: Entries,
    ) -> None:
        self._register = register
        self._keys = keys
        self._store = store
        self._schemes = schemes
        self._quota = quota
        self._clock = clock
        self._rate = Rate(limits)
        self._entries = entries

    def scheme(self, name: str) -> Scheme:
        """The scheme with this name, if it is issued here. Raises NotFound."""
        scheme = self._schemes.get(name)
        if scheme is not None and scheme.info.issued == "by_holder":
            raise NotFound(f"{name} is not issued: wallets make it themselves", hint="no sign-in is needed for it")
        if scheme is None or name not in self._keys.names:
            raise NotFound(f"no scheme {name[:40]!r} is issued here", hint=f"there are {', '.join(self._keys.names)}")
        return scheme

    async def issue(self, request: Request, name: str, *, id_number: str, body: bytes) -> bytes:
        """The issuer's answer to a wallet's request.

        Raises NotFound, QuotaUsed, TooMany for a rate, Conflict where another wallet of the person was first, and
        what `Issuer.issue` raises.
        """
        scheme = self.scheme(name)
        row = self._register.find(id_number)
        if row is None:
            raise NotSignedIn("this person is no longer in the register")
        self._rate.take(id_number, time.monotonic())
        epoch = self._keys.epoch(name)
        if scheme.info.rationed:
            await self._refuse_spent_quota(id_number, name, epoch=epoch)
        tag = b""
        if scheme.info.remembers:
            tag = await self._store.read(lambda connection: recall(connection, id_number, scheme=name))
        if scheme.info.status:
            await self._entries.ready()
        person, issuers, now = self._register.person(row), self._keys.issuers(name), self._clock()

        def work() -> Issued:
            return _first_that_can(issuers, person, body=body, now=now, tag=tag, draw=self._entries.draw)

        if scheme.info.cost == "inline":
            issued = work()
        else:
            issued = await to_thread.run_sync(metering.charged(request, work))
        records, drawn = issued.records, issued.drawn

        def keep(connection: Connection) -> None:
            if scheme.info.rationed:
                self._count(connection, id_number, scheme=name, epoch=epoch)
            if scheme.info.remembers:
                remember(connection, id_number, scheme=name, before=tag, tag=records.tag)
            bind(connection, drawn, id_number=id_number, scheme=name, now=now.timestamp())

        if scheme.info.rationed or records.tag != tag or drawn:
            await self._store.write(keep)  # all or nothing, and before anybody sees the answer
        return issued.answer

    async def _refuse_spent_quota(self, id_number: str, scheme: str, *, epoch: int) -> None:
        """Spare the cryptography where it is in vain; what counts is `_count`."""
        table = Quota.__table__  # type: ignore[attr-defined]
        query = select(table.c.used).where(
            table.c.id_number == id_number, table.c.scheme == scheme, table.c.epoch == epoch
        )
        used = await self._store.read(lambda connection: connection.execute(query).scalar())
        if used is not None and used >= self._quota:
            raise self._spent()

    def _count(self, connection: Connection, id_number: str, *, scheme: str, epoch: int) -> None:
        row = {"id_number": id_number, "scheme": scheme, "epoch": epoch, "quota": self._quota}
        used = connection.execute(_TAKE, row).scalar()
        if used is None or used > self._quota:
            raise self._spent()

    def _spent(self) -> QuotaUsed:
        return QuotaUsed(
            f"the quota of {self._quota} credentials of this scheme is used up",
            hint="the next key epoch brings a new quota",
        )


def _first_that_can(
    issuers: Sequence[Issuer],
    person: Person,
    *,
    body: bytes,
    now: datetime,
    tag: bytes,
    draw: Callable[[], Status | None],
) -> Issued:
    """The newest keys answer, or older ones that the request was made for just before a rotation."""
    fault: BadMessage | None = None
    for issuer in issuers:
        drawn: list[Status] = []
        # Fresh records, so that an issuer that fails leaves nothing behind; what it drew, nobody gets.
        records = Records(tag, _keeping(draw, drawn))
        try:
            return Issued(issuer.issue(person, body, now=now, records=records), records, drawn)
        except BadMessage as error:
            fault = fault or error
    raise fault or NotFound("there are no keys")


def _keeping(draw: Callable[[], Status | None], drawn: list[Status]) -> Callable[[], Status | None]:
    """`draw`, with what it gives kept in `drawn`."""

    def next_status() -> Status | None:
        status = draw()
        if status is not None:
            drawn.append(status)
        return status

    return next_status


_TAKE = text(
    "INSERT INTO quota (id_number, scheme, epoch, used) VALUES (:id_number, :scheme, :epoch, 1) "
    "ON CONFLICT (id_number, scheme, epoch) DO UPDATE SET used = quota.used + 1 WHERE quota.used < :quota "
    "RETURNING used"
)
