"""What a curious owner of a Privacy Pass message can decode."""

from __future__ import annotations

from idverify.errors import BadMessage
from idverify.formats import privacy_pass as wire
from idverify.formats import privacy_pass_batch as batches
from idverify.formats.strict_json import encode_base64url
from idverify.scheme import Json
from idverify.schemes import _reading


def read(message: bytes) -> Json:
    """Token, token request and response, and batches of them, by their shape; everything else by what it looks like."""
    for decode in (_read_signature, _read_token, _read_request, _read_batch, _read_responses):
        try:
            return decode(message)
        except BadMessage:
            continue
    return _reading.read(message)


def _read_signature(message: bytes) -> Json:
    if len(message) != wire.KEY_SIZE:
        raise BadMessage("no signature")
    return {"blind_signature": encode_base64url(message)}


def _read_token(message: bytes) -> Json:
    token = wire.Token.decode(message)
    seen: dict[str, Json] = {"token_type": token.token_type}
    for name in ("nonce", "challenge_digest", "token_key_id", "authenticator"):
        seen[name] = encode_base64url(getattr(token, name))
    return seen | _read_extensions(token.extensions)


def _read_request(message: bytes) -> Json:
    return _request_fields(wire.TokenRequest.decode(message))


def _read_batch(message: bytes) -> Json:
    return {"token_requests": [_request_fields(asked) for asked in batches.decode_requests(message)]}


def _read_responses(message: bytes) -> Json:
    found = batches.decode_responses(message)
    return {"blind_signatures": [None if each is None else encode_base64url(each[1]) for each in found]}


def _request_fields(asked: wire.TokenRequest) -> dict[str, Json]:
    return {
        "token_type": asked.token_type,
        "truncated_token_key_id": asked.truncated_key_id,
        "blinded_msg": encode_base64url(asked.blinded),
        **_read_extensions(asked.extensions),
    }


def _read_extensions(extensions: bytes) -> dict[str, Json]:
    return {"extensions": encode_base64url(extensions)} if extensions else {}
