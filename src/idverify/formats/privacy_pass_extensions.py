"""Public metadata of a token: a list of extensions (draft-ietf-privacypass-auth-scheme-extensions).

The expiration is draft-ietf-privacypass-expiration-extension. No registered extension says an age: `AGE_OVER` is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from idverify.errors import BadMessage
from idverify.formats.tls import Reader, vector

SPEC = "draft-wood-privacypass-auth-scheme-extensions-02, draft-ietf-privacypass-expiration-extension-00"
EXPIRATION = 0x0001
AGE_OVER = 0xA6E0
"""Not registered: its data is one byte, the age in whole years that the person has reached."""


@dataclass(frozen=True, slots=True)
class Extension:
    """struct {
        ExtensionType extension_type;
        opaque extension_data<0..2^16-1>;
    } Extension;
    """

    kind: int
    data: bytes

    def encode(self) -> bytes:
        return self.kind.to_bytes(2) + vector(self.data, 2)


def encode(extensions: Sequence[Extension]) -> bytes:
    """The Extensions structure, in the order of their types. Raises BadMessage where it grows too long."""
    return vector(b"".join(each.encode() for each in sorted(extensions, key=lambda each: each.kind)), 2)


def decode(data: bytes) -> list[Extension]:
    """The extensions in a structure that is ordered by type and has no byte over. Raises BadMessage."""
    reader = Reader(data, "extensions")
    if reader.number(2) != reader.left:
        raise BadMessage("the extensions have another length than they say")
    found: list[Extension] = []
    while reader.left:
        found.append(Extension(reader.number(2), reader.take(reader.number(2))))
    if any(a.kind > b.kind for a, b in pairwise(found)):
        raise BadMessage("the extensions are not in the order of their types")
    return found


@dataclass(frozen=True, slots=True)
class AgeUntil:
    """All that our tokens say: over `age` years, until `expires` (seconds since 1970, a multiple of `precision`)."""

    age: int
    expires: int
    precision: int

    def encode(self) -> bytes:
        timestamp = self.precision.to_bytes(8) + self.expires.to_bytes(8)
        return encode([Extension(EXPIRATION, timestamp), Extension(AGE_OVER, self.age.to_bytes(1))])

    @classmethod
    def decode(cls, data: bytes) -> AgeUntil:
        """Exactly these two extensions; anything more could tell people apart. Raises BadMessage."""
        found = decode(data)
        if [(each.kind, len(each.data)) for each in found] != [(EXPIRATION, 16), (AGE_OVER, 1)]:
            raise BadMessage("the token's metadata is not an expiration and an age")
        timestamp, age = found[0].data, found[1].data[0]
        return cls(age, expires=int.from_bytes(timestamp[8:]), precision=int.from_bytes(timestamp[:8]))
