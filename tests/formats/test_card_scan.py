"""A scan of a card: drawn the same each time, read back, marked, and anything else refused with our errors."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idverify.errors import BadMessage
from idverify.formats import card_scan
from idverify.formats.card_scan import MARK, Card, draw, look_at

CARD = Card("Nguyễn Văn Anh", "901090000001", "1990-05-01")
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def text(name: str, value: bytes) -> bytes:
    return chunk(b"iTXt", name.encode() + b"\0\0\0\0\0" + value)


def scan(
    *, mark: bytes = MARK.encode(), name: bytes = b"A", number: bytes = b"9", born: bytes = b"1990-05-01"
) -> bytes:
    said = zip(("Title", "name", "id_number", "birth_date"), (mark, name, number, b"1990-05-01"), strict=True)
    return b"".join([SIGNATURE, chunk(b"IHDR", bytes(13)), *(text(*each) for each in said), chunk(b"IDAT", b"x"),
                     chunk(b"IEND", b"")])  # fmt: skip


def test_what_is_drawn_is_read_and_drawn_the_same_again() -> None:
    assert look_at(draw(CARD)) == CARD
    assert draw(CARD) == draw(CARD)
    assert look_at(scan()) == Card("A", "9", "1990-05-01")


def test_the_picture_says_that_it_is_synthetic_and_is_a_png_that_decodes() -> None:
    drawn = draw(CARD)
    assert MARK.encode() in drawn
    start = drawn.index(b"IDAT")
    size = int.from_bytes(drawn[start - 4 : start])
    pixels = zlib.decompress(drawn[start + 4 : start + 4 + size])
    assert len(pixels) == card_scan.HEIGHT * (card_scan.WIDTH + 1)
    assert len(set(pixels)) > 3


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        SIGNATURE,
        b"GIF89a" + draw(CARD),
        draw(CARD)[:-1],
        draw(CARD) + b"\0",
        draw(CARD) + chunk(b"IEND", b""),
        draw(CARD) + bytes(card_scan.MOST_BYTES),
        draw(CARD).replace(b"1990", b"1980"),
        scan(mark=b"IDENTITY CARD"),
        scan(mark=b""),
        scan(name=b""),
        scan(name=b"\xff"),
        scan(name=b"a\nb"),
        scan(name="\u202eA".encode()),
        scan(number=b"9" * 201),
        SIGNATURE + chunk(b"IEND", b""),
        SIGNATURE + struct.pack(">I", 2**31) + b"IHDR",
        scan().replace(text("name", b"A"), b""),
        scan().replace(text("name", b"A"), text("name", b"A") * 2),
        scan().replace(text("name", b"A"), chunk(b"iTXt", b"name\0\1\0\0\0" + zlib.compress(b"A" * 10**6))),
        scan().replace(text("name", b"A"), text("nickname", b"A")),
    ],
)
def test_anything_else_is_refused(bad: bytes) -> None:
    with pytest.raises(BadMessage):
        look_at(bad)


@given(at=st.integers(0, len(draw(CARD)) - 1), mask=st.integers(1, 255))
def test_a_damaged_scan_is_noticed(at: int, mask: int) -> None:
    good = draw(CARD)
    with pytest.raises(BadMessage):
        look_at(good[:at] + bytes([good[at] ^ mask]) + good[at + 1 :])


@pytest.mark.parametrize("card", [Card("", "9", "1990-05-01"), Card("A" * 201, "9", "1990-05-01"), Card("A", "", "")])
def test_a_card_that_nobody_could_read_is_not_drawn(card: Card) -> None:
    with pytest.raises(BadMessage):
        draw(card)
