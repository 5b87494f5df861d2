"""Decode the CBOR in a message, however deep: COSE, embedded items, certificates; never raises, never checks.

`_reading` takes the JSON around it apart. Bytes become base64url, map keys text, tags `{"tag": …, "value": …}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

from cryptography import x509

from idverify.errors import BadMessage
from idverify.formats import cbor
from idverify.formats.cbor import Cbor, Embedded, Key, Tag
from idverify.formats.cose import X5CHAIN
from idverify.formats.strict_json import decode_base64url, encode_base64url
from idverify.scheme import Json
from idverify.schemes import _reading

SMALLEST = 64
"""Characters of base64url: no mdoc fits into less, and in keys and nonces chance would find CBOR."""
MAX_SIZE = 1_000_000
MAX_DEPTH = 8
"""Embedded items within one another."""


def read(message: bytes) -> Json:
    """The decoded message, and every text in it that is base64url of a CBOR map or array decoded too."""
    value = _texts(_reading.read(message))
    return value if isinstance(value, dict) else {"text": value}


def as_json(value: Cbor, depth: int = 0) -> Json:
    """A CBOR value as JSON, with whatever is embedded in it."""
    if isinstance(value, bytes):
        return encode_base64url(value)
    if isinstance(value, str):
        return _reading.printable(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, (dict, Mapping)):  # the ABC alone takes ten times as long
        return _members(value, depth)
    if isinstance(value, Embedded):
        return {"tag": cbor.EMBEDDED, "value": _decoded(value.content, depth)}
    if isinstance(value, (list, tuple)):
        return _cose(value, depth) or [as_json(item, depth) for item in value]
    if isinstance(value, Tag):
        return {"tag": value.tag, "value": as_json(value.value, depth)}
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


def _texts(value: Json) -> Json:
    if isinstance(value, str):
        return value if (decoded := _from_base64url(value)) is None else {"text": value, "cbor": decoded}
    if isinstance(value, dict):
        return {name: _texts(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return value


def _from_base64url(text: str) -> Json | None:
    if len(text) < SMALLEST:
        return None
    try:
        value = cbor.read(decode_base64url(text), max_size=MAX_SIZE)
    except BadMessage:
        return None
    return as_json(value) if isinstance(value, (Mapping, list)) else None


def _decoded(content: bytes, depth: int) -> Json:
    """What embedded bytes hold; those that hold no CBOR, or lie too deep, as they are."""
    try:
        value = cbor.read(content, max_size=MAX_SIZE) if depth < MAX_DEPTH else content
    except BadMessage:
        value = content
    return as_json(value, depth + 1)


def _cose(parts: Sequence[Cbor], depth: int) -> Json | None:
    """A COSE_Sign1 or COSE_Mac0 with its header and payload decoded; None for another array."""
    if len(parts) != 4 or not isinstance(parts[0], bytes) or not isinstance(parts[3], bytes):
        return None
    protected, unprotected, payload, proof = parts
    if not isinstance(unprotected, Mapping) or not isinstance(payload, bytes | None):
        return None
    return {
        "protected": _decoded(protected, depth) if isinstance(protected, bytes) else None,
        "unprotected": as_json(unprotected, depth),
        "payload": _decoded(payload, depth) if payload is not None else None,
        "signature": as_json(proof),
    }


def _members(items: Mapping[Key, Cbor], depth: int) -> Json:
    pairs = [
        (
            key if isinstance(key, str) else str(as_json(key)),
            _chain(item, depth) if key == X5CHAIN else as_json(item, depth),
        )
        for key, item in items.items()
    ]
    members = dict(pairs)
    # Keys that become the same text stay apart, so that none is lost.
    return members if len(members) == len(pairs) else [[name, item] for name, item in pairs]


def _chain(value: Cbor, depth: int) -> Json:
    """The certificates of an x5chain."""
    if isinstance(value, bytes):
        return [_certificate(value, depth)]
    return [_certificate(each, depth) for each in value] if isinstance(value, list) else as_json(value, depth)


def _certificate(value: Cbor, depth: int) -> Json:
    return {"der": encode_base64url(value), **_said_by(value)} if isinstance(value, bytes) else as_json(value, depth)


@lru_cache(maxsize=100)
def _said_by(certificate: bytes) -> Mapping[str, str]:
    """What a certificate says; an issuer has few of them, and they are in all that it issues."""
    try:
        read = x509.load_der_x509_certificate(certificate)
        return {
            "subject": _reading.printable(read.subject.rfc4514_string()),
            "issuer": _reading.printable(read.issuer.rfc4514_string()),
            "serial_number": str(read.serial_number),
            "not_before": read.not_valid_before_utc.isoformat(),
            "not_after": read.not_valid_after_utc.isoformat(),
        }
    except (ValueError, TypeError, x509.InvalidVersion, UserWarning):
        return {}
