"""The two origins that a platform fetches from: the identity provider and the status host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from idverify.fetching import get
from idverify.formats.status_list import JWT_TYPE

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]


async def fetch(url: str) -> bytes:
    """A document of the identity provider. Raises Unavailable."""
    return (await get(url, accept="application/json", whose="the identity provider")).body


async def fetch_list(url: str) -> bytes:
    """A status list as JWT, or one entry of it. Raises Unavailable."""
    return (await get(url, accept=f"{JWT_TYPE}, application/json;q=0.5", whose="the status host")).body
