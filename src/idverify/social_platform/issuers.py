"""The keys that a platform trusts: fetched from the identity provider, kept while it is down.

A document is fetched at first use and renewed behind the scenes when it is a minute old. A presentation under a key
that is not in it causes another fetch, but only as many as a small bucket holds, so that invented key ids cannot
turn this platform into a flood on the issuer.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from idverify import metering
from idverify.errors import IdverifyError, StatusUnknown, Unavailable, UnknownKey, UntrustedIssuer
from idverify.mandates import Mandate
from idverify.scheme import Challenge, ManyVerifier, Proven, Scheme, Verifier, fingerprint
from idverify.social_platform.fetching import Fetch, fetch
from idverify.social_platform.pending import THREADS, PendingProofs
from idverify.social_platform.statuses import Statuses

FRESH = 60.0
"""Seconds after which a document is renewed behind the scenes."""
BUCKET = 3
"""Fetches for unknown keys that may follow each other at once."""
REFILL = 3.0
"""Seconds after which the bucket holds one more."""
MOST_STATUSES = 3
"""Status lists that one presentation may wait for."""
AGAIN = 5.0
"""Seconds between two tries to renew while the identity provider is down."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A document that was fetched, and the verifier made of it."""

    public: bytes
    country: str
    verifier: Verifier
    fetched: float


class Issuers:
    """Verifies presentations against the newest keys that this worker has seen."""

    def __init__(
        self,
        url: str,
        mandate: Mandate,
        *,
        statuses: Statuses,
        fetch: Fetch = fetch,
        monotonic: Callable[[], float] = time.monotonic,
        batch_delay: float = 0.005,
        batch_most: int = 128,
        origin: Callable[[str], str] | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._origin = origin
        self._mandate = mandate
        self._statuses = statuses
        self._fetch = fetch
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._pending: dict[str, asyncio.Task[_Known]] = {}
        self._tried: dict[str, float] = {}
        self._tokens = float(BUCKET)
        self._counted = monotonic()
        self._threads = ThreadPoolExecutor(THREADS, "verify")
        self._proofs = PendingProofs(self._threads, delay=batch_delay, most=batch_most)

    async def verify(self, scheme: Scheme, presentation: bytes, *, challenge: Challenge) -> Proven:
        """What the presentation proves. Raises NotProven, BadMessage, CannotAnswer, Unavailable, StatusUnknown."""
        if not scheme.info.signed:  # nobody vouches for it, so there are no keys to trust
            own = scheme.issuer(b"", name="")
            return await self._run(scheme, scheme.verifier(own.public), presentation, challenge=challenge)
        known = await self.keys(scheme)
        asked = 0
        while True:
            try:
                return await self._run(scheme, known.verifier, presentation, challenge=challenge)
            except UnknownKey:
                newer = await self._newer(scheme, known)
                if newer is None:
                    raise
                known = newer
            except StatusUnknown as unknown:
                asked += 1
                if asked > MOST_STATUSES:
                    raise
                await self._statuses.load(unknown.uri)

    async def public(self, scheme: Scheme) -> bytes:
        """The issuer's public document for this scheme. Raises Unavailable, UntrustedIssuer."""
        return (await self.keys(scheme)).public

    async def compared(self, scheme: Scheme, digest: str) -> str:
        """The fingerprint of the keys that this platform sees, fetched again where a wallet sees others."""
        known = await self.keys(scheme)
        if digest and fingerprint(known.public) != digest:
            known = await self._newer(scheme, known) or known
        return fingerprint(known.public)

    async def keys(self, scheme: Scheme) -> _Known:
        """What is known of the issuer's keys. Raises Unavailable where nothing ever was, UntrustedIssuer."""
        known = self._known.get(scheme.info.name)
        if known is None:
            known = await self._load(scheme)
        elif self._is_due(known, scheme.info.name):
            self._start(scheme)
        if not self._mandate.trusts(known.country):
            raise UntrustedIssuer(
                f"the mandate {self._mandate.name} does not trust issuers of {known.country or 'an unnamed country'}",
                hint=f"{self.url} would need an entry in the mandate's list of trusted issuers",
            )
        return known

    def close(self) -> None:
        """End the fetches under way and the threads."""
        for task in self._pending.values():
            task.cancel()
        self._statuses.close()
        self._proofs.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, scheme: Scheme, verifier: Verifier, presentation: bytes, *, challenge: Challenge) -> Proven:
        if scheme.info.cost == "inline":
            return verifier.verify(presentation, challenge)
        if scheme.info.verifies_many and isinstance(verifier, ManyVerifier):
            return await self._proofs.verify(verifier, presentation, challenge)
        loop = asyncio.get_running_loop()
        work = metering.charged_to(metering.bill(), lambda: verifier.verify(presentation, challenge))
        return await loop.run_in_executor(self._threads, work)

    async def _newer(self, scheme: Scheme, tried: _Known) -> _Known | None:
        """A document other than the one that was tried, or None."""
        newest = self._known.get(scheme.info.name, tried)
        if newest.public == tried.public:
            if scheme.info.name not in self._pending and not self._take():
                return None
            try:
                newest = await self._load(scheme)
            except Unavailable:
                return None  # the known keys go on working; this key stays unknown
        return newest if newest.public != tried.public else None

    def _is_due(self, known: _Known, name: str) -> bool:
        now = self._monotonic()
        return now - known.fetched > FRESH and now - self._tried[name] > AGAIN and name not in self._pending

    def _take(self) -> bool:
        now = self._monotonic()
        self._tokens = min(BUCKET, self._tokens + (now - self._counted) / REFILL)
        self._counted = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def _load(self, scheme: Scheme) -> _Known:
        """Fetch now; all who ask at the same time share one fetch."""
        return await asyncio.shield(self._pending.get(scheme.info.name) or self._start(scheme))

    def _start(self, scheme: Scheme) -> asyncio.Task[_Known]:
        name = scheme.info.name
        task = asyncio.get_running_loop().create_task(self._fetch_both(scheme))
        self._pending[name] = task
        self._tried[name] = self._monotonic()

        def ended(task: asyncio.Task[_Known]) -> None:
            self._pending.pop(name, None)
            if not task.cancelled():
                task.exception()  # a renewal that fails changes nothing: the known keys go on working

        task.add_done_callback(ended)
        return task

    async def _fetch_both(self, scheme: Scheme) -> _Known:
        name = scheme.info.name
        old = self._known.get(name)
        country = old.country if old else _country(await self._fetch(f"{self.url}/api/public"))
        holder = scheme.info.keys_at
        url = self._origin(holder).rstrip("/") if holder and self._origin else self.url
        public = await self._fetch(f"{url}/api/public/{name}")
        if old and old.public == public:
            known = _Known(public, country, old.verifier, self._monotonic())
        else:
            try:
                known = _Known(
                    public, country, scheme.verifier(public, revoked=self._statuses.revoked), self._monotonic()
                )
            except IdverifyError as error:
                raise Unavailable(f"the identity provider's keys for {name} cannot be read: {error.message}") from error
        self._known[name] = known
        return known


def _country(document: bytes) -> str:
    try:
        value = json.loads(document)
        country = value["country"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unavailable("the identity provider's public document names no country") from error
    return str(country)
