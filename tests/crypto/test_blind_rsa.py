"""Blind RSA: the round trip with every variant and backend, and what signer and wallet refuse."""

from __future__ import annotations

import secrets
import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import blind_rsa, libcrypto, rsa_private
from idverify.crypto.blind_rsa import VARIANTS, Variant
from idverify.crypto.rsa_private import Backend, RawPrivateKey
from idverify.errors import BadMessage, BadSignature, Unavailable

PRIVATE = rsa.generate_private_key(65537, 2048)
PUBLIC = PRIVATE.public_key()
N = PUBLIC.public_numbers().n
BACKENDS: list[Backend] = ["libcrypto", "pow"]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_blindly_signed_message_verifies(variant: Variant, backend: Backend) -> None:
    prepared = blind_rsa.prepare(variant, b"message")
    assert prepared.endswith(b"message")
    assert len(prepared) == variant.prefix_size + 7
    blinded = blind_rsa.blind(variant, PUBLIC, prepared=prepared)
    signed = blind_rsa.blind_sign(RawPrivateKey(PRIVATE, backend), blinded.message)
    signature = blind_rsa.finalize(variant, PUBLIC, prepared=prepared, blind_signature=signed, inverse=blinded.inverse)
    blind_rsa.verify(variant, PUBLIC, prepared=prepared, signature=signature)
    with pytest.raises(BadSignature):
        blind_rsa.verify(variant, PUBLIC, prepared=prepared + b"!", signature=signature)


def test_the_same_message_is_never_blinded_the_same_way() -> None:
    variant = VARIANTS["RSABSSA-SHA384-PSSZERO-Deterministic"]
    assert len({blind_rsa.blind(variant, PUBLIC, prepared=b"m").message for _ in range(5)}) == 5


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "number",
    [0, 1, N - 1, N, N + 1, N + 2, 2**2048 - 1],
    ids=["0", "1", "n - 1", "n", "n + 1", "n + 2", "2^2048 - 1"],
)
def test_the_signer_refuses_numbers_that_nobody_blinds_to(backend: Backend, number: int) -> None:
    with pytest.raises(BadMessage):
        RawPrivateKey(PRIVATE, backend).raw(number.to_bytes(256))


@pytest.mark.parametrize("length", [0, 1, 255, 257, 512])
def test_the_signer_refuses_another_length(length: int) -> None:
    with pytest.raises(BadMessage):
        RawPrivateKey(PRIVATE).raw(b"\x02" * length)


def test_all_backends_give_the_same_number() -> None:
    message = secrets.randbelow(N).to_bytes(256)
    expected = pow(int.from_bytes(message), PRIVATE.private_numbers().d, N).to_bytes(256)
    assert {RawPrivateKey(PRIVATE, backend).raw(message) for backend in BACKENDS} == {expected}


def test_the_gmpy2_backend_gives_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsa_private, "_gmpy2_power", lambda: pow)
    message = (5).to_bytes(256)
    assert RawPrivateKey(PRIVATE, "gmpy2").raw(message) == RawPrivateKey(PRIVATE, "pow").raw(message)


def test_a_faulty_result_never_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    key = RawPrivateKey(PRIVATE, "pow")
    right = key.raw((5).to_bytes(256))
    monkeypatch.setattr(key, "_operation", lambda _: right[:-1] + bytes([right[-1] ^ 1]))
    with pytest.raises(Unavailable):
        key.raw((5).to_bytes(256))


def test_a_backend_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "library", lambda: None)
    monkeypatch.setattr(rsa_private, "_gmpy2_power", lambda: None)
    for name in ("libcrypto", "gmpy2"):
        with pytest.raises(Unavailable):
            RawPrivateKey(PRIVATE, "libcrypto" if name == "libcrypto" else "gmpy2")


def test_the_slow_backend_warns_once_and_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "library", lambda: None)
    monkeypatch.setattr(rsa_private, "_gmpy2_power", lambda: None)
    rsa_private.backend.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="not constant-time"):
            assert rsa_private.backend() == "pow"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert rsa_private.backend() == "pow"
    finally:
        rsa_private.backend.cache_clear()


def test_a_key_prints_no_number_of_its_own() -> None:
    assert repr(RawPrivateKey(PRIVATE, "pow")) == "RawPrivateKey(2048 bits, pow)"


def test_the_wallet_refuses_a_wrong_blind_signature() -> None:
    variant = VARIANTS["RSABSSA-SHA384-PSS-Deterministic"]
    blinded = blind_rsa.blind(variant, PUBLIC, prepared=b"m")
    right = RawPrivateKey(PRIVATE).raw(blinded.message)
    wrong = [right[:-1] + bytes([right[-1] ^ 1]), bytes(256), (1).to_bytes(256), blinded.message]
    long = [right[:-1], right + b"\0", b"", N.to_bytes(256), b"\xff" * 256]
    for signature, error in [*((w, BadSignature) for w in wrong), *((w, BadMessage) for w in long)]:
        with pytest.raises(error):
            blind_rsa.finalize(variant, PUBLIC, prepared=b"m", blind_signature=signature, inverse=blinded.inverse)


def test_a_key_that_is_too_short_for_the_salt_is_refused() -> None:
    with pytest.raises(BadMessage):
        blind_rsa.pss_encode(b"m", 511, salt=bytes(48))
