"""A population of columns: one NumPy array per fact, one row per person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from idverify.errors import BadUsage
from idverify.population import draws, names
from idverify.population import parameters as p
from idverify.population.id_numbers import id_numbers
from idverify.scheme import Json, Person

LARGEST = 5_000_000
"""Persons in one population; beyond it the memory of a laptop ends."""

_EPOCH = date(1970, 1, 1)
_COLUMNS = (
    *("number", "born", "sex", "province", "country", "surname", "name", "social", "smartphone", "e_id", "document"),
    *("foreigner", "guardian"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Row i of every array is the same person. The arrays are read-only; a seed gives the same ones for ever."""

    size: int
    seed: int
    number: NDArray[np.int64]  # the ID number
    born: NDArray[np.int32]  # days since 1970-01-01
    sex: NDArray[np.uint8]  # 0 female, 1 male
    province: NDArray[np.uint8]  # a place in parameters.PROVINCES
    country: NDArray[np.uint8]  # a place in parameters.COUNTRIES
    surname: NDArray[np.uint8]  # a place in parameters.SURNAMES
    name: NDArray[np.uint32]  # a random word that picks the rest of the name
    social: NDArray[np.bool_]  # uses social media
    smartphone: NDArray[np.bool_]
    e_id: NDArray[np.bool_]  # has an account at the identity provider
    document: NDArray[np.bool_]  # has any identity document
    foreigner: NDArray[np.bool_]
    guardian: NDArray[np.int32]  # the guardian's row; -1: an adult, or a minor for whom nobody vouches
    _numbers: NDArray[np.int64]  # `number`, sorted
    _rows: NDArray[np.int64]  # the row of each entry of `_numbers`

    @classmethod
    def make(cls, size: int, seed: int) -> Population:
        """Draw `size` persons. Raises BadUsage beyond `LARGEST` or for a negative size or seed."""
        if not 0 <= size <= LARGEST:
            raise BadUsage(
                f"a population of {size:,} persons, where 0 to {LARGEST:,} are possible", hint="take fewer citizens"
            )
        if not 0 <= seed < 2**64:
            raise BadUsage(f"the seed {seed} is not between 0 and 2^64 − 1", hint="take a small whole number")

        def drawn(column: str) -> draws.Words:
            return draws.words(seed, column, size)

        ages = draws.chosen(drawn("age"), p.age_shares())
        starts = np.array([(date(2025 - age, 1, 2) - _EPOCH).days for age in range(p.OLDEST + 1)])
        lengths = np.array([(date(2026 - a, 1, 2) - date(2025 - a, 1, 2)).days for a in range(p.OLDEST + 1)])
        born = starts[ages] + draws.below(drawn("birthday"), lengths[ages])
        male = (drawn("sex") >= draws.threshold(p.FEMALE.value)).astype(np.int64)
        province = draws.chosen(drawn("province"), [weight for _, weight in p.PROVINCES])

        working = ((ages >= p.ADULT_FROM) & (ages <= p.FOREIGN_TO)).astype(np.int64)
        foreigner = draws.happens(drawn("foreigner"), [Fraction(0), p.foreign_share()], working)
        abroad = draws.chosen(drawn("country"), [weight for _, weight in p.COUNTRIES])
        country = np.where(foreigner, abroad, 0)
        undocumented = draws.happens(drawn("document"), [p.NO_DOCUMENT.value], np.zeros(size, dtype=np.int64))
        document = foreigner | ~undocumented

        numbers = id_numbers(seed, province, male, year=_years(born))
        rows = np.argsort(numbers, kind="stable")
        population = cls(
            size=size,
            seed=seed,
            number=numbers,
            born=born.astype(np.int32),
            sex=male.astype(np.uint8),
            province=province.astype(np.uint8),
            country=country.astype(np.uint8),
            surname=draws.chosen(drawn("surname"), [weight for _, weight in p.SURNAMES]).astype(np.uint8),
            name=drawn("name").astype(np.uint32),
            social=draws.happens(drawn("social"), [p.social_share(age) for age in range(p.OLDEST + 1)], ages),
            smartphone=_smartphone(drawn("smartphone"), ages, province=province),
            e_id=_e_id(drawn("e_id"), ages, foreigner=foreigner) & document,
            document=document,
            foreigner=foreigner,
            guardian=_guardians(seed, ages, born=born, province=province),
            _numbers=numbers[rows],
            _rows=rows,
        )
        for column in (*_COLUMNS, "_numbers", "_rows"):
            getattr(population, column).setflags(write=False)
        return population

    def __len__(self) -> int:
        return self.size

    def id_number(self, row: int) -> str:
        """12 digits, the first of them a 9."""
        return f"{int(self.number[self._checked(row)]):012d}"

    def person(self, row: int) -> Person:
        """The person in that row; raises IndexError outside 0 … size − 1."""
        self._checked(row)
        female, country = not self.sex[row], p.COUNTRIES[self.country[row]][0]
        word = int(self.name[row])
        if self.foreigner[row]:
            name = names.foreign(country, word, female=female)
        else:
            name = names.vietnamese(int(self.surname[row]), word, female=female)
        return Person(
            id_number=self.id_number(row),
            name=name,
            born=_EPOCH + timedelta(days=int(self.born[row])),
            sex="female" if female else "male",
            province=p.PROVINCES[self.province[row]][0],
            country=country,
        )

    def find(self, id_number: str) -> int | None:
        """The row of the person with that ID number; None for anything that is no ID number of this population."""
        if len(id_number) != 12 or not (id_number.isascii() and id_number.isdigit()):
            return None
        number = int(id_number)
        place = int(np.searchsorted(self._numbers, number))
        if place == self.size or int(self._numbers[place]) != number:
            return None
        return int(self._rows[place])

    def pin(self, row: int) -> str:
        """Six digits with which the person signs in at the mock identity provider. Not a secret: the seed gives it."""
        drawn = hashlib.sha256(f"pin {self.seed} {self._checked(row)}".encode()).digest()
        return f"{int.from_bytes(drawn[:8], 'big') % 10**6:06d}"

    def digest(self) -> str:
        """SHA-256 over all columns in little-endian order: equal digests are equal populations, on any machine."""
        total = hashlib.sha256()
        for name in _COLUMNS:
            column: NDArray[np.generic] = getattr(self, name)
            little = column.astype(column.dtype.newbyteorder("<"), copy=False)
            total.update(f"{name} {column.dtype.kind}{column.dtype.itemsize} {len(column)}\n".encode())
            total.update(little.tobytes())
        return total.hexdigest()

    def rows_as_json(self) -> Iterator[dict[str, Json]]:
        """One JSON object per person, in the order of the rows; `guardian` is an ID number or null."""
        for row in range(self.size):
            person, guardian = self.person(row), int(self.guardian[row])
            yield {
                "id_number": person.id_number,
                "name": person.name,
                "born": person.born.isoformat(),
                "sex": person.sex,
                "province": person.province,
                "country": person.country,
                "social": bool(self.social[row]),
                "smartphone": bool(self.smartphone[row]),
                "e_id": bool(self.e_id[row]),
                "document": bool(self.document[row]),
                "foreigner": bool(self.foreigner[row]),
                "guardian": self.id_number(guardian) if guardian >= 0 else None,
            }

    def _checked(self, row: int) -> int:
        if not 0 <= row < self.size:
            raise IndexError(f"row {row} of a population of {self.size}")
        return int(row)


def _years(born: NDArray[np.int64]) -> NDArray[np.int64]:
    return born.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def _smartphone(drawn: draws.Words, ages: NDArray[np.int64], *, province: NDArray[np.int64]) -> NDArray[np.bool_]:
    adults = len(p.PROVINCES)
    shares = [p.smartphone_share(number) for number in range(adults)]
    shares += [Fraction(0), p.SMARTPHONE_6_11.value, p.SMARTPHONE_12_17.value]
    band = np.searchsorted([6, 12], ages, side="right") + adults
    return draws.happens(drawn, shares, np.where(ages >= p.ADULT_FROM, province, band))


def _e_id(drawn: draws.Words, ages: NDArray[np.int64], *, foreigner: NDArray[np.bool_]) -> NDArray[np.bool_]:
    shares = [Fraction(0), p.E_ID_6_13.value, p.e_id_share_from_14(), p.e_id_share_foreign()]
    band = np.searchsorted([p.E_ID_ON_REQUEST_FROM, p.E_ID_FROM], ages, side="right")
    return draws.happens(drawn, shares, np.where(foreigner, 3, band))


def _guardians(
    seed: int, ages: NDArray[np.int64], *, born: NDArray[np.int64], province: NDArray[np.int64]
) -> NDArray[np.int32]:
    """For each minor an adult of the same province, 18 to 45 years older; -1 where there is none."""
    guardian = np.full(len(ages), -1, dtype=np.int32)
    minors, adults = np.flatnonzero(ages < p.ADULT_FROM), np.flatnonzero(ages >= p.ADULT_FROM)
    # One key orders the adults by province, then by birth; a minor's candidates are one stretch of it.
    key = province * 2**20 + born + 2**19
    adults = adults[np.argsort(key[adults], kind="stable")]
    oldest = np.searchsorted(key[adults], key[minors] - _days(p.GUARDIAN_OLDER_MOST), side="left")
    youngest = np.searchsorted(key[adults], key[minors] - _days(p.GUARDIAN_OLDER_LEAST), side="right")
    has = youngest > oldest
    has &= ~draws.happens(
        draws.words(seed, "no_guardian", len(ages)), [p.NO_GUARDIAN.value], np.zeros(len(ages), dtype=np.int64)
    )[minors]
    place = oldest + draws.below(draws.words(seed, "guardian", len(ages))[minors], youngest - oldest)
    guardian[minors[has]] = adults[place[has]]
    return guardian


def _days(years: int) -> int:
    """At least that many years: leap days are rounded up."""
    return (years * 1461 + 3) // 4
