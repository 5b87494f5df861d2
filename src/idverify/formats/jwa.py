"""Signature algorithms of JOSE and their keys: ES256 (RFC 7518, RFC 7517) and ML-DSA (RFC 9964), one instance each.

A key belongs to exactly one algorithm, so that a token never chooses how it is checked. Private keys are kept as
PKCS #8, ML-DSA's as their seed (RFC 9881).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from idverify.errors import BadMessage, BadSignature
from idverify.formats.strict_json import JsonObject, decode_base64url, encode_base64url, write_json
from idverify.scheme import Json

_MlDsaPublic: TypeAlias = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
_MlDsaPrivate: TypeAlias = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | _MlDsaPublic
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | _MlDsaPrivate

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551.to_bytes(32)
_ZERO = bytes(32)
_P256 = ec.SECP256R1()
_ECDSA = ec.ECDSA(hashes.SHA256())
_PRIVATE_MEMBERS = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth", "priv"})
_NOT_VERIFIED = "the token's signature does not verify with its issuer's key"


class Algorithm(Protocol):
    """One signature algorithm with its keys and their JWKs."""

    @property
    def name(self) -> str: ...  # as in the header's alg

    def new_key(self) -> PrivateKey: ...

    def has(self, key: PublicKey | PrivateKey) -> bool:
        """Whether this is a key of this algorithm."""
        ...

    def sign(self, key: PrivateKey, message: bytes) -> bytes: ...

    def verify(self, key: PublicKey, signature: bytes, message: bytes) -> None:
        """Raises BadSignature, for a key of another algorithm too."""
        ...

    def public_jwk(self, key: PublicKey) -> dict[str, Json]:
        """The members that RFC 7638 hashes, and no others."""
        ...

    def read_jwk(self, jwk: JsonObject) -> PublicKey:
        """Raises BadMessage."""
        ...


@dataclass(frozen=True, slots=True)
class Es256:
    """ECDSA with P-256 and SHA-256 (RFC 7518 section 3.4)."""

    name: str = "ES256"

    def new_key(self) -> PrivateKey:
        return ec.generate_private_key(_P256)

    def has(self, key: PublicKey | PrivateKey) -> bool:
        return isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1"

    def sign(self, key: PrivateKey, message: bytes) -> bytes:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(key.sign(message, _ECDSA))
        return r.to_bytes(32) + s.to_bytes(32)

    def verify(self, key: PublicKey, signature: bytes, message: bytes) -> None:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise BadSignature("the token is signed with ES256, its issuer's key is for another algorithm")
        if len(signature) != 64:
            raise BadSignature(f"an ES256 signature has 64 bytes, this one {len(signature)}")
        r, s = signature[:32], signature[32:]
        if not (_ZERO < r < _ORDER and _ZERO < s < _ORDER):  # of one length, bytes compare as the numbers do
            raise BadSignature("the ES256 signature's numbers are out of range")
        try:
            key.verify(_der(r, s), message, _ECDSA)
        except InvalidSignature as error:
            raise BadSignature(_NOT_VERIFIED) from error

    def public_jwk(self, key: PublicKey) -> dict[str, Json]:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        numbers = key.public_numbers()
        x, y = (encode_base64url(part.to_bytes(32)) for part in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    def read_jwk(self, jwk: JsonObject) -> PublicKey:
        if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
            raise BadMessage("the key is not of kty EC and crv P-256")
        x, y = jwk.get("x"), jwk.get("y")
        if not isinstance(x, str) or not isinstance(y, str) or len(x) != 43 or len(y) != 43:
            raise BadMessage("the key's x and y are not 32 bytes each in base64url")
        return _point(x, y)


def _der(r: bytes, s: bytes) -> bytes:
    """Two positive numbers of 32 bytes as the SEQUENCE of INTEGERs that cryptography reads (RFC 3279 section 2.2.3)."""
    r, s = r.lstrip(b"\0"), s.lstrip(b"\0")
    r, s = b"\0" + r if r[0] > 127 else r, b"\0" + s if s[0] > 127 else s
    return b"0%c\x02%c%b\x02%c%b" % (4 + len(r) + len(s), len(r), r, len(s), s)


# Loading a key costs a fourth of verifying with it, and a wallet that logs in again shows the same one.
@lru_cache(maxsize=1024)
def _point(x: str, y: str) -> ec.EllipticCurvePublicKey:
    encoded = b"\x04" + decode_base64url(x, "key's x") + decode_base64url(y, "key's y")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_P256, encoded)
    except ValueError as error:
        raise BadMessage("the key is not a point of P-256") from error


@dataclass(frozen=True, slots=True)
class MlDsa:
    """ML-DSA without a context string and without prehashing (RFC 9964; FIPS 204)."""

    name: str
    public: type[_MlDsaPublic]
    private: type[_MlDsaPrivate]
    public_size: int  # bytes
    signature_size: int

    def new_key(self) -> PrivateKey:
        return self.private.generate()

    def has(self, key: PublicKey | PrivateKey) -> bool:
        return isinstance(key, (self.public, self.private))

    def sign(self, key: PrivateKey, message: bytes) -> bytes:
        assert isinstance(key, self.private)
        return key.sign(message)

    def verify(self, key: PublicKey, signature: bytes, message: bytes) -> None:
        if not isinstance(key, self.public):
            raise BadSignature(f"the token is signed with {self.name}, its issuer's key is for another algorithm")
        if len(signature) != self.signature_size:
            raise BadSignature(f"an {self.name} signature has {self.signature_size} bytes, this one {len(signature)}")
        try:
            key.verify(signature, message)
        except InvalidSignature as error:
            raise BadSignature(_NOT_VERIFIED) from error

    def public_jwk(self, key: PublicKey) -> dict[str, Json]:
        assert isinstance(key, self.public)
        return {"alg": self.name, "kty": "AKP", "pub": encode_base64url(key.public_bytes_raw())}

    def read_jwk(self, jwk: JsonObject) -> PublicKey:
        # The key type is for every algorithm of its kind, so that alg is not optional (RFC 9964 section 3).
        if jwk.get("kty") != "AKP" or jwk.get("alg") != self.name:
            raise BadMessage(f"the key is not of kty AKP and alg {self.name}")
        text = jwk.get("pub")
        encoded = decode_base64url(text, "key's pub") if isinstance(text, str) and len(text) < 10_000 else b""
        if len(encoded) != self.public_size:
            raise BadMessage(f"the key's pub is not {self.public_size} bytes in base64url")
        return self.public.from_public_bytes(encoded)


ES256 = Es256()
ML_DSA_44 = MlDsa("ML-DSA-44", mldsa.MLDSA44PublicKey, mldsa.MLDSA44PrivateKey, 1312, 2420)
ML_DSA_65 = MlDsa("ML-DSA-65", mldsa.MLDSA65PublicKey, mldsa.MLDSA65PrivateKey, 1952, 3309)
ML_DSA_87 = MlDsa("ML-DSA-87", mldsa.MLDSA87PublicKey, mldsa.MLDSA87PrivateKey, 2592, 4627)
_ALL: tuple[Algorithm, ...] = (ES256, ML_DSA_44, ML_DSA_65, ML_DSA_87)
ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType({algorithm.name: algorithm for algorithm in _ALL})


def algorithm_of(key: PublicKey | PrivateKey) -> Algorithm:
    """The one algorithm that a key is for. Raises ValueError for a key of none, such as one of another curve."""
    for algorithm in _ALL:
        if algorithm.has(key):
            return algorithm
    raise ValueError(f"a key for none of {', '.join(ALGORITHMS)}")


def public_jwk(key: PublicKey | PrivateKey) -> dict[str, Json]:
    """The public JWK of a key, with the members that name it and no others."""
    public = key if isinstance(key, PublicKey) else key.public_key()
    return algorithm_of(key).public_jwk(public)


def read_jwk(jwk: Json) -> PublicKey:
    """A public key for one of ALGORITHMS. Raises BadMessage, for a private one above all."""
    if not isinstance(jwk, Mapping):
        raise BadMessage("the key is not a JSON object")
    if private := _PRIVATE_MEMBERS & jwk.keys():
        raise BadMessage(f"the key holds the private or symmetric member {', '.join(sorted(private))}")
    alg = jwk.get("alg", "ES256")
    if not isinstance(alg, str) or alg not in ALGORITHMS or jwk.get("use", "sig") != "sig":
        raise BadMessage(f"the key is not for signatures with one of {', '.join(ALGORITHMS)}")
    return ALGORITHMS[alg].read_jwk(jwk)


def thumbprint(jwk: JsonObject) -> str:
    """RFC 7638 with SHA-256, in base64url; for ML-DSA over alg, kty and pub (RFC 9964). Raises BadMessage."""
    members = sorted(public_jwk(read_jwk(jwk)).items())
    return encode_base64url(hashlib.sha256(write_json(dict(members))).digest())


def write_private(key: PrivateKey) -> bytes:
    """PKCS #8 in PEM, not encrypted."""
    form, no = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, no)


def read_private(pem: bytes, algorithm: Algorithm) -> PrivateKey:
    """A key of `write_private` for this algorithm. Raises BadMessage."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise BadMessage("the secret is not a private key in PEM") from error
    if not isinstance(key, PrivateKey) or not algorithm.has(key):
        raise BadMessage(f"the secret is not a private key for {algorithm.name}")
    return key
