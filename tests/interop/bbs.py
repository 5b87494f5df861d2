"""BBS with npm's @digitalbazaar/bbs-signatures: signatures and proofs both ways, in both ciphersuites."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from idverify.crypto import bbs
from idverify.errors import IdverifyError
from idverify.scheme import Json

NEEDS = ["@digitalbazaar/bbs-signatures@3.0.0"]
PEER = "@digitalbazaar/bbs-signatures"
SUITES = {"BLS12-381-SHA-256": bbs.SHA_256, "BLS12-381-SHAKE-256": bbs.SHAKE_256}
SECRET = bbs.key_gen(b"only for tests, and of 32 bytes.")
PUBLIC = bbs.public_key(SECRET)
Outcome = tuple[str, bool, str]
Job = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Case:
    """What is signed and shown."""

    suite: str
    what: str
    messages: tuple[bytes, ...]
    disclosed: tuple[int, ...]
    header: bytes = b""
    ph: bytes = b""
    signature: bytes = field(init=False)

    def __post_init__(self) -> None:
        made = bbs.sign(SECRET, PUBLIC, header=self.header, messages=self.messages, suite=SUITES[self.suite])
        object.__setattr__(self, "signature", made)

    def proof(self) -> bytes:
        return bbs.proof_gen(
            PUBLIC,
            self.signature,
            header=self.header,
            ph=self.ph,
            messages=self.messages,
            disclosed=self.disclosed,
            suite=SUITES[self.suite],
        )

    def check(self, proof: bytes, ph: bytes) -> tuple[bool, str]:
        """Whether we accept a proof, and why not."""
        shown = {index: self.messages[index] for index in self.disclosed}
        try:
            bbs.proof_verify(PUBLIC, proof, header=self.header, ph=ph, disclosed=shown, suite=SUITES[self.suite])
        except IdverifyError as error:
            return False, error.message
        return True, ""

    def job(self, name: str, **more: Json) -> Job:
        """A job for the peer, octets in hexadecimal."""
        return {
            "job": name,
            "suite": self.suite,
            "secret": SECRET.hex(),
            "public": PUBLIC.hex(),
            "header": self.header.hex(),
            "ph": self.ph.hex(),
            "messages": [message.hex() for message in self.messages],
            "disclosed": list(self.disclosed),
            "signature": self.signature.hex(),
            **more,
        }


def cases() -> list[Case]:
    some = (b"one", b"", b"three" * 100, b"\0", b"five")
    return [
        case
        for suite in SUITES
        for case in (
            Case(suite, "some of five messages", some, (0, 2, 3), b"header", b"question"),
            Case(suite, "nothing", (b"one",), (), b"", b"question"),
            Case(suite, "everything", some[:2], (0, 1)),
        )
    ]


def compare(case: Case, answers: Sequence[Mapping[str, Json]]) -> Iterator[Outcome]:
    signed, verified, proven, checked, refused = answers
    name = f"({case.suite}, shown: {case.what})"
    yield f"{PEER} makes the same signature {name}", signed.get("value") == case.signature.hex(), _fault(signed)
    yield f"{PEER} accepts our signature {name}", verified.get("value") is True, _fault(verified)
    theirs = bytes.fromhex(str(proven.get("value", "")))
    yield f"ours accepts its proof {name}", *case.check(theirs, case.ph)
    accepted, why = case.check(theirs, b"another question")
    yield f"ours refuses its proof for another question {name}", not accepted, why
    yield f"{PEER} accepts our proof {name}", checked.get("value") is True, _fault(checked)
    yield f"{PEER} refuses our proof for another question {name}", refused.get("value") is not True, _fault(refused)


def _fault(answer: Mapping[str, Json]) -> str:
    return str(answer.get("error", ""))[:80]


def _ask(folder: Path, jobs: Sequence[Job]) -> list[Mapping[str, Json]]:
    """What the Node side answers to each job."""
    script = Path(__file__).with_suffix(".mjs")
    done = subprocess.run(
        ["node", str(script), str(folder)], input=json.dumps(jobs), capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        return [{"error": done.stderr.strip()[-200:] or f"node ended with {done.returncode}"} for _ in jobs]
    answers: list[Mapping[str, Json]] = json.loads(done.stdout)
    return answers


def run(folder: Path) -> Iterator[Outcome]:
    for case in cases():
        ours = case.proof()
        jobs = [case.job("sign"), case.job("verify"), case.job("prove"), case.job("check", proof=ours.hex())]
        jobs.append(case.job("check", proof=ours.hex(), ph=b"another question".hex()))
        yield from compare(case, _ask(folder, jobs))
