"""Whether a credential was revoked: the issuer's status lists, fetched from their host, verified, kept for their ttl.

A list that cannot be had is never taken for one that says "valid": the presentation is refused with 503
status_unknown, and the reason is logged. Lists come from the status host of the settings and from nowhere else,
whatever URL a credential names. With `direct` the host is asked for the one entry, at each presentation: that is how
status was often checked before lists, and it is here because it shows what it gives away.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from idverify.errors import BadSetting, IdverifyError, StatusUnknown, UnknownKey
from idverify.formats import jose, status_list
from idverify.formats.status_list import JWT_TYPE, VALID, ListToken, StatusList
from idverify.formats.strict_json import read_object, shown
from idverify.scheme import Status
from idverify.social_platform.fetching import Fetch

LEAST_TTL, USUAL_TTL, MOST_TTL = 0.2, 300.0, 86_400.0
"""Seconds: what a list's ttl is held to, and what one without a ttl is kept for."""
AGAIN = 1.0
"""Seconds after a failed fetch in which nobody fetches the same list again."""
DIRECT_SECONDS = 1.0
"""How long an entry is known after the host was asked for it: until the presentation is verified again."""
MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Kept:
    """A verified list, and until when it may be relied on (seconds since 1970); the token that it came in."""

    statuses: StatusList = field(repr=False)
    until: float
    token: ListToken | None = None


class Statuses:
    """The lists at `host` of the identity provider at `issuer`, as this worker knows them.

    `fetch` gets the issuer's documents, `fetch_list` the lists. `check` is `list` or `direct`.
    """

    def __init__(
        self,
        issuer: str,
        host: str,
        *,
        check: str,
        fetch: Fetch,
        fetch_list: Fetch,
        clock: Callable[[], datetime],
    ) -> None:
        if check not in ("list", "direct"):
            raise BadSetting(f"IDVERIFY_STATUS_CHECK is {check!r}", hint="it is list or direct")
        self._issuer = issuer.rstrip("/")
        self._direct = check == "direct"
        place = re.escape(host.rstrip("/")) + r"/lists/[0-9]{1,9}"
        self._place = re.compile(place + r"/[0-9]{1,9}" if self._direct else place) if host else None
        self._fetch = fetch
        self._fetch_list = fetch_list
        self._clock = clock
        self._keys: jose.KeySet | None = None
        self._kept: dict[str, _Kept] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._pending: dict[str, asyncio.Task[None]] = {}

    def revoked(self, status: Status) -> bool:
        """The StatusLookup of every verifier here. Raises StatusUnknown where `load` must come first."""
        uri = f"{status.uri}/{status.index}" if self._direct else status.uri
        kept = self._kept.get(uri)
        if kept is None or self._now() >= kept.until:
            raise StatusUnknown("the status of this credential is not known yet", uri=uri)
        try:
            return kept.statuses.at(0 if self._direct else status.index) != VALID
        except IdverifyError as error:
            raise StatusUnknown(error.message, uri=uri) from error

    async def load(self, uri: str) -> None:
        """Fetch what tells, once for all who wait for it. Raises StatusUnknown, which is then the answer."""
        task = self._pending.get(uri)
        if task is None:
            if self._place is None or not self._place.fullmatch(uri):
                raise self._unknown(uri, "it is not at the status host of this platform's issuer")
            since, reason = self._failed.get(uri, (-AGAIN, ""))
            if self._now() - since < AGAIN:
                raise self._unknown(uri, reason)
            task = asyncio.get_running_loop().create_task(self._load(uri))
            self._pending[uri] = task
            task.add_done_callback(lambda _: self._pending.pop(uri, None))
        await asyncio.shield(task)

    def close(self) -> None:
        """End the fetches under way."""
        for task in list(self._pending.values()):
            task.cancel()

    async def _load(self, uri: str) -> None:
        try:
            body = await self._fetch_list(uri)
            kept = self._entry(body, uri) if self._direct else await self._verified(body, uri)
        except IdverifyError as error:
            _make_room(self._failed)
            self._failed[uri] = (self._now(), error.message)
            print(f"status unknown: {uri}: {error.message}", file=sys.stderr, flush=True)
            raise self._unknown(uri, error.message) from error
        self._failed.pop(uri, None)
        _make_room(self._kept)
        self._kept[uri] = kept

    async def _verified(self, body: bytes, uri: str) -> _Kept:
        keys = self._keys or await self._newest_keys()
        now = self._clock()
        try:
            token = status_list.verify(body, JWT_TYPE, keys.find, uri=uri, now=now)
        except UnknownKey:  # the issuer has new keys, or somebody else signed it
            token = status_list.verify(body, JWT_TYPE, (await self._newest_keys()).find, uri=uri, now=now)
        before = self._kept.get(uri)
        if before is not None and before.token is not None and before.token.issued > token.issued:
            token = before.token  # a host that serves an older list again takes no revocation back
        ttl = min(MOST_TTL, max(LEAST_TTL, token.ttl if token.ttl is not None else USUAL_TTL))
        until = now.timestamp() + ttl
        if token.expires is not None:
            until = min(until, token.expires + jose.LEEWAY)
        return _Kept(token.statuses, until, token)

    def _entry(self, body: bytes, uri: str) -> _Kept:
        said = read_object(body, "status host's answer")
        status = said.get("status")
        if f"{said.get('uri')}/{said.get('idx')}" != uri:
            raise StatusUnknown("the status host's answer is about another entry", uri=uri)
        if isinstance(status, bool) or not isinstance(status, int) or not 0 <= status < 256:
            raise StatusUnknown("the status host's answer is no status", uri=uri)
        return _Kept(StatusList.of({0: status}, size=1, bits=8), self._now() + DIRECT_SECONDS)

    async def _newest_keys(self) -> jose.KeySet:
        document = read_object(await self._fetch(f"{self._issuer}/api/status-lists"), "issuer's document of lists")
        self._keys = jose.KeySet(document.get("keys"))
        return self._keys

    def _unknown(self, uri: str, reason: str) -> StatusUnknown:
        return StatusUnknown(
            f"whether this credential was revoked cannot be told from {shown(uri)}: {reason}",
            uri=uri,
            hint="try again in a minute; nobody is let in while that is unknown",
        )

    def _now(self) -> float:
        return self._clock().timestamp()


def _make_room(kept: dict[str, _Kept] | dict[str, tuple[float, str]]) -> None:
    """Drop the oldest where there are too many."""
    while len(kept) >= MOST_KEPT:
        kept.pop(next(iter(kept)))
