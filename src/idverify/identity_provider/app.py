"""The identity provider's app: its routes and what they share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from pathlib import Path

from fastapi import FastAPI

from idverify import web
from idverify.identity_provider import api, status_api, well_known
from idverify.identity_provider.counter import Counter
from idverify.identity_provider.issuance import Issuance
from idverify.identity_provider.keys import KeyStore
from idverify.identity_provider.lost_phone import LostPhone
from idverify.identity_provider.oauth import Codes
from idverify.identity_provider.pages import Pages
from idverify.identity_provider.register import Register, examples
from idverify.identity_provider.relay import Relay
from idverify.identity_provider.sessions import Limits, Sessions
from idverify.identity_provider.status_lists import StatusLists
from idverify.ledger import Ledger
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.storage import Store


def utc_now() -> datetime:
    """The time of the machine."""
    return datetime.now(timezone.utc)


_STANDARD_LIMITS = Limits()


def create_app(
    *,
    population: Register,
    keys: KeyStore,
    store: Store,
    ledger: Ledger | None,
    settings: Settings,
    clock: Callable[[], datetime] = utc_now,
    limits: Limits = _STANDARD_LIMITS,
    relay: Relay | None = None,
) -> FastAPI:
    """A mock identity provider for the people in `population`. Wrap it in Guarded, Capture and Meter (see serve).

    `relay` leads to the party that holds the keys of some schemes; None where there is none.
    """
    issuer, party = settings.own_url, settings.party or "identity_provider"
    people = examples(population, clock())
    sessions = Sessions(population, store, clock=clock, limits=limits)
    lists = StatusLists(
        store,
        keys.lists,
        host=settings.status_host,
        ttl=settings.status_ttl,
        publish=settings.status_publish,
        clock=clock,
    )
    issuance = Issuance(
        population,
        keys,
        store,
        schemes=SCHEMES,
        quota=settings.quota,
        clock=clock,
        limits=limits,
        entries=lists.entries,
        relay=relay,
        counter=Counter(settings.issuer_capacity, head_start=settings.issuer_head_start),
    )
    codes = Codes(store, sessions, clock=clock, redirect_uri=f"{settings.wallet}/callback")
    templates = web.templates(Path(__file__).parent / "templates", app_title="Identity provider")
    pages = Pages(
        templates,
        sessions=sessions,
        codes=codes,
        keys=keys,
        schemes=[SCHEMES[name] for name in issuance.names],
        people=people,
        ledger=ledger,
        settings=settings,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if relay is not None:
            await relay.close()

    app = FastAPI(title="Mock identity provider", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.include_router(api.router(party=party, issuer=issuer, sessions=sessions, issuance=issuance, people=people))
    app.include_router(well_known.router(issuer=issuer, sessions=sessions, issuance=issuance, keys=keys, relay=relay))
    app.include_router(status_api.router(lists, sessions=sessions, schemes=keys.names))
    app.include_router(pages.router)
    if lists.host:
        lost = LostPhone(templates, sessions=sessions, lists=lists, people=people, cookie=pages.cookie)
        app.include_router(lost.router)
    web.equip(app, templates)
    return app
