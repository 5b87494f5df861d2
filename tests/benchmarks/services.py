"""The services' hot paths: verification, signing, capture, storage, population."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from fastapi import FastAPI
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier
from sqlalchemy import Column, MetaData, String, Table, insert

from idverify.crypto.rsa_private import RawPrivateKey, backend
from idverify.ledger import Capture, Ledger
from idverify.population import Population
from idverify.scheme import Challenge, Issuer, Question
from idverify.schemes import SCHEMES
from idverify.storage import Store
from tests.benchmarks.measuring import ROUNDS, Line, pair, shown, timed

REQUESTS = 10


@dataclass(frozen=True, slots=True)
class Peer:
    """A library that verifies what one scheme presents, and the least ratio that the design asks for."""

    name: str
    verify: Callable[[str, Issuer, Challenge], Callable[[], object]]
    wanted: float | None = None


def by_sd_jwt(text: str, issuer: Issuer, asked: Challenge) -> Callable[[], object]:
    """The library `sd-jwt` with its issuer's key at hand."""
    key = JWK.from_json(_first_key(issuer))
    return lambda: SDJWTVerifier(text, lambda *_: key, asked.audience, asked.nonce).get_verified_payload()


def by_pyjwt(text: str, issuer: Issuer, asked: Challenge) -> Callable[[], object]:
    """PyJWT with its issuer's key at hand."""
    key = jwt.PyJWK.from_json(_first_key(issuer)).key
    return lambda: jwt.decode(text, key, algorithms=["ES256"], audience=asked.audience)


PEERS = {
    "real_name": Peer("PyJWT alone", by_pyjwt, wanted=1.0),
    "sd_jwt_vc": Peer("the library sd-jwt", by_sd_jwt, wanted=2.3),
}
"""Who else verifies what a scheme presents. A scheme without a peer here has its own area, or none there is."""


def verifying() -> Iterator[Line]:
    """Each scheme's verification, beside a library where one can do the same."""
    now = datetime.now(timezone.utc)
    for name, scheme in SCHEMES.items():
        question = Question(over=16).within(scheme.info.answers)
        challenge = Challenge("https://chat.example", secrets.token_urlsafe(16), question, now)
        issuer = scheme.issuer(scheme.new_secret(), name="https://id.example")
        _, presentation = shown(scheme, issuer, challenge)
        ours = partial(scheme.verifier(issuer.public).verify, presentation, challenge)
        peer = PEERS.get(name)
        if peer is None:
            yield Line(f"verify {name}", min(timed(ours) for _ in range(ROUNDS)), "", 0.0)
        else:
            theirs = peer.verify(presentation.decode("ascii"), issuer, challenge)
            yield pair(f"verify {name}", ours, peer.name, theirs, wanted=peer.wanted)


def verifying_strangers() -> Iterator[Line]:
    """SD-JWT VC with more holders than there are keys kept in mind, each of whom comes once."""
    scheme, now = SCHEMES["sd_jwt_vc"], datetime.now(timezone.utc)
    challenge = Challenge("https://chat.example", secrets.token_urlsafe(16), Question(over=16), now)
    issuer = scheme.issuer(scheme.new_secret(), name="https://id.example")
    verify = scheme.verifier(issuer.public).verify
    all_shown = [shown(scheme, issuer, challenge)[1] for _ in range(1500)]
    ours = cycle([partial(verify, each, challenge) for each in all_shown])
    theirs = cycle([by_sd_jwt(each.decode(), issuer, challenge) for each in all_shown])
    yield pair(
        "verify sd_jwt_vc, every time another holder",
        lambda: next(ours)(),
        "the library sd-jwt",
        lambda: next(theirs)(),
    )


def _first_key(issuer: Issuer) -> str:
    return json.dumps(json.loads(issuer.public)["keys"][0])


def signing() -> Iterator[Line]:
    """The private operation behind a blind signature, beside cryptography's RSA-PSS signature with the same key."""
    key = rsa.generate_private_key(65537, 2048)
    raw, message = RawPrivateKey(key), (12345678901234567890**6).to_bytes(256)
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    yield pair(
        f"RSA-2048 raw private operation, checked ({backend()})",
        lambda: raw.raw(message),
        "cryptography's RSA-PSS signature",
        lambda: key.sign(b"message", pss, hashes.SHA384()),
    )


def capturing() -> Iterator[Line]:
    """A small FastAPI request with its ledger, and without."""
    app = FastAPI()

    @app.post("/echo")
    async def echo(value: dict[str, str]) -> dict[str, str]:
        return value

    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.jsonl", "bench")
        clients = [
            httpx.AsyncClient(transport=httpx.ASGITransport(each), base_url="http://bench")
            for each in (Capture(app, ledger), app)
        ]
        with asyncio.Runner() as loop:

            def once(client: httpx.AsyncClient) -> Callable[[], object]:
                return lambda: loop.run(_post(client))

            line = pair("a JSON request with its ledger line", once(clients[0]), "without", once(clients[1]))
            yield replace(line, ours=line.ours / REQUESTS, theirs=line.theirs / REQUESTS)
        ledger.close()


async def _post(client: httpx.AsyncClient) -> None:
    for _ in range(REQUESTS):
        await client.post("/echo", json={"handle": "villager", "code": "x" * 43})


def storing() -> Iterator[Line]:
    """Durable unique inserts into SQLite: 32 waiting at a time, beside one at a time."""
    metadata = MetaData()
    table = Table("spent", metadata, Column("value", String, primary_key=True))
    with TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/bench.sqlite", metadata, schema="bench")

        async def one() -> None:
            value = secrets.token_hex(16)
            await store.write(lambda connection: connection.execute(insert(table).values(value=value)) and None)

        async def many() -> None:
            await asyncio.gather(*(one() for _ in range(32)))

        async def alone() -> None:
            for _ in range(32):
                await one()

        with asyncio.Runner() as loop:
            waiting, single = (lambda: loop.run(many())), (lambda: loop.run(alone()))
            line = pair("a durable unique insert, 32 waiting", waiting, "one at a time", single)
        store.close()
    yield replace(line, ours=line.ours / 32, theirs=line.theirs / 32)


def peopling() -> Iterator[Line]:
    """A million persons."""
    begun = time.perf_counter()
    Population.make(1_000_000, 7)
    yield Line("a population of 1,000,000", (time.perf_counter() - begun) * 1e6, "", 0.0)


AREA = [verifying, verifying_strangers, signing, capturing, storing, peopling]
