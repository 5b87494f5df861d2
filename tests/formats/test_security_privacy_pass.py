"""Privacy Pass messages: one spelling each; lengths, types, keys and headers that are off are refused."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from idverify.errors import BadMessage
from idverify.formats import privacy_pass as wire

KEY = rsa.generate_private_key(65537, 2048).public_key()
SPKI = wire.encode_key(KEY)
TOKEN = wire.Token(b"n" * 32, b"c" * 32, b"k" * 32, b"a" * 256)
CHALLENGE = wire.TokenChallenge("id.example:8443", "chat.example")


def test_every_message_comes_back_as_it_was() -> None:
    assert wire.Token.decode(TOKEN.encode()) == TOKEN
    assert wire.TokenChallenge.decode(CHALLENGE.encode()) == CHALLENGE
    request = wire.TokenRequest(7, b"b" * 256)
    assert wire.TokenRequest.decode(request.encode()) == request
    assert wire.decode_key(SPKI).public_numbers() == KEY.public_numbers()


@pytest.mark.parametrize("what", ["token", "request", "challenge"])
def test_every_other_length_and_type_is_refused(what: str) -> None:
    good, decode = {
        "token": (TOKEN.encode(), wire.Token.decode),
        "request": (wire.TokenRequest(7, b"b" * 256).encode(), wire.TokenRequest.decode),
        "challenge": (CHALLENGE.encode(), wire.TokenChallenge.decode),
    }[what]
    for end in range(len(good)):
        with pytest.raises(BadMessage):
            decode(good[:end])
    with pytest.raises(BadMessage):
        decode(good + b"\0")
    if what != "challenge":
        for kind in (b"\0\1", b"\0\0", b"\2\0", b"\xff\xff"):
            with pytest.raises(BadMessage):
                decode(kind + good[2:])


@settings(max_examples=60)
@given(st.binary(max_size=120))
def test_a_challenge_that_decodes_has_one_spelling(data: bytes) -> None:
    try:
        challenge = wire.TokenChallenge.decode(data)
    except BadMessage:
        return
    assert challenge.encode() == data


def other_forms() -> dict[str, bytes]:
    e, f = serialization.Encoding, serialization.PublicFormat
    return {
        "rsaEncryption": KEY.public_bytes(e.DER, f.SubjectPublicKeyInfo),
        "PKCS #1": KEY.public_bytes(e.DER, f.PKCS1),
        "PEM": KEY.public_bytes(e.PEM, f.SubjectPublicKeyInfo),
        "nothing": b"",
        "truncated": SPKI[:-1],
        "extended": SPKI + b"\0",
        "another salt length": SPKI.replace(bytes.fromhex("a203020130"), bytes.fromhex("a203020120")),
        "an even modulus": SPKI[:-6] + bytes([SPKI[-6] & 0xFE]) + SPKI[-5:],
        "a short modulus": SPKI.replace(SPKI[-261:-259], b"\0\1"),
    }


@pytest.mark.parametrize("form", other_forms().values(), ids=other_forms().keys())
def test_a_key_in_another_form_is_refused(form: bytes) -> None:
    with pytest.raises(BadMessage):
        wire.decode_key(form)


def test_only_rsa_2048_is_a_token_key() -> None:
    with pytest.raises(BadMessage):
        wire.encode_key(rsa.generate_private_key(65537, 1024).public_key())


def test_openssl_reads_our_key_as_rsassa_pss() -> None:
    key = serialization.load_der_public_key(SPKI)
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.public_numbers() == KEY.public_numbers()


TEXT = wire.encode_padded(TOKEN.encode())
SPELLINGS = {
    "as we write it": f'PrivateToken token="{TEXT}"',
    "without quotes": f"PrivateToken token={TEXT}",
    "without padding": f'PrivateToken token="{TEXT.rstrip("=")}"',
    "another case": f'privatetoken Token="{TEXT}"',
    "more spaces": f'PrivateToken   token = "{TEXT}" ',
}


@pytest.mark.parametrize("value", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_accepted_spelling_is_the_same_token(value: str) -> None:
    assert wire.parse_authorization(value) == TOKEN.encode()


BAD_HEADERS = {
    "empty": "",
    "another scheme": f'Bearer token="{TEXT}"',
    "no token": "PrivateToken",
    "an empty token, padded": 'PrivateToken token="="',
    "two tokens": f'PrivateToken token="{TEXT}", token="{TEXT}"',
    "too much padding": f'PrivateToken token="{TEXT}===="',
    "padding within": f'PrivateToken token="{TEXT[:8]}={TEXT[8:]}"',
    "a space within": f'PrivateToken token="{TEXT[:8]} {TEXT[8:]}"',
    "the standard alphabet": 'PrivateToken token="++//"',
    "unused bits": 'PrivateToken token="AB=="',
    "an open quote": f'PrivateToken token="{TEXT}',
    "a line end": f'PrivateToken token="{TEXT}"\n',
    "huge": 'PrivateToken token="' + "A" * 100_000 + '"',
}


@pytest.mark.parametrize("value", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_every_other_spelling_is_refused(value: str) -> None:
    with pytest.raises(BadMessage):
        wire.parse_authorization(value)


@pytest.mark.parametrize(
    "value", ["Basic realm=x", 'challenge="AA"', 'PrivateToken challenge="AA", challenge="AA"', "PrivateToken ,,", "é"]
)
def test_a_challenge_header_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(BadMessage):
        wire.parse_www_authenticate(value)


def test_a_challenge_header_of_spaces_is_refused_in_linear_time() -> None:
    for start in ("", 'PrivateToken challenge="x"'):
        with pytest.raises(BadMessage):
            wire.parse_www_authenticate(f"{start}{' ' * 1_000_000}!")  # days, where spaces are counted in pairs


WITH_METADATA = wire.Token(b"n" * 32, b"c" * 32, b"k" * 32, b"a" * 256, wire.METADATA_TYPE, b"\0\0")
PARTS = wire.authorization(WITH_METADATA.encode()).removeprefix("PrivateToken ").split(", ")


@pytest.mark.parametrize(
    "value",
    [
        "PrivateToken " + ", ".join(PARTS),
        "PrivateToken " + ", ".join(PARTS[::-1]),
        "PrivateToken " + " , ".join(PARTS),
        "PrivateToken " + ",".join(PARTS).replace('"', ""),
        "PrivateToken " + ", ".join(PARTS).replace("extensions", "Extensions"),
    ],
)
def test_a_token_may_be_shown_with_its_extensions_in_any_order(value: str) -> None:
    assert wire.parse_authorization(value) == WITH_METADATA.encode()
    assert wire.Token.decode(wire.parse_authorization(value)) == WITH_METADATA


@pytest.mark.parametrize(
    "value",
    [
        f"PrivateToken {PARTS[1]}",
        f"PrivateToken {PARTS[0]}, {PARTS[1]}, {PARTS[1]}",
        f"PrivateToken {PARTS[0]}, {PARTS[0]}",
        f"PrivateToken {PARTS[0]} {PARTS[1]}",
        f"PrivateToken {PARTS[0]}, {PARTS[1]},",
        f"PrivateToken {PARTS[0]}, ",
        f"PrivateToken {PARTS[0]}; {PARTS[1]}",
        f"PrivateToken {PARTS[0]}, {PARTS[1]}, x=1",
        f'PrivateToken token="AAAA", {PARTS[1]}',
        f'PrivateToken {PARTS[0]}, extensions="!!"',
    ],
)
def test_parameters_that_are_double_missing_or_unknown_are_refused(value: str) -> None:
    with pytest.raises(BadMessage):
        wire.parse_authorization(value)


def test_a_directory_comes_back_and_unknown_types_are_left_out() -> None:
    document = wire.directory([wire.DirectoryKey(SPKI, ages=(16,))], request_uri="/token-request")
    assert wire.parse_directory(document) == ("/token-request", [SPKI])
    entry = json.loads(document)["token-keys"][0]
    assert entry == {"token-type": 2, "token-key": wire.encode_padded(SPKI), "age": 16}
    more = {"issuer-request-uri": "/x", "token-keys": [{"token-type": 1, "token-key": "AA=="}, entry]}
    assert wire.parse_directory(json.dumps(more).encode()) == ("/x", [SPKI])


@pytest.mark.parametrize("bad", [b"", b"[]", b"{}", b'{"issuer-request-uri":"/x","token-keys":[1]}'])
def test_a_directory_that_is_none_is_refused(bad: bytes) -> None:
    with pytest.raises(BadMessage):
        wire.parse_directory(bad)


@pytest.mark.parametrize("context", [b"", b"x" * 32])
def test_a_redemption_context_has_0_or_32_bytes(context: bytes) -> None:
    assert wire.TokenChallenge("i", "o", context).encode()
    with pytest.raises(BadMessage):
        wire.TokenChallenge("i", "o", context + b"x").encode()
