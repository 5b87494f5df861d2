"""Who comes to sign up, in which order, and what each of them will try: decided by the seed and the person alone.

The same person behaves the same under every scheme, so that schemes are compared like for like.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from idverify.population import Population
from idverify.settings import Settings


@dataclass(frozen=True, slots=True)
class Citizen:
    """A social media user of the population, with what they are about to do. `guardian` is a row, or None."""

    row: int
    id_number: str
    born: date
    minor: bool
    smartphone: bool
    guardian: int | None
    lies: bool
    borrows: bool
    farms: bool


def order(population: Population, *, seed: int, index: int = 0, count: int = 1) -> Iterator[int]:
    """The rows of all social media users in one shuffled order, of which worker `index` of `count` takes its share."""
    rows = np.flatnonzero(population.social)
    np.random.Generator(np.random.Philox(seed)).shuffle(rows)
    return (int(row) for row in rows[index::count]) if 0 <= index < count else iter(())


def citizen(population: Population, row: int, *, settings: Settings, adult_from: int, now: datetime) -> Citizen:
    """What the person in that row will do; `adult_from` is the age, in years, that the mandate asks for."""
    person = population.person(row)
    chance = random.Random(f"{settings.seed}:{row}")
    lies, borrows, farms = (chance.random() for _ in range(3))
    minor = person.age_at(now) < adult_from
    guardian = int(population.guardian[row])
    return Citizen(
        row=row,
        id_number=person.id_number,
        born=person.born,
        minor=minor,
        smartphone=bool(population.smartphone[row]),
        guardian=guardian if guardian >= 0 else None,
        lies=minor and lies < settings.lying,
        borrows=minor and borrows < settings.borrowing,
        farms=not minor and farms < settings.farmers,
    )


def false_birth_date(now: datetime, *, over: int, chance: random.Random) -> date:
    """What a minor types where nothing checks it: old enough, by up to ten years."""
    return (now - timedelta(days=365.25 * (over + 1) + chance.randrange(3650))).date()


def handle() -> str:
    """A name for an account that says nothing about its owner; not by the seed, so that a second run finds it free."""
    return "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(12))
