"""Privacy Pass with npm's @cloudflare/privacypass-ts and blindrsa-ts: either's wallet, issuer and platform."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import blind_rsa, safe_primes
from idverify.crypto import partially_blind_rsa as pbrsa
from idverify.crypto.rsa_private import RawPrivateKey
from idverify.errors import IdverifyError
from idverify.formats import privacy_pass as wire
from idverify.formats import privacy_pass_extensions as metadata
from idverify.formats import token_keys
from idverify.formats.strict_json import decode_base64url, encode_base64url, read_object
from idverify.protocols import privacy_pass as http
from idverify.scheme import Challenge, Issuer, Json, Person, Question, Scheme
from idverify.schemes import SCHEMES

NEEDS = ["@cloudflare/privacypass-ts@0.9.0", "@cloudflare/blindrsa-ts@0.4.4"]
INSTEAD = {"@cloudflare/blindrsa-ts": "0.4.4"}  # 0.9.0 wants 0.4.5, which not every registry has
PEER = "privacypass-ts"
PLATFORM, ISSUER = "https://chat.example", "https://id.example"
PERSON = Person("901090000001", "Nguyễn Văn Anh", date(1990, 5, 1), "male", "Hà Nội")
SCHEMES_HERE = ("privacy_pass", "privacy_pass_public_metadata", "privacy_pass_split")
Outcome = tuple[str, bool, str]
Job = dict[str, Json]


class Node:
    """A Node process that answers one job a line."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_suffix(".mjs")
        self._process = subprocess.Popen(
            ["node", str(script), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in: IO[str] = self._process.stdin
        self._out: IO[str] = self._process.stdout

    def ask(self, job: str, **more: Json) -> Mapping[str, Json]:
        """Its answer: `value`, or `error`."""
        self._in.write(json.dumps({"job": job, **more}) + "\n")
        self._in.flush()
        line = self._out.readline()
        answer: Job = json.loads(line) if line else {"error": "node ended"}
        return answer

    def close(self) -> None:
        with suppress(OSError):
            self._in.close()
        self._out.close()
        self._process.wait(timeout=30)


@dataclass(frozen=True, slots=True)
class Stage:
    """One scheme with an issuer, and the question of one platform."""

    scheme: Scheme
    secret: bytes = field(repr=False)
    issuer: Issuer
    ask: Challenge

    @property
    def key(self) -> token_keys.TokenKey:
        """The key that a token for the question is made with."""
        return token_keys.read(self.issuer.public).for_age(16)

    @property
    def extensions(self) -> Job:
        """The metadata that all tokens get now, where the type has any; taken from a request of our wallet."""
        request = wire.TokenRequest.decode(self.request())
        return {"extensions": encode_base64url(request.extensions)} if request.extensions else {}

    def request(self) -> bytes:
        return self.scheme.holder().request(self.issuer.public, now=self.ask.now, challenge=self.ask).message

    def believed(self, header: str) -> Json:
        """What we make of a token in an Authorization header."""
        try:
            shown = http.token_from_authorization(header)
            return dict(self.scheme.verifier(self.issuer.public).verify(shown, self.ask).claims)
        except IdverifyError as error:
            return error.message

    def private(self) -> list[Json]:
        """All private keys, as the peer wants them."""
        pems = [self.secret] if self.secret.startswith(b"-") else [str(v).encode() for v in _members(self.secret)]
        return [_exported(_loaded(pem)) for pem in pems]


def stage(name: str) -> Stage:
    scheme = SCHEMES[name]
    secret = scheme.new_secret()
    ask = Challenge(PLATFORM, "n" * 22, Question(over=16), datetime.now(timezone.utc))
    return Stage(scheme, secret, scheme.issuer(secret, name=ISSUER), ask)


def run(folder: Path) -> Iterator[Outcome]:
    node = Node(folder)
    try:
        for name in SCHEMES_HERE:
            here = stage(name)
            yield from _their_wallet(here, node)
            yield from _their_issuer(here, node)
            yield from _their_platform(here, node)
        yield from _batches(stage(SCHEMES_HERE[0]), node)
        yield from _signatures(node)
    finally:
        node.close()


def _their_wallet(here: Stage, node: Node) -> Iterator[Outcome]:
    name, more = here.scheme.info.name, here.extensions
    header = http.challenge_header(here.issuer.public, PLATFORM, over=16)
    asked = node.ask("request", id=name, header=header, **more)
    yield f"{PEER} understands our challenge ({name})", "value" in asked, _fault(asked)
    response = here.issuer.issue(PERSON, decode_base64url(str(asked.get("value"))), now=here.ask.now)
    got = node.ask("finalize", id=name, response=encode_base64url(response), **more)
    tokens = got.get("value")
    shown = str(tokens[0]) if isinstance(tokens, list) else ""
    yield f"a token of {PEER}'s wallet and our issuer is accepted here ({name})", *_proves(here.believed(shown))
    token = wire.Token.decode(http.token_from_authorization(shown))
    for what, bad in tampered(token).items():
        outcome = here.believed(wire.authorization(bad.encode()))
        yield f"that token with {what} is refused here ({name})", isinstance(outcome, str), str(outcome)
    again = node.ask("request", id=name, header=header, **more)
    response = here.issuer.issue(PERSON, decode_base64url(str(again.get("value"))), now=here.ask.now)
    wrong = response[:-1] + bytes([response[-1] ^ 1])
    refused = node.ask("finalize", id=name, response=encode_base64url(wrong), **more)
    yield f"{PEER}'s wallet refuses a wrong signature of ours ({name})", "error" in refused, _fault(refused)


def _their_issuer(here: Stage, node: Node) -> Iterator[Outcome]:
    name, holder, more = here.scheme.info.name, here.scheme.holder(), here.extensions
    asked = holder.request(here.issuer.public, now=here.ask.now, challenge=here.ask)
    short = wire.TokenRequest.decode(asked.message).truncated_key_id
    keys = [each for each in here.private() if _short(each) == short]
    answer = node.ask("issue", request=encode_base64url(asked.message), keys=keys, **more)
    try:
        credential = holder.accept(asked, decode_base64url(str(answer.get("value"))))[0]
        proven = here.believed(http.authorization_header(holder.present(credential, here.ask)))
    except IdverifyError as error:
        proven = f"{error.message}; {_fault(answer)}"
    yield f"our wallet takes a signature of {PEER}'s issuer ({name})", *_proves(proven)


def _their_platform(here: Stage, node: Node) -> Iterator[Outcome]:
    name, holder = here.scheme.info.name, here.scheme.holder()
    asked = holder.request(here.issuer.public, now=here.ask.now, challenge=here.ask)
    credential = holder.accept(asked, here.issuer.issue(PERSON, asked.message, now=here.ask.now))[0]
    token = wire.Token.decode(holder.present(credential, here.ask))
    there: Job = {"type": token.token_type, "spki": encode_base64url(here.key.spki)}
    verified = node.ask("verify", header=wire.authorization(token.encode()), **there)
    yield f"{PEER}'s platform accepts our token ({name})", verified.get("value") is True, _fault(verified)
    for what, bad in tampered(token).items():
        if what == "another key's id":
            continue  # their platform is given the key, and does not compare
        refused = node.ask("verify", header=wire.authorization(bad.encode()), **there)
        as_expected = refused.get("value") is False or "error" in refused
        yield f"{PEER}'s platform refuses our token with {what} ({name})", as_expected, _fault(refused)


def tampered(token: wire.Token) -> dict[str, wire.Token]:
    """Tokens that nobody may accept."""
    bad = {
        "another nonce": replace(token, nonce=bytes(32)),
        "another challenge": replace(token, challenge_digest=bytes(32)),
        "another key's id": replace(token, token_key_id=bytes(32)),
        "a bit of the signature flipped": replace(
            token, authenticator=token.authenticator[:-1] + bytes([token.authenticator[-1] ^ 1])
        ),
    }
    if token.extensions:
        said = metadata.AgeUntil.decode(token.extensions)
        bad["another age"] = replace(token, extensions=replace(said, age=18).encode())
        bad["a later expiration"] = replace(
            token, extensions=replace(said, expires=said.expires + said.precision).encode()
        )
    return bad


def _batches(here: Stage, node: Node) -> Iterator[Outcome]:
    header, count = http.challenge_header(here.issuer.public, PLATFORM, over=16), 4
    asked = node.ask("request", id="batch", header=header, count=count)
    response = here.issuer.issue(PERSON, decode_base64url(str(asked.get("value"))), now=here.ask.now)
    got = node.ask("finalize", id="batch", batch=True, response=encode_base64url(response)).get("value")
    proven = [here.believed(str(each)) for each in got] if isinstance(got, list) else []
    yield f"a batch of {PEER}'s wallet is signed here", proven == [{"over": 16}] * count, _fault(asked)
    holder = here.scheme.holder()
    ours = holder.request(here.issuer.public, now=here.ask.now, challenge=here.ask, count=count)
    answer = node.ask("issue", batch=True, request=encode_base64url(ours.message), keys=here.private())
    try:
        number = len(holder.accept(ours, decode_base64url(str(answer.get("value")))))
    except IdverifyError as error:
        yield f"our batch is signed by {PEER}'s issuer", False, f"{error.message}; {_fault(answer)}"
        return
    yield f"our batch is signed by {PEER}'s issuer", number == count, f"{number} tokens"


def _signatures(node: Node) -> Iterator[Outcome]:
    """blindrsa-ts itself: all variants, with and without metadata, in both directions."""
    private = safe_primes.new_key(2048)
    key, public = _exported(private), private.public_key()
    message, info = b"message", b"metadata"
    for salt in ("PSS", "PSSZero"):
        for preparation in ("Randomized", "Deterministic"):
            for with_info in (False, True):
                name = f"RSA{'PB' if with_info else 'B'}SSA-SHA384-{salt.upper()}-{preparation}"
                job: Job = {"variant": salt, "preparation": preparation}
                job |= {"info": encode_base64url(info)} if with_info else {}
                made = node.ask("blind", id=name, message=encode_base64url(message), spki=key["spki"], **job)
                value = made.get("value")
                assert isinstance(value, dict), made
                prepared, blinded = (decode_base64url(str(value[part])) for part in ("prepared", "blinded"))
                signed = _sign(private, blinded, info=info if with_info else None)
                same = node.ask("sign", pkcs8=key["pkcs8"], blinded=encode_base64url(blinded), **job)
                yield f"{name}: both sign alike", same.get("value") == encode_base64url(signed), _fault(same)
                unblinded = node.ask("unblind", id=name, signature=encode_base64url(signed))
                try:
                    signature = decode_base64url(str(unblinded.get("value")))
                    _verify(name, public, prepared, signature=signature, info=info if with_info else None)
                    outcome = ""
                except IdverifyError as error:
                    outcome = f"{error.message}; {_fault(unblinded)}"
                yield f"{name}: blindrsa-ts's signature verifies here", not outcome, outcome


def _sign(private: rsa.RSAPrivateKey, blinded: bytes, *, info: bytes | None) -> bytes:
    if info is None:
        return blind_rsa.blind_sign(RawPrivateKey(private), blinded)
    return pbrsa.Signer(private).blind_sign(blinded, info)


def _verify(name: str, public: rsa.RSAPublicKey, prepared: bytes, *, signature: bytes, info: bytes | None) -> None:
    if info is None:
        blind_rsa.verify(blind_rsa.VARIANTS[name], public, prepared=prepared, signature=signature)
    else:
        pbrsa.verify(pbrsa.VARIANTS[name], public, prepared=prepared, metadata=info, signature=signature)


def _proves(claims: Json) -> tuple[bool, str]:
    return claims == {"over": 16}, "" if claims == {"over": 16} else str(claims)


def _members(secret: bytes) -> list[Json]:
    return list(read_object(secret).values())


def _loaded(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _exported(key: rsa.RSAPrivateKey) -> dict[str, Json]:
    form = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    spki = wire.encode_key(key.public_key())
    return {"pkcs8": encode_base64url(key.private_bytes(*form)), "spki": encode_base64url(spki)}


def _short(key: Json) -> int:
    assert isinstance(key, dict)
    return wire.key_id(decode_base64url(str(key["spki"])))[-1]


def _fault(answer: Mapping[str, Json]) -> str:
    return str(answer.get("error", ""))[:80]
