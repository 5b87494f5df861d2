"""The identity provider's API for wallets: sign in, get credentials, read what the issuer publishes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from idverify.errors import BadMessage
from idverify.identity_provider.issuance import Issuance
from idverify.identity_provider.register import Example
from idverify.identity_provider.sessions import SESSION_SECONDS, Sessions
from idverify.ledger import note
from idverify.web import StrictRoute, no_store

PUBLIC_SECONDS = 5
"""How long a published document may be kept: a rotation reaches everybody within this time."""
COUNTRY = "VN"


class SignIn(BaseModel):
    id_number: str = Field(min_length=1, max_length=32)
    pin: str = Field(min_length=1, max_length=32)


def router(*, party: str, issuer: str, sessions: Sessions, issuance: Issuance, people: Sequence[Example]) -> APIRouter:
    """The routes, the most used one first, because routing is linear."""
    routes = APIRouter(route_class=StrictRoute)

    @routes.post("/api/issue/{scheme}", summary="Issue a credential of a scheme")
    async def issue(scheme: str, request: Request) -> Response:
        id_number = await sessions.id_number(request.headers.get("authorization", ""))
        note(request, subject=id_number, scheme=scheme if scheme in issuance.names else "")
        issuance.scheme(scheme)
        if request.headers.get("content-type", "") != "application/octet-stream":
            raise BadMessage("the body is not application/octet-stream")
        answer = await issuance.issue(request, scheme, id_number=id_number, body=await request.body())
        return no_store(Response(answer, media_type="application/octet-stream"))

    @routes.post("/api/sessions", status_code=201, summary="Sign in with ID number and PIN")
    async def sign_in(body: SignIn, request: Request) -> Response:
        token = await sessions.sign_in(body.id_number, body.pin)
        note(request, subject=body.id_number)
        return no_store(JSONResponse({"token": token, "expires_in": SESSION_SECONDS}, status_code=201))

    @routes.get("/api/public/{scheme}", summary="What the issuer publishes for a scheme")
    async def public(scheme: str, request: Request) -> Response:
        return published(request, await issuance.public(scheme), "application/json")

    @routes.get("/api/public", summary="Which schemes are issued")
    async def public_list() -> Response:
        return JSONResponse({"issuer": issuer, "country": COUNTRY, "schemes": list(issuance.names)})

    @routes.get("/api/demo/people", summary="A few invented people to play")
    async def demo_people() -> Response:
        return no_store(JSONResponse({"people": [asdict(person) for person in people]}))

    @routes.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "party": party}

    return routes


def published(request: Request, document: bytes, media_type: str) -> Response:
    """A public document with a validator, so that asking again costs next to nothing (RFC 9110 section 13.1.2)."""
    tag = f'"{hashlib.sha256(document).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={PUBLIC_SECONDS}"}
    asked = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in asked:
        return Response(status_code=304, headers=headers)
    return Response(document, media_type=media_type, headers=headers)
