"""The wallet as a web service: a browser's hand-off from a platform, consent, and a sign-up for machines.

It talks to the identity provider and the platforms of its settings, and to nobody else, whatever a URL says.
Its state is in memory: one process serves a browser from beginning to end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from idverify import web
from idverify.errors import CannotAnswer
from idverify.scheme import Scheme
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet.browser import Browser, origin_of_settings
from idverify.wallet.drivers import run_async
from idverify.wallet.flows import Flows
from idverify.wallet.policy import policy_of
from idverify.wallet.refusals import Refused
from idverify.wallet.wallet import Owner, Wallet, utc_now

HERE = Path(__file__).parent


class SignUp(BaseModel):
    """What a machine sends to have a person signed up; `birth_date` is for schemes without an issuer."""

    id_number: str = Field("", max_length=40)
    pin: str = Field("", max_length=40)
    platform: str = Field(max_length=300)
    scheme: str = Field(max_length=40)
    handle: str = Field(max_length=64)
    birth_date: str = Field("", max_length=10)


def create_app(
    *,
    settings: Settings,
    schemes: Mapping[str, Scheme] = SCHEMES,
    client: httpx.AsyncClient | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The wallet service. `client` reaches the other services; the default follows no redirect and no proxy.

    Security headers and limits on bodies come from `web.Guarded`, which `serve` puts around every app.
    """
    for scheme in schemes.values():
        policy_of(scheme.info, settings)  # a mistake in the settings is told now, not to the first visitor
    http = client or httpx.AsyncClient(follow_redirects=False, trust_env=False, limits=httpx.Limits(max_connections=64))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        browser.refills.close()
        await http.aclose()

    app = FastAPI(title="idverify wallet", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.router.route_class = web.StrictRoute
    pages = web.templates(HERE / "templates", app_title="Wallet")
    web.equip(app, pages)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        if "text/html" in request.headers.get("accept", ""):
            return web.page(pages, request, "refused.html", status=error.answered, error=error, platform="")
        return JSONResponse(error.as_json(), error.answered, headers={"Cache-Control": "no-store"})

    app.add_exception_handler(Refused, refused)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "party": settings.party or "wallet"}

    @app.post("/api/sign-up", status_code=201)
    async def sign_up(wanted: SignUp, response: Response) -> dict[str, object]:
        """Sign a person up with a wallet that lives as long as this request."""
        platform = origin_of_settings(wanted.platform, settings)
        wallet = Wallet(_owner(wanted), schemes, clock=clock, policy=partial(policy_of, settings=settings))
        flows = Flows(wallet, identity_provider=settings.identity_provider)
        account = await run_async(flows.sign_up(platform, wanted.scheme, handle=wanted.handle), http)
        web.no_store(response)
        return {
            "account": {"platform": account.platform, "id": account.id, "handle": account.handle},
            "token": account.token,
        }

    browser = Browser(settings=settings, schemes=schemes, client=http, clock=clock, pages=pages)
    app.include_router(browser.router())
    return app


def _owner(wanted: SignUp) -> Owner:
    try:
        declares = date.fromisoformat(wanted.birth_date) if wanted.birth_date else None
    except ValueError as error:
        raise CannotAnswer(f"birth_date is {wanted.birth_date!r}, which is no date such as 2001-02-28") from error
    return Owner(wanted.id_number, wanted.pin, declares=declares)
