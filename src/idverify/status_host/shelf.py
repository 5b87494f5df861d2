"""The lists that the host serves: fetched at a fixed interval, verified, and kept while the identity provider is down.

The interval is fixed so that the identity provider does not learn from it when a platform asks. Only a list that is
not known yet is looked for at once: it was made a moment ago.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from idverify.errors import IdverifyError, NotFound, Unavailable
from idverify.fetching import Fetched, get
from idverify.formats import jose, status_list
from idverify.formats.status_list import CWT_TYPE, JWT_TYPE, ListToken
from idverify.formats.strict_json import read_object

FORMS: Mapping[str, str] = {"jwt": JWT_TYPE, "cwt": CWT_TYPE}
SPACING = 0.3
"""Seconds between two looks, however many clients ask for lists that nobody knows."""
MOST_LISTS = 10_000

Fetch: TypeAlias = Callable[[str, str], Awaitable[Fetched]]
"""URL and the ETag of what is known."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A list as it is served. `source` is the ETag under which the identity provider gave it."""

    token: ListToken
    body: bytes = field(repr=False)
    packed: bytes = field(repr=False)
    etag: str
    source: str


async def fetch(url: str, etag: str) -> Fetched:
    """GET from the identity provider. Raises Unavailable."""
    return await get(url, accept="*/*", whose="the identity provider", etag=etag)


class Shelf:
    """Copies of the lists of the identity provider at `issuer`, as the host at `origin` serves them."""

    def __init__(
        self, issuer: str, origin: str, *, clock: Callable[[], datetime], fetch: Fetch = fetch, spacing: float = SPACING
    ) -> None:
        self._issuer = issuer.rstrip("/")
        self._origin = origin.rstrip("/")
        self._clock = clock
        self._fetch = fetch
        self._spacing = spacing
        self._copies: dict[tuple[int, str], Copy] = {}
        self._looking: asyncio.Task[None] | None = None
        self._looked = -spacing
        self._fault = "no list was fetched yet"

    @property
    def numbers(self) -> list[int]:
        """The lists that are here."""
        return sorted({number for number, _ in self._copies})

    async def get(self, number: int, media_type: str) -> Copy:
        """The newest copy. Raises NotFound, and Unavailable where only an expired one is left or none ever came."""
        copy = self._copies.get((number, media_type))
        if copy is None:
            await self._look_soon()
            copy = self._copies.get((number, media_type))
        if copy is None:
            if self._fault:
                raise Unavailable(f"this list is not here, and {self._fault}", hint="try again in a few seconds")
            raise NotFound("there is no such status list here")
        expires = copy.token.expires
        if expires is not None and self._clock().timestamp() >= expires:
            raise Unavailable("the newest copy of this list has expired", hint="its issuer does not sign new ones")
        return copy

    async def keep_looking(self, interval: float) -> None:
        """Look for newer lists until cancelled."""
        while True:
            await self._look_soon()
            await asyncio.sleep(interval)

    async def look(self) -> None:
        """Fetch what is new. A fault is said once, and leaves the copies as they are."""
        try:
            await self._fetch_all()
        except IdverifyError as error:
            if error.message != self._fault:
                print(f"the status lists are not renewed: {error.message}", file=sys.stderr, flush=True)
            self._fault = error.message
        else:
            self._fault = ""

    async def _look_soon(self) -> None:
        """All who ask at the same time share one look, and there is one every `spacing` seconds at most."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_spaced())
        await asyncio.shield(self._looking)

    async def _look_spaced(self) -> None:
        await asyncio.sleep(max(0.0, self._looked + self._spacing - time.monotonic()))
        self._looked = time.monotonic()
        await self.look()

    async def _fetch_all(self) -> None:
        """Every list that changed. One that cannot be had or does not verify leaves the others alone."""
        answer = await self._fetch(f"{self._issuer}/api/status-lists", "")
        document = read_object(answer.body, "identity provider's document of lists")
        keys, listed = jose.KeySet(document.get("keys")), document.get("lists")
        if not isinstance(listed, list):
            raise Unavailable("the identity provider's document of lists names none")
        fault: IdverifyError | None = None
        for number in [n for n in listed[:MOST_LISTS] if isinstance(n, int) and n > 0]:
            for form in FORMS:
                try:
                    await self._fetch_one(number, form, keys)
                except IdverifyError as error:
                    fault = error
        if fault is not None:
            raise fault

    async def _fetch_one(self, number: int, form: str, keys: jose.KeySet) -> None:
        # (1) the list, if it changed  (2) it verifies as the list of this place  (3) it is no older than the copy:
        # the identity provider's processes sign at different times
        media_type, old = FORMS[form], self._copies.get((number, FORMS[form]))
        new = await self._fetch(f"{self._issuer}/api/status-lists/{number}/{form}", old.source if old else "")  # (1)
        if new.status == 304:
            return
        uri = f"{self._origin}/lists/{number}"
        token = status_list.verify(new.body, media_type, keys.find, uri=uri, now=self._clock())  # (2)
        if old is None or token.issued >= old.token.issued:  # (3)
            self._copies[number, media_type] = _copy(token, new)


def _copy(token: ListToken, new: Fetched) -> Copy:
    etag = hashlib.sha256(new.body).hexdigest()[:32]
    return Copy(token, new.body, gzip.compress(new.body, mtime=0), etag, new.etag)
