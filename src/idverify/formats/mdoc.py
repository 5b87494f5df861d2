"""Mobile documents: elements signed by their issuer and shown one by one, with a device's signature (ISO/IEC 18013-5).

Issuing takes plain values; verifying returns those that were shown. Digests are always taken of the bytes as received.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from types import MappingProxyType

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idverify.errors import BadMessage, BadSignature, CannotAnswer, Expired
from idverify.formats import cose
from idverify.formats.cbor import (
    EMBEDDED,
    Cbor,
    Embedded,
    Key,
    Tag,
    a_list,
    a_map,
    a_number,
    a_text,
    embed,
    embedded,
    read,
    read_map,
    some_bytes,
    write,
)
from idverify.formats.jose import LEEWAY
from idverify.formats.mdoc_certificates import Root, check_chain
from idverify.scheme import Random

SPEC = "ISO/IEC 18013-5:2021"
TRANSCRIPT_SPEC = "OpenID for Verifiable Presentations 1.0 appendix B.2.6.1"
VERSION = "1.0"
MAX_ITEMS = 200
LEAST_RANDOM = 16
"""Bytes of salt in an element (section 9.1.2.5)."""
_DIGESTS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "SHA-256": lambda message: hashlib.sha256(message).digest(),
        "SHA-384": lambda message: hashlib.sha384(message).digest(),
        "SHA-512": lambda message: hashlib.sha512(message).digest(),
    }
)
_TDATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a document; `received` is the whole embedded item, over which its digest goes."""

    digest_id: int
    name: str
    value: Cbor
    received: Embedded = field(repr=False)


@dataclass(frozen=True, slots=True)
class IssuerSigned:
    """What an issuer hands out, decoded and not checked: elements by namespace, and what it signed of them."""

    items: Mapping[str, tuple[Item, ...]]
    auth: Sequence[Cbor] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mso:
    """The mobile security object: what the issuer signs."""

    doc_type: str
    digest: Callable[[bytes], bytes]
    digests: Mapping[str, Mapping[Key, Cbor]] = field(repr=False)
    device_key: cose.PublicKey
    signed: datetime
    valid_from: datetime
    valid_until: datetime
    status: Cbor = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What may be believed: the elements shown, by namespace and name, and what was signed about them."""

    elements: Mapping[str, Mapping[str, Cbor]]
    mso: Mso


def issue(
    doc_type: str,
    namespaces: Mapping[str, Mapping[str, Cbor]],
    *,
    device_key: cose.PublicKey,
    key: cose.PrivateKey,
    chain: Sequence[bytes],
    valid_from: datetime,
    valid_until: datetime,
    status: Cbor = None,
    random: Random = secrets.token_bytes,
) -> bytes:
    """An IssuerSigned with SHA-256 digests; `chain` are the certificates of `key` in DER, without the root."""
    items: dict[Key, list[Embedded]] = {
        namespace: [
            embed({"digestID": number, "random": random(32), "elementIdentifier": name, "elementValue": value})
            for number, (name, value) in enumerate(elements.items())
        ]
        for namespace, elements in namespaces.items()
    }
    mso: dict[Key, Cbor] = {
        "version": VERSION,
        "docType": doc_type,
        "digestAlgorithm": "SHA-256",
        "valueDigests": {
            namespace: {number: hashlib.sha256(item.encoded).digest() for number, item in enumerate(listed)}
            for namespace, listed in items.items()
        },
        "deviceKeyInfo": {"deviceKey": cose.write_key(device_key)},
        "validityInfo": {
            "signed": _tdate(valid_from),
            "validFrom": _tdate(valid_from),
            "validUntil": _tdate(valid_until),
        },
        **({} if status is None else {"status": status}),
    }
    x5chain: Cbor = chain[0] if len(chain) == 1 else list(chain)
    auth = cose.sign(embed(mso).encoded, key, unprotected={cose.X5CHAIN: x5chain})
    return write({"nameSpaces": items, "issuerAuth": auth})


def read_issuer_signed(message: bytes) -> IssuerSigned:
    """Decode an IssuerSigned. Raises BadMessage."""
    return _issuer_signed(read_map(message, "IssuerSigned"))


def check_issuer_signed(
    signed: IssuerSigned,
    *,
    doc_type: str,
    roots: tuple[Root, ...],
    now: datetime | None,
    algs: Sequence[int] = (cose.ES256,),
) -> Checked:
    """Check what an issuer signed; without `now` at the time from which it is valid, as a wallet that just got it.

    Raises BadMessage, UnknownKey, BadSignature, Expired, CannotAnswer.
    """
    # ISO/IEC 18013-5 section 9.3.1: (1) x5chain up to a trusted root  (2) issuerAuth  (3) a digest for every element,
    # and the right one  (4) docType  (5) validityInfo, and that of the certificates at that time
    auth = cose.take(list(signed.auth), "issuerAuth", algs=algs)
    signer = check_chain(auth.x5chain, roots)  # (1)
    mso = _mso(read_map(_embedded_in(cose.check(auth, signer.key), "mobile security object"), "mobile security object"))
    elements = {namespace: _compare(items, mso, namespace) for namespace, items in signed.items.items()}  # (3)
    if mso.doc_type != doc_type:  # (4)
        raise CannotAnswer(f"the document is another than {doc_type}")
    now, leeway = now or mso.valid_from, timedelta(seconds=LEEWAY)
    if mso.valid_from > now + leeway:  # (5)
        raise Expired(f"valid from {mso.valid_from:%Y-%m-%d} on", hint="check both clocks")
    if mso.valid_until <= now - leeway:
        raise Expired(f"expired on {mso.valid_until:%Y-%m-%d}", hint="get a new one")
    signer.check_times(now, signed=mso.signed)
    return Checked(elements, mso)


def respond(
    signed: IssuerSigned,
    wanted: Callable[[str, str], bool],
    *,
    doc_type: str,
    key: cose.PrivateKey,
    transcript: bytes,
) -> bytes:
    """A DeviceResponse with the elements for which `wanted(namespace, name)` holds, signed for one session."""
    kept = {
        namespace: [item.received for item in items if wanted(namespace, item.name)]
        for namespace, items in signed.items.items()
    }
    shown: dict[Key, Cbor] = {namespace: items for namespace, items in kept.items() if items}
    namespaces = embed({})
    signature = cose.sign(_device_authentication(transcript, doc_type, namespaces), key, detached=True)
    return write(
        {
            "version": VERSION,
            "status": 0,
            "documents": [
                {
                    "docType": doc_type,
                    "issuerSigned": {"issuerAuth": signed.auth, **({"nameSpaces": shown} if shown else {})},
                    "deviceSigned": {"nameSpaces": namespaces, "deviceAuth": {"deviceSignature": signature}},
                }
            ],
        }
    )


def check_response(
    response: bytes,
    *,
    doc_type: str,
    roots: tuple[Root, ...],
    transcript: bytes,
    now: datetime,
    reader_key: ec.EllipticCurvePrivateKey | None = None,
    algs: Sequence[int] = (cose.ES256,),
) -> Checked:
    """Check a DeviceResponse that holds one document, made for the session of `transcript`.

    `reader_key` is the reader's own key of that session, without which a MAC cannot be checked. Raises BadMessage,
    UnknownKey, BadSignature, Expired, CannotAnswer.
    """
    # ISO/IEC 18013-5 section 8.3.2.1.2.2: (1) version, status, one document  (2) docType
    # section 9.3.1: (3) what the issuer signed   section 9.1.3: (4) what the device signed, and nothing of its own
    # (5) deviceAuth over the session, with the key that the issuer names. keyAuthorizations are left out, since
    # elements that a device signs itself are refused.
    message = read_map(response, "DeviceResponse")
    documents = a_list(message.get("documents", []), "DeviceResponse's documents")
    status = a_number(message.get("status"), "DeviceResponse's status")
    if message.get("version") != VERSION or status != 0:  # (1)
        raise BadMessage(f"the DeviceResponse does not have version {VERSION} and status 0")
    if len(documents) != 1:
        raise BadMessage(f"the DeviceResponse has {len(documents)} documents, not one")
    document = a_map(documents[0], "document")
    if a_text(document.get("docType"), "docType") != doc_type:  # (2)
        raise CannotAnswer(f"the document is another than {doc_type}")
    issued = _issuer_signed(a_map(document.get("issuerSigned"), "issuerSigned"))
    checked = check_issuer_signed(issued, doc_type=doc_type, roots=roots, now=now, algs=algs)  # (3)
    device = a_map(document.get("deviceSigned"), "deviceSigned")
    namespaces = embedded(device.get("nameSpaces"), "nameSpaces that the device signed")
    if read_map(namespaces.content, "nameSpaces that the device signed"):  # (4)
        raise BadMessage("the device signed elements of its own, which prove nothing")
    authentication = _device_authentication(transcript, doc_type, namespaces)
    proof = _Proof(authentication, transcript, checked.mso.device_key)
    proof.check(a_map(device.get("deviceAuth"), "deviceAuth"), reader_key, algs)  # (5)
    return checked


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a device must have signed or authenticated, and the key that its issuer names."""

    authentication: bytes
    transcript: bytes
    device_key: cose.PublicKey

    def check(
        self, auth: Mapping[Key, Cbor], reader_key: ec.EllipticCurvePrivateKey | None, algs: Sequence[int]
    ) -> None:
        if set(auth) not in ({"deviceSignature"}, {"deviceMac"}):
            raise BadMessage("the deviceAuth does not hold exactly one of deviceSignature and deviceMac")
        try:
            if "deviceSignature" in auth:
                signature = cose.take(auth["deviceSignature"], "deviceSignature", algs=algs)
                cose.check(signature, self.device_key, detached=self.authentication)
                return
            mac = cose.take(auth["deviceMac"], "deviceMac", algs=(cose.HMAC_256,))
            cose.check_mac(mac, self._mac_key(reader_key), detached=self.authentication)
        except BadSignature as error:
            raise BadSignature("the device signature was made by another key, or for another session") from error

    def _mac_key(self, reader_key: ec.EllipticCurvePrivateKey | None) -> bytes:
        """EMacKey (section 9.1.3.5)."""
        if reader_key is None or not isinstance(self.device_key, ec.EllipticCurvePublicKey):
            raise BadMessage("the device made a MAC, which only a reader with a key of its own can check")
        salt = hashlib.sha256(cbor2.dumps(Tag(EMBEDDED, self.transcript))).digest()
        return HKDF(hashes.SHA256(), 32, salt, b"EMacKey").derive(reader_key.exchange(ec.ECDH(), self.device_key))


def openid4vp_transcript(
    *, client_id: str, nonce: str, response_uri: str, jwk_thumbprint: bytes | None = None
) -> bytes:
    """The SessionTranscript of a presentation over OpenID4VP.

    `jwk_thumbprint` is that of the key to which the response is encrypted, where it is.
    """
    info = cbor2.dumps([client_id, nonce, jwk_thumbprint, response_uri])
    return cbor2.dumps([None, None, ["OpenID4VPHandover", hashlib.sha256(info).digest()]])


def _issuer_signed(value: Mapping[Key, Cbor]) -> IssuerSigned:
    namespaces = a_map(value.get("nameSpaces", {}), "nameSpaces")
    items = {a_text(name, "namespace"): _items(listed) for name, listed in namespaces.items()}
    if sum(map(len, items.values())) > MAX_ITEMS:
        raise BadMessage(f"the document has more than {MAX_ITEMS} elements")
    return IssuerSigned(items, a_list(value.get("issuerAuth"), "issuerAuth"))


def _items(listed: Cbor) -> tuple[Item, ...]:
    items = [_item(embedded(each, "element")) for each in a_list(listed, "namespace's elements")]
    if len({item.digest_id for item in items}) != len(items) or len({item.name for item in items}) != len(items):
        raise BadMessage("the document shows an element or a digestID twice")
    return tuple(items)


def _item(received: Embedded) -> Item:
    item = read_map(received.content, "element")
    number = a_number(item.get("digestID"), "digestID")
    if len(some_bytes(item.get("random"), "element's random")) < LEAST_RANDOM:
        raise BadMessage(f"an element's random has fewer than {LEAST_RANDOM} bytes")
    if "elementValue" not in item:
        raise BadMessage("an element has no value")
    return Item(number, a_text(item.get("elementIdentifier"), "elementIdentifier"), item["elementValue"], received)


def _mso(value: Mapping[Key, Cbor]) -> Mso:
    algorithm = value.get("digestAlgorithm")
    if value.get("version") != VERSION or not isinstance(algorithm, str) or algorithm not in _DIGESTS:
        raise BadMessage(f"the mobile security object does not have version {VERSION} and a SHA-2 digest")
    digests = a_map(value.get("valueDigests"), "valueDigests")
    validity = a_map(value.get("validityInfo"), "validityInfo")
    mso = Mso(
        a_text(value.get("docType"), "docType"),
        _DIGESTS[algorithm],
        {a_text(name, "namespace"): a_map(each, "valueDigests") for name, each in digests.items()},
        cose.read_key(a_map(value.get("deviceKeyInfo"), "deviceKeyInfo").get("deviceKey"), "deviceKey"),
        _time(validity.get("signed"), "signed"),
        _time(validity.get("validFrom"), "validFrom"),
        _time(validity.get("validUntil"), "validUntil"),
        value.get("status"),
    )
    if not mso.signed <= mso.valid_from < mso.valid_until:
        raise BadMessage("the document was valid before it was signed, or never")
    if "status" in value and mso.status is None:
        raise BadMessage("the mobile security object's status is null")
    return mso


def _compare(items: Sequence[Item], mso: Mso, namespace: str) -> dict[str, Cbor]:
    listed = mso.digests.get(namespace, {})
    for item in items:
        expected = listed.get(item.digest_id)
        if not isinstance(expected, bytes):
            raise BadSignature("the document shows an element that its issuer did not sign")
        if not hmac.compare_digest(expected, mso.digest(item.received.encoded)):
            raise BadSignature("the document shows an element with another digest than its issuer signed")
    return {item.name: item.value for item in items}


def _device_authentication(transcript: bytes, doc_type: str, namespaces: Embedded) -> bytes:
    """DeviceAuthenticationBytes (section 9.1.3.4), around a transcript and namespaces exactly as they are."""
    content = b"\x84" + cbor2.dumps("DeviceAuthentication") + transcript + cbor2.dumps(doc_type) + namespaces.encoded
    return cbor2.dumps(Tag(EMBEDDED, content))


def _embedded_in(message: bytes, what: str) -> bytes:
    return embedded(read(message, what), what).content


def _tdate(time: datetime) -> Tag:
    return Tag(0, time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _time(value: Cbor, what: str) -> datetime:
    text = value.value if isinstance(value, Tag) and value.tag == 0 else None
    if not isinstance(text, str):
        raise BadMessage(f"the {what} is not a text with tag 0")
    return _read_time(text)


@lru_cache(maxsize=1024)
def _read_time(text: str) -> datetime:
    if not _TDATE.fullmatch(text):
        raise BadMessage("a time of the document is not written as YYYY-MM-DDThh:mm:ssZ")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise BadMessage("a time of the document is none that there is") from error
