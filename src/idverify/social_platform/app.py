"""The social platform's app: its routes and what they share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from idverify import web
from idverify.ledger import Ledger
from idverify.mandates import Mandate
from idverify.scheme import Scheme
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.social_platform import api, fetching, pages
from idverify.social_platform.fetching import Fetch
from idverify.social_platform.platform import Platform
from idverify.storage import Store

HERE = Path(__file__).parent


def utc_now() -> datetime:
    """The time of the machine."""
    return datetime.now(timezone.utc)


def create_app(
    *,
    mandate: Mandate,
    store: Store,
    ledger: Ledger | None,
    settings: Settings,
    fetch: Fetch = fetching.fetch,
    fetch_list: Fetch = fetching.fetch_list,
    clock: Callable[[], datetime] = utc_now,
    schemes: Mapping[str, Scheme] | None = None,
) -> FastAPI:
    """A social platform under `mandate`. Wrap it in Guarded, Capture and Meter (see serve).

    `fetch` gets the identity provider's public documents, `fetch_list` the status host's lists. `schemes` are those to
    offer; None: what the settings name.
    """
    if schemes is None:
        wanted = settings.scheme_names or tuple(SCHEMES)
        schemes = {name: scheme for name, scheme in SCHEMES.items() if name in wanted}
    platform = Platform.build(
        mandate=mandate,
        store=store,
        settings=settings,
        fetch=fetch,
        fetch_list=fetch_list,
        clock=clock,
        schemes=schemes,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        platform.issuers.close()

    templates = web.templates(HERE / "templates", app_title=platform.title)
    app = FastAPI(title=platform.title, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.include_router(api.router(platform))
    app.include_router(pages.router(platform, templates))
    app.mount("/static/platform", StaticFiles(directory=HERE / "static"), name="platform")
    web.equip(app, templates)
    return app
