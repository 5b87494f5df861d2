"""Decode whatever is nested in a message: JSON, JWS, SD-JWT, base64url; never raises, never checks.

The measurements look for people in these values, so that nothing may be left out; a piece that
does not decode is kept as it is.
"""

from __future__ import annotations

import json
import math

from idverify.errors import BadMessage
from idverify.formats.sd_jwt import digest
from idverify.formats.strict_json import decode_base64url, encode_base64url
from idverify.formats.strict_json import depth as nesting
from idverify.scheme import Json

MAX_DEPTH = 40
MAX_PARTS = 1_000
MAX_TEXT = 1_000_000
_WHITESPACE = " \t\n\r"


def read(message: bytes) -> Json:
    """The decoded message; bytes that are no text as `{"bytes": base64url}`."""
    try:
        text = message.decode("utf-8")
    except UnicodeDecodeError:
        return {"bytes": encode_base64url(message)}
    return {"text": text} if len(text) > MAX_TEXT else _text(text, 0)


def _text(text: str, depth: int) -> Json:
    """What a text says: JSON, an SD-JWT, a JWS; otherwise itself."""
    if depth > MAX_DEPTH:
        return printable(text)
    if text[:1] in ("{", "["):
        try:
            if text.count("[") + text.count("{") > MAX_DEPTH and nesting(text) > MAX_DEPTH:
                return printable(text)
            value, end = _DECODER.raw_decode(text)
            return printable(text) if text[end:].strip(_WHITESPACE) else _value(value, depth)
        except (ValueError, RecursionError):
            return printable(text)
    if "~" in text:
        first, *rest = text.split("~", MAX_PARTS)
        decoded: dict[str, Json] = {"issued": _text(first, depth + 1)}
        if rest:
            decoded["disclosures"] = [_disclosure(part, depth + 1) for part in rest[:-1]]
            decoded["binding"] = _text(rest[-1], depth + 1)
        return decoded
    if "." in text and text.count(".") == 2 and " " not in text:
        header, payload, signature = text.split(".")
        if (plain := _decoded(header, depth)) is not None:
            inner = _decoded(payload, depth)
            return {"header": plain, "payload": payload if inner is None else inner, "signature": signature}
    return text if text.isascii() else printable(text)


def printable(text: str) -> str:
    """The text with lone surrogates spelled out, so that it can be written as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _members(pairs: list[tuple[str, Json]]) -> Json:
    """An object; one with duplicate members as a list of pairs, so that none is lost."""
    members = dict(pairs)
    return members if len(members) == len(pairs) else [[name, value] for name, value in pairs]


def _number(text: str) -> float | str:
    return value if math.isfinite(value := float(text)) else text


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=str, parse_float=_number)


def _disclosure(part: str, depth: int) -> Json:
    value = _decoded(part, depth)
    return {"text": part, "digest": digest(part), "value": part if value is None else value}


def _decoded(part: str, depth: int) -> Json | None:
    """A base64url piece that holds JSON; None for any other."""
    try:
        text = decode_base64url(part.rstrip("=")).decode("utf-8")
    except (BadMessage, UnicodeDecodeError):
        return None
    if text[:1] not in ("{", "["):
        return None
    value = _text(text, depth + 1)
    return None if isinstance(value, str) else value


def _value(value: Json, depth: int) -> Json:
    """The same JSON value with every text in it decoded too."""
    if isinstance(value, str):
        return _text(value, depth + 1)
    if isinstance(value, dict):
        return {printable(name): _value(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list):
        return [_value(item, depth + 1) for item in value]
    return value
