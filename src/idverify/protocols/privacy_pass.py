"""Privacy Pass over HTTP: the authentication scheme, the directory, the media types (RFC 9577, RFC 9578)."""

from __future__ import annotations

from idverify.formats import privacy_pass as wire
from idverify.schemes.privacy_pass import read_public, token_challenge

DIRECTORY_PATH = "/.well-known/private-token-issuer-directory"
DIRECTORY_TYPE = "application/private-token-issuer-directory"
REQUEST_TYPE = "application/private-token-request"
RESPONSE_TYPE = "application/private-token-response"
REQUEST_PATH = "/token-request"
MAX_AGE = 86_400
"""Seconds that a client may keep the directory or a challenge."""


def challenge_header(public: bytes, audience: str, *, over: int | None = None) -> str:
    """The WWW-Authenticate value with which the platform `audience` asks for a token.

    `public` is the issuer's public document. Without `over` the lowest age will do. Raises
    BadMessage, and CannotAnswer for an age that the issuer does not attest.
    """
    published = read_public(public)
    key = published.for_age(min(k.age for k in published.keys) if over is None else over)
    return wire.www_authenticate([(token_challenge(published.issuer_name, audience), key.spki)], max_age=MAX_AGE)


def token_from_authorization(value: str) -> bytes:
    """The presentation in `Authorization: PrivateToken token="…"`. Raises BadMessage."""
    return wire.parse_authorization(value)


def authorization_header(presentation: bytes) -> str:
    """The Authorization value that carries a presentation."""
    return wire.authorization(presentation)


def is_private_token(value: str) -> bool:
    """Whether an Authorization value is of this scheme."""
    return value[:13].lower() == "privatetoken "


def directory_document(public: bytes, *, request_uri: str = REQUEST_PATH) -> bytes:
    """The issuer directory of a public document, newest keys first. Raises BadMessage."""
    keys = read_public(public).keys
    return wire.directory([key.spki for key in keys], request_uri=request_uri, ages=[key.age for key in keys])
