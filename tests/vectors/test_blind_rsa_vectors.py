"""RFC 9474 appendix A: every published vector of the four variants, byte by byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import blind_rsa
from idverify.crypto.rsa_private import Backend, RawPrivateKey
from idverify.scheme import Random

NAMES = list(blind_rsa.VARIANTS)


def of_name(vectors: Path, name: str) -> dict[str, str]:
    published: list[dict[str, str]] = json.loads((vectors / "rfc9474/test_vectors_rfc9474.json").read_text())
    return next(v for v in published if v["name"] == name)


def key_of(vector: dict[str, str]) -> rsa.RSAPrivateKey:
    p, q, n, e, d = (int(vector[name], 16) for name in ("p", "q", "n", "e", "d"))
    crt = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    return rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(e, n)).private_key()


def in_turn(*values: bytes) -> Random:
    left = list(values)

    def take(size: int) -> bytes:
        value = left.pop(0)
        assert len(value) == size
        return value

    return take


@pytest.mark.parametrize("name", NAMES)
def test_the_wallet_and_the_signer_make_the_published_bytes(vectors: Path, name: str) -> None:
    vector, variant = of_name(vectors, name), blind_rsa.VARIANTS[name]
    key = key_of(vector)
    public, n = key.public_key(), key.public_key().public_numbers().n
    message, prefix, salt = (bytes.fromhex(vector[k].removeprefix("0x")) for k in ("msg", "msg_prefix", "salt"))
    prepared = blind_rsa.prepare(variant, message, random=in_turn(prefix))
    assert prepared.hex() == vector["input_msg"]
    r = pow(int(vector["inv"], 16), -1, n).to_bytes((n.bit_length() + 7) // 8)
    draws = in_turn(*([salt] if variant.salt_size else []), r)
    blinded = blind_rsa.blind(variant, public, prepared=prepared, random=draws)
    assert blinded.message.hex() == vector["blinded_msg"]
    assert blinded.inverse == int(vector["inv"], 16)
    backends: tuple[Backend, ...] = ("libcrypto", "pow")
    for backend in backends:
        assert blind_rsa.blind_sign(RawPrivateKey(key, backend), blinded.message).hex() == vector["blind_sig"]
    signature = blind_rsa.finalize(
        variant,
        public,
        prepared=prepared,
        blind_signature=bytes.fromhex(vector["blind_sig"]),
        inverse=blinded.inverse,
    )
    assert signature.hex() == vector["sig"]


def test_all_four_variants_are_published(vectors: Path) -> None:
    published = json.loads((vectors / "rfc9474/test_vectors_rfc9474.json").read_text())
    assert sorted(v["name"] for v in published) == sorted(NAMES)
