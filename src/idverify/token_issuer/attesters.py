"""The attester that a token issuer believes: its keys, fetched when they are first needed and when one is unknown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeAlias

import httpx

from idverify.errors import IdverifyError, NotSignedIn, Unavailable, UnknownKey
from idverify.formats import jose
from idverify.formats.strict_json import read_object
from idverify.protocols import attestation

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]
PATIENCE = 3.0
"""Seconds that a fetch may take."""
AGAIN = 3.0
"""Seconds between two fetches, so that invented key ids are no flood on the attester."""
MOST_BYTES = 65_536


async def fetch(url: str) -> bytes:
    """GET the attester's keys. Raises Unavailable for anything but a small 200."""
    try:
        async with (
            asyncio.timeout(PATIENCE),
            httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise Unavailable(f"the attester answered {answer.status_code}")
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise Unavailable(f"the attester's keys are longer than {MOST_BYTES} bytes")
            return body
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise Unavailable("the attester does not answer", hint="try again in a minute") from error


class Attester:
    """The one party (its URL) for which `issuer` (its URL) signs."""

    def __init__(
        self,
        url: str,
        *,
        issuer: str,
        clock: Callable[[], datetime],
        fetch: Fetch = fetch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url.rstrip("/")
        self._issuer = issuer
        self._clock = clock
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: jose.KeySet | None = None
        self._tried = float("-inf")
        self._loading = asyncio.Lock()

    async def check(self, authorization: str, body: bytes) -> None:
        """Whether this attester lets us sign `body`. Raises NotSignedIn with the reason, or Unavailable."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise NotSignedIn("only an attester's request is signed", hint=f"ask {self.url}, which knows you")
        keys = self._keys or await self._load()
        try:
            self._check(token, keys, body)
        except UnknownKey as error:
            newer = await self._load()
            if newer is keys:
                raise NotSignedIn(error.message) from error
            self._check_or_refuse(token, newer, body)
        except IdverifyError as error:
            raise NotSignedIn(error.message) from error

    def _check_or_refuse(self, token: str, keys: jose.KeySet, body: bytes) -> None:
        try:
            self._check(token, keys, body)
        except IdverifyError as error:
            raise NotSignedIn(error.message) from error

    def _check(self, token: str, keys: jose.KeySet, body: bytes) -> None:
        attestation.check(token, keys, attester=self.url, issuer=self._issuer, body=body, now=self._clock())

    async def _load(self) -> jose.KeySet:
        """The newest keys; the known ones where it is too soon to ask again."""
        async with self._loading:
            known, now = self._keys, self._monotonic()
            if now - self._tried < AGAIN:
                if known is None:
                    raise Unavailable("the attester's keys are not known yet", hint="try again in a few seconds")
                return known
            self._tried = now
            document = await self._fetch(f"{self.url}{attestation.KEYS_PATH}")
            try:
                self._keys = jose.KeySet(read_object(document, "attester's keys").get("keys"))
            except IdverifyError as error:
                raise Unavailable(f"the attester's keys cannot be read: {error.message}") from error
            return self._keys
