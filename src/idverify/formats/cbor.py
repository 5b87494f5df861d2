"""CBOR, read strictly and written one way (RFC 8949, core deterministic encoding of section 4.2.1).

What two readers may understand differently is refused: duplicate keys, indefinite lengths, bytes after
the end. Tags have no meaning here: no dates, no big numbers, no references, no regular expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cbor2
from cbor2 import CBORSimpleValue, CBORTag

from idverify.errors import BadMessage

if TYPE_CHECKING:
    from cbor2 import UndefinedType

SPEC = "RFC 8949"
MAX_SIZE = 100_000
MAX_DEPTH = 16
EMBEDDED = 24
"""The tag of a byte string that holds CBOR (section 3.4.5.1)."""
_TAGGED = cbor2.dumps(CBORTag(EMBEDDED, b""))[:-1]
"""How an item with that tag begins."""

Tag = CBORTag
"""A tagged value: `tag` and `value`."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A byte string with tag 24: what it holds, and the whole item exactly as it was received."""

    content: bytes
    encoded: bytes


Key: TypeAlias = int | str
Plain: TypeAlias = "bool | int | float | str | bytes | CBORSimpleValue | UndefinedType | None"
Cbor: TypeAlias = "Plain | Sequence[Cbor] | Mapping[Key, Cbor] | Tag | Embedded"


def read(message: bytes, what: str = "message", *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH) -> Cbor:
    """Decode exactly one item. Raises BadMessage, for everything that is doubtful or too big."""
    if len(message) > max_size:
        raise BadMessage(f"the {what} has {len(message)} bytes, at most {max_size} are read")
    value = _decode(message, what, max_depth, _SHORTEST)
    if cbor2.dumps(value, default=_raw) == message:
        return value  # exactly one item, spelled as it is written here
    # Bytes follow it, or a length is spelled longer than it must be: embedded items are taken from the message itself.
    if len(message) != (end := _end(message)):
        raise BadMessage(f"the {what} has {len(message) - end} bytes after its end")
    received = _embedded(message)
    return _decode(message, what, max_depth, _Inert(lambda content: Embedded(content, next(received))))


def read_map(message: bytes, what: str = "message", *, max_size: int = MAX_SIZE) -> Mapping[Key, Cbor]:
    """Decode exactly one map. Raises BadMessage."""
    return a_map(read(message, what, max_size=max_size), what)


def write(value: Cbor) -> bytes:
    """Shortest form, definite lengths, map keys in the order of their encoded bytes."""
    return cbor2.dumps(_sorted(value), default=_raw)


def embed(value: Cbor) -> Embedded:
    """The value as a byte string with tag 24."""
    return _shortest(write(value))


def a_map(value: Cbor, what: str) -> Mapping[Key, Cbor]:
    """The value as a map with keys that are numbers or texts. Raises BadMessage."""
    if not isinstance(value, dict) or not {type(key) for key in value} <= _KEYS:
        raise BadMessage(f"the {what} is not a CBOR map with keys that are numbers or texts")
    return value


def a_list(value: Cbor, what: str) -> Sequence[Cbor]:
    """The value as an array. Raises BadMessage."""
    if not isinstance(value, list):
        raise BadMessage(f"the {what} is not a CBOR array")
    return value


def some_bytes(value: Cbor, what: str) -> bytes:
    """The value as a byte string. Raises BadMessage."""
    if not isinstance(value, bytes):
        raise BadMessage(f"the {what} is not a CBOR byte string")
    return value


def a_text(value: Cbor, what: str, *, max_length: int = 2000) -> str:
    """The value as a non-empty, bounded text. Raises BadMessage."""
    if not isinstance(value, str) or not 0 < len(value) <= max_length:
        raise BadMessage(f"the {what} is not a CBOR text of 1 to {max_length} characters")
    return value


def a_number(value: Cbor, what: str) -> int:
    """The value as a whole number. Raises BadMessage."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadMessage(f"the {what} is not a whole number")
    return value


def embedded(value: Cbor, what: str) -> Embedded:
    """The value as embedded CBOR. Raises BadMessage."""
    if not isinstance(value, Embedded):
        raise BadMessage(f"the {what} is not embedded CBOR (tag 24)")
    return value


def _shortest(content: bytes) -> Embedded:
    return Embedded(content, _TAGGED + cbor2.dumps(content))


class _Inert(Mapping[int, Callable[[object, bool], object]]):
    """For every tag a decoder that gives it no meaning, the ones that cbor2 knows included."""

    def __init__(self, embedded: Callable[[bytes], Embedded]) -> None:
        self._embedded = embedded

    def __getitem__(self, tag: int) -> Callable[[object, bool], object]:
        return self._embed if tag == EMBEDDED else lambda value, _: CBORTag(tag, value)

    def _embed(self, value: object, _: bool) -> Embedded:
        if not isinstance(value, bytes):
            raise ValueError("tag 24 on something that is not a byte string")
        return self._embedded(value)

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _decode(message: bytes, what: str, max_depth: int, tags: _Inert) -> Cbor:
    try:
        value: Cbor = cbor2.loads(
            message,
            semantic_decoders=tags,
            max_depth=max_depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadMessage(f"the {what} is not strict CBOR") from error
    return value


def _heads(message: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Major type, number, start and end of each head in a message that decoded, strings with their content."""
    at = 0
    while at < len(message):
        start, major, number = at, message[at] >> 5, message[at] & 31
        at += 1
        if number >= 24:
            size = 1 << number - 24
            number, at = int.from_bytes(message[at : at + size]), at + size
        if major in (2, 3):
            at += number
        yield major, number, start, at


def _end(message: bytes) -> int:
    """Where the first item of a message that decoded ends."""
    left = 1
    for major, number, _, end in _heads(message):
        left += {4: number, 5: 2 * number, 6: 1}.get(major, 0) - 1
        if not left:
            return end
    return len(message)


def _embedded(message: bytes) -> Iterator[bytes]:
    """The items with tag 24 of a message that decoded, as they stand in it, in their order."""
    tagged = -1
    for major, number, start, end in _heads(message):
        if major == 2 and tagged >= 0:
            yield message[tagged:end]
        tagged = start if major == 6 and number == EMBEDDED else -1


def _sorted(value: Cbor) -> Cbor:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=cbor2.dumps)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, CBORTag):
        return CBORTag(value.tag, _sorted(value.value))
    if isinstance(value, float):
        raise TypeError("a float has several lengths, and nothing here needs one")
    return value


def _raw(encoder: cbor2.CBOREncoder, item: object) -> None:
    """Write the only kind of value that cbor2 does not know."""
    if not isinstance(item, Embedded):
        raise TypeError(f"no CBOR is written for {type(item).__name__}")
    encoder.write(item.encoded)


_KEYS = {int, str}
_SHORTEST = _Inert(_shortest)
