"""Who is asking: opaque tokens, of which the database holds only hashes.

A worker remembers a session for a second, so that a page of requests costs one look-up. Ending a session or changing
an account empties that memory here at once; other workers follow within the second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from sqlalchemy import Connection, delete, select, text

from idverify.errors import NotSignedIn
from idverify.mandates import Standing
from idverify.social_platform.keys import hashed
from idverify.social_platform.tables import Account, Session, insert_new, table
from idverify.storage import Store

LIFETIME = 14 * 86_400
"""Seconds."""
REMEMBERED = 1.0
MOST_REMEMBERED = 10_000
VISITOR = Standing(verified=False, over=None, created=None, visitor=True)

_FIND = text(
    "SELECT a.id, a.handle, a.verified, a.over, a.guarded, a.scheme, a.bio, a.created, s.expires"
    " FROM session s JOIN account a ON a.id = s.account_id WHERE s.token_hash = :token_hash"
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in account, as this platform knows it."""

    id: str
    handle: str
    verified: bool
    over: int | None
    guarded: bool
    scheme: str
    bio: str
    created: float
    expires: float
    token: str = field(repr=False)

    @property
    def standing(self) -> Standing:
        created = datetime.fromtimestamp(self.created, timezone.utc)
        return Standing(verified=self.verified, over=self.over, created=created, guarded=self.guarded)


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._remembered: dict[str, tuple[float, Viewer]] = {}

    async def find(self, token: str) -> Viewer:
        """The account behind a token. Raises NotSignedIn."""
        known = self._remembered.get(token)
        if known is not None and known[0] > self._monotonic() and known[1].expires > self._clock().timestamp():
            return known[1]
        token_hash = hashed(token)
        row = await self._store.read(lambda c: c.execute(_FIND, {"token_hash": token_hash}).first())
        if row is None or row.expires <= self._clock().timestamp():
            self._remembered.pop(token, None)
            raise NotSignedIn("the session has ended, or never was", hint="sign in again")
        viewer = Viewer(
            id=row.id,
            handle=row.handle,
            verified=bool(row.verified),
            over=row.over,
            guarded=bool(row.guarded),
            scheme=row.scheme,
            bio=row.bio,
            created=row.created,
            expires=row.expires,
            token=token,
        )
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[token] = (self._monotonic() + REMEMBERED, viewer)
        return viewer

    async def end(self, token: str) -> None:
        """End one session, here at once and elsewhere within a second."""
        sessions = table(Session)
        token_hash = hashed(token)
        await self._store.write(
            lambda c: c.execute(delete(sessions).where(sessions.c.token_hash == token_hash)).close()
        )
        self._remembered.pop(token, None)

    def forget(self, account_id: str) -> None:
        """The account has changed: look it up again."""
        for token in [t for t, (_, viewer) in self._remembered.items() if viewer.id == account_id]:
            del self._remembered[token]


def open_session(connection: Connection, account_id: str, *, token: str, now: float) -> None:
    """Add a session inside a unit of work; sessions that have ended go."""
    sessions = table(Session)
    connection.execute(delete(sessions).where(sessions.c.account_id == account_id, sessions.c.expires <= now))
    insert_new(connection, Session, token_hash=hashed(token), account_id=account_id, expires=now + LIFETIME)


def hold(connection: Connection, account_id: str) -> None:
    """Keep an account from being deleted until this unit of work is done. Raises NotSignedIn where it is gone."""
    accounts = table(Account)
    row = select(accounts.c.id).where(accounts.c.id == account_id).with_for_update(read=True)
    if connection.execute(row).first() is None:
        raise NotSignedIn("the account has been deleted")
