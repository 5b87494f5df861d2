"""ML-DSA in JOSE: a key is for one algorithm, a token cannot choose another, and PyJWT agrees (RFC 9964)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import Algorithm as PyJwtAlgorithm

from idverify.errors import BadMessage, BadSignature
from idverify.formats import jose, jwa
from idverify.formats.strict_json import encode_base64url
from idverify.scheme import Json

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
KEYS = {name: algorithm.new_key() for name, algorithm in jwa.ALGORITHMS.items()}


def token(name: str, *, alg: str = "", key: jose.PrivateKey | None = None) -> str:
    """A token of this algorithm's key, whose header may say another alg."""
    key = key or KEYS[name]
    header = encode_base64url(json.dumps({"alg": alg or name, "typ": "t+jwt", "kid": "one"}).encode())
    signed = f"{header}.{encode_base64url(b'{}')}"
    return f"{signed}.{encode_base64url(jwa.algorithm_of(key).sign(key, signed.encode()))}"


def verify(text: str, name: str, *algs: str) -> None:
    jose.check(jose.parse(text, typ="t+jwt", algs=algs or (name,)), KEYS[name].public_key())


@pytest.mark.parametrize("name", list(jwa.ALGORITHMS))
def test_a_token_of_each_algorithm_is_accepted_by_its_own_key(name: str) -> None:
    verify(jose.sign({}, KEYS[name], typ="t+jwt"), name)
    verify(token(name), name)


@pytest.mark.parametrize("name", NAMES)
def test_an_algorithm_that_is_not_named_is_refused(name: str) -> None:
    with pytest.raises(BadMessage):
        jose.parse(token(name), typ="t+jwt")
    for spelling in (name.lower(), name.replace("-", "_"), name + " ", "ML-DSA", "AKP"):
        with pytest.raises(BadMessage):
            jose.parse(token(name, alg=spelling), typ="t+jwt", algs=list(jwa.ALGORITHMS))


@pytest.mark.parametrize("name", list(jwa.ALGORITHMS))
@pytest.mark.parametrize("alg", list(jwa.ALGORITHMS))
def test_a_right_signature_under_another_alg_label_is_refused(name: str, alg: str) -> None:
    if name != alg:
        with pytest.raises(BadSignature):
            verify(token(name, alg=alg), name, *jwa.ALGORITHMS)
        with pytest.raises(BadSignature):
            verify(token(name, alg=alg), alg, *jwa.ALGORITHMS)
        with pytest.raises(BadSignature):
            jose.check(jose.parse(token(name), typ="t+jwt", algs=list(jwa.ALGORITHMS)), KEYS[alg].public_key())


GOOD = jose.public_jwk(KEYS["ML-DSA-44"])
BAD: dict[str, dict[str, Json]] = {
    "no alg": {k: v for k, v in GOOD.items() if k != "alg"},
    "another alg": {**GOOD, "alg": "ML-DSA-65"},
    "an unknown alg": {**GOOD, "alg": "ML-DSA-45"},
    "alg no string": {**GOOD, "alg": ["ML-DSA-44"]},
    "alg of another key type": {**GOOD, "alg": "ES256"},
    "another kty": {**GOOD, "kty": "OKP"},
    "no kty": {k: v for k, v in GOOD.items() if k != "kty"},
    "private": {**GOOD, "priv": "A" * 43},
    "for encryption": {**GOOD, "use": "enc"},
    "no pub": {k: v for k, v in GOOD.items() if k != "pub"},
    "pub no string": {**GOOD, "pub": 1},
    "short": {**GOOD, "pub": str(GOOD["pub"])[:-4]},
    "long": {**GOOD, "pub": f"{GOOD['pub']}AAAA"},
    "padded": {**GOOD, "pub": f"{GOOD['pub']}="},
    "huge": {**GOOD, "pub": "A" * 1_000_000},
    "an ES256 key by name": {**GOOD, **jose.public_jwk(KEYS["ES256"])},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_key_is_refused(bad: dict[str, Json]) -> None:
    with pytest.raises(BadMessage):
        jose.read_jwk(bad)


def test_a_key_of_another_kind_signs_nothing() -> None:
    stranger = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(ValueError, match="ES256"):
        jose.sign({}, stranger, typ="t+jwt")
    for algorithm in jwa.ALGORITHMS.values():
        for key in (stranger, *(k for name, k in KEYS.items() if name != algorithm.name)):
            with pytest.raises(BadMessage):
                jwa.read_private(jwa.write_private(key), algorithm)


def test_the_thumbprint_of_a_key_covers_its_alg_and_nothing_optional() -> None:
    thumbprints = {jose.thumbprint(jose.public_jwk(key)) for key in KEYS.values()}
    assert len(thumbprints) == len(KEYS)
    assert jose.thumbprint({**GOOD, "kid": "one", "use": "sig"}) == jose.thumbprint(GOOD)


class MlDsa44(PyJwtAlgorithm):
    """What an application adds to PyJWT, which has no ML-DSA of its own."""

    def prepare_key(self, key: object) -> object:
        return key

    def sign(self, msg: bytes, key: object) -> bytes:
        return cast("Callable[[bytes], bytes]", key.sign)(msg)  # type: ignore[attr-defined]

    def verify(self, msg: bytes, key: object, sig: bytes) -> bool:
        try:
            key.verify(sig, msg)  # type: ignore[attr-defined]
        except InvalidSignature:
            return False
        return True

    @staticmethod
    def to_jwk(key_obj: object, as_dict: bool = False) -> str:  # type: ignore[override]
        raise NotImplementedError

    @staticmethod
    def from_jwk(jwk: object) -> object:
        raise NotImplementedError


@pytest.fixture
def _pyjwt_with_ml_dsa() -> Iterator[None]:
    jwt.register_algorithm("ML-DSA-44", MlDsa44())
    yield
    jwt.unregister_algorithm("ML-DSA-44")


@pytest.mark.usefixtures("_pyjwt_with_ml_dsa")
def test_pyjwt_accepts_ours_and_we_accept_pyjwts() -> None:
    key = KEYS["ML-DSA-44"]
    ours = jose.sign({"a": "ộ"}, key, typ="t+jwt", kid="one")
    assert jwt.decode(ours, key.public_key(), algorithms=["ML-DSA-44"]) == {"a": "ộ"}  # type: ignore[arg-type]
    theirs = jwt.encode({}, key, algorithm="ML-DSA-44", headers={"typ": "t+jwt"})  # type: ignore[arg-type]
    verify(theirs, "ML-DSA-44")
