"""Why an attack says what it says of one target: the fields that gave it away, from both ledgers, side by side."""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import numpy as np

from idverify.privacy.answers import Answer, Evidence, Target
from idverify.privacy.opaque import LEAST_BITS
from idverify.privacy.view import View

BEST = "best"
MOST = 12
"""Pieces of evidence that are shown; the first ones are the strongest."""
TRIED = "all ID numbers"
"""What stands for the other party where there is none."""
NEAR_SECONDS = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class _Leaf:
    field: str
    text: str
    digest: str | None
    tail: float | None
    bits: float


def explained(view: View, answer: Answer, wanted: str) -> Answer:
    """The same answer with the evidence for one target: the one named, or the surest."""
    if answer.silent:
        return answer
    target = _surest(answer) if wanted == BEST else next((t for t in answer.targets if t.subject == wanted), None)
    if target is None or not target.candidates:
        return answer
    found = tuple(_evidence(view, answer, target))[:MOST]
    return replace(answer, evidence={target.subject: found})


def _surest(answer: Answer) -> Target | None:
    rows = answer.posterior
    sizes = np.diff(rows.starts)
    named = np.flatnonzero((sizes > 0) & rows.claimed)
    if not len(named):
        named = np.flatnonzero(sizes > 0)
    if not len(named):
        return None
    return answer.target(int(named[np.argmax(rows.confidence[rows.starts[named]])]))


def _evidence(view: View, answer: Answer, target: Target) -> Iterator[Evidence]:
    person = target.candidates[0].subject
    if view.source is None:
        yield from _tried(view, person, target.subject)
        return
    said = " ".join(answer.pairs)
    yield from _values(view, person, target.subject, said=said)
    if "time of" in said:
        yield from _times(view, person, target.subject)
    for kind, column in (("network address", "peer"), ("user agent", "agent")):
        if kind in said:
            yield from _places(view, person, target.subject, column=column, kind=kind)


def _tried(view: View, number: str, subject: str) -> Iterator[Evidence]:
    """Where a party that is alone tried all ID numbers: the values that one of them, or its hash, is equal to."""
    digest = hashlib.sha256(number.encode()).hexdigest()
    for leaf in _leaves(view, view.target, subject):
        how = "equal" if leaf.text == number else "the second is the SHA-256 of the first" * (leaf.digest == digest)
        if how:
            yield Evidence(TRIED, "ID number", number, view.target, leaf.field, leaf.text, how)


def _leaves(view: View, party: str, subject: str) -> list[_Leaf]:
    leaves = view.leaves(party)
    rows = leaves.filter(leaves.subject == subject).select("field", "text", "digest", "tail", "bits").distinct()
    return [_Leaf(**row) for row in view.engine.to_pyarrow(rows.order_by("field", "text")).to_pylist()]


def _values(view: View, person: str, subject: str, *, said: str) -> Iterator[Evidence]:
    """Equal values in fields that the answer names, handles before words."""
    assert view.source is not None
    here, there = _leaves(view, view.source, person), _leaves(view, view.target, subject)
    met = [
        (-min(one.bits, other.bits), one, other, how)
        for one in here
        for other in there
        if _named(one.field, said) and _named(other.field, said) and (how := _equal(one, other))
    ]
    seen: set[tuple[str, str]] = set()
    for _, one, other, how in sorted(met, key=lambda m: (m[0], m[1].field, m[2].field)):
        if (one.text, other.text) not in seen:
            seen.add((one.text, other.text))
            yield Evidence(view.source, one.field, one.text, view.target, other.field, other.text, how)


def _named(field: str, said: str) -> bool:
    """Whether an answer names a field: whole, or as what it is called."""
    return field in said or field.rpartition(" ")[2].rpartition(".")[2] in said.split()


def _equal(one: _Leaf, other: _Leaf) -> str:
    """How two values agree; empty where they do not."""
    if one.text == other.text:
        return "equal"
    if one.bits >= LEAST_BITS and other.digest == hashlib.sha256(one.text.encode()).hexdigest():
        return "the second is the SHA-256 of the first"
    if other.bits >= LEAST_BITS and one.digest == hashlib.sha256(other.text.encode()).hexdigest():
        return "the first is the SHA-256 of the second"
    if one.tail is not None and other.text == str(int(one.tail)):
        return "the second is the last byte of the first"
    if other.tail is not None and one.text == str(int(other.tail)):
        return "the first is the last byte of the second"
    return ""


def _times(view: View, person: str, subject: str) -> Iterator[Evidence]:
    """For each record of the target the nearest of the person, the closest first."""
    assert view.source is not None
    first, second = view.dated(view.source), view.dated(view.target)
    mine = np.flatnonzero(first.who == first.names.index(person))
    theirs = np.flatnonzero(second.who == second.names.index(subject))
    pairs = []
    for other in theirs.tolist():
        lags = second.time[other] - first.time[mine]
        nearest = int(np.argmin(np.abs(lags)))
        pairs.append((abs(float(lags[nearest])), float(lags[nearest]), int(mine[nearest]), other))
    for near, lag, one, other in sorted(pairs):
        if near <= NEAR_SECONDS:
            yield Evidence(
                view.source,
                f"time of {first.route[one]}".strip(),
                _clock(float(first.time[one])),
                view.target,
                f"time of {second.route[other]}".strip(),
                _clock(float(second.time[other])),
                f"{near:,.3f} s {'later' if lag >= 0 else 'earlier'}",
            )


def _places(view: View, person: str, subject: str, *, column: str, kind: str) -> Iterator[Evidence]:
    assert view.source is not None
    met = []
    for party, whose in ((view.source, person), (view.target, subject)):
        events = view.events(party)
        rows = events.filter((events.subject == whose) & events[column].notnull()).select(value=column).distinct()
        met.append(set(view.engine.to_pyarrow(rows).column("value").to_pylist()))
    for value in sorted(met[0] & met[1]):
        yield Evidence(view.source, kind, value, view.target, kind, value, "equal")


def _clock(time: float) -> str:
    return datetime.fromtimestamp(time, timezone.utc).isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
