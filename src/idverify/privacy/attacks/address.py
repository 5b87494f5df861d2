"""Attack 5, address and client fingerprint: who comes from the same place with the same program."""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.timing import LEAST_COMMON, MOVES, STAYS
from idverify.privacy.classes import Feature, weigh
from idverify.privacy.engine import counted
from idverify.privacy.view import View

NAME = "address"


def address(view: View) -> Answer:
    """Guess by network address and user agent."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has nothing to compare addresses with")
    found = weigh(view, list(_features(view)))
    if found is None:
        return no_answer(view, NAME, "all records come from one address and client, or from none that both have met")
    pairs = tuple(f"{name} = {name}" for name in found.names)
    return replace(answer(view, NAME, found.posterior, pairs), left_out={"too many targets": found.left_out})


def _features(view: View) -> Iterator[Feature]:
    assert view.source is not None
    first, second = view.events(view.source), view.events(view.target)
    declared = view.attacker == "policy" and view.public.policy.users_per_address is not None
    for name in ("peer", "agent"):
        moved = STAYS if declared else MOVES
        if view.learned is not None:
            moved = view.learned.moved.get(name, moved)
        one, two = (
            t.filter(t.subject.notnull() & t[name].notnull()).select("subject", value=name).distinct()
            for t in (first, second)
        )
        theirs = two.select("value").distinct()
        total = counted(view.engine, theirs)
        common = counted(view.engine, theirs.semi_join(one, "value"))
        if total and common >= LEAST_COMMON * total:
            yield Feature({"peer": "network address", "agent": "user agent"}[name], one, two, moved)
