"""How a pair of things is measured: in turns within one process, best of several rounds, so that the ratio counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from idverify.scheme import Challenge, Credential, Issuer, Person, Scheme

ROUNDS = 7
SECONDS = 0.15
"""How long one side of a pair runs in each round."""
PERSON = Person("901090000001", "Nguyễn Văn Anh", date(1990, 5, 1), "male", "Hà Nội")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: microseconds an operation, ours and the other's."""

    what: str
    ours: float
    other: str
    theirs: float
    wanted: float | None = None  # the least ratio theirs/ours that the design asks for


def timed(work: Callable[[], object]) -> float:
    """Microseconds for one call, over at least SECONDS."""
    number, begun = 0, time.perf_counter()
    while (gone := time.perf_counter() - begun) < SECONDS:
        work()
        number += 1
    return gone / number * 1e6


def pair(
    what: str, ours: Callable[[], object], other: str, theirs: Callable[[], object], *, wanted: float | None = None
) -> Line:
    """Best of ROUNDS for both, in turns."""
    rounds = [(timed(ours), timed(theirs)) for _ in range(ROUNDS)]
    return Line(what, min(a for a, _ in rounds), other, min(b for _, b in rounds), wanted)


def shown(scheme: Scheme, issuer: Issuer, challenge: Challenge) -> tuple[Credential, bytes]:
    """A credential and its presentation."""
    holder = scheme.holder()
    given = None if scheme.info.issued == "ahead" else challenge
    asked = holder.request(issuer.public, now=challenge.now, challenge=given)
    credential = holder.accept(asked, issuer.issue(PERSON, asked.message, now=challenge.now))[0]
    return credential, holder.present(credential, challenge)
