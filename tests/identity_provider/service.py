"""An identity provider for tests, in this process: real people, keys, store and ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from httpx import ASGITransport, AsyncClient, Response

from idverify.identity_provider.app import create_app
from idverify.identity_provider.keys import KeyStore
from idverify.identity_provider.sessions import Limits
from idverify.identity_provider.tables import METADATA
from idverify.ledger import Capture, Ledger
from idverify.population import Population
from idverify.scheme import Asked, Challenge, Person, Question, Scheme
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.storage import Store
from idverify.web import Guarded

ISSUER = "http://127.0.0.1:8001"
PEOPLE = Population.make(400, 7)
OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 12, tzinfo=timezone.utc))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Service:
    """The app and what it is made of."""

    app: Guarded | Capture
    keys: KeyStore
    store: Store
    ledger: Ledger
    clock: Clock

    def ask(self, method: str, url: str, **more: object) -> Response:
        """One request, from a client without cookies."""

        async def go() -> Response:
            transport = ASGITransport(self.app, raise_app_exceptions=False)
            async with AsyncClient(transport=transport, base_url=ISSUER) as client:
                return await client.request(method, url, **more)  # type: ignore[arg-type]

        return asyncio.run(go())

    def together(self, count: int, method: str, url: str, **more: object) -> list[Response]:
        """The same request many times at once."""

        async def go() -> list[Response]:
            transport = ASGITransport(self.app, raise_app_exceptions=False)
            async with AsyncClient(transport=transport, base_url=ISSUER) as client:
                calls = [client.request(method, url, **more) for _ in range(count)]  # type: ignore[arg-type]
                return await asyncio.gather(*calls)

        return asyncio.run(go())

    def sign_in(self, row: int) -> dict[str, str]:
        """The Authorization header of a person."""
        body = {"id_number": PEOPLE.id_number(row), "pin": PEOPLE.pin(row)}
        answer = self.ask("POST", "/api/sessions", json=body)
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    def asked(self, scheme: Scheme, *, count: int = 1) -> Asked:
        """A wallet's request for credentials of this scheme, and what the wallet keeps."""
        question = Question(over=16).within(scheme.info.answers)
        challenge = Challenge("http://127.0.0.1:8002", "n" * 22, question, self.clock())
        public = self.keys.public(scheme.info.name)
        return scheme.holder().request(public, now=self.clock(), challenge=challenge, count=count)

    def request_of(self, scheme: Scheme) -> bytes:
        """The message of `asked`."""
        return self.asked(scheme).message

    def issue(self, name: str, authorization: dict[str, str]) -> Response:
        body = self.request_of(SCHEMES[name])
        return self.ask("POST", f"/api/issue/{name}", content=body, headers=authorization | OCTETS)


@contextmanager
def running(folder: Path, keys: KeyStore, *, url: str = "", quota: int = 3) -> Iterator[Service]:
    """A service with a database of its own."""
    clock = Clock()
    store = Store.open(url or f"sqlite:///{folder / 'provider.sqlite'}", METADATA, schema="identity_provider")
    ledger = Ledger(folder / "ledgers" / "identity_provider.jsonl", "identity_provider")
    settings = Settings(party="identity_provider", public_url=ISSUER, quota=quota)
    app = create_app(
        population=PEOPLE, keys=keys, store=store, ledger=ledger, settings=settings, clock=clock, limits=Limits()
    )
    yield Service(Capture(Guarded(app, goes_to=[settings.wallet]), ledger), keys, store, ledger, clock)
    store.close()
    ledger.close()


def row_where(wanted: Callable[[int, Person], bool]) -> int:
    """The first person of the register for whom `wanted` holds."""
    return next(row for row in range(len(PEOPLE)) if wanted(row, PEOPLE.person(row)))


def adult(*, number: int = 0) -> int:
    """An adult with an e-ID account, the first or a later one."""
    moment = Clock().now
    rows = [r for r in range(len(PEOPLE)) if PEOPLE.e_id[r] and PEOPLE.person(r).age_at(moment) > 25]
    return rows[number]
