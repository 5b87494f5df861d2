"""Self-declared: a birth date that the person types in; the baseline without a mandate (no specification)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from idverify.errors import BadMessage, WrongAudience, WrongNonce
from idverify.formats.strict_json import JsonObject, read_object, shown, text_member, write_json
from idverify.scheme import (
    Asked,
    Challenge,
    Credential,
    Info,
    Issuer,
    Json,
    Person,
    Proven,
    Records,
    StatusLookup,
    never,
)
from idverify.schemes import _facts, _reading
from idverify.schemes._public import write_public

INFO = Info(
    name="self_declared",
    title="Self-declared birth date",
    spec="none: a JSON object with a birth date",
    answers=frozenset({"over"}),
    issued="by_holder",
    signed=False,
    quantum_safe=True,
    learns={
        "identity provider": "nothing: it takes no part",
        "platform": "the birth date that the person typed in",
    },
    limits="proves nothing: whoever types another date is as old as they like",
)
_MAX_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class DeclaringIssuer:
    """The wallet itself, which passes on what the person typed in."""

    name: str

    @property
    def public(self) -> bytes:
        return write_public(self.name, [])

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        if dict(read_object(request, "request", max_size=_MAX_SIZE)) != {"want": "birth_date"}:
            raise BadMessage("the request does not want exactly a birth_date")
        _facts.read_birth_date(person.born.isoformat(), now)
        return write_json({"birth_date": person.born.isoformat()})


class DeclaringHolder:
    def request(
        self, public: bytes, *, now: datetime, challenge: Challenge | None = None, count: int = 1, seed: bytes = b""
    ) -> Asked:
        if challenge is not None:
            _facts.check_answerable(INFO, challenge)
        return Asked(write_json({"want": "birth_date"}))

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        text_member(_exactly(response, "response", {"birth_date"}), "birth_date")
        return (Credential(response),)

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        _facts.check_answerable(INFO, challenge)
        born = text_member(_exactly(credential.body, "credential", {"birth_date"}), "birth_date")
        return write_json({"audience": challenge.audience, "nonce": challenge.nonce, "birth_date": born})


class DeclaredVerifier:
    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        # (1) shape  (2) audience, nonce  (3) date  (4) age. There is no signature to check.
        _facts.check_answerable(INFO, challenge)
        declared = _exactly(presentation, "presentation", {"audience", "nonce", "birth_date"})  # (1)
        audience, nonce = text_member(declared, "audience"), text_member(declared, "nonce")
        if audience != challenge.audience:  # (2)
            raise WrongAudience(f"made for {shown(audience)}, shown to {challenge.audience}")
        if not hmac.compare_digest(nonce.encode(), challenge.nonce.encode()):
            raise WrongNonce("made for another question than the one that was asked")
        born = _facts.read_birth_date(declared["birth_date"], challenge.now)  # (3)
        claims: dict[str, Json] = {"birth_date": born.isoformat(), "declared": True}
        return Proven(
            claims | _facts.check_old_enough(born, challenge),  # (4)
            _facts.spent_by_nonce(INFO.name, challenge),
        )


class SelfDeclared:
    info = INFO

    def new_secret(self) -> bytes:
        return b""

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        return DeclaringIssuer(name)

    def holder(self) -> DeclaringHolder:
        return DeclaringHolder()

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> DeclaredVerifier:
        return DeclaredVerifier()

    def read(self, message: bytes) -> Json:
        return _reading.read(message)


def _exactly(message: bytes, what: str, members: set[str]) -> JsonObject:
    value = read_object(message, what, max_size=_MAX_SIZE)
    if set(value) != members:
        raise BadMessage(f"the {what} does not have exactly the members {', '.join(sorted(members))}")
    return value
