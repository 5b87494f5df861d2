"""A status host for the platform's tests: one list that its issuer signs, or lies, or silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import Unavailable
from idverify.formats import jose, status_list
from idverify.formats.status_list import ListToken, StatusList
from idverify.scheme import Json, Records, Status

HOST = "http://127.0.0.1:8005"
LIST = f"{HOST}/lists/1"
SIZE = 4096


@dataclass
class Hosted:
    """The list and how it behaves. `answers` replaces what the host gives at a URL."""

    clock: Callable[[], datetime]
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "k1"
    ttl: float | None = 60
    life: float | None = 600
    revoked: set[int] = field(default_factory=set)
    down: bool = False
    answers: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    given: int = 0

    def document(self) -> bytes:
        """What the identity provider says about its lists."""
        keys: list[Json] = [{**jose.public_jwk(self.key), "kid": self.kid}]
        return json.dumps({"host": HOST, "keys": keys, "lists": [1]}).encode()

    def token(self, uri: str = LIST) -> bytes:
        statuses, at = StatusList.of(dict.fromkeys(self.revoked, 1), size=SIZE), int(self.clock().timestamp())
        expires = None if self.life is None else at + self.life
        return status_list.sign_jwt(ListToken(uri, statuses, at, expires, self.ttl), self.key, kid=self.kid)

    async def fetch(self, url: str) -> bytes:
        """The host's answer."""
        self.fetched.append(url)
        await asyncio.sleep(0.01)
        if self.down:
            raise Unavailable("the status host does not answer")
        if url in self.answers:
            return self.answers[url]
        if url.startswith(f"{LIST}/"):
            index = int(url.rpartition("/")[2])
            return json.dumps({"uri": LIST, "idx": index, "status": int(index in self.revoked)}).encode()
        return self.token(url)

    def records(self, uri: str = LIST) -> Records:
        """What an issuer issues with: entries of this list, or of one at `uri`."""

        def next_status() -> Status:
            self.given += 1
            return Status(uri, self.given)

        return Records(next_status=next_status)
