"""Schemes whose keys another party holds: here the person is attested, there the request is signed (RFC 9576)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import httpx

from idverify.errors import BadMessage, IdverifyError, Unavailable
from idverify.identity_provider.attester_key import AttesterKey
from idverify.protocols import privacy_pass
from idverify.scheme import Attester, SplitScheme

FRESH = 5.0
"""Seconds after which a public document is asked for again."""
PATIENCE = 3.0
"""Seconds that the other party may take to answer."""
MOST_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Known:
    """What the key holder published, the epoch of its newest keys, and the attester for them."""

    public: bytes
    epoch: int
    attester: Attester
    fetched: float


class Relay:
    """`schemes`: those that are split. `origin` gives for a scheme's name the URL of the party with the keys."""

    def __init__(
        self,
        schemes: Mapping[str, SplitScheme],
        *,
        key: AttesterKey,
        origin: Callable[[str], str],
        clock: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = key
        self._schemes = schemes
        self._origin = origin
        self._clock = clock
        self._transport = transport
        self._monotonic = monotonic
        self._client: httpx.AsyncClient | None = None
        self._known: dict[str, Known] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The schemes that are attested here and signed elsewhere."""
        return tuple(self._schemes)

    async def known(self, name: str) -> Known:
        """What is published for a scheme; what is known goes on working while the other party is down.

        Raises Unavailable where nothing was ever seen.
        """
        known, now = self._known.get(name), self._monotonic()
        if known is not None and now - known.fetched < FRESH:
            return known
        try:
            headers, public = await self._ask("GET", name, f"/api/public/{name}")
            epoch = int(headers.get(privacy_pass.EPOCH_HEADER, ""))
            attester = self._schemes[name].attester(public)
        except (IdverifyError, ValueError) as error:
            if known is None:
                raise Unavailable("the token issuer publishes no keys now", hint="try again in a minute") from error
            self._known[name] = Known(known.public, known.epoch, known.attester, now)
            return known
        self._known[name] = Known(public, epoch, attester, now)
        return self._known[name]

    async def sign(self, name: str, body: bytes) -> bytes:
        """The other party's answer to an attested request. Raises BadMessage, and Unavailable for all but its 200."""
        kind = privacy_pass.media_type(body)
        statement = self.key.statement(body, issuer=self._origin(name), now=self._clock())
        sent = {"Content-Type": kind, "Authorization": f"Bearer {statement}"}
        headers, answer = await self._ask("POST", name, privacy_pass.REQUEST_PATH, body=body, headers=sent)
        if headers.get("content-type") != privacy_pass.ANSWERED_BY[kind]:
            raise Unavailable("the token issuer answered with another media type")
        return answer

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _ask(
        self, method: str, name: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[httpx.Headers, bytes]:
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=PATIENCE, follow_redirects=False, trust_env=False, transport=self._transport
            )
        url = f"{self._origin(name)}{path}"
        try:
            async with asyncio.timeout(PATIENCE):
                request = self._client.build_request(method, url, content=body, headers=headers)
                answer = await self._client.send(request, stream=True)
                try:
                    content = b""
                    async for part in answer.aiter_bytes():
                        content += part
                        if len(content) > MOST_BYTES:
                            raise Unavailable(f"the token issuer's answer is longer than {MOST_BYTES} bytes")
                finally:
                    await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Unavailable("the token issuer does not answer", hint="try again in a minute") from error
        if answer.status_code == BadMessage.status:
            raise BadMessage("the token issuer refuses this request", hint="fetch the issuer's keys again")
        if answer.status_code != 200:
            raise Unavailable(f"the token issuer answered {answer.status_code}")
        return answer.headers, content
