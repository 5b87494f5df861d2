"""BBS: a verification beside its curve operations, batches beside single ones, and beside pairing-crypto from npm."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import psutil

from idverify.crypto import bbs
from idverify.crypto.bls12_381 import (
    TABLE_POINTS,
    Base,
    G1Point,
    G2Point,
    Scalar,
    combine,
    combine_fixed,
    decode_point,
    pairings_hold,
    random_scalar,
)
from idverify.scheme import Challenge, ManyVerifier, Question
from idverify.schemes import SCHEMES
from tests.benchmarks.measuring import PERSON, ROUNDS, Line, pair, shown, timed

SCHEME = SCHEMES["bbs"]
Shown: TypeAlias = tuple[bytes, Challenge]
SIZES = (1, 2, 8, 32, 128)
PEER = "@mattrglobal/pairing-crypto@0.4.2"
ROW = 9
"""Signed messages: seven ages, the blinding factor, the nym secret."""


def verifying() -> tuple[ManyVerifier, list[Shown]]:
    """A verifier whose tables are made, and presentations to verify, all different as they come in a service."""
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    asked = Challenge("https://chat.example", secrets.token_urlsafe(16), Question(over=16, one_account=True), now)
    issuer = SCHEME.issuer(SCHEME.new_secret(), name="https://id.example")
    credential, _ = shown(SCHEME, issuer, asked)
    verifier = SCHEME.verifier(issuer.public)
    assert isinstance(verifier, ManyVerifier)
    different = [(SCHEME.holder().present(credential, asked), asked) for _ in range(max(SIZES))]
    for presentation in different:
        verifier.verify(*presentation)
    return verifier, different


def one_by_one(verifier: ManyVerifier, different: Sequence[Shown]) -> Callable[[], object]:
    turns = cycle(different)
    return lambda: verifier.verify(*next(turns))


def primitives() -> Iterator[Line]:
    """What `verify` must do on the curve: nothing less would check the same."""
    verifier, different = verifying()
    points = [G1Point() * random_scalar() for _ in range(4)]
    octets = [point.to_compressed_bytes() for point in points]
    draws = cycle([[random_scalar() for _ in range(12)] for _ in range(64)])
    bases = [Base(G1Point() * random_scalar()) for _ in range(10)]
    for base in bases:
        base.prepare()
    pairs = [(points[0] * Scalar(7), G2Point()), (-points[0], G2Point() * Scalar(7))]

    def operations() -> None:
        scalars = next(draws)
        for octet in octets:  # Abar, Bbar, D, pseudonym
            decode_point(octet)
        combine(points[:3], scalars[:3])  # T1
        combine_fixed(bases[:9], scalars[:9])  # T2: what is disclosed, six hidden ages, Q_2, J_1
        points[0] * scalars[9]  # D of T2
        combine_fixed(bases[9:], scalars[10:11])  # the pseudonym's base
        points[1] * scalars[11]  # the pseudonym
        for point in points:  # T1, T2, pseudonym and its nonce go into the hash
            (point + points[0]).to_compressed_bytes()
        pairings_hold(pairs)

    what = "verify bbs with pseudonym: JSON, hashes, curve, all checks"
    yield pair(
        what,
        one_by_one(verifier, different),
        "its curve operations alone (4 decompressions, 15 multiplications, a pairing check)",
        operations,
        wanted=1 / 1.15,
    )


def batches() -> Iterator[Line]:
    """The throughput curve: microseconds for each proof when so many are verified together."""
    verifier, different = verifying()
    for size in SIZES:
        many = different[:size]
        line = pair(
            f"verify bbs, {size} together, each",
            lambda many=many: verifier.verify_many(many),  # type: ignore[misc]
            "one after the other",
            one_by_one(verifier, different),
            wanted={32: 1.8}.get(size),
        )
        each = line.ours / size
        yield Line(f"{line.what} ({1e6 / each:,.0f} a second)", each, line.other, line.theirs, line.wanted)


def making() -> Iterator[Line]:
    """What wallet and issuer do."""
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    asked = Challenge("https://chat.example", secrets.token_urlsafe(16), Question(over=16), now)
    issuer, holder = SCHEME.issuer(SCHEME.new_secret(), name="https://id.example"), SCHEME.holder()
    credential, presentation = shown(SCHEME, issuer, asked)
    request = holder.request(issuer.public, now=now)
    works: tuple[tuple[str, Callable[[], object]], ...] = (
        (f"show bbs ({len(presentation)} bytes), secret scalars split", lambda: holder.present(credential, asked)),
        ("request bbs: commitment, tag and proof", lambda: holder.request(issuer.public, now=now)),
        (
            "issue bbs: check of the commitment, blind signature",
            lambda: issuer.issue(PERSON, request.message, now=now),
        ),
    )
    for what, work in works:
        yield Line(what, min(timed(work) for _ in range(ROUNDS)), "", 0.0)


def tables() -> Iterator[Line]:
    """Fixed-base tables: what one makes faster, how long it takes to make, and how much it holds."""
    point, scalar = G1Point() * random_scalar(), random_scalar()
    process = psutil.Process()
    before, made = process.memory_info().rss, [Base(point) for _ in range(8)]
    for base in made:
        base.prepare()
    held = (process.memory_info().rss - before) / len(made) / 1e6
    with_table = made[0]
    yield pair(
        f"multiply a fixed point by table ({TABLE_POINTS} points, {held:.1f} MB)",
        lambda: combine_fixed([with_table], [scalar]),
        "the library's multiplication",
        lambda: point * scalar,
    )
    yield Line(
        "make such a table, once for each point", min(timed(Base(point).prepare) for _ in range(ROUNDS)), "", 0.0
    )


SCRIPT = """
const { bbs } = require('@mattrglobal/pairing-crypto');
const suite = bbs.bls12381_sha256, text = new TextEncoder(), number = ROW;
(async () => {
  const keys = await suite.generateKeyPair({ ikm: new Uint8Array(32).fill(1) });
  const messages = [...Array(number).keys()].map((i) => text.encode(`message ${i}`));
  const header = text.encode('header'), presentationHeader = text.encode('presentation');
  const signature = await suite.sign({ ...keys, header, messages });
  const proof = await suite.deriveProof({ publicKey: keys.publicKey, header, presentationHeader, signature,
    verifySignature: false, messages: messages.map((value, i) => ({ value, reveal: i === 3 })) });
  const request = { publicKey: keys.publicKey, header, presentationHeader, proof, messages: { 3: messages[3] } };
  if (!(await suite.verifyProof(request)).verified) throw Error('not verified');
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const begun = process.hrtime.bigint(), wanted = BigInt(Math.round(Number(line) * 1e9));
    let count = 0;
    do { await suite.verifyProof(request); count++; } while (process.hrtime.bigint() - begun < wanted);
    console.log(Number(process.hrtime.bigint() - begun) / count / 1000);
  }
})();
"""


def beside_pairing_crypto() -> Iterator[Line]:
    """The same curve as WebAssembly in Node.js, an older draft: rounds in turns with ours, the same operation first."""
    alike, with_pseudonym = plain_proofs(), one_by_one(*verifying())
    what = f"verify a BBS proof of {ROW} messages, 1 disclosed"
    try:
        with peer() as theirs:
            rounds = [(timed(alike), timed(with_pseudonym), theirs()) for _ in range(ROUNDS)]
    except RuntimeError as error:
        yield Line(f"{what}; {PEER} skipped: {error}", min(timed(alike) for _ in range(ROUNDS)), "", 0.0)
        return
    best = min(theirs for _, _, theirs in rounds)
    yield Line(what, min(ours for ours, _, _ in rounds), f"{PEER} verifyProof, of an older draft", best, 7.0)
    yield Line(
        "verify bbs with pseudonym, once more", min(ours for _, ours, _ in rounds), "that one, no pseudonym", best
    )


def plain_proofs() -> Callable[[], object]:
    """Verifications of the draft's own proofs, all different, with tables made."""
    secret = bbs.key_gen(secrets.token_bytes(32))
    public, messages = bbs.public_key(secret), [f"message {number}".encode() for number in range(ROW)]
    signature = bbs.sign(secret, public, header=b"header", messages=messages)
    proofs = [
        bbs.proof_gen(public, signature, header=b"header", ph=b"presentation", messages=messages, disclosed=[3])
        for _ in range(max(SIZES))
    ]
    turns, shown_ = cycle(proofs), {3: messages[3]}

    def verify() -> None:
        bbs.proof_verify(public, next(turns), header=b"header", ph=b"presentation", disclosed=shown_)

    for _ in proofs:
        verify()
    return verify


@contextmanager
def peer() -> Iterator[Callable[[], float]]:
    """Something that lets pairing-crypto verify for a while: microseconds each. Raises RuntimeError with the reason."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise RuntimeError("npm and Node.js are not installed")
    with TemporaryDirectory() as folder:
        (Path(folder) / "package.json").write_text('{"private": true}')
        (Path(folder) / "peer.cjs").write_text(SCRIPT.replace("ROW", str(ROW)))
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
        installed = subprocess.run(
            [npm, "install", *quiet, PEER], cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
        if installed.returncode:
            raise RuntimeError(f"npm could not install it: {installed.stderr.strip()[-200:]}")
        with subprocess.Popen(
            [node, "peer.cjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin
            assert process.stdout

            def measured() -> float:
                assert process.stdin
                assert process.stdout
                process.stdin.write("0.3\n")
                process.stdin.flush()
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError("Node.js ended without a measurement")
                return float(json.loads(line))

            try:
                yield measured
            finally:
                process.stdin.close()


AREA = [primitives, batches, making, tables, beside_pairing_crypto]
