"""The keys that sign status lists: ES256, and no scheme's own, so that a list cannot pass for a credential."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import BadMessage
from idverify.formats import jose, status_list
from idverify.formats.status_list import ListToken
from idverify.formats.strict_json import write_json

LISTS = "status_list"
"""The name under which these keys are kept."""


@dataclass(frozen=True, slots=True)
class ListSigner:
    """Signs lists of the issuer `name`."""

    name: str
    key: ec.EllipticCurvePrivateKey

    @property
    def kid(self) -> str:
        return jose.thumbprint(jose.public_jwk(self.key))

    @property
    def public(self) -> bytes:
        jwk = {**jose.public_jwk(self.key), "kid": self.kid, "alg": "ES256", "use": "sig"}
        return write_json({"issuer": self.name, "keys": [jwk]})

    def sign(self, token: ListToken, media_type: str) -> bytes:
        """The list as JWT or CWT."""
        sign = status_list.sign_jwt if media_type == status_list.JWT_TYPE else status_list.sign_cwt
        return sign(token, self.key, kid=self.kid)


class ListSigning:
    """Makes those keys and their signer."""

    def new_secret(self) -> bytes:
        """A fresh P-256 key as PKCS #8 in PEM."""
        return ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def issuer(self, secret: bytes, *, name: str) -> ListSigner:
        """Raises BadMessage for a secret of anything else."""
        try:
            key = serialization.load_pem_private_key(secret, None)
        except ValueError as error:
            raise BadMessage("the secret that signs status lists is not a private key in PEM") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise BadMessage("the secret that signs status lists is not a P-256 key")
        return ListSigner(name, key)
