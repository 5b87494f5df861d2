"""BBS with escrow: as `bbs`, and the identity sealed for a quorum of openers, proven to be the signed one.

The construction is ours (docs/schemes/bbs_escrow.md): ElGamal in the exponent to a threshold key (`threshold_elgamal`),
whose proof shares the response of the hidden ID number with the BBS proof. No standard describes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from idverify.crypto import bbs_pseudonym
from idverify.crypto.bbs import SHA_256, ProverPart
from idverify.crypto.bls12_381 import POINT_SIZE, Scalar, scalar_of
from idverify.crypto.threshold_elgamal import (
    SEAL_SIZE,
    OpenersKey,
    SealProver,
    SealVerifier,
    deal,
    decode_key,
    decode_seal,
)
from idverify.errors import BadMessage, CannotAnswer
from idverify.formats.strict_json import (
    JsonObject,
    decode_base64url,
    encode_base64url,
    read_object,
    text_member,
    write_json,
)
from idverify.scheme import AGES, Challenge, Dealt, Issuer, Json, Person, StatusLookup, never
from idverify.schemes import bbs
from idverify.schemes._bbs import BbsHolder, BbsIssuer, BbsVerifier, Statements
from idverify.schemes._bbs_form import Form, Public, new_secret, read_public

OPENERS: tuple[str, ...] = ("court", "ombudsman", "platform")
QUORUM = 2
ID_AT = len(AGES)
"""Where the ID number stands in the row of signed messages."""
MOST_DIGITS = 15
INFO = replace(
    bbs.INFO,
    name="bbs_escrow",
    title="BBS with escrow",
    spec=f"{bbs.INFO.spec}; escrow: own construction, ElGamal with shares checked (Shamir, Feldman, Chaum-Pedersen)",
    learns={
        "identity provider": "who enrols and who renews, each week; not where anything is shown",
        "platform": "that the holder is over the asked age, a pseudonym of its own, and a seal that it cannot read",
        "openers": f"{QUORUM} of {', '.join(OPENERS)}, with the audit office: who is behind one account, on the record",
    },
    limits="openers and audit office together can unmask anybody, as can whoever computes discrete logarithms one day",
    opened_by=OPENERS,
    quorum=QUORUM,
    usual=False,
)


def _told(person: Person) -> JsonObject:
    if not person.id_number.isascii() or not person.id_number.isdigit() or len(person.id_number) > MOST_DIGITS:
        raise CannotAnswer("this person has no ID number of digits that could be sealed", hint="use another scheme")
    return {"id_number": person.id_number}


def _extras(told: JsonObject) -> Sequence[Scalar]:
    number = text_member(told, "id_number", what="response", max_length=MOST_DIGITS)
    if set(told) != {"id_number"} or not number.isascii() or not number.isdigit():
        raise BadMessage("the issuer does not tell exactly an ID number of digits")
    return [scalar_of(int(number))]


FORM = Form(INFO, bbs_pseudonym.pseudonymous(SHA_256), told=_told, extras=_extras, count=1)


class EscrowIssuer(BbsIssuer):
    """Publishes with its key for whom identities are sealed."""

    def __init__(self, secret: bytes, *, name: str) -> None:
        super().__init__(FORM, secret, name=name)
        document = read_object(secret, "issuer's secret")
        self._openers = {"openers": document.get("openers"), "openers_key": document.get("openers_key")}
        _openers_of(self._openers)

    def published(self) -> JsonObject:
        return self._openers


class EscrowHolder(BbsHolder):
    def __init__(self) -> None:
        super().__init__(FORM)

    def statements(
        self, body: JsonObject, told: JsonObject, challenge: Challenge
    ) -> tuple[Sequence[int], Sequence[ProverPart]]:
        disclosed, parts = super().statements(body, told, challenge)
        entry = body.get("key")
        if not isinstance(entry, Mapping):
            raise BadMessage("the credential does not say for whom its owner is sealed")
        return disclosed, [*parts, _Sealed(_openers_of(entry), _extras(told)[0])]


class EscrowVerifier(BbsVerifier):
    def __init__(self, public: Public) -> None:
        super().__init__(FORM, public)
        self._openers = {kid: _openers_of(entry) for kid, entry in public.entries.items()}

    def statements(self, kid: str, age: int | None, answers: Sequence[bytes], challenge: Challenge) -> Statements:
        if len(answers) != 1:
            raise BadMessage("the presentation holds no sealed identity")
        expected, key = super().statements(kid, age, [], challenge), self._openers[kid]
        seal = decode_seal(answers[0][:SEAL_SIZE])
        part = SealVerifier(key, ID_AT, seal, answers[0][SEAL_SIZE:])
        claims = {"sealed": f"{key.id}.{encode_base64url(seal.octets)}"}
        return replace(expected, parts=[*expected.parts, part], claims={**expected.claims, **claims})


class _Sealed(SealProver):
    """Sends the seal in front of the answer."""

    def __init__(self, key: OpenersKey, number: Scalar) -> None:
        super().__init__(key, ID_AT, number)

    def respond(self, challenge: Scalar) -> bytes:
        return self.seal.octets + super().respond(challenge)


class BbsEscrow:
    info = INFO

    def deal(self) -> Dealt:
        made = deal(QUORUM, len(OPENERS))
        secret = {
            **read_object(new_secret(), "issuer's secret"),
            "openers": list(OPENERS),
            "openers_key": encode_base64url(made.key.octets),
        }
        shares = dict(zip(OPENERS, made.shares, strict=True))
        return Dealt(write_json(secret), made.key.octets, shares, made.witness)

    def new_secret(self) -> bytes:
        return self.deal().secret

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        return EscrowIssuer(secret, name=name)

    def holder(self) -> EscrowHolder:
        return EscrowHolder()

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> EscrowVerifier:
        return EscrowVerifier(read_public(public))

    def read(self, message: bytes) -> Json:
        return bbs.read(message, parts=(("C1", POINT_SIZE), ("C2", POINT_SIZE)))


def _openers_of(entry: JsonObject) -> OpenersKey:
    """The openers' key beside an issuer's key. Raises BadMessage."""
    names = entry.get("openers")
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise BadMessage("the issuer does not name the openers")
    key = decode_key(decode_base64url(text_member(entry, "openers_key", what="issuer's key", max_length=20_000)))
    if len(names) != key.openers:
        raise BadMessage(f"the issuer names {len(names)} openers, the key is for {key.openers}")
    return key
