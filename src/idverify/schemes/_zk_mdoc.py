"""A zero-knowledge proof that somebody holds an mdoc with an age in it, showing nothing of the mdoc (Longfellow).

Needs the package `pylongfellow`. Without it this module does not import, and `MISSING` says so.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from pylongfellow import LongfellowError, Pylongfellow  # pyright: ignore[reportMissingImports]
from pylongfellow.mdoc import PublicKey, RequestedAttribute  # pyright: ignore[reportMissingImports]

from idverify.errors import (
    BadMessage,
    BadSignature,
    CannotAnswer,
    Expired,
    TooYoung,
    UnknownKey,
    WrongAudience,
    WrongNonce,
)
from idverify.formats import cose, jwa, mdoc
from idverify.formats.jose import LEEWAY
from idverify.formats.mdoc_certificates import check_chain
from idverify.formats.strict_json import decode_base64url, encode_base64url
from idverify.scheme import AGES, Challenge, Credential, Json, Proven, StatusLookup, never
from idverify.schemes import _facts, _reading_cbor
from idverify.schemes._public import as_text
from idverify.schemes.mdoc import DOC_TYPE, INFO, NAMESPACE, Mdoc, MdocHolder, MdocIssuer, Public, read_public

if TYPE_CHECKING:
    from collections.abc import Mapping

CIRCUIT, VERSION, ATTRIBUTES = "longfellow_7_1.zst", 7, 1
"""What google/longfellow-zk v0.9 generates for one attribute in 27 seconds and 2.1 GB: a file, since it is always the
same. Its id is the library's own for this version (`circuit_hash` 8d079211…), which a test computes again."""
OLDEST = 300
"""Seconds that a proof may be old: as long as a platform's question is open."""
MOST_BYTES = 500_000
ZK_INFO = replace(
    INFO,
    name="zk_mdoc",
    title="Zero-knowledge proof over an mdoc",
    spec=f"Longfellow (ePrint 2024/2010, google/longfellow-zk v0.9, circuit {VERSION}, one attribute) over {INFO.spec}",
    status=False,
    unlinkable=True,
    same_keys=True,
    most_bytes=MOST_BYTES,
    cost="process",
    usual=False,
    experimental="the proof system is young, its library says not to rely on it, and strangers' proofs are read by C++",
    learns={
        "identity provider": "that the person has a credential, not where it is shown, not even with platforms",
        "platform": "one age band, the minute, and which document signer signed: the same for everybody of a year",
    },
    limits="one account per person it cannot give; a proof takes seconds on a phone and 360 KB on the wire",
)
_DIGEST, _TIME = 32, 20
_FIXED = 3 + 3 * _DIGEST + _TIME + 2


@dataclass(frozen=True, slots=True)
class Shown:
    """A presentation: whom it is for, when it was made, what it says, who signed, and the proof.

    struct {
        uint24 length;                      // of the whole
        opaque audience[32], nonce[32];     // SHA-256 of each: they say why it is refused
        opaque proof_digest[32];            // SHA-256: damage is told apart from a false proof, and costs no second
        opaque time[20];                    // 2026-01-01T12:00:00Z, which the proof is about
        uint8 age; opaque value[1];         // f5 over, f4 not
        opaque certificate[];               // of the document signer, in DER, which holds its length
        opaque proof[];
    }
    """

    audience: bytes
    nonce: bytes
    time: bytes
    age: int
    value: bytes
    certificate: bytes
    proof: bytes

    def encode(self) -> bytes:
        digest = hashlib.sha256(self.proof).digest()
        answer = bytes([self.age]) + self.value
        rest = b"".join((self.audience, self.nonce, digest, self.time, answer, self.certificate, self.proof))
        return (len(rest) + 3).to_bytes(3) + rest

    @classmethod
    def decode(cls, message: bytes) -> Shown:
        """Raises BadMessage."""
        if not _FIXED < len(message) <= MOST_BYTES or int.from_bytes(message[:3]) != len(message):
            raise BadMessage(f"the presentation does not have the length that it names, nor up to {MOST_BYTES} bytes")
        at = iter(_cut(message))
        audience, nonce, digest, time, answer, certificate, proof = at
        if not hmac.compare_digest(hashlib.sha256(proof).digest(), digest):
            raise BadMessage("the proof is damaged: it does not have the digest that comes with it")
        return cls(audience, nonce, time, answer[0], answer[1:], certificate, proof)


class ZkHolder(MdocHolder):
    """A wallet that keeps mdocs and shows proofs of them."""

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        _facts.check_answerable(ZK_INFO, challenge)
        over = challenge.question.over
        name = _element(min(AGES) if over is None else over)
        signed = mdoc.read_issuer_signed(decode_base64url(as_text(credential.body, "credential"), "document"))
        values = {item.name: item.value for item in signed.items.get(NAMESPACE, ())}
        if not isinstance(value := values.get(name), bool):
            raise CannotAnswer(f"the credential does not say whether its holder is over {over}")
        if over is not None and not value:
            raise TooYoung(f"attested not to be over {over}", hint="get a new credential after the birthday")
        chain = cose.take(list(signed.auth), "issuerAuth").x5chain
        time = challenge.now.astimezone(timezone.utc).replace(microsecond=0)
        transcript = _transcript(challenge)
        response = mdoc.respond(
            signed,
            lambda namespace, each: namespace == NAMESPACE and each == name,
            doc_type=DOC_TYPE,
            key=jwa.read_private(credential.secret, jwa.ES256),
            transcript=transcript,
        )
        encoded = b"\xf5" if value else b"\xf4"
        claims = [RequestedAttribute(NAMESPACE, name, encoded)]
        try:
            proof = _longfellow().prove(response, _key(_certified(chain[0])), transcript, claims, time)
        except (LongfellowError, ValueError) as error:
            raise CannotAnswer("no proof can be made of this credential") from error
        return Shown(
            _digest(challenge.audience),
            _digest(challenge.nonce),
            time.strftime("%Y-%m-%dT%H:%M:%SZ").encode(),
            int(name.removeprefix("age_over_")),
            encoded,
            chain[0],
            proof,
        ).encode()


@dataclass(frozen=True, slots=True)
class ZkVerifier:
    public: Public
    revoked: StatusLookup = never

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        # (1) form  (2) audience, nonce  (3) time: the proof is about a time, which must be now  (4) the age that was
        # asked  (5) the document signer, under a published root  (6) the proof: its issuer's signature, its element,
        # its validity at that time, docType, and the device's signature over this session. The namespace is not part of
        # what is proven, so that an issuer may use one only. There is no status.
        _facts.check_answerable(ZK_INFO, challenge)
        shown = Shown.decode(presentation)  # (1)
        if not hmac.compare_digest(shown.audience, _digest(challenge.audience)):  # (2)
            raise WrongAudience(f"made for another platform, shown to {challenge.audience}")
        if not hmac.compare_digest(shown.nonce, _digest(challenge.nonce)):
            raise WrongNonce("made for another question than the one that was asked", hint="ask again and answer that")
        time = _read_time(shown.time)  # (3)
        if not -LEEWAY <= (challenge.now - time).total_seconds() <= OLDEST + LEEWAY:
            raise Expired(f"the proof is about another time than the last {OLDEST} seconds")
        over = challenge.question.over  # (4)
        if shown.age != (min(AGES) if over is None else over) or shown.value not in (b"\xf5", b"\xf4"):
            raise CannotAnswer(f"the presentation does not show whether the holder is over {over}")
        if over is not None and shown.value != b"\xf5":
            raise TooYoung(f"attested not to be over {over}", hint="get a new credential after the birthday")
        signer = check_chain([shown.certificate], self.public.roots)  # (5)
        signer.check_times(time, signed=max(time - timedelta(days=90), signer.valid[0]))
        claims = [RequestedAttribute(NAMESPACE, _element(shown.age), shown.value)]
        try:
            _longfellow().verify(_key(signer.key), _transcript(challenge), claims, time, shown.proof, DOC_TYPE)  # (6)
        except (LongfellowError, ValueError) as error:
            raise BadSignature("the proof does not hold") from error
        proven: dict[str, Json] = {} if over is None else {"over": over}
        return Proven(proven, _facts.spent_by_nonce(ZK_INFO.name, challenge))


class ZkMdoc:
    """Documents like those of `Mdoc`, of which only proofs are shown."""

    info = ZK_INFO

    def new_secret(self) -> bytes:
        return Mdoc(ZK_INFO).new_secret()

    def issuer(self, secret: bytes, *, name: str) -> MdocIssuer:
        return Mdoc(ZK_INFO).issuer(secret, name=name)

    def holder(self) -> ZkHolder:
        return ZkHolder(ZK_INFO)

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> ZkVerifier:
        return ZkVerifier(read_public(public), revoked)

    def read(self, message: bytes) -> Json:
        try:
            parts = _cut(message) if int.from_bytes(message[:3]) == len(message) > _FIXED else ()
        except BadMessage:
            parts = ()
        if not parts:
            return _reading_cbor.read(message)
        names = ("audience", "nonce", "proof_digest", "time", "answer", "certificate", "proof")
        fields: Mapping[str, Json] = {name: encode_base64url(part) for name, part in zip(names, parts, strict=True)}
        return {**fields, "length": len(message), f"age_over_{parts[4][0]}": parts[4][1:] == b"\xf5"}


@lru_cache(maxsize=1)
def _longfellow() -> Pylongfellow:
    """With the circuit, read once."""
    longfellow = Pylongfellow(backend="google-cpp")
    circuit = resources.files("idverify.schemes").joinpath(CIRCUIT).read_bytes()
    longfellow.load_circuit(circuit, VERSION, ATTRIBUTES)
    return longfellow


def _cut(message: bytes) -> tuple[bytes, ...]:
    """The fields after the length. Raises BadMessage."""
    sizes, at = (_DIGEST, _DIGEST, _DIGEST, _TIME, 2), 3
    parts: list[bytes] = []
    for size in sizes:
        parts.append(message[at : at + size])
        at += size
    head = message[at : at + 4]
    if head[:2] != b"\x30\x82":  # SEQUENCE with a length of two bytes, as any certificate has
        raise BadMessage("the presentation has no certificate where one must be")
    size = 4 + int.from_bytes(head[2:])
    return (*parts, message[at : at + size], message[at + size :])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _element(age: int) -> str:
    if age not in AGES:
        raise CannotAnswer(
            f"the platform asks for over {age}, a credential attests {', '.join(map(str, AGES))}",
            hint="ask for one of these ages",
        )
    return f"age_over_{age}"


def _transcript(challenge: Challenge) -> bytes:
    return mdoc.openid4vp_transcript(
        client_id=challenge.audience, nonce=challenge.nonce, response_uri=challenge.reply_to
    )


def _read_time(text: bytes) -> datetime:
    try:
        return datetime.strptime(text.decode("ascii"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise BadMessage("the proof's time is not written as YYYY-MM-DDThh:mm:ssZ") from error


def _certified(der: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except ValueError as error:
        raise BadMessage("the credential's certificate does not decode") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise UnknownKey("the credential's certificate is not for a key on P-256")
    return key


def _key(key: ec.EllipticCurvePublicKey) -> PublicKey:
    numbers = key.public_numbers()
    return PublicKey(numbers.x, numbers.y)
