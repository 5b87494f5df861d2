"""Passwords: kept as scrypt hashes (RFC 7914), computed in a thread because that takes milliseconds."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets

from idverify.errors import BadMessage

SHORTEST_PASSWORD = 10


async def hash_password(password: str) -> str:
    """Salt and hash, as stored. Raises BadMessage for a password that is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= 200:
        raise BadMessage(f"the password has {len(password)} characters, allowed are {SHORTEST_PASSWORD} to 200")
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}:{(await asyncio.to_thread(_scrypt, password, salt)).hex()}"


async def check_password(password: str, stored: str) -> bool:
    """Whether it is the password; takes as long where nothing is stored."""
    salt, _, digest = stored.partition(":")
    found = await asyncio.to_thread(_scrypt, password[:200], bytes.fromhex(salt) if salt else bytes(16))
    return bool(stored) and hmac.compare_digest(found.hex(), digest)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "replace"), salt=salt, n=2**14, r=8, p=1, maxmem=2**26, dklen=32)
