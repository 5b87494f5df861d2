"""RSA partially blind signatures: the signer sees the metadata, not the message (draft-irtf-cfrg-partially-blind-rsa).

Metadata turns the key (n, e) into (n, e'); beyond that all is as in RFC 9474. e' has about 1,022 bits, so that checking
a signature costs more than making one. The wallet's side is not constant-time, as in `blind_rsa`.
"""

from __future__ import annotations

import secrets
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idverify.crypto import blind_rsa
from idverify.crypto.blind_rsa import Blinded, PublicKey, Variant
from idverify.crypto.rsa_private import Backend, RawPrivateKey
from idverify.errors import BadMessage
from idverify.scheme import Random

SPEC = "draft-irtf-cfrg-partially-blind-rsa-01"
PSS_RANDOMIZED = Variant("RSAPBSSA-SHA384-PSS-Randomized", 48, 32)
PSSZERO_RANDOMIZED = Variant("RSAPBSSA-SHA384-PSSZERO-Randomized", 0, 32)
PSS_DETERMINISTIC = Variant("RSAPBSSA-SHA384-PSS-Deterministic", 48, 0)
PSSZERO_DETERMINISTIC = Variant("RSAPBSSA-SHA384-PSSZERO-Deterministic", 0, 0)
VARIANTS = {v.name: v for v in (PSS_RANDOMIZED, PSSZERO_RANDOMIZED, PSS_DETERMINISTIC, PSSZERO_DETERMINISTIC)}
MOST_KEPT = 256
"""Derived keys that are kept; what may be metadata is for the caller to limit."""


def derive_public(key: PublicKey, metadata: bytes) -> PublicKey:
    """Section 4.6: the key (n, e') for this metadata. Raises BadMessage for a modulus of another length than 2^k."""
    return _derived(key.public_numbers().n, metadata)


@lru_cache(maxsize=MOST_KEPT)
def _derived(n: int, metadata: bytes) -> PublicKey:
    size = (n.bit_length() + 7) // 8
    if size & (size - 1) or size < 128:
        raise BadMessage(f"a modulus of {size} bytes is no power of two from 128 on")
    half = size // 2
    hkdf = HKDF(hashes.SHA384(), half + 16, salt=n.to_bytes(size), info=b"PBRSA")
    expanded = hkdf.derive(b"key" + metadata + b"\0")[:half]
    # The two highest bits are cleared so that e' is below both p' and q' and so has an inverse; it is odd.
    e = int.from_bytes(expanded) & ((1 << (8 * half - 2)) - 1) | 1
    try:
        return rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError as error:  # an e' of 1, or an even n
        raise BadMessage("no key can be derived for this metadata") from error


def blind(
    variant: Variant, key: PublicKey, *, prepared: bytes, metadata: bytes, random: Random = secrets.token_bytes
) -> Blinded:
    """Section 4.2. `prepared` is of `blind_rsa.prepare`. Raises BadMessage for a useless key."""
    return blind_rsa.blind(
        variant, derive_public(key, metadata), prepared=_with_metadata(prepared, metadata), random=random
    )


def finalize(
    variant: Variant, key: PublicKey, *, prepared: bytes, metadata: bytes, blind_signature: bytes, inverse: int
) -> bytes:
    """Section 4.4: unblind, and check before anybody counts it. Raises BadMessage, BadSignature."""
    return blind_rsa.finalize(
        variant,
        derive_public(key, metadata),
        prepared=_with_metadata(prepared, metadata),
        blind_signature=blind_signature,
        inverse=inverse,
    )


def verify(variant: Variant, key: PublicKey, *, prepared: bytes, metadata: bytes, signature: bytes) -> None:
    """Section 4.5: an RSASSA-PSS verification with the derived key. Raises BadSignature."""
    blind_rsa.verify(
        variant, derive_public(key, metadata), prepared=_with_metadata(prepared, metadata), signature=signature
    )


class Signer:
    """A private key that signs under metadata; safe to share between threads."""

    def __init__(self, key: rsa.RSAPrivateKey, use: Backend | None = None) -> None:
        self.public = key.public_key()
        self._numbers = key.private_numbers()
        self._use: Backend | None = use
        self._for = lru_cache(maxsize=MOST_KEPT)(self._derive)

    def blind_sign(self, blinded: bytes, metadata: bytes) -> bytes:
        """Section 4.3, the result checked with e'. Raises BadMessage as `blind_rsa.blind_sign` does."""
        return self._for(metadata).raw(blinded)

    def _derive(self, metadata: bytes) -> RawPrivateKey:
        """Section 4.7. Only with safe primes does every e' have an inverse."""
        public = derive_public(self.public, metadata).public_numbers()
        p, q = self._numbers.p, self._numbers.q
        try:
            d = pow(public.e, -1, (p - 1) * (q - 1))
        except ValueError as error:
            raise BadMessage("the key's primes are not safe: no exponent for this metadata") from error
        crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), self._numbers.iqmp
        derived = rsa.RSAPrivateNumbers(p, q, d, *crt, public)
        return RawPrivateKey(derived.private_key(unsafe_skip_rsa_key_validation=True), self._use)

    def __repr__(self) -> str:
        return f"Signer({self.public.key_size} bits)"


def _with_metadata(prepared: bytes, metadata: bytes) -> bytes:
    return b"msg" + len(metadata).to_bytes(4) + metadata + prepared
