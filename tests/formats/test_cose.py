"""COSE: only what its signer signed, with the algorithm that its reader allows."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeAlias

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from idverify.errors import BadMessage, BadSignature
from idverify.formats import cbor, cose, jwa
from idverify.formats.cbor import Cbor, Tag

KEY, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
PUBLIC = KEY.public_key()
Parts: TypeAlias = "list[Cbor]"


def signed(*, protected: cose.Headers | None = None, unprotected: cose.Headers | None = None) -> Parts:
    return cose.sign(b"payload", KEY, protected=protected, unprotected=unprotected)


def check(parts: Cbor) -> bytes:
    return cose.check(cose.take(parts), PUBLIC)


def with_part(number: int, value: Cbor) -> Parts:
    parts = signed()
    parts[number] = value
    return parts


def with_protected(header: Cbor) -> Parts:
    """Truly signed, with exactly this protected header."""
    encoded = header if isinstance(header, bytes) else cbor.write(header)
    signature = jwa.ES256.sign(KEY, cose._signed(encoded, b"payload", b""))
    return [encoded, {}, b"payload", signature]


def test_a_signed_message_is_accepted_with_its_tag_and_without() -> None:
    assert check(signed()) == b"payload"
    for value in (signed(), Tag(18, signed())):
        assert cose.check(cose.parse(cbor.write(value)), PUBLIC) == b"payload"


@pytest.mark.parametrize("tag", [16, 17, 61, 96, 98])
def test_a_message_of_another_kind_is_refused(tag: int) -> None:
    with pytest.raises(BadMessage):
        cose.parse(cbor.write(Tag(tag, signed())))


def test_another_key_payload_or_context_is_refused() -> None:
    with pytest.raises(BadSignature):
        cose.check(cose.take(signed()), STRANGER.public_key())
    with pytest.raises(BadSignature):
        check(with_part(2, b"another"))
    with pytest.raises(BadSignature):
        cose.check(cose.take(signed()), PUBLIC, external=b"x")


def test_a_detached_payload_is_signed_all_the_same() -> None:
    message = cose.take(cose.sign(b"payload", KEY, detached=True))
    assert cose.check(message, PUBLIC, detached=b"payload") == b"payload"
    with pytest.raises(BadSignature):
        cose.check(message, PUBLIC, detached=b"another")
    with pytest.raises(BadMessage):
        cose.check(message, PUBLIC)
    with pytest.raises(BadMessage):
        cose.check(cose.take(signed()), PUBLIC, detached=b"payload")


GOOD = signed()[3]
assert isinstance(GOOD, bytes)
ORDER = bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")


@pytest.mark.parametrize(
    "signature",
    [b"", bytes(64), GOOD[:63], GOOD + b"\0", bytes(32) + GOOD[32:], GOOD[:32] + bytes(32), ORDER + GOOD[32:]],
    ids=len,
)
def test_a_signature_of_another_form_is_refused(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        check(with_part(3, signature))


@pytest.mark.parametrize(
    "parts",
    [
        None,
        {},
        b"",
        [],
        signed()[:3],
        [*signed(), b""],
        with_part(0, {1: -7}),
        with_part(0, b"\xff"),
        with_part(0, b""),
        with_part(0, b"\xa0"),
        with_part(0, cbor.write([1, -7])),
        with_part(1, []),
        with_part(1, None),
        with_part(1, b""),
        with_part(2, "payload"),
        with_part(3, None),
        with_part(3, "signature"),
        with_part(1, {1: -7}),
        with_part(1, {2: [1]}),
        with_protected({}),
        with_protected({1: -8}),
        with_protected({1: "ES256"}),
        with_protected({1: True}),
        with_protected({1: None}),
        with_protected({1: [-7]}),
        with_protected({1: 5}),
        with_protected({1: -7, 2: [4]}),
        with_protected({1: -7, 2: [-65537], -65537: b""}),
        with_protected({1: -7, 2: []}),
        with_protected(bytes.fromhex("a201260126")),
        with_protected(bytes.fromhex("a1012600")),
        with_protected(bytes.fromhex("bf0126ff")),
        with_protected({-7: 1}),
    ],
    ids=range(33),
)
def test_a_message_of_another_form_is_refused(parts: Cbor) -> None:
    with pytest.raises(BadMessage):
        check(parts)


def test_a_header_stands_in_one_place_only() -> None:
    assert cose.take(signed(protected={4: b"kid"})).kid == cose.take(signed(unprotected={4: b"kid"})).kid == b"kid"
    with pytest.raises(BadMessage):
        cose.take(signed(protected={4: b"kid"}, unprotected={4: b"kid"}))
    with pytest.raises(BadMessage, match="kid"):
        _ = cose.take(signed()).kid


def test_a_chain_is_one_certificate_or_a_short_list() -> None:
    assert cose.take(signed(unprotected={33: b"a"})).x5chain == (b"a",)
    assert cose.take(signed(protected={33: [b"a", b"b"]})).x5chain == (b"a", b"b")
    wrong: tuple[Cbor, ...] = ([], [b"a"] * 6, "a", ["a"], None, {}, 7)
    for chain in wrong:
        with pytest.raises(BadMessage):
            _ = cose.take(signed(unprotected={33: chain})).x5chain


@pytest.mark.parametrize("algorithm", [jwa.ML_DSA_44, jwa.ML_DSA_65, jwa.ML_DSA_87], ids=lambda each: each.name)
def test_a_quantum_safe_signature_is_checked_with_its_own_algorithm(algorithm: jwa.MlDsa) -> None:
    key = algorithm.new_key()
    parts, alg = cose.sign(b"payload", key), cose.algorithm(key)
    assert cose.check(cose.take(parts, algs=(alg,)), key.public_key()) == b"payload"
    with pytest.raises(BadMessage):
        cose.take(parts)
    with pytest.raises(BadSignature):
        cose.check(cose.take(parts, algs=(alg,)), PUBLIC)
    with pytest.raises(BadSignature):
        cose.check(cose.take(signed()), key.public_key())
    assert cose.read_key(cose.write_key(key.public_key())) == key.public_key()


def test_a_mac_is_checked_with_its_key() -> None:
    header = cbor.write({1: 5})
    parts: Parts = [header, {}, None, cose.mac_of(b"k" * 32, header, b"payload")]
    message = cose.take(parts, algs=(cose.HMAC_256,))
    assert cose.check_mac(message, b"k" * 32, detached=b"payload") == b"payload"
    for key, payload in ((b"x" * 32, b"payload"), (b"k" * 32, b"another")):
        with pytest.raises(BadSignature):
            cose.check_mac(message, key, detached=payload)
    with pytest.raises(BadSignature):
        cose.check(message, PUBLIC, detached=b"payload")


def test_keys_come_back_and_compressed_ones_too() -> None:
    key = cose.write_key(PUBLIC)
    assert cose.read_key(key) == PUBLIC
    y = key[-3]
    assert isinstance(y, bytes)
    assert cose.read_key({**key, -3: bool(y[-1] & 1)}) == PUBLIC
    assert cose.read_key({**key, 3: -7, 2: b"kid"}) == PUBLIC


X, Y = (cose.write_key(PUBLIC)[label] for label in (-2, -3))


@pytest.mark.parametrize(
    "key",
    [
        None,
        [],
        {},
        {1: 2, -1: 1, -2: X},
        {1: 2, -1: 1, -3: Y},
        {1: 2, -1: 1, -2: X, -3: X},
        {1: 2, -1: 1, -2: bytes(32), -3: bytes(32)},
        {1: 2, -1: 1, -2: b"", -3: b""},
        {1: 2, -1: 1, -2: b"\0", -3: b""},
        {1: 2, -1: 2, -2: X, -3: Y},
        {1: 2, -1: True, -2: X, -3: Y},
        {1: 2, -1: "P-256", -2: X, -3: Y},
        {1: 3, -1: 1, -2: X, -3: Y},
        {1: 1, -1: 6, -2: X},
        {1: 2, 3: -8, -1: 1, -2: X, -3: Y},
        {1: 2, 3: [-7], -1: 1, -2: X, -3: Y},
        {1: 2, -1: 1, -2: X, -3: Y, -4: bytes(32)},
        {1: 7, 3: -48, -1: b"short"},
        {1: 7, 3: -48, -1: bytes(1312), -2: bytes(32)},
        {1: 7, 3: [-48], -1: bytes(1312)},
        {1: 7, 3: -7, -1: bytes(1312)},
    ],
    ids=range(21),
)
def test_a_key_that_is_not_one_public_key_is_refused(key: Cbor) -> None:
    with pytest.raises(BadMessage):
        cose.read_key(key)


def test_a_key_on_another_curve_signs_and_checks_nothing() -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(BadMessage, match="ES256"):
        cose.sign(b"payload", other)
    with pytest.raises(BadMessage, match="ES256"):
        cose.check(cose.take(signed()), other.public_key())


@given(st.binary(max_size=120), st.integers(0, 3))
def test_no_bytes_whatever_bring_another_error_out(junk: bytes, part: int) -> None:
    whole = cbor.write(signed(unprotected={33: b"a"}))
    parts = signed()
    parts[part] = junk
    for message in (junk, whole + junk, junk + whole, cbor2.dumps(parts)):
        with suppress(BadMessage, BadSignature):
            cose.check(cose.parse(message), PUBLIC)
