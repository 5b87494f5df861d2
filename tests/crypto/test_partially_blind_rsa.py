"""Partially blind RSA: the metadata binds, the signer refuses what nobody blinds to, and keys are of safe primes."""

from __future__ import annotations

import secrets
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import libcrypto, safe_primes
from idverify.crypto import partially_blind_rsa as pbrsa
from idverify.crypto.blind_rsa import Variant
from idverify.crypto.rsa_private import Backend
from idverify.errors import BadMessage, BadSignature, Unavailable

LENGTHS = [0, 1, 8, 255, 256, 65_535, 70_000]
BACKENDS: list[Backend] = ["libcrypto", "pow"]


@cache
def key() -> rsa.RSAPrivateKey:
    return safe_primes.new_key(2048)


@cache
def small_key() -> rsa.RSAPrivateKey:
    return safe_primes.new_key(1024)


def signed(variant: Variant, message: bytes, metadata: bytes, backend: Backend | None = None) -> bytes:
    public = key().public_key()
    blinded = pbrsa.blind(variant, public, prepared=message, metadata=metadata)
    answer = pbrsa.Signer(key(), backend).blind_sign(blinded.message, metadata)
    return pbrsa.finalize(
        variant, public, prepared=message, metadata=metadata, blind_signature=answer, inverse=blinded.inverse
    )


@pytest.mark.parametrize("variant", pbrsa.VARIANTS.values(), ids=pbrsa.VARIANTS.keys())
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_partially_blind_signature_verifies_with_its_own_message_and_metadata_only(
    variant: Variant, backend: Backend
) -> None:
    signature, public = signed(variant, b"message", b"over 16", backend), key().public_key()
    pbrsa.verify(variant, public, prepared=b"message", metadata=b"over 16", signature=signature)
    for message, metadata in [
        (b"message", b"over 18"),
        (b"message", b""),
        (b"message", b"over 16\0"),
        (b"6message", b"over 1"),
        (b"essage", b"over 16m"),
        (b"messagf", b"over 16"),
    ]:
        with pytest.raises(BadSignature):
            pbrsa.verify(variant, public, prepared=message, metadata=metadata, signature=signature)


@pytest.mark.parametrize("length", LENGTHS)
def test_metadata_of_every_length_derives_a_key_that_signs(length: int) -> None:
    metadata = secrets.token_bytes(length)
    assert signed(pbrsa.PSS_DETERMINISTIC, b"m", metadata)
    e = pbrsa.derive_public(key().public_key(), metadata).public_numbers().e
    assert e % 2 == 1
    assert e.bit_length() <= 1022


def test_each_metadata_has_an_exponent_of_its_own() -> None:
    public = key().public_key()
    assert len({pbrsa.derive_public(public, bytes([i])).public_numbers().e for i in range(50)}) == 50


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_signer_refuses_numbers_that_nobody_blinds_to_and_other_lengths(backend: Backend) -> None:
    signer, n = pbrsa.Signer(key(), backend), key().public_key().public_numbers().n
    for number in (0, 1, n - 1, n, n + 1, 2**2048 - 1):
        with pytest.raises(BadMessage):
            signer.blind_sign(number.to_bytes(256), b"over 16")
    for length in (0, 1, 255, 257):
        with pytest.raises(BadMessage):
            signer.blind_sign(b"\2" * length, b"over 16")


def test_the_wallet_refuses_what_was_signed_under_other_metadata() -> None:
    public, variant = key().public_key(), pbrsa.PSS_DETERMINISTIC
    blinded = pbrsa.blind(variant, public, prepared=b"m", metadata=b"over 18")
    answer = pbrsa.Signer(key()).blind_sign(blinded.message, b"over 16")
    for metadata in (b"over 16", b"over 18"):
        with pytest.raises(BadSignature):
            pbrsa.finalize(
                variant,
                public,
                prepared=b"m",
                metadata=metadata,
                blind_signature=answer,
                inverse=blinded.inverse,
            )


def test_a_faulty_result_never_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = pbrsa.Signer(key(), "pow")
    raw = signer._derive(b"over 16")
    right = raw.raw((5).to_bytes(256))
    monkeypatch.setattr(raw, "_operation", lambda _: right[:-1] + bytes([right[-1] ^ 1]))
    with pytest.raises(Unavailable):
        raw.raw((5).to_bytes(256))


def test_a_key_of_other_primes_says_so_where_it_cannot_sign() -> None:
    """p - 1 of an ordinary key has small factors, one of which most exponents share sooner or later."""
    ordinary = pbrsa.Signer(rsa.generate_private_key(65537, 2048))

    def try_many() -> None:
        for number in range(1000):
            ordinary._derive(number.to_bytes(2))

    with pytest.raises(BadMessage, match="not safe"):
        try_many()


def test_a_modulus_whose_size_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(BadMessage):
        pbrsa.derive_public(rsa.generate_private_key(65537, 1536).public_key(), b"")


def test_a_key_prints_no_number_of_its_own() -> None:
    assert repr(pbrsa.Signer(key())) == "Signer(2048 bits)"


def test_keys_are_products_of_two_safe_primes() -> None:
    for made, bits in ((key(), 2048), (small_key(), 1024)):
        numbers = made.private_numbers()
        assert made.key_size == bits
        assert numbers.p != numbers.q
        assert all(safe_primes.is_safe(prime) for prime in (numbers.p, numbers.q))


def test_the_search_without_libcrypto_finds_safe_primes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "library", lambda: None)
    for bits in (32, 64, 256):
        prime = safe_primes.safe_prime(bits)
        assert safe_primes.is_safe(prime)
        assert prime >> (bits - 2) == 3


def test_the_safe_primes_below_400_are_known() -> None:
    found = [n for n in range(400) if safe_primes.is_safe(n)]
    assert found == [11, 23, 47, 59, 83, 107, 167, 179, 227, 263, 347, 359, 383]
