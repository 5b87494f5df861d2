"""CBOR: one spelling written, and nothing read that two readers could understand differently."""

from __future__ import annotations

from contextlib import suppress

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idverify.errors import BadMessage
from idverify.formats import cbor
from idverify.formats.cbor import Cbor, Embedded, Tag

WRONG = {
    "nothing": b"",
    "a byte too many": b"\x00\x00",
    "a whole item too many": b"\xa0\xa0",
    "a byte missing": b"\x42\x00",
    "a key twice": bytes.fromhex("a201020103"),
    "a key twice, spelled differently": bytes.fromhex("a20102180103"),
    "a key twice, deep within": bytes.fromhex("81a16161a2616201616202"),
    "one and true as keys": bytes.fromhex("a20100f501"),
    "lists 50,000 deep": b"\x81" * 50_000 + b"\x00",
    "maps 50,000 deep": b"\xa1\x00" * 49_000 + b"\x00",
    "tags 50,000 deep": b"\xc6" * 50_000 + b"\x00",
    "bytes of 2^64": bytes.fromhex("5bffffffffffffffff"),
    "bytes of a terabyte": bytes.fromhex("5b0000010000000000"),
    "a text of a terabyte": bytes.fromhex("7b0000010000000000"),
    "a list of a trillion": bytes.fromhex("9b0000010000000000"),
    "a map of a trillion": bytes.fromhex("bb0000010000000000"),
    "bytes of no definite length": bytes.fromhex("5f4100ff"),
    "a text of no definite length": bytes.fromhex("7f6161ff"),
    "a list of no definite length": bytes.fromhex("9f00ff"),
    "a map of no definite length": bytes.fromhex("bf0000ff"),
    "a break alone": b"\xff",
    "a reserved length": b"\x1c",
    "a simple value in two spellings": bytes.fromhex("f815"),
    "no UTF-8": b"\x61\xff",
    "a lone surrogate": bytes.fromhex("63eda080"),
    "embedded CBOR that is a text": bytes.fromhex("d8186161"),
    "embedded CBOR that is a list": bytes.fromhex("d81880"),
    "100,001 bytes": b"\x5a\x00\x01\x86\x9c" + bytes(99_996),
}


@pytest.mark.parametrize("message", WRONG.values(), ids=WRONG.keys())
def test_doubtful_cbor_is_refused(message: bytes) -> None:
    with pytest.raises(BadMessage):
        cbor.read(message)


def test_the_limits_of_size_and_depth_are_exact() -> None:
    assert cbor.read(b"\x5a\x00\x01\x86\x9b" + bytes(99_995)) == bytes(99_995)
    assert cbor.read(b"\x81" * 16 + b"\x80")
    with pytest.raises(BadMessage):
        cbor.read(b"\x81" * 17 + b"\x80")


@pytest.mark.parametrize("number", [*range(24), *range(25, 300), 1004, 43000, 55799, 2**64 - 1])
def test_no_tag_has_a_meaning(number: int) -> None:
    contents: tuple[Cbor, ...] = ("(a+)+$", 1, b"\xff" * 40, [10**9, 1], {"a": 1})
    for content in contents:
        assert cbor.read(cbor2.dumps(Tag(number, content))) == Tag(number, content)


def test_references_stay_what_they_are() -> None:
    assert cbor.read(bytes.fromhex("d81c81d81d00")) == Tag(28, [Tag(29, 0)])
    assert cbor.read(bytes.fromhex("d9010082636161 61d81900".replace(" ", ""))) == Tag(256, ["aaa", Tag(25, 0)])


@pytest.mark.parametrize("head", ["d81844", "d9001844", "d8185804", "da00000018590004", "d8185b0000000000000004"])
@pytest.mark.parametrize(
    ("before", "after"), [("82", "83010203"), ("820f", ""), ("8244d8184400", ""), ("82fb" + "00" * 8, "")]
)
def test_embedded_cbor_is_kept_exactly_as_it_was_received(head: str, before: str, after: str) -> None:
    item = bytes.fromhex(head) + b"\x83\x01\x02\x03"
    value = cbor.read(bytes.fromhex(before) + item + bytes.fromhex(after))
    assert isinstance(value, list)
    assert Embedded(b"\x83\x01\x02\x03", item) in value


def test_several_embedded_items_are_not_mixed_up() -> None:
    short, long, tall = (bytes.fromhex(text) for text in ("d8184101", "d818580101", "d81859000102"))
    value = cbor.read(b"\x84" + short + long + b"\x44\xd8\x18\x41\x09" + tall)
    assert value == [Embedded(b"\1", short), Embedded(b"\1", long), b"\xd8\x18\x41\x09", Embedded(b"\2", tall)]


def test_maps_are_written_in_the_order_of_their_encoded_keys() -> None:
    keys: dict[cbor.Key, Cbor] = {"aa": 5, 100: 1, 10: 0, "z": 3, -1: 2, "a": 4, "": 8}
    assert cbor.write(keys).hex() == "a7" + "0a00" + "186401" + "2002" + "6008" + "616104" + "617a03" + "62616105"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (23, "17"),
        (24, "1818"),
        (-500, "3901f3"),
        (2**32, "1b0000000100000000"),
        (b"\1", "4101"),
        ("ü", "62c3bc"),
        ([True, False, None], "83f5f4f6"),
        (Tag(0, "2026-01-01T00:00:00Z"), "c074323032362d30312d30315430303a30303a30305a"),
        (cbor.embed({"b": 1, "a": 2}), "d81847a2616102616201"),
    ],
)
def test_values_are_written_in_their_shortest_form(value: Cbor, encoded: str) -> None:
    assert cbor.write(value).hex() == encoded
    assert cbor.read(bytes.fromhex(encoded)) == value


def test_floats_are_read_and_never_written() -> None:
    assert cbor.read(bytes.fromhex("f93c00")) == 1.0
    with pytest.raises(TypeError):
        cbor.write([1.0])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(2, 99), inner, max_size=4),
        max_leaves=12,
    )
)
def test_what_is_written_is_read_again(value: Cbor) -> None:
    assert cbor.read(cbor.write(value)) == value


@given(st.binary(max_size=200))
def test_no_bytes_whatever_bring_another_error_out(message: bytes) -> None:
    with suppress(BadMessage):
        cbor.read(message)
