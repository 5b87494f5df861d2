"""How an attester tells a token issuer that it may sign: a signed statement about exactly one request.

RFC 9576 section 4.4 wants a secure channel between the two and names none; this is a JWT (RFC 7519) that holds the
SHA-256 of the request's body, and nothing about the person.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from idverify.errors import BadMessage, BadSignature, UntrustedIssuer, WrongAudience
from idverify.formats import jose
from idverify.formats.strict_json import encode_base64url, shown
from idverify.scheme import Json

KEYS_PATH = "/api/attester"
"""Where an attester publishes the keys that it signs statements with."""
TYPE = "attestation+jwt"
LIFETIME = 60
"""Seconds in which a statement must arrive."""


def statement(key: jose.PrivateKey, kid: str, *, attester: str, issuer: str, body: bytes, now: datetime) -> str:
    """The attester (its URL) lets the issuer (its URL) sign what `body` asks for."""
    at = int(now.timestamp())
    claims: dict[str, Json] = {"iss": attester, "aud": issuer, "iat": at, "exp": at + LIFETIME, "body": digest(body)}
    return jose.sign(claims, key, typ=TYPE, kid=kid)


def check(token: str, keys: jose.KeySet, *, attester: str, issuer: str, body: bytes, now: datetime) -> None:
    """Raises BadMessage, or the NotProven that says what is wrong with the statement."""
    # RFC 8725 section 3: (1) typ, alg, key, signature  (2) iss  (3) aud  (4) exp, iat  (5) the request itself. That
    # the statement is used once only need not be checked: the same request has the same answer.
    parsed = jose.parse(token, typ=TYPE)  # (1)
    claims = jose.check(parsed, keys.find(parsed.kid))
    if (iss := claims.get("iss")) != attester:  # (2)
        raise UntrustedIssuer(f"attested by {shown(iss)}, trusted is {attester}")
    if (aud := claims.get("aud")) != issuer:  # (3)
        raise WrongAudience(f"made for {shown(aud)}, shown to {issuer}")
    jose.check_times(claims, now, required=("exp", "iat"), longest=LIFETIME)  # (4)
    said = claims.get("body")
    if not isinstance(said, str):
        raise BadMessage("the attestation names no request")
    if not hmac.compare_digest(said.encode(), digest(body).encode()):  # (5)
        raise BadSignature("the attestation is for another request")


def digest(body: bytes) -> str:
    return encode_base64url(hashlib.sha256(body).digest())
