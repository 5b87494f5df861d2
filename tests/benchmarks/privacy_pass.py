"""Blind signatures: the signer's whole work beside libcrypto's raw RSA operation, and what public metadata adds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import blind_rsa, libcrypto, safe_primes
from idverify.crypto import partially_blind_rsa as pbrsa
from idverify.crypto.rsa_private import RawPrivateKey, backend
from idverify.scheme import Challenge, Issuer, Question, Rationed, Scheme
from idverify.schemes import SCHEMES
from tests.benchmarks.measuring import PERSON, ROUNDS, Line, pair, shown, timed

METADATA = b"over 16"
MESSAGE = (12345678901234567890**6).to_bytes(256)


@cache
def key() -> rsa.RSAPrivateKey:
    return safe_primes.new_key(2048)


def keys() -> Iterator[Line]:
    """Making keys of safe primes, beside ordinary ones."""
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        safe_primes.new_key(2048)
        took.append((time.perf_counter() - begun) * 1e6)
    plain = [timed(lambda: rsa.generate_private_key(65537, 2048)) for _ in range(ROUNDS)]
    yield Line(
        f"an RSA-2048 key of safe primes, mean of {ROUNDS}",
        sum(took) / ROUNDS,
        "an ordinary key, mean",
        sum(plain) / ROUNDS,
    )


def signing() -> Iterator[Line]:
    """All that the signer does, checks included, beside one raw private operation of libcrypto."""
    library = libcrypto.library()
    if library is None:
        raw = RawPrivateKey(key())
        yield Line(f"blind signing, checked ({backend()})", timed(lambda: raw.raw(MESSAGE)), "", 0.0)
        return
    der = key().private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    bare, checked = libcrypto.private_operation(library, der, size=256), RawPrivateKey(key())
    beside = "libcrypto's raw private operation"
    yield pair(
        "blind signing, RSA-2048, ranges and result checked",
        lambda: blind_rsa.blind_sign(checked, MESSAGE),
        beside,
        lambda: bare(MESSAGE),
        wanted=0.8,
    )
    signer = pbrsa.Signer(key())
    yield pair(
        "partially blind signing, e' of 1,022 bits, result checked",
        lambda: signer.blind_sign(MESSAGE, METADATA),
        beside,
        lambda: bare(MESSAGE),
    )


def deriving() -> Iterator[Line]:
    """The key of one metadata value, which is then kept."""
    public = key().public_key()

    def afresh() -> None:
        pbrsa._derived.cache_clear()
        pbrsa.derive_public(public, METADATA)

    yield Line("deriving the public key of a metadata value", min(timed(afresh) for _ in range(ROUNDS)), "", 0.0)


def tokens() -> Iterator[Line]:
    """Each scheme of tokens: wallet, issuer and platform, and a batch beside single requests."""
    for scheme in SCHEMES.values():
        if isinstance(scheme, Rationed):
            yield from _of(scheme)


def _of(scheme: Scheme) -> Iterator[Line]:
    now, name = datetime.now(timezone.utc), scheme.info.name
    challenge = Challenge("https://chat.example", "n" * 22, Question(over=16), now)
    issuer: Issuer = scheme.issuer(scheme.new_secret(), name="https://id.example")
    holder, public = scheme.holder(), issuer.public
    asked = holder.request(public, now=now, challenge=challenge)
    response = issuer.issue(PERSON, asked.message, now=now)
    ten = holder.request(public, now=now, challenge=challenge, count=10)
    presentation, verifier = shown(scheme, issuer, challenge)[1], scheme.verifier(public)
    works: dict[str, tuple[Callable[[], object], int]] = {
        "blind a request": (lambda: holder.request(public, now=now, challenge=challenge), 1),
        "issue": (lambda: issuer.issue(PERSON, asked.message, now=now), 1),
        "issue, one of a batch of 10": (lambda: issuer.issue(PERSON, ten.message, now=now), 10),
        "unblind and check": (lambda: holder.accept(asked, response), 1),
        "verify": (lambda: verifier.verify(presentation, challenge), 1),
    }
    for what, (work, number) in works.items():
        yield Line(f"{name}: {what}", min(timed(work) for _ in range(ROUNDS)) / number, "", 0.0)


AREA = [keys, signing, deriving, tokens]
