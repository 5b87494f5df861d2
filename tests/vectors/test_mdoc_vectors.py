"""The example of ISO/IEC 18013-5 annex D: issuer, digests and the device's MAC, and what each change does to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import BadMessage, BadSignature, CannotAnswer, Expired, IdverifyError, UnknownKey
from idverify.formats import cbor, mdoc
from idverify.formats.cbor import Tag
from idverify.formats.mdoc_certificates import make_root, read_root

DOC_TYPE, NAMESPACE = "org.iso.18013.5.1.mDL", "org.iso.18013.5.1"
VECTOR = json.loads((Path(__file__).parent / "iso_18013_5_annex_d.json").read_text())
RESPONSE, ROOT = bytes.fromhex(VECTOR["device_response"]), read_root(bytes.fromhex(VECTOR["root"]))
READER = ec.derive_private_key(int(VECTOR["ephemeral_reader_key_d"], 16), ec.SECP256R1())
DEVICE = ec.derive_private_key(int(VECTOR["static_device_key_d"], 16), ec.SECP256R1())
TRANSCRIPT = cbor.embedded(cbor.read(bytes.fromhex(VECTOR["session_transcript_bytes"])), "transcript").content
THEN = datetime(2021, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Case:
    """A way in which the example is looked at."""

    response: bytes = RESPONSE
    doc_type: str = DOC_TYPE
    transcript: bytes = TRANSCRIPT
    now: datetime = THEN
    reader_key: ec.EllipticCurvePrivateKey | None = READER

    def check(self) -> mdoc.Checked:
        return mdoc.check_response(
            self.response,
            doc_type=self.doc_type,
            roots=(ROOT,),
            transcript=self.transcript,
            now=self.now,
            reader_key=self.reader_key,
        )


def test_the_published_example_verifies_with_its_mac() -> None:
    checked = Case().check()
    elements = checked.elements[NAMESPACE]
    assert elements["family_name"] == "Doe"
    assert elements["document_number"] == "123456789"
    assert elements["issue_date"] == Tag(1004, "2019-10-20")
    assert len(elements) == 6
    assert checked.mso.valid_until == datetime(2021, 10, 1, 13, 30, 2, tzinfo=timezone.utc)
    assert checked.mso.device_key == DEVICE.public_key()


def test_the_published_example_verifies_with_a_signature_in_place_of_the_mac() -> None:
    documents = cbor.a_list(cbor.read_map(RESPONSE)["documents"], "documents")
    issued = mdoc.read_issuer_signed(cbor.write(cbor.a_map(documents[0], "document")["issuerSigned"]))
    shown = mdoc.respond(
        issued, lambda _, name: name == "family_name", doc_type=DOC_TYPE, key=DEVICE, transcript=TRANSCRIPT
    )
    assert Case(shown, reader_key=None).check().elements == {NAMESPACE: {"family_name": "Doe"}}


@pytest.mark.parametrize(
    ("case", "error"),
    [
        (Case(reader_key=None), BadMessage),
        (Case(reader_key=DEVICE), BadSignature),
        (Case(transcript=cbor.write([None, None, None])), BadSignature),
        (Case(doc_type="org.iso.18013.5.1.mDL2"), CannotAnswer),
        (Case(now=THEN - timedelta(days=365)), Expired),
        (Case(now=datetime(2021, 10, 1, 13, 31, tzinfo=timezone.utc)), Expired),
        (Case(RESPONSE.replace(b"Doe", b"Dot")), BadSignature),
        (Case(RESPONSE.replace(b"123456789", b"123456780")), BadSignature),
    ],
)
def test_the_published_example_does_not_verify_otherwise(case: Case, error: type[IdverifyError]) -> None:
    with pytest.raises(error):
        case.check()


def test_the_published_example_does_not_verify_under_another_root() -> None:
    other = read_root(make_root(ec.generate_private_key(ec.SECP256R1()), name="https://id.example"))
    with pytest.raises(UnknownKey):
        mdoc.check_response(
            RESPONSE, doc_type=DOC_TYPE, roots=(other,), transcript=TRANSCRIPT, now=THEN, reader_key=READER
        )


def test_the_transcript_over_openid4vp_is_that_of_the_specification() -> None:
    # OpenID4VP 1.0 appendix B.2.6.1: the published example of OpenID4VPHandover.
    thumbprint = bytes.fromhex("4283ec927ae0f208daaa2d026a814f2b22dca52cf85ffa8f3f8626c6bd669047")
    transcript = mdoc.openid4vp_transcript(
        client_id="x509_san_dns:example.com",
        nonce="exc7gBkxjx1rdc9udRrveKvSsJIq80avlXeLHhGwqtA",
        response_uri="https://example.com/response",
        jwk_thumbprint=thumbprint,
    )
    assert transcript.hex() == (
        "83f6f682714f70656e494434565048616e646f7665725820"
        "048bc053c00442af9b8eed494cefdd9d95240d254b046b11b68013722aad38ac"
    )
