"""All evidence at once: what the other attacks found, as if it were independent, multiplied.

Of attacks that look at the same thing only one counts: repeated logins include the first, and time with address
includes both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from idverify.privacy.answers import Answer, Floats, Ints
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.address import address
from idverify.privacy.attacks.exact_join import exact_join
from idverify.privacy.attacks.intersection import intersection, intersection_and_address
from idverify.privacy.attacks.near_join import near_join
from idverify.privacy.attacks.partition import partition
from idverify.privacy.attacks.quasi_identifiers import quasi_identifiers
from idverify.privacy.attacks.revocation import revocation
from idverify.privacy.matching import LEAST_KEPT, MOST_ENTRIES, added, gathered, normal
from idverify.privacy.view import View

NAME = "combined"
KINDS: tuple[tuple[Callable[[View], Answer], ...], ...] = (
    (exact_join,),
    (near_join,),
    (intersection_and_address, intersection, address),
    (quasi_identifiers,),
    (partition,),
    (revocation,),
)
"""Of each kind the first that has something to say."""
LEAST = 1e-12


def combined(view: View) -> Answer:
    """The product of what the attacks say."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has nothing to combine")
    spoke = [found for kind in KINDS if (found := _of_kind(view, kind)) is not None]
    if not spoke:
        return no_answer(view, NAME, "no attack has anything to go by")
    names, subjects = view.subjects(view.source), view.subjects(view.target)
    place = {subject: number for number, subject in enumerate(subjects)}
    gains = [_gains(found, place, pool=len(names)) for found in spoke]
    owner, who, gain = (np.concatenate(parts) for parts in zip(*gains, strict=True))
    total = added(owner, who, gain, columns=len(names))
    most = max(LEAST_KEPT, MOST_ENTRIES // max(len(subjects), 1))
    posterior = gathered([normal(*total, pool=len(names), most=most)], names, subjects)
    return answer(view, NAME, posterior, tuple(pair for found in spoke for pair in found.pairs))


def _of_kind(view: View, kind: tuple[Callable[[View], Answer], ...]) -> Answer | None:
    for attack in kind:
        found = view.said(attack)
        if not found.silent:
            return found
    return None


def _gains(found: Answer, place: Mapping[str, int], *, pool: int) -> tuple[Ints, Ints, Floats]:
    """What each named candidate gains against those who are not named, as the logarithm of a likelihood ratio."""
    rows = found.posterior
    sizes = np.diff(rows.starts)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    named = np.bincount(owner, weights=rows.confidence, minlength=len(sizes))
    rest = np.maximum(1.0 - named, LEAST) / np.maximum(pool - sizes, 1)
    # Where everybody is named nobody is left to compare with: the least confident stand for them.
    gain = np.log(np.maximum(rows.confidence, LEAST)) - np.log(rest)[owner]
    whose = np.array([place[subject] for subject in rows.subjects], dtype=np.int64)
    return whose[owner], rows.who, gain
