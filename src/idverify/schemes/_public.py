"""An issuer's public document and its ES256 keys, as several schemes use them."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import BadMessage, UntrustedIssuer
from idverify.formats import jose
from idverify.formats.strict_json import JsonObject, read_object, shown, text_member, write_json
from idverify.scheme import Json


@dataclass(frozen=True, slots=True)
class Public:
    """`{"issuer": …, "keys": […]}` with ES256 keys."""

    issuer: str
    keys: jose.KeySet

    def check_issuer(self, claims: JsonObject) -> None:
        """`iss` must be exactly this issuer. Raises UntrustedIssuer."""
        if (iss := claims.get("iss")) != self.issuer:
            raise UntrustedIssuer(f"issued by {shown(iss)}, trusted is {self.issuer}")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An issuer's ES256 key with the key id under which it is published."""

    key: jose.PrivateKey
    kid: str
    jwk: JsonObject


def new_es256_secret() -> bytes:
    """A fresh P-256 key as PKCS #8 in PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_es256_secret(secret: bytes) -> SigningKey:
    """The key in a secret of `new_es256_secret`. Raises BadMessage."""
    try:
        key = serialization.load_pem_private_key(secret, None)
    except ValueError as error:
        raise BadMessage("the issuer's secret is not a private key in PEM") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadMessage("the issuer's secret is not a P-256 key")
    jwk = jose.public_jwk(key)
    kid = jose.thumbprint(jwk)
    return SigningKey(key, kid, {**jwk, "kid": kid, "alg": "ES256", "use": "sig"})


def write_public(issuer: str, keys: list[Json]) -> bytes:
    return write_json({"issuer": issuer, "keys": keys})


def read_public_object(public: bytes) -> tuple[str, Json]:
    """The issuer's name and its keys, not yet looked at. Raises BadMessage."""
    document = read_object(public, "issuer's public document", max_size=1_000_000)
    return text_member(document, "issuer", what="issuer's public document"), document.get("keys")


def read_public(public: bytes) -> Public:
    """Raises BadMessage."""
    issuer, keys = read_public_object(public)
    return Public(issuer, jose.KeySet(keys))


def as_text(message: bytes, what: str) -> str:
    """ASCII text that came as bytes. Raises BadMessage."""
    try:
        return message.decode("ascii")
    except UnicodeDecodeError as error:
        raise BadMessage(f"the {what} is not ASCII text") from error
