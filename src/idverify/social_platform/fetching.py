"""Getting public documents from the two origins that a platform talks to: the identity provider and the status host."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import httpx

from idverify.errors import Unavailable
from idverify.formats.status_list import JWT_TYPE

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]

PATIENCE = 3.0
"""Seconds that a fetch may take."""
MOST_BYTES = 1_048_576


async def fetch(url: str) -> bytes:
    """GET a document of the identity provider. Raises Unavailable for anything but a 200 of at most 1 MiB."""
    return await _get(url, accept="application/json", whose="the identity provider")


async def fetch_list(url: str) -> bytes:
    """GET a status list as JWT. Raises Unavailable for anything but a 200 of at most 1 MiB."""
    return await _get(url, accept=JWT_TYPE, whose="the status host")


async def _get(url: str, *, accept: str, whose: str) -> bytes:
    headers = {"Accept": accept, "Accept-Encoding": "identity"}  # nothing that unpacks to more than it is
    try:
        async with (
            asyncio.timeout(PATIENCE),
            httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            if answer.status_code != 200:
                raise Unavailable(f"{whose} answered {answer.status_code}")
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise Unavailable(f"what {whose} answers is longer than {MOST_BYTES} bytes")
            return body
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise Unavailable(f"{whose} does not answer", hint="try again in a minute") from error
