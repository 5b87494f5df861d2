"""mdoc with npm's @owf/mdoc: documents and presentations both ways, and refusals on both sides."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import IdverifyError
from idverify.formats import cbor, jwa, mdoc
from idverify.formats.strict_json import decode_base64url, encode_base64url
from idverify.scheme import AGES, Challenge, Credential, Json, Person, Question
from idverify.schemes import SCHEMES
from idverify.schemes.mdoc import DOC_TYPE, LIFETIME, NAMESPACE, Mdoc, MdocIssuer

NEEDS = ["@owf/mdoc@0.6.0"]
ISSUER, PLATFORM, NONCE = "https://id.example", "https://chat.example", "n" * 22
PERSON = Person("901090000001", "Nguyễn Văn Anh", date(1990, 5, 1), "male", "Hà Nội")
Outcome = tuple[str, bool, str]
Job = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Stage:
    """An issuer, a wallet's key and a question."""

    scheme: Mdoc
    issuer: MdocIssuer
    device: jwa.PrivateKey = field(default_factory=jwa.ES256.new_key)
    challenge: Challenge = field(
        default_factory=lambda: Challenge(
            PLATFORM, NONCE, Question(over=16), datetime.now(timezone.utc), f"{PLATFORM}/reply"
        )
    )

    @property
    def here(self) -> Job:
        """What every job needs: the trusted roots and the time."""
        public = self.scheme.verifier(self.issuer.public).public
        return {"roots": [encode_base64url(root.der) for root in public.roots], "now": self.challenge.now.isoformat()}

    @property
    def to(self) -> Job:
        """The session, in the peer's names."""
        return {"clientId": PLATFORM, "nonce": NONCE, "responseUri": self.challenge.reply_to}

    def credential(self) -> Credential:
        """One that our issuer and our wallet made."""
        holder = self.scheme.holder()
        asked = holder.request(self.issuer.public, now=self.challenge.now)
        return holder.accept(asked, self.issuer.issue(PERSON, asked.message, now=self.challenge.now))[0]

    def response(self) -> str:
        """Our DeviceResponse, out of its wrapping."""
        shown = json.loads(self.scheme.holder().present(self.credential(), self.challenge))
        return str(shown["device_response"])

    @property
    def session(self) -> bytes:
        """The session transcript of the challenge, as we make it."""
        return mdoc.openid4vp_transcript(client_id=PLATFORM, nonce=NONCE, response_uri=self.challenge.reply_to)

    def read(self, response: str) -> Mapping[str, Json]:
        """What we believe of a DeviceResponse."""
        verifier = self.scheme.verifier(self.issuer.public)
        return verifier.verify_response(decode_base64url(response), self.challenge, transcript=self.session).claims


def stage() -> Stage:
    scheme = SCHEMES["mdoc"]
    assert isinstance(scheme, Mdoc)
    return Stage(scheme, scheme.issuer(scheme.new_secret(), name=ISSUER))


def tampered(response: str) -> dict[str, str]:
    """Responses that nobody may accept."""
    whole = decode_base64url(response)

    def changed(change: Callable[[list[cbor.Cbor], dict[cbor.Key, cbor.Cbor]], None]) -> str:
        value = cbor.read(whole)
        assert isinstance(value, dict)
        document = value["documents"][0]
        change(document["issuerSigned"]["issuerAuth"], document)
        return encode_base64url(cbor.write(value))

    def other_age(_: list[cbor.Cbor], document: dict[cbor.Key, cbor.Cbor]) -> None:
        signed = document["issuerSigned"]
        assert isinstance(signed, dict)
        [item] = signed["nameSpaces"][NAMESPACE]
        element = dict(cbor.read_map(item.content))
        signed["nameSpaces"][NAMESPACE] = [cbor.embed(element | {"elementIdentifier": "age_over_21"})]

    def other_digest(_: list[cbor.Cbor], document: dict[cbor.Key, cbor.Cbor]) -> None:
        signed = document["issuerSigned"]
        assert isinstance(signed, dict)
        [item] = signed["nameSpaces"][NAMESPACE]
        element = dict(cbor.read_map(item.content))
        signed["nameSpaces"][NAMESPACE].append(cbor.embed(element | {"digestID": 4_000, "elementValue": False}))

    def zeros(auth: list[cbor.Cbor], _: dict[cbor.Key, cbor.Cbor]) -> None:
        auth[3] = bytes(64)

    def no_device(_: list[cbor.Cbor], document: dict[cbor.Key, cbor.Cbor]) -> None:
        document["deviceSigned"] = {"nameSpaces": cbor.embed({}), "deviceAuth": {}}

    return {
        "with another element": changed(other_age),
        "with an element more": changed(other_digest),
        "with another signature of the issuer": changed(zeros),
        "without a device signature": changed(no_device),
        "cut short": encode_base64url(whole[:-9]),
    }


def run(folder: Path) -> Iterator[Outcome]:
    here = stage()
    yield from _ours_there(here, folder)
    yield from _theirs_here(here, folder)


def _ours_there(here: Stage, folder: Path) -> Iterator[Outcome]:
    ours, issued = here.response(), here.credential().body.decode()
    bad = tampered(ours)
    good: Job = {"job": "verify", "response": ours, "namespace": NAMESPACE, **here.here, **here.to}
    stranger = here.scheme.issuer(here.scheme.new_secret(), name=ISSUER)
    later = (here.challenge.now + LIFETIME + timedelta(days=1)).isoformat()
    refused: dict[str, Job] = {
        **{what: good | {"response": each} for what, each in bad.items()},
        "for another nonce": good | {"nonce": "m" * 22},
        "for another platform": good | {"clientId": "https://evil.example"},
        "for another address": good | {"responseUri": "https://evil.example/reply"},
        "under another root": good | {"roots": Stage(here.scheme, stranger).here["roots"]},
        "after its time": good | {"now": later},
    }
    accept: Job = {"job": "accept", "issued": issued, **here.here}
    [transcript, accepted, verified, *refusals] = ask(
        folder, [{"job": "transcript", **here.to}, accept, good, *refused.values()]
    )
    yield (
        "both make the same session transcript",
        transcript.get("value") == encode_base64url(here.session),
        _fault(transcript),
    )
    yield "@owf/mdoc accepts our document", accepted.get("value") is True, _fault(accepted)
    yield "@owf/mdoc accepts our presentation", verified.get("value") == {"age_over_16": True}, _fault(verified)
    for what, answer in zip(refused, refusals, strict=True):
        yield f"@owf/mdoc refuses ours {what}", "error" in answer, str(answer.get("error", "accepted"))[:80]
    for what, each in bad.items():
        yield f"ours refuses ours {what}", *_refused(here, each)


def _theirs_here(here: Stage, folder: Path) -> Iterator[Outcome]:
    day = here.challenge.now.replace(hour=0, minute=0, second=0, microsecond=0)
    elements: Json = {f"age_over_{age}": True for age in AGES}
    what: Job = {"docType": DOC_TYPE, "namespace": NAMESPACE}
    issue: Job = {
        "job": "issue",
        **what,
        "elements": elements,
        "key": _private_jwk(here.issuer.key),
        "chain": [encode_base64url(here.issuer.certificate(day.year))],
        "device": jwa.public_jwk(here.device),
        "signed": day.isoformat(),
        "validUntil": (day + LIFETIME).isoformat(),
    }
    present: Job = {"job": "present", **what, "wanted": ["age_over_16"], **here.to}
    [issued] = ask(folder, [issue])
    document = str(issued.get("value"))
    credential = here.credential()
    ours = jwa.read_private(credential.secret, jwa.ES256)
    [theirs, mixed] = ask(
        folder,
        [
            present | {"issued": document, "device": _private_jwk(here.device)},
            present | {"issued": credential.body.decode(), "device": _private_jwk(ours)},
        ],
    )
    for name, answer in (("@owf/mdoc's document", theirs), ("our document", mixed)):
        outcome = _believed(here, answer)
        yield f"ours accepts {name} shown by @owf/mdoc", outcome == {"over": 16}, _fault(issued) or str(outcome)
    kept = Credential(document.encode(), jwa.write_private(here.device))
    shown = here.scheme.holder().present(kept, here.challenge)
    proven = here.scheme.verifier(here.issuer.public).verify(shown, here.challenge).claims
    yield "ours accepts @owf/mdoc's document shown by ours", proven == {"over": 16}, ""
    for what_, each in tampered(str(theirs.get("value"))).items():
        yield f"ours refuses that of @owf/mdoc {what_}", *_refused(here, each)


def _believed(here: Stage, answer: Mapping[str, Json]) -> Json:
    try:
        return here.read(str(answer.get("value")))
    except IdverifyError as error:
        return f"{error.message}; {_fault(answer)}"


def _refused(here: Stage, response: str) -> tuple[bool, str]:
    try:
        here.read(response)
    except IdverifyError as error:
        return True, error.message
    return False, "accepted"


def _private_jwk(key: jwa.PrivateKey) -> Job:
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return jwa.public_jwk(key) | {"d": encode_base64url(key.private_numbers().private_value.to_bytes(32))}


def _fault(answer: Mapping[str, Json]) -> str:
    return str(answer.get("error", ""))[:80]


def ask(folder: Path, jobs: list[Job]) -> list[Job]:
    """What the Node side answers to each job."""
    script = Path(__file__).with_suffix(".mjs")
    done = subprocess.run(
        ["node", str(script), str(folder)], input=json.dumps(jobs), capture_output=True, text=True, timeout=60
    )
    if done.returncode:
        return [{"error": done.stderr.strip()[-200:] or f"node ended with {done.returncode}"} for _ in jobs]
    answers: list[Job] = json.loads(done.stdout)
    return answers
