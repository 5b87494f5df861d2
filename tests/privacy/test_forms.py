"""The forms of a column of texts are those of each text by itself."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator

import pyarrow as pa
import pytest

from idverify.privacy.forms import forms, forms_of

LETTERS = string.digits + string.ascii_letters
ALPHABETS = (
    *("a", "01", string.digits, string.digits + "abcdef", string.digits + "ABCDEF", string.hexdigits),
    *(string.ascii_lowercase, string.ascii_uppercase, string.digits + "xyz", string.digits + "XYZ", LETTERS),
    *(LETTERS + "-_", LETTERS + "+/", LETTERS + "+/-_=", string.printable, "\x1c\x85\xa0Nguyễn", "٠١٢٣٤٥٦٧٨٩-:T"),
)
LENGTHS = (*range(12), 16, 32, *range(42, 46), 64, 65)
SAID = (
    *(
        "true",
        "False",
        "12.5",
        "-1234567890,125",
        "+1234567890.125",
        "2026-03",
        "2026-03-01",
        "1.12.2026",
        "01/12/2026",
    ),
    *("2026-03-01T08:00", "2026-03-01 08:00:00", "2026-03-01T08:00:00.123Z", "2026-03-01T08:00:00+07:00"),
    *("2026-13-01T08:00:00Z", "9999-99-99T99:99:99Z", "2026-03-01T08:00:00+0700", "٢٠٢٦-03-01T08:00:00Z"),
)


def some_texts(dice: random.Random) -> Iterator[str]:
    """Texts of every alphabet and of every length that matters; what is said; and that with a character changed."""
    for alphabet in ALPHABETS:
        yield from ("".join(dice.choices(alphabet, k=length)) for length in LENGTHS)
        yield "".join(dice.choices(alphabet, k=43)) + "="
    for text in SAID:
        place = dice.randrange(len(text))
        yield from (text, text[:place] + dice.choice(string.printable) + text[place + 1 :], text + "\n", f"{text}0")


@pytest.mark.parametrize("first", [0, 3])
def test_a_column_has_the_forms_of_its_texts_one_by_one(first: int) -> None:
    dice = random.Random(first)
    texts = [text for _ in range(5) for text in some_texts(dice)]
    column = pa.array(texts, pa.string())[first:]  # a part of an array shares the bytes of the whole
    found = forms(column)
    expected = [forms_of(text) for text in texts[first:]]
    assert found.digest.to_pylist() == [digest for digest, _, _ in expected]
    assert found.tail.to_pylist() == [None if d is None else float(bytes.fromhex(d)[-1]) for d, _, _ in expected]
    assert found.number.to_pylist() == [number for _, number, _ in expected]
    assert found.bits.to_pylist() == [bits for _, _, bits in expected]


def test_the_forms_of_a_text() -> None:
    digest = "0f" * 31 + "1e"
    assert forms_of(digest.upper())[0] == forms_of("Dw8P" * 10 + "Dx4")[0] == digest
    assert forms_of("1970-01-02T00:00:00Z") == (None, 86_400.0, 0.0)
    assert forms_of(string.hexdigits[:16]) == (None, None, 64.0)
    assert forms_of("false") == forms_of("") == (None, None, 0.0)
