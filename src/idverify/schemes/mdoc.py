"""mdoc: an age attestation in the format of the mobile driving licence, alone or thirty at a time (ISO/IEC 18013-5)."""

from __future__ import annotations

import binascii
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache, partial

from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import BadMessage, CannotAnswer, Revoked, TooYoung, WrongAudience, WrongNonce
from idverify.formats import cose, jose, jwa, mdoc
from idverify.formats.cbor import Cbor
from idverify.formats.mdoc_certificates import Root, make_root, make_signer, read_root
from idverify.formats.strict_json import (
    decode_base64url,
    encode_base64url,
    read_object,
    shown,
    text_member,
    write_json,
)
from idverify.scheme import (
    AGES,
    Asked,
    Challenge,
    Credential,
    Info,
    Json,
    Person,
    Proven,
    Random,
    Records,
    StatusLookup,
    never,
)
from idverify.schemes import _facts, _possession, _reading_cbor
from idverify.schemes._public import as_text, read_public_object, write_public

DOC_TYPE = NAMESPACE = "eu.europa.ec.av.1"
LIFETIME = timedelta(days=90)
"""From the day of issuance, at 0:00 UTC."""
LONGEST = timedelta(days=92)
"""Three months, the most that the EU age verification profile allows."""
INFO = Info(
    name="mdoc",
    title="Mobile document (mdoc)",
    spec=f"{mdoc.SPEC} (ES256, SHA-256), docType {DOC_TYPE}, session transcript of {mdoc.TRANSCRIPT_SPEC}",
    answers=frozenset({"over"}),
    status=True,
    usual=False,
    binds_device=True,
    learns={
        "identity provider": "that the person has a credential, not where it is shown",
        "platform": "one age band; a signature, a key and digests that are the same everywhere",
        "status host": _facts.STATUS_HOST_LEARNS,
    },
    limits="one credential shown twice is recognised, and the identity provider that keeps copies knows whose it is",
)
BATCH_INFO = replace(
    INFO,
    name="mdoc_batch",
    title="Mobile documents, 30 for one use each",
    batch=30,
    usual=True,
    single_use=True,
    learns={
        "identity provider": "that the person has thirty credentials, and the status entry of each, not where they are"
        " shown",
        "platform": "one age band; a signature, a key and digests that no other platform ever sees",
        "status host": _facts.STATUS_HOST_LEARNS,
    },
    limits="an identity provider that keeps copies links every showing to its person; a person may have as many"
    " accounts as documents",
)


@dataclass(frozen=True, slots=True)
class Public:
    """The issuer's name and the roots under which its documents are signed, newest first."""

    issuer: str
    roots: tuple[Root, ...]


@dataclass(frozen=True, slots=True)
class MdocIssuer:
    name: str
    public: bytes
    key: cose.PrivateKey
    certificate: Callable[[int], bytes]  # of the document signer, for a calendar year
    info: Info = INFO
    random: Random = secrets.token_bytes

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        keys = _possession.proven_keys(request, issuer=self.name, now=now, algorithm=jwa.ES256)
        return _possession.answer(request, [self._document(person, key, now, records) for key in keys])

    def _document(self, person: Person, key: jwa.PublicKey, now: datetime, records: Records | None) -> str:
        # The exact second would tell which credential this is to everybody who sees it.
        today = now.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        age = person.age_at(now)
        entry = records.next_status() if records is not None and self.info.status else None
        status: Cbor = None if entry is None else {"status_list": {"idx": entry.index, "uri": entry.uri}}
        document = mdoc.issue(
            DOC_TYPE,
            {NAMESPACE: {f"age_over_{years}": age >= years for years in AGES}},
            device_key=key,
            key=self.key,
            chain=[self.certificate(today.year)],
            valid_from=today,
            valid_until=today + LIFETIME,
            status=status,
            random=self.random,
        )
        return encode_base64url(document)


@dataclass(frozen=True, slots=True)
class MdocHolder:
    info: Info = INFO

    def request(
        self, public: bytes, *, now: datetime, challenge: Challenge | None = None, count: int = 1, seed: bytes = b""
    ) -> Asked:
        _possession.check_count(count)
        keys = [jwa.ES256.new_key() for _ in range(count)]
        kept: Mapping[str, Json] = {
            "keys": [jwa.write_private(key).decode() for key in keys],
            "public": encode_base64url(public),
        }
        return Asked(_possession.ask(keys, issuer=read_public(public).issuer, now=now), write_json(kept))

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        kept = read_object(asked.secret, "wallet's secret", max_size=_possession.MOST_BYTES)
        public = read_public(decode_base64url(text_member(kept, "public", max_length=_possession.MOST_BYTES)))
        listed = kept.get("keys")
        if not isinstance(listed, list) or not listed:
            raise BadMessage("the wallet's secret has no keys")
        keys = [str(key).encode() for key in listed]
        documents = _possession.answers(response, count=len(keys))
        for document, key in zip(documents, keys, strict=True):
            checked = mdoc.check_issuer_signed(_document(document), doc_type=DOC_TYPE, roots=public.roots, now=None)
            if cose.write_key(checked.mso.device_key) != cose.write_key(jwa.read_private(key, jwa.ES256).public_key()):
                raise BadMessage("the credential names another holder's key")
        return tuple(Credential(text.encode(), key) for text, key in zip(documents, keys, strict=True))

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        _facts.check_answerable(self.info, challenge)
        wanted = None if challenge.question.over is None else _element(challenge.question.over)
        response = mdoc.respond(
            _document(as_text(credential.body, "credential")),
            lambda namespace, name: namespace == NAMESPACE and name == wanted,
            doc_type=DOC_TYPE,
            key=jwa.read_private(credential.secret, jwa.ES256),
            transcript=_transcript(challenge),
        )
        return write_json(
            {
                "audience": challenge.audience,
                "nonce": challenge.nonce,
                "device_response": encode_base64url(response),
            }
        )


@dataclass(frozen=True, slots=True)
class MdocVerifier:
    public: Public
    revoked: StatusLookup = never
    info: Info = INFO

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        # The audience and nonce beside the DeviceResponse only tell why it is refused: (1) they must be the
        # challenge's, and (2) the device must have signed them, as part of the session transcript.
        _facts.check_answerable(self.info, challenge)
        message = read_object(presentation, "presentation")
        if set(message) != {"audience", "nonce", "device_response"}:
            raise BadMessage("the presentation does not have exactly the members audience, nonce and device_response")
        audience, nonce = text_member(message, "audience"), text_member(message, "nonce")
        response = text_member(message, "device_response", max_length=len(presentation))
        if audience != challenge.audience:  # (1)
            raise WrongAudience(f"made for {shown(audience)}, shown to {challenge.audience}")
        if not hmac.compare_digest(nonce.encode(), challenge.nonce.encode()):
            raise WrongNonce("made for another question than the one that was asked", hint="ask again and answer that")
        return self.verify_response(  # (2)
            decode_base64url(response, "device_response"), challenge, transcript=_transcript(challenge)
        )

    def verify_response(self, response: bytes, challenge: Challenge, *, transcript: bytes) -> Proven:
        """Check a DeviceResponse that another protocol carried, with that protocol's session transcript.

        Raises like `verify`, and BadSignature for the answer to another challenge.
        """
        # (1) ISO/IEC 18013-5 section 9  (2) no longer valid than the profile allows  (3) revocation  (4) age
        checked = mdoc.check_response(
            response, doc_type=DOC_TYPE, roots=self.public.roots, transcript=transcript, now=challenge.now
        )  # (1)
        if checked.mso.valid_until - checked.mso.signed > LONGEST:  # (2)
            raise BadMessage(f"the document is valid for longer than {LONGEST.days} days")
        if checked.mso.status is not None:  # (3)
            status = _facts.status_of({"status": _reading_cbor.as_json(checked.mso.status)})
            if status is not None and self.revoked(status):
                raise Revoked("the issuer has withdrawn this credential")
        proven: dict[str, Json] = {}
        if (over := challenge.question.over) is not None:  # (4)
            _check_age(checked.elements.get(NAMESPACE, {}), over)
            proven["over"] = over
        return Proven(proven, _facts.spent_by_nonce(self.info.name, challenge))


@dataclass(frozen=True, slots=True)
class Mdoc:
    info: Info = INFO

    def new_secret(self) -> bytes:
        """The root's key and the document signer's."""
        return b"".join(jwa.write_private(jwa.ES256.new_key()) for _ in range(2))

    def issuer(self, secret: bytes, *, name: str) -> MdocIssuer:
        root, signer = _load_pair(secret)
        jwk, certificate = jose.public_jwk(root), make_root(root, name=name)
        published: dict[str, Json] = {
            **jwk,
            "kid": jose.thumbprint(jwk),
            "use": "sig",
            "x5c": [b64encode(certificate).decode()],
        }
        certify = partial(make_signer, root, signer.public_key(), name=name)
        cached = lru_cache(maxsize=4)(lambda year: certify(year=year))
        return MdocIssuer(name, write_public(name, [published]), signer, cached, self.info)

    def holder(self) -> MdocHolder:
        return MdocHolder(self.info)

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> MdocVerifier:
        return MdocVerifier(read_public(public), revoked, self.info)

    def read(self, message: bytes) -> Json:
        return _reading_cbor.read(message)


def read_public(public: bytes) -> Public:
    """The issuer's name and roots: each key a JWK whose x5c is its own certificate. Raises BadMessage."""
    issuer, keys = read_public_object(public)
    if not isinstance(keys, list) or not keys:
        raise BadMessage("the issuer's keys are not a list with at least one key")
    return Public(issuer, tuple(_root(jwk) for jwk in keys))


def _root(jwk: Json) -> Root:
    chain = jwk.get("x5c") if isinstance(jwk, Mapping) else None
    text = chain[0] if isinstance(chain, list) and len(chain) == 1 else None
    if not isinstance(text, str):
        raise BadMessage("an issuer's key does not have its one certificate in x5c")
    try:
        root = read_root(b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadMessage("an issuer's certificate is not base64") from error
    if root.key != jose.read_jwk(jwk):
        raise BadMessage("an issuer's key and its certificate do not belong together")
    return root


def _element(over: int) -> str:
    if over not in AGES:
        raise CannotAnswer(
            f"the platform asks for over {over}, a credential attests {', '.join(map(str, AGES))}",
            hint="ask for one of these ages",
        )
    return f"age_over_{over}"


def _check_age(elements: Mapping[str, Cbor], over: int) -> None:
    answer = elements.get(_element(over))
    if answer is False:
        raise TooYoung(f"attested not to be over {over}", hint="get a new credential after the birthday")
    if answer is not True:  # 1, "true" and the like are no attestation
        raise CannotAnswer(f"the presentation does not show whether the holder is over {over}")


def _transcript(challenge: Challenge) -> bytes:
    return mdoc.openid4vp_transcript(
        client_id=challenge.audience, nonce=challenge.nonce, response_uri=challenge.reply_to
    )


def _document(text: str) -> mdoc.IssuerSigned:
    return mdoc.read_issuer_signed(decode_base64url(text, "document"))


def _load_pair(secret: bytes) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey]:
    parts = re.findall(rb"-----BEGIN [^-]*-----[^-]*-----END [^-]*-----\n", secret)
    keys = [jwa.read_private(part, jwa.ES256) for part in parts] if b"".join(parts) == secret else []
    root, signer = keys if len(keys) == 2 else (None, None)
    if not isinstance(root, ec.EllipticCurvePrivateKey) or not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise BadMessage("the issuer's secret is not the two keys of a root and a document signer")
    return root, signer
