"""RFC 9964: the published keys and signatures of ML-DSA-44 and ML-DSA-65."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from idverify.errors import BadSignature
from idverify.formats import jose, jwa
from idverify.formats.strict_json import decode_base64url
from idverify.scheme import Json

SIZES = ("44", "65")


def published(vectors: Path, size: str, form: str) -> dict[str, Json]:
    text = (vectors / f"ml-dsa/ML_DSA_{size}.{form}.json").read_text()
    found: dict[str, Json] = json.loads(text)
    return found


def public_members(jwk: Json) -> dict[str, Json]:
    assert isinstance(jwk, dict)
    return {name: value for name, value in jwk.items() if name != "priv"}


@pytest.mark.parametrize("size", SIZES)
def test_the_seed_gives_the_published_key_and_the_key_its_thumbprint(vectors: Path, size: str) -> None:
    vector, algorithm = published(vectors, size, "jose"), jwa.ALGORITHMS[f"ML-DSA-{size}"]
    assert isinstance(algorithm, jwa.MlDsa)
    key = algorithm.private.from_seed_bytes(bytes.fromhex(str(vector["priv"])))
    jwk = public_members(vector["jwk"])
    assert jose.public_jwk(key) == {name: value for name, value in jwk.items() if name != "kid"}
    assert jose.thumbprint(jwk) == jwk["kid"]
    assert jwa.read_private(jwa.write_private(key), algorithm).private_bytes_raw() == bytes(32)  # type: ignore[union-attr]


@pytest.mark.parametrize("size", SIZES)
def test_the_published_token_verifies_and_an_altered_one_does_not(vectors: Path, size: str) -> None:
    vector, algorithm = published(vectors, size, "jose"), jwa.ALGORITHMS[f"ML-DSA-{size}"]
    key = jose.read_jwk(public_members(vector["jwk"]))
    signed, _, text = str(vector["jws"]).rpartition(".")
    assert signed.encode().hex() == vector["raw_to_be_signed"]
    signature = decode_base64url(text)
    algorithm.verify(key, signature, signed.encode())
    with pytest.raises(BadSignature):
        algorithm.verify(key, signature, signed.encode() + b".")
    for bad in (signature[:-1], signature + b"\0", b"", bytes(len(signature)), signature[1:] + signature[:1]):
        with pytest.raises(BadSignature):
            algorithm.verify(key, bad, signed.encode())


@pytest.mark.parametrize("size", SIZES)
def test_the_published_signature_of_cose_verifies_with_the_same_key(vectors: Path, size: str) -> None:
    vector, algorithm = published(vectors, size, "cose"), jwa.ALGORITHMS[f"ML-DSA-{size}"]
    key = jose.read_jwk(public_members(published(vectors, size, "jose")["jwk"]))
    signed, signature = (bytes.fromhex(str(vector[name])) for name in ("raw_to_be_signed", "raw_signature"))
    algorithm.verify(key, signature, signed)
