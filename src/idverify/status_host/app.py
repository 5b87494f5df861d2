"""The status list host's app: whole lists as JWT or CWT, and single entries only for the sake of comparison.

It answers everybody, knows nobody, and holds no secret. Its ledger says which address fetched which list when.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from idverify import web
from idverify.errors import IdverifyError, NotFound
from idverify.formats.status_list import CWT_TYPE, JWT_TYPE
from idverify.settings import Settings
from idverify.status_host import shelf
from idverify.status_host.accept import preferred, takes_gzip
from idverify.status_host.shelf import Fetch, Shelf
from idverify.web import no_store, page

ANYBODY = {"Access-Control-Allow-Origin": "*"}
"""Browser-based wallets and verifiers may read lists (draft section 8.1)."""


class NotAcceptable(IdverifyError):
    code = "not_acceptable"
    status = 406


class NoHistory(IdverifyError):
    code = "not_implemented"
    status = 501


def utc_now() -> datetime:
    """The time of the machine."""
    return datetime.now(timezone.utc)


def create_app(*, settings: Settings, fetch: Fetch = shelf.fetch, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """The host of the lists of the settings' identity provider. Wrap it in Guarded, Capture and Meter (see serve)."""
    lists = Shelf(settings.identity_provider, settings.own_url, clock=clock, fetch=fetch)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.get_running_loop().create_task(lists.keep_looking(settings.status_publish))
        yield
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    app = FastAPI(title="Status list host", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.lists = lists
    templates = web.templates(Path(__file__).parent / "templates", app_title="Status list host")

    @app.get("/lists/{number}", summary="A status list token, as JWT or CWT by Accept")
    async def whole(number: str, request: Request) -> Response:
        if "time" in request.query_params:
            raise NoHistory("this host keeps no old lists", hint="history would show when somebody was revoked")
        media_type = preferred(request.headers.get("accept", ""), (JWT_TYPE, CWT_TYPE))
        if media_type is None:
            raise NotAcceptable(f"a list is {JWT_TYPE} or {CWT_TYPE}", hint="name one of them in Accept")
        copy = await lists.get(_number(number), media_type)
        # A cache may keep a list but must ask: whoever counts on a ttl must not get a list that is old already.
        headers = {**ANYBODY, "Cache-Control": "no-cache", "Vary": "Accept, Accept-Encoding"}
        zipped = media_type == JWT_TYPE and takes_gzip(request.headers.get("accept-encoding", ""))
        tag = f'"{copy.etag}-gzip"' if zipped else f'"{copy.etag}"'
        headers |= {"ETag": tag} | ({"Content-Encoding": "gzip"} if zipped else {})
        asked = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
        if tag in asked:
            headers.pop("Content-Encoding", None)
            return Response(status_code=304, headers=headers)
        return Response(copy.packed if zipped else copy.body, media_type=media_type, headers=headers)

    @app.get("/lists/{number}/{index}", summary="One entry: it tells this host which credential is being shown")
    async def one(number: str, index: str) -> Response:
        copy = await lists.get(_number(number), JWT_TYPE)
        entry = _number(index)
        if entry >= len(copy.token.statuses):
            raise NotFound("the list has no such entry")
        said = {"uri": copy.token.uri, "idx": entry, "status": copy.token.statuses.at(entry)}
        return no_store(JSONResponse(said, headers=ANYBODY))

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "party": settings.party or "status_host"}

    @app.get("/", include_in_schema=False)
    async def home(request: Request) -> Response:
        return page(
            templates,
            request,
            "home.html",
            numbers=lists.numbers,
            seconds=settings.status_publish,
            direct=settings.status_check == "direct",
        )

    web.equip(app, templates)
    return app


def _number(text: str) -> int:
    """A list's number or an entry's index in its only spelling. Raises NotFound."""
    if not text.isascii() or not text.isdigit() or len(text) > 9 or (text[0] == "0" and text != "0"):
        raise NotFound("there is no such status list here")
    return int(text)
