"""RSA blind signatures: the signer signs a message that it cannot see (RFC 9474).

Not constant-time on the wallet's side: blinding and finalizing use Python integers. The signer's
private operation is in `rsa_private`.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from idverify.crypto.rsa_private import RawPrivateKey, public_power
from idverify.errors import BadMessage, BadSignature
from idverify.scheme import Random

SPEC = "RFC 9474 (October 2023)"
PublicKey: TypeAlias = rsa.RSAPublicKey
HASH_SIZE = 48


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the four named variants of section 5: salt and random prefix, in bytes."""

    name: str
    salt_size: int
    prefix_size: int


PSS_RANDOMIZED = Variant("RSABSSA-SHA384-PSS-Randomized", 48, 32)
PSSZERO_RANDOMIZED = Variant("RSABSSA-SHA384-PSSZERO-Randomized", 0, 32)
PSS_DETERMINISTIC = Variant("RSABSSA-SHA384-PSS-Deterministic", 48, 0)
PSSZERO_DETERMINISTIC = Variant("RSABSSA-SHA384-PSSZERO-Deterministic", 0, 0)
VARIANTS = {v.name: v for v in (PSS_RANDOMIZED, PSSZERO_RANDOMIZED, PSS_DETERMINISTIC, PSSZERO_DETERMINISTIC)}


@dataclass(frozen=True, slots=True)
class Blinded:
    """What the signer gets, and the inverse that only the wallet knows."""

    message: bytes
    inverse: int = field(repr=False)


def prepare(variant: Variant, message: bytes, *, random: Random = secrets.token_bytes) -> bytes:
    """Section 4.1: the message that is really signed, with a random prefix in two of the variants."""
    return random(variant.prefix_size) + message if variant.prefix_size else message


def blind(variant: Variant, key: PublicKey, *, prepared: bytes, random: Random = secrets.token_bytes) -> Blinded:
    """Section 4.2: encode and blind a prepared message. Raises BadMessage for a useless key."""
    n = key.public_numbers().n
    size = (n.bit_length() + 7) // 8
    salt = random(variant.salt_size) if variant.salt_size else b""
    m = int.from_bytes(pss_encode(prepared, n.bit_length() - 1, salt=salt))
    if math.gcd(m, n) != 1:
        raise BadMessage("the encoded message and the key's modulus share a factor")
    r = 0
    while not (0 < r < n and math.gcd(r, n) == 1):
        r = int.from_bytes(random(size))
        r &= (1 << n.bit_length()) - 1
    hidden = int.from_bytes(public_power(key)(r.to_bytes(size)))
    return Blinded((m * hidden % n).to_bytes(size), pow(r, -1, n))


def blind_sign(key: RawPrivateKey, blinded: bytes) -> bytes:
    """Section 4.3. Raises BadMessage for 0, 1, n − 1, n and above, and for a wrong length."""
    return key.raw(blinded)


def finalize(variant: Variant, key: PublicKey, *, prepared: bytes, blind_signature: bytes, inverse: int) -> bytes:
    """Section 4.4: unblind, and check before anybody counts it. Raises BadMessage, BadSignature."""
    n = key.public_numbers().n
    size = (n.bit_length() + 7) // 8
    if len(blind_signature) != size:
        raise BadMessage(f"the blind signature has {len(blind_signature)} bytes, the key {size}")
    z = int.from_bytes(blind_signature)
    if z >= n:
        raise BadMessage("the blind signature is not below the key's modulus")
    signature = (z * inverse % n).to_bytes(size)
    verify(variant, key, prepared=prepared, signature=signature)
    return signature


def verify(variant: Variant, key: PublicKey, *, prepared: bytes, signature: bytes) -> None:
    """Section 4.5: an ordinary RSASSA-PSS verification. Raises BadSignature."""
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), variant.salt_size)
    try:
        key.verify(signature, prepared, pss, hashes.SHA384())
    except InvalidSignature as error:
        raise BadSignature("the RSA signature does not verify with the issuer's key") from error


def pss_encode(message: bytes, bits: int, *, salt: bytes) -> bytes:
    """EMSA-PSS-ENCODE with SHA-384 and MGF1 (RFC 8017 section 9.1.1) to a number of `bits` bits."""
    size = (bits + 7) // 8
    if size < HASH_SIZE + len(salt) + 2:
        raise BadMessage(f"a key of {bits + 1} bits is too short for SHA-384 with a salt of {len(salt)} bytes")
    digest = hashlib.sha384(bytes(8) + hashlib.sha384(message).digest() + salt).digest()
    block = bytes(size - len(salt) - HASH_SIZE - 2) + b"\x01" + salt
    mask = b"".join(
        hashlib.sha384(digest + counter.to_bytes(4)).digest() for counter in range(-(-len(block) // HASH_SIZE))
    )[: len(block)]
    masked = int.from_bytes(block) ^ int.from_bytes(mask)
    masked &= (1 << (8 * len(block) - (8 * size - bits))) - 1
    return masked.to_bytes(len(block)) + digest + b"\xbc"
