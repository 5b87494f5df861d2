"""The keys that an issuer of private tokens publishes, and whom a token is made for (RFC 9577, RFC 9578)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from idverify.errors import BadMessage, CannotAnswer
from idverify.formats import privacy_pass as wire
from idverify.formats.strict_json import JsonObject, encode_base64url, read_object, text_member, write_json
from idverify.scheme import Json


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A published key; its tokens can prove that somebody is over one of `ages`."""

    ages: tuple[int, ...]
    spki: bytes
    key_id: bytes
    token_type: int = wire.TOKEN_TYPE

    @classmethod
    def of(cls, ages: tuple[int, ...], spki: bytes, token_type: int = wire.TOKEN_TYPE) -> TokenKey:
        return cls(ages, spki, wire.key_id(spki), token_type)

    def as_json(self) -> JsonObject:
        """A key that stands for one age has `age`, one that stands for several `ages`."""
        ages: JsonObject = {"age": self.ages[0]} if self.token_type == wire.TOKEN_TYPE else {"ages": self.ages}
        return {
            **ages,
            "kid": encode_base64url(self.key_id),
            "token_key": wire.encode_padded(self.spki),
            "token_type": self.token_type,
        }

    @classmethod
    def from_json(cls, entry: Json) -> TokenKey:
        """Raises BadMessage."""
        if not isinstance(entry, Mapping) or (kind := entry.get("token_type")) not in wire.TOKEN_TYPES:
            raise BadMessage("a key of the issuer is of no token type that is known here")
        ages = [entry.get("age")] if kind == wire.TOKEN_TYPE else entry.get("ages")
        if not isinstance(ages, list) or not 0 < len(ages) <= 150:
            raise BadMessage("a key of the issuer has no ages")
        found = tuple(age for age in ages if isinstance(age, int) and not isinstance(age, bool) and 0 < age < 151)
        if len(found) != len(ages):
            raise BadMessage("a key of the issuer has an age that is none")
        spki = wire.decode_padded(text_member(entry, "token_key"), "token key")
        wire.decode_key(spki)
        key = cls.of(found, spki, wire.METADATA_TYPE if kind == wire.METADATA_TYPE else wire.TOKEN_TYPE)
        if entry.get("kid") != encode_base64url(key.key_id):
            raise BadMessage("a key of the issuer has another key's id")
        return key


@dataclass(frozen=True, slots=True)
class Published:
    """The issuer's name as in token challenges, and its keys, newest first."""

    issuer_name: str
    keys: tuple[TokenKey, ...]

    @property
    def ages(self) -> list[int]:
        """All ages that the issuer attests."""
        return sorted({age for key in self.keys for age in key.ages})

    def for_age(self, age: int) -> TokenKey:
        """The newest key for exactly this age. Raises CannotAnswer."""
        for key in self.keys:
            if age in key.ages:
                return key
        raise CannotAnswer(
            f"the platform asks for over {age}, the issuer attests {', '.join(map(str, self.ages))}",
            hint="ask for one of these ages",
        )

    def age_for(self, over: int | None) -> int:
        """A platform that asks no age wants only somebody whom the issuer knows: the lowest gives away least."""
        return self.ages[0] if over is None else over


def read(public: bytes) -> Published:
    """Check a public document, a merged one too. Raises BadMessage."""
    document = read_object(public, "issuer's public document", max_size=1_000_000)
    issuer = text_member(document, "issuer", what="issuer's public document")
    listed = document.get("keys")
    if not isinstance(listed, list) or not listed:
        raise BadMessage("the issuer's keys are not a list with at least one key")
    return Published(host(issuer), tuple(TokenKey.from_json(entry) for entry in listed))


def read_of_type(public: bytes, token_type: int) -> Published:
    """The same where all keys are of one type. Raises BadMessage."""
    published = read(public)
    if any(key.token_type != token_type for key in published.keys):
        raise BadMessage(f"a key of the issuer is not of token type {token_type:#06x}")
    return published


def write(issuer: str, keys: list[TokenKey]) -> bytes:
    """The public document of `issuer`, a URL. Raises BadMessage where nobody could read it."""
    document = write_json({"issuer": issuer, "keys": [key.as_json() for key in keys]})
    read(document)
    return document


def token_challenge(issuer_name: str, audience: str, token_type: int = wire.TOKEN_TYPE) -> wire.TokenChallenge:
    """The challenge that a token for this platform answers: bound to the origin, not to one question."""
    return wire.TokenChallenge(issuer_name, host(audience), token_type=token_type)


def host(url: str) -> str:
    """host[:port] of an http(s) origin, as RFC 9577 names issuers and origins. Raises BadMessage."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise BadMessage("a platform or issuer is not named by an http or https URL") from error
    if not named or not parts.netloc.isascii() or "@" in parts.netloc:
        raise BadMessage("a platform or issuer is not named by an http or https URL")
    return parts.netloc.lower()
