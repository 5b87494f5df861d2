"""SD-JWT VC with the Python library `sd-jwt` and npm's @sd-jwt/sd-jwt-vc; ML-DSA by npm's @noble/post-quantum."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from idverify.errors import IdverifyError
from idverify.formats import jose, jwa, sd_jwt
from idverify.formats.strict_json import encode_base64url
from idverify.scheme import AGES, Challenge, Json, Person, Question
from idverify.schemes import SCHEMES
from idverify.schemes._public import SigningKey, load_secret
from idverify.schemes.sd_jwt_vc import DAY, TYP, VCT, SdJwtVc

NEEDS = ["@sd-jwt/sd-jwt-vc@0.20.0", "@noble/post-quantum@0.7.1"]
# 0.20.0 asks for previews that the registry does not have any more; these are their successors.
INSTEAD = {
    "@owf/identity-common": "0.3.0-alpha-20260508181749",
    "@owf/token-status-list": "0.3.0-alpha-20260508181749",
}
ISSUER, PLATFORM, NONCE = "https://id.example", "https://chat.example", "n" * 22
PERSON = Person("901090000001", "Nguyễn Văn Anh", date(1990, 5, 1), "male", "Hà Nội")
Outcome = tuple[str, bool, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """One instance of the scheme with an issuer's and a holder's key, and a question that opens everything."""

    scheme: SdJwtVc
    secret: bytes
    holder: jose.PrivateKey
    challenge: Challenge

    @property
    def key(self) -> SigningKey:
        return load_secret(self.secret, self.scheme.algorithm)

    def ours(self) -> str:
        """A presentation that our issuer and our wallet made."""
        issuer, holder = self.scheme.issuer(self.secret, name=ISSUER), self.scheme.holder()
        asked = holder.request(issuer.public, now=self.challenge.now)
        credential = holder.accept(asked, issuer.issue(PERSON, asked.message, now=self.challenge.now))[0]
        return holder.present(credential, self.challenge).decode()

    def claims(self) -> dict[str, Json]:
        """What an issuer states openly of the holder's key."""
        today = int(self.challenge.now.timestamp()) // DAY * DAY
        cnf: Json = {"jwk": jose.public_jwk(self.holder)}
        return {"iss": ISSUER, "vct": VCT, "iat": today, "exp": today + 30 * DAY, "cnf": cnf}

    def read(self, presentation: str) -> Mapping[str, Json]:
        """What we believe of a presentation."""
        public = self.scheme.issuer(self.secret, name=ISSUER).public
        return self.scheme.verifier(public).verify(presentation.encode(), self.challenge).claims


def stage(name: str) -> Stage:
    scheme = SCHEMES[name]
    assert isinstance(scheme, SdJwtVc)
    challenge = Challenge(PLATFORM, NONCE, Question(over=16, identity=True), datetime.now(timezone.utc))
    return Stage(scheme, scheme.new_secret(), scheme.algorithm.new_key(), challenge)


def tampered(presentation: str) -> dict[str, str]:
    """Presentations that nobody may accept."""
    parts = sd_jwt.split(presentation)
    issued, *disclosures = parts.issued, *parts.disclosures
    head, body, signature = issued.split(".")
    own = encode_base64url(json.dumps(["salt", "18", True]).encode())
    turned = signature[:20] + ("A" if signature[20] != "A" else "B") + signature[21:]
    return {
        "with another signature": "~".join((f"{head}.{body}.{turned}", *disclosures, parts.binding)),
        "without a disclosure that was bound": "~".join((issued, *disclosures[1:], parts.binding)),
        "with a disclosure that was not bound": "~".join((issued, *disclosures, own, parts.binding)),
        "without its key binding": "~".join((issued, *disclosures, "")),
    }


def refused_here(stage: Stage, presentation: str) -> tuple[bool, str]:
    try:
        stage.read(presentation)
    except IdverifyError as error:
        return True, error.message
    return False, "accepted"


def python_peer() -> Iterator[Outcome]:
    """The library `sd-jwt`, which knows ES256 only."""
    here = stage("sd_jwt_vc")
    ours = here.ours()
    public = JWK(**here.key.jwk)

    def there(presentation: str) -> Mapping[str, Json]:
        shown: Mapping[str, Json] = SDJWTVerifier(
            presentation, lambda *_: public, PLATFORM, NONCE
        ).get_verified_payload()
        return shown

    yield "sd-jwt accepts ours", there(ours)["id_number"] == PERSON.id_number, ""
    theirs = _by_library(here)
    yield "ours accepts sd-jwt's", here.read(theirs)["id_number"] == PERSON.id_number, ""
    for what, bad in tampered(ours).items():
        yield f"sd-jwt refuses ours {what}", *_raises(lambda bad=bad: there(bad))  # type: ignore[misc]
    for what, bad in tampered(theirs).items():
        yield f"ours refuses sd-jwt's {what}", *refused_here(here, bad)


def _by_library(here: Stage) -> str:
    hidden = {SDObj("name"): PERSON.name, SDObj("id_number"): PERSON.id_number}
    ages = {SDObj(str(age)): True for age in AGES}
    assert isinstance(here.key.key, ec.EllipticCurvePrivateKey)
    issuer, holder = (JWK.from_pem(jwa.write_private(key)) for key in (here.key.key, here.holder))
    claims: dict[object, object] = {name: value for name, value in here.claims().items() if name != "cnf"}
    header = {"typ": TYP, "kid": here.key.kid}
    issued = SDJWTIssuer(
        {**claims, **hidden, "age_equal_or_over": ages}, issuer, holder, extra_header_parameters=header
    )
    wallet = SDJWTHolder(issued.sd_jwt_issuance)
    shown = {"name": True, "id_number": True, "age_equal_or_over": {"16": True}}
    wallet.create_presentation(shown, NONCE, PLATFORM, holder)
    return str(wallet.sd_jwt_presentation)


def _raises(work: Callable[[], object]) -> tuple[bool, str]:
    try:
        work()
    except Exception as error:  # whatever the peer raises is a refusal
        return True, str(error)[:80]
    return False, "accepted"


def node_peer(folder: Path, name: str) -> Iterator[Outcome]:
    """@sd-jwt/sd-jwt-vc with the algorithms of this instance."""
    here = stage(name)
    peer = f"@sd-jwt/sd-jwt-vc with {here.scheme.algorithm.name}"
    now = int(time.time())
    ours = here.ours()
    to: dict[str, Json] = {"audience": PLATFORM, "nonce": NONCE, "now": now}
    ages: dict[str, Json] = {str(age): True for age in AGES}
    facts: dict[str, Json] = {"name": PERSON.name, "id_number": PERSON.id_number, "age_equal_or_over": ages}
    hidden: Json = {"_sd": ["name", "id_number"], "age_equal_or_over": {"_sd": [str(age) for age in AGES]}}
    issuer, holder = _private_jwk(here.key.key), _private_jwk(here.holder)
    issue: dict[str, Json] = {"job": "issue", "claims": here.claims() | facts, "hidden": hidden}
    [issued] = _ask(folder, [issue | {"key": issuer, "kid": here.key.kid}])
    show: Json = {"name": True, "id_number": True, "age_equal_or_over": {"16": True}}
    bad = tampered(ours)
    tries = {"": ours, **bad}
    elsewhere: dict[str, Json] = {"job": "verify", "token": ours, "issuer": here.key.jwk, **to}
    verify = [elsewhere | {"token": token} for token in tries.values()]
    verify += [elsewhere | {"nonce": "m" * 22}, elsewhere | {"audience": "https://evil.example"}]
    present: dict[str, Json] = {"job": "present", "token": issued.get("value"), "show": show, "key": holder, **to}
    [shown, good, *refusals] = _ask(folder, [present, *verify])
    value = good.get("value")
    yield f"{peer} accepts ours", isinstance(value, dict) and value["id_number"] == PERSON.id_number, _fault(good)
    for what, answer in zip([*bad, "for another nonce", "for another platform"], refusals, strict=True):
        yield f"{peer} refuses ours {what}", "error" in answer, str(answer.get("error", "accepted"))[:80]
    theirs = str(shown.get("value"))
    try:
        yield f"ours accepts that of {peer}", here.read(theirs)["id_number"] == PERSON.id_number, ""
    except IdverifyError as error:
        yield f"ours accepts that of {peer}", False, error.message + _fault(issued) + _fault(shown)
        return
    for what, each in tampered(theirs).items():
        yield f"ours refuses that of {peer} {what}", *refused_here(here, each)


def _private_jwk(key: jose.PrivateKey) -> dict[str, Json]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        private = key.private_numbers().private_value.to_bytes(32)
        return jose.public_jwk(key) | {"d": encode_base64url(private)}
    return jose.public_jwk(key) | {"priv": encode_base64url(key.private_bytes_raw())}


def _fault(answer: Mapping[str, Json]) -> str:
    return str(answer.get("error", ""))[:80]


def _ask(folder: Path, jobs: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """What the Node side answers to each job. Raises CalledProcessError."""
    script = Path(__file__).with_suffix(".mjs")
    done = subprocess.run(
        ["node", str(script), str(folder)], input=json.dumps(jobs), capture_output=True, text=True, timeout=60
    )
    if done.returncode:
        return [{"error": done.stderr.strip()[-200:] or f"node ended with {done.returncode}"} for _ in jobs]
    answers: list[dict[str, Json]] = json.loads(done.stdout)
    return answers


def run(folder: Path) -> Iterator[Outcome]:
    yield from python_peer()
    yield from node_peer(folder, "sd_jwt_vc")
    yield from node_peer(folder, "sd_jwt_vc_ml_dsa_44")
