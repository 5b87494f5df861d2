"""COSE: signed and authenticated CBOR messages and their keys (RFC 9052, RFC 9053, x5chain of RFC 9360).

Only COSE_Sign1 and COSE_Mac0, each with one signature algorithm that its caller allows. What was signed is always the
bytes as received. Nothing is fetched, and no key is taken from a message unless the caller asks for it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import BadMessage, BadSignature
from idverify.formats import jwa
from idverify.formats.cbor import MAX_SIZE, Cbor, Key, Tag, a_list, a_map, read, some_bytes, write

SPEC = "RFC 9052, RFC 9053, RFC 9360"
ALG, CRIT, CONTENT_TYPE, KID, TYP, X5CHAIN = 1, 2, 3, 4, 16, 33
"""Header labels. `TYP` is RFC 9596's."""
ES256, ML_DSA_44, ML_DSA_65, ML_DSA_87, HMAC_256 = -7, -48, -49, -50, 5
"""Algorithms: RFC 9053, RFC 9964."""
SIGN1, MAC0 = 18, 17
"""The tags of the two messages."""
MAX_CHAIN = 5
_SHORT = 200
"""Bytes of a protected header that is kept decoded: the same few come with every message."""
_ML_DSA: Mapping[int, jwa.MlDsa] = MappingProxyType(
    {ML_DSA_44: jwa.ML_DSA_44, ML_DSA_65: jwa.ML_DSA_65, ML_DSA_87: jwa.ML_DSA_87}
)
ALGORITHMS: Mapping[int, jwa.Algorithm] = MappingProxyType({ES256: jwa.ES256, **_ML_DSA})

PublicKey: TypeAlias = jwa.PublicKey
PrivateKey: TypeAlias = jwa.PrivateKey
Headers: TypeAlias = Mapping[Key, Cbor]


@dataclass(frozen=True, slots=True)
class Unverified:
    """A COSE_Sign1 or COSE_Mac0 that decoded, and that nobody has checked."""

    protected: Headers
    unprotected: Headers
    payload: bytes | None = field(repr=False)
    proof: bytes = field(repr=False)  # the signature or the MAC
    protected_bytes: bytes = field(repr=False)

    @property
    def kid(self) -> bytes:
        """The key id, from either header. Raises BadMessage where there is none."""
        return some_bytes(self.protected.get(KID, self.unprotected.get(KID)), "kid of the COSE message")

    @property
    def x5chain(self) -> tuple[bytes, ...]:
        """The certificates in DER, the signer's first. Raises BadMessage where there are none."""
        chain = self.protected.get(X5CHAIN, self.unprotected.get(X5CHAIN))
        certificates = chain if isinstance(chain, list) else [chain]
        if not 0 < len(certificates) <= MAX_CHAIN:
            raise BadMessage(f"the COSE message's x5chain does not have 1 to {MAX_CHAIN} certificates")
        return tuple(some_bytes(each, "certificate in an x5chain") for each in certificates)


def parse(
    message: bytes,
    what: str = "COSE message",
    *,
    tag: int = SIGN1,
    algs: Sequence[int] = (ES256,),
    max_size: int = MAX_SIZE,
) -> Unverified:
    """Decode a message that stands alone, with its tag or without. Raises BadMessage."""
    value = read(message, what, max_size=max_size)
    if isinstance(value, Tag):
        if value.tag != tag:
            raise BadMessage(f"the {what} has the CBOR tag {value.tag}, not {tag}")
        value = value.value
    return take(value, what, algs=algs)


def take(value: Cbor, what: str = "COSE message", *, algs: Sequence[int] = (ES256,)) -> Unverified:
    """The untagged message in a value that was decoded before. Raises BadMessage."""
    # RFC 9052 section 3 and 4.2: (1) four parts  (2) header maps that share no label  (3) crit: nothing is
    # understood that is not checked here  (4) the algorithm is protected, and one that the caller allows
    parts = a_list(value, what)
    if len(parts) != 4:  # (1)
        raise BadMessage(f"the {what} has {len(parts)} parts, not 4")
    protected_bytes = some_bytes(parts[0], f"{what}'s protected header")
    payload, proof = parts[2], some_bytes(parts[3], f"{what}'s signature")
    if payload is not None:
        payload = some_bytes(payload, f"{what}'s payload")
    short = len(protected_bytes) <= _SHORT
    protected = (_header if short else _header.__wrapped__)(protected_bytes, what)
    unprotected = a_map(parts[1], f"{what}'s unprotected header")
    if protected.keys() & unprotected.keys():  # (2)
        raise BadMessage(f"the {what} has a header that is both protected and unprotected")
    if CRIT in protected or CRIT in unprotected:  # (3)
        raise BadMessage(f"the {what} has critical headers, which are not understood here")
    alg = protected.get(ALG)
    if isinstance(alg, bool) or not isinstance(alg, int) or alg not in algs:  # (4)
        raise BadMessage(f"the {what}'s protected alg is not one of {', '.join(map(str, algs))}")
    return Unverified(protected, unprotected, payload, proof, protected_bytes)


def check(message: Unverified, key: PublicKey, *, detached: bytes | None = None, external: bytes = b"") -> bytes:
    """Verify the signature and return the payload. Raises BadSignature, BadMessage.

    `detached` is the payload of a message that must have none of its own.
    """
    payload, alg = _payload(message, detached), algorithm(key)
    if message.protected[ALG] != alg:
        raise BadSignature("the COSE message names another algorithm than its signer's key is for")
    try:
        ALGORITHMS[alg].verify(key, message.proof, _signed(message.protected_bytes, payload, external))
    except BadSignature as error:
        raise BadSignature("the COSE signature does not verify with its signer's key") from error
    return payload


def check_mac(message: Unverified, key: bytes, *, detached: bytes | None = None, external: bytes = b"") -> bytes:
    """Verify an HMAC 256/256 and return the payload. Raises BadSignature, BadMessage."""
    payload = _payload(message, detached)
    expected = mac_of(key, message.protected_bytes, payload, external=external)
    if message.protected[ALG] != HMAC_256 or not hmac.compare_digest(expected, message.proof):
        raise BadSignature("the COSE MAC does not verify")
    return payload


def mac_of(key: bytes, protected: bytes, payload: bytes, *, external: bytes = b"") -> bytes:
    """The tag of a COSE_Mac0 (RFC 9052 section 6.3)."""
    return hmac.digest(key, cbor2.dumps(["MAC0", protected, external, payload]), "sha256")


def sign(
    payload: bytes,
    key: PrivateKey,
    *,
    protected: Headers | None = None,
    unprotected: Headers | None = None,
    detached: bool = False,
    external: bytes = b"",
) -> list[Cbor]:
    """An untagged COSE_Sign1; the algorithm is the key's own and goes into the protected header."""
    alg = algorithm(key)
    header = write({ALG: alg, **(protected or {})})
    signature = ALGORITHMS[alg].sign(key, _signed(header, payload, external))
    return [header, dict(unprotected or {}), None if detached else payload, signature]


def algorithm(key: PublicKey | PrivateKey) -> int:
    """The one algorithm of a key, so that a message never chooses how it is checked. Raises BadMessage."""
    for number, each in ALGORITHMS.items():
        if each.has(key):
            return number
    raise BadMessage(f"the key is not for one of {', '.join(each.name for each in ALGORITHMS.values())}")


def write_key(key: PublicKey) -> dict[Key, Cbor]:
    """The COSE_Key of a public key (RFC 9053 section 7.1, RFC 9964)."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        numbers = key.public_numbers()
        return {1: 2, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
    return {1: 7, 3: algorithm(key), -1: key.public_bytes_raw()}


def read_key(value: Cbor, what: str = "COSE key") -> PublicKey:
    """A public key for ES256 or ML-DSA. Raises BadMessage, for a private one above all.

    `key_ops` is not looked at: wallets list what they please there, and no key here has two uses.
    """
    key = a_map(value, what)
    kty, alg = key.get(1), key.get(3)
    if kty == 7 and isinstance(alg, int) and alg in _ML_DSA and -2 not in key:
        public = some_bytes(key.get(-1), f"{what}'s public part")
        if len(public) != _ML_DSA[alg].public_size:
            raise BadMessage(f"the {what}'s public part does not have {_ML_DSA[alg].public_size} bytes")
        return _ML_DSA[alg].public.from_public_bytes(public)
    if kty != 2 or key.get(-1) != 1 or isinstance(key.get(-1), bool) or alg not in (None, ES256):
        raise BadMessage(f"the {what} is not one of P-256 for ES256, nor of ML-DSA")
    if -4 in key:
        raise BadMessage(f"the {what} holds a private member")
    x, y = some_bytes(key.get(-2), f"{what}'s x"), key.get(-3)
    try:
        if isinstance(y, bool):  # a compressed point
            encoded = (b"\x03" if y else b"\x02") + x
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), encoded)
        numbers = (int.from_bytes(x), int.from_bytes(some_bytes(y, f"{what}'s y")))
        return ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
    except ValueError as error:
        raise BadMessage(f"the {what} is not a point of P-256") from error


@lru_cache(maxsize=256)
def _header(encoded: bytes, what: str) -> Headers:
    if not encoded:
        return {}
    return MappingProxyType(a_map(read(encoded, f"{what}'s protected header"), f"{what}'s protected header"))


def _payload(message: Unverified, detached: bytes | None) -> bytes:
    if detached is not None:
        if message.payload is not None:
            raise BadMessage("the COSE message has a payload of its own where a detached one is expected")
        return detached
    if message.payload is None:
        raise BadMessage("the COSE message has no payload")
    return message.payload


def _signed(protected: bytes, payload: bytes, external: bytes) -> bytes:
    """Sig_structure (RFC 9052 section 4.4)."""
    return cbor2.dumps(["Signature1", protected, external, payload])
