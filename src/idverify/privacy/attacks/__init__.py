"""The attacks, one module each, all blind to the scheme: a View of ledgers in, an Answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from idverify.privacy.answers import Answer
from idverify.privacy.attacks.exact_join import exact_join
from idverify.privacy.attacks.intersection import intersection, intersection_and_address
from idverify.privacy.attacks.timing import timing, timing_and_address
from idverify.privacy.view import View

Attack = Callable[[View], Answer]

ATTACKS: Mapping[str, Attack] = MappingProxyType(
    {
        attack.__name__: attack
        for attack in (exact_join, timing, timing_and_address, intersection, intersection_and_address)
    }
)
"""In the order of measurement.md."""
