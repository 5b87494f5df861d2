"""A DeviceResponse in parts that tests change one at a time, before or after everything is signed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from idverify.formats import cbor, cose, mdoc
from idverify.formats.cbor import Cbor, Embedded, Key, Tag
from idverify.formats.mdoc_certificates import DOCUMENT_SIGNER, make_root, make_signer, read_root

ROOT, SIGNER, DEVICE, STRANGER, READER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(5))
NAME, TYPE = "https://id.example", "eu.europa.ec.av.1"
NOW = datetime(2026, 1, 15, 12, tzinfo=timezone.utc)
ROOT_DER = make_root(ROOT, name=NAME)
ROOTS = (read_root(ROOT_DER),)
SIGNER_DER = make_signer(ROOT, SIGNER.public_key(), name=NAME, year=2026)
SESSION = mdoc.openid4vp_transcript(
    client_id="https://chat.example", nonce="n" * 22, response_uri="https://chat.example/r"
)
RANDOM = b"r" * 32


def time(text: str) -> Tag:
    return Tag(0, text)


def item(number: Cbor = 0, name: Cbor = "age_over_16", value: Cbor = True, random: Cbor = RANDOM) -> Embedded:
    return cbor.embed({"digestID": number, "random": random, "elementIdentifier": name, "elementValue": value})


def embedded(content: bytes) -> Embedded:
    return Embedded(content, cbor2.dumps(Tag(24, content)))


def digest(each: Embedded) -> bytes:
    return hashlib.sha256(each.encoded).digest()


GOOD_ITEM, OTHER_ITEM = item(), item(1, "age_over_18", False)
VALIDITY: Mapping[Key, Cbor] = {
    "signed": time("2026-01-15T00:00:00Z"),
    "validFrom": time("2026-01-15T00:00:00Z"),
    "validUntil": time("2026-04-15T00:00:00Z"),
}
MSO: Mapping[Key, Cbor] = {
    "version": "1.0",
    "docType": TYPE,
    "digestAlgorithm": "SHA-256",
    "valueDigests": {TYPE: {0: digest(GOOD_ITEM), 1: digest(OTHER_ITEM)}},
    "deviceKeyInfo": {"deviceKey": cose.write_key(DEVICE.public_key())},
    "validityInfo": VALIDITY,
}


def without(name: Key, values: Mapping[Key, Cbor]) -> dict[Key, Cbor]:
    return {key: value for key, value in values.items() if key != name}


def certificate(
    *,
    subject: ec.EllipticCurvePublicKey = SIGNER.public_key(),  # noqa: B008
    issuer: ec.EllipticCurvePrivateKey = ROOT,
    begins: datetime = datetime(2026, 1, 1, tzinfo=timezone.utc),
    ends: datetime = datetime(2027, 1, 1, tzinfo=timezone.utc),
    usage: str = "digital_signature",
    purposes: tuple[str, ...] = (DOCUMENT_SIGNER.dotted_string,),
    ca: bool | None = None,
    issuer_name: x509.Name | None = None,
    critical: bool = False,
) -> bytes:
    """A certificate that differs from a good one in what is given."""
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    root = x509.load_der_x509_certificate(ROOT_DER).subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")]))
        .issuer_name(issuer_name or root)
        .public_key(subject)
        .serial_number(77)
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if usage:
        builder = builder.add_extension(x509.KeyUsage(**{n: n in usage.split() for n in names}), critical=True)
    if purposes:
        oids = [x509.ObjectIdentifier(oid) for oid in purposes]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=True)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
        builder = builder.add_extension(unknown, critical=True)
    return builder.sign(issuer, hashes.SHA256()).public_bytes(Encoding.DER)


ABSENT = object()
AUTH = ("documents", 0, "issuerSigned", "issuerAuth")
SPACES = ("documents", 0, "issuerSigned", "nameSpaces")
DEVICE_SIGNED = ("documents", 0, "deviceSigned")
DEVICE_AUTH = (*DEVICE_SIGNED, "deviceAuth")


@dataclass(frozen=True, slots=True)
class Case:
    """A response, of which a test changes one thing; truly signed as far as it is not changed afterwards."""

    mso: Cbor = field(default_factory=lambda: MSO)
    payload: bytes | None = None  # in place of the embedded mso
    key: ec.EllipticCurvePrivateKey = SIGNER
    chain: Cbor = SIGNER_DER
    protected: Mapping[Key, Cbor] | None = None
    unprotected: Mapping[Key, Cbor] | None = None
    items: tuple[Cbor, ...] = (GOOD_ITEM,)
    device_key: ec.EllipticCurvePrivateKey = DEVICE
    session: bytes = SESSION
    signed_type: str = TYPE
    spaces: Embedded = field(default_factory=lambda: cbor.embed({}))
    edits: tuple[tuple[tuple[Key, ...], object], ...] = ()

    def put(self, path: tuple[Key, ...], value: object) -> Case:
        """The same with another value there, after everything is signed."""
        return replace(self, edits=(*self.edits, (path, value)))

    def encode(self) -> bytes:
        payload = cbor.embed(self.mso).encoded if self.payload is None else self.payload
        headers: Mapping[Key, Cbor] = {cose.X5CHAIN: self.chain} if self.unprotected is None else self.unprotected
        authentication = mdoc._device_authentication(self.session, self.signed_type, self.spaces)
        response: Cbor = {
            "version": "1.0",
            "status": 0,
            "documents": [
                {
                    "docType": TYPE,
                    "issuerSigned": {
                        "nameSpaces": {TYPE: list(self.items)},
                        "issuerAuth": cose.sign(payload, self.key, protected=self.protected, unprotected=headers),
                    },
                    "deviceSigned": {
                        "nameSpaces": self.spaces,
                        "deviceAuth": {"deviceSignature": cose.sign(authentication, self.device_key, detached=True)},
                    },
                }
            ],
        }
        for path, value in self.edits:
            edit(response, path, value)
        return cbor.write(response)

    def check(self, *, now: datetime = NOW, reader_key: ec.EllipticCurvePrivateKey | None = None) -> mdoc.Checked:
        return check(self.encode(), now=now, reader_key=reader_key)


def edit(value: object, path: tuple[Key, ...], new: object) -> None:
    """Put something at the end of a path of keys and indices, or take it away."""
    *before, last = path
    for key in before:
        assert isinstance(value, (dict, list))
        value = value[key]  # type: ignore[index]
    assert isinstance(value, (dict, list))
    if new is ABSENT:
        del value[last]  # type: ignore[arg-type]
    else:
        value[last] = new  # type: ignore[index]


def check(
    response: bytes, *, now: datetime = NOW, reader_key: ec.EllipticCurvePrivateKey | None = None
) -> mdoc.Checked:
    return mdoc.check_response(response, doc_type=TYPE, roots=ROOTS, transcript=SESSION, now=now, reader_key=reader_key)


def mac(key: ec.EllipticCurvePrivateKey = READER) -> Case:
    """A response with a MAC by the device, for a reader with this key."""
    header = cbor.write({1: cose.HMAC_256})
    authentication = mdoc._device_authentication(SESSION, TYPE, cbor.embed({}))
    tag = cose.mac_of(mdoc._Proof(b"", SESSION, DEVICE.public_key())._mac_key(key), header, authentication)
    return Case().put(DEVICE_AUTH, {"deviceMac": [header, {}, None, tag]})


def space(**changed: Cbor) -> Case:
    added: Mapping[Key, Cbor] = dict(changed.items())
    return Case(mso={**MSO, **added})


def valid(**changed: Cbor) -> Case:
    added: Mapping[Key, Cbor] = dict(changed.items())
    return space(validityInfo={**VALIDITY, **added})


def signed_as(each: Embedded) -> Case:
    """A truly signed document with this one element."""
    return Case(mso={**MSO, "valueDigests": {TYPE: {0: digest(each)}}}, items=(each,))


def sha(name: str) -> Case:
    value = hashlib.new(name.replace("-", "").lower(), GOOD_ITEM.encoded).digest()
    return space(digestAlgorithm=name, valueDigests={TYPE: {0: value}})
