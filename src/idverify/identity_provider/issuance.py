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
from idverify.identity_provider.counter import Counter
from idverify.identity_provider.keys import KeyStore
from idverify.identity_provider.register import Register
from idverify.identity_provider.relay import Known, Relay
from idverify.identity_provider.remembered import recall, remember
from idverify.identity_provider.sessions import Limits
from idverify.identity_provider.status_entries import Entries, bind
from idverify.identity_provider.tables import Quota
from idverify.scheme import Issuer, Person, Rationed, Records, Scheme, Status
from idverify.storage import Store

MOST_ACCOUNTS = 20_000


class Rate:
    """A bucket for each account and one for all: `at_once` tokens, refilled at `per_second`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[str, tuple[float, float]] = {}
        self._all = (limits.issued_per_second_in_all, 0.0)

    def take(self, account: str, now: float, *, number: int = 1) -> None:
        """Take `number` credentials. Raises TooMany."""
        limits = self._limits
        left, since = self._buckets.get(account, (limits.issued_at_once, now))
        left = min(limits.issued_at_once, left + (now - since) * limits.issued_per_second)
        total, last = self._all
        total = min(limits.issued_per_second_in_all, total + (now - last) * limits.issued_per_second_in_all)
        if left < number or total < number:
            raise TooMany("too many credentials in a short time", hint="try again in a second")
        if len(self._buckets) >= MOST_ACCOUNTS:
            self._buckets.clear()
        self._buckets[account] = (left - number, now)
        self._all = (total - number, now)


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
        relay: Relay | None = None,
        counter: Counter | None = None,
    ) -> None:
        self._register = register
        self._keys = keys
        self._store = store
        self._schemes = schemes
        self._quota = quota
        self._clock = clock
        self._rate = Rate(limits)
        self._entries = entries
        self._relay = relay
        self._counter = counter

    @property
    def names(self) -> tuple[str, ...]:
        """The schemes that are issued here, those that another party signs for included."""
        relayed = self._relay.names if self._relay is not None else ()
        return tuple(name for name in self._schemes if name in self._keys.names or name in relayed)

    async def public(self, name: str) -> bytes:
        """What is published for a scheme. Raises NotFound, and Unavailable where the party with the keys is down."""
        self.scheme(name)
        relayed = await self._relayed(name)
        return self._keys.public(name) if relayed is None else relayed.public

    def scheme(self, name: str) -> Scheme:
        """The scheme with this name, if it is issued here. Raises NotFound."""
        scheme = self._schemes.get(name)
        if scheme is not None and scheme.info.issued == "by_holder":
            raise NotFound(f"{name} is not issued: wallets make it themselves", hint="no sign-in is needed for it")
        if scheme is None or name not in self.names:
            raise NotFound(f"no scheme {name[:40]!r} is issued here", hint=f"there are {', '.join(self.names)}")
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
        wanted = scheme.asks(body) if isinstance(scheme, Rationed) else 1
        self._rate.take(id_number, time.monotonic(), number=wanted)
        if self._counter is not None:
            await self._counter.wait(request)
        relayed = await self._relayed(name)
        epoch = self._keys.epoch(name) if relayed is None else relayed.epoch
        if scheme.info.rationed:
            await self._refuse_spent_quota(id_number, name, epoch=epoch, wanted=wanted)
        tag = b""
        if scheme.info.remembers:
            tag = await self._store.read(lambda connection: recall(connection, id_number, scheme=name))
        if scheme.info.status:
            await self._entries.ready()
        person, now = self._register.person(row), self._clock()
        issuers = self._keys.issuers(name) if relayed is None else ()

        def work() -> Issued:
            return _first_that_can(issuers, person, body=body, now=now, tag=tag, draw=self._entries.draw)

        if relayed is not None and self._relay is not None:
            relayed.attester.attest(person, body, now=now)
            issued = Issued(await self._relay.sign(name, body), Records(tag), ())
        elif scheme.info.cost == "inline" and wanted == 1:
            issued = work()
        else:
            issued = await to_thread.run_sync(metering.charged(request, work))
        records, drawn = issued.records, issued.drawn

        def keep(connection: Connection) -> None:
            if scheme.info.rationed:
                self._count(connection, id_number, scheme=name, epoch=epoch, wanted=wanted)
            if scheme.info.remembers:
                remember(connection, id_number, scheme=name, before=tag, tag=records.tag)
            bind(connection, drawn, id_number=id_number, scheme=name, now=now.timestamp())

        if scheme.info.rationed or records.tag != tag or drawn:
            await self._store.write(keep)  # all or nothing, and before anybody sees the answer
        return issued.answer

    async def _relayed(self, name: str) -> Known | None:
        """What the party with the keys published, where that is another one."""
        return await self._relay.known(name) if self._relay is not None and name in self._relay.names else None

    async def _refuse_spent_quota(self, id_number: str, scheme: str, *, epoch: int, wanted: int) -> None:
        """Spare the cryptography where it is in vain; what counts is `_count`."""
        table = Quota.__table__  # type: ignore[attr-defined]
        query = select(table.c.used).where(
            table.c.id_number == id_number, table.c.scheme == scheme, table.c.epoch == epoch
        )
        used = await self._store.read(lambda connection: connection.execute(query).scalar())
        if (used or 0) + wanted > self._quota:
            raise self._spent()

    def _count(self, connection: Connection, id_number: str, *, scheme: str, epoch: int, wanted: int) -> None:
        row = {"id_number": id_number, "scheme": scheme, "epoch": epoch, "quota": self._quota, "wanted": wanted}
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
    "INSERT INTO quota (id_number, scheme, epoch, used) VALUES (:id_number, :scheme, :epoch, :wanted) "
    "ON CONFLICT (id_number, scheme, epoch) DO UPDATE SET used = quota.used + :wanted "
    "WHERE quota.used + :wanted <= :quota RETURNING used"
)
