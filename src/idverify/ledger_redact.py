"""Redaction: secrets leave a JSON or form body before the ledger keeps it.

A body in which no secret member can occur is not decoded: looking for the quoted names costs about two microseconds
for each kilobyte. One that may hold a secret and cannot be decoded is not kept at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from idverify.scheme import Json

REDACTED = "[redacted]"


class Redaction:
    """Replaces the values of the members called `names`, at any depth, letter case ignored."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = frozenset(name.lower() for name in names)
        self._quoted = re.compile(b"|".join(re.escape(f'"{name}"'.encode()) for name in sorted(self.names)))

    def redacted(self, content_type: str, body: bytes) -> bytes:
        """The body without its secrets; the same object where there is none."""
        if not self.names:
            return body
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded":
            return self._form(body)
        if kind.startswith("multipart/"):
            return REDACTED.encode()
        if kind in ("", "application/json") or kind.endswith("+json"):
            return self._json(body) if self._suspect(body) else body
        return body

    def _suspect(self, body: bytes) -> bool:
        # A name may be spelled with \u escapes or in capitals. One byte is found far faster than two.
        if b"\\" in body and b"\\u" in body:
            return True
        return self._quoted.search(body.lower()) is not None

    def _json(self, body: bytes) -> bytes:
        try:
            return json.dumps(self._without(json.loads(body)), separators=(",", ":"), ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return REDACTED.encode()

    def _without(self, value: Json) -> Json:
        if isinstance(value, Mapping):
            return {k: REDACTED if k.lower() in self.names else self._without(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._without(item) for item in value]
        return value

    def _form(self, body: bytes) -> bytes:
        try:
            pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
        except ValueError:
            return REDACTED.encode()
        return urlencode([(k, REDACTED if k.lower() in self.names else v) for k, v in pairs]).encode()
