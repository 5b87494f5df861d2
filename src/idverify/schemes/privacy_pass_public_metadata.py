"""Privacy Pass with public metadata: one key for all ages, age and expiration beside the token (type 0xDA7A)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import partially_blind_rsa as pbrsa
from idverify.crypto import safe_primes
from idverify.crypto.blind_rsa import Blinded, PublicKey
from idverify.errors import BadMessage
from idverify.formats import privacy_pass as wire
from idverify.formats import privacy_pass_batch as batches
from idverify.formats import privacy_pass_extensions as metadata
from idverify.formats import token_keys
from idverify.formats.token_keys import TokenKey
from idverify.scheme import AGES, Info, Json, Random, StatusLookup, never
from idverify.schemes import _tokens_read
from idverify.schemes._tokens import BlindSign, Terms, TokenHolder, TokenIssuer, TokenVerifier, read_requests

VARIANT = pbrsa.PSS_DETERMINISTIC
EPOCH = timedelta(days=30)
"""Counted from 1970. A token is good until the end of the epoch after the one in which it is issued."""
INFO = Info(
    name="privacy_pass_public_metadata",
    title="Privacy Pass token with public metadata",
    spec=f"{wire.METADATA_SPEC} type 0xDA7A, {metadata.SPEC}, {pbrsa.SPEC}, {batches.SPEC}",
    answers=frozenset({"over"}),
    issued="ahead_per_platform",
    single_use=True,
    rationed=True,
    binds_nonce=False,
    same_keys=True,
    usual=False,
    cost="threads",
    learns={
        "identity provider": "that the person takes a token of an age band, not for which platform",
        "platform": "the age band, and in which 30 days the token was issued",
    },
    limits="one token is one account: only the quota keeps a person from having several, and tokens can be given away",
)


@dataclass(frozen=True, slots=True)
class AgeByMetadata:
    """Type 0xDA7A: one key stands for all ages, and the token's metadata says which, and until when."""

    token_type: int = wire.METADATA_TYPE

    def extensions(self, age: int, *, now: datetime) -> bytes:
        precision = int(EPOCH.total_seconds())
        expires = (int(now.timestamp()) // precision + 2) * precision
        return metadata.AgeUntil(age, expires=expires, precision=precision).encode()

    def terms(self, key: TokenKey, extensions: bytes) -> Terms:
        said = metadata.AgeUntil.decode(extensions)
        precision = int(EPOCH.total_seconds())
        if said.precision != precision or said.expires % precision or said.expires >= 1 << 40:
            raise BadMessage(f"the token's expiration is not the end of an epoch of {EPOCH.days} days")
        if said.age not in key.ages:
            raise BadMessage(f"the token says over {said.age}, its key stands for {', '.join(map(str, key.ages))}")
        return Terms(said.age, said.expires)

    def blind(self, key: PublicKey, *, prepared: bytes, extensions: bytes, random: Random) -> Blinded:
        return pbrsa.blind(VARIANT, key, prepared=prepared, metadata=extensions, random=random)

    def finalize(
        self, key: PublicKey, *, prepared: bytes, extensions: bytes, blind_signature: bytes, inverse: int
    ) -> bytes:
        return pbrsa.finalize(
            VARIANT,
            key,
            prepared=prepared,
            metadata=extensions,
            blind_signature=blind_signature,
            inverse=inverse,
        )

    def verify(self, key: PublicKey, *, prepared: bytes, extensions: bytes, signature: bytes) -> None:
        pbrsa.verify(VARIANT, key, prepared=prepared, metadata=extensions, signature=signature)

    def signer(self, key: rsa.RSAPrivateKey) -> BlindSign:
        return pbrsa.Signer(key).blind_sign


class PrivacyPassPublicMetadata:
    info = INFO
    _kind = AgeByMetadata()

    def new_secret(self) -> bytes:
        return wire.pkcs8(safe_primes.new_key(8 * wire.KEY_SIZE)).encode()

    def issuer(self, secret: bytes, *, name: str) -> TokenIssuer:
        try:
            key = serialization.load_pem_private_key(secret, None)
        except ValueError as error:
            raise BadMessage("the issuer's secret is not a private key in PEM") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise BadMessage("the issuer's secret is not an RSA key")
        return TokenIssuer(self._kind, name, [(AGES, key)])

    def holder(self) -> TokenHolder:
        return TokenHolder(self.info, self._kind)

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> TokenVerifier:
        return TokenVerifier(self.info, self._kind, token_keys.read_of_type(public, self._kind.token_type))

    def asks(self, request: bytes) -> int:
        return len(read_requests(self._kind.token_type, request)[0])

    def read(self, message: bytes) -> Json:
        return _tokens_read.read(message)
