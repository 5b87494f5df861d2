"""SD-JWT VC: a credential on the wallet, of which only what is asked is shown (RFC 9901, SD-JWT VC draft)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import BadMessage, CannotAnswer, Revoked, TooYoung, WrongAudience
from idverify.formats import jose, sd_jwt
from idverify.formats.sd_jwt import Claims, Hidden
from idverify.formats.strict_json import decode_base64url, encode_base64url, read_json, shown, text_member, write_json
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
from idverify.schemes._public import (
    Public,
    SigningKey,
    as_text,
    load_es256_secret,
    new_es256_secret,
    read_public,
    write_public,
)

TYP = "dc+sd-jwt"
PROOF_TYP = "openid4vci-proof+jwt"
VCT = "urn:idverify:person:1"
DAY = 86_400
LIFETIME = 90 * DAY
"""Seconds from the day of issuance, at 0:00 UTC, to expiry."""
PROOF_OLDEST = 300
INFO = Info(
    name="sd_jwt_vc",
    title="SD-JWT VC",
    spec="draft-ietf-oauth-sd-jwt-vc-13, RFC 9901 (ES256, key binding)",
    answers=frozenset({"over", "identity"}),
    binds_device=True,
    status=True,
    learns={
        "identity provider": "that the person has a credential, not where it is shown",
        "platform": "the age band; name and ID number only where it asks for them; a key that is the same everywhere",
    },
    limits="one credential shown twice is recognised: its signature, key and salts are the same at every platform",
)


@dataclass(frozen=True, slots=True)
class SdJwtVcIssuer:
    name: str
    key: SigningKey
    random: Random = secrets.token_bytes

    @property
    def public(self) -> bytes:
        return write_public(self.name, [self.key.jwk])

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        jwk = self._proven_key(request, now)
        # The exact second would tell which credential this is to everybody who sees it.
        today = int(now.timestamp()) // DAY * DAY
        age = person.age_at(now)
        claims: Mapping[str, Claims] = {
            "iss": self.name,
            "vct": VCT,
            "iat": today,
            "exp": today + LIFETIME,
            "cnf": {"jwk": jwk},
            "name": Hidden(person.name),
            "id_number": Hidden(person.id_number),
            "birth_date": Hidden(person.born.isoformat()),
            "age_equal_or_over": {str(years): Hidden(age >= years) for years in AGES},
            **_facts.status_claim(records),
        }
        return sd_jwt.issue(claims, self.key.key, typ=TYP, kid=self.key.kid, random=self.random).encode()

    def _proven_key(self, request: bytes, now: datetime) -> dict[str, Json]:
        # OpenID4VCI 1.0 appendix F.1: (1) typ, alg, jwk  (2) signature  (3) aud  (4) iat. The nonce is
        # left out: the credential goes to the signed-in person, bound to a key, and a replayed proof
        # gets only another credential for that same key.
        proof = jose.parse(as_text(request, "request"), typ=PROOF_TYP, header_key=True)  # (1)
        key = jose.read_jwk(proof.header.get("jwk"))
        claims = jose.check(proof, key)  # (2)
        if (aud := claims.get("aud")) != self.name:  # (3)
            raise WrongAudience(f"the proof was made for {shown(aud)}, sent to {self.name}")
        jose.check_times(claims, now, required=("iat",), oldest=PROOF_OLDEST)  # (4)
        return jose.public_jwk(key)


class SdJwtVcHolder:
    def request(
        self, public: bytes, *, now: datetime, challenge: Challenge | None = None, count: int = 1, seed: bytes = b""
    ) -> Asked:
        issuer = read_public(public).issuer
        key = ec.generate_private_key(ec.SECP256R1())
        claims: Mapping[str, Json] = {"aud": issuer, "iat": int(now.timestamp())}
        proof = jose.sign(claims, key, typ=PROOF_TYP, jwk=jose.public_jwk(key))
        secret = write_json({"key": encode_base64url(_der(key)), "public": encode_base64url(public)})
        return Asked(proof.encode(), secret)

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        kept = read_json(asked.secret, "wallet's secret", max_size=2_000_000)
        if not isinstance(kept, Mapping):
            raise BadMessage("the wallet's secret is not that of a request")
        public = read_public(decode_base64url(text_member(kept, "public", max_length=2_000_000)))
        secret = decode_base64url(text_member(kept, "key"))
        parts = sd_jwt.split(as_text(response, "response"))
        if parts.binding:
            raise BadMessage("the issuer's answer has a key binding, which only the holder can make")
        claims = sd_jwt.reveal(_issued_claims(parts.issued, public), parts.disclosures)
        public.check_issuer(claims)
        if jose.public_jwk(sd_jwt.holder_key(claims)) != jose.public_jwk(_load(secret)):
            raise BadMessage("the credential names another holder's key")
        return (Credential(response, secret),)

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        _facts.check_answerable(INFO, challenge)
        question = challenge.question
        wanted = {"name", "id_number"} if question.identity else set()
        if question.over is not None:
            _check_age_exists(question.over)
            wanted |= {str(question.over)}
        selected = sd_jwt.select(as_text(credential.body, "credential"), lambda name, _: name in wanted)
        key = _load(credential.secret)
        return sd_jwt.bind(
            selected, key, audience=challenge.audience, nonce=challenge.nonce, now=challenge.now
        ).encode()


@dataclass(frozen=True, slots=True)
class SdJwtVcVerifier:
    public: Public
    revoked: StatusLookup = never

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        # draft-ietf-oauth-sd-jwt-vc section 3.4: (1) RFC 9901 with key binding  (2) iss  (3) vct
        # (4) revocation  (5) age  (6) identity. The type metadata of section 6 is not fetched.
        _facts.check_answerable(INFO, challenge)
        question = challenge.question
        claims = sd_jwt.verify(
            as_text(presentation, "presentation"),
            self.public.keys.find,
            typ=TYP,
            audience=challenge.audience,
            nonce=challenge.nonce,
            now=challenge.now,
        )  # (1)
        jose.check_times(claims, challenge.now, required=("iat", "exp"), longest=LIFETIME)
        self.public.check_issuer(claims)  # (2)
        if claims.get("vct") != VCT:  # (3)
            raise BadMessage(f"the credential's vct is not {VCT}")
        if (status := _facts.status_of(claims)) is not None and self.revoked(status):  # (4)
            raise Revoked("the issuer has withdrawn this credential")
        proven: dict[str, Json] = {}
        if question.over is not None:  # (5)
            _check_age(claims, question.over)
            proven["over"] = question.over
        pseudonym = None
        if question.identity:  # (6)
            if "name" not in claims or "id_number" not in claims:
                raise CannotAnswer("the presentation does not show name and id_number, which the platform asks for")
            pseudonym = text_member(claims, "id_number", what="credential")
            proven |= {"name": text_member(claims, "name", what="credential"), "id_number": pseudonym}
        return Proven(proven, _facts.spent_by_nonce(INFO.name, challenge), pseudonym)


class SdJwtVc:
    info = INFO

    def new_secret(self) -> bytes:
        return new_es256_secret()

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        return SdJwtVcIssuer(name, load_es256_secret(secret))

    def holder(self) -> SdJwtVcHolder:
        return SdJwtVcHolder()

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> SdJwtVcVerifier:
        return SdJwtVcVerifier(read_public(public), revoked)

    def read(self, message: bytes) -> Json:
        return _reading.read(message)


def _issued_claims(token: str, public: Public) -> Mapping[str, Json]:
    parsed = jose.parse(token, typ=TYP)
    return jose.check(parsed, public.keys.find(parsed.kid))


def _check_age_exists(over: int) -> None:
    if over not in AGES:
        raise CannotAnswer(
            f"the platform asks for over {over}, a credential attests {', '.join(map(str, AGES))}",
            hint="ask for one of these ages",
        )


def _check_age(claims: Mapping[str, Json], over: int) -> None:
    _check_age_exists(over)
    ages = claims.get("age_equal_or_over")
    answer = ages.get(str(over)) if isinstance(ages, Mapping) else None
    if answer is False:
        raise TooYoung(f"attested not to be over {over}", hint="get a new credential after the birthday")
    if answer is not True:  # 1, "true" and the like are no attestation
        raise CannotAnswer(f"the presentation does not show whether the holder is over {over}")


def _der(key: jose.PrivateKey) -> bytes:
    form, no = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.DER, form, no)


def _load(secret: bytes) -> jose.PrivateKey:
    try:
        key = serialization.load_der_private_key(secret, None)
    except ValueError as error:
        raise BadMessage("the wallet's secret is not a private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadMessage("the wallet's secret is not a P-256 key")
    return key
