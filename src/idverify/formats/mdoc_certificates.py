"""The certificates behind an mdoc: a root, and under it the signer of the documents (ISO/IEC 18013-5 annex B).

Made here they depend on keys, name and year alone, so that an issuer that starts again publishes the same root.
Read here they are checked as annex B wants it, but for revocation lists: nothing is fetched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from idverify.errors import BadMessage, Expired, UnknownKey

COUNTRY = "VN"
DOCUMENT_SIGNER = x509.ObjectIdentifier("1.0.18013.5.1.2")
"""The extended key usage of a document signer (table B.3)."""
AGE_ATTESTATION_SIGNER = x509.ObjectIdentifier("1.3.130.2.0.0.1.2")
"""The one that the EU age verification blueprint's own example has (annex A.10)."""
ROOT_VALID = (datetime(2020, 1, 1, tzinfo=timezone.utc), datetime(2039, 12, 31, 23, 59, 59, tzinfo=timezone.utc))
"""Twenty years, the most that table B.1 allows; fixed, since nothing here reads a clock."""
SIGNER_VALID = timedelta(days=457)
"""From the first of January, the most that table B.3 allows: whatever is issued in a year outlives it by 90 days."""
_FAULTS = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension, UserWarning)


@dataclass(frozen=True, slots=True)
class Root:
    """A certificate that is trusted to certify document signers."""

    der: bytes = field(repr=False)
    key: ec.EllipticCurvePublicKey = field(compare=False)
    valid: tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Signer:
    """A document signer whose certificate a trusted root signed; its times are still to be checked."""

    key: ec.EllipticCurvePublicKey
    valid: tuple[datetime, datetime]
    root: Root

    def check_times(self, now: datetime, *, signed: datetime) -> None:
        """`now` must lie in the validity of signer and root, `signed` in that of the signer. Raises Expired."""
        for what, (begins, ends) in (("document signer", self.valid), ("root", self.root.valid)):
            if not begins <= now <= ends:
                raise Expired(f"the {what}'s certificate is valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}")
        if not self.valid[0] <= signed <= self.valid[1]:
            raise Expired("the document was signed when its signer's certificate was not valid")


@lru_cache(maxsize=64)
def read_root(der: bytes) -> Root:
    """A root with a key on P-256 that signed itself. Raises BadMessage."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.verify_directly_issued_by(certificate)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        key = certificate.public_key()
    except (*_FAULTS, InvalidSignature, x509.ExtensionNotFound) as error:
        raise BadMessage("the issuer's root is not a certificate that signed itself, with its key's usage") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadMessage("the issuer's root does not have a key on P-256")
    if not usage.key_cert_sign or not constraints.ca:
        raise BadMessage("the issuer's root may not sign certificates")
    return Root(der, key, (certificate.not_valid_before_utc, certificate.not_valid_after_utc))


def check_chain(chain: Sequence[bytes], roots: tuple[Root, ...]) -> Signer:
    """The document signer of an x5chain, certified by one of `roots`. Raises BadMessage, UnknownKey.

    The chain is the signer's certificate, and behind it at most the root that is trusted anyway.
    """
    signer = _signer(chain[0], roots)
    if len(chain) > 1 and tuple(chain[1:]) != (signer.root.der,):
        raise BadMessage("the x5chain has certificates between the document signer and its root")
    return signer


def make_root(key: ec.EllipticCurvePrivateKey, *, name: str) -> bytes:
    """A root's own certificate in DER; `name` is the issuer's URL. Raises BadMessage."""
    subject = _subject("identity provider root")
    usage = _usage(signs_certificates=True)
    builder = _builder(subject, subject, key.public_key(), name, ROOT_VALID)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return _finish(builder.add_extension(usage, critical=True), key)


def make_signer(root: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePublicKey, *, name: str, year: int) -> bytes:
    """The certificate in DER of the document signer of a calendar year, under `make_root(root, name=name)`."""
    begins = datetime(year, 1, 1, tzinfo=timezone.utc)
    subject, issuer = _subject(f"document signer {year}"), _subject("identity provider root")
    builder = _builder(subject, issuer, signer, name, (begins, begins + SIGNER_VALID))
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
    builder = builder.add_extension(identifier, critical=False)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    return _finish(builder.add_extension(x509.ExtendedKeyUsage([DOCUMENT_SIGNER]), critical=True), root)


@lru_cache(maxsize=1024)
def _signer(der: bytes, roots: tuple[Root, ...]) -> Signer:
    # Annex B.3 and RFC 5280: (1) signed by a trusted root  (2) a key on P-256  (3) no authority over certificates,
    # and for signing  (4) for signing documents  (5) nothing critical that is not understood.
    # Times are checked at each use; revocation lists are left out: nothing is fetched.
    try:
        certificate = x509.load_der_x509_certificate(der)
        root = _issuing_root(certificate, roots)  # (1)
        key = certificate.public_key()
        extensions = {extension.oid: extension for extension in certificate.extensions}
        valid = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    except _FAULTS as error:
        raise BadMessage("the first certificate of the x5chain does not decode") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):  # (2)
        raise BadMessage("the document signer does not have a key on P-256")
    values = {oid: extension.value for oid, extension in extensions.items()}
    usage, constraints = values.get(x509.KeyUsage.oid), values.get(x509.BasicConstraints.oid)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:  # (3)
        raise BadMessage("the document is signed by an authority over certificates, not by a document signer")
    if not isinstance(usage, x509.KeyUsage) or not usage.digital_signature or usage.key_cert_sign:
        raise BadMessage("the document signer's key is not for signatures alone")
    purposes = values.get(x509.ExtendedKeyUsage.oid)
    if not isinstance(purposes, x509.ExtendedKeyUsage) or not {DOCUMENT_SIGNER, AGE_ATTESTATION_SIGNER} & set(purposes):
        raise BadMessage("the document signer's certificate is not for signing documents")  # (4)
    known = {x509.KeyUsage.oid, x509.BasicConstraints.oid, x509.ExtendedKeyUsage.oid}
    if any(extension.critical for oid, extension in extensions.items() if oid not in known):  # (5)
        raise BadMessage("the document signer's certificate has a critical extension that is not understood")
    return Signer(key, valid, root)


def _issuing_root(certificate: x509.Certificate, roots: tuple[Root, ...]) -> Root:
    for root in roots:
        try:
            certificate.verify_directly_issued_by(x509.load_der_x509_certificate(root.der))
        except (*_FAULTS, InvalidSignature):
            continue
        return root
    raise UnknownKey("signed under a root that the issuer does not publish", hint="fetch the issuer's keys again")


def _subject(common_name: str) -> x509.Name:
    names = (
        (NameOID.COUNTRY_NAME, COUNTRY),
        (NameOID.ORGANIZATION_NAME, "idverify"),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in names])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, name: str, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    text = "\0".join((subject.rfc4514_string(), name, identifier.digest.hex()))
    try:
        contact = x509.IssuerAlternativeName([x509.UniformResourceIdentifier(name)])
    except ValueError as error:
        raise BadMessage("the issuer's name is not an ASCII URL, which its certificates must hold") from error
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16]) + 1)
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(identifier, critical=False)
        .add_extension(contact, critical=False)
    )


def _finish(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Signed with RFC 6979's nonce, so that the same certificate comes out each time."""
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
