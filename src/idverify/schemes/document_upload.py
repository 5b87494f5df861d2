"""Document upload: a scan of the ID card, looked at by the platform; what a mandate replaces (no specification)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from idverify.errors import BadMessage, WrongAudience, WrongNonce
from idverify.formats import card_scan
from idverify.formats.card_scan import Card
from idverify.formats.strict_json import (
    JsonObject,
    decode_base64url,
    encode_base64url,
    read_object,
    shown,
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
from idverify.schemes._public import write_public

INFO = Info(
    name="document_upload",
    title="Scan of the ID card",
    spec="none: a picture (PNG) in a JSON object",
    answers=frozenset({"over", "identity", "one_account"}),
    issued="by_holder",
    signed=False,
    quantum_safe=True,
    learns={
        "identity provider": "nothing: it takes no part",
        "platform": "a copy of the card: name, ID number, birth date, and what else is printed on it",
    },
    limits="a scan is forged or borrowed as easily as it is made, and a thief of the platform's database gets copies "
    "of cards that open accounts elsewhere",
)
_MOST_BYTES = 60_000
_MOST_TEXT = 4 * card_scan.MOST_BYTES // 3 + 4


@dataclass(frozen=True, slots=True)
class ScanningIssuer:
    """The wallet itself, which takes a picture of the card that it is given: its owner's, or a forged one.

    Where name or number are missing, whoever forges the card invents them.
    """

    name: str
    random: Random = secrets.token_bytes

    @property
    def public(self) -> bytes:
        return write_public(self.name, [])

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        if dict(read_object(request, "request", max_size=1000)) != {"want": "scan"}:
            raise BadMessage("the request does not want exactly a scan")
        _facts.read_birth_date(person.born.isoformat(), now)
        # A number that begins with 9 belongs to nobody: no province has such a code.
        number = person.id_number or f"9{int.from_bytes(self.random(8)) % 10**11:011d}"
        card = Card(person.name or "Người Không Tên", number, person.born.isoformat())
        return write_json({"scan": encode_base64url(card_scan.draw(card))})


class ScanningHolder:
    def request(
        self, public: bytes, *, now: datetime, challenge: Challenge | None = None, count: int = 1, seed: bytes = b""
    ) -> Asked:
        if challenge is not None:
            _facts.check_answerable(INFO, challenge)
        return Asked(write_json({"want": "scan"}))

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        _scan(_exactly(response, "response", {"scan"}))
        return (Credential(response),)

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        _facts.check_answerable(INFO, challenge)
        scan = _exactly(credential.body, "credential", {"scan"})["scan"]
        return write_json({"audience": challenge.audience, "nonce": challenge.nonce, "scan": scan})


class LookingVerifier:
    """A clerk, or a program in their place, who reads the picture and cannot see whether it is genuine."""

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        # (1) shape  (2) audience, nonce: those of the upload, the picture names neither  (3) what is printed
        # (4) age. There is no signature to check, so that the number is as true as whoever drew it.
        _facts.check_answerable(INFO, challenge)
        uploaded = _exactly(presentation, "presentation", {"audience", "nonce", "scan"})  # (1)
        audience, nonce = text_member(uploaded, "audience"), text_member(uploaded, "nonce")
        if audience != challenge.audience:  # (2)
            raise WrongAudience(f"made for {shown(audience)}, shown to {challenge.audience}")
        if not hmac.compare_digest(nonce.encode(), challenge.nonce.encode()):
            raise WrongNonce("made for another question than the one that was asked")
        card = _scan(uploaded)  # (3)
        born = _facts.read_birth_date(card.birth_date, challenge.now)
        claims: dict[str, Json] = {
            "name": card.name,
            "id_number": card.id_number,
            "birth_date": card.birth_date,
            "declared": True,
        }
        over = _facts.check_old_enough(born, challenge)  # (4)
        return Proven(claims | over, _facts.spent_by_nonce(INFO.name, challenge), card.id_number)


class DocumentUpload:
    info = INFO

    def new_secret(self) -> bytes:
        return b""

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        return ScanningIssuer(name)

    def holder(self) -> ScanningHolder:
        return ScanningHolder()

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> LookingVerifier:
        return LookingVerifier()

    def read(self, message: bytes) -> Json:
        """The JSON, and beside a scan what is printed on the card."""
        value = _reading.read(message)
        if not isinstance(value, dict) or not isinstance(value.get("scan"), str):
            return value
        try:
            card = _scan(value)
        except BadMessage:
            return value
        return value | {"card": {"name": card.name, "id_number": card.id_number, "birth_date": card.birth_date}}


def _exactly(message: bytes, what: str, members: set[str]) -> JsonObject:
    value = read_object(message, what, max_size=_MOST_BYTES)
    if set(value) != members:
        raise BadMessage(f"the {what} does not have exactly the members {', '.join(sorted(members))}")
    return value


def _scan(value: JsonObject) -> Card:
    return card_scan.look_at(decode_base64url(text_member(value, "scan", max_length=_MOST_TEXT), "scan"))
