"""Several posteriors over the same candidates as one: their product, each mixed with ignorance as far as it disagrees.

Evidence k names candidate c of target t with probability p_k(c). If it were independent of the others and right, the
product Π p_k(c) would be the posterior. An attack may follow a rhythm that is none, though, and a sure and wrong
factor spoils the product. Each is therefore taken for wrong, which is as good as silent, with probability ε_k:

    L_k(c) = (1 − ε_k)·N·p_k(c) + ε_k

The truth is not needed to estimate ε_k. If two sources are right, they agree on the true candidate and the mean of
log Σ_c q(c)·L_k(c) is above 0; if k has nothing to do with the rest, Σ_c q(c)·N·p_k(c) is 1 on average, the mean of its
logarithm below 0 (Jensen), and ε_k = 1 is best. Who comes first is taken as it is. N is the number of candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from idverify.privacy.answers import Floats, Ints, Posterior
from idverify.privacy.matching import LEAST_KEPT, MOST_ENTRIES, added, gathered, normal

LEAST = 1e-12
FIRST = 1e-3
"""ε of the evidence that comes first, and the least of all others."""
DOUBTS: Floats = np.array([1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.97, 1.0])
PRIOR = 2.0
"""How many targets' agreement it takes to outweigh a doubt: ε has the prior density (1 − ε)^PRIOR."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A sparse posterior: `key` = target × candidates + candidate, ascending; `rest` for each target's unnamed ones.

    `spoke`: targets of which it says anything.
    """

    key: Ints
    value: Floats
    rest: Floats
    named: Ints
    spoke: np.ndarray[tuple[int], np.dtype[np.bool_]]


def pooled(found: Sequence[Posterior], names: Sequence[str], subjects: Sequence[str]) -> tuple[Posterior, list[float]]:
    """The posterior of all together over `names`, for these targets, and ε of each. All have the names' places."""
    place = {subject: number for number, subject in enumerate(subjects)}
    most = max(LEAST_KEPT, MOST_ENTRIES // max(len(subjects), 1))
    whole: Rows | None = None
    gains: tuple[Ints, Ints, Floats] | None = None
    posterior, doubts = gathered((), names, subjects), []
    for each in found:
        part = rows_of(each, place, candidates=len(names))
        doubts.append(FIRST if whole is None else doubt(whole, part, candidates=len(names)))
        if doubts[-1] >= 1.0:
            continue
        gain = _gains(part, doubts[-1], candidates=len(names))
        if gains is not None:
            owner, who, value = (np.concatenate(pair) for pair in zip(gains, gain, strict=True))
            gain = owner.astype(np.int64), who.astype(np.int64), value.astype(np.float64)
        gains = added(*gain, columns=len(names))
        posterior = gathered([normal(*gains, pool=len(names), most=most)], names, subjects)
        whole = rows_of(posterior, place, candidates=len(names))
    return posterior, doubts


def doubt(whole: Rows, part: Rows, *, candidates: int) -> float:
    """The most likely ε of `part` where `whole` is taken as it is."""
    both = whole.spoke & part.spoke
    if not both.any():
        return FIRST
    agreement = overlap(whole, part, candidates=candidates)[both]
    likely = [
        float(np.sum(np.log(np.maximum((1.0 - e) * agreement + e, LEAST)))) + PRIOR * float(np.log1p(LEAST - e))
        for e in DOUBTS
    ]
    # Where nothing is gained by listening, one does not listen.
    return float(DOUBTS[int(np.argmax(likely))]) if max(likely) > 0.0 else 1.0


def overlap(one: Rows, other: Rows, *, candidates: int) -> Floats:
    """N·Σ p(c)·q(c) for each target: 1 on average where they have nothing to do with each other."""
    at = np.searchsorted(one.key, other.key)
    met = np.zeros(len(other.key), dtype=bool)
    inside = at < len(one.key)
    met[inside] = one.key[at[inside]] == other.key[inside]
    targets = len(one.rest)
    whose = (one.key // candidates, other.key // candidates)
    alone = np.ones(len(one.key), dtype=bool)
    alone[at[met]] = False
    total = np.zeros(targets)
    np.add.at(total, whose[1][met], one.value[at[met]] * other.value[met])
    np.add.at(total, whose[0][alone], one.value[alone] * other.rest[whose[0][alone]])
    np.add.at(total, whose[1][~met], other.value[~met] * one.rest[whose[1][~met]])
    common = np.bincount(whose[1][met], minlength=targets)
    nobody = np.maximum(candidates - one.named - other.named + common, 0)
    together: Floats = total + nobody * one.rest * other.rest
    return together * candidates


def rows_of(found: Posterior, place: dict[str, int], *, candidates: int) -> Rows:
    """The rows of a posterior, some of whose targets may be missing."""
    sizes = np.diff(found.starts)
    whose = np.array([place[subject] for subject in found.subjects], dtype=np.int64)
    owner = np.repeat(whose, sizes)
    order = np.argsort(owner * candidates + found.who, kind="stable")
    named = np.bincount(owner, minlength=len(place)).astype(np.int64)
    sums = np.bincount(owner, weights=found.confidence, minlength=len(place))
    rest = np.maximum(1.0 - sums, 0.0) / np.maximum(candidates - named, 1)
    spoke = named > 0
    rest[~spoke] = 1.0 / max(candidates, 1)
    return Rows((owner * candidates + found.who)[order], found.confidence[order], rest, named, spoke)


def _gains(part: Rows, epsilon: float, *, candidates: int) -> tuple[Ints, Ints, Floats]:
    """What each named candidate gains against those who are not named, as the logarithm of a likelihood ratio."""
    owner, who = part.key // candidates, part.key % candidates
    named = np.log((1.0 - epsilon) * candidates * part.value + epsilon)
    return owner, who, named - np.log((1.0 - epsilon) * candidates * part.rest + epsilon)[owner]
