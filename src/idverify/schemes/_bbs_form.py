"""What a credential of the BBS schemes is made of: the row of signed messages, header and epochs, keys in JSON.

A credential signs, in a row, whether its holder is over each age of `AGES`, what else a scheme signs (`Form.extras`),
the blinding factor of the commitment, and the nym secret. Its header says the issuer, the scheme and the epoch, and
nothing else, so that all credentials of an epoch look alike.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from idverify.crypto import bbs
from idverify.crypto.bbs import Interface, Signed
from idverify.crypto.bbs_pseudonym import (
    nym_signed,
)
from idverify.crypto.bls12_381 import (
    SCALAR_SIZE,
    Base,
    Scalar,
    hash_to_point,
)
from idverify.errors import (
    BadMessage,
    CannotAnswer,
    Expired,
    UnknownKey,
)
from idverify.formats.strict_json import (
    JsonObject,
    decode_base64url,
    encode_base64url,
    read_object,
    shown,
    text_member,
    write_json,
)
from idverify.scheme import AGES, Info, Person
from idverify.schemes._public import read_public_object

EPOCH = 7 * 86_400
"""Seconds. A credential is good in the epoch of its issue and in the next one, so for 7 to 14 days."""
SKEW = timedelta(seconds=60)
SEED_SIZE = 32
NYMS = 1
"""Nym secrets in a credential."""
MOST_PUBLIC = 1_000_000
ALG = "BBS-BLS12381-SHA-256"


def _nothing(_: Person) -> JsonObject:
    return {}


def _no_scalars(told: JsonObject) -> Sequence[Scalar]:
    if told:
        raise BadMessage("the issuer tells more than it signs")
    return ()


@dataclass(frozen=True, slots=True)
class Form:
    """How the credentials of one scheme differ from those of another.

    `told` is what the issuer signs beside the ages and tells the wallet, as JSON members; `extras` are the `count`
    scalars that stand for it in the row. They are never disclosed.
    """

    info: Info
    interface: Interface
    told: Callable[[Person], JsonObject] = field(default=_nothing)
    extras: Callable[[JsonObject], Sequence[Scalar]] = field(default=_no_scalars)
    count: int = 0

    @property
    def known(self) -> int:
        """The messages of the issuer."""
        return len(AGES) + self.count

    def header(self, issuer: str, epoch: int) -> bytes:
        return write_json({"iss": issuer, "scheme": self.info.name, "epoch": epoch})

    def signed(self, public: bytes, *, issuer: str, epoch: int) -> Signed:
        return nym_signed(
            public,
            header=self.header(issuer, epoch),
            known=self.known,
            committed=0,
            nyms=NYMS,
            interface=self.interface,
        )

    def messages(self, over: int, told: JsonObject) -> list[Scalar]:
        """The issuer's part of the row for somebody who is over `over` years of `AGES`, or 0 for none of them."""
        extras = self.extras(told)
        if len(extras) != self.count:
            raise BadMessage(f"the issuer signs {self.count} more messages, not {len(extras)}")
        return [*(self.attested(age, over >= age) for age in AGES), *extras]

    def attested(self, age: int, is_over: bool) -> Scalar:
        return _attested(self.interface, age, is_over)

    def tag_base(self, issuer: str) -> Base:
        return _tag_base(self.interface, issuer)

    def prover_nym(self, seed: bytes, issuer: str) -> Scalar:
        """The holder's secret for this issuer: of the same seed always the same one."""
        octets = len(seed).to_bytes(8) + seed + issuer.encode()
        return self.interface.hash_to_scalar(octets, b"PROVER_NYM_OF_SEED_")


@lru_cache(maxsize=256)
def _attested(interface: Interface, age: int, is_over: bool) -> Scalar:
    return interface.scalars([f"age_over_{age}:{'true' if is_over else 'false'}".encode()])[0]


@lru_cache(maxsize=8)
def _tag_base(interface: Interface, issuer: str) -> Base:
    return Base(hash_to_point(issuer.encode(), interface.api_id + b"UNIQUENESS_TAG_", expand=interface.suite.expand))


def epoch_of(now: datetime) -> int:
    return int(now.timestamp()) // EPOCH


def check_epoch(epoch: int, now: datetime) -> None:
    """Raises Expired for an epoch before the last one, or after this one."""
    current = epoch_of(now)
    if epoch > epoch_of(now + SKEW):
        raise Expired(f"issued in epoch {epoch}, it is epoch {current}")
    if epoch < current - 1:
        raise Expired(
            f"issued in epoch {epoch}, in epoch {current} at least {current - 1} is accepted",
            hint="get a new credential",
        )


# Keys


def key_id(public: bytes) -> str:
    return encode_base64url(hashlib.sha256(public).digest())


@dataclass(frozen=True, slots=True)
class Public:
    """An issuer's name and its BBS keys by their ids; `entries` are the keys as they were published."""

    issuer: str
    keys: Mapping[str, bytes]
    entries: Mapping[str, JsonObject]

    def find(self, kid: str) -> bytes:
        """Raises UnknownKey."""
        if kid not in self.keys:
            raise UnknownKey(
                f"signed by {shown(kid)}, which the issuer does not publish", hint="fetch the issuer's keys again"
            )
        return self.keys[kid]


def new_secret() -> bytes:
    return write_json({"alg": ALG, "secret": encode_base64url(bbs.key_gen(secrets.token_bytes(SCALAR_SIZE)))})


def load_secret(secret: bytes) -> bytes:
    """Raises BadMessage."""
    document = read_object(secret, "issuer's secret")
    if document.get("alg") != ALG:
        raise BadMessage(f"the issuer's secret is not one for {ALG}")
    return decode_base64url(text_member(document, "secret", what="issuer's secret"), "issuer's secret")


def write_key(public: bytes) -> JsonObject:
    return {"kid": key_id(public), "alg": ALG, "public": encode_base64url(public)}


def read_public(public: bytes) -> Public:
    """Check a public document, a merged one too. Raises BadMessage."""
    issuer, listed = read_public_object(public)
    if not isinstance(listed, list) or not listed:
        raise BadMessage("the issuer's keys are not a list with at least one key")
    keys: dict[str, bytes] = {}
    entries: dict[str, JsonObject] = {}
    for entry in listed:
        if not isinstance(entry, Mapping) or entry.get("alg") != ALG:
            raise BadMessage(f"a key of the issuer is not one for {ALG}")
        key = decode_base64url(text_member(entry, "public", what="issuer's key"), "issuer's key")
        bbs.public_point(key)
        if entry.get("kid") != key_id(key):
            raise BadMessage("a key of the issuer has another key's id")
        keys[key_id(key)], entries[key_id(key)] = key, entry
    return Public(issuer, keys, entries)


def member(value: JsonObject, name: str, what: str, *, size: int | None = None) -> bytes:
    """A member that must be base64url, of a size in bytes where one is given. Raises BadMessage."""
    octets = decode_base64url(text_member(value, name, what=what), f"{what}'s {name}")
    if size is not None and len(octets) != size:
        raise BadMessage(f"the {what}'s {name} has {len(octets)} bytes, not {size}")
    return octets


def number(value: JsonObject, name: str, what: str) -> int:
    """A member that must be a whole number from 0 to 2^31. Raises BadMessage."""
    found = value.get(name)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 2**31:
        raise BadMessage(f"the {what}'s {name} is not a whole number")
    return found


def check_age_exists(over: int) -> None:
    """Raises CannotAnswer."""
    if over not in AGES:
        raise CannotAnswer(
            f"the platform asks for over {over}, a credential attests {', '.join(map(str, AGES))}",
            hint="ask for one of these ages",
        )
