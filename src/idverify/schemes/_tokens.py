"""Blindly signed tokens, whatever their type: wallet, issuer, attester and platform of every Privacy Pass scheme."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Protocol, TypeAlias

from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto.blind_rsa import Blinded, PublicKey
from idverify.errors import BadMessage, CannotAnswer, Expired, TooYoung, UnknownKey, WrongAudience
from idverify.formats import privacy_pass as wire
from idverify.formats import privacy_pass_batch as batches
from idverify.formats import token_keys
from idverify.formats.strict_json import (
    decode_base64url,
    encode_base64url,
    read_object,
    text_member,
    write_json,
)
from idverify.formats.token_keys import Published, TokenKey
from idverify.scheme import Asked, Challenge, Credential, Info, Json, Person, Proven, Random, Records
from idverify.schemes import _facts

SKEW = timedelta(minutes=5)
"""How far the clocks of a wallet and an issuer may lie apart."""
BlindSign: TypeAlias = Callable[[bytes, bytes], bytes]
"""From a blinded message and the encoded extensions to a blind signature."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a token proves: over `age` years, and until when (seconds since 1970) where it says so."""

    age: int
    expires: int | None = None


class Kind(Protocol):
    """In what the token types differ: how a key signs, and what says the age."""

    @property
    def token_type(self) -> int: ...

    def extensions(self, age: int, *, now: datetime) -> bytes:
        """The encoded extensions of a token for this age that is asked for now; empty where the type has none."""
        ...

    def terms(self, key: TokenKey, extensions: bytes) -> Terms:
        """What a token of this key with these extensions proves. Raises BadMessage."""
        ...

    def blind(self, key: PublicKey, *, prepared: bytes, extensions: bytes, random: Random) -> Blinded: ...

    def finalize(
        self, key: PublicKey, *, prepared: bytes, extensions: bytes, blind_signature: bytes, inverse: int
    ) -> bytes: ...

    def verify(self, key: PublicKey, *, prepared: bytes, extensions: bytes, signature: bytes) -> None: ...

    def signer(self, key: rsa.RSAPrivateKey) -> BlindSign: ...


@dataclass(frozen=True, slots=True)
class TokenHolder:
    info: Info
    kind: Kind
    random: Random = secrets.token_bytes

    def request(
        self, public: bytes, *, now: datetime, challenge: Challenge | None = None, count: int = 1, seed: bytes = b""
    ) -> Asked:
        if challenge is None:
            raise CannotAnswer("a token is made for one platform, and none is given")
        _facts.check_answerable(self.info, challenge)
        published, kind = token_keys.read_of_type(public, self.kind.token_type), self.kind
        age = published.age_for(challenge.question.over)
        key, extensions = published.for_age(age), kind.extensions(age, now=now)
        digest = token_keys.token_challenge(published.issuer_name, challenge.audience, kind.token_type).digest()
        requests: list[wire.TokenRequest] = []
        kept: list[Json] = []
        for _ in range(min(max(count, 1), batches.MOST)):
            prepared = wire.Token(self.random(32), digest, key.key_id, token_type=kind.token_type).input
            blinded = kind.blind(
                wire.decode_key(key.spki), prepared=prepared, extensions=extensions, random=self.random
            )
            requests.append(wire.TokenRequest(key.key_id[-1], blinded.message, kind.token_type, extensions))
            inverse = blinded.inverse.to_bytes(wire.KEY_SIZE)
            kept.append({"input": encode_base64url(prepared), "inverse": encode_base64url(inverse)})
        message = requests[0].encode() if len(requests) == 1 else batches.encode_requests(requests)
        secret: dict[str, Json] = {
            "issuer": published.issuer_name,
            "token_key": encode_base64url(key.spki),
            "extensions": encode_base64url(extensions),
            "age": age,
            "tokens": kept,
        }
        return Asked(message, write_json(secret))

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        """The tokens that were signed; of a batch the issuer may refuse some."""
        kept = read_object(asked.secret, "wallet's secret", max_size=1_000_000)
        spki = decode_base64url(text_member(kept, "token_key"), "wallet's token_key")
        extensions = decode_base64url(str(kept.get("extensions", "")), "wallet's extensions")
        tokens = kept.get("tokens")
        if not isinstance(tokens, list) or not tokens:
            raise BadMessage("the wallet's secret has no tokens")
        signatures = [response] if len(tokens) == 1 else self._signatures(response, len(tokens))
        secret = write_json({"age": kept.get("age"), "issuer": kept.get("issuer")})
        got: list[Credential] = []
        for token, signature in zip(tokens, signatures, strict=True):
            if signature is None or not isinstance(token, dict):
                continue
            prepared, inverse = (
                decode_base64url(text_member(token, name), f"wallet's {name}") for name in ("input", "inverse")
            )
            authenticator = self.kind.finalize(
                wire.decode_key(spki),
                prepared=prepared,
                extensions=extensions,
                blind_signature=signature,
                inverse=int.from_bytes(inverse),
            )
            got.append(Credential(prepared + authenticator + extensions, secret))
        if not got:
            raise BadMessage("the issuer signed none of the tokens")
        return got

    def _signatures(self, response: bytes, number: int) -> list[bytes | None]:
        answered = batches.decode_responses(response)
        if len(answered) != number:
            raise BadMessage(f"the issuer answered {len(answered)} requests for tokens, {number} were made")
        if any(each is not None and each[0] != self.kind.token_type for each in answered):
            raise BadMessage("the issuer answered with tokens of another type")
        return [None if each is None else each[1] for each in answered]

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        _facts.check_answerable(self.info, challenge)
        kept = read_object(credential.secret, "wallet's secret")
        age, issuer = kept.get("age"), text_member(kept, "issuer")
        token = wire.Token.decode(credential.body)
        made_for = token_keys.token_challenge(issuer, challenge.audience, self.kind.token_type)
        if token.challenge_digest != made_for.digest():
            raise CannotAnswer(f"this token was made for another platform than {challenge.audience}")
        over = challenge.question.over
        if over is not None and (not isinstance(age, int) or age < over):
            raise CannotAnswer(f"this token proves over {age}, the platform asks for {over}")
        return credential.body


class TokenVerifier:
    def __init__(self, info: Info, kind: Kind, published: Published) -> None:
        self._info = info
        self._kind = kind
        self._issuer_name = published.issuer_name
        self._keys = {key.key_id: (key, wire.decode_key(key.spki)) for key in published.keys}

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        # RFC 9577 section 2.2.2 and RFC 9578 section 6.4: (1) shape  (2) a published key  (3) metadata that the
        # issuer signs, and not expired  (4) signature  (5) challenge digest  (6) age. That the token was not shown
        # before is for the caller to see to, with `spent`: the nonce and all else that was signed, in whatever
        # spelling it came.
        _facts.check_answerable(self._info, challenge)
        token = wire.Token.decode(presentation)  # (1)
        if token.token_type != self._kind.token_type:
            raise BadMessage(f"the token is of type {token.token_type:#06x}, not {self._kind.token_type:#06x}")
        found = self._keys.get(token.token_key_id)
        if found is None:
            raise UnknownKey("signed by a key that the issuer does not publish", hint="fetch the issuer's keys again")
        published, key = found  # (2)
        terms = self._kind.terms(published, token.extensions)  # (3)
        check_not_expired(terms, challenge.now)
        self._kind.verify(key, prepared=token.input, extensions=token.extensions, signature=token.authenticator)  # (4)
        made_for = token_keys.token_challenge(self._issuer_name, challenge.audience, self._kind.token_type)
        if token.challenge_digest != made_for.digest():  # (5)
            raise WrongAudience(f"made for another platform, shown to {challenge.audience}")
        over = challenge.question.over
        if over is not None and terms.age < over:  # (6)
            raise TooYoung(f"the token proves over {terms.age}, the platform asks for {over}")
        return Proven({"over": terms.age}, encode_base64url(hashlib.sha256(token.input).digest()))


class TokenAttester:
    """Knows the person and the published keys, and holds no private one."""

    def __init__(self, kind: Kind, published: Published) -> None:
        self._kind = kind
        self._keys = {key.key_id[-1]: key for key in reversed(published.keys)}

    def attest(self, person: Person, request: bytes, *, now: datetime) -> None:
        """Raises BadMessage, or TooYoung where the person may not have all the tokens that are asked for."""
        for asked in read_requests(self._kind.token_type, request)[0]:
            terms = self._kind.terms(self.key(asked), asked.extensions)
            allowed = {self._kind.extensions(terms.age, now=now + skew) for skew in (-SKEW, SKEW)}
            if asked.extensions not in allowed:
                raise BadMessage(
                    "the token request has another expiration than all tokens get now", hint="set the wallet's clock"
                )
            if (age := person.age_at(now)) < terms.age:
                raise TooYoung(f"{age} years old, the token is for people over {terms.age}")

    def key(self, asked: wire.TokenRequest) -> TokenKey:
        """The published key that a request names. Raises BadMessage."""
        key = self._keys.get(asked.truncated_key_id)
        if key is None:
            raise BadMessage("the token request names a key that is not in use", hint="fetch the issuer's keys again")
        return key


class TokenIssuer:
    """Signs without seeing. `keys`: for each private key the ages that its tokens can prove."""

    def __init__(self, kind: Kind, name: str, keys: Sequence[tuple[tuple[int, ...], rsa.RSAPrivateKey]]) -> None:
        published = [TokenKey.of(ages, wire.encode_key(key.public_key()), kind.token_type) for ages, key in keys]
        self._kind = kind
        self._public = token_keys.write(name, published)
        self._attester = TokenAttester(kind, token_keys.read(self._public))
        self._signers = {p.key_id: kind.signer(key) for p, (_, key) in zip(published, keys, strict=True)}

    @property
    def public(self) -> bytes:
        return self._public

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        self.attest(person, request, now=now)
        return self.sign(request)

    def attest(self, person: Person, request: bytes, *, now: datetime) -> None:
        """The half that knows the person; see `TokenAttester.attest`."""
        self._attester.attest(person, request, now=now)

    def sign(self, request: bytes) -> bytes:
        """The half that holds the keys: one blind signature, or a batch of them. Raises BadMessage."""
        requests, batched = read_requests(self._kind.token_type, request)
        wanted = [(self._signers[self._attester.key(asked).key_id], asked) for asked in requests]
        signed = [sign(asked.blinded, asked.extensions) for sign, asked in wanted]
        return batches.encode_responses(self._kind.token_type, signed) if batched else signed[0]


def read_requests(token_type: int, message: bytes) -> tuple[list[wire.TokenRequest], bool]:
    """The requests for tokens in a message, and whether they come as a batch. Raises BadMessage."""
    # A batch begins with its length, which for no possible length looks like a token type.
    if message[:2] == token_type.to_bytes(2):
        return [wire.TokenRequest.decode(message)], False
    requests = batches.decode_requests(message)
    if any(asked.token_type != token_type for asked in requests):
        raise BadMessage(f"a token request of the batch is not of type {token_type:#06x}")
    return requests, True


def check_not_expired(terms: Terms, now: datetime) -> None:
    """Raises Expired."""
    if terms.expires is not None and now.timestamp() >= terms.expires:
        until = datetime.fromtimestamp(terms.expires, timezone.utc)
        raise Expired(f"the token was good until {until:%Y-%m-%d}, now it is {now:%Y-%m-%d}")
