"""draft-irtf-cfrg-partially-blind-rsa appendix A: every published vector, byte by byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import blind_rsa
from idverify.crypto import partially_blind_rsa as pbrsa
from idverify.crypto.rsa_private import Backend
from idverify.crypto.safe_primes import is_safe
from tests.vectors.test_blind_rsa_vectors import in_turn

NUMBERS = range(4)


def of_number(vectors: Path, number: int) -> dict[str, str]:
    published: list[dict[str, str]] = json.loads((vectors / "partially-blind-rsa/draft_2.json").read_text())
    assert len(published) == len(NUMBERS)
    return published[number]


def key_of(vector: dict[str, str]) -> rsa.RSAPrivateKey:
    p, q = (int(vector[name], 16) for name in ("p", "q"))
    assert p * q == int(vector["n"], 16)
    e = int(vector["e"], 16)
    d = pow(e, -1, (p - 1) * (q - 1))
    crt = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    return rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(e, p * q)).private_key()


@pytest.mark.parametrize("number", NUMBERS)
def test_the_wallet_and_the_signer_make_the_published_bytes(vectors: Path, number: int) -> None:
    vector = of_number(vectors, number)
    variant, key = pbrsa.VARIANTS[vector["name"]], key_of(vector)
    message, metadata, prefix, salt, r = (
        bytes.fromhex(vector[name]) for name in ("msg", "info", "msg_prefix", "salt", "r")
    )
    public = key.public_key()
    assert pbrsa.derive_public(public, metadata).public_numbers().e == int(vector["eprime"], 16)
    prepared = blind_rsa.prepare(variant, message, random=in_turn(prefix))
    blinded = pbrsa.blind(variant, public, prepared=prepared, metadata=metadata, random=in_turn(salt, r))
    assert blinded.message.hex() == vector["blind_msg"]
    backends: tuple[Backend, ...] = ("libcrypto", "pow")
    for backend in backends:
        assert pbrsa.Signer(key, backend).blind_sign(blinded.message, metadata).hex() == vector["blind_sig"]
    signature = pbrsa.finalize(
        variant,
        public,
        prepared=prepared,
        metadata=metadata,
        blind_signature=bytes.fromhex(vector["blind_sig"]),
        inverse=blinded.inverse,
    )
    assert signature.hex() == vector["sig"]


def test_the_published_primes_are_safe(vectors: Path) -> None:
    for number in NUMBERS:
        assert all(is_safe(int(of_number(vectors, number)[name], 16)) for name in ("p", "q"))
