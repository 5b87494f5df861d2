"""JSON documents with a version and a schema, made from msgspec structs: run.json, sweep.json."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from idverify.errors import BadEnvironment

S = TypeVar("S", bound=Struct)


def encoded(document: Struct) -> bytes:
    """The document as indented JSON. What does not fit its schema is refused here, before anything is written."""
    raw = msgspec.json.encode(document)
    msgspec.json.decode(raw, type=type(document))
    return msgspec.json.format(raw, indent=1) + b"\n"


def decoded(raw: bytes, kind: type[S], *, name: str, version: int, written_by: str) -> S:
    """Read a document. Raises BadEnvironment that says what does not fit."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadEnvironment(
            f"this {name} does not fit schema {version}: {error}", hint=f"take one that {written_by} wrote"
        ) from error


def schema_of(kind: type[Struct]) -> bytes:
    """The JSON Schema (2020-12) of a kind of document."""
    document = msgspec.json.schema(kind) | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
