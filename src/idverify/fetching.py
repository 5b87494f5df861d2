"""GET from another service of the settings: bounded in time and size, no redirects, no proxies, nothing unpacked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import httpx

from idverify.errors import Unavailable

PATIENCE = 3.0
"""Seconds that a fetch may take."""
MOST_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back. `etag` is empty where the service gave none, `status` is 200 or 304."""

    status: int
    body: bytes = field(repr=False)
    etag: str = ""


async def get(url: str, *, accept: str, whose: str, etag: str = "") -> Fetched:
    """The body at `url`. `whose` names the service in messages, `etag` what is known already.

    Raises Unavailable for anything but a 200 of at most 1 MiB, or a 304 where an `etag` was sent.
    """
    # Identity, because a small answer could unpack to a large one.
    headers: Mapping[str, str] = {"Accept": accept, "Accept-Encoding": "identity"}
    if etag:
        headers = {**headers, "If-None-Match": etag}
    try:
        async with (
            asyncio.timeout(PATIENCE),
            httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False, trust_env=False, verify=_trust()) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            if answer.status_code == 304 and etag:
                return Fetched(304, b"", etag)
            if answer.status_code != 200:
                raise Unavailable(f"{whose} answered {answer.status_code}")
            body = b""
            async for part in answer.aiter_raw():
                body += part
                if len(body) > MOST_BYTES:
                    raise Unavailable(f"what {whose} answers is longer than {MOST_BYTES} bytes")
            return Fetched(200, body, answer.headers.get("etag", ""))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise Unavailable(f"{whose} does not answer", hint="try again in a minute") from error


@cache
def _trust() -> ssl.SSLContext:
    """The usual certificates, read once: reading them takes longer than a fetch."""
    return httpx.create_ssl_context(trust_env=False)
