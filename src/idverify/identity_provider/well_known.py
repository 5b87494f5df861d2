"""Where independent clients look for the issuer's keys, and Privacy Pass issuance (RFC 7517, SD-JWT VC, RFC 9578)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from idverify.errors import BadMessage, NotFound
from idverify.identity_provider.api import published
from idverify.identity_provider.issuance import Issuance
from idverify.identity_provider.keys import KeyStore
from idverify.identity_provider.list_signing import LISTS
from idverify.identity_provider.relay import Relay
from idverify.identity_provider.sessions import Sessions
from idverify.ledger import note
from idverify.protocols import attestation, privacy_pass
from idverify.scheme import Json
from idverify.web import no_store


def router(
    *, issuer: str, sessions: Sessions, issuance: Issuance, keys: KeyStore, relay: Relay | None = None
) -> APIRouter:
    """The well-known documents, made from what the schemes publish."""
    routes = APIRouter()

    @routes.get("/.well-known/jwks.json", summary="All JSON Web Keys (RFC 7517)")
    async def jwks(request: Request) -> Response:
        return published(request, _json({"keys": _jwks(keys)}), "application/json")

    @routes.get("/.well-known/jwt-vc-issuer", summary="JWT VC issuer metadata (SD-JWT VC)")
    async def jwt_vc_issuer(request: Request) -> Response:
        return published(request, _json({"issuer": issuer, "jwks": {"keys": _jwks(keys)}}), "application/json")

    @routes.get(privacy_pass.DIRECTORY_PATH, summary="Token keys (RFC 9578 section 4)")
    async def directory(request: Request) -> Response:
        if not (names := _of_tokens(keys)):
            raise NotFound("this issuer has no private tokens")
        document = privacy_pass.directory_document([keys.public(name) for name in names])
        return published(request, document, privacy_pass.DIRECTORY_TYPE)

    @routes.post(privacy_pass.REQUEST_PATH, summary="Issue a token (RFC 9578 section 6.2)")
    async def token_request(request: Request) -> Response:
        id_number = await sessions.id_number(request.headers.get("authorization", ""))
        note(request, subject=id_number)
        body, kind = await request.body(), request.headers.get("content-type", "")
        relayed = relay.names if relay is not None else ()
        name = await _asked(
            [*_of_tokens(keys), *relayed], issuance, body, media_type=kind, issuer=request.query_params.get("issuer")
        )
        note(request, subject=id_number, scheme=name)
        answer = await issuance.issue(request, name, id_number=id_number, body=body)
        return no_store(Response(answer, headers={"Content-Type": privacy_pass.ANSWERED_BY[kind]}))

    if relay is not None:

        @routes.get(attestation.KEYS_PATH, summary="The keys of our statements to token issuers")
        async def attester(request: Request) -> Response:
            return published(request, _json(relay.key.document()), "application/json")

    return routes


async def _asked(names: Sequence[str], issuance: Issuance, body: bytes, *, media_type: str, issuer: str | None) -> str:
    """The scheme whose key a token request names, at the issuer (its host) if one is named. Raises BadMessage.

    A key's name in a request is one byte, which keys of two issuers may share.
    """
    for name in names:
        public = await issuance.public(name)
        named = issuer in (None, privacy_pass.issuer_name(public))
        if named and privacy_pass.is_asked(public, body, media_type=media_type):
            return name
    raise BadMessage("the token request names a key that is not in use", hint="fetch the issuer's directory again")


def _jwks(keys: KeyStore) -> list[Json]:
    """Each JSON Web Key that any scheme publishes, once, and those that sign status lists."""
    found: list[Json] = []
    for name in keys.names:
        found += [key for key in _keys_of(keys, name) if "kty" in key and key not in found]
    listed: list[Json] = json.loads(keys.lists.public(LISTS))["keys"]
    return found + listed


def _of_tokens(keys: KeyStore) -> list[str]:
    """The schemes whose published keys are token keys."""
    return [name for name in keys.names if any("token_key" in key for key in _keys_of(keys, name))]


def _keys_of(keys: KeyStore, name: str) -> list[dict[str, Json]]:
    listed: list[dict[str, Json]] = json.loads(keys.public(name))["keys"]
    return listed


def _json(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
