"""Signing in to the identity provider: PINs, limits on guessing, opaque bearer tokens and what one may do with them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, text

from idverify.errors import NotAllowed, NotSignedIn, TooMany
from idverify.identity_provider.register import Register
from idverify.identity_provider.tables import SignedIn, WrongLogins
from idverify.storage import Store

SESSION_SECONDS = 3600
MOST_CACHED = 10_000
CACHE_SECONDS = 5.0
"""How long a token is believed without asking the database, in which another process may have revoked it."""


class WrongLogin(NotSignedIn):
    code = "wrong_login"


class NoElectronicId(NotAllowed):
    code = "no_e_id"


class TooManyLogins(TooMany):
    retry_after = 60


@dataclass(frozen=True, slots=True)
class Limits:
    """Failed sign-ins in a window of time; credentials issued in a second, at once and on average."""

    wrong_per_account: int = 5
    wrong_in_all: int = 500
    window_seconds: float = 60.0
    issued_at_once: float = 300.0
    issued_per_second: float = 30.0
    issued_per_second_in_all: float = 5000.0


def hashed(secret: str) -> str:
    """What the database keeps of a random secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Sessions:
    """Who is signed in."""

    def __init__(self, register: Register, store: Store, *, clock: Callable[[], datetime], limits: Limits) -> None:
        self._register = register
        self._store = store
        self._clock = clock
        self._limits = limits
        self._cache: dict[str, tuple[str, float]] = {}

    async def sign_in(self, id_number: str, pin: str) -> str:
        """The bearer token of a new session. Raises what `check` raises."""
        await self.check(id_number, pin)
        token, now = secrets.token_urlsafe(32), self._clock().timestamp()
        await self._store.write(lambda connection: start(connection, token, id_number=id_number, now=now))
        return token

    async def check(self, id_number: str, pin: str) -> None:
        """Check a PIN and count what is wrong, in one step, so that parallel guesses count too.

        An unknown ID number and a wrong PIN are told apart neither by the answer nor by the limits. Raises
        WrongLogin, TooManyLogins, and NoElectronicId only after the right PIN.
        """
        row = self._register.find(id_number)
        known = self._register.pin(row) if row is not None else "------"
        right = hmac.compare_digest(pin.encode(), known.encode()) and row is not None
        now = self._clock().timestamp()
        account = hashed(id_number)
        limits = self._limits

        def attempt(connection: Connection) -> bool:
            table = WrongLogins.__table__  # type: ignore[attr-defined]
            query = select(table.c.account, table.c.count).where(
                table.c.account.in_(["", account]), table.c.expires > now
            )
            counts = {str(row.account): int(row[1]) for row in connection.execute(query)}
            if counts.get(account, 0) >= limits.wrong_per_account or counts.get("", 0) >= limits.wrong_in_all:
                return False
            if right:
                if account in counts:
                    connection.execute(delete(table).where(table.c.account == account))
                return True
            connection.execute(delete(table).where(table.c.expires <= now))
            for name in ("", account):
                connection.execute(_COUNT, {"account": name, "expires": now + limits.window_seconds})
            return True

        if not await self._store.write(attempt):
            raise TooManyLogins("too many wrong attempts to sign in", hint="wait a minute and try again")
        if not right or row is None:
            raise WrongLogin("the ID number or the PIN is wrong")
        if not self._register.e_id[row]:
            raise NoElectronicId(
                "this person has no e-ID account", hint="who has none cannot prove anything through this service"
            )

    async def id_number(self, authorization: str) -> str:
        """The person behind an Authorization header. Raises NotSignedIn."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not 20 <= len(token) <= 200:
            raise NotSignedIn("a Bearer token is needed", hint="sign in at /api/sessions first")
        now, key = self._clock().timestamp(), hashed(token)
        found = self._cache.get(key)
        if found is not None and now < found[1]:
            return found[0]
        table = SignedIn.__table__  # type: ignore[attr-defined]
        query = select(table.c.id_number, table.c.expires).where(table.c.token_hash == key)
        stored = await self._store.read(lambda connection: connection.execute(query).first())
        if stored is None or stored.expires <= now:
            self._cache.pop(key, None)
            raise NotSignedIn("the session is unknown or has ended", hint="sign in again")
        if len(self._cache) >= MOST_CACHED:
            self._cache.clear()
        self._cache[key] = (stored.id_number, min(stored.expires, now + CACHE_SECONDS))
        return str(stored.id_number)

    def forget(self, token_hash: str) -> None:
        """Drop a revoked token from this process's cache."""
        self._cache.pop(token_hash, None)


def start(connection: Connection, token: str, *, id_number: str, now: float) -> None:
    """Store a session, and clear away those that have ended."""
    table = SignedIn.__table__  # type: ignore[attr-defined]
    connection.execute(delete(table).where(table.c.expires <= now))
    row = {"token_hash": hashed(token), "id_number": id_number, "expires": now + SESSION_SECONDS}
    connection.execute(insert(table), row)


_COUNT = text(
    "INSERT INTO wronglogins (account, count, expires) VALUES (:account, 1, :expires) "
    "ON CONFLICT (account) DO UPDATE SET count = wronglogins.count + 1"
)
