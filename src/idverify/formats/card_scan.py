"""A scan of an identity card that nobody could take for one: a striped PNG that says SYNTHETIC (PNG, third edition).

What would be printed on a card stands in `iTXt` chunks, where whoever looks at the picture reads it. A scan proves
nothing: whoever has this module, or a drawing program, makes another.

    89 50 4E 47 0D 0A 1A 0A | IHDR | iTXt Title | iTXt name | iTXt id_number | iTXt birth_date | IDAT | IEND
    a chunk: 4 bytes length, 4 bytes type, the data, 4 bytes CRC-32 of type and data
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from idverify.errors import BadMessage

SPEC = "W3C PNG (third edition, June 2025)"
MARK = "SYNTHETIC - NOT AN IDENTITY CARD"
MOST_BYTES = 32_768
LONGEST = 200
"""Bytes of one text on the card."""
WIDTH, HEIGHT = 128, 80
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = ("Title", "name", "id_number", "birth_date")
_WORD = (
    " ### #   # #   # ##### #   # ##### ##### ###  ### ",
    "#    #   # ##  #   #   #   # #       #    #  #    ",
    " ##   # #  # # #   #   ##### ####    #    #  #    ",
    "   #   #   #  ##   #   #   # #       #    #  #    ",
    "###    #   #   #   #   #   # #####   #   ###  ### ",
)
"""SYNTHETIC, as it is drawn across the picture."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is printed on a card; `birth_date` as YYYY-MM-DD."""

    name: str
    id_number: str
    birth_date: str


def draw(card: Card) -> bytes:
    """A scan of this card, the same bytes each time. Raises BadMessage for a text that is empty or too long."""
    texts = (MARK, card.name, card.id_number, card.birth_date)
    if not all(0 < len(text.encode()) <= LONGEST for text in texts):
        raise BadMessage(f"a text on the card is empty or longer than {LONGEST} bytes")
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    written = [_chunk(b"iTXt", f"{k}\0\0\0\0\0{text}".encode()) for k, text in zip(_TEXTS, texts, strict=True)]
    picture = zlib.compress(b"".join(b"\0" + bytes(_grey(x, y) for x in range(WIDTH)) for y in range(HEIGHT)), 9)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), *written, _chunk(b"IDAT", picture), _chunk(b"IEND", b"")))


def look_at(scan: bytes) -> Card:
    """Read what is printed on the card, as a clerk would. The picture is not decoded. Raises BadMessage."""
    # (1) size, signature  (2) chunks with their CRC, in the order of `draw`  (3) the mark  (4) texts
    if len(scan) > MOST_BYTES or not scan.startswith(_SIGNATURE):
        raise BadMessage(f"the scan is not a PNG of at most {MOST_BYTES} bytes")  # (1)
    chunks = list(_chunks(scan[len(_SIGNATURE) :]))  # (2)
    if [kind for kind, _ in chunks] != [b"IHDR", *[b"iTXt"] * len(_TEXTS), b"IDAT", b"IEND"]:
        raise BadMessage("the scan does not have exactly the parts of a scanned card")
    texts: list[str] = []
    for name, (_, data) in zip(_TEXTS, chunks[1:], strict=False):
        start = f"{name}\0\0\0\0\0".encode()
        try:
            text = data.removeprefix(start).decode() if data.startswith(start) else ""
        except UnicodeDecodeError as error:
            raise BadMessage(f"the {name} on the card is not UTF-8") from error
        if not 0 < len(data) - len(start) <= LONGEST or not text.isprintable() or not text:  # (4)
            raise BadMessage(f"the {name} on the card cannot be read")
        texts.append(text)
    mark, name, id_number, birth_date = texts
    if mark != MARK:  # (3)
        raise BadMessage("the scan is not marked as synthetic: pictures of real cards are not taken here")
    return Card(name, id_number, birth_date)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(rest: bytes) -> Iterator[tuple[bytes, bytes]]:
    while rest:
        if len(rest) < 12 or (end := 12 + int.from_bytes(rest[:4])) > len(rest):
            raise BadMessage("the scan ends within a part of it")
        kind, data = rest[4:8], rest[8 : end - 4]
        if zlib.crc32(kind + data) != int.from_bytes(rest[end - 4 : end]):
            raise BadMessage("a part of the scan is damaged")
        yield kind, data
        rest = rest[end:]


def _grey(x: int, y: int) -> int:
    """Diagonal stripes with the word across them, two pixels a dot."""
    column, row = (x - (WIDTH - 2 * len(_WORD[0])) // 2) // 2, (y - HEIGHT // 2 + len(_WORD)) // 2
    if 0 <= row < len(_WORD) and 0 <= column < len(_WORD[0]):
        return 0 if _WORD[row][column] == "#" else 255
    return 200 if (x + y) // 8 % 2 else 160
