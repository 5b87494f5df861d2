"""Real name: a signed JWT with name, ID number and birth date, made at each login (RFC 7519).

One module, three instances: ES256; ML-DSA-65 (RFC 9964); and one with a hash of the ID number in place of number and
name, which looks like privacy and is none.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from idverify.errors import BadMessage, CannotAnswer
from idverify.formats import jose, jwa
from idverify.formats.sd_jwt import check_addressed
from idverify.formats.strict_json import (
    JsonObject,
    decode_base64url,
    encode_base64url,
    read_object,
    text_member,
    write_json,
)
from idverify.scheme import (
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
from idverify.schemes._public import (
    Public,
    SigningKey,
    as_text,
    load_secret,
    new_secret,
    read_public,
    write_public,
)

TYP, HASHED_TYP = "real-name+jwt", "hashed-id+jwt"
LIFETIME = 600
"""Seconds from issuance to expiry."""
INFO = Info(
    name="real_name",
    title="Real-name JWT",
    spec="RFC 7519, RFC 8725 (ES256)",
    answers=frozenset({"over", "identity", "one_account"}),
    issued="per_login",
    learns={
        "identity provider": "which person signs up where and when, at each login",
        "platform": "name, ID number and birth date",
    },
    limits="hides nothing: platforms that compare ID numbers know who is who, and a thief of their databases too",
)
ML_DSA_65_INFO = replace(
    INFO,
    name="real_name_ml_dsa_65",
    title="Real-name JWT, quantum-safe",
    spec="RFC 7519, RFC 8725, RFC 9964 (ML-DSA-65)",
    quantum_safe=True,
    usual=False,
    limits="hides as little as with ES256, at ten times the bytes: more than a cookie of 4,096 holds",
)
HASHED_INFO = replace(
    INFO,
    name="real_name_hashed",
    title="JWT with a hashed ID number",
    spec="RFC 7519, RFC 8725 (ES256), SHA-256 (FIPS 180-4)",
    answers=frozenset({"over", "one_account"}),
    learns={
        "identity provider": "which person signs up where and when, at each login",
        "platform": "the birth date, and a hash that gives the ID number to whoever tries all numbers",
    },
    limits="a hash of an ID number is the ID number: beside a birth date all that are left are tried in minutes, "
    "and it is the same on every platform",
)


def hashed_id(number: str) -> str:
    """SHA-256 of the ID number in hexadecimal, without salt: everybody must get the same, or nobody is recognised."""
    return hashlib.sha256(number.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RealNameIssuer:
    name: str
    key: SigningKey
    hashed: bool = False
    random: Random = secrets.token_bytes

    @property
    def public(self) -> bytes:
        return write_public(self.name, [self.key.jwk])

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        asked = read_object(request, "request", max_size=10_000)
        if set(asked) != {"audience", "nonce"}:
            raise BadMessage("the request does not have exactly the members audience, nonce")
        at = int(now.timestamp())
        claims: JsonObject = {
            "iss": self.name,
            "aud": text_member(asked, "audience", what="request"),
            "nonce": text_member(asked, "nonce", what="request"),
            "iat": at,
            "exp": at + LIFETIME,
            "jti": encode_base64url(self.random(16)),
            "birth_date": person.born.isoformat(),
            **self._identity(person),
        }
        return jose.sign(claims, self.key.key, typ=HASHED_TYP if self.hashed else TYP, kid=self.key.kid).encode()

    def _identity(self, person: Person) -> JsonObject:
        if self.hashed:
            return {"id_hash": hashed_id(person.id_number)}
        return {"name": person.name, "id_number": person.id_number}


@dataclass(frozen=True, slots=True)
class RealNameHolder:
    info: Info = INFO
    algorithm: jwa.Algorithm = jwa.ES256
    typ: str = TYP

    def request(
        self, public: bytes, *, now: datetime, challenge: Challenge | None = None, count: int = 1, seed: bytes = b""
    ) -> Asked:
        if challenge is None:
            raise CannotAnswer("a real-name token is made for one question of one platform, and none is given")
        _facts.check_answerable(self.info, challenge)
        read_public(public)
        asked = write_json({"audience": challenge.audience, "nonce": challenge.nonce})
        return Asked(asked, encode_base64url(public).encode())

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        public = read_public(decode_base64url(as_text(asked.secret, "wallet's secret"), "wallet's secret"))
        claims = _signed_claims(response, public, typ=self.typ, algorithm=self.algorithm)
        wanted = read_object(asked.message, "request")
        check_addressed(claims, audience=text_member(wanted, "audience"), nonce=text_member(wanted, "nonce"))
        return (Credential(response),)

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        _facts.check_answerable(self.info, challenge)
        parsed = jose.parse(as_text(credential.body, "credential"), typ=self.typ, algs=(self.algorithm.name,))
        claims = read_object(parsed.payload, "credential")
        if (claims.get("aud"), claims.get("nonce")) != (challenge.audience, challenge.nonce):
            raise CannotAnswer(
                f"this token was made for another question than that of {challenge.audience}",
                hint="ask the identity provider for one",
            )
        return credential.body


@dataclass(frozen=True, slots=True)
class RealNameVerifier:
    public: Public
    info: Info = INFO
    algorithm: jwa.Algorithm = jwa.ES256
    typ: str = TYP

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        # RFC 8725 section 3: (1) typ, alg, key, signature  (2) iss  (3) aud, nonce  (4) exp, iat
        # (5) claims  (6) age. The nonce makes the token single-use, jti only names it. A token is fetched for each
        # login and lives for minutes, so it has no status: an issuer that withdraws somebody issues none.
        _facts.check_answerable(self.info, challenge)
        claims = _signed_claims(presentation, self.public, typ=self.typ, algorithm=self.algorithm)  # (1) (2)
        check_addressed(claims, audience=challenge.audience, nonce=challenge.nonce)  # (3)
        jose.check_times(claims, challenge.now, required=("exp", "iat"), longest=LIFETIME)  # (4)
        born = _facts.read_birth_date(claims.get("birth_date"), challenge.now)  # (5)
        proven: dict[str, Json] = {"birth_date": born.isoformat()}
        text_member(claims, "jti", what="token")
        if self.typ == HASHED_TYP:
            pseudonym = text_member(claims, "id_hash", max_length=64, what="token")
        else:
            pseudonym = text_member(claims, "id_number", what="token")
            proven |= {"name": text_member(claims, "name", what="token"), "id_number": pseudonym}
        over = _facts.check_old_enough(born, challenge)  # (6)
        return Proven(proven | over, _facts.spent_by_nonce(self.info.name, challenge), pseudonym)


@dataclass(frozen=True, slots=True)
class RealName:
    info: Info = INFO
    algorithm: jwa.Algorithm = jwa.ES256
    hashed: bool = False

    @property
    def typ(self) -> str:
        return HASHED_TYP if self.hashed else TYP

    def new_secret(self) -> bytes:
        return new_secret(self.algorithm)

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        return RealNameIssuer(name, load_secret(secret, self.algorithm), self.hashed)

    def holder(self) -> RealNameHolder:
        return RealNameHolder(self.info, self.algorithm, self.typ)

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> RealNameVerifier:
        return RealNameVerifier(read_public(public), self.info, self.algorithm, self.typ)

    def read(self, message: bytes) -> Json:
        return _reading.read(message)


def _signed_claims(token: bytes, public: Public, *, typ: str, algorithm: jwa.Algorithm) -> JsonObject:
    parsed = jose.parse(as_text(token, "token"), typ=typ, algs=(algorithm.name,))
    claims = jose.check(parsed, public.keys.find(parsed.kid))
    public.check_issuer(claims)
    return claims
