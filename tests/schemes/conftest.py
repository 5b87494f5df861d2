"""People, a challenge and one issuer for each scheme; from `SCHEMES` and `info` alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from functools import cache

import pytest

from idverify.scheme import Challenge, Credential, Issuer, Person, Proven, Question, Scheme, Verifier
from idverify.schemes import SCHEMES
from tests import keys

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
PLATFORM, ISSUER = "https://chat.example", "https://id.example"


@dataclass(frozen=True, slots=True)
class Stage:
    """One scheme with an issuer, and the shortest ways through it."""

    scheme: Scheme
    issuer: Issuer

    @property
    def verifier(self) -> Verifier:
        return self.scheme.verifier(self.issuer.public)

    def ask(self, *, over: int | None = 16, identity: bool = False, now: datetime = NOW) -> Challenge:
        question = Question(over=over, identity=identity).within(self.scheme.info.answers)
        return Challenge(PLATFORM, secrets.token_urlsafe(16), question, now, f"{PLATFORM}/reply")

    def credential(self, person: Person, ask: Challenge) -> Credential:
        holder = self.scheme.holder()
        given = None if self.scheme.info.issued == "ahead" else ask
        seed = hashlib.sha256(person.id_number.encode()).digest()  # the one that this person keeps for life
        asked = holder.request(self.issuer.public, now=ask.now, challenge=given, seed=seed)
        return holder.accept(asked, self.issuer.issue(person, asked.message, now=ask.now))[0]

    def show(self, person: Person, ask: Challenge) -> bytes:
        return self.scheme.holder().present(self.credential(person, ask), ask)

    def verify(self, person: Person, ask: Challenge) -> Proven:
        return self.verifier.verify(self.show(person, ask), ask)

    def others(self) -> list[Stage]:
        """The stages of all other schemes."""
        return [Stage(s, _issuer(name)) for name, s in SCHEMES.items() if s is not self.scheme]

    def other_issuer(self) -> Issuer:
        return _other_issuer(self.scheme.info.name)


@cache
def _issuer(name: str) -> Issuer:
    return keys.issuer(name, name=ISSUER)


@cache
def _other_issuer(name: str) -> Issuer:
    return keys.issuer(name, 1, name=ISSUER)


@pytest.fixture(params=list(SCHEMES))
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(SCHEMES[request.param], _issuer(request.param))


@pytest.fixture
def staged() -> Callable[[str], Stage]:
    """The stage of a scheme by name, for what is true of one scheme only."""
    return lambda name: Stage(SCHEMES[name], _issuer(name))


@pytest.fixture
def adult() -> Person:
    return Person("901090000001", "Nguyễn Văn Anh", date(1990, 5, 1), "male", "Hà Nội")


@pytest.fixture
def child() -> Person:
    return Person("901315000002", "Trần Thị Bình", date(2015, 5, 1), "female", "Huế")


@pytest.fixture
def born(adult: Person) -> Callable[[date], Person]:
    return lambda day: replace(adult, born=day)
