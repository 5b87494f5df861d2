"""mdoc: verification beside pymdoccbor and @owf/mdoc, and what issuing and showing take.

pymdoccbor checks what the issuer signed and no device signature; so the same part of ours stands beside it, and the
whole of ours beside it with its own COSE library (pycose) for the device signature.
"""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509

from idverify.formats import cbor, mdoc
from idverify.formats.strict_json import decode_base64url
from idverify.schemes.mdoc import DOC_TYPE
from tests.benchmarks.measuring import PERSON, ROUNDS, Line, pair, timed
from tests.interop import mdoc as interop
from tests.interop.__main__ import CannotRun, install

WANTED = 15
DIFFERENT = 32
"""Documents that take turns, so that nothing about one of them is remembered from just before."""


def verifying() -> Iterator[Line]:
    """Verification beside pymdoccbor, for the same documents."""
    from pycose.keys.ec2 import EC2Key
    from pycose.messages.sign1message import Sign1Message
    from pymdoccbor.mdoc.verifier import MdocCbor  # type: ignore[import-untyped]

    logging.getLogger("pymdoccbor").setLevel(logging.CRITICAL)
    here = interop.stage()
    roots = here.scheme.verifier(here.issuer.public).public.roots
    verifier, session = here.scheme.verifier(here.issuer.public), here.session
    theirs_roots = [x509.load_der_x509_certificate(root.der) for root in roots]
    responses = itertools.cycle([decode_base64url(here.response()) for _ in range(DIFFERENT)])
    issued = itertools.cycle([mdoc.read_issuer_signed(_issued(next(responses))) for _ in range(DIFFERENT)])

    def issuer_part() -> None:
        mdoc.check_issuer_signed(next(issued), doc_type=DOC_TYPE, roots=roots, now=here.challenge.now)

    def whole() -> None:
        verifier.verify_response(next(responses), here.challenge, transcript=session)

    def theirs() -> None:
        read = MdocCbor()
        read.loads(next(responses))
        assert read.verify(theirs_roots)

    def theirs_with_device() -> None:
        response = next(responses)
        read = MdocCbor()
        read.loads(response)
        assert read.verify(theirs_roots)
        device = read.data_as_cbor_dict["documents"][0]["deviceSigned"]
        object_ = read.documents[0].issuersigned.issuer_auth.payload_as_dict["deviceKeyInfo"]["deviceKey"]
        parts = list(device["deviceAuth"]["deviceSignature"])
        parts[2] = mdoc._device_authentication(session, DOC_TYPE, cbor.embed({}))
        message = Sign1Message.from_cose_obj(parts, True)
        message.key = EC2Key(crv="P_256", x=object_[-2], y=object_[-3])
        assert message.verify_signature()

    yield pair("verify what the issuer of an mdoc signed", issuer_part, "pymdoccbor", theirs, wanted=WANTED)
    name = "pymdoccbor, with pycose for the device"
    yield pair("verify an mdoc and its device's signature", whole, name, theirs_with_device, wanted=WANTED)


def verifying_in_node() -> Iterator[Line]:
    """The whole verification beside @owf/mdoc in Node, in turns of one second each; nothing where Node is missing."""
    here = interop.stage()
    response, session, verifier = here.response(), here.session, here.scheme.verifier(here.issuer.public)
    raw = decode_base64url(response)

    def whole() -> None:
        verifier.verify_response(raw, here.challenge, transcript=session)

    job: interop.Job = {"job": "time", "seconds": 0.5, "response": response, **here.here, **here.to}
    try:
        with TemporaryDirectory() as folder:
            install(interop.NEEDS, {}, Path(folder))
            rounds = [(timed(whole), interop.ask(Path(folder), [job])[0]) for _ in range(ROUNDS)]
    except CannotRun as error:
        print(f"without @owf/mdoc: {error}", file=sys.stderr)
        return
    theirs = [float(str(answer["value"])) for _, answer in rounds]
    ours = min(took for took, _ in rounds)
    yield Line("verify an mdoc and its device's signature", ours, "@owf/mdoc in Node", min(theirs), WANTED)


def making() -> Iterator[Line]:
    """Issuing one and thirty, and showing one."""
    here = interop.stage()
    holder, now = here.scheme.holder(), here.challenge.now
    credential = here.credential()

    def issue(count: int) -> Callable[[], object]:
        asked = holder.request(here.issuer.public, now=now, count=count)
        return lambda: here.issuer.issue(PERSON, asked.message, now=now)

    made = {f"issue {count} mdoc with proof of possession": issue(count) for count in (1, 30)}
    for what, work in {**made, "show an mdoc": lambda: holder.present(credential, here.challenge)}.items():
        yield Line(what, min(timed(work) for _ in range(ROUNDS)), "", 0.0)


def _issued(response: bytes) -> bytes:
    documents = cbor.a_list(cbor.read_map(response)["documents"], "documents")
    return cbor.write(cbor.a_map(documents[0], "document")["issuerSigned"])


AREA = [verifying, verifying_in_node, making]
