"""Many tokens in one message: generic batches (draft-ietf-privacypass-batched-tokens section 6)."""

from __future__ import annotations

from collections.abc import Sequence

from idverify.errors import BadMessage
from idverify.formats.privacy_pass import KEY_SIZE, TOKEN_TYPES, TokenRequest
from idverify.formats.tls import Reader, varint

SPEC = "draft-ietf-privacypass-batched-tokens-07"
MOST = 64
"""Tokens in one batch."""


def encode_requests(requests: Sequence[TokenRequest]) -> bytes:
    """struct { GenericTokenRequest generic_token_requests<V>; } GenericBatchTokenRequest."""
    content = b"".join(request.encode() for request in requests)
    return varint(len(content)) + content


def decode_requests(data: bytes) -> list[TokenRequest]:
    """At least one request and at most MOST. Raises BadMessage."""
    reader = _content(data, "batch of token requests")
    found: list[TokenRequest] = []
    while reader.left:
        if len(found) == MOST:
            raise BadMessage(f"the batch has more than {MOST} token requests")
        found.append(TokenRequest.take(reader))
    if not found:
        raise BadMessage("the batch has no token request")
    return found


def encode_responses(token_type: int, responses: Sequence[bytes | None]) -> bytes:
    """struct { OptionalTokenResponse optional_token_responses<V>; } GenericBatchTokenResponse; None was refused."""
    head = b"\1" + token_type.to_bytes(2)
    content = b"".join(b"\0" if each is None else head + each for each in responses)
    return varint(len(content)) + content


def decode_responses(data: bytes) -> list[tuple[int, bytes] | None]:
    """Token type and blind signature for each request, None where the issuer refused. Raises BadMessage."""
    reader = _content(data, "batch of token responses")
    found: list[tuple[int, bytes] | None] = []
    while reader.left:
        if len(found) == MOST:
            raise BadMessage(f"the batch has more than {MOST} token responses")
        present = reader.number(1)
        if present > 1:
            raise BadMessage(f"a token response is neither absent nor present but {present}")
        token_type = reader.number(2) if present else 0
        if present and token_type not in TOKEN_TYPES:
            raise BadMessage(f"a token response is of type {token_type:#06x}")
        found.append((token_type, reader.take(KEY_SIZE)) if present else None)
    return found


def _content(data: bytes, what: str) -> Reader:
    reader = Reader(data, what)
    if reader.varint() != reader.left:
        raise BadMessage(f"the {what} has another length than it says")
    return reader
