"""SD-JWT VC: credentials on the wallet, of which only what is asked is shown (RFC 9901, SD-JWT VC draft).

One module, three instances: ES256; ES256 in batches of which each credential is shown once; ML-DSA-44 for issuer and
holder.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from idverify.errors import BadMessage, CannotAnswer, Revoked, TooYoung
from idverify.formats import jose, jwa, sd_jwt
from idverify.formats.sd_jwt import Claims, Hidden
from idverify.formats.strict_json import (
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
from idverify.schemes import _facts, _possession, _reading
from idverify.schemes._public import (
    Public,
    SigningKey,
    as_text,
    load_secret,
    new_secret,
    read_public,
    write_public,
)

SPEC = "draft-ietf-oauth-sd-jwt-vc-19"
"""Of 31 August 2026, compared in the working group's text f50f0a4."""
TYP = "dc+sd-jwt"
VCT = "urn:idverify:person:1"
DAY = 86_400
LIFETIME = 90 * DAY
"""Seconds from the day of issuance, at 0:00 UTC, to expiry."""
INFO = Info(
    name="sd_jwt_vc",
    title="SD-JWT VC",
    spec=f"{SPEC}, RFC 9901 (ES256, key binding)",
    answers=frozenset({"over", "identity"}),
    binds_device=True,
    status=True,
    learns={
        "identity provider": "that the person has a credential, not where it is shown",
        "platform": "the age band; name and ID number only where it asks for them; a key that is the same everywhere",
        "status host": _facts.STATUS_HOST_LEARNS,
    },
    limits="one credential shown twice is recognised: its signature, key and salts are the same at every platform",
)
BATCH_INFO = replace(
    INFO,
    name="sd_jwt_vc_batch",
    title="SD-JWT VC, 30 once-only",
    spec=f"{SPEC}, RFC 9901 (ES256, key binding), batches as in OpenID4VCI 1.0",
    batch=30,
    single_use=True,
    learns={
        "identity provider": "that the person has credentials, and the key, salts and status entry of each",
        "platform": "the age band; name and ID number only where it asks for them; a key that no other platform sees",
        "status host": _facts.STATUS_HOST_LEARNS,
    },
    limits="the issuer knows every credential again: together with a platform it links each showing to the person",
)
ML_DSA_44_INFO = replace(
    INFO,
    name="sd_jwt_vc_ml_dsa_44",
    title="SD-JWT VC, quantum-safe",
    spec=f"{SPEC}, RFC 9901, RFC 9964 (ML-DSA-44 for issuer and key binding)",
    quantum_safe=True,
    usual=False,
    limits="as linkable as with ES256, at five times the bytes; few phones keep an ML-DSA key in hardware yet",
)


@dataclass(frozen=True, slots=True)
class SdJwtVcIssuer:
    name: str
    key: SigningKey
    algorithm: jwa.Algorithm = jwa.ES256
    random: Random = secrets.token_bytes

    @property
    def public(self) -> bytes:
        return write_public(self.name, [self.key.jwk])

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        keys = _possession.proven_keys(request, issuer=self.name, now=now, algorithm=self.algorithm)
        made = [self._credential(person, jose.public_jwk(key), now=now, records=records) for key in keys]
        return _possession.answer(request, made)

    def _credential(self, person: Person, jwk: Json, *, now: datetime, records: Records | None) -> str:
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
        return sd_jwt.issue(claims, self.key.key, typ=TYP, kid=self.key.kid, random=self.random)


@dataclass(frozen=True, slots=True)
class SdJwtVcHolder:
    info: Info = INFO
    algorithm: jwa.Algorithm = jwa.ES256

    def request(
        self, public: bytes, *, now: datetime, challenge: Challenge | None = None, count: int = 1, seed: bytes = b""
    ) -> Asked:
        _possession.check_count(count)
        keys = [self.algorithm.new_key() for _ in range(count)]
        message = _possession.ask(keys, issuer=read_public(public).issuer, now=now)
        kept = [jwa.write_private(key).decode() for key in keys]
        return Asked(message, write_json({"keys": kept, "public": encode_base64url(public)}))

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        kept = read_object(asked.secret, "wallet's secret", max_size=_possession.MOST_BYTES)
        public = read_public(decode_base64url(text_member(kept, "public", max_length=_possession.MOST_BYTES)))
        listed = kept.get("keys")
        keys = [key for key in listed if isinstance(key, str)] if isinstance(listed, list) else []
        texts = _possession.answers(response, count=len(keys))
        for text, key in zip(texts, keys, strict=True):
            self._check(text, key, public)
        return tuple(Credential(text.encode(), key.encode()) for text, key in zip(texts, keys, strict=True))

    def _check(self, text: str, key: str, public: Public) -> None:
        parts = sd_jwt.split(text)
        if parts.binding:
            raise BadMessage("the issuer's answer has a key binding, which only the holder can make")
        parsed = jose.parse(parts.issued, typ=TYP, algs=(self.algorithm.name,))
        claims = sd_jwt.reveal(jose.check(parsed, public.keys.find(parsed.kid)), parts.disclosures)
        public.check_issuer(claims)
        mine = jwa.read_private(key.encode(), self.algorithm)
        if jose.public_jwk(sd_jwt.holder_key(claims)) != jose.public_jwk(mine):
            raise BadMessage("the credential names another holder's key")

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        _facts.check_answerable(self.info, challenge)
        question = challenge.question
        wanted = {"name", "id_number"} if question.identity else set()
        if question.over is not None:
            _check_age_exists(question.over)
            wanted |= {str(question.over)}
        selected = sd_jwt.select(as_text(credential.body, "credential"), lambda name, _: name in wanted)
        key = jwa.read_private(credential.secret, self.algorithm)
        return sd_jwt.bind(
            selected, key, audience=challenge.audience, nonce=challenge.nonce, now=challenge.now
        ).encode()


@dataclass(frozen=True, slots=True)
class SdJwtVcVerifier:
    public: Public
    revoked: StatusLookup = never
    info: Info = INFO
    algorithm: jwa.Algorithm = jwa.ES256

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        # SPEC section 2.4: (1) RFC 9901 with key binding, by a key that the issuer publishes; a certificate in the
        # header is no key discovery here  (2) iss  (3) vct  (4) status  (5) age  (6) identity. Type metadata is not
        # fetched, so aka_vcts widens nothing.
        _facts.check_answerable(self.info, challenge)
        question = challenge.question
        claims = sd_jwt.verify(
            as_text(presentation, "presentation"),
            self.public.keys.find,
            typ=TYP,
            audience=challenge.audience,
            nonce=challenge.nonce,
            now=challenge.now,
            longest=LIFETIME,
            algs=(self.algorithm.name,),
        )  # (1)
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
        return Proven(proven, _facts.spent_by_nonce(self.info.name, challenge), pseudonym)


@dataclass(frozen=True, slots=True)
class SdJwtVc:
    info: Info = INFO
    algorithm: jwa.Algorithm = jwa.ES256

    def new_secret(self) -> bytes:
        return new_secret(self.algorithm)

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        return SdJwtVcIssuer(name, load_secret(secret, self.algorithm), self.algorithm)

    def holder(self) -> SdJwtVcHolder:
        return SdJwtVcHolder(self.info, self.algorithm)

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> SdJwtVcVerifier:
        return SdJwtVcVerifier(read_public(public), revoked, self.info, self.algorithm)

    def read(self, message: bytes) -> Json:
        return _reading.read(message)


def _check_age_exists(over: int) -> None:
    if over not in AGES:
        raise CannotAnswer(
            f"the platform asks for over {over}, a credential attests {', '.join(map(str, AGES))}",
            hint="ask for one of these ages",
        )


def _check_age(claims: Mapping[str, Json], over: int) -> None:
    _check_age_exists(over)
    ages = claims.get("age_equal_or_over")
    answer = ages.get(str(over)) if isinstance(ages, dict) else None
    if answer is False:
        raise TooYoung(f"attested not to be over {over}", hint="get a new credential after the birthday")
    if answer is not True:  # 1, "true" and the like are no attestation
        raise CannotAnswer(f"the presentation does not show whether the holder is over {over}")
