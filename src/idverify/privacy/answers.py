"""What an attack says: for each target who it may be, how sure it is, and which fields gave it away.

The confidences of a target are a sparse posterior: those of the named candidates, and the rest of 1 shared alike by
all candidates that are not named. Thousands of targets may have thousands of candidates each, so the posterior is
three arrays (compressed rows), and `Target` a view of one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

AttackerName: TypeAlias = Literal["policy", "trained", "blind"]
ViewName: TypeAlias = Literal["arrived", "kept"]
"""All that arrived, or what is left once each party has deleted what the mandate does not tell it to keep."""
ATTACKERS: tuple[AttackerName, ...] = ("policy", "trained", "blind")
Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One subject of the party that knows people, and the probability that the target is this one."""

    subject: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two fields, one at each party, that speak for the same person; `how` names the transform or the measure."""

    party: str
    field: str
    value: str
    other_party: str
    other_field: str
    other_value: str
    how: str


@dataclass(frozen=True, slots=True)
class Target:
    """One subject of the last-named platform. `candidates` are sorted, the most likely first.

    `claimed` is false where the attack would rather say nothing: no candidate stands out.
    """

    subject: str
    candidates: tuple[Candidate, ...]
    claimed: bool
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Row i are the entries starts[i] … starts[i + 1] of `who` (places in `names`) and `confidence`, best first."""

    subjects: tuple[str, ...]
    names: tuple[str, ...]
    starts: Ints
    who: Ints
    confidence: Floats
    claimed: NDArray[np.bool_]

    @property
    def counts(self) -> Ints:
        """How many entries each row has."""
        return np.diff(self.starts)

    def row(self, number: int) -> tuple[Ints, Floats]:
        """The candidates of one target, and their confidences."""
        part = slice(int(self.starts[number]), int(self.starts[number + 1]))
        return self.who[part], self.confidence[part]


@dataclass(frozen=True, slots=True)
class Search:
    """How far a search came that was not carried to its end, and the seconds that all of it would take here."""

    tried: int
    possible: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """All that one attack says, before anybody looks at the truth.

    `pool` is the number of candidates that the coalition knows, the N of the baseline 1/N. `silent` says in a sentence
    why there is no answer, where there is none (too little data, nothing to compare). `left_out` counts records that
    could not be used, by reason. `search` is there where more could have been tried.
    """

    attack: str
    attacker: AttackerName
    coalition: tuple[str, ...]
    candidates_of: str
    targets_of: str
    pool: int
    posterior: Posterior
    pairs: tuple[str, ...] = ()
    evidence: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    silent: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    view: ViewName = "arrived"
    search: Search | None = None

    def target(self, number: int) -> Target:
        """One target by its place in `posterior.subjects`."""
        rows = self.posterior
        who, confidence = rows.row(number)
        subject = rows.subjects[number]
        found = tuple(Candidate(rows.names[w], float(c)) for w, c in zip(who, confidence, strict=True))
        return Target(subject, found, bool(rows.claimed[number]), self.evidence.get(subject, ()))

    @property
    def targets(self) -> Iterable[Target]:
        """All targets, in the order of their names."""
        return map(self.target, range(len(self.posterior.subjects)))


def posterior_of(rows: Mapping[str, Sequence[Candidate]], *, claimed: Mapping[str, bool] | None = None) -> Posterior:
    """The arrays of a few targets' candidates: sorted by confidence, ties by name, targets in the order of names."""
    subjects = tuple(sorted(rows))
    names = tuple(sorted({candidate.subject for row in rows.values() for candidate in row}))
    place = {name: number for number, name in enumerate(names)}
    starts, who, confidence = [0], [], []
    for subject in subjects:
        for candidate in sorted(rows[subject], key=lambda c: (-c.confidence, c.subject)):
            who.append(place[candidate.subject])
            confidence.append(candidate.confidence)
        starts.append(len(who))
    sure = [bool(rows[s]) if claimed is None else claimed[s] for s in subjects]
    return Posterior(
        subjects,
        names,
        np.asarray(starts, dtype=np.int64),
        np.asarray(who, dtype=np.int64),
        np.asarray(confidence, dtype=np.float64),
        np.asarray(sure, dtype=np.bool_),
    )
