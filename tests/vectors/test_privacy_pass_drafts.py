"""Public metadata and batches of tokens: the published bytes of the two drafts (see published/README.md)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypedDict

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import blind_rsa
from idverify.crypto import partially_blind_rsa as pbrsa
from idverify.crypto.rsa_private import RawPrivateKey
from idverify.formats import privacy_pass as wire
from idverify.formats import privacy_pass_batch as batches
from idverify.formats import privacy_pass_extensions as metadata
from tests.vectors.test_privacy_pass_vectors import in_turn, load

PUBLISHED = Path(__file__).parent / "published"


class Batch(TypedDict):
    """Two messages, and how each token came about."""

    issuance: list[dict[str, str]]
    token_request: str
    token_response: str


def private_key(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def test_issuance_with_metadata_makes_the_published_bytes() -> None:
    for vector in load(PUBLISHED / "privacy_pass_public_metadata.json"):
        given = {name: bytes.fromhex(value) for name, value in vector.items()}
        private, extensions = private_key(given["skS"]), given["extensions"]
        assert metadata.encode(metadata.decode(extensions)) == extensions
        assert wire.encode_key(private.public_key()) == given["pkS"]
        public = wire.decode_key(given["pkS"])
        challenge = wire.TokenChallenge.decode(given["token_challenge"])
        assert challenge.token_type == wire.METADATA_TYPE
        token = wire.Token(given["nonce"], challenge.digest(), wire.key_id(given["pkS"]), token_type=wire.METADATA_TYPE)
        blinded = pbrsa.blind(
            pbrsa.PSS_DETERMINISTIC,
            public,
            prepared=token.input,
            metadata=extensions,
            random=in_turn(given["salt"], given["blind"]),
        )
        request = wire.TokenRequest(token.token_key_id[-1], blinded.message, wire.METADATA_TYPE, extensions)
        assert request.encode() == given["token_request"]
        assert wire.TokenRequest.decode(given["token_request"]) == request
        response = pbrsa.Signer(private).blind_sign(request.blinded, extensions)
        assert response == given["token_response"]
        authenticator = pbrsa.finalize(
            pbrsa.PSS_DETERMINISTIC,
            public,
            prepared=token.input,
            metadata=extensions,
            blind_signature=response,
            inverse=blinded.inverse,
        )
        assert token.input + authenticator == given["token"]
        shown = wire.Token.decode(given["token"] + extensions)
        assert shown.extensions == extensions
        assert wire.parse_authorization(wire.authorization(shown.encode())) == shown.encode()


def test_a_token_with_extensions_signs_the_published_input() -> None:
    for vector in load(PUBLISHED / "privacy_pass_extensions.json"):
        issuer, context, origin, nonce, key_id = (
            bytes.fromhex(vector[name])
            for name in ("issuer_name", "redemption_context", "origin_info", "nonce", "token_key_id")
        )
        kind = int(vector["token_type"], 16)
        challenge = wire.TokenChallenge(issuer.decode(), origin.decode(), context, kind)
        token = wire.Token(nonce, challenge.digest(), key_id, token_type=kind)
        assert token.input.hex() == vector["token_authenticator_input"]


@pytest.mark.parametrize("number", range(2))
def test_a_batch_makes_the_published_bytes(number: int) -> None:
    vectors: list[Batch] = json.loads((PUBLISHED / "privacy_pass_batches.json").read_text())
    vector = vectors[number]
    requests: list[wire.TokenRequest] = []
    responses: list[bytes | None] = []
    for issuance in vector["issuance"]:
        given = {name: bytes.fromhex(value) for name, value in issuance.items()}
        private, public = private_key(given["skS"]), wire.decode_key(given["pkS"])
        digest = hashlib.sha256(given["token_challenge"]).digest()
        token = wire.Token(given["nonce"], digest, wire.key_id(given["pkS"]))
        draws = in_turn(given["salt"], given["blind"])
        blinded = blind_rsa.blind(blind_rsa.PSS_DETERMINISTIC, public, prepared=token.input, random=draws)
        requests.append(wire.TokenRequest(token.token_key_id[-1], blinded.message))
        responses.append(blind_rsa.blind_sign(RawPrivateKey(private), blinded.message))
        authenticator = blind_rsa.finalize(
            blind_rsa.PSS_DETERMINISTIC,
            public,
            prepared=token.input,
            blind_signature=responses[-1] or b"",
            inverse=blinded.inverse,
        )
        assert token.input + authenticator == given["token"]
    assert batches.encode_requests(requests).hex() == vector["token_request"]
    assert batches.decode_requests(bytes.fromhex(vector["token_request"])) == requests
    assert batches.encode_responses(wire.TOKEN_TYPE, responses).hex() == vector["token_response"]
    answered = batches.decode_responses(bytes.fromhex(vector["token_response"]))
    assert answered == [(wire.TOKEN_TYPE, each) for each in responses]
