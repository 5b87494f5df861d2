"""SD-JWT: every faulty presentation is refused, the library `sd-jwt` and we accept each other's good ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import BadMessage, BadSignature, Expired, IdverifyError, UnknownKey, WrongAudience, WrongNonce
from idverify.formats import jose, jwa, sd_jwt
from idverify.formats.sd_jwt import Claims, Hidden
from idverify.formats.strict_json import decode_base64url, encode_base64url
from idverify.scheme import Json

ISSUER, HOLDER, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
AT = int(NOW.timestamp())
AUD, NONCE = "https://chat.example", "nonce-of-22-characters"
KEYS = jose.KeySet([{**jose.public_jwk(ISSUER), "kid": "one"}])
CNF: Json = {"jwk": jose.public_jwk(HOLDER)}
PLAIN: dict[str, Claims] = {"iss": "https://id.example", "vct": "v", "iat": AT, "exp": AT + 1000, "cnf": CNF}
CLAIMS: dict[str, Claims] = {
    **PLAIN,
    "name": Hidden("Nguyễn Văn Anh"),
    "address": Hidden({"city": Hidden("Huế"), "country": "VN"}),
    "ages": {"16": Hidden(True), "18": Hidden(False)},
    "list": ["a", Hidden("b")],
}


def issue(claims: Mapping[str, Claims] = CLAIMS, key: jose.PrivateKey = ISSUER, typ: str = "dc+sd-jwt") -> str:
    return sd_jwt.issue(claims, key, typ=typ, kid="one")


def issue_payload(payload: Mapping[str, Json], *disclosures: str) -> str:
    """A truly signed SD-JWT with exactly this payload."""
    return "~".join((jose.sign(payload, ISSUER, typ="dc+sd-jwt", kid="one"), *disclosures, ""))


def bind(text: str, key: jose.PrivateKey = HOLDER) -> str:
    return sd_jwt.bind(text, key, audience=AUD, nonce=NONCE, now=NOW)


def bind_with(text: str, *, typ: str = "kb+jwt", jwk: Mapping[str, Json] | None = None, **changed: object) -> str:
    return bind_with_claims(text, changed, typ=typ, jwk=jwk)


def bind_with_claims(
    text: str, changed: Mapping[str, object], *, typ: str = "kb+jwt", jwk: Mapping[str, Json] | None = None
) -> str:
    claims = {"aud": AUD, "nonce": NONCE, "iat": AT, "sd_hash": sd_jwt.digest(text), **changed}
    kept = json.loads(json.dumps({k: v for k, v in claims.items() if v is not ...}))
    return text + jose.sign(kept, HOLDER, typ=typ, jwk=jwk)


def verify(text: str) -> dict[str, Json]:
    return sd_jwt.verify(text, KEYS.find, typ="dc+sd-jwt", audience=AUD, nonce=NONCE, now=NOW)


def disclosure(*content: Json) -> str:
    return encode_base64url(json.dumps(content).encode())


def base(**more: Json) -> dict[str, Json]:
    return {"iss": "https://id.example", "vct": "v", "iat": AT, "exp": AT + 1000, "cnf": CNF, **more}


def test_everything_shown_comes_back_and_nothing_else() -> None:
    claims = verify(bind(issue()))
    assert claims["name"] == "Nguyễn Văn Anh"
    assert claims["address"] == {"city": "Huế", "country": "VN"}
    assert claims["ages"] == {"16": True, "18": False}
    assert claims["list"] == ["a", "b"]
    assert not {"_sd", "_sd_alg"} & claims.keys()


def test_what_is_kept_back_stays_secret() -> None:
    shown = sd_jwt.select(issue(), lambda name, _: name == "16")
    claims = verify(bind(shown))
    assert claims["ages"] == {"16": True}
    assert claims["list"] == ["a"]
    assert not {"name", "address"} & claims.keys()
    for secret in ("Nguyễn", "Huế"):
        assert encode_base64url(secret.encode())[:6] not in shown


ISSUED = issue()
PARTS = sd_jwt.split(ISSUED)
FIRST, SECOND, *REST = PARTS.disclosures
CITY = next(d for d in PARTS.disclosures if sd_jwt.read_disclosure(d).name == "city")
ADDRESS = next(d for d in PARTS.disclosures if sd_jwt.read_disclosure(d).name == "address")
BOUND = bind(ISSUED)
KB = BOUND.rsplit("~", 1)[1]
OWN = disclosure("salt", "name", "Somebody Else")
D = disclosure("salt", "x", 1)
HIDDEN: dict[str, Json] = {"_sd": [sd_jwt.digest(D)]}


def made(*disclosures: str) -> str:
    return "~".join((PARTS.issued, *disclosures, ""))


def bound_with(**claims: Json) -> str:
    return bind(issue_payload(base(**claims)))


def bind_without(name: str) -> str:
    absent: dict[str, object] = {name: ...}
    return bind_with_claims(ISSUED, absent)


def named(name: Json) -> str:
    text = disclosure("salt", name, "2")
    return bind(issue_payload(base(_sd=[sd_jwt.digest(text)]), text))


def named_within(name: str) -> str:
    text = disclosure("salt", name, "2")
    return bind(issue_payload(base(y={"_sd": [sd_jwt.digest(text)]}), text))


def headed(**more: Json) -> str:
    """A presentation that a stranger signed under the genuine kid, with more in its header."""
    header = {"alg": "ES256", "typ": "dc+sd-jwt", "kid": "one", **more}
    signed = f"{encode_base64url(json.dumps(header).encode())}.{encode_base64url(json.dumps(base()).encode())}"
    return bind(f"{signed}.{encode_base64url(jwa.ES256.sign(STRANGER, signed.encode()))}~")


def deep_payload(depth: int) -> str:
    """A truly signed payload, nested so deep."""
    header = encode_base64url(b'{"alg":"ES256","typ":"dc+sd-jwt","kid":"one"}')
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    signed = f"{header}.{encode_base64url(nested)}"
    return bind(f"{signed}.{encode_base64url(jwa.ES256.sign(ISSUER, signed.encode()))}~")


CERTIFICATE = "MIIBszCCAVmgAwIBAgIUQYR0"
BAD_CNF: list[Json] = [
    None,
    {},
    {"kid": "one"},
    {"jwk": {}},
    {"jwk": {"kty": "oct", "k": "AAAA"}},
    {"jwk": {**jose.public_jwk(HOLDER), "d": "A" * 43}},
    {"jwk": jose.public_jwk(HOLDER), "kid": "one"},
    "jwk",
]
BAD: dict[str, Callable[[], str]] = {
    # key binding
    "no key binding": lambda: ISSUED,
    "key binding stripped": lambda: BOUND.rsplit("~", 1)[0] + "~",
    "the last tilde missing": lambda: ISSUED[:-1],
    "bound by another key": lambda: bind(ISSUED, STRANGER),
    "bound by the issuer's key": lambda: bind(ISSUED, ISSUER),
    "bound with a jwk header": lambda: bind_with(ISSUED, jwk=jose.public_jwk(HOLDER)),
    **{f"binding typ {typ}": partial(bind_with, ISSUED, typ=typ) for typ in ("JWT", "KB+JWT", "dc+sd-jwt", "")},
    **{f"binding without {name}": partial(bind_without, name) for name in ("aud", "nonce", "iat", "sd_hash")},
    **{f"aud {aud!r}": partial(bind_with, ISSUED, aud=aud) for aud in ([AUD], AUD + "/", AUD.upper(), "", None)},
    **{f"nonce {n!r}": partial(bind_with, ISSUED, nonce=n) for n in ([NONCE], NONCE + " ", "", None, 1)},
    **{f"iat {t!r}": partial(bind_with, ISSUED, iat=t) for t in (0, AT - 400, AT + 61, str(AT), True, None)},
    "binding expired": lambda: bind_with(ISSUED, exp=AT - 61),
    "binding not yet valid": lambda: bind_with(ISSUED, nbf=AT + 61),
    **{f"sd_hash {h!r}": partial(bind_with, ISSUED, sd_hash=h) for h in ("", None, 1, sd_jwt.digest("x"))},
    # disclosures after binding
    "one removed": lambda: made(*PARTS.disclosures[1:]) + KB,
    "one added": lambda: made(*PARTS.disclosures, OWN) + KB,
    "two swapped": lambda: made(SECOND, FIRST, *REST) + KB,
    "one edited": lambda: made(FIRST[:-2] + ("AA" if FIRST[-2:] != "AA" else "BB"), SECOND, *REST) + KB,
    # disclosures before binding, by a dishonest holder
    "a forged one": lambda: bind(made(*PARTS.disclosures, OWN)),
    "one instead of another": lambda: bind(made(OWN, SECOND, *REST)),
    "one twice": lambda: bind(made(*PARTS.disclosures, FIRST)),
    "padded": lambda: bind(made(FIRST + "=", SECOND, *REST)),
    "with a space": lambda: bind(made(" " + FIRST, SECOND, *REST)),
    "respaced": lambda: bind(made(disclosure(*json.loads(decode_base64url(FIRST))), SECOND, *REST)),
    "an empty one": lambda: bind(made(*PARTS.disclosures, "")),
    "no base64url": lambda: bind(made(*PARTS.disclosures, "!")),
    "a child without its parent": lambda: bind(made(CITY)),
    "unreferenced": lambda: bind(issue_payload(base(), D)),
    # dishonest or careless issuers
    **{f"a disclosure named {n!r}": partial(named, n) for n in sorted(sd_jwt.NEVER_HIDDEN | sd_jwt.RESERVED)},
    **{f"an inner disclosure named {n!r}": partial(named_within, n) for n in sorted(sd_jwt.RESERVED)},
    "the key within cnf disclosed": lambda: bind(issue({**PLAIN, "cnf": {"jwk": Hidden(jose.public_jwk(HOLDER))}})),
    "a part of the key disclosed": lambda: bind(
        issue({**PLAIN, "cnf": {"jwk": {**jose.public_jwk(HOLDER), "x": Hidden(jose.public_jwk(HOLDER)["x"])}}})
    ),
    "the status entry disclosed": lambda: bind(issue({**PLAIN, "status": {"status_list": Hidden({"idx": 1})}})),
    "an element of aka_vcts disclosed": lambda: bind(issue({**PLAIN, "aka_vcts": ["w", Hidden("z")]})),
    "a digest of nothing within cnf": lambda: bound_with(cnf={"jwk": {**jose.public_jwk(HOLDER), "_sd": ["A" * 43]}}),
    **{f"a disclosure named {n!r}": partial(named, n) for n in (1, None, True)},
    "a disclosure of a claim that is there": lambda: bind(issue_payload(base(x=2, **HIDDEN), D)),
    "a digest twice": lambda: bind(issue_payload(base(_sd=[sd_jwt.digest(D)] * 2), D)),
    "a digest twice, at two places": lambda: bind(issue_payload(base(**HIDDEN, y=HIDDEN), D)),
    "an unknown digest twice": lambda: bind(issue_payload(base(_sd=["A" * 43] * 2))),
    "_sd no list": lambda: bind(issue_payload(base(_sd="A" * 43))),
    "_sd of numbers": lambda: bind(issue_payload(base(_sd=[1]))),
    "an inner ...": lambda: bind(issue_payload(base(y={"...": "A" * 43}))),
    "a list element with more": lambda: bind(issue_payload(base(y=[{"...": "A" * 43, "z": 1}]))),
    "a named element": lambda: bind(issue_payload(base(y=[{"...": sd_jwt.digest(D)}]), D)),
    "an element with null for a name": lambda: bind(
        issue_payload(base(y=[{"...": sd_jwt.digest(disclosure("s", None, 1))}]), disclosure("s", None, 1))
    ),
    "a nameless member": lambda: bind(issue_payload(base(_sd=[sd_jwt.digest(disclosure("s", 1))]), disclosure("s", 1))),
    **{f"_sd_alg {a!r}": partial(bound_with, _sd_alg=a) for a in ("sha-512", "SHA-256", "", None, 1)},
    "an inner _sd_alg": lambda: bind(issue_payload(base(y={"_sd_alg": "sha-256"}))),
    **{f"cnf {number}": partial(bound_with, cnf=cnf) for number, cnf in enumerate(BAD_CNF)},
    **{f"exp {t!r}": partial(bound_with, exp=t) for t in (AT - 61, None, str(AT + 1000), True)},
    "not yet valid": lambda: bind(issue_payload(base(nbf=AT + 61))),
    "issued in the future": lambda: bind(issue_payload(base(iat=AT + 61))),
    "issued by a stranger under a genuine kid": lambda: bind(issue(key=STRANGER)),
    "with a self-signed x5c": lambda: headed(x5c=[CERTIFICATE]),
    "with its own key in the header": lambda: headed(jwk=jose.public_jwk(STRANGER)),
    "with an address of keys": lambda: headed(jku="http://127.0.0.1:1/keys"),
    "the binding of another credential": lambda: ISSUED + bind(issue()).rsplit("~", 1)[1],
    "of another typ": lambda: bind(issue(typ="vc+sd-jwt")),
    "a key binding as a credential": lambda: bind(KB + "~"),
    "mixed credentials": lambda: bind(made(*sd_jwt.split(issue()).disclosures)),
    # size
    "twenty thousand disclosures": lambda: PARTS.issued + ("~" + D) * 20_000 + "~" + KB,
    "101 disclosures": lambda: PARTS.issued + "~A" * 101 + "~" + KB,
    "a deep disclosure": lambda: bind(made(encode_base64url(b'["s","n",' + b"[" * 50_000 + b"]" * 50_000 + b"]"))),
    "a deep header": lambda: bind(encode_base64url(b"[" * 40_000) + ".e30.AA~"),
    **{f"a payload {depth} deep": partial(deep_payload, depth) for depth in (17, 7_000, 50_000)},
    "a chain of disclosures": lambda: bind(_chain(90)),
}


def _chain(length: int) -> str:
    inner: Json = 1
    chain: list[str] = []
    for i in range(length):
        chain.append(disclosure("s", f"n{i}", inner))
        inner = {"_sd": [sd_jwt.digest(chain[-1])]}
    return issue_payload(base(y=inner), *chain)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_faulty_presentation_is_refused(bad: Callable[[], str]) -> None:
    with pytest.raises((BadMessage, BadSignature, Expired, UnknownKey, WrongAudience, WrongNonce)):
        verify(bad())


GOOD: dict[str, Callable[[], str]] = {
    "plain": lambda: bind(issue(PLAIN)),
    "decoys": lambda: bind(issue_payload(base(_sd=["A" * 43, "B" * 43]))),
    "no _sd_alg": lambda: bind(issue_payload(base(**HIDDEN), D)),
    "ten seconds of skew": lambda: bind_with(ISSUED, iat=AT + 10),
    "reordered before binding": lambda: bind(made(SECOND, FIRST, *REST)),
    "inner claims that only outside may not be hidden": lambda: bind(
        issue({**PLAIN, "marriage": {"status": Hidden("single"), "exp": Hidden(1)}})
    ),
    "aka_vcts": lambda: bind(issue({**PLAIN, "aka_vcts": ["w"]})),
    "a short chain": lambda: bind(_chain(3)),
}


@pytest.mark.parametrize("good", GOOD.values(), ids=GOOD.keys())
def test_a_valid_control_is_accepted(good: Callable[[], str]) -> None:
    assert verify(good())["iss"] == "https://id.example"


@pytest.mark.parametrize(
    ("audience", "nonce", "error"), [("https://evil.example", NONCE, WrongAudience), (AUD, "another", WrongNonce)]
)
def test_a_replay_to_another_verifier_or_session_is_refused(
    audience: str, nonce: str, error: type[IdverifyError]
) -> None:
    with pytest.raises(error):
        sd_jwt.verify(BOUND, KEYS.find, typ="dc+sd-jwt", audience=audience, nonce=nonce, now=NOW)


def _library_key(key: jose.PrivateKey) -> object:
    from jwcrypto.jwk import JWK  # type: ignore[import-untyped]

    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return JWK.from_pem(pem)


def test_the_library_accepts_ours() -> None:
    from sd_jwt.verifier import SDJWTVerifier

    public = _library_key(ISSUER)
    verified = SDJWTVerifier(BOUND, lambda *_: public, AUD, NONCE).get_verified_payload()
    assert verified["name"] == "Nguyễn Văn Anh"
    assert verified["address"] == {"city": "Huế", "country": "VN"}
    assert verified["list"] == ["a", "b"]


def test_we_accept_the_librarys(monkeypatch: pytest.MonkeyPatch) -> None:
    from sd_jwt import holder as library_holder
    from sd_jwt.common import SDObj
    from sd_jwt.holder import SDJWTHolder
    from sd_jwt.issuer import SDJWTIssuer

    claims = {"iss": "https://id.example", "vct": "v", "iat": AT, "exp": AT + 1000}
    hidden = {SDObj("name"): "Nguyễn Văn Anh", "ages": {SDObj("16"): True}}
    issuer = SDJWTIssuer(
        {**claims, **hidden},
        _library_key(ISSUER),
        _library_key(HOLDER),
        extra_header_parameters={"typ": "dc+sd-jwt", "kid": "one"},
    )
    monkeypatch.setattr(library_holder, "time", lambda: AT)
    holder = SDJWTHolder(issuer.sd_jwt_issuance)
    holder.create_presentation({"name": True, "ages": {"16": True}}, NONCE, AUD, _library_key(HOLDER))
    shown = verify(holder.sd_jwt_presentation)
    assert shown["name"] == "Nguyễn Văn Anh"
    assert shown["ages"] == {"16": True}
