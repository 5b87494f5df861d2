"""A status host for tests, in this process, before an identity provider that signs, lies or is silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from cryptography.hazmat.primitives.asymmetric import ec
from httpx import ASGITransport, AsyncClient, Response

from idverify.errors import Unavailable
from idverify.fetching import Fetched
from idverify.formats import jose, status_list
from idverify.formats.status_list import ListToken, StatusList
from idverify.scheme import Json
from idverify.settings import Settings
from idverify.status_host.app import create_app

ORIGIN = "http://127.0.0.1:8005"
SETTINGS = Settings(party="status_host", public_url=ORIGIN)
KEY = ec.generate_private_key(ec.SECP256R1())
SIGN: Mapping[str, Callable[..., bytes]] = {"jwt": status_list.sign_jwt, "cwt": status_list.sign_cwt}


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 12, tzinfo=timezone.utc))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Provider:
    """An identity provider as the host sees it: lists by number, or silence. `answers` replaces what a path gives."""

    clock: Clock
    lists: dict[int, StatusList] = field(default_factory=lambda: {1: StatusList.of({5: 1}, size=4096)})
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: KEY)
    origin: str = ORIGIN
    down: bool = False
    answers: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def document(self) -> bytes:
        keys: list[Json] = [{**jose.public_jwk(KEY), "kid": "k1"}]
        return json.dumps({"host": self.origin, "ttl": 60, "keys": keys, "lists": list(self.lists)}).encode()

    async def fetch(self, url: str, etag: str) -> Fetched:
        path = url.removeprefix(SETTINGS.identity_provider)
        self.fetched.append(path)
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("the identity provider does not answer")
        if path in self.answers:
            return Fetched(200, self.answers[path])
        if path == "/api/status-lists":
            return Fetched(200, self.document())
        number, form = path.removeprefix("/api/status-lists/").split("/")
        at = int(self.clock().timestamp())
        fresh = f"{at} {self.lists[int(number)].packed.hex()}"
        if etag == fresh:
            return Fetched(304, b"", etag)
        token = ListToken(f"{self.origin}/lists/{number}", self.lists[int(number)], at, at + 600, 60)
        return Fetched(200, SIGN[form](token, self.key, kid="k1"), fresh)


class Host:
    """The app with its provider; every call has an event loop of its own, as the tests are synchronous."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.clock = Clock()
        self.provider = Provider(self.clock)
        self.app = create_app(settings=settings, fetch=self.provider.fetch, clock=self.clock)

    def get(self, path: str, **headers: str) -> Response:
        return self.together([path], **headers)[0]

    def together(self, paths: list[str], **headers: str) -> list[Response]:
        async def go() -> list[Response]:
            transport = ASGITransport(self.app, raise_app_exceptions=False)
            async with AsyncClient(transport=transport, base_url=ORIGIN) as client:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return await asyncio.gather(*(client.get(path, headers=named) for path in paths))

        return asyncio.run(go())

    def look(self) -> None:
        """What the app does at its interval."""
        asyncio.run(self.app.state.lists.look())
