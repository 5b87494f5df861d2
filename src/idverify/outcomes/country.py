"""The country as probabilities: how likely somebody fits what was shown, by the model that the register is drawn from.

    P(shown) = Σ over birth dates, sexes, and citizens or foreigners of p(date)·p(sex)·p(foreign | age)·p(rest | these)

Birth dates are uniform within a year of age, sex and province independent of everything, names as `population.names`
combines them: what population/parameters.py says, with its sources and assumptions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from idverify.population import names
from idverify.population import parameters as p

Floats: TypeAlias = NDArray[np.float64]
Sex: TypeAlias = Literal["female", "male"]
SEXES: tuple[Sex, ...] = ("female", "male")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The attributes of a person that one presentation shows; None or False: not shown.

    `over` and `under` are years that were proven reached, or not reached. `attested` says that the identity provider
    stands behind it, so that the person has an account there. `id_hash` is SHA-256 of the ID number, which trying all
    numbers undoes.
    """

    born: date | None = None
    over: int | None = None
    under: int | None = None
    sex: Sex | None = None
    province: str | None = None
    country: str | None = None
    name: str | None = None
    id_number: bool = False
    id_hash: bool = False
    attested: bool = False

    def attributes(self) -> tuple[str, ...]:
        """The names of what is shown; "issuer" is that somebody attests it."""
        parts: Mapping[str, object] = {
            "id_number": self.id_number,
            "id_number_hash": self.id_hash,
            "name": self.name,
            "birth_date": self.born,
            "sex": self.sex,
            "province": self.province,
            "country": self.country,
            "issuer": self.attested,
        }
        found = [name for name, value in parts.items() if value]
        found += [f"age_over_{self.over}"] if self.over is not None else []
        found += [f"age_under_{self.under}"] if self.under is not None else []
        return tuple(found)


@dataclass(frozen=True)
class Country:
    """The distribution of people on the day `today`."""

    today: date

    @property
    def people(self) -> int:
        """How many there are."""
        return int(p.PEOPLE.value * 1_000_000)

    @property
    def ceiling(self) -> float:
        """Bits that name one person: log2 of the people."""
        return math.log2(self.people)

    @cached_property
    def _first(self) -> date:
        return date(2025 - p.OLDEST, 1, 2)

    @cached_property
    def _ages(self) -> NDArray[np.int64]:
        """The age on the reference day of those born on each day, from `_first` on."""
        lengths = [(date(2026 - age, 1, 2) - date(2025 - age, 1, 2)).days for age in range(p.OLDEST, -1, -1)]
        return np.repeat(np.arange(p.OLDEST, -1, -1), lengths)

    @cached_property
    def birth_dates(self) -> Floats:
        """The probability of each birth date, from the oldest to the youngest; they sum to 1."""
        each = np.array([float(share) for share in p.age_shares()])
        days = np.bincount(self._ages, minlength=p.OLDEST + 1)
        return (each / days)[self._ages]

    @cached_property
    def _foreign(self) -> Floats:
        working = (self._ages >= p.ADULT_FROM) & (self._ages <= p.FOREIGN_TO)
        return np.where(working, float(p.foreign_share()), 0.0)

    @cached_property
    def _e_id(self) -> tuple[Floats, Floats]:
        """The share with an account at the identity provider by birth date, of citizens and of foreigners."""
        documented = 1.0 - float(p.NO_DOCUMENT)
        own = np.where(self._ages >= p.E_ID_FROM, float(p.e_id_share_from_14()), float(p.E_ID_6_13))
        own = np.where(self._ages >= p.E_ID_ON_REQUEST_FROM, own, 0.0) * documented
        return own, np.full(len(self._ages), float(p.e_id_share_foreign()))

    def born_by(self, over: int) -> int:
        """How many birth dates, from the oldest on, belong to people of that age or older today.

        Who is born on 29 February is a year older on 1 March of a common year.
        """
        try:
            last = self.today.replace(year=self.today.year - over)
        except ValueError:  # 29 February, and that year has none
            last = date(self.today.year - over, 2, 28)
        return min(max((last - self._first).days + 1, 0), len(self._ages))

    def probability(self, shown: Shown) -> float:
        """The share of the country that fits, and at least one person: they were there."""
        least = 1.0 / self.people
        if shown.id_number or shown.id_hash:
            return least
        days = np.ones(len(self._ages), dtype=bool)
        if shown.born is not None:
            days[:] = False
            place = (shown.born - self._first).days
            if 0 <= place < len(days):
                days[place] = True
        if shown.over is not None:
            days[self.born_by(shown.over) :] = False
        if shown.under is not None:
            days[: self.born_by(shown.under)] = False
        weight = self.birth_dates * days
        own, abroad = self._e_id if shown.attested else (np.ones(len(days)), np.ones(len(days)))
        citizens = float(np.sum(weight * (1.0 - self._foreign) * own))
        foreigners = float(np.sum(weight * self._foreign * abroad))
        share = citizens * _named(shown, citizen=True) + foreigners * _named(shown, citizen=False)
        if shown.province is not None:
            share *= self.province(shown.province)
        return min(max(share, least), 1.0)

    def bits(self, shown: Shown) -> float:
        """−log2 of the probability: bits that the shown attributes disclose, at most `ceiling`."""
        return max(0.0, -math.log2(self.probability(shown)))

    def province(self, name: str) -> float:
        """The share of people in a province; 1 for a name that is none."""
        weights = dict(p.PROVINCES)
        return weights[name] / sum(weights.values()) if name in weights else 1.0

    def turning(self, age: int) -> float:
        """How many people reach that age on an average day: people · share of those a year younger / 365.25."""
        return self.people * float(p.age_shares()[age - 1]) / 365.25 if 1 <= age <= p.OLDEST else 0.0


def _named(shown: Shown, *, citizen: bool) -> float:
    """P(sex, country and name as shown) among citizens, or among foreigners."""
    female = float(p.FEMALE)
    weights = {"VN": 1.0} if citizen else dict(p.COUNTRIES[1:])
    total = sum(weights.values())
    share = 0.0
    for sex, part in zip(SEXES, (female, 1.0 - female), strict=True):
        if shown.sex in (None, sex):
            for country, weight in weights.items():
                if shown.country in (None, country):
                    likely = 1.0 if shown.name is None else names.likely(shown.name, country, female=sex == "female")
                    share += part * weight / total * likely
    return share
