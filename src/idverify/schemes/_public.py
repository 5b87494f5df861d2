"""An issuer's public document and its signing keys, as several schemes use them."""

from __future__ import annotations

from dataclasses import dataclass

from idverify.errors import BadMessage, UntrustedIssuer
from idverify.formats import jose, jwa
from idverify.formats.strict_json import JsonObject, read_object, shown, text_member, write_json
from idverify.scheme import Json


@dataclass(frozen=True, slots=True)
class Public:
    """`{"issuer": …, "keys": […]}` with keys of the algorithms in `jwa`."""

    issuer: str
    keys: jose.KeySet

    def check_issuer(self, claims: JsonObject) -> None:
        """`iss` must be exactly this issuer. Raises UntrustedIssuer."""
        if (iss := claims.get("iss")) != self.issuer:
            raise UntrustedIssuer(f"issued by {shown(iss)}, trusted is {self.issuer}")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An issuer's key with the key id under which it is published."""

    key: jose.PrivateKey
    kid: str
    jwk: JsonObject


def new_secret(algorithm: jwa.Algorithm) -> bytes:
    """A fresh key as PKCS #8 in PEM."""
    return jwa.write_private(algorithm.new_key())


def load_secret(secret: bytes, algorithm: jwa.Algorithm) -> SigningKey:
    """The key in a secret of `new_secret`. Raises BadMessage."""
    key = jwa.read_private(secret, algorithm)
    jwk = jose.public_jwk(key)
    kid = jose.thumbprint(jwk)
    return SigningKey(key, kid, {**jwk, "kid": kid, "alg": algorithm.name, "use": "sig"})


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
