"""The attacks, one module each, all blind to the scheme: a View of ledgers in, an Answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from idverify.privacy.answers import Answer, AttackerName
from idverify.privacy.attacks.address import address
from idverify.privacy.attacks.combined import combined
from idverify.privacy.attacks.enumeration import enumeration
from idverify.privacy.attacks.exact_join import exact_join
from idverify.privacy.attacks.intersection import intersection, intersection_and_address
from idverify.privacy.attacks.near_join import near_join
from idverify.privacy.attacks.partition import partition
from idverify.privacy.attacks.quasi_identifiers import quasi_identifiers
from idverify.privacy.attacks.revocation import revocation
from idverify.privacy.attacks.timing import timing, timing_and_address
from idverify.privacy.view import View

Attack = Callable[[View], Answer]

ATTACKS: Mapping[str, Attack] = MappingProxyType(
    {
        attack.__name__: attack
        for attack in (
            exact_join,
            near_join,
            enumeration,
            timing,
            timing_and_address,
            intersection,
            intersection_and_address,
            address,
            quasi_identifiers,
            partition,
            revocation,
            combined,
        )
    }
)
"""In the order of measurement.md."""

WITH_HELPERS = frozenset({"exact_join", "combined"})
"""Attacks that look at the parties between source and target; for the others they make no difference."""
INDIFFERENT = frozenset({"exact_join", "near_join", "quasi_identifiers", "revocation"})
"""Attacks for which it is all the same what the attacker knows beside the ledgers."""
ALIKE: Mapping[AttackerName, frozenset[str]] = MappingProxyType(
    {"policy": frozenset(), "trained": INDIFFERENT | {"enumeration"}, "blind": INDIFFERENT | {"partition"}}
)
"""For each attacker the attacks that find what they find for one who knows the policy."""
