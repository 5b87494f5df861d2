"""RFC 9577 appendix A and RFC 9578 appendix B: headers, challenges, requests and tokens as published."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import blind_rsa
from idverify.crypto.rsa_private import RawPrivateKey
from idverify.formats import privacy_pass as wire
from idverify.scheme import Random


def load(path: Path) -> list[dict[str, str]]:
    vectors: list[dict[str, str]] = json.loads(path.read_text())
    assert vectors
    return vectors


def in_turn(*values: bytes) -> Random:
    left = iter(values)
    return lambda _: next(left)


def test_a_token_signs_the_published_input(vectors: Path) -> None:
    for vector in load(vectors / "rfc9577/auth_scheme_token_v14.json"):
        issuer, context, origin, nonce, key_id = (
            bytes.fromhex(vector[name])
            for name in ("issuer_name", "redemption_context", "origin_info", "nonce", "token_key_id")
        )
        challenge = wire.TokenChallenge(issuer.decode(), origin.decode(), context)
        assert wire.TokenChallenge.decode(challenge.encode()) == challenge
        assert wire.Token(nonce, challenge.digest(), key_id).input.hex() == vector["token_authenticator_input"]


def test_the_published_headers_are_understood(vectors: Path) -> None:
    for vector in load(vectors / "rfc9577/auth_scheme_header_v14.json"):
        parsed = wire.parse_www_authenticate(vector["WWW-Authenticate"])
        for index, challenge in enumerate(parsed):
            assert wire.decode_padded(challenge["challenge"]).hex() == vector[f"token-challenge-{index}"]
            assert wire.decode_padded(challenge["token-key"]).hex() == vector[f"token-key-{index}"]
            assert challenge["max-age"] == str(vector[f"max-age-{index}"])
        assert f"token-type-{len(parsed)}" not in vector


def test_our_header_is_the_published_one(vectors: Path) -> None:
    vector = load(vectors / "rfc9577/auth_scheme_header_v14.json")[0]
    challenge = wire.TokenChallenge.decode(bytes.fromhex(vector["token-challenge-0"]))
    ours = wire.www_authenticate([(challenge, bytes.fromhex(vector["token-key-0"]))], max_age=10)
    assert ours == vector["WWW-Authenticate"].replace(',unknownChallengeAttribute="ignore-me"', "")


def test_issuance_makes_the_published_bytes(vectors: Path) -> None:
    for vector in load(vectors / "rfc9578/pub_verif_rfc9578.go.json"):
        given = {name: bytes.fromhex(value) for name, value in vector.items()}
        private = serialization.load_pem_private_key(given["skS"], None)
        assert isinstance(private, rsa.RSAPrivateKey)
        assert wire.encode_key(private.public_key()) == given["pkS"]
        public = wire.decode_key(given["pkS"])
        digest = hashlib.sha256(given["token_challenge"]).digest()
        token = wire.Token(given["nonce"], digest, wire.key_id(given["pkS"]))
        blinded = blind_rsa.blind(
            blind_rsa.PSS_DETERMINISTIC, public, prepared=token.input, random=in_turn(given["salt"], given["blind"])
        )
        request = wire.TokenRequest(token.token_key_id[-1], blinded.message)
        assert request.encode() == given["token_request"]
        assert wire.TokenRequest.decode(given["token_request"]) == request
        response = blind_rsa.blind_sign(RawPrivateKey(private), request.blinded)
        assert response == given["token_response"]
        authenticator = blind_rsa.finalize(
            blind_rsa.PSS_DETERMINISTIC,
            public,
            prepared=token.input,
            blind_signature=response,
            inverse=blinded.inverse,
        )
        assert token.input + authenticator == given["token"]
        assert wire.Token.decode(given["token"]).encode() == given["token"]
