"""Who puts ledgers together: the coalitions that are possible in a world, each with what it is called.

The target of a coalition is its last-named platform, its source the party that knows people (privacy/view.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from idverify.comparison import visits
from idverify.comparison.openings import QUORUM, TOO_FEW
from idverify.privacy.public import THIEF

ISSUER, FIRST, SECOND = "identity_provider", "platform_a", "platform_b"
OBSERVER, STATUS, TOKENS = "network_observer", "status_host", "token_issuer"
JOINT, PLATFORMS, VISITS, STATE = f"{ISSUER}+{FIRST}", f"{FIRST}+{SECOND}", f"{FIRST}+{FIRST}", "state"
STATE_PARTIES = (ISSUER, TOKENS, STATUS, OBSERVER, SECOND, FIRST)
"""Whom an order may tell to hand over what they have."""


@dataclass(frozen=True, slots=True)
class Coalition:
    """Parties that put their ledgers together. `name` is the key in run.json."""

    name: str
    parties: tuple[str, ...]
    title: str
    both: bool = False  # attacked in the view that the mandate leaves, too


def _of(*parties: str, title: str, both: bool = False) -> Coalition:
    return Coalition("+".join(parties), parties, title, both)


EVERY = (
    _of(ISSUER, FIRST, title="identity provider + platform A", both=True),
    _of(FIRST, SECOND, title="platform A + platform B", both=True),
    Coalition(VISITS, (visits.FIRST, visits.LATER), "platform A, two visits"),
    _of(FIRST, title="platform A alone", both=True),
    _of(OBSERVER, FIRST, title="network observer + platform A"),
    _of(ISSUER, OBSERVER, FIRST, title="identity provider + observer + platform A"),
    _of(TOKENS, FIRST, title="token issuer + platform A"),
    Coalition(STATE, STATE_PARTIES, "the state with an order", both=True),
    _of(QUORUM, FIRST, title="a quorum of openers + platform A"),
    _of(TOO_FEW, FIRST, title="one opener too few + platform A"),
    _of(THIEF + FIRST, title="thief of platform A’s database"),
    _of(THIEF + SECOND, title="thief of platform B’s database"),
    _of(THIEF + ISSUER, THIEF + FIRST, title="thief of both databases, identity provider’s and platform A’s"),
    _of(THIEF + ISSUER, title="thief of the identity provider’s database"),
    _of(ISSUER, title="identity provider alone"),
    _of(STATUS, title="status host alone"),
    _of(ISSUER, STATUS, title="identity provider + status host"),
)
"""All of them, in the order in which they are shown. Where a party plays no part, its coalitions are not there."""
SHOWN = (JOINT, PLATFORMS, VISITS, FIRST, f"{OBSERVER}+{FIRST}", f"{ISSUER}+{OBSERVER}+{FIRST}", STATE,
         f"{QUORUM}+{FIRST}", f"{TOO_FEW}+{FIRST}", THIEF + FIRST, f"{THIEF}{ISSUER}+{THIEF}{FIRST}")  # fmt: skip
"""The columns of the matrix; the others are in the table of all attacks."""


def possible(known: Collection[str], *, ordered: bool) -> list[Coalition]:
    """The coalitions of parties that have a ledger; `ordered`: somebody may order the state's to hand theirs over.

    The state's is made of those of its parties that are there.
    """
    found = []
    for coalition in EVERY:
        if coalition.name == STATE:
            there = tuple(party for party in coalition.parties if party in known)
            if ordered and len(there) > 1 and FIRST in there:
                found.append(Coalition(STATE, there, coalition.title, coalition.both))
        elif set(coalition.parties) <= set(known):
            found.append(coalition)
    return found


def title_of(name: str) -> str:
    """What a coalition is called; its parties where it is none of ours."""
    return next((each.title for each in EVERY if each.name == name), name.replace("_", " ").replace("+", " + "))


def in_order(names: Collection[str]) -> list[str]:
    """Names of coalitions in the order in which they are shown, those that are none of ours last."""
    ours = [each.name for each in EVERY]
    return sorted(names, key=lambda name: (ours.index(name) if name in ours else len(ours), name))
