"""Token status lists: what is signed comes back, and everything doubtful is refused with a reason."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from idverify.errors import BadMessage, BadSignature, Expired, IdverifyError, UnknownKey
from idverify.formats import cbor, cose, jose
from idverify.formats.cbor import Cbor, Key, Tag
from idverify.formats.status_list import (
    CWT_TYPE,
    JWT_TYPE,
    MAX_UNPACKED,
    ListToken,
    StatusList,
    read_cbor_list,
    read_list,
    sign_cwt,
    sign_jwt,
    unpack,
    verify,
    verify_cwt,
    verify_jwt,
)
from idverify.formats.strict_json import encode_base64url, write_json
from idverify.scheme import Json

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
AT = int(NOW.timestamp())
URI = "https://status.example/lists/1"
KEY, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
KEYS = jose.KeySet([{**jose.public_jwk(KEY), "kid": "k1"}])
LIST = StatusList.of({0: 1, 9: 1, 131071: 1}, size=2**17)
TOKEN = ListToken(URI, LIST, AT - 10, AT + 600, 60)
SIGNERS: Mapping[str, Callable[..., bytes]] = {JWT_TYPE: sign_jwt, CWT_TYPE: sign_cwt}
BOTH = pytest.mark.parametrize("kind", [JWT_TYPE, CWT_TYPE])


def jwt(
    claims: Mapping[str, Json] | None = None, *, typ: str = "statuslist+jwt", kid: str = "k1", **more: Json
) -> bytes:
    """A signed list with some claims replaced; None leaves one out."""
    standard: dict[str, Json] = {"sub": URI, "iat": AT, "exp": AT + 600, "ttl": 60, "status_list": LIST.as_json()}
    changed = {name: value for name, value in {**standard, **(claims or {})}.items() if value is not None}
    return jose.sign(changed, KEY, typ=typ, kid="k1").encode()


def cwt(
    claims: Mapping[Key, Cbor] | None = None,
    *,
    typ: Cbor = CWT_TYPE,
    tag: int = cose.SIGN1,
    kid: Cbor = b"k1",
) -> bytes:
    standard: dict[Key, Cbor] = {2: URI, 6: AT, 4: AT + 600, 65534: 60, 65533: LIST.as_cbor()}
    changed = {label: value for label, value in {**standard, **(claims or {})}.items() if value is not None}
    parts = cose.sign(cbor.write(changed), KEY, protected={cose.TYP: typ}, unprotected={cose.KID: kid})
    return cbor.write(Tag(tag, parts))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_every_status_comes_back_at_its_index(bits: int) -> None:
    size = 4096
    statuses = {index: index * 7 % 2**bits for index in range(size)}
    made = StatusList.of(statuses, size=size, bits=bits)
    assert len(made) == size
    for again in (read_list(made.as_json()), read_cbor_list(cbor.read(cbor.write(made.as_cbor())))):
        assert {index: again.at(index) for index in range(size)} == statuses


def test_the_first_status_has_the_lowest_bits() -> None:
    assert StatusList.of({0: 1}, size=16).packed == b"\x01\x00"
    assert StatusList.of({7: 1, 8: 1}, size=16).packed == b"\x80\x01"
    assert StatusList.of({1: 2}, size=4, bits=4).packed == b"\x20\x00"


@pytest.mark.parametrize(
    ("statuses", "size", "bits"),
    [({}, 0, 1), ({}, -8, 1), ({}, 9, 1), ({}, 8, 3), ({8: 1}, 8, 1), ({-1: 1}, 8, 1), ({0: 2}, 8, 1), ({0: -1}, 8, 1)],
)
def test_what_does_not_fit_makes_no_list(statuses: dict[int, int], size: int, bits: int) -> None:
    with pytest.raises(BadMessage):
        StatusList.of(statuses, size=size, bits=bits)


@pytest.mark.parametrize("index", [-1, 2**17, 2**40])
def test_an_index_out_of_range_has_no_status(index: int) -> None:
    with pytest.raises(BadMessage, match="131072 entries"):
        LIST.at(index)


@BOTH
def test_what_was_signed_verifies(kind: str) -> None:
    signed = SIGNERS[kind](TOKEN, KEY, kid="k1")
    assert verify(signed, kind, KEYS.find, uri=URI, now=NOW) == TOKEN


@BOTH
def test_a_list_may_have_neither_exp_nor_ttl(kind: str) -> None:
    signed = SIGNERS[kind](ListToken(URI, LIST, AT), KEY, kid="k1")
    assert verify(signed, kind, KEYS.find, uri=URI, now=NOW) == ListToken(URI, LIST, AT)


@BOTH
def test_a_million_random_statuses_are_read(kind: str) -> None:
    packed = b"".join(zlib.crc32(b"%d" % n).to_bytes(4) for n in range(2**15))
    large = ListToken(URI, StatusList(1, packed), AT, AT + 600, 60)
    assert verify(SIGNERS[kind](large, KEY, kid="k1"), kind, KEYS.find, uri=URI, now=NOW) == large


@BOTH
def test_a_strangers_signature_is_refused(kind: str) -> None:
    with pytest.raises(BadSignature):
        verify(SIGNERS[kind](TOKEN, STRANGER, kid="k1"), kind, KEYS.find, uri=URI, now=NOW)
    with pytest.raises(UnknownKey):
        verify(SIGNERS[kind](TOKEN, KEY, kid="k2"), kind, KEYS.find, uri=URI, now=NOW)


@BOTH
def test_every_flipped_bit_is_noticed(kind: str) -> None:
    signed = SIGNERS[kind](ListToken(URI, StatusList.of({3: 1}, size=16), AT, AT + 600, 60), KEY, kid="k1")
    for place in range(len(signed)):
        for bit in range(8):
            damaged = bytearray(signed)
            damaged[place] ^= 1 << bit
            with pytest.raises(IdverifyError):
                verify(bytes(damaged), kind, KEYS.find, uri=URI, now=NOW)


@BOTH
def test_a_truncated_token_is_refused(kind: str) -> None:
    signed = SIGNERS[kind](TOKEN, KEY, kid="k1")
    for length in range(0, len(signed), 7):
        with pytest.raises(IdverifyError):
            verify(signed[:length], kind, KEYS.find, uri=URI, now=NOW)


@BOTH
def test_a_list_of_another_place_is_refused(kind: str) -> None:
    signed = SIGNERS[kind](TOKEN, KEY, kid="k1")
    for other in ("https://status.example/lists/2", URI + "/", URI.upper(), "", URI + "?x"):
        with pytest.raises(BadMessage, match="asked for was"):
            verify(signed, kind, KEYS.find, uri=other, now=NOW)


@BOTH
def test_an_expired_list_is_refused_and_so_is_one_from_the_future(kind: str) -> None:
    signed = SIGNERS[kind](TOKEN, KEY, kid="k1")
    verify(signed, kind, KEYS.find, uri=URI, now=NOW + timedelta(seconds=610))  # clocks may differ by 10 s
    with pytest.raises(Expired):
        verify(signed, kind, KEYS.find, uri=URI, now=NOW + timedelta(seconds=661))
    with pytest.raises(Expired):
        verify(signed, kind, KEYS.find, uri=URI, now=NOW - timedelta(seconds=71))


@pytest.mark.parametrize(
    "changed",
    [{"sub": None}, {"sub": 7}, {"sub": [URI]}, {"iat": None}, {"iat": "1"}, {"iat": True}, {"exp": "never"},
     {"exp": False}, {"exp": -1}, {"nbf": "x"}, {"ttl": 0}, {"ttl": -60}, {"ttl": "60"}, {"ttl": True}, {"ttl": 2**60},
     {"status_list": None}, {"status_list": "x"}, {"status_list": []}, {"status_list": {}},
     {"status_list": {"bits": 1}}, {"status_list": {"lst": "eNrbuRgAAhcBXQ"}},
     {"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ", "aggregation_uri": 1}},
     *({"status_list": {"bits": bits, "lst": "eNrbuRgAAhcBXQ"}} for bits in (0, 3, 5, 16, -1, "1", True, 1.0, None)),
     *({"status_list": {"bits": 1, "lst": lst}} for lst in ("", "A", "eNrbuRgAAhcBXQ=", "eNrb uRgAAhcBXQ", "AAAA", 1)),
    ],
)  # fmt: skip
def test_a_claim_of_the_wrong_kind_is_refused(changed: dict[str, Json]) -> None:
    with pytest.raises(BadMessage):
        verify_jwt(jwt(changed), KEYS.find, uri=URI, now=NOW)


@pytest.mark.parametrize(
    "changed",
    [{2: None}, {2: 7}, {2: b"x"}, {6: None}, {6: "1"}, {6: True}, {4: "never"}, {4: -1}, {5: "x"}, {65534: 0},
     {65534: -1}, {65534: "60"}, {65534: True}, {65533: None}, {65533: b"x"}, {65533: {}}, {65533: {"bits": 1}},
     {65533: {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}}, {65533: {"bits": 3, "lst": LIST.compressed()}},
     {65533: {"bits": True, "lst": LIST.compressed()}},
     {65533: {"bits": 1, "lst": LIST.compressed(), "aggregation_uri": 1}}],
)  # fmt: skip
def test_a_cbor_claim_of_the_wrong_kind_is_refused(changed: dict[Key, Cbor]) -> None:
    with pytest.raises(BadMessage):
        verify_cwt(cwt(changed), KEYS.find, uri=URI, now=NOW)


@pytest.mark.parametrize(
    "typ",
    ["", "JWT", "statuslist", "statuslist+cwt", JWT_TYPE, "STATUSLIST+JWT", "dc+sd-jwt", "kb+jwt"],
)  # fmt: skip
def test_another_type_is_no_list(typ: str) -> None:
    with pytest.raises(BadMessage, match="typ"):
        verify_jwt(jwt(typ=typ), KEYS.find, uri=URI, now=NOW)


@pytest.mark.parametrize("typ", ["statuslist+cwt", JWT_TYPE, "", 1, b"application/statuslist+cwt"])
def test_another_cwt_type_is_no_list(typ: Cbor) -> None:
    with pytest.raises(BadMessage, match="type"):
        verify_cwt(cwt(typ=typ), KEYS.find, uri=URI, now=NOW)


def test_a_cwt_needs_its_one_tag() -> None:
    good = cwt()
    for wrong in (good[1:], b"\xd8\x3d" + good, cwt(tag=17), cwt(tag=98), b"", b"\xd2"):
        with pytest.raises(BadMessage):
            verify_cwt(wrong, KEYS.find, uri=URI, now=NOW)
    for kid in (7, "k1", b"\xff"):
        with pytest.raises(BadMessage):
            verify_cwt(cwt(kid=kid), KEYS.find, uri=URI, now=NOW)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256", "ES384", None, 1, ["ES256"]])
def test_an_unsigned_list_is_refused(alg: Json) -> None:
    _, payload, signature = jwt().decode().split(".")
    header = encode_base64url(write_json({"alg": alg, "typ": "statuslist+jwt", "kid": "k1"}))
    for tail in (signature, ""):
        with pytest.raises(BadMessage):
            verify_jwt(f"{header}.{payload}.{tail}".encode(), KEYS.find, uri=URI, now=NOW)


@pytest.mark.parametrize("header", ["jwk", "jku", "x5c", "x5u", "crit", "zip"])
def test_a_header_that_brings_its_own_key_is_refused(header: str) -> None:
    claims: dict[str, Json] = {"sub": URI, "iat": AT, "status_list": LIST.as_json()}
    good = jose.sign(claims, STRANGER, typ="statuslist+jwt", kid="k1").split(".")
    head: dict[str, Json] = {"alg": "ES256", "typ": "statuslist+jwt", "kid": "k1", header: jose.public_jwk(STRANGER)}
    with pytest.raises(BadMessage, match=header):
        verify_jwt(".".join([encode_base64url(write_json(head)), *good[1:]]).encode(), KEYS.find, uri=URI, now=NOW)


def test_a_member_that_comes_twice_is_refused() -> None:
    head, payload, _ = jwt().decode().split(".")
    for text in (
        f'{{"sub":"{URI}","sub":"{URI}"}}',
        f'{{"sub":"{URI}","iat":{AT},"status_list":{{"bits":1,"bits":2}}}}',
    ):
        claims = encode_base64url(text.encode())
        signed = f"{head}.{claims}".encode()

        r, s = decode_dss_signature(KEY.sign(signed, ec.ECDSA(hashes.SHA256())))
        token = signed + b"." + encode_base64url(r.to_bytes(32) + s.to_bytes(32)).encode()
        with pytest.raises(BadMessage, match="strict JSON"):
            verify_jwt(token, KEYS.find, uri=URI, now=NOW)
    assert payload


def bomb(size: int) -> bytes:
    """zlib data that unpacks to so many zero bytes."""
    return zlib.compress(bytes(size), 9)


def test_a_bomb_is_not_unpacked() -> None:
    fifty = zlib.compressobj(9)
    packed = b"".join(fifty.compress(bytes(2**20)) for _ in range(512)) + fifty.flush()  # half a gigabyte
    begun = time.process_time()
    with pytest.raises(BadMessage, match="unpacks to more than"):
        unpack(1, packed)
    assert time.process_time() - begun < 2
    assert len(unpack(1, bomb(MAX_UNPACKED))) == MAX_UNPACKED * 8
    with pytest.raises(BadMessage, match="unpacks to more than"):
        unpack(8, bomb(MAX_UNPACKED + 1))


@BOTH
def test_a_signed_bomb_is_refused_too(kind: str) -> None:
    class Bomb(StatusList):
        def compressed(self) -> bytes:
            return bomb(50_000_000)

    signed = SIGNERS[kind](ListToken(URI, Bomb(1, b"\0"), AT, AT + 600, 60), KEY, kid="k1")
    with pytest.raises(BadMessage, match="unpacks to more than"):
        verify(signed, kind, KEYS.find, uri=URI, now=NOW)


def test_a_token_that_is_too_long_is_not_even_parsed() -> None:
    with pytest.raises(BadMessage, match="at most"):
        verify_jwt(b"a" * 1_000_001, KEYS.find, uri=URI, now=NOW)
    with pytest.raises(BadMessage, match="at most"):
        verify_cwt(b"\xd2" + b"a" * 1_000_001, KEYS.find, uri=URI, now=NOW)


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"", "cut off"),
        (LIST.compressed()[:-1], "cut off"),
        (LIST.compressed()[:20], "cut off"),
        (LIST.compressed() + b"x", "after its end"),
        (LIST.compressed() * 2, "after its end"),
        (zlib.compress(b""), "empty"),
        (LIST.packed, "not zlib"),
        (zlib.compress(LIST.packed, wbits=-15), "not zlib"),
        (zlib.compress(LIST.packed, wbits=31), "not zlib"),
        (LIST.compressed()[:-4] + b"\0\0\0\0", "not zlib"),
    ],
)
def test_what_is_not_one_whole_zlib_stream_is_refused(packed: bytes, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        unpack(1, packed)


def test_only_the_two_media_types_are_lists() -> None:
    for kind in ("", "application/jwt", "application/json", "application/statuslist+jwt; charset=utf-8", "x" * 5000):
        with pytest.raises(BadMessage, match="media type"):
            verify(jwt(), kind, KEYS.find, uri=URI, now=NOW)
    with pytest.raises(BadMessage):
        verify(jwt(), CWT_TYPE, KEYS.find, uri=URI, now=NOW)
    with pytest.raises(BadMessage):
        verify(cwt(), JWT_TYPE, KEYS.find, uri=URI, now=NOW)


def test_the_claims_have_the_names_of_the_draft() -> None:
    payload = json.loads(jose.parse(sign_jwt(TOKEN, KEY, kid="k1").decode(), typ="statuslist+jwt").payload)
    assert set(payload) == {"sub", "iat", "exp", "ttl", "status_list"}
    assert set(payload["status_list"]) == {"bits", "lst"}
