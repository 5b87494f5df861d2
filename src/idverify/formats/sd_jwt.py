"""SD-JWT: claims that the holder may show or keep back (RFC 9901), with key binding.

Issuing takes ordinary claims in which `Hidden(value)` marks what may be kept back. Verifying
returns plain claims again, of everything that was shown.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, cast

from idverify.errors import BadMessage, BadSignature, WrongAudience, WrongNonce
from idverify.formats import jose
from idverify.formats.strict_json import (
    JsonObject,
    decode_base64url,
    encode_base64url,
    read_json,
    shown,
    write_json,
)
from idverify.scheme import Json, Random

SPEC = "RFC 9901 (November 2025)"
KB_TYP = "kb+jwt"
MAX_SIZE = 64_000
MAX_DISCLOSURES = 100
MAX_DEPTH = 12
KB_OLDEST = 300
"""Seconds that a key binding may be old: as long as a platform's question is open."""
RESERVED = frozenset({"_sd", "...", "_sd_alg"})
"""Names that no disclosure may have, at any depth (RFC 9901 section 7.1)."""
NEVER_HIDDEN = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"})
"""Claims that are open for everybody to read, with all that they hold, so that no disclosure replaces what was checked
(draft-ietf-oauth-sd-jwt-vc-19 section 2.2.2.3)."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """A claim's value that becomes a disclosure."""

    value: Claims


Claims: TypeAlias = "Json | Hidden | Sequence[Claims] | Mapping[str, Claims]"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One decoded disclosure; `name` is None for an element of a list."""

    text: str
    digest: str
    name: str | None
    value: Json


@dataclass(frozen=True, slots=True)
class Parts:
    """An SD-JWT taken apart and not checked; `binding` is empty without key binding."""

    issued: str
    disclosures: tuple[str, ...]
    binding: str


def issue(
    claims: Mapping[str, Claims],
    key: jose.PrivateKey,
    *,
    typ: str,
    kid: str = "",
    random: Random = secrets.token_bytes,
) -> str:
    """Sign `claims`; every `Hidden` becomes a salted disclosure (128-bit salts)."""
    disclosures: list[str] = []
    payload = _conceal(claims, disclosures, random)
    assert isinstance(payload, dict)
    payload["_sd_alg"] = "sha-256"
    return "~".join((jose.sign(payload, key, typ=typ, kid=kid), *disclosures, ""))


def split(text: str) -> Parts:
    """Take the parts between the tildes. Raises BadMessage."""
    if len(text) > MAX_SIZE:
        raise BadMessage(f"the SD-JWT has {len(text)} characters, at most {MAX_SIZE} are read")
    parts = text.split("~", MAX_DISCLOSURES + 2)
    if len(parts) < 2:
        raise BadMessage("the SD-JWT has no tilde after the issuer's part")
    if len(parts) > MAX_DISCLOSURES + 2:
        raise BadMessage(f"the SD-JWT has more than {MAX_DISCLOSURES} disclosures")
    return Parts(parts[0], tuple(parts[1:-1]), parts[-1])


def read_disclosure(text: str) -> Disclosure:
    """Decode one disclosure. Raises BadMessage."""
    value = read_json(decode_base64url(text, "disclosure"), "disclosure", max_depth=MAX_DEPTH)
    if not isinstance(value, list) or len(value) not in (2, 3) or not isinstance(value[0], str):
        raise BadMessage("a disclosure is not a list of a salt, a name and a value")
    if len(value) == 2:
        return Disclosure(text, digest(text), None, value[1])
    name = value[1]
    if not isinstance(name, str) or name in RESERVED:
        raise BadMessage("a disclosure has a name that may not be disclosed")
    return Disclosure(text, digest(text), name, value[2])


def digest(text: str) -> str:
    """SHA-256 of the ASCII text, in base64url (section 4.2.3)."""
    return encode_base64url(hashlib.sha256(text.encode()).digest())


def select(text: str, wanted: Callable[[str | None, Json], bool]) -> str:
    """The same SD-JWT with only the disclosures for which `wanted(name, value)` holds, unbound."""
    parts = split(text)
    kept = (d for d in map(read_disclosure, parts.disclosures) if wanted(d.name, d.value))
    return "~".join((parts.issued, *(d.text for d in kept), ""))


def bind(text: str, key: jose.PrivateKey, *, audience: str, nonce: str, now: datetime) -> str:
    """Add the key binding: the holder's signature for one verifier and one nonce (section 4.3)."""
    claims: JsonObject = {
        "aud": audience,
        "nonce": nonce,
        "iat": int(now.timestamp()),
        "sd_hash": digest(text),
    }
    return text + jose.sign(claims, key, typ=KB_TYP)


def reveal(payload: JsonObject, disclosures: Sequence[str]) -> dict[str, Json]:
    """Section 7.1 step 3: put the disclosed values where their digests are. Raises BadMessage."""
    if payload.get("_sd_alg", "sha-256") != "sha-256":
        raise BadMessage("the SD-JWT's _sd_alg is not sha-256")
    by_digest: dict[str, Disclosure] = {}
    for text in disclosures:
        disclosure = read_disclosure(text)
        if disclosure.digest in by_digest:
            raise BadMessage("the SD-JWT holds a disclosure twice")
        by_digest[disclosure.digest] = disclosure
    seen: set[str] = set()
    never: dict[str, Json] = {}
    others: dict[str, Json] = {}
    for name, value in payload.items():
        (never if name in NEVER_HIDDEN else others)[name] = value
    for name, value in never.items():
        if isinstance(value, (dict, list)) and _has_digests(value):
            raise BadMessage(f"the SD-JWT's {name} holds digests, and may not be disclosed in part")
    others.pop("_sd_alg", None)
    claims = _reveal(others, by_digest, seen, 0)
    assert isinstance(claims, dict)
    if not NEVER_HIDDEN.isdisjoint(claims):
        raise BadMessage(f"{', '.join(sorted(NEVER_HIDDEN & claims.keys()))} is disclosed, which it may not be")
    if not by_digest.keys() <= seen:
        raise BadMessage("the SD-JWT holds a disclosure that the issuer did not sign")
    return never | claims


def verify(
    text: str,
    find: Callable[[str], jose.PublicKey],
    *,
    typ: str,
    audience: str,
    nonce: str,
    now: datetime,
    longest: int | None = None,
    algs: Sequence[str] = ("ES256",),
) -> dict[str, Json]:
    """Check an SD-JWT with key binding and return what it shows, cnf and all.

    `find` returns the issuer's key for a kid, or raises UnknownKey; `longest` are the seconds from iat to exp that are
    accepted; `algs` is what issuer and holder may sign with. iss, vct and status are the caller's to check, who knows
    what to expect. Raises BadMessage and NotProven.
    """
    # RFC 9901 section 7.1: (1) split  (2) issuer's signature, typ, alg  (3) digests  (4) times
    # section 7.3: (5) key binding: there, by the key in cnf, its typ  (6) sd_hash  (7) aud, nonce
    # (8) iat, exp, nbf. Unencoded and JSON serializations are left out: only the compact one is offered.
    parts = split(text)  # (1)
    if not parts.binding:
        raise BadMessage("the SD-JWT has no key binding", hint="sign the platform's nonce with the holder's key")
    token = jose.parse(parts.issued, typ=typ, algs=algs)
    payload = jose.check(token, find(token.kid))  # (2)
    claims = reveal(payload, parts.disclosures)  # (3)
    jose.check_times(claims, now, required=("iat", "exp"), longest=longest)  # (4)
    binding = jose.parse(parts.binding, typ=KB_TYP, algs=algs)
    try:
        bound = jose.check(binding, holder_key(claims))  # (5)
    except BadSignature as error:
        raise BadSignature("the key binding is not signed by the key that the credential names") from error
    given = bound.get("sd_hash")
    if given != digest(text[: len(text) - len(parts.binding)]):  # everything before it, exactly as received
        raise BadSignature("the key binding was made for other disclosures")  # (6)
    check_addressed(bound, audience=audience, nonce=nonce)  # (7)
    jose.check_times(bound, now, required=("iat",), oldest=KB_OLDEST)  # (8)
    return claims


def check_addressed(claims: JsonObject, *, audience: str, nonce: str) -> None:
    """`aud` and `nonce` must be exactly the verifier's. Raises WrongAudience, WrongNonce, BadMessage."""
    aud, given = claims.get("aud"), claims.get("nonce")
    if not isinstance(aud, str) or not isinstance(given, str):
        raise BadMessage("the token's aud and nonce are not both strings")
    if aud != audience:
        raise WrongAudience(f"made for {shown(aud)}, shown to {audience}")
    if not hmac.compare_digest(given.encode(), nonce.encode()):
        raise WrongNonce("made for another question than the one that was asked", hint="ask again and answer that")


def holder_key(claims: JsonObject) -> jose.PublicKey:
    """The holder's key in `cnf`: a JWK, and nothing else. Raises BadMessage."""
    cnf = claims.get("cnf")
    if not isinstance(cnf, dict) or cnf.keys() != {"jwk"}:
        raise BadMessage("the credential's cnf does not hold exactly one jwk")
    return jose.read_jwk(cnf["jwk"])


def _conceal(value: Claims, out: list[str], random: Random) -> Json:
    if isinstance(value, Hidden):
        raise ValueError("Hidden stands for a member or a list element, not for all claims")
    if isinstance(value, Mapping):
        members: dict[str, Json] = {}
        digests: list[str] = []
        for name, member in value.items():
            if isinstance(member, Hidden):
                digests.append(_disclose([name], member, out, random))
            else:
                members[name] = _conceal(member, out, random)
        # Sorted, so that the order of the digests does not tell which claim is which.
        return members | ({"_sd": sorted(digests)} if digests else {})
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [
            {"...": _disclose([], item, out, random)} if isinstance(item, Hidden) else _conceal(item, out, random)
            for item in value
        ]
    return value


def _disclose(name: list[Json], hidden: Hidden, out: list[str], random: Random) -> str:
    content = [encode_base64url(random(16)), *name, _conceal(hidden.value, out, random)]
    text = encode_base64url(write_json(content))
    out.append(text)
    return digest(text)


def _reveal(value: Json, known: Mapping[str, Disclosure], seen: set[str], depth: int) -> Json:
    if depth > MAX_DEPTH:
        raise BadMessage(f"the SD-JWT is nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        if "..." in value or "_sd_alg" in value:
            raise BadMessage("the SD-JWT has a reserved member where it may not be")
        members: dict[str, Json] = {}
        digests: list[Disclosure] = []
        for name, member in value.items():
            if name == "_sd":
                digests = _referenced(member, known, seen)
            else:
                members[name] = _reveal(member, known, seen, depth + 1) if isinstance(member, (dict, list)) else member
        for disclosure in digests:
            if disclosure.name is None or disclosure.name in members:
                raise BadMessage("a disclosure has no name, or that of a claim that is already there")
            members[disclosure.name] = _reveal(disclosure.value, known, seen, depth + 1)
        return members
    if isinstance(value, list):
        items: list[Json] = []
        for item in value:
            if isinstance(item, dict) and "..." in item:
                if len(item) != 1:
                    raise BadMessage("a list element beside its digest has other members")
                for disclosure in _referenced([item["..."]], known, seen):
                    if disclosure.name is not None:
                        raise BadMessage("a disclosure of a list element has a name")
                    items.append(_reveal(disclosure.value, known, seen, depth + 1))
            else:
                items.append(_reveal(item, known, seen, depth + 1))
        return items
    return value


def _has_digests(value: dict[str, Json] | list[Json]) -> bool:
    if isinstance(value, dict) and ("_sd" in value or "..." in value):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return any(_has_digests(each) for each in inner if isinstance(each, (dict, list)))


def _referenced(digests: Json, known: Mapping[str, Disclosure], seen: set[str]) -> list[Disclosure]:
    if not isinstance(digests, list):
        raise BadMessage("the SD-JWT's _sd is not a list")
    texts = cast("list[str]", digests)
    if not {*map(type, texts)} <= {str} or len(different := {*texts}) != len(texts) or different & seen:
        raise BadMessage("the SD-JWT holds a digest twice, or one that is not a string")
    seen |= different
    return [known[digest] for digest in texts if digest in known]
