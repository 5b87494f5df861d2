"""The exact join's pairs of fields: what is compared, and what it takes for a pair to count."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from ibis.expr.types import Table

FALSE_ALARM = 0.001
"""The chance, declared beforehand, that any accidental equality at all is taken for a link."""
LEAST_JOINS = 2
"""Equal values that a pair of fields needs; one alone may be a constant that only one subject met."""
LEAST_NUMBERS = 20
"""Distinct numbers that a field needs before it is compared: fewer are settings, not handles."""
SAME_OWNER = 0.75
MOST_HOLDERS = 32
"""A value that more subjects of a party hold is a constant of the system."""
MOST_PAIRS = 60
"""Pairs of fields that may speak for one guess."""

Form: TypeAlias = Literal["raw", "sha256 of the first", "sha256 of the second", "number"]
RAW, NUMBER, HASHED, DIGEST = range(4)
"""Kinds of values: as they are, numbers, SHA-256 of what they are, and what may be such a digest."""
FORMS: Mapping[Form, tuple[int, int]] = MappingProxyType(
    {
        "raw": (RAW, RAW),
        "sha256 of the first": (HASHED, DIGEST),
        "sha256 of the second": (DIGEST, HASHED),
        "number": (NUMBER, NUMBER),
    }
)
"""What is compared with what, the first party's with the second's."""
Sides: TypeAlias = tuple[str, str]
"""Two parties, the one nearer to people first."""
_ITEM = re.compile(r"\[\]")


@dataclass(frozen=True, slots=True)
class FieldPair:
    """Two fields, one at each party, with values in common in one form."""

    party: str
    field: str
    other_party: str
    other_field: str
    form: Form
    joins: int
    one_to_one: int
    expected: float  # equal values by accident, from the apparent entropy

    @property
    def consistency(self) -> float:
        """The share of common values that belong to one subject at each party."""
        return self.one_to_one / self.joins

    @property
    def reliability(self) -> float:
        """The probability that two subjects with such a value are one person (Jeffreys)."""
        return (self.one_to_one + 0.5) / (self.joins + 1.0)

    @property
    def first(self) -> str:
        return f"{self.field} ({'sha256' if self.form == 'sha256 of the first' else _plain(self.form)})"

    @property
    def second(self) -> str:
        return f"{self.other_field} ({'sha256' if self.form == 'sha256 of the second' else _plain(self.form)})"

    @property
    def name(self) -> str:
        return f"{self.first} = {self.second}"


def _plain(form: Form) -> str:
    return "number" if form == "number" else "raw"


def place_of(field: str) -> str:
    """Where in a message a field stands, without route, direction and lists: "issued.payload.iat"."""
    path = _ITEM.sub("", field.rpartition(" ")[2])
    return path.partition(".")[2].strip(".")


def last_of(field: str) -> str:
    """The last word of that place: "iat"."""
    return place_of(field).rpartition(".")[2]


def strongest(pairs: Iterable[FieldPair]) -> list[FieldPair]:
    """The pairs that may speak, best first, where there are too many."""
    return sorted(pairs, key=lambda p: (-p.one_to_one, p.first, p.second, p.party, p.other_party))[:MOST_PAIRS]


def chance_of(joins: int, expected: float) -> float:
    """The probability of at least `joins` events where `expected` are (Poisson), bounded as by Chernoff.

    P(X ≥ k) ≤ exp(−λ)(eλ/k)^k for k > λ; it needs no library and errs on the careful side.
    """
    if joins <= expected:
        return 1.0
    if expected <= 0.0:
        return 0.0
    exponent = joins - expected + joins * math.log(expected / joins)
    return math.exp(min(exponent, 0.0))


def join_fields(first: Table, field: str, second: Table, other_field: str) -> Table:
    """The exact join of one pair of fields: pairs of subjects, and the value they have in common."""
    one = first.filter((first.field == field) & first.subject.notnull()).select("text", first="subject")
    two = second.filter((second.field == other_field) & second.subject.notnull()).select("text", second="subject")
    return one.join(two, "text")
