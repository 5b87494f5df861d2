"""Authorization codes with PKCE for the one client there is, the wallet (RFC 6749, RFC 7636, RFC 9207, RFC 9700)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

from sqlalchemy import Connection, delete, insert, select, update

from idverify.errors import BadMessage
from idverify.identity_provider.sessions import Sessions, hashed, start
from idverify.identity_provider.tables import AuthorizationCode, SignedIn
from idverify.storage import Store

CLIENT_ID = "wallet"
CODE_SECONDS = 60
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
Pairs = Sequence[tuple[str, str]]


class InvalidRequest(BadMessage):
    code: ClassVar[str] = "invalid_request"


class InvalidGrant(BadMessage):
    code: ClassVar[str] = "invalid_grant"


class InvalidClient(BadMessage):
    code: ClassVar[str] = "invalid_client"


class UnsupportedGrantType(BadMessage):
    code: ClassVar[str] = "unsupported_grant_type"


@dataclass(frozen=True, slots=True)
class Authorization:
    """What the wallet asks the browser to bring back. Only the exact, registered redirect_uri gets this far."""

    redirect_uri: str
    state: str
    code_challenge: str
    fault: str = ""
    """An error code of RFC 6749 section 4.1.2.1 that goes back to the wallet; empty: go on."""

    def answered(self, issuer: str, **values: str) -> str:
        """The URL that takes the answer back, with `iss` against mix-up (RFC 9207)."""
        state = {"state": self.state} if self.state else {}
        return f"{self.redirect_uri}?{urlencode(values | state | {'iss': issuer})}"


def read_request(pairs: Pairs, *, redirect_uri: str) -> Authorization:
    """Read an authorization request.

    Raises InvalidRequest, for an error page and never a redirect, where client, redirect_uri or form are wrong.
    """
    given = _once(pairs)
    if given.get("client_id") != CLIENT_ID:
        raise InvalidRequest("no client with this client_id is registered here")
    if given.get("redirect_uri") != redirect_uri:
        raise InvalidRequest("the redirect_uri is not the one that is registered for this client")
    state = given.get("state", "")
    if len(state) > 512:
        raise InvalidRequest("the state is longer than 512 characters")
    fault = ""
    if given.get("response_type") != "code":
        fault = "unsupported_response_type" if given.get("response_type") else "invalid_request"
    elif given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(given.get("code_challenge", "")):
        fault = "invalid_request"
    return Authorization(redirect_uri, state, given.get("code_challenge", ""), fault)


class Codes:
    """Codes that a browser carries from here to the wallet, each good for one exchange."""

    def __init__(self, store: Store, sessions: Sessions, *, clock: Callable[[], datetime], redirect_uri: str) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._redirect_uri = redirect_uri

    async def make(self, id_number: str, code_challenge: str) -> str:
        """A code for a person who signed in and agreed."""
        code, now = secrets.token_urlsafe(32), self._clock().timestamp()
        table = AuthorizationCode.__table__  # type: ignore[attr-defined]
        row = {
            "code_hash": hashed(code),
            "id_number": id_number,
            "client_id": CLIENT_ID,
            "redirect_uri": self._redirect_uri,
            "code_challenge": code_challenge,
            "token_hash": "",
            "expires": now + CODE_SECONDS,
        }

        def work(connection: Connection) -> None:
            # A used code is kept for a while, so that its second use is noticed.
            connection.execute(delete(table).where(table.c.expires <= now - 10 * CODE_SECONDS))
            connection.execute(insert(table), row)

        await self._store.write(work)
        return code

    async def exchange(self, pairs: Pairs) -> tuple[str, str]:
        """Exchange a code for (bearer token, ID number). Raises InvalidRequest, InvalidClient or InvalidGrant."""
        given = _once(pairs)
        if given.get("grant_type") != "authorization_code":
            raise UnsupportedGrantType("the grant_type is not authorization_code")
        missing = [n for n in ("code", "code_verifier", "client_id", "redirect_uri") if not given.get(n)]
        if missing:
            raise InvalidRequest(f"{missing[0]} is missing")
        if given["client_id"] != CLIENT_ID:
            raise InvalidClient("no client with this client_id is registered here")
        verifier, code_hash, now = given["code_verifier"], hashed(given["code"]), self._clock().timestamp()
        token = secrets.token_urlsafe(32)

        def work(connection: Connection) -> tuple[str, str]:
            table = AuthorizationCode.__table__  # type: ignore[attr-defined]
            # The same update marks the code as used: of parallel exchanges only one finds it unused.
            taken = connection.execute(
                update(table)
                .where(table.c.code_hash == code_hash, table.c.token_hash == "", table.c.expires > now)
                .values(token_hash=hashed(token))
            ).rowcount
            row = connection.execute(select(table).where(table.c.code_hash == code_hash)).first()
            if row is None:
                raise InvalidGrant("the code is unknown or has ended")
            if not taken:
                return "", str(row.token_hash)
            if row.client_id != given["client_id"] or row.redirect_uri != given["redirect_uri"]:
                raise InvalidGrant("the code was made for another client or redirect_uri")
            if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(_s256(verifier), row.code_challenge):
                raise InvalidGrant("the code_verifier does not belong to the code's code_challenge")
            start(connection, token, id_number=row.id_number, now=now)
            return token, str(row.id_number)

        got, whose = await self._store.write(work)
        if not got:
            await self._revoke(whose)
            raise InvalidGrant("the code was used before or has ended")
        return got, whose

    async def _revoke(self, token_hash: str) -> None:
        """A code that comes twice was stolen: what it gave ends (RFC 6749 section 4.1.2)."""
        table = SignedIn.__table__  # type: ignore[attr-defined]
        await self._store.write(
            lambda connection: connection.execute(delete(table).where(table.c.token_hash == token_hash)).rowcount
        )
        self._sessions.forget(token_hash)


def _once(pairs: Pairs) -> dict[str, str]:
    """Parameters by name; one that comes twice is refused (RFC 6749 section 3.1)."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise InvalidRequest(f"the parameter {name[:40]!r} comes more than once")
        given[name] = value
    return given


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
