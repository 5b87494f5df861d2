"""mdoc: every faulty document, response, session and certificate is refused, and each one's valid twin accepted."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from idverify.errors import BadMessage, BadSignature, CannotAnswer, Expired, IdverifyError, NotProven, UnknownKey
from idverify.formats import cbor, cose, mdoc
from idverify.formats.cbor import Cbor, Embedded, Key, Tag
from idverify.formats.mdoc_certificates import make_root, read_root
from tests.formats.mdoc_cases import (
    ABSENT,
    AUTH,
    DEVICE,
    DEVICE_AUTH,
    DEVICE_SIGNED,
    GOOD_ITEM,
    MSO,
    NAME,
    NOW,
    OTHER_ITEM,
    RANDOM,
    READER,
    ROOT,
    ROOT_DER,
    SIGNER,
    SIGNER_DER,
    SPACES,
    STRANGER,
    TYPE,
    VALIDITY,
    Case,
    certificate,
    check,
    digest,
    embedded,
    item,
    mac,
    sha,
    signed_as,
    space,
    time,
    valid,
    without,
)  # fmt: skip

GOOD = {
    "as it should be": Case(),
    "with both elements": Case(items=(OTHER_ITEM, GOOD_ITEM)),
    "with no elements": Case(items=()),
    "without a namespace": Case().put(SPACES, {}),
    "without namespaces": Case().put(SPACES, ABSENT),
    "with more in the mobile security object": space(more=1),
    "with the chain protected": Case(protected={cose.X5CHAIN: SIGNER_DER}, unprotected={}),
    "with the chain as a list": Case(chain=[SIGNER_DER]),
    "with the root behind the signer": Case(chain=[SIGNER_DER, ROOT_DER]),
    "with SHA-384": sha("SHA-384"),
    "with SHA-512": sha("SHA-512"),
    "with another certificate of the root": Case(chain=certificate()),
    "with the usage of the EU blueprint": Case(chain=certificate(purposes=("1.3.130.2.0.0.1.2",))),
    "with errors about what is not shown": Case().put(("documents", 0, "errors"), {TYPE: {"age_over_21": 10}}),
    "with an item in longer form": signed_as(
        Embedded(GOOD_ITEM.content, b"\xd8\x18\x59" + len(GOOD_ITEM.content).to_bytes(2) + GOOD_ITEM.content)
    ),
    "with the shortest salt": signed_as(item(random=b"r" * 16)),
}


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD.keys())
def test_a_valid_response_is_accepted(case: Case) -> None:
    assert case.check().mso.device_key == DEVICE.public_key()


def test_what_is_shown_comes_back_and_nothing_else() -> None:
    assert Case(items=(GOOD_ITEM, OTHER_ITEM)).check().elements == {TYPE: {"age_over_16": True, "age_over_18": False}}
    assert Case().check().elements == {TYPE: {"age_over_16": True}}


ISSUER_AUTH = cose.sign(cbor.embed(MSO).encoded, SIGNER, unprotected={cose.X5CHAIN: SIGNER_DER})
SELF_SIGNED = certificate(
    issuer=SIGNER, issuer_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")])
)
P384 = ec.generate_private_key(ec.SECP384R1())

BAD_ISSUER: dict[str, tuple[Case, type[IdverifyError]]] = {
    "signed by another key": (Case(key=STRANGER), BadSignature),
    "with one byte of the signature changed": (Case().put(AUTH, [*ISSUER_AUTH[:3], bytes(64)]), BadSignature),
    "without a signature": (Case().put(AUTH, [*ISSUER_AUTH[:3], b""]), BadSignature),
    "tagged": (Case().put(AUTH, Tag(18, ISSUER_AUTH)), BadMessage),
    "with a MAC in place of the signature": (Case().put(AUTH, [cbor.write({1: 5}), *ISSUER_AUTH[1:]]), BadMessage),
    "with alg ES384": (Case().put(AUTH, [cbor.write({1: -35}), *ISSUER_AUTH[1:]]), BadMessage),
    "with alg EdDSA": (Case().put(AUTH, [cbor.write({1: -8}), *ISSUER_AUTH[1:]]), BadMessage),
    "with alg ML-DSA-44": (Case().put(AUTH, [cbor.write({1: -48}), *ISSUER_AUTH[1:]]), BadMessage),
    "without alg": (Case().put(AUTH, [b"", *ISSUER_AUTH[1:]]), BadMessage),
    "with alg unprotected too": (Case(unprotected={cose.X5CHAIN: SIGNER_DER, 1: -7}), BadMessage),
    "with crit": (Case(protected={2: [33]}), BadMessage),
    "with crit unprotected": (Case(unprotected={cose.X5CHAIN: SIGNER_DER, 2: [33]}), BadMessage),
    "without a payload": (Case().put(AUTH, [*ISSUER_AUTH[:2], None, ISSUER_AUTH[3]]), BadMessage),
    "as a map": (Case().put(AUTH, {}), BadMessage),
    "null": (Case().put(AUTH, None), BadMessage),
    "absent": (Case().put(AUTH, ABSENT), BadMessage),
    "without a chain": (Case(unprotected={}), BadMessage),
    "with an empty chain": (Case(chain=[]), BadMessage),
    "with a chain of texts": (Case(chain=["x"]), BadMessage),
    "with a certificate that is none": (Case(chain=b"0"), BadMessage),
    "with a certificate and a byte": (Case(chain=SIGNER_DER + b"\0"), BadMessage),
    "with half a certificate": (Case(chain=SIGNER_DER[:200]), BadMessage),
    "with a certificate that is huge": (Case(chain=b"\x30\x84\xff\xff\xff\xff" + bytes(9)), BadMessage),
    "signed by the root itself": (Case(key=ROOT, chain=ROOT_DER), BadMessage),
    "with a certificate that signed itself": (Case(chain=SELF_SIGNED), UnknownKey),
    "with a certificate of a stranger's root": (Case(chain=certificate(issuer=STRANGER)), UnknownKey),
    "with a root of its own behind it": (
        Case(chain=[certificate(issuer=STRANGER), make_root(STRANGER, name=NAME)]),
        UnknownKey,
    ),
    "with a certificate between": (Case(chain=[SIGNER_DER, certificate(ca=True)]), BadMessage),
    "with a certificate for another name": (
        Case(chain=certificate(issuer_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")]))),
        UnknownKey,
    ),
    "with a certificate for another key": (Case(chain=certificate(subject=STRANGER.public_key())), BadSignature),
    "with a certificate on P-384": (Case(chain=certificate(subject=P384.public_key())), BadMessage),
    "with a certificate of an authority": (Case(chain=certificate(ca=True)), BadMessage),
    "with a certificate that may sign others": (
        Case(chain=certificate(usage="digital_signature key_cert_sign")),
        BadMessage,
    ),
    "with a certificate for agreeing on keys": (Case(chain=certificate(usage="key_agreement")), BadMessage),
    "with a certificate for no usage": (Case(chain=certificate(usage="")), BadMessage),
    "with a certificate for no purpose": (Case(chain=certificate(purposes=())), BadMessage),
    "with a certificate of a reader": (Case(chain=certificate(purposes=("1.0.18013.5.1.6",))), BadMessage),
    "with a certificate of a web server": (Case(chain=certificate(purposes=("1.3.6.1.5.5.7.3.1",))), BadMessage),
    "with a certificate for any purpose": (Case(chain=certificate(purposes=("2.5.29.37.0",))), BadMessage),
    "with a critical extension that nobody knows": (Case(chain=certificate(critical=True)), BadMessage),
    "with a certificate that is over": (Case(chain=certificate(ends=NOW - timedelta(hours=1))), Expired),
    "with a certificate of tomorrow": (Case(chain=certificate(begins=NOW + timedelta(days=1))), Expired),
    "signed before its certificate": (Case(chain=certificate(begins=NOW - timedelta(hours=1))), Expired),
}


@pytest.mark.parametrize(("case", "error"), BAD_ISSUER.values(), ids=BAD_ISSUER.keys())
def test_an_issuer_auth_is_refused(case: Case, error: type[IdverifyError]) -> None:
    with pytest.raises(error):
        case.check()


FALSE_18 = item(1, "age_over_18", True)
BAD_DATA: dict[str, tuple[Case, type[IdverifyError]]] = {
    "an element that nobody signed": (Case(items=(GOOD_ITEM, item(2, "age_over_21"))), BadSignature),
    "a false element": (Case(items=(FALSE_18,)), BadSignature),
    "another element under a digest": (Case(items=(item(1),)), BadSignature),
    "an element under another name": (Case(items=(item(0, "age_over_21"),)), BadSignature),
    "an element with another salt": (Case(items=(item(random=bytes(32)),)), BadSignature),
    "an element in another namespace": (Case().put(SPACES, {"eu.europa.ec.av.2": [GOOD_ITEM]}), BadSignature),
    "an element twice": (Case(items=(GOOD_ITEM, GOOD_ITEM)), BadMessage),
    "a digestID twice": (Case(items=(GOOD_ITEM, item(0, "age_over_18"))), BadMessage),
    "a name twice": (Case(items=(GOOD_ITEM, item(1, "age_over_16"))), BadMessage),
    "the digest in longer form": (
        Case(items=(Embedded(GOOD_ITEM.content, b"\xd8\x18\x59\0" + GOOD_ITEM.encoded[3:]),)),
        BadSignature,
    ),
    "an element that is a map": (Case(items=({"digestID": 0},)), BadMessage),
    "an element in bytes without the tag": (Case(items=(GOOD_ITEM.content,)), BadMessage),
    "an element that is no CBOR": (signed_as(embedded(b"\xff")), BadMessage),
    "an element with more behind it": (signed_as(embedded(GOOD_ITEM.content + b"\0")), BadMessage),
    "an element with a name twice": (
        signed_as(embedded(b"\xa5" + GOOD_ITEM.content[1:] + cbor2.dumps("digestID") + b"\1")),
        BadMessage,
    ),
    "an element without value": (
        signed_as(cbor.embed({"digestID": 0, "random": RANDOM, "elementIdentifier": "x"})),
        BadMessage,
    ),
    "an element without name": (signed_as(item(name=None)), BadMessage),
    "an element with a number for a name": (signed_as(item(name=7)), BadMessage),
    "an element with a short salt": (signed_as(item(random=b"r" * 15)), BadMessage),
    "an element with a text for a salt": (signed_as(item(random="r" * 32)), BadMessage),
    "an element whose digestID is true": (signed_as(item(number=True)), BadMessage),
    "an element whose digestID is a text": (signed_as(item(number="0")), BadMessage),
    "201 elements": (Case(items=tuple(item(n, f"age_over_{n}") for n in range(201))), BadMessage),
    "elements in a map": (Case().put(SPACES, {TYPE: {}}), BadMessage),
    "namespaces in a list": (Case().put(SPACES, []), BadMessage),
    "a namespace that is a number": (Case().put(SPACES, {7: [GOOD_ITEM]}), BadMessage),
}


@pytest.mark.parametrize(("case", "error"), BAD_DATA.values(), ids=BAD_DATA.keys())
def test_data_are_refused(case: Case, error: type[IdverifyError]) -> None:
    with pytest.raises(error):
        case.check()


BAD_MSO: dict[str, Case] = {
    "not embedded": Case(payload=cbor.write(MSO)),
    "a list": Case(mso=[]),
    "no CBOR": Case(payload=embedded(b"\xff").encoded),
    "with more behind it": Case(payload=embedded(cbor.write(MSO) + b"\0").encoded),
    "with more behind the embedded item": Case(payload=cbor.embed(MSO).encoded + b"\0"),
    "with a name twice": Case(payload=embedded(b"\xa7" + cbor.write(MSO)[1:] + cbor2.dumps("version") + b"\1").encoded),
    "with a digestID twice": space(
        valueDigests={TYPE: embedded(b"\xa2\x00\x41a\x00\x41b")},
    ),
    "version 2.0": space(version="2.0"),
    "version 1.0 as a number": space(version=1),
    "no version": Case(mso=without("version", MSO)),
    "MD5": space(digestAlgorithm="MD5"),
    "SHA-1": space(digestAlgorithm="SHA-1"),
    "sha-256": space(digestAlgorithm="sha-256"),
    "a digest in a list": space(digestAlgorithm=["SHA-256"]),
    "no digests": Case(mso=without("valueDigests", MSO)),
    "digests in a list": space(valueDigests=[]),
    "a namespace's digests in a list": space(valueDigests={TYPE: [digest(GOOD_ITEM)]}),
    "no docType": Case(mso=without("docType", MSO)),
    "docType null": space(docType=None),
    "no device key": space(deviceKeyInfo={}),
    "no deviceKeyInfo": Case(mso=without("deviceKeyInfo", MSO)),
    "a private device key": space(deviceKeyInfo={"deviceKey": {**cose.write_key(DEVICE.public_key()), -4: bytes(32)}}),
    "a device key off the curve": space(deviceKeyInfo={"deviceKey": {1: 2, -1: 1, -2: bytes(32), -3: b"\1" * 32}}),
    "no validity": Case(mso=without("validityInfo", MSO)),
    "no end": space(validityInfo=without("validUntil", VALIDITY)),
    "no beginning": space(validityInfo=without("validFrom", VALIDITY)),
    "not signed at a time": space(validityInfo=without("signed", VALIDITY)),
    "an end before the beginning": valid(validUntil=time("2026-01-14T00:00:00Z")),
    "an end at the beginning": valid(validUntil=time("2026-01-15T00:00:00Z")),
    "valid before it was signed": valid(validFrom=time("2026-01-14T00:00:00Z")),
    "a time without its tag": valid(validUntil="2026-04-15T00:00:00Z"),
    "a time with the tag of numbers": valid(validUntil=Tag(1, 1_776_000_000)),
    "a number with the tag of times": valid(validUntil=Tag(0, 1_776_000_000)),
    "a day": valid(validUntil=Tag(1004, "2026-04-15")),
    "a time with a fraction": valid(validUntil=time("2026-04-15T00:00:00.5Z")),
    "a time with an offset": valid(validUntil=time("2026-04-15T00:00:00+00:00")),
    "a time that there is not": valid(validUntil=time("2026-02-30T00:00:00Z")),
    "a time of day that there is not": valid(validUntil=time("2026-04-15T24:00:01Z")),
    "a time in other digits": valid(validUntil=time("२०२६-04-15T00:00:00Z")),
    "a time and more": valid(validUntil=time("2026-04-15T00:00:00Z\n")),
    "a status that is null": space(status=None),
}


@pytest.mark.parametrize("case", BAD_MSO.values(), ids=BAD_MSO.keys())
def test_a_mobile_security_object_is_refused(case: Case) -> None:
    with pytest.raises((BadMessage, BadSignature)):
        case.check()


def test_another_document_type_is_no_answer_wherever_it_is_written() -> None:
    for case in (
        space(docType="eu.europa.ec.av.2"),
        Case().put(("documents", 0, "docType"), "eu.europa.ec.av.2"),
        replace(space(docType="org.iso.18013.5.1.mDL"), signed_type="org.iso.18013.5.1.mDL"),
    ):
        with pytest.raises(CannotAnswer):
            case.check()


@pytest.mark.parametrize("days", [-16, -1, 90, 365, 10_000])
def test_a_document_is_valid_only_in_its_time(days: int) -> None:
    with pytest.raises(Expired):
        Case().check(now=NOW + timedelta(days=days))


def test_clocks_may_differ_by_half_a_minute_and_no_more() -> None:
    begins, ends = datetime(2026, 1, 15, tzinfo=timezone.utc), datetime(2026, 4, 15, tzinfo=timezone.utc)
    for now in (begins - timedelta(seconds=29), ends + timedelta(seconds=29)):
        assert Case().check(now=now)
    for now in (begins - timedelta(seconds=31), ends + timedelta(seconds=31)):
        with pytest.raises(Expired):
            Case().check(now=now)


def other_session(
    client_id: str = "https://chat.example", nonce: str = "n" * 22, response_uri: str = "https://chat.example/r"
) -> Case:
    return Case(session=mdoc.openid4vp_transcript(client_id=client_id, nonce=nonce, response_uri=response_uri))


BAD_DEVICE: dict[str, tuple[Case, type[IdverifyError]]] = {
    "for another platform": (other_session(client_id="https://evil.example"), BadSignature),
    "for another question": (other_session(nonce="m" * 22), BadSignature),
    "for another address": (other_session(response_uri="https://evil.example/r"), BadSignature),
    "for a session with encryption": (
        Case(
            session=mdoc.openid4vp_transcript(
                client_id="https://chat.example",
                nonce="n" * 22,
                response_uri="https://chat.example/r",
                jwk_thumbprint=bytes(32),
            )
        ),
        BadSignature,
    ),
    "for another document type": (Case(signed_type="eu.europa.ec.av.2"), BadSignature),
    "by another key": (Case(device_key=STRANGER), BadSignature),
    "by the issuer": (Case(device_key=SIGNER), BadSignature),
    "over the same namespaces in other bytes": (
        Case().put((*DEVICE_SIGNED, "nameSpaces"), Embedded(b"\xa0", b"\xd8\x18\x58\x01\xa0")),
        BadSignature,
    ),
    "with elements of its own": (Case(spaces=cbor.embed({TYPE: {"age_over_21": True}})), BadMessage),
    "without namespaces": (Case().put((*DEVICE_SIGNED, "nameSpaces"), ABSENT), BadMessage),
    "with namespaces that are not embedded": (Case().put((*DEVICE_SIGNED, "nameSpaces"), {}), BadMessage),
    "absent": (Case().put(DEVICE_SIGNED, ABSENT), BadMessage),
    "null": (Case().put(DEVICE_SIGNED, None), BadMessage),
    "without an auth": (Case().put(DEVICE_AUTH, ABSENT), BadMessage),
    "with an empty auth": (Case().put(DEVICE_AUTH, {}), BadMessage),
    "with a list for an auth": (Case().put(DEVICE_AUTH, []), BadMessage),
    "with a signature that is null": (Case().put((*DEVICE_AUTH, "deviceSignature"), None), BadMessage),
    "with zeros for a signature": (Case().put((*DEVICE_AUTH, "deviceSignature", 3), bytes(64)), BadSignature),
    "with nothing for a signature": (Case().put((*DEVICE_AUTH, "deviceSignature", 3), b""), BadSignature),
    "with alg none": (Case().put((*DEVICE_AUTH, "deviceSignature", 0), cbor.write({1: 0})), BadMessage),
    "with no alg": (Case().put((*DEVICE_AUTH, "deviceSignature", 0), b""), BadMessage),
    "with a payload of its own": (Case().put((*DEVICE_AUTH, "deviceSignature", 2), b"x"), BadMessage),
    "with the issuer's signature": (Case().put((*DEVICE_AUTH, "deviceSignature"), ISSUER_AUTH), BadMessage),
    "with a MAC that nobody can check": (mac(), BadMessage),
    "with a signature called a MAC": (
        Case().put(DEVICE_AUTH, {"deviceMac": cose.sign(b"x", DEVICE, detached=True)}),
        BadMessage,
    ),
    "with a signature and a MAC": (Case().put((*DEVICE_AUTH, "deviceMac"), [b"", {}, None, b""]), BadMessage),
    "with something else": (Case().put((*DEVICE_AUTH, "more"), 1), BadMessage),
}


@pytest.mark.parametrize(("case", "error"), BAD_DEVICE.values(), ids=BAD_DEVICE.keys())
def test_a_device_signature_is_refused(case: Case, error: type[IdverifyError]) -> None:
    with pytest.raises(error):
        case.check()


def test_a_mac_is_good_for_the_reader_it_was_made_for() -> None:
    assert mac().check(reader_key=READER)
    for case in (mac(STRANGER), mac().put((*DEVICE_AUTH, "deviceMac", 3), bytes(32))):
        with pytest.raises(BadSignature):
            case.check(reader_key=READER)


DOCUMENTS = ("documents",)
BAD_RESPONSE: dict[str, Case] = {
    "version 1.1": Case().put(("version",), "1.1"),
    "no version": Case().put(("version",), ABSENT),
    "a status of failure": Case().put(("status",), 10),
    "a status that is false": Case().put(("status",), False),
    "a status that only equals 0": Case().put(("status",), cbor2.CBORSimpleValue(0)),
    "no status": Case().put(("status",), ABSENT),
    "no documents": Case().put(DOCUMENTS, []),
    "documents absent": Case().put(DOCUMENTS, ABSENT),
    "documents in a map": Case().put(DOCUMENTS, {}),
    "a document that is a list": Case().put(DOCUMENTS, [[]]),
    "a document that is null": Case().put(DOCUMENTS, [None]),
    "two documents": Case().put(DOCUMENTS, [{}, {}]),
    "no docType": Case().put(("documents", 0, "docType"), ABSENT),
    "docType in bytes": Case().put(("documents", 0, "docType"), TYPE.encode()),
    "nothing that the issuer signed": Case().put(("documents", 0, "issuerSigned"), ABSENT),
    "a list that the issuer signed": Case().put(("documents", 0, "issuerSigned"), []),
}


@pytest.mark.parametrize("case", BAD_RESPONSE.values(), ids=BAD_RESPONSE.keys())
def test_a_response_of_another_form_is_refused(case: Case) -> None:
    with pytest.raises(BadMessage):
        case.check()


WHOLE = Case().encode()
DAMAGED = {
    "nothing": b"",
    "a byte behind it": WHOLE + b"\0",
    "another behind it": WHOLE + WHOLE,
    "a member twice": b"\xa4" + WHOLE[1:] + cbor2.dumps("status") + b"\0",
    "no definite length": b"\xbf" + WHOLE[1:] + b"\xff",
    "a tag around it": b"\xd9\xd9\xf7" + WHOLE,
    "embedded": embedded(WHOLE).encoded,
    "depth 50,000": b"\xa1\x61a" * 30_000 + b"\0",
    "lists 50,000 deep": b"\x81" * 50_000,
    "tags 50,000 deep": b"\xd8\x18" * 45_000 + b"\x40",
    "a length of 2^63": b"\xa1\x67version\x7b\x7f" + b"\xff" * 7,
    "a list of 2^63": b"\xa1\x69documents\x9b\x7f" + b"\xff" * 7,
    "a map of 2^63": b"\xbb\x7f" + b"\xff" * 7,
    "too many bytes": b"\xa1\x61a\x5a\x00\x01\x86\xa0" + bytes(100_000),
}


@pytest.mark.parametrize("response", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_cbor_is_refused(response: bytes) -> None:
    assert check(WHOLE)
    with pytest.raises(BadMessage):
        check(response)


def test_every_byte_that_is_changed_or_missing_is_noticed() -> None:
    good = check(WHOLE).elements
    for at in range(len(WHOLE)):
        with pytest.raises(IdverifyError):
            check(WHOLE[:at])
        changed = bytearray(WHOLE)
        changed[at] ^= 1 << secrets.randbelow(8)
        with suppress(BadMessage, NotProven, CannotAnswer):
            assert check(bytes(changed)).elements in (good, {})  # whoever carries a response may keep elements back


@given(st.binary(max_size=300), st.integers(0, len(WHOLE)), st.integers(0, 40))
def test_no_bytes_whatever_bring_another_error_out(junk: bytes, at: int, gone: int) -> None:
    for message in (junk, WHOLE[:at] + junk + WHOLE[at + gone :]):
        with suppress(BadMessage, NotProven, CannotAnswer):
            check(message)
        with suppress(BadMessage):
            mdoc.read_issuer_signed(message)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=9) | st.binary(max_size=40) | st.just(GOOD_ITEM),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3) | st.integers(1, 9), inner, max_size=3)
    ),
    max_leaves=8,
)
PATHS: tuple[tuple[Key, ...], ...] = (
    DOCUMENTS, ("documents", 0), AUTH, (*AUTH, 0), (*AUTH, 1), (*AUTH, 2), SPACES, (*SPACES, TYPE), DEVICE_SIGNED,
    DEVICE_AUTH, (*DEVICE_AUTH, "deviceSignature"), (*DEVICE_AUTH, "deviceSignature", 1), (*AUTH, 1, 33),
)  # fmt: skip


@given(VALUES, st.sampled_from(PATHS))
def test_no_values_whatever_anywhere_bring_another_error_out(value: Cbor, path: tuple[Key, ...]) -> None:
    with suppress(BadMessage, NotProven, CannotAnswer):
        Case().put(path, value).check()


@given(VALUES, st.sampled_from([*MSO, *VALIDITY]))
def test_no_values_whatever_that_an_issuer_signs_bring_another_error_out(value: Cbor, name: str) -> None:
    with suppress(BadMessage, NotProven, CannotAnswer):
        (valid(**{name: value}) if name in VALIDITY else space(**{name: value})).check()


@given(st.binary(max_size=80), st.integers(0, len(SIGNER_DER) - 1))
def test_no_certificate_whatever_brings_another_error_out(junk: bytes, at: int) -> None:
    for chain in (junk, SIGNER_DER[:at] + junk + SIGNER_DER[at + len(junk) :]):
        with suppress(BadMessage, NotProven):
            Case(chain=chain).check()
        with suppress(BadMessage):
            read_root(chain)
