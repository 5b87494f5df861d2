"""Token status lists: one or a few bits for each credential, signed as JWT or CWT (draft-ietf-oauth-status-list-20).

The draft was approved for publication as an RFC on 2026-06-04. A list that comes from anywhere is hostile until it
verifies: sizes are bounded before and while it is unpacked. What a platform does with a status is not decided here.
Left out: history (section 8.4), aggregation (section 9) and MACs, which both sides would have to share.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from idverify.errors import BadMessage
from idverify.formats import cose, jose
from idverify.formats.cbor import Cbor, Key, Tag, a_map, a_text, read_map, some_bytes, write
from idverify.formats.strict_json import JsonObject, decode_base64url, encode_base64url, shown
from idverify.scheme import Json

SPEC = "draft-ietf-oauth-status-list-20"
JWT_TYPE, CWT_TYPE = "application/statuslist+jwt", "application/statuslist+cwt"
"""Media types; the JWT's `typ` is without "application/", the CWT's with it."""
VALID, INVALID, SUSPENDED = 0, 1, 2
"""Status types (section 7.1). Every value but VALID says that a credential is not to be relied on now."""
MAX_TOKEN = 1_000_000
"""Bytes of a signed list: 2²² random bits as CWT, 2²¹ as JWT."""
MAX_UNPACKED = 2**22
"""Bytes of an unpacked list. 1,000,000 bytes of zlib could unpack to a gigabyte."""
_SUB, _EXP, _IAT, _TTL, _STATUS_LIST = 2, 4, 6, 65534, 65533
"""CWT claims (RFC 8392; section 5.2)."""
_TIMES = {_EXP: "exp", 5: "nbf", _IAT: "iat", _TTL: "ttl"}

BITS = (1, 2, 4, 8)
FindKey: TypeAlias = Callable[[str], jose.PublicKey]
"""The key with this key id; raises UnknownKey."""


@dataclass(frozen=True, slots=True)
class StatusList:
    """`packed` holds 8 / `bits` statuses a byte, the first in its lowest bits (section 4.1)."""

    bits: int
    packed: bytes = field(repr=False)

    @classmethod
    def of(cls, statuses: Mapping[int, int], *, size: int, bits: int = 1) -> StatusList:
        """A list of `size` entries, VALID where `statuses` does not say otherwise. Raises BadMessage."""
        if bits not in BITS or size <= 0 or size * bits % 8:
            raise BadMessage(f"{size} entries of {bits} bits are no whole number of bytes")
        packed = bytearray(size * bits // 8)
        each = 8 // bits
        for index, status in statuses.items():
            if not 0 <= index < size or not 0 <= status < 2**bits:
                raise BadMessage(f"status {status} at {index} does not fit into {size} entries of {bits} bits")
            packed[index // each] |= status << (index % each * bits)
        return cls(bits, bytes(packed))

    def __len__(self) -> int:
        return len(self.packed) * 8 // self.bits

    def at(self, index: int) -> int:
        """The status of one credential. Raises BadMessage for an index that the list does not have."""
        if not 0 <= index < len(self):
            raise BadMessage(f"the status list has {len(self)} entries, and none with the index {index}")
        each = 8 // self.bits
        return (self.packed[index // each] >> (index % each * self.bits)) & ((1 << self.bits) - 1)

    def compressed(self) -> bytes:
        """As `lst` carries it: zlib at its highest level."""
        return zlib.compress(self.packed, 9)

    def as_json(self) -> dict[str, Json]:
        """Section 4.2."""
        return {"bits": self.bits, "lst": encode_base64url(self.compressed())}

    def as_cbor(self) -> dict[Key, Cbor]:
        """Section 4.3."""
        return {"bits": self.bits, "lst": self.compressed()}


@dataclass(frozen=True, slots=True)
class ListToken:
    """What a status list token says. `issued` and `expires` in seconds since 1970, `ttl` in seconds."""

    uri: str
    statuses: StatusList
    issued: float
    expires: float | None = None
    ttl: float | None = None


def unpack(bits: object, compressed: bytes) -> StatusList:
    """Decompress a `lst`, and no more than MAX_UNPACKED bytes of it. Raises BadMessage."""
    if isinstance(bits, bool) or not isinstance(bits, int) or bits not in BITS:
        raise BadMessage("the status list's bits are not 1, 2, 4 or 8")
    inflate = zlib.decompressobj()
    try:
        packed = inflate.decompress(compressed, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise BadMessage("the status list's lst is not zlib data") from error
    if len(packed) > MAX_UNPACKED:
        raise BadMessage(f"the status list unpacks to more than {MAX_UNPACKED} bytes")
    if not inflate.eof:
        raise BadMessage("the status list's lst is cut off")
    if inflate.unused_data:
        raise BadMessage("the status list's lst has bytes after its end")
    if not packed:
        raise BadMessage("the status list is empty")
    return StatusList(bits, packed)


def read_list(value: Json) -> StatusList:
    """The JSON form. Raises BadMessage."""
    if not isinstance(value, Mapping):
        raise BadMessage("the status_list is not a JSON object")
    lst = value.get("lst")
    if not isinstance(lst, str):
        raise BadMessage("the status list's lst is not a string")
    _check_aggregation(value.get("aggregation_uri", ""))
    return unpack(value.get("bits"), decode_base64url(lst, "status list's lst"))


def read_cbor_list(value: Cbor) -> StatusList:
    """The CBOR form. Raises BadMessage."""
    members = a_map(value, "status list")
    _check_aggregation(members.get("aggregation_uri", ""))
    return unpack(members.get("bits"), some_bytes(members.get("lst"), "status list's lst"))


def sign_jwt(token: ListToken, key: jose.PrivateKey, *, kid: str) -> bytes:
    """A status list token as JWT (section 5.1)."""
    claims: dict[str, Json] = {"sub": token.uri, "iat": token.issued}
    claims |= {name: time for name, time in (("exp", token.expires), ("ttl", token.ttl)) if time is not None}
    claims["status_list"] = token.statuses.as_json()
    return jose.sign(claims, key, typ=JWT_TYPE.removeprefix("application/"), kid=kid).encode()


def sign_cwt(token: ListToken, key: cose.PrivateKey, *, kid: str) -> bytes:
    """A status list token as CWT (section 5.2); its times are whole seconds."""
    claims: dict[Key, Cbor] = {_SUB: token.uri, _IAT: int(token.issued)}
    claims |= {name: int(time) for name, time in ((_EXP, token.expires), (_TTL, token.ttl)) if time is not None}
    claims[_STATUS_LIST] = token.statuses.as_cbor()
    parts = cose.sign(write(claims), key, protected={cose.TYP: CWT_TYPE}, unprotected={cose.KID: kid.encode()})
    return write(Tag(cose.SIGN1, parts))


def verify(message: bytes, media_type: str, find: FindKey, *, uri: str, now: datetime) -> ListToken:
    """Verify a status list token of either media type. Raises BadMessage, BadSignature, UnknownKey, Expired."""
    if media_type == JWT_TYPE:
        return verify_jwt(message, find, uri=uri, now=now)
    if media_type == CWT_TYPE:
        return verify_cwt(message, find, uri=uri, now=now)
    raise BadMessage(f"{shown(media_type)} is not the media type of a status list")


def verify_jwt(
    message: bytes, find: FindKey, *, uri: str, now: datetime, algs: Sequence[str] = ("ES256",)
) -> ListToken:
    """Verify the list at `uri` as JWT. Raises BadMessage, BadSignature, UnknownKey, Expired."""
    # Section 8.3: (3) typ, alg, signature  (4) required claims, sub, iat, exp, ttl  (5) decompress. Steps 6 and 7,
    # the index and its value, are `StatusList.at`. Step 5 may come before 4: the signer is known by then.
    try:
        text = message.decode("ascii")
    except UnicodeDecodeError as error:
        raise BadMessage("the status list token is not ASCII text") from error
    typ = JWT_TYPE.removeprefix("application/")
    token = jose.parse(text, typ=typ, algs=algs, max_size=MAX_TOKEN)  # (3)
    claims = jose.check(token, find(token.kid), max_size=MAX_TOKEN)
    return _token(claims, read_list(claims.get("status_list")), uri=uri, now=now)


def verify_cwt(message: bytes, find: FindKey, *, uri: str, now: datetime) -> ListToken:
    """Verify the list at `uri` as CWT. Raises BadMessage, BadSignature, UnknownKey, Expired."""
    # The same steps as for a JWT, and section 5.2: the tag of COSE_Sign1 is there, that of a CWT is not.
    if message[:1] != bytes([0xC0 | cose.SIGN1]):
        raise BadMessage("the status list token is not a tagged COSE_Sign1")
    token = cose.parse(message, "status list token", max_size=MAX_TOKEN)  # (3)
    if token.protected.get(cose.TYP) != CWT_TYPE:
        raise BadMessage(f"the status list token's type is not {CWT_TYPE}")
    try:
        kid = token.kid.decode("ascii")
    except UnicodeDecodeError as error:
        raise BadMessage("the status list token's kid is not ASCII text") from error
    payload = cose.check(token, find(kid))
    given = read_map(payload, "status list token's claims", max_size=MAX_TOKEN)
    claims: dict[str, Json] = {"sub": a_text(given.get(_SUB), "status list token's subject")}
    claims |= {name: _number(given[label], name) for label, name in _TIMES.items() if label in given}
    return _token(claims, read_cbor_list(given.get(_STATUS_LIST)), uri=uri, now=now)


def _token(claims: JsonObject, statuses: StatusList, *, uri: str, now: datetime) -> ListToken:
    """Step 4, which both forms share."""
    if (sub := claims.get("sub")) != uri:
        raise BadMessage(f"the status list is that of {shown(sub)}, asked for was {shown(uri)}")
    jose.check_times(claims, now, required=("iat",))
    issued, expires, ttl = claims["iat"], claims.get("exp"), claims.get("ttl")
    if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 < ttl < 2**53):
        raise BadMessage("the status list token's ttl is not a positive number of seconds")
    assert isinstance(issued, int | float)  # check_times saw to both
    assert expires is None or isinstance(expires, int | float)
    return ListToken(uri, statuses, issued, expires, ttl)


def _number(value: Cbor, name: str) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadMessage(f"the status list token's {name} is not a number")
    return value


def _check_aggregation(uri: object) -> None:
    if not isinstance(uri, str):
        raise BadMessage("the status list's aggregation_uri is not a string")
