"""JSON and base64url, read strictly: one spelling each, bounded, nothing ignored (RFC 8259, RFC 7493, RFC 4648).

What two readers may understand differently is refused: duplicate members, NaN, lone surrogates,
padding, unused bits. Depth and size are checked before the parser sees the text.
"""

from __future__ import annotations

import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import TypeAlias

from idverify.errors import BadMessage
from idverify.scheme import Json

JsonObject: TypeAlias = Mapping[str, Json]
MAX_SIZE = 100_000
MAX_DEPTH = 16
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_LAST = {2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}
"""Last characters of an incomplete group of four, by its length: those whose unused bits are zero."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_WHITESPACE = " \t\n\r"
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"?')  # an open string runs to the end: linear for hostile text
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def encode_base64url(value: bytes) -> str:
    """Without padding, as JOSE wants it."""
    return binascii.b2a_base64(value, newline=False).rstrip(b"=").translate(_URL_SAFE).decode()


def decode_base64url(text: str, what: str = "base64url text") -> bytes:
    """The bytes; raises BadMessage for padding, spaces, other alphabets and unused bits."""
    try:
        raw = text.encode("ascii").translate(_STANDARD)
        value = binascii.a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True)
    except ValueError as error:  # UnicodeEncodeError and binascii.Error are both
        raise BadMessage(f"the {what} is not base64url without padding") from error
    # Unused bits that are not zero survive the decoder, and would give one value two spellings.
    if (odd := len(raw) % 4) and raw[-1] not in _LAST[odd]:
        raise BadMessage(f"the {what} is not base64url without padding")
    return value


def read_json(text: bytes, what: str = "message", *, max_size: int = MAX_SIZE, max_depth: int = MAX_DEPTH) -> Json:
    """Parse one JSON text. Raises BadMessage, for everything that is doubtful or too big."""
    if len(text) > max_size:
        raise BadMessage(f"the {what} has {len(text)} bytes, at most {max_size} are read")
    try:
        string = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadMessage(f"the {what} is not UTF-8") from error
    if string.count("[") + string.count("{") > max_depth and depth(string) > max_depth:
        raise BadMessage(f"the {what} is nested deeper than {max_depth}")
    try:
        text_only = string.strip(_WHITESPACE)
        value: Json
        value, end = _DECODER.raw_decode(text_only)
        if end != len(text_only):
            raise ValueError("more than one value")
        if "\\" in string and _ESCAPED_SURROGATE.search(string):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"the {what} is not strict JSON") from error
    return value


def read_object(text: bytes, what: str = "message", *, max_size: int = MAX_SIZE) -> JsonObject:
    """Parse one JSON object. Raises BadMessage."""
    value = read_json(text, what, max_size=max_size)
    if not isinstance(value, dict):
        raise BadMessage(f"the {what} is not a JSON object")
    return value


def write_json(value: Json) -> bytes:
    """Compact UTF-8 JSON, members in the order given."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def text_member(value: JsonObject, name: str, *, max_length: int = 2000, what: str = "message") -> str:
    """A member that must be a non-empty, bounded string. Raises BadMessage."""
    text = value.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= max_length:
        raise BadMessage(f"the {what}'s {name} is not a string of 1 to {max_length} characters")
    return text


def shown(value: Json) -> str:
    """A stranger's value for an error message: short, printable ASCII, so that no log line is forged."""
    if not isinstance(value, str):
        return "nobody" if value is None else "something that is not a string"
    return "".join(c if " " <= c <= "~" else "?" for c in value[:100])


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _refuse_constant(name: str) -> Json:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)


def depth(string: str) -> int:
    """How deep the arrays and objects of a JSON text are nested; for any text, in linear time."""
    now = deepest = 0
    for character in re.findall(r"[\[\]{}]", _STRINGS.sub("", string)):
        now += 1 if character in "[{" else -1
        deepest = max(deepest, now)
    return deepest
