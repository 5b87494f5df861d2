"""Attack 5, address and client fingerprint: who comes from the same place with the same program."""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.timing import LEAST_COMMON, MOVES, STAYS
from idverify.privacy.classes import Feature, met, weigh
from idverify.privacy.engine import kept
from idverify.privacy.view import View

if TYPE_CHECKING:
    from ibis.expr.types import Table

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
    declared = view.attacker == "policy" and view.public.policy.users_per_address is not None
    for name in ("peer", "agent"):
        moved = STAYS if declared else MOVES
        if view.learned is not None:
            moved = view.learned.moved.get(name, moved)
        one, two = (_seen(view, party, name) for party in (view.source, view.target))
        if view.once(("in common", name, view.source, view.target), partial(_in_common, view, one, two)):
            yield Feature({"peer": "network address", "agent": "user agent"}[name], one, two, moved)


def _seen(view: View, party: str, name: str) -> Table:
    """Who came from where, or with what, each once."""

    def rows() -> Table:
        events = view.events(party)
        seen = events.filter(events.subject.notnull() & events[name].notnull())
        return kept(view.engine, seen.select("subject", value=name).distinct())

    return view.once(("seen", name, party), rows)


def _in_common(view: View, one: Table, two: Table) -> bool:
    """Whether the source has met enough of what the target has met."""
    total, common = met(view, one, two)
    return total > 0 and common >= LEAST_COMMON * total
