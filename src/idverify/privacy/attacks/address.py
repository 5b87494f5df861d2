"""Attack 5, address and client fingerprint: who comes from the same place with the same program."""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.timing import LEAST_COMMON, MOVES, STAYS
from idverify.privacy.classes import Agreeing, agreeing, sizes, weigh
from idverify.privacy.engine import kept_of
from idverify.privacy.view import View, part, together

if TYPE_CHECKING:
    from ibis.expr.types import Table

NAME = "address"
FEATURES: Mapping[str, str] = MappingProxyType({"network address": "peer", "user agent": "agent"})


def address(view: View) -> Answer:
    """Guess by network address and user agent."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has nothing to compare addresses with")
    found = view.once(("same address", view.source, view.target), partial(_agreeing, view))
    if found is None:
        return no_answer(view, NAME, "all records come from one address and client, or from none that both have met")
    declared = view.attacker == "policy" and view.public.policy.users_per_address is not None
    known = view.learned.moved if view.learned else {}
    moved = {feature: known.get(name, STAYS if declared else MOVES) for feature, name in FEATURES.items()}
    weighed = weigh(view, found, moved)
    pairs = tuple(f"{name} = {name}" for name in weighed.names)
    return replace(answer(view, NAME, weighed.posterior, pairs), left_out={"too many targets": weighed.left_out})


def _agreeing(view: View) -> Agreeing | None:
    """Who was seen at the same address, or with the same client, where the source has met enough of the target's."""
    assert view.source is not None
    sides = _seen(view, view.source), _seen(view, view.target)
    found = {name: size for name, size in sizes(view, *sides).items() if size.common >= LEAST_COMMON * size.values}
    return agreeing(view, *sides, found)


def _seen(view: View, party: str) -> Table:
    return view.of_each("seen", party, partial(_seen_of, view))


def _seen_of(view: View, parties: Sequence[str]) -> list[Table]:
    every = kept_of(view.engine, _places, *map(view.events, parties))
    return [part(view.engine, every, n) for n in range(len(parties))]


def _places(*ledgers: Table) -> Table:
    """Who came from where, and with what, each once."""
    import ibis

    events = together(*(events.select("subject", *FEATURES.values()) for events in ledgers))
    seen = [
        events.filter(events.subject.notnull() & events[name].notnull())
        .select("party", "subject", feature=ibis.literal(feature), value=name)
        .distinct()
        for feature, name in FEATURES.items()
    ]
    return seen[0].union(*seen[1:])
