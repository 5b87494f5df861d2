"""An identity provider that attests and a token issuer that signs, in this process, with real HTTP between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from idverify.identity_provider.app import create_app as create_provider
from idverify.identity_provider.attester_key import AttesterKey
from idverify.identity_provider.keys import KeyFolder, KeyStore
from idverify.identity_provider.relay import Relay
from idverify.identity_provider.tables import METADATA
from idverify.ledger import Capture, Ledger
from idverify.scheme import Asked, Challenge, Question, SplitIssuer, SplitScheme
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.storage import Store
from idverify.token_issuer.app import create_app as create_issuer
from tests.identity_provider.service import PEOPLE, Clock, adult
from tests.keys import lend

PROVIDER, ISSUER, PLATFORM = "http://127.0.0.1:8001", "http://127.0.0.1:8006", "http://127.0.0.1:8002"
SPLIT = {name: scheme for name, scheme in SCHEMES.items() if isinstance(scheme, SplitScheme)}
NAME = next(iter(SPLIT))
OCTETS = {"Content-Type": "application/octet-stream"}


class Switch(httpx.AsyncBaseTransport):
    """The wire between the two: it can be cut, and it remembers what went over it."""

    def __init__(self, app: FastAPI | Capture) -> None:
        self.inner = ASGITransport(app)
        self.down = False
        self.answer: httpx.Response | None = None
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if self.down:
            raise httpx.ConnectError("cut")
        if self.answer is not None and request.method == "POST":
            return self.answer
        return await self.inner.handle_async_request(request)


@dataclass
class Pair:
    """Both services and the means to use them."""

    provider: FastAPI
    issuer: Capture
    keys: KeyFolder[SplitIssuer]
    key: AttesterKey
    wire: Switch
    relay: Relay
    ledger: Ledger
    clock: Clock
    time: list[float] = field(default_factory=lambda: [1000.0])

    def ask(self, method: str, url: str, *, at: str = PROVIDER, **more: object) -> Response:
        async def go() -> Response:
            transport = ASGITransport(self.provider if at == PROVIDER else self.issuer, raise_app_exceptions=False)
            async with AsyncClient(transport=transport, base_url=at) as client:
                return await client.request(method, url, **more)  # type: ignore[arg-type]

        return asyncio.run(go())

    def sign_in(self, *, number: int = 0) -> dict[str, str]:
        row = adult(number=number)
        body = {"id_number": PEOPLE.id_number(row), "pin": PEOPLE.pin(row)}
        return {"Authorization": f"Bearer {self.ask('POST', '/api/sessions', json=body).json()['token']}"}

    def asked(self, *, count: int = 1, over: int = 16) -> Asked:
        challenge = Challenge(PLATFORM, "n" * 22, Question(over=over), self.clock())
        public = self.keys.public(NAME)
        return SPLIT[NAME].holder().request(public, now=self.clock(), challenge=challenge, count=count)

    def issue(self, asked: Asked, authorization: dict[str, str]) -> Response:
        return self.ask("POST", f"/api/issue/{NAME}", content=asked.message, headers=authorization | OCTETS)


@pytest.fixture(scope="session")
def token_keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFolder[SplitIssuer]:
    return KeyFolder(lend(tmp_path_factory.mktemp("world")) / "token_keys", SPLIT, issuer=ISSUER)


@contextmanager
def running(folder: Path, token_keys: KeyFolder[SplitIssuer], *, quota: int = 5) -> Iterator[Pair]:
    clock, time = Clock(), [1000.0]
    store = Store.open(f"sqlite:///{folder / 'provider.sqlite'}", METADATA, schema="identity_provider")
    ledger = Ledger(folder / "token_issuer.jsonl", "token_issuer")
    key = AttesterKey.at(folder / "keys" / "attester.pem", name=PROVIDER)
    provider: list[FastAPI] = []

    async def fetch(url: str) -> bytes:
        async with AsyncClient(transport=ASGITransport(provider[0]), base_url=PROVIDER) as client:
            return (await client.get(url)).content

    settings = Settings(party="token_issuer", public_url=ISSUER, identity_provider=PROVIDER)
    issuer = Capture(create_issuer(keys=token_keys, settings=settings, clock=clock, fetch=fetch), ledger)
    wire = Switch(issuer)
    relay = Relay(SPLIT, key=key, origin=lambda _: ISSUER, clock=clock, transport=wire, monotonic=lambda: time[0])
    provider.append(
        create_provider(
            population=PEOPLE,
            keys=KeyStore(folder / "keys", {"real_name": SCHEMES["real_name"]}, issuer=PROVIDER),
            store=store,
            ledger=None,
            settings=Settings(party="identity_provider", public_url=PROVIDER, quota=quota),
            clock=clock,
            relay=relay,
        )
    )
    yield Pair(provider[0], issuer, token_keys, key, wire, relay, ledger, clock, time)
    store.close()
    ledger.close()


@pytest.fixture
def pair(tmp_path: Path, token_keys: KeyFolder[SplitIssuer]) -> Iterator[Pair]:
    with running(tmp_path, token_keys) as pair:
        yield pair
