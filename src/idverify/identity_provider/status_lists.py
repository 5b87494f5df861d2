"""Publishing status lists: who asks gets the newest, signed, and an issuer that lives signs a fresh one every ttl."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from idverify.errors import NotFound
from idverify.formats import status_list
from idverify.formats.status_list import INVALID, ListToken
from idverify.identity_provider.keys import KeyFolder
from idverify.identity_provider.list_signing import LISTS, ListSigner
from idverify.identity_provider.status_entries import ENTRY_TABLE, LIST_TABLE, Entries, revoke, uri_of
from idverify.scheme import Json
from idverify.storage import Store

LIFE = 10
"""A list is good for so many ttl: how long the host can go on without the identity provider."""


@dataclass(frozen=True, slots=True)
class _Signed:
    version: int
    epoch: int
    at: float
    token: bytes


class StatusLists:
    """The lists of this issuer. `ttl` and `publish` are seconds: how long a platform keeps a list, how often the
    host asks for it; both together bound how long a revocation takes to reach a platform.
    """

    def __init__(
        self,
        store: Store,
        keys: KeyFolder[ListSigner],
        *,
        host: str,
        ttl: float,
        publish: float,
        clock: Callable[[], datetime],
    ) -> None:
        self.host = host.rstrip("/")
        self.entries = Entries(store, host=host)
        self.reaches_within = ttl + publish
        self._store = store
        self._keys = keys
        self._ttl = ttl
        self._clock = clock
        self._signed: dict[tuple[int, str], _Signed] = {}

    def public(self) -> list[Json]:
        """The keys that sign the lists, as JWKs."""
        keys: list[Json] = json.loads(self._keys.public(LISTS))["keys"]
        return keys

    async def document(self) -> dict[str, Json]:
        """Where the lists are, who signs them, and their numbers."""
        query = select(LIST_TABLE.c.number).order_by(LIST_TABLE.c.number)
        numbers = await self._store.read(lambda connection: connection.execute(query).scalars().all())
        return {"host": self.host, "ttl": self._ttl, "keys": self.public(), "lists": list(numbers)}

    async def token(self, number: int, media_type: str) -> bytes:
        """The list with this number, signed no longer than a ttl ago. Raises NotFound."""
        now = self._clock().timestamp()
        query = select(LIST_TABLE.c.version, LIST_TABLE.c.size).where(LIST_TABLE.c.number == number)
        row = await self._store.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise NotFound(f"there is no status list {number}")
        epoch, known = self._keys.epoch(LISTS), self._signed.get((number, media_type))
        if known is None or (known.version, known.epoch) != (row.version, epoch) or now - known.at >= self._ttl:
            statuses = await self._store.read(lambda connection: _statuses(connection, number, size=row.size))
            made = ListToken(uri_of(self.host, number), statuses, int(now), int(now + LIFE * self._ttl) + 1, self._ttl)
            known = _Signed(row.version, epoch, now, self._keys.issuer(LISTS).sign(made, media_type))
            self._signed[number, media_type] = known
        return known.token

    async def revoke(self, id_number: str, *, scheme: str = "") -> int:
        """Revoke what a person has, of one scheme or of all. Returns how many credentials that were."""
        now = self._clock().timestamp()
        return await self._store.write(lambda connection: revoke(connection, id_number, scheme=scheme, now=now))


def _statuses(connection: Connection, number: int, *, size: int) -> status_list.StatusList:
    query = select(ENTRY_TABLE.c.entry).where(ENTRY_TABLE.c.number == number, ENTRY_TABLE.c.revoked > 0)
    revoked = connection.execute(query).scalars()
    return status_list.StatusList.of(dict.fromkeys(revoked, INVALID), size=size)
