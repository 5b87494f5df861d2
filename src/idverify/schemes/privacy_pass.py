"""Privacy Pass: blindly signed tokens, one published key for each age (RFC 9576, RFC 9577, RFC 9578 type 0x0002)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import blind_rsa
from idverify.crypto.blind_rsa import Blinded, PublicKey
from idverify.crypto.rsa_private import RawPrivateKey
from idverify.errors import BadMessage
from idverify.formats import privacy_pass as wire
from idverify.formats import privacy_pass_batch as batches
from idverify.formats import token_keys
from idverify.formats.strict_json import read_object, write_json
from idverify.formats.token_keys import TokenKey
from idverify.scheme import AGES, Info, Json, Random, StatusLookup, never
from idverify.schemes import _tokens_read
from idverify.schemes._tokens import BlindSign, Terms, TokenHolder, TokenIssuer, TokenVerifier, read_requests

VARIANT = blind_rsa.PSS_DETERMINISTIC  # RFC 9578 section 6
INFO = Info(
    name="privacy_pass",
    title="Privacy Pass token",
    spec=f"{wire.SPEC} type 0x0002, {blind_rsa.SPEC}, {batches.SPEC}",
    answers=frozenset({"over"}),
    issued="ahead_per_platform",
    single_use=True,
    rationed=True,
    binds_nonce=False,
    same_keys=True,
    learns={
        "identity provider": "that the person takes a token of an age band, not for which platform",
        "platform": "the age band",
    },
    limits="one token is one account: only the quota keeps a person from having several, and tokens can be given away",
)


@dataclass(frozen=True, slots=True)
class AgeByKey:
    """Type 0x0002: each key stands for one age, and a token has no metadata."""

    token_type: int = wire.TOKEN_TYPE

    def extensions(self, age: int, *, now: datetime) -> bytes:
        return b""

    def terms(self, key: TokenKey, extensions: bytes) -> Terms:
        return Terms(key.ages[0])

    def blind(self, key: PublicKey, *, prepared: bytes, extensions: bytes, random: Random) -> Blinded:
        return blind_rsa.blind(VARIANT, key, prepared=prepared, random=random)

    def finalize(
        self, key: PublicKey, *, prepared: bytes, extensions: bytes, blind_signature: bytes, inverse: int
    ) -> bytes:
        return blind_rsa.finalize(VARIANT, key, prepared=prepared, blind_signature=blind_signature, inverse=inverse)

    def verify(self, key: PublicKey, *, prepared: bytes, extensions: bytes, signature: bytes) -> None:
        blind_rsa.verify(VARIANT, key, prepared=prepared, signature=signature)

    def signer(self, key: rsa.RSAPrivateKey) -> BlindSign:
        raw = RawPrivateKey(key)
        return lambda blinded, _: blind_rsa.blind_sign(raw, blinded)


class PrivacyPass:
    """A key for each age, which `info` may put into the hands of another party than the identity provider."""

    def __init__(self, info: Info = INFO) -> None:
        self.info = info
        self._kind = AgeByKey()

    def new_secret(self) -> bytes:
        keys: dict[str, Json] = {}
        short: set[int] = set()
        for age in AGES:
            # A request names its key by one byte, which therefore must be unique (RFC 9578 section 4).
            while True:
                key = rsa.generate_private_key(65537, 2048)
                short_id = wire.key_id(wire.encode_key(key.public_key()))[-1]
                if short_id not in short:
                    break
            short.add(short_id)
            keys[str(age)] = wire.pkcs8(key)
        return write_json(keys)

    def issuer(self, secret: bytes, *, name: str) -> TokenIssuer:
        keys = _load(secret)
        return TokenIssuer(self._kind, name, [((age,), key) for age, key in keys.items()])

    def holder(self) -> TokenHolder:
        return TokenHolder(self.info, self._kind)

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> TokenVerifier:
        return TokenVerifier(self.info, self._kind, token_keys.read_of_type(public, self._kind.token_type))

    def asks(self, request: bytes) -> int:
        return len(read_requests(self._kind.token_type, request)[0])

    def read(self, message: bytes) -> Json:
        return _tokens_read.read(message)


def _load(secret: bytes) -> Mapping[int, rsa.RSAPrivateKey]:
    """One private key for each age, from what `new_secret` made. Raises BadMessage."""
    keys: dict[int, rsa.RSAPrivateKey] = {}
    for age, pem in read_object(secret, "issuer's secret").items():
        try:
            key = serialization.load_pem_private_key(str(pem).encode(), None)
        except ValueError as error:
            raise BadMessage("the issuer's secret is not private keys in PEM") from error
        if not age.isdecimal() or not isinstance(key, rsa.RSAPrivateKey):
            raise BadMessage("the issuer's secret is not one RSA key for each age")
        keys[int(age)] = key
    return keys
