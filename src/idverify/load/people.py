"""Who comes to sign up, in which order, and what each of them will try: decided by the seed and the person alone.

The same person behaves the same under every scheme, so that schemes are compared like for like.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import IPv4Address

import numpy as np

from idverify.population import Population
from idverify.settings import Settings

FIRST_ADDRESS = int(IPv4Address("127.1.0.1"))
MODELS = 40


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
    loses_phone: bool
    address: str  # the source address of the household's line
    agent: str  # the user agent of the person's device
    e_id: bool  # has an account at the identity provider
    document: bool
    foreigner: bool


def order(population: Population, *, seed: int, index: int = 0, count: int = 1) -> Iterator[int]:
    """The rows of all social media users in one shuffled order, of which worker `index` of `count` takes its share."""
    rows = np.flatnonzero(population.social)
    np.random.Generator(np.random.Philox(seed)).shuffle(rows)
    return (int(row) for row in rows[index::count]) if 0 <= index < count else iter(())


def citizen(population: Population, row: int, *, settings: Settings, adult_from: int, now: datetime) -> Citizen:
    """What the person in that row will do; `adult_from` is the age, in years, that the mandate asks for."""
    person = population.person(row)
    chance = random.Random(f"{settings.seed}:{row}")
    lies, borrows, farms, loses = (chance.random() for _ in range(4))
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
        address=address(guardian if guardian >= 0 else row, settings.people_per_address),
        agent=agent(row, settings.seed),
        loses_phone=loses < settings.lost_phones,
        e_id=bool(population.e_id[row]),
        document=bool(population.document[row]),
        foreigner=bool(population.foreigner[row]),
    )


def address(row: int, shared_by: int) -> str:
    """The line of the person in that row; `shared_by` persons that follow each other have the same one."""
    return str(IPv4Address(FIRST_ADDRESS + row // max(1, shared_by)))


def agent(row: int, seed: int) -> str:
    """The device of the person in that row: one of MODELS, the n-th most usual with a chance of about 1/n (Zipf).

    An assumption: shares of device models differ by country, and every software update makes new user agents.
    """
    chance = random.Random(f"{seed}:{row}:device")
    weights = [1 / n for n in range(1, MODELS + 1)]
    return f"Wallet/1 (Model {chance.choices(range(1, MODELS + 1), weights)[0]})"


def false_birth_date(now: datetime, *, over: int, chance: random.Random) -> date:
    """What a minor types where nothing checks it: old enough, by up to ten years."""
    return (now - timedelta(days=365.25 * (over + 1) + chance.randrange(3650))).date()


def handle() -> str:
    """A name for an account that says nothing about its owner; not by the seed, so that a second run finds it free."""
    return "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(12))
