"""The token issuer's app: token requests from the attester, and what it publishes (RFC 9578 sections 4 and 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from idverify import metering, web
from idverify.errors import BadMessage, NotFound
from idverify.ledger import note
from idverify.protocols import privacy_pass
from idverify.scheme import SplitIssuer
from idverify.settings import Settings
from idverify.token_issuer import attesters
from idverify.token_issuer.attesters import Attester, Fetch
from idverify.web import no_store

PUBLIC_SECONDS = 5
"""How long a published document may be kept: a rotation reaches everybody within this time."""


class Keys(Protocol):
    """The token keys by scheme, newest first."""

    @property
    def names(self) -> tuple[str, ...]: ...
    def issuers(self, name: str, /) -> Sequence[SplitIssuer]: ...
    def public(self, name: str, /) -> bytes: ...
    def epoch(self, name: str, /) -> int: ...


def utc_now() -> datetime:
    """The time of the machine."""
    return datetime.now(timezone.utc)


def create_app(
    *, keys: Keys, settings: Settings, clock: Callable[[], datetime] = utc_now, fetch: Fetch = attesters.fetch
) -> FastAPI:
    """An issuer that signs for the identity provider of the settings, and for nobody else.

    `fetch` gets the attester's keys. Wrap it in Guarded, Capture and Meter (see serve).
    """
    issuer, party = settings.own_url, settings.party or "token_issuer"
    attester = Attester(settings.identity_provider, issuer=issuer, clock=clock, fetch=fetch)
    app = FastAPI(title="Mock token issuer", docs_url=None, redoc_url=None)

    @app.post(privacy_pass.REQUEST_PATH, summary="Sign a token, or a batch, for the attester (RFC 9578 section 6.2)")
    async def token_request(request: Request) -> Response:
        body, kind = await request.body(), request.headers.get("content-type", "")
        await attester.check(request.headers.get("authorization", ""), body)
        for name in keys.names:
            if privacy_pass.is_asked(keys.public(name), body, media_type=kind):
                break
        else:
            raise BadMessage("the token request names a key that is not in use", hint="fetch the keys again")
        note(request, scheme=name)
        issuers = keys.issuers(name)
        answer = await to_thread.run_sync(metering.charged(request, lambda: _sign(issuers, body)))
        return no_store(Response(answer, headers={"Content-Type": privacy_pass.ANSWERED_BY[kind]}))

    @app.get(privacy_pass.DIRECTORY_PATH, summary="Token keys (RFC 9578 section 4)")
    async def directory(request: Request) -> Response:
        document = privacy_pass.directory_document([keys.public(name) for name in keys.names])
        return _published(request, document, privacy_pass.DIRECTORY_TYPE)

    @app.get("/api/public/{scheme}", summary="What the issuer publishes for a scheme")
    async def public(scheme: str, request: Request) -> Response:
        if scheme not in keys.names:
            raise NotFound(f"no scheme {scheme[:40]!r} is signed here", hint=f"there are {', '.join(keys.names)}")
        answer = _published(request, keys.public(scheme), "application/json")
        answer.headers[privacy_pass.EPOCH_HEADER] = str(keys.epoch(scheme))
        return answer

    @app.get("/api/public", summary="Which schemes are signed")
    async def public_list() -> Response:
        return JSONResponse({"issuer": issuer, "attester": attester.url, "schemes": list(keys.names)})

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "party": party}

    web.equip(app, web.templates(Path(__file__).parent, app_title="Token issuer"))
    return app


def _sign(issuers: Sequence[SplitIssuer], body: bytes) -> bytes:
    """The newest keys sign, or older ones that the request was made for just before a rotation."""
    fault: BadMessage | None = None
    for issuer in issuers:
        try:
            return issuer.sign(body)
        except BadMessage as error:
            fault = fault or error
    raise fault or NotFound("there are no keys")


def _published(request: Request, document: bytes, media_type: str) -> Response:
    """A public document with a validator (RFC 9110 section 13.1.2)."""
    tag = f'"{hashlib.sha256(document).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={PUBLIC_SECONDS}"}
    asked = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in asked:
        return Response(status_code=304, headers=headers)
    return Response(document, media_type=media_type, headers=headers)
