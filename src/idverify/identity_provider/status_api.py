"""What the status host fetches from the identity provider, and revoking one's own credentials."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from idverify.errors import NotFound
from idverify.formats.status_list import CWT_TYPE, JWT_TYPE
from idverify.formats.strict_json import write_json
from idverify.identity_provider.api import published
from idverify.identity_provider.sessions import Sessions
from idverify.identity_provider.status_lists import StatusLists
from idverify.ledger import note
from idverify.web import StrictRoute, no_store

FORMS = {"jwt": JWT_TYPE, "cwt": CWT_TYPE}


class Revocation(BaseModel):
    """What a person revokes: all that they have, or all of one scheme."""

    model_config = ConfigDict(extra="forbid", strict=True)

    scheme: str = Field("", max_length=40)


def router(lists: StatusLists, *, sessions: Sessions, schemes: Collection[str]) -> APIRouter:
    routes = APIRouter(route_class=StrictRoute)

    @routes.get("/api/status-lists", summary="Which status lists there are, and who signs them")
    async def document(request: Request) -> Response:
        return published(request, write_json(await lists.document()), "application/json")

    @routes.get("/api/status-lists/{number}/{form}", summary="A status list, for the status host")
    async def one(number: str, form: str, request: Request) -> Response:
        if form not in FORMS or not number.isascii() or not number.isdigit() or len(number) > 9:
            raise NotFound("there is no such status list", hint="it is /api/status-lists/NUMBER/jwt or …/cwt")
        return published(request, await lists.token(int(number), FORMS[form]), FORMS[form])

    @routes.post("/api/revocations", summary="Revoke one's own credentials, as after losing a phone")
    async def revoke(body: Revocation, request: Request) -> Response:
        id_number = await sessions.id_number(request.headers.get("authorization", ""))
        note(request, subject=id_number, scheme=body.scheme if body.scheme in schemes else "")
        if body.scheme and body.scheme not in schemes:
            raise NotFound(f"no scheme {body.scheme[:40]!r} is issued here", hint=f"there are {', '.join(schemes)}")
        revoked = await lists.revoke(id_number, scheme=body.scheme)
        return no_store(JSONResponse({"revoked": revoked, "reaches_platforms_within": lists.reaches_within}))

    return routes
