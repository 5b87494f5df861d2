"""A social platform for tests, in this process: real schemes, a real store, an issuer behind `fetch`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import Connection

from idverify.errors import Unavailable
from idverify.ledger import Capture, Ledger
from idverify.mandates import Mandate, load
from idverify.scheme import Challenge, Credential, Issuer, Json, Person, Records, Scheme, merge
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.social_platform.app import create_app
from idverify.social_platform.tables import METADATA
from idverify.storage import Store
from idverify.web import Guarded
from tests import keys
from tests.social_platform.hosted import Hosted

ISSUER = "http://127.0.0.1:8001"
ORIGIN = "http://127.0.0.1:8002"
SETTINGS = Settings(party="platform_a", public_url=ORIGIN, identity_provider=ISSUER, wallet="http://127.0.0.1:8004")
LINH = Person("900000000001", "Nguyễn Thị Linh", date(1990, 5, 17), "female", "Hà Nội")
MINH = Person("900000000002", "Trần Văn Minh", date(1985, 2, 1), "male", "Huế")
TEEN = Person("900000000003", "Lê Hoa", date(2009, 6, 1), "female", "Huế")
"""16 years old in March 2026."""
CHILD = Person("900000000004", "Phạm An", date(2014, 1, 1), "male", "Huế")


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 12, tzinfo=timezone.utc))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, *, seconds: float = 0, days: float = 0) -> None:
        self.now += timedelta(seconds=seconds, days=days)


@dataclass
class Country:
    """The identity provider as the platform sees it: published keys, which may change, or silence."""

    issuers: dict[str, list[Issuer]]
    hosted: Hosted
    country: str = "VN"
    down: bool = False
    fetched: list[str] = field(default_factory=list)
    documents: dict[str, bytes] = field(default_factory=dict)
    records: Records | None = None
    """What credentials are issued with; None gives them no status."""

    def publish(self, documents: Mapping[str, bytes]) -> None:
        """Publish these documents rather than those of `issuers`."""
        self.documents.update(documents)

    def public(self, name: str) -> bytes:
        """The public document of a scheme, all its keys merged."""
        return self.documents.get(name) or merge([issuer.public for issuer in self.issuers[name]])

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if self.down:
            raise Unavailable("the identity provider does not answer")
        path = urlsplit(url).path
        if path == "/api/public":
            return json.dumps({"issuer": ISSUER, "country": self.country, "schemes": list(SCHEMES)}).encode()
        if path == "/api/status-lists":
            return self.hosted.document()
        return self.public(path.removeprefix("/api/public/"))

    def credential(self, scheme: Scheme, person: Person, *, challenge: Challenge) -> Credential:
        """What a person's wallet gets from the newest key."""
        issuer, holder = self.issuers[scheme.info.name][0], scheme.holder()
        if scheme.info.issued == "by_holder":
            issuer = scheme.issuer(b"", name="")
        seed = hashlib.sha256(person.id_number.encode()).digest()  # the one that this person keeps for life
        asked = holder.request(issuer.public, now=challenge.now, challenge=challenge, seed=seed)
        return holder.accept(asked, issuer.issue(person, asked.message, now=challenge.now, records=self.records))[0]


@dataclass(frozen=True)
class Asked:
    """A challenge and the secret of who started it."""

    id: str
    binding: str
    challenge: Challenge


@dataclass(frozen=True)
class Village:
    """The app and what it is made of."""

    app: Capture
    api: FastAPI
    store: Store
    ledger: Ledger
    clock: Clock
    country: Country
    mandate: Mandate
    database: str

    def ask(self, method: str, url: str, *, token: str = "", **more: object) -> Response:
        """One request, from a client without cookies."""
        return self.together([(method, url, token, more)])[0]

    def together(self, calls: Sequence[tuple[str, str, str, Mapping[str, object]]]) -> list[Response]:
        """Many requests at once."""

        async def go() -> list[Response]:
            transport = ASGITransport(self.app, raise_app_exceptions=False)
            async with AsyncClient(transport=transport, base_url=ORIGIN, timeout=60) as client:

                async def one(method: str, url: str, token: str, more: Mapping[str, object]) -> Response:
                    headers = dict(more.get("headers") or {})  # type: ignore[call-overload]
                    if token:
                        headers["Authorization"] = f"Bearer {token}"
                    rest = {name: value for name, value in more.items() if name != "headers"}
                    return await client.request(method, url, headers=headers, **rest)  # type: ignore[arg-type]

                return await asyncio.gather(*[one(*call) for call in calls])

        return asyncio.run(go())

    def start(self, scheme: str, **more: Json) -> Asked:
        answer = self.ask("POST", "/api/challenges", json={"scheme": scheme, **more})
        assert answer.status_code == 201, answer.text
        said = answer.json()
        return Asked(said["id"], said["binding"], Challenge.from_json(said["challenge"], now=self.clock()))

    def presentation(self, scheme: str, person: Person, asked: Asked) -> bytes:
        kind = SCHEMES[scheme]
        credential = self.country.credential(kind, person, challenge=asked.challenge)
        return kind.holder().present(credential, asked.challenge)

    def deliver(self, asked: Asked, presentation: bytes) -> Response:
        return self.ask("POST", f"/api/presentations/{asked.id}", content=presentation)

    def prove(self, scheme: str, person: Person, **more: Json) -> dict[str, str]:
        """The code and the binding of an accepted presentation."""
        asked = self.start(scheme, **more)
        answer = self.deliver(asked, self.presentation(scheme, person, asked))
        assert answer.status_code == 200, answer.text
        return {"code": answer.json()["code"], "binding": asked.binding}

    def open(self, handle: str, **more: Json) -> Response:
        return self.ask("POST", "/api/accounts", json={"handle": handle, **more})

    def sign_up(self, scheme: str, person: Person, *, handle: str) -> str:
        """The token of a new verified account."""
        answer = self.open(handle, **self.prove(scheme, person))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def stored(self) -> str:
        """Everything that the database holds, as text."""

        def rows(connection: Connection) -> list[str]:
            return [str(tuple(row)) for table in METADATA.tables.values() for row in connection.execute(table.select())]

        return "\n".join(asyncio.run(self.store.read(rows)))

    def unverified(self, handle: str) -> str:
        """The token of a new account that has proven nothing."""
        answer = self.open(handle)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


def make_issuers() -> dict[str, list[Issuer]]:
    """A key set for each scheme."""
    return {name: [keys.issuer(name, name=ISSUER)] for name in SCHEMES}


@contextmanager
def running(
    folder: Path,
    issuers: Mapping[str, list[Issuer]],
    *,
    mandate: Mandate | str = "directive_57",
    url: str = "",
    settings: Settings = SETTINGS,
) -> Iterator[Village]:
    """A platform with a database of its own."""
    clock = Clock()
    country = Country({name: list(made) for name, made in issuers.items()}, Hosted(clock))
    rules = load(mandate) if isinstance(mandate, str) else mandate
    url = url or f"sqlite:///{folder / f'{settings.party}.sqlite'}"
    store = Store.open(url, METADATA, schema=settings.party)
    ledger = Ledger(folder / "ledgers" / f"{settings.party}.jsonl", settings.party)
    api = create_app(
        mandate=rules,
        store=store,
        ledger=ledger,
        settings=replace(settings),
        fetch=country.fetch,
        fetch_list=country.hosted.fetch,
        clock=clock,
    )
    guarded = Guarded(api, goes_to=[settings.wallet])
    try:
        yield Village(Capture(guarded, ledger), api, store, ledger, clock, country, rules, url)
    finally:
        store.close()
        ledger.close()
