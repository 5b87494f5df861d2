"""A platform's questions: made fresh, remembered nowhere, recognised by their MAC until they expire.

The id of a challenge carries what was asked and until when, under a MAC of the platform; its nonce and its binding
secret are derived from the id with the same key. So any worker can check any challenge, and 10,000 that nobody
answers cost no memory and no rows. That a nonce is used once is a unique key in the database (`proofs`).
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from idverify.errors import Expired, NotFound, NotProven
from idverify.social_platform.keys import Keys, mac, text_of

LIFETIME = 300
"""Seconds in which a challenge can be answered."""
CODE_LIFETIME = 600
"""Seconds in which the result of a presentation can be used."""
MOST_ID = 400


@dataclass(frozen=True, slots=True)
class Started:
    """A challenge of this platform. `group` is empty unless `action` is join; `expires` in seconds since 1970."""

    id: str
    scheme: str
    action: str
    group: str
    expires: int
    nonce: str
    binding: str = field(repr=False)


class Challenges:
    """Makes challenges and recognises them."""

    def __init__(self, keys: Keys, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._clock = clock

    async def start(self, scheme: str, action: str, *, group: str = "") -> Started:
        """A fresh challenge with a nonce and a binding of 256 bits each."""
        expires = int(self._clock().timestamp()) + LIFETIME
        said = "|".join((scheme, action, group)).encode()
        payload = secrets.token_bytes(16) + expires.to_bytes(5, "big") + said
        return _derived(await self._keys.get("challenge"), payload)

    async def find(self, id_: str, *, even_expired: bool = False) -> Started:
        """The challenge with this id. Raises NotFound for one that is not ours, Expired."""
        try:
            if len(id_) > MOST_ID:
                raise ValueError
            payload = urlsafe_b64decode(id_.encode("ascii") + b"=" * (-len(id_) % 4))[16:]
            found = _derived(await self._keys.get("challenge"), payload)
        except ValueError as error:
            raise NotFound("this platform has made no such challenge") from error
        if not hmac.compare_digest(found.id.encode(), id_.encode()):
            raise NotFound("this platform has made no such challenge")
        late = self._clock().timestamp() - found.expires
        if late >= (CODE_LIFETIME if even_expired else 0):
            raise Expired(f"the challenge was good for {LIFETIME} seconds", hint="start again for a new one")
        return found


def _derived(key: bytes, payload: bytes) -> Started:
    expires = int.from_bytes(payload[16:21], "big")
    scheme, action, group = payload[21:].decode().split("|")
    return Started(
        id=text_of(mac(key, "id", payload)[:16] + payload),
        scheme=scheme,
        action=action,
        group=group,
        expires=expires,
        nonce=text_of(mac(key, "nonce", payload)),
        binding=text_of(mac(key, "binding", payload)),
    )


def check_binding(started: Started, binding: str) -> None:
    """Only who started a challenge may use its result. Raises NotProven."""
    if not hmac.compare_digest(started.binding.encode(), binding.encode("utf-8", "replace")):
        raise NotProven(
            "the result belongs to the client that started the challenge, and another one asks for it",
            hint="finish in the browser or app in which you began",
        )
