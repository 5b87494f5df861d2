"""Tokens: bad JSON, base64url, headers, keys, signatures and times are refused; PyJWT and we agree on good ones."""

from __future__ import annotations

import base64
import hmac
import json
import socket
from collections.abc import Mapping
from datetime import datetime, timezone

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from idverify.errors import BadMessage, BadSignature, Expired, UnknownKey
from idverify.formats import jose
from idverify.formats.strict_json import decode_base64url, encode_base64url, read_json, read_object, shown
from idverify.scheme import Json

KEY = ec.generate_private_key(ec.SECP256R1())
JWK = {**jose.public_jwk(KEY), "kid": "one"}
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
AT = int(NOW.timestamp())
ECDSA = ec.ECDSA(hashes.SHA256())
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def raw(header: str, payload: str = '{"a":1}') -> str:
    """A token with exactly this header and payload text, truly signed."""
    signed = f"{encode_base64url(header.encode())}.{encode_base64url(payload.encode())}"
    r, s = decode_dss_signature(KEY.sign(signed.encode(), ECDSA))
    return f"{signed}.{encode_base64url(r.to_bytes(32) + s.to_bytes(32))}"


def verify(token: str) -> Mapping[str, Json]:
    parsed = jose.parse(token, typ="t+jwt")
    return jose.check(parsed, jose.KeySet([JWK]).find(parsed.kid))


def header(**changed: object) -> str:
    members: dict[str, object] = {"alg": "ES256", "typ": "t+jwt", "kid": "one"} | changed
    return json.dumps({k: v for k, v in members.items() if v is not ...})


def test_a_good_token_is_accepted() -> None:
    assert verify(raw(header())) == {"a": 1}
    assert verify(raw(header(cty="x"))) == {"a": 1}


BAD_HEADERS = {
    **{f"alg {alg!r}": header(alg=alg) for alg in (..., "none", "None", "NONE", "nOnE", "", None, 0, True, ["ES256"])},
    **{f"alg {alg}": header(alg=alg) for alg in ("HS256", "RS256", "PS256", "ES384", "ES512", "EdDSA", "es256")},
    **{f"typ {typ!r}": header(typ=typ) for typ in (..., "", "JWT", "T+JWT", "t+jwt ", "application/t+jwt", None, 1)},
    "jwk": header(jwk=JWK),
    "jku": header(jku="http://127.0.0.1:1/keys"),
    "x5u": header(x5u="http://127.0.0.1:1/cert"),
    "x5c": header(x5c=["MIIB"]),
    **{f"crit {crit!r}": header(crit=crit) for crit in ([], ["exp"], ["b64"], ["exp", "exp"], "exp", None)},
    "b64 false": header(b64=False),
    "b64 true": header(b64=True),
    "zip": header(zip="DEF"),
    "enc": header(enc="A128GCM"),
    **{f"kid {str(kid)[:12]!r}": header(kid=kid) for kid in (..., "", None, 1, ["one"], {"a": 1}, "k" * 100_000)},
    "alg twice": '{"alg":"none","alg":"ES256","typ":"t+jwt","kid":"one"}',
    "alg twice, the other way": '{"alg":"ES256","alg":"none","typ":"t+jwt","kid":"one"}',
    "escaped duplicate": '{"alg":"ES256","\\u0061lg":"ES256","typ":"t+jwt","kid":"one"}',
    "a list": '["ES256"]',
    "no JSON": "alg",
    "a trailing comma": '{"alg":"ES256","typ":"t+jwt","kid":"one",}',
    "two values": header() + "{}",
    "a byte order mark": "\ufeff" + header(),
}


@pytest.mark.parametrize("bad", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_a_bad_header_is_refused_though_the_signature_is_right(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("a request went out")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(BadMessage):
        verify(raw(bad))


@pytest.mark.parametrize(
    "kid", ["two", "ONE", "one ", "../../one", "' OR 1=1 --", "http://127.0.0.1/one", "one\0", "ｏｎｅ", "/dev/null"]
)
def test_a_kid_is_looked_up_exactly_and_nowhere_else(kid: str) -> None:
    with pytest.raises(UnknownKey):
        verify(raw(header(kid=kid)))


BAD_PAYLOADS = {
    "duplicate": '{"a":1,"a":2}',
    "inner duplicate": '{"a":{"b":1,"b":1}}',
    "NaN": '{"a":NaN}',
    "infinity": '{"a":-Infinity}',
    "overflow": '{"a":1e999}',
    "a list": "[1]",
    "nothing": "",
    "surrogate": '{"a":"\\ud800"}',
    "control character": '{"a":"\n"}',
    "deep": '{"a":' * 50 + "1" + "}" * 50,
    "many digits": '{"a":' + "9" * 5000 + "}",
}


@pytest.mark.parametrize("bad", BAD_PAYLOADS.values(), ids=BAD_PAYLOADS.keys())
def test_a_bad_payload_is_refused_though_the_signature_is_right(bad: str) -> None:
    with pytest.raises(BadMessage):
        verify(raw(header(), bad))


def with_signature(signature: bytes) -> str:
    return raw(header()).rsplit(".", 1)[0] + "." + encode_base64url(signature)


BAD_SIGNATURES = {
    "nothing": b"",
    "zeros": bytes(64),
    "r is zero": bytes(32) + b"\1" * 32,
    "s is zero": b"\1" * 32 + bytes(32),
    "r is the order": ORDER.to_bytes(32) + b"\1" * 32,
    "s is the order": b"\1" * 32 + ORDER.to_bytes(32),
    "all ones": b"\xff" * 64,
    "63 bytes": b"\1" * 63,
    "65 bytes": b"\1" * 65,
    "P-384's length": b"\1" * 96,
    "DER": KEY.sign(b"x", ECDSA),
}


@pytest.mark.parametrize("bad", BAD_SIGNATURES.values(), ids=BAD_SIGNATURES.keys())
def test_a_bad_signature_is_refused(bad: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(with_signature(bad))


def encodings_of_the_public_key() -> list[bytes]:
    public, e, f = KEY.public_key(), serialization.Encoding, serialization.PublicFormat
    pem = public.public_bytes(e.PEM, f.SubjectPublicKeyInfo)
    return [
        pem,
        pem.strip(),
        public.public_bytes(e.DER, f.SubjectPublicKeyInfo),
        public.public_bytes(e.X962, f.UncompressedPoint),
        public.public_bytes(e.X962, f.CompressedPoint),
        json.dumps(JWK).encode(),
        str(JWK["x"]).encode(),
        b"",
    ]


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_the_public_key_is_no_hmac_secret_in_any_encoding(number: int, alg: str) -> None:
    signed = raw(header(alg=alg)).rsplit(".", 1)[0]
    mac = hmac.digest(encodings_of_the_public_key()[number], signed.encode(), "sha256")
    for signature in (mac, mac + mac):
        with pytest.raises((BadMessage, BadSignature)):
            verify(f"{signed}.{encode_base64url(signature)}")


GOOD = raw(header())
BAD_SHAPES = {
    "two parts": GOOD.rsplit(".", 1)[0],
    "four parts": GOOD + ".AA",
    "five parts": GOOD + ".AA.AA",
    "a trailing dot": GOOD + ".",
    "padding": GOOD + "==",
    "a trailing space": GOOD + " ",
    "a line end": GOOD + "\n",
    "a leading space": " " + GOOD,
    "a space within": GOOD.replace(".", ". ", 1),
    "JSON serialization": json.dumps({"payload": GOOD.split(".")[1], "protected": GOOD.split(".")[0]}),
    "not ASCII": GOOD[:-1] + "é",
    "standard alphabet": GOOD[:-2] + "+/",
    "huge": "e30." + "A" * 200_000 + ".AA",
}


@pytest.mark.parametrize("bad", BAD_SHAPES.values(), ids=BAD_SHAPES.keys())
def test_a_token_of_another_shape_is_refused(bad: str) -> None:
    with pytest.raises((BadMessage, BadSignature)):
        verify(bad)


def test_unused_bits_of_base64url_are_refused() -> None:
    last = GOOD[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for other in range(64):
        if alphabet[other] != last and other // 16 == alphabet.index(last) // 16:
            with pytest.raises(BadMessage):
                verify(GOOD[:-1] + alphabet[other])


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_base64url_has_one_spelling(value: bytes) -> None:
    text = encode_base64url(value)
    assert text == base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    assert decode_base64url(text) == value


@settings(max_examples=100)
@given(st.text(alphabet="AQgw_-=+/ \n", max_size=10))
def test_whatever_base64url_is_decoded_was_spelled_canonically(text: str) -> None:
    try:
        value = decode_base64url(text)
    except BadMessage:
        return
    assert encode_base64url(value) == text


BAD_TIMES: dict[str, dict[str, Json]] = {
    "no exp": {"iat": AT},
    "no iat": {"exp": AT + 60},
    **{f"exp {bad!r}": {"iat": AT, "exp": bad} for bad in ("1767225700", True, None, -1, 2**60)},
    **{f"iat {bad!r}": {"iat": bad, "exp": AT + 60} for bad in ("1767225600", False, None, -5)},
    **{f"nbf {bad!r}": {"iat": AT, "exp": AT + 60, "nbf": bad} for bad in ("x", True, None)},
    "over policy": {"iat": AT, "exp": AT + 601},
}


@pytest.mark.parametrize("claims", BAD_TIMES.values(), ids=BAD_TIMES.keys())
def test_times_of_a_wrong_type_and_missing_ones_are_refused(claims: dict[str, Json]) -> None:
    with pytest.raises(BadMessage):
        jose.check_times(claims, NOW, required=("iat", "exp"), longest=600)


@pytest.mark.parametrize("off", [-10, 0, 10])
def test_ten_seconds_between_two_clocks_are_tolerated(off: int) -> None:
    jose.check_times({"iat": AT + off, "exp": AT + off + 5}, NOW, required=("iat", "exp"))
    jose.check_times({"iat": AT, "nbf": AT + off, "exp": AT + 60}, NOW, required=("iat", "exp"))


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": AT - 600, "exp": AT - 61},
        {"iat": AT + 61, "exp": AT + 600},
        {"iat": AT, "nbf": AT + 61, "exp": AT + 600},
        {"iat": AT - 361, "exp": AT + 60},
    ],
)
def test_more_than_a_minute_is_not(claims: dict[str, Json]) -> None:
    with pytest.raises(Expired):
        jose.check_times(claims, NOW, required=("iat", "exp"), oldest=300)


BAD_KEYS: dict[str, Json] = {
    "no object": "key",
    "empty": {},
    "private": {**JWK, "d": "AA"},
    "symmetric": {"kty": "oct", "k": "AAAA"},
    "kid only": {"kid": "one"},
    "another curve": {**JWK, "crv": "P-384"},
    "another alg": {**JWK, "alg": "ES384"},
    "for encryption": {**JWK, "use": "enc"},
    "not on the curve": {**JWK, "x": JWK["y"]},
    "zero": {**JWK, "x": "A" * 43, "y": "A" * 43},
    "short": {**JWK, "x": "AA"},
    "padded": {**JWK, "x": f"{JWK['x']}="},
    "a number": {**JWK, "x": 5},
}


@pytest.mark.parametrize("bad", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_a_bad_key_is_refused(bad: Json) -> None:
    with pytest.raises(BadMessage):
        jose.read_jwk(bad)


@pytest.mark.parametrize("bad", [None, [], {}, "x", [{}], [JWK, JWK], [{**JWK, "kid": ""}], [jose.public_jwk(KEY)]])
def test_a_bad_key_set_is_refused(bad: Json) -> None:
    with pytest.raises(BadMessage):
        jose.KeySet(bad)


def test_pyjwt_accepts_ours_and_we_accept_pyjwts() -> None:
    ours = jose.sign({"a": "ộ"}, KEY, typ="t+jwt", kid="one")
    assert jwt.decode(ours, KEY.public_key(), algorithms=["ES256"]) == {"a": "ộ"}
    assert jwt.get_unverified_header(ours) == {"alg": "ES256", "typ": "t+jwt", "kid": "one"}
    theirs = jwt.encode({"a": "ộ"}, KEY, algorithm="ES256", headers={"typ": "t+jwt", "kid": "one"})
    assert verify(theirs) == {"a": "ộ"}


def test_the_thumbprint_is_that_of_pyjwts_key_and_does_not_depend_on_other_members() -> None:
    assert jose.thumbprint(JWK) == jose.thumbprint(jose.public_jwk(KEY.public_key()))
    assert jose.public_jwk(jose.read_jwk(JWK)) == jose.public_jwk(jwt.PyJWK(JWK).key)


def test_depth_is_refused_and_brackets_within_strings_are_no_depth() -> None:
    assert read_json(json.dumps({"a": "[" * 1000}).encode())
    for bad in (b"[" * 50_000, b'{"a":' * 20_000, b"[" * 30 + b'"' + b'\\"' * 40_000):
        with pytest.raises(BadMessage):
            read_object(bad)


def test_a_strangers_value_in_a_message_forges_no_log_line() -> None:
    assert shown("a\n\x1b[31mb\u202e") == "a??[31mb?"
    assert len(shown("x" * 5000)) == 100
