"""Privacy Pass: blindly signed tokens, one published key for each age (RFC 9576, RFC 9577, RFC 9578 type 0x0002)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import blind_rsa
from idverify.crypto.rsa_private import RawPrivateKey
from idverify.errors import BadMessage, CannotAnswer, TooYoung, UnknownKey, WrongAudience
from idverify.formats import privacy_pass as wire
from idverify.formats.strict_json import (
    JsonObject,
    decode_base64url,
    encode_base64url,
    read_object,
    text_member,
    write_json,
)
from idverify.scheme import (
    AGES,
    Asked,
    Challenge,
    Credential,
    Info,
    Issuer,
    Json,
    Person,
    Proven,
    Random,
    Records,
    StatusLookup,
    never,
)
from idverify.schemes import _facts, _reading
from idverify.schemes._public import read_public_object, write_public

VARIANT = blind_rsa.PSS_DETERMINISTIC  # RFC 9578 section 6
INFO = Info(
    name="privacy_pass",
    title="Privacy Pass token",
    spec=f"{wire.SPEC} type 0x0002, {blind_rsa.SPEC}",
    answers=frozenset({"over"}),
    issued="ahead_per_platform",
    single_use=True,
    rationed=True,
    binds_nonce=False,
    learns={
        "identity provider": "that the person takes a token of an age band, not for which platform",
        "platform": "the age band",
    },
    limits="one token is one account: only the quota keeps a person from having several, and tokens can be given away",
)


@dataclass(frozen=True, slots=True)
class AgeKey:
    """A published key; its tokens prove that somebody is over `age`."""

    age: int
    spki: bytes
    key_id: bytes

    @classmethod
    def of(cls, age: int, spki: bytes) -> AgeKey:
        return cls(age, spki, wire.key_id(spki))

    def as_json(self) -> JsonObject:
        return {
            "age": self.age,
            "kid": encode_base64url(self.key_id),
            "token_key": wire.encode_padded(self.spki),
            "token_type": wire.TOKEN_TYPE,
        }


@dataclass(frozen=True, slots=True)
class Public:
    """The issuer's name as in token challenges, and its keys, newest first."""

    issuer_name: str
    keys: tuple[AgeKey, ...]

    def for_age(self, age: int) -> AgeKey:
        """The newest key for exactly this age. Raises CannotAnswer."""
        for key in self.keys:
            if key.age == age:
                return key
        ages = sorted({key.age for key in self.keys})
        raise CannotAnswer(
            f"the platform asks for over {age}, the issuer attests {', '.join(map(str, ages))}",
            hint="ask for one of these ages",
        )


class PrivacyPassIssuer:
    """Signs without seeing; holds one key for each age."""

    def __init__(self, name: str, keys: Mapping[int, rsa.RSAPrivateKey]) -> None:
        published: list[Json] = []
        self._keys: dict[int, tuple[int, RawPrivateKey]] = {}
        for age, key in keys.items():
            public = AgeKey.of(age, wire.encode_key(key.public_key()))
            published.append(public.as_json())
            self._keys[public.key_id[-1]] = (age, RawPrivateKey(key))
        self._public = write_public(name, published)
        read_public(self._public)

    @property
    def public(self) -> bytes:
        return self._public

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        asked = wire.TokenRequest.decode(request)
        if asked.truncated_key_id not in self._keys:
            raise BadMessage("the token request names a key that is not in use", hint="fetch the issuer's keys again")
        over, key = self._keys[asked.truncated_key_id]
        if (age := person.age_at(now)) < over:
            raise TooYoung(f"{age} years old, the token is for people over {over}")
        return blind_rsa.blind_sign(key, asked.blinded)


@dataclass(frozen=True, slots=True)
class PrivacyPassHolder:
    random: Random = secrets.token_bytes

    def request(
        self, public: bytes, *, now: datetime, challenge: Challenge | None = None, count: int = 1, seed: bytes = b""
    ) -> Asked:
        if challenge is None:
            raise CannotAnswer("a token is made for one platform, and none is given")
        _facts.check_answerable(INFO, challenge)
        published = read_public(public)
        # A platform that asks no age wants only somebody whom the issuer knows: the lowest age gives away least.
        over = challenge.question.over
        key = published.for_age(min(k.age for k in published.keys) if over is None else over)
        digest = token_challenge(published.issuer_name, challenge.audience).digest()
        token = wire.Token(self.random(32), digest, key.key_id)
        blinded = blind_rsa.blind(VARIANT, wire.decode_key(key.spki), prepared=token.input, random=self.random)
        kept: JsonObject = {
            "input": encode_base64url(token.input),
            "inverse": encode_base64url(blinded.inverse.to_bytes(wire.KEY_SIZE)),
            "token_key": encode_base64url(key.spki),
            "age": key.age,
            "issuer": published.issuer_name,
        }
        return Asked(wire.TokenRequest(key.key_id[-1], blinded.message).encode(), write_json(kept))

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        kept = read_object(asked.secret, "wallet's secret")
        prepared, inverse, spki = (
            decode_base64url(text_member(kept, name), f"wallet's {name}") for name in ("input", "inverse", "token_key")
        )
        authenticator = blind_rsa.finalize(
            VARIANT,
            wire.decode_key(spki),
            prepared=prepared,
            blind_signature=response,
            inverse=int.from_bytes(inverse),
        )
        secret = write_json({"age": kept.get("age"), "issuer": kept.get("issuer")})
        return (Credential(prepared + authenticator, secret),)

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        _facts.check_answerable(INFO, challenge)
        kept = read_object(credential.secret, "wallet's secret")
        age, issuer = kept.get("age"), text_member(kept, "issuer")
        token = wire.Token.decode(credential.body)
        if token.challenge_digest != token_challenge(issuer, challenge.audience).digest():
            raise CannotAnswer(f"this token was made for another platform than {challenge.audience}")
        over = challenge.question.over
        if over is not None and (not isinstance(age, int) or age < over):
            raise CannotAnswer(f"this token proves over {age}, the platform asks for {over}")
        return credential.body


class PrivacyPassVerifier:
    def __init__(self, public: Public) -> None:
        self._issuer_name = public.issuer_name
        self._keys = {key.key_id: (key.age, wire.decode_key(key.spki)) for key in public.keys}

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        # RFC 9577 section 2.2.2 and RFC 9578 section 6.4: (1) shape  (2) a published key  (3) signature
        # (4) challenge digest  (5) age. That the token was not shown before is for the caller to see
        # to, with `spent`: the nonce and all else that was signed, in whatever spelling it came.
        _facts.check_answerable(INFO, challenge)
        token = wire.Token.decode(presentation)  # (1)
        found = self._keys.get(token.token_key_id)
        if found is None:
            raise UnknownKey("signed by a key that the issuer does not publish", hint="fetch the issuer's keys again")
        age, key = found  # (2)
        blind_rsa.verify(VARIANT, key, prepared=token.input, signature=token.authenticator)  # (3)
        if token.challenge_digest != token_challenge(self._issuer_name, challenge.audience).digest():  # (4)
            raise WrongAudience(f"made for another platform, shown to {challenge.audience}")
        over = challenge.question.over
        if over is not None and age < over:  # (5)
            raise TooYoung(f"the token proves over {age}, the platform asks for {over}")
        return Proven({"over": age}, encode_base64url(hashlib.sha256(token.input).digest()))


class PrivacyPass:
    info = INFO

    def new_secret(self) -> bytes:
        keys: dict[str, Json] = {}
        short: set[int] = set()
        for age in AGES:
            # A request names its key by one byte, which therefore must be unique (RFC 9578 section 4).
            while True:
                key = rsa.generate_private_key(65537, 2048)
                short_id = wire.key_id(wire.encode_key(key.public_key()))[-1]
                if short_id not in short:
                    break
            short.add(short_id)
            keys[str(age)] = wire.pkcs8(key)
        return write_json(keys)

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        keys: dict[int, rsa.RSAPrivateKey] = {}
        for age, pem in read_object(secret, "issuer's secret").items():
            try:
                key = serialization.load_pem_private_key(str(pem).encode(), None)
            except ValueError as error:
                raise BadMessage("the issuer's secret is not private keys in PEM") from error
            if not age.isdecimal() or not isinstance(key, rsa.RSAPrivateKey):
                raise BadMessage("the issuer's secret is not one RSA key for each age")
            keys[int(age)] = key
        return PrivacyPassIssuer(name, keys)

    def holder(self) -> PrivacyPassHolder:
        return PrivacyPassHolder()

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> PrivacyPassVerifier:
        return PrivacyPassVerifier(read_public(public))

    def read(self, message: bytes) -> Json:
        """Token, token request and token response by their lengths; everything else by what it looks like."""
        try:
            if len(message) == wire.KEY_SIZE:
                return {"blind_signature": encode_base64url(message)}
            if len(message) == wire.KEY_SIZE + 3:
                request = wire.TokenRequest.decode(message)
                return {
                    "token_type": wire.TOKEN_TYPE,
                    "truncated_token_key_id": request.truncated_key_id,
                    "blinded_msg": encode_base64url(request.blinded),
                }
            if len(message) == wire.KEY_SIZE + 98:
                token = wire.Token.decode(message)
                return {
                    "token_type": wire.TOKEN_TYPE,
                    "nonce": encode_base64url(token.nonce),
                    "challenge_digest": encode_base64url(token.challenge_digest),
                    "token_key_id": encode_base64url(token.token_key_id),
                    "authenticator": encode_base64url(token.authenticator),
                }
        except BadMessage:
            pass  # of that length by chance
        return _reading.read(message)


def token_challenge(issuer_name: str, audience: str) -> wire.TokenChallenge:
    """The challenge that a token for this platform answers: bound to the origin, not to one question."""
    return wire.TokenChallenge(issuer_name, host(audience))


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


def read_public(public: bytes) -> Public:
    """Check a public document, a merged one too. Raises BadMessage."""
    issuer, listed = read_public_object(public)
    if not isinstance(listed, list) or not listed:
        raise BadMessage("the issuer's keys are not a list with at least one key")
    keys: list[AgeKey] = []
    for entry in listed:
        if not isinstance(entry, Mapping) or entry.get("token_type") != wire.TOKEN_TYPE:
            raise BadMessage(f"a key of the issuer is not of token type {wire.TOKEN_TYPE:#06x}")
        age = entry.get("age")
        if isinstance(age, bool) or not isinstance(age, int) or not 0 < age < 151:
            raise BadMessage("a key of the issuer has no age")
        keys.append(AgeKey.of(age, wire.decode_padded(text_member(entry, "token_key"), "token key")))
        wire.decode_key(keys[-1].spki)
        if entry.get("kid") != encode_base64url(keys[-1].key_id):
            raise BadMessage("a key of the issuer has another key's id")
    return Public(host(issuer), tuple(keys))
