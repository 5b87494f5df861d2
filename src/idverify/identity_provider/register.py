"""What the identity provider needs of the population register, and the people that visitors may play."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from idverify.scheme import Person


class Flags(Protocol):
    """A column of the register, by row."""

    def __getitem__(self, row: int, /) -> object: ...


class Register(Protocol):
    """The population register (idverify.population.Population)."""

    @property
    def e_id(self) -> Flags: ...

    def __len__(self) -> int: ...

    def find(self, id_number: str) -> int | None: ...

    def person(self, row: int) -> Person: ...

    def pin(self, row: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Example:
    """An invented person whom everybody may play, so the PIN is no secret."""

    id_number: str
    name: str
    age: int
    pin: str
    e_id: bool


_WANTED = ((30, 60, True), (18, 25, True), (16, 16, True), (13, 15, True), (25, 70, False))
"""From this age to that, with an e-ID account or without."""
_SEEN = 5000


def examples(register: Register, now: datetime) -> tuple[Example, ...]:
    """A few people of different ages, and one without an e-ID account: the first of each kind in the register."""
    found: dict[int, Example] = {}
    for row in range(min(len(register), _SEEN)):
        person, e_id = register.person(row), bool(register.e_id[row])
        age = person.age_at(now)
        for kind, (low, high, wants) in enumerate(_WANTED):
            if kind not in found and low <= age <= high and e_id == wants:
                found[kind] = Example(person.id_number, person.name, age, register.pin(row), e_id)
                break
        if len(found) == len(_WANTED):
            break
    return tuple(found[kind] for kind in sorted(found))
