"""Privacy Pass over HTTP: the authentication scheme, the directory, the media types (RFC 9577, RFC 9578).

The media types of batches are of draft-ietf-privacypass-batched-tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

from idverify.errors import BadMessage
from idverify.formats import privacy_pass as wire
from idverify.formats import privacy_pass_batch as batches
from idverify.formats import token_keys

DIRECTORY_PATH = "/.well-known/private-token-issuer-directory"
DIRECTORY_TYPE = "application/private-token-issuer-directory"
REQUEST_TYPE = "application/private-token-request"
RESPONSE_TYPE = "application/private-token-response"
BATCH_REQUEST_TYPE = "application/private-token-generic-batch-request"
BATCH_RESPONSE_TYPE = "application/private-token-generic-batch-response"
ANSWERED_BY = {REQUEST_TYPE: RESPONSE_TYPE, BATCH_REQUEST_TYPE: BATCH_RESPONSE_TYPE}
"""The media type of the answer to each kind of request."""
REQUEST_PATH = "/token-request"
EPOCH_HEADER = "Key-Epoch"
"""Beside a public document: the number of its newest keys, from 1. Ours, for attesters that count a quota."""
MAX_AGE = 86_400
"""Seconds that a client may keep the directory or a challenge."""


def challenge_header(public: bytes, audience: str, *, over: int | None = None) -> str:
    """The WWW-Authenticate value with which the platform `audience` asks for a token.

    `public` is the issuer's public document. Without `over` the lowest age will do. Raises
    BadMessage, and CannotAnswer for an age that the issuer does not attest.
    """
    published = token_keys.read(public)
    key = published.for_age(published.age_for(over))
    challenge = token_keys.token_challenge(published.issuer_name, audience, key.token_type)
    return wire.www_authenticate([(challenge, key.spki)], max_age=MAX_AGE)


def token_from_authorization(value: str) -> bytes:
    """The presentation in `Authorization: PrivateToken token="…"`. Raises BadMessage."""
    return wire.parse_authorization(value)


def authorization_header(presentation: bytes) -> str:
    """The Authorization value that carries a presentation."""
    return wire.authorization(presentation)


def is_private_token(value: str) -> bool:
    """Whether an Authorization value is of this scheme."""
    return value[:13].lower() == "privatetoken "


def issuer_name(public: bytes) -> str:
    """host[:port] of the issuer, as token challenges name it. Raises BadMessage."""
    return token_keys.read(public).issuer_name


def media_type(body: bytes) -> str:
    """Which kind of request this is; a body that is none may be called either."""
    return REQUEST_TYPE if int.from_bytes(body[:2]) in wire.TOKEN_TYPES else BATCH_REQUEST_TYPE


def is_asked(public: bytes, body: bytes, *, media_type: str) -> bool:
    """Whether a request for a token, or the first of a batch, names a key of this public document.

    Raises BadMessage for another media type, and where the body is no such request.
    """
    if media_type not in ANSWERED_BY:
        raise BadMessage(f"the body is neither {REQUEST_TYPE} nor {BATCH_REQUEST_TYPE}")
    asked = wire.TokenRequest.decode(body) if media_type == REQUEST_TYPE else batches.decode_requests(body)[0]
    named = asked.token_type, asked.truncated_key_id
    return any(named == (key.token_type, key.key_id[-1]) for key in token_keys.read(public).keys)


def is_shown(public: bytes, presentation: bytes) -> bool:
    """Whether a token names a key of this public document. Raises BadMessage where it is none."""
    named = wire.Token.decode(presentation).token_key_id
    return any(named == key.key_id for key in token_keys.read(public).keys)


def directory_document(publics: Sequence[bytes], *, request_uri: str = REQUEST_PATH) -> bytes:
    """The issuer directory of all these public documents, newest keys first. Raises BadMessage."""
    keys = [key for public in publics for key in token_keys.read(public).keys]
    return wire.directory([wire.DirectoryKey(k.spki, k.token_type, k.ages) for k in keys], request_uri=request_uri)
