"""Compact JWS with ES256 and JSON Web Keys, read strictly (RFC 7515, RFC 7517, RFC 7518, RFC 7638, RFC 8725).

PyJWT checks no `typ` and accepts duplicate members; this reader names the type and the algorithms
at every decode, takes keys from its caller only, and never fetches anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from idverify.errors import BadMessage, BadSignature, Expired, UnknownKey
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
# Headers that name a key, change what is signed, or demand something that is not understood here.
REFUSED_HEADERS = ("jwk", "jku", "x5c", "x5u", "crit", "b64", "zip", "enc")
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ECDSA = ec.ECDSA(hashes.SHA256())

PublicKey = ec.EllipticCurvePublicKey
PrivateKey = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Unverified:
    """A JWS that decoded, and that nobody has checked."""

    header: JsonObject
    payload: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

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
    header = read_object(decode_base64url(parts[0], "token header"), "token header")
    alg, given = header.get("alg"), header.get("typ")
    if not isinstance(alg, str) or alg not in algs:
        raise BadMessage(f"the token's alg is not one of {', '.join(algs)}")
    if given != typ:
        raise BadMessage(f"the token's typ is {shown(given)}, not {typ}")
    for name in REFUSED_HEADERS:
        if name in header and not (header_key and name == "jwk"):
            raise BadMessage(f"the token's header has {name}, which is not accepted here")
    signed = token[: len(parts[0]) + 1 + len(parts[1])].encode("ascii", "replace")
    payload = decode_base64url(parts[1], "token payload")
    return Unverified(header, payload, signed, decode_base64url(parts[2], "token signature"))


def check(token: Unverified, key: PublicKey, *, max_size: int = MAX_SIZE) -> JsonObject:
    """Verify the ES256 signature and return the claims. Raises BadSignature, BadMessage."""
    signature = token.signature
    if len(signature) != 64:
        raise BadSignature(f"an ES256 signature has 64 bytes, this one {len(signature)}")
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if not (0 < r < _ORDER and 0 < s < _ORDER):
        raise BadSignature("the ES256 signature's numbers are out of range")
    try:
        key.verify(encode_dss_signature(r, s), token.signed, _ECDSA)
    except InvalidSignature as error:
        raise BadSignature("the token's signature does not verify with its issuer's key") from error
    return read_object(token.payload, "token payload", max_size=max_size)


def sign(claims: JsonObject, key: PrivateKey, *, typ: str, kid: str = "", jwk: JsonObject | None = None) -> str:
    """A compact JWS with ES256; `kid` and `jwk` go into the header where they are given."""
    header: dict[str, Json] = {"alg": "ES256", "typ": typ}
    if kid:
        header["kid"] = kid
    if jwk is not None:
        header["jwk"] = jwk
    signed = f"{encode_base64url(write_json(header))}.{encode_base64url(write_json(claims))}"
    r, s = decode_dss_signature(key.sign(signed.encode(), _ECDSA))
    return f"{signed}.{encode_base64url(r.to_bytes(32) + s.to_bytes(32))}"


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


def public_jwk(key: PublicKey | PrivateKey) -> dict[str, Json]:
    """The public JWK of a P-256 key: kty, crv, x, y."""
    numbers = (key if isinstance(key, ec.EllipticCurvePublicKey) else key.public_key()).public_numbers()
    x, y = (encode_base64url(part.to_bytes(32)) for part in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def thumbprint(jwk: JsonObject) -> str:
    """RFC 7638 with SHA-256, in base64url; the key must have passed `read_jwk`."""
    members: dict[str, Json] = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return encode_base64url(hashlib.sha256(write_json(members)).digest())


def read_jwk(jwk: Json) -> PublicKey:
    """A public P-256 key for ES256. Raises BadMessage, for a private one above all."""
    if not isinstance(jwk, Mapping):
        raise BadMessage("the key is not a JSON object")
    for name in ("d", "k", "p", "q", "dp", "dq", "qi", "oth"):
        if name in jwk:
            raise BadMessage(f"the key holds the private or symmetric member {name}")
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise BadMessage("the key is not of kty EC and crv P-256")
    if jwk.get("alg", "ES256") != "ES256" or jwk.get("use", "sig") != "sig":
        raise BadMessage("the key is not for ES256 signatures")
    x, y = jwk.get("x"), jwk.get("y")
    if not isinstance(x, str) or not isinstance(y, str) or len(x) != 43 or len(y) != 43:
        raise BadMessage("the key's x and y are not 32 bytes each in base64url")
    return _point(x, y)


@lru_cache(maxsize=4096)
def _point(x: str, y: str) -> PublicKey:
    encoded = b"\x04" + decode_base64url(x, "key's x") + decode_base64url(y, "key's y")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), encoded)
    except ValueError as error:
        raise BadMessage("the key is not a point of P-256") from error


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
