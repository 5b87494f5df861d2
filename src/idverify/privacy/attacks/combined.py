"""All evidence at once: what the other attacks found, multiplied, each as far as the others bear it out (`pooling`).

Of attacks that look at the same thing only one counts: repeated logins include the first, time with address includes
both where the two agree, and numbers that are equal are near each other too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.address import address
from idverify.privacy.attacks.exact_join import exact_join
from idverify.privacy.attacks.intersection import intersection, intersection_and_address
from idverify.privacy.attacks.near_join import TIME, near_join
from idverify.privacy.attacks.partition import partition
from idverify.privacy.attacks.quasi_identifiers import quasi_identifiers
from idverify.privacy.attacks.revocation import revocation
from idverify.privacy.attacks.timing import timing, timing_and_address
from idverify.privacy.pooling import pooled
from idverify.privacy.view import View

NAME = "combined"
ALONE: tuple[Callable[[View], Answer], ...] = (partition, quasi_identifiers, revocation)
"""Each of these looks at something of its own."""


def combined(view: View) -> Answer:
    """The product of what the attacks say, the most trusted first."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has nothing to combine")
    spoke = list(_spoke(view))
    if not spoke:
        return no_answer(view, NAME, "no attack has anything to go by")
    names, subjects = view.subjects(view.source), view.subjects(view.target)
    posterior, doubts = pooled([found.posterior for found in spoke], names, subjects)
    heard = [found for found, doubt in zip(spoke, doubts, strict=True) if doubt < 1.0]
    return answer(view, NAME, posterior, tuple(dict.fromkeys(pair for found in heard for pair in found.pairs)))


def _spoke(view: View) -> Iterator[Answer]:
    """What there is to go by, in the order of trust: equal handles, places, what parts people, times, near numbers."""
    joined = view.said(exact_join)
    if not joined.silent:
        yield joined
    timed = _surest(view, intersection, timing)
    placed = view.said(address)
    together = _together(view, timed, placed)
    if together is not None:
        yield together
    elif not placed.silent:
        yield placed
    for attack in ALONE:
        found = view.said(attack)
        if not found.silent:
            yield found
    if together is None and timed is not None and timed.pairs != view.said(revocation).pairs:
        yield timed
    near = view.said(near_join)
    if not near.silent and not _told(near, joined, timed):
        yield near


def _surest(view: View, *attacks: Callable[[View], Answer]) -> Answer | None:
    """Of attacks that look at the same thing the one that claims to tell most; the first of equals."""
    spoke = [found for found in map(view.said, attacks) if not found.silent]
    return max(spoke, key=_claimed, default=None)


def _claimed(found: Answer) -> float:
    """The mean confidence of the first candidates."""
    rows = found.posterior
    starts = rows.starts[:-1][np.diff(rows.starts) > 0]
    return round(float(rows.confidence[starts].sum()) / max(len(rows.subjects), 1), 9)


def _together(view: View, timed: Answer | None, placed: Answer) -> Answer | None:
    """Time and address as one, where each bears the other out."""
    if timed is None or placed.silent or view.source is None:
        return None
    both = _surest(view, intersection_and_address, timing_and_address)
    if both is None:
        return None
    names, subjects = view.subjects(view.source), view.subjects(view.target)
    doubts = pooled([placed.posterior, timed.posterior], names, subjects)[1]
    return both if doubts[-1] <= 0.5 else None


def _told(near: Answer, joined: Answer, timed: Answer | None) -> bool:
    """Whether near numbers are what others have said already."""
    fields = near.pairs[0].split(" ~ ")
    if not joined.silent and all(any(field in pair for pair in joined.pairs) for field in fields):
        return True
    return timed is not None and TIME in fields
