"""Coverage = served / eligible, by group: who is left without an account although the mandate lets them have one.

Eligible are people of age who came to sign up. Minors are eligible through a guardian only where the mandate has such
a tier; the load has no guardian who registers a child, so that minors are told apart and served by what they own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from idverify.load.tried import Tried
from idverify.outcomes.model import Served
from idverify.outcomes.shares import rate

GROUPS: tuple[tuple[str, Callable[[Tried], bool]], ...] = (
    ("everybody of age", lambda person: not person.minor),
    ("citizens", lambda person: not person.minor and not person.foreigner),
    ("foreigners", lambda person: not person.minor and person.foreigner),
    ("no document", lambda person: not person.minor and not person.document),
    ("no e-ID account", lambda person: not person.minor and not person.e_id),
    ("no device", lambda person: not person.minor and not person.smartphone),
    ("minors with a guardian", lambda person: person.minor and person.guardian),
    ("minors without a guardian", lambda person: person.minor and not person.guardian),
)


def served(person: Tried) -> bool:
    """Whether somebody got what they came for by themselves: an account wherever they tried."""
    return bool(person.own) and all(not each.reason for each in person.own)


def coverage(people: Sequence[Tried]) -> list[Served]:
    """Each group with its share; groups overlap. A minor counts as served with what is their own and true."""
    found = []
    for name, belongs in GROUPS:
        group = [person for person in people if belongs(person)]
        got = [served(person) and not person.lied for person in group]
        reasons = Counter(
            next((each.reason for each in person.own if each.reason), "false statement")
            for person, yes in zip(group, got, strict=True)
            if not yes
        )
        found.append(Served(group=name, served=rate(sum(got), len(group)), reasons=dict(sorted(reasons.items()))))
    return found
