"""The secrets that all workers of a platform share, and what is derived from them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode

from sqlalchemy import Connection, select

from idverify.social_platform.tables import ServerKey, insert_new, table
from idverify.storage import Store

KEYS = ("challenge", "pseudonym", "csrf")
"""One key a purpose, so that no value of one kind can be passed off as another."""


class Keys:
    """Reads the keys at first use; the first worker of a new database makes them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, bytes] = {}

    async def get(self, name: str) -> bytes:
        """The 32-byte key with this purpose."""
        if name not in self._keys:
            found = await self._store.read(_all)
            self._keys = found if found.keys() >= set(KEYS) else await self._store.write(_make)
        return self._keys[name]


def _all(connection: Connection) -> dict[str, bytes]:
    keys = table(ServerKey)
    return {row.name: bytes(row.value) for row in connection.execute(select(keys.c.name, keys.c.value))}


def _make(connection: Connection) -> dict[str, bytes]:
    for name in KEYS:
        insert_new(connection, ServerKey, name=name, value=secrets.token_bytes(32))
    return _all(connection)


def mac(key: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA-256 over the parts, each with its length in front, so that no two lists of parts collide."""
    code = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        code.update(len(data).to_bytes(4, "big") + data)
    return code.digest()


def hashed(*parts: str) -> str:
    """SHA-256, in hexadecimal, of a secret with enough entropy to need no key: a token, a code, a nonce."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def text_of(data: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def new_token() -> str:
    """256 random bits as text."""
    return text_of(secrets.token_bytes(32))
