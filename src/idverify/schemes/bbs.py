"""BBS: a blindly signed credential, shown unlinkably, with one pseudonym for each person and platform.

draft-irtf-cfrg-bbs-signatures, -bbs-blind-signatures and -bbs-per-verifier-linkability; docs/schemes/bbs.md has the
construction, what it rests on and what it does not do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from idverify.crypto import bbs, bbs_blind, bbs_pseudonym
from idverify.crypto.bls12_381 import POINT_SIZE, SCALAR_SIZE
from idverify.errors import BadMessage
from idverify.formats.strict_json import decode_base64url, encode_base64url
from idverify.scheme import Info, Issuer, Json, StatusLookup, never
from idverify.schemes import _reading
from idverify.schemes._bbs import BbsHolder, BbsIssuer, BbsVerifier
from idverify.schemes._bbs_form import Form, new_secret, read_public

INFO = Info(
    name="bbs",
    title="BBS credential with pseudonyms",
    spec=f"{bbs.SPEC}, {bbs_blind.SPEC}, {bbs_pseudonym.SPEC}, BLS12-381-SHA-256",
    answers=frozenset({"over", "one_account"}),
    issued="ahead",
    remembers=True,
    unlinkable=True,
    verifies_many=True,
    same_keys=True,
    cost="threads",
    learns={
        "identity provider": "who enrols and who renews, each week; not where anything is shown",
        "platform": "that the holder is over the asked age, and a pseudonym that no other platform can match",
    },
    limits="bound to a secret that can be given away, not to a device; whoever loses the seed cannot enrol again",
)
FORM = Form(INFO, bbs_pseudonym.pseudonymous(bbs.SHA_256))


class Bbs:
    info = INFO

    def new_secret(self) -> bytes:
        return new_secret()

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        return BbsIssuer(FORM, secret, name=name)

    def holder(self) -> BbsHolder:
        return BbsHolder(FORM)

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> BbsVerifier:
        return BbsVerifier(FORM, read_public(public))

    def read(self, message: bytes) -> Json:
        return read(message)


def read(message: bytes, *, parts: Sequence[tuple[str, int]] = ()) -> Json:
    """The JSON of a message; proofs, commitments and signatures in it taken apart into points and scalars.

    `parts` are names and sizes of what stands in front of the scalars of a further statement.
    """
    value = _reading.read(message)
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Json] = {}
    for name, part in value.items():
        if name == "parts" and isinstance(part, list):
            found[name] = [_statement(each, parts) for each in part]
        else:
            found[name] = _taken_apart(name, part)
    return found


def _statement(part: Json, names: Sequence[tuple[str, int]]) -> Json:
    """The pieces of one further statement, and after them its scalars."""
    try:
        octets = decode_base64url(part) if isinstance(part, str) else b""
    except BadMessage:
        return part
    pieces: dict[str, Json] = {"whole": part}
    at = 0
    for name, size in names:
        pieces[name] = encode_base64url(octets[at : at + size])
        at += size
    scalars = [octets[i : i + SCALAR_SIZE] for i in range(at, len(octets), SCALAR_SIZE)]
    return pieces | {"scalars": [encode_base64url(scalar) for scalar in scalars]}


POINTS = {
    "proof": ("Abar", "Bbar", "D"),
    "commitment": ("C",),
    "signature": ("A",),
}
SCALARS = {
    "proof": ("e^", "r1^", "r3^"),
    "commitment": ("s^",),
    "signature": ("e",),
}
"""The names of the drafts; what follows are responses for messages, and last the challenge."""


def _taken_apart(name: str, part: Json) -> Json:
    if name not in POINTS or not isinstance(part, str):
        return part
    try:
        octets = decode_base64url(part)
    except BadMessage:
        return part
    points, left = len(POINTS[name]), len(octets) - POINT_SIZE * len(POINTS[name])
    if left < 0 or left % SCALAR_SIZE:
        return part
    pieces = [octets[at : at + POINT_SIZE] for at in range(0, POINT_SIZE * points, POINT_SIZE)]
    pieces += [octets[at : at + SCALAR_SIZE] for at in range(POINT_SIZE * points, len(octets), SCALAR_SIZE)]
    known = [*POINTS[name], *SCALARS[name]]
    responses = [f"m^{i}" for i in range(len(pieces) - len(known) - 1)]
    names = [*known, *responses, "challenge"][: len(pieces)]
    return {"whole": part} | {name: encode_base64url(piece) for name, piece in zip(names, pieces, strict=True)}
