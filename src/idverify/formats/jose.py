"""Compact JWS, read strictly, and an issuer's set of keys (RFC 7515, RFC 7517, RFC 8725).

PyJWT checks no `typ` and accepts duplicate members; this reader names the type and the algorithms
at every decode, takes keys from its caller only, and never fetches anything. What an algorithm and
its keys are stands in `jwa`, whose names come along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from idverify.errors import BadMessage, Expired, UnknownKey
from idverify.formats.jwa import ALGORITHMS as ALGORITHMS
from idverify.formats.jwa import PrivateKey as PrivateKey
from idverify.formats.jwa import PublicKey as PublicKey
from idverify.formats.jwa import algorithm_of as algorithm_of
from idverify.formats.jwa import public_jwk as public_jwk
from idverify.formats.jwa import read_jwk as read_jwk
from idverify.formats.jwa import thumbprint as thumbprint
from idverify.formats.strict_json import (
    MAX_SIZE,
    JsonObject,
    decode_base64url,
    encode_base64url,
    read_object,
    shown,
    write_json,
)
from idverify.scheme import Json

SPEC = "RFC 7515, RFC 8725"
LEEWAY = 30
"""Seconds that two clocks may differ: 10 must be tolerated, 60 must not."""
MAX_TOKEN = 64_000
MAX_KID = 200
_USUAL_HEADER = 500
"""Characters of a header that is kept in mind."""
# Headers that name a key, change what is signed, or demand something that is not understood here.
REFUSED_HEADERS = ("jwk", "jku", "x5c", "x5u", "crit", "b64", "zip", "enc")


@dataclass(frozen=True, slots=True)
class Unverified:
    """A JWS that decoded, and that nobody has checked."""

    header: JsonObject
    payload: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def alg(self) -> str:
        """The header's alg, which `parse` found among those that it was given."""
        return str(self.header["alg"])

    @property
    def kid(self) -> str:
        """The header's key id. Raises BadMessage where there is none."""
        kid = self.header.get("kid")
        if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
            raise BadMessage(f"the token's kid is not a string of 1 to {MAX_KID} characters")
        return kid


def parse(
    token: str,
    *,
    typ: str,
    algs: Sequence[str] = ("ES256",),
    header_key: bool = False,
    max_size: int = MAX_TOKEN,
) -> Unverified:
    """Split and decode a compact JWS of exactly this `typ`. Raises BadMessage.

    `header_key` admits a `jwk` header, for proofs of possession whose key is not known beforehand.
    """
    if len(token) > max_size:
        raise BadMessage(f"the token has {len(token)} characters, at most {max_size} are read")
    parts = token.split(".", 3)
    if len(parts) != 3:
        raise BadMessage(f"the token has {'fewer' if len(parts) < 3 else 'more'} than three parts")
    # All tokens of one key have the same header, except for proofs that bring their key along.
    read = _read_header if header_key or len(parts[0]) > _USUAL_HEADER else _known_header
    header = read(parts[0], typ, tuple(algs), header_key)
    signed = token[: len(parts[0]) + 1 + len(parts[1])].encode("ascii", "replace")
    payload = decode_base64url(parts[1], "token payload")
    return Unverified(header, payload, signed, decode_base64url(parts[2], "token signature"))


def _read_header(text: str, typ: str, algs: tuple[str, ...], header_key: bool) -> JsonObject:
    header = read_object(decode_base64url(text, "token header"), "token header")
    alg, given = header.get("alg"), header.get("typ")
    if not isinstance(alg, str) or alg not in algs:
        raise BadMessage(f"the token's alg is not one of {', '.join(algs)}")
    if given != typ:
        raise BadMessage(f"the token's typ is {shown(given)}, not {typ}")
    for name in REFUSED_HEADERS:
        if name in header and not (header_key and name == "jwk"):
            raise BadMessage(f"the token's header has {name}, which is not accepted here")
    return MappingProxyType(dict(header))


_known_header = lru_cache(maxsize=256)(_read_header)


def check(token: Unverified, key: PublicKey, *, max_size: int = MAX_SIZE) -> JsonObject:
    """Verify the signature with a key for the token's alg, and return the claims. Raises BadSignature, BadMessage."""
    ALGORITHMS[token.alg].verify(key, token.signature, token.signed)
    return read_object(token.payload, "token payload", max_size=max_size)


def sign(claims: JsonObject, key: PrivateKey, *, typ: str, kid: str = "", jwk: JsonObject | None = None) -> str:
    """A compact JWS with the key's algorithm; `kid` and `jwk` go into the header where they are given."""
    algorithm = algorithm_of(key)
    header: dict[str, Json] = {"alg": algorithm.name, "typ": typ}
    if kid:
        header["kid"] = kid
    if jwk is not None:
        header["jwk"] = jwk
    signed = f"{encode_base64url(write_json(header))}.{encode_base64url(write_json(claims))}"
    return f"{signed}.{encode_base64url(algorithm.sign(key, signed.encode()))}"


def check_times(
    claims: JsonObject, now: datetime, *, required: Iterable[str], longest: int | None = None, oldest: int | None = None
) -> None:
    """Check exp, nbf and iat against `now`, with LEEWAY seconds for the clocks.

    `longest` bounds exp − iat, `oldest` the age of iat, both in seconds. Raises BadMessage for a wrong
    type or a missing member, Expired for a token that is not valid at this time.
    """
    times: dict[str, float] = {}
    for name in ("exp", "nbf", "iat"):
        if name in claims:
            value = claims[name]
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
                raise BadMessage(f"the token's {name} is not a time in seconds since 1970")
            times[name] = value
    for name in required:
        if name not in times:
            raise BadMessage(f"the token has no {name}")
    at = now.timestamp()
    if "exp" in times and at >= times["exp"] + LEEWAY:
        raise Expired(f"expired {at - times['exp']:.0f} seconds ago", hint="get a new one")
    for name in ("nbf", "iat"):
        if name in times and times[name] > at + LEEWAY:
            raise Expired(f"{name} is {times[name] - at:.0f} seconds in the future", hint="check both clocks")
    if oldest is not None and "iat" in times and at - times["iat"] > oldest + LEEWAY:
        raise Expired(f"made {at - times['iat']:.0f} seconds ago, at most {oldest} are accepted")
    if longest is not None and "exp" in times and "iat" in times and times["exp"] - times["iat"] > longest:
        raise BadMessage(f"the token is valid for longer than {longest} seconds")


class KeySet:
    """An issuer's published keys by kid; whatever it does not hold is unknown, nothing is fetched."""

    def __init__(self, keys: Json) -> None:
        if not isinstance(keys, Sequence) or isinstance(keys, str) or not keys:
            raise BadMessage("the issuer's keys are not a list with at least one key")
        self._keys: dict[str, PublicKey] = {}
        for jwk in keys:
            key = read_jwk(jwk)
            kid = jwk.get("kid") if isinstance(jwk, Mapping) else None
            if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID or kid in self._keys:
                raise BadMessage("an issuer's key has no kid of its own")
            self._keys[kid] = key

    def find(self, kid: str) -> PublicKey:
        """Raises UnknownKey."""
        key = self._keys.get(kid)
        if key is None:
            raise UnknownKey("signed by a key that the issuer does not publish", hint="fetch the issuer's keys again")
        return key
