"""Quasi-identifiers: how many people of the country have a combination of attributes that nobody else has.

With p the probability of a combination and N people, Poisson:
    P(unique) = Σ p·exp(−Np)        top-1 = Σ (1 − exp(−Np))/N
(docs/measurement.md). N is the country's, never the simulated one: at 10,000 people 70 % have a birth date of their
own, at 2 million 0.07 %.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from idverify.outcomes.country import Country
from idverify.outcomes.model import QuasiIdentifier
from idverify.population import names
from idverify.population import parameters as p

Floats: TypeAlias = NDArray[np.float64]
NUMBERS = frozenset({"id_number", "id_number_hash"})
KNOWN = ("birth_date", "sex", "province", "name")
"""The attributes that a model of the country can combine."""
USUAL = (("birth_date",), ("birth_date", "sex", "province"), ("name",), ("name", "birth_date"))
"""The combinations that are always told."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Combinations of values: `count` of them have the probability `share` each."""

    share: Floats
    count: Floats

    def times(self, other: Cells) -> Cells:
        """The combinations with independent attributes."""
        return merged(np.outer(self.share, other.share).ravel(), np.outer(self.count, other.count).ravel())


def merged(share: Floats, count: Floats) -> Cells:
    """Cells of the same probability put together."""
    values, places = np.unique(share, return_inverse=True)
    counts = np.bincount(places, weights=count, minlength=len(values))
    return Cells(values, counts.astype(np.float64))


def unique(cells: Cells, people: float) -> float:
    """P(somebody is the only one with their combination) among so many people."""
    return float(np.sum(cells.count * cells.share * np.exp(-people * cells.share)))


def top_1(cells: Cells, people: float) -> float:
    """Success of a guess at random among those who share the combination."""
    return float(np.sum(cells.count * -np.expm1(-people * cells.share))) / people


def cells(attributes: Collection[str], country: Country) -> Cells:
    """The combinations of these attributes among citizens; sex and name depend on each other, the rest does not."""
    made = Cells(np.array([1.0]), np.array([1.0]))
    if "birth_date" in attributes:
        made = made.times(merged(country.birth_dates, np.ones(len(country.birth_dates))))
    if "province" in attributes:
        weights = np.array([float(weight) for _, weight in p.PROVINCES])
        made = made.times(merged(weights / weights.sum(), np.ones(len(weights))))
    if "name" in attributes:
        return made.times(_names(apart="sex" in attributes))
    if "sex" in attributes:
        female = float(p.FEMALE)
        made = made.times(merged(np.array([female, 1.0 - female]), np.ones(2)))
    return made


def _names(*, apart: bool) -> Cells:
    """Whole names; `apart`: with the sex, so that a name of both counts twice."""
    weights = np.array([float(weight) for _, weight in p.SURNAMES])
    surnames = merged(weights / weights.sum(), np.ones(len(weights)))
    female = float(p.FEMALE)
    each: dict[tuple[str, str, bool], float] = {}
    for women, part in ((True, female), (False, 1.0 - female)):
        rests = names.rests(female=women)
        for rest in rests:
            key = (*rest, women if apart else False)
            each[key] = each.get(key, 0.0) + part / len(rests)
    shares = np.array(list(each.values()))
    return surnames.times(merged(shares, np.ones(len(shares))))


def quasi_identifier(attributes: Sequence[str], country: Country) -> QuasiIdentifier:
    """How few share these attributes; an ID number names one person, and so does its hash."""
    if NUMBERS & {*attributes}:
        return QuasiIdentifier(attributes=list(attributes), unique=1.0, top_1=1.0, people=country.people)
    made = cells(attributes, country)
    return QuasiIdentifier(
        attributes=list(attributes),
        unique=min(1.0, unique(made, country.people)),
        top_1=min(1.0, top_1(made, country.people)),
        people=country.people,
    )


def together(presentations: Sequence[Collection[str]]) -> list[tuple[str, ...]]:
    """The combinations that platforms got, each once, the most usual first; what no model combines is left out."""
    found: dict[tuple[str, ...], int] = {}
    for one in presentations:
        kept = tuple(name for name in (*sorted(NUMBERS), *KNOWN) if name in one)
        if kept:
            found[kept] = found.get(kept, 0) + 1
    return sorted(found, key=lambda key: -found[key])
