"""Proofs that a wallet holds the keys it wants credentials for, one or many (OpenID4VCI 1.0 section 8, appendix F.1).

One key is asked for with its proof alone and answered with the credential alone; several with
`{"proofs": {"jwt": […]}}` and `{"credentials": [{"credential": …}, …]}`, in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from idverify.errors import BadMessage, CannotAnswer, WrongAudience
from idverify.formats import jose, jwa
from idverify.formats.strict_json import read_object, shown, write_json
from idverify.scheme import Json
from idverify.schemes._public import as_text

TYP = "openid4vci-proof+jwt"
OLDEST = 300
"""Seconds that a proof may be old."""
MOST_AT_A_TIME = 100
MOST_BYTES = 2_000_000


def check_count(count: int) -> None:
    """Raises CannotAnswer for a number of credentials that no answer holds."""
    if not 1 <= count <= MOST_AT_A_TIME:
        raise CannotAnswer(f"{count} credentials are asked for, one answer holds 1 to {MOST_AT_A_TIME}")


def ask(keys: Sequence[jwa.PrivateKey], *, issuer: str, now: datetime) -> bytes:
    """A request with a proof for each key, addressed to one issuer."""
    claims: Mapping[str, Json] = {"aud": issuer, "iat": int(now.timestamp())}
    proofs = [jose.sign(claims, key, typ=TYP, jwk=jose.public_jwk(key)) for key in keys]
    return proofs[0].encode() if len(proofs) == 1 else write_json({"proofs": {"jwt": proofs}})


def proven_keys(request: bytes, *, issuer: str, now: datetime, algorithm: jwa.Algorithm) -> list[jwa.PublicKey]:
    """The keys that a request proves. Raises BadMessage, BadSignature, WrongAudience, Expired."""
    keys = [_proven_key(proof, issuer, now, algorithm) for proof in _proofs(request)]
    # Two credentials for one key would be recognised as one person's.
    if len({jose.thumbprint(jose.public_jwk(key)) for key in keys}) != len(keys):
        raise BadMessage("the request proves one key twice")
    return keys


def answer(request: bytes, credentials: Sequence[str]) -> bytes:
    """The answer in the form in which `request` asked."""
    if not request.startswith(b"{"):
        return credentials[0].encode()
    return write_json({"credentials": [{"credential": each} for each in credentials]})


def answers(response: bytes, *, count: int) -> list[str]:
    """The credentials in the answer to a request for `count` of them. Raises BadMessage."""
    if count == 1:
        return [as_text(response, "response")]
    message = read_object(response, "response", max_size=MOST_BYTES)
    listed = message.get("credentials")
    if set(message) != {"credentials"} or not isinstance(listed, list) or len(listed) != count:
        raise BadMessage(f"the response does not have exactly the member credentials, a list of {count}")
    credentials = [each["credential"] for each in listed if isinstance(each, Mapping) and set(each) == {"credential"}]
    if len(credentials) != count:
        raise BadMessage("one of the response's credentials does not have exactly the member credential")
    return _texts(credentials, "response's credentials")


def _proven_key(text: str, issuer: str, now: datetime, algorithm: jwa.Algorithm) -> jwa.PublicKey:
    # Appendix F.1: (1) typ, alg, jwk  (2) signature  (3) aud  (4) iat. The nonce is left out: the credential goes to
    # the signed-in person, bound to a key, and a replayed proof gets only another credential for that same key.
    proof = jose.parse(text, typ=TYP, algs=(algorithm.name,), header_key=True)  # (1)
    key = jose.read_jwk(proof.header.get("jwk"))
    claims = jose.check(proof, key)  # (2)
    if (aud := claims.get("aud")) != issuer:  # (3)
        raise WrongAudience(f"the proof was made for {shown(aud)}, sent to {issuer}")
    jose.check_times(claims, now, required=("iat",), oldest=OLDEST)  # (4)
    return key


def _proofs(request: bytes) -> list[str]:
    if not request.startswith(b"{"):
        return [as_text(request, "request")]
    message = read_object(request, "request", max_size=MOST_BYTES)
    proofs = message.get("proofs")
    if set(message) != {"proofs"} or not isinstance(proofs, Mapping) or set(proofs) != {"jwt"}:
        raise BadMessage("the request does not have exactly the member proofs, with exactly the member jwt")
    return _texts(proofs["jwt"], "request's proofs")


def _texts(value: Json, what: str) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_AT_A_TIME:
        raise BadMessage(f"the {what} are not a list of 1 to {MOST_AT_A_TIME}")
    texts = [text for text in value if isinstance(text, str)]
    if len(texts) != len(value):
        raise BadMessage(f"the {what} are not all strings")
    return texts
