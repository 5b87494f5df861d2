"""The encodings that the working group published, and the examples in the draft's text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from idverify.formats import cbor, cose
from idverify.formats.status_list import CWT_TYPE, StatusList, read_cbor_list, read_list

SHORT = {0: 1, 3: 1, 4: 1, 5: 1, 7: 1, 8: 1, 9: 1, 13: 1, 15: 1}
TWO_BITS = dict(enumerate([1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]))
LONG = dict.fromkeys((0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345), 1)
"""Entries that are not 0, as section 4.1 and appendix "Test vectors" list them."""
EXAMPLE_CWT = (
    "d2845820a2012610781a6170706c69636174696f6e2f7374617475736c6973742b637774a1044231325850a502782168747470733a2f2f6578"
    "616d706c652e636f6d2f7374617475736c697374732f31061a648c5bea041a8898dfea19fffe19a8c019fffda2646269747301636c73744a78"
    "dadbb918000217015d584093fa4d01032b18c35e2fe1101b77fd6cc9440022caa4694450c4e4e9feab4e99d1fa6d9772ce2bf3a12e0323ded7"
    "c982c5e101a5e67f0cbc1e2b6f57ce99c279"
)
"""The Status List Token in CWT format of section 5.2."""


@pytest.fixture
def published(vectors: Path) -> Callable[[str], str]:
    """A file's text after its line of bytes, without spaces."""

    def read(name: str) -> str:
        text = (vectors / "status-list" / name).read_text()
        return "".join(text.partition("encoded:")[2].split() or text.split())

    return read


@pytest.mark.parametrize(
    ("name", "bits", "size", "statuses"),
    [
        ("status_list_encoding_json.txt", 1, 16, SHORT),
        ("status_list_encoding2_json.txt", 2, 12, TWO_BITS),
        ("status_list_encoding1_long_json.txt", 1, 2**20, LONG),
    ],
)
def test_json(published: Callable[[str], str], name: str, bits: int, size: int, statuses: dict[int, int]) -> None:
    value = json.loads(published(name))
    ours = StatusList.of(statuses, size=size, bits=bits)
    assert read_list(value) == ours
    assert read_list(ours.as_json()) == ours
    assert [ours.at(index) for index in statuses] == list(statuses.values())
    assert sum(ours.packed[n].bit_count() for n in range(len(ours.packed))) == sum(
        map(int.bit_count, statuses.values())
    )


@pytest.mark.parametrize(
    ("name", "bits", "size", "statuses"),
    [("status_list_encoding_cbor.txt", 1, 16, SHORT), ("status_list_encoding2_cbor.txt", 2, 12, TWO_BITS)],
)
def test_cbor(published: Callable[[str], str], name: str, bits: int, size: int, statuses: dict[int, int]) -> None:
    encoded = bytes.fromhex(published(name))
    ours = StatusList.of(statuses, size=size, bits=bits)
    assert read_cbor_list(cbor.read(encoded)) == ours
    assert ours.as_cbor() == cbor.read(encoded)  # the published map is not in our order, its members are the same


def test_the_example_of_a_cwt_has_the_form_that_we_read() -> None:
    message = cose.parse(bytes.fromhex(EXAMPLE_CWT))
    assert message.protected[cose.TYP] == CWT_TYPE
    assert message.kid == b"12"
    assert message.payload is not None
    claims = cbor.read_map(message.payload)
    assert claims[2] == "https://example.com/statuslists/1"
    assert (claims[6], claims[4], claims[65534]) == (1686920170, 2291720170, 43200)
    assert read_cbor_list(claims[65533]) == StatusList.of(SHORT, size=16)
