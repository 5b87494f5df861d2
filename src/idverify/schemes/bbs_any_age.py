"""BBS with any age: as `bbs`, and the signed birth day, hidden, proven to be early enough for whatever age is asked.

EXPERIMENTAL. The range proof (`range_proof`) and its composition with BBS are ours; no standard describes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from idverify.crypto import bbs_pseudonym
from idverify.crypto.bbs import SHA_256, ProverPart
from idverify.crypto.bls12_381 import POINT_SIZE, Scalar, scalar_of
from idverify.crypto.range_proof import RangeProver, RangeVerifier, commitments_size
from idverify.errors import BadMessage, CannotAnswer, TooYoung
from idverify.formats.strict_json import JsonObject, text_member
from idverify.scheme import AGES, CIVIL_TIME, Challenge, Issuer, Json, Person, StatusLookup, never
from idverify.schemes import bbs
from idverify.schemes._bbs import BbsHolder, BbsIssuer, BbsVerifier, Statements
from idverify.schemes._bbs_form import Form, Public, new_secret, read_public
from idverify.schemes._facts import OLDEST, age_at

FIRST_DAY = date(1900, 1, 1)
"""Birth days are signed as the number of days since this one; nobody older lives, and 16 bits last until 2079."""
BITS = 16
"""Of the difference between two days: 179 years."""
DAY_AT = len(AGES)
"""Where the birth day stands in the row of signed messages."""
BOUND_SIZE = 4
INFO = replace(
    bbs.INFO,
    name="bbs_any_age",
    title="BBS with any age",
    spec=f"{bbs.INFO.spec}; range proof: own construction, bit by bit (Pedersen; Cramer, Damgård, Schoenmakers)",
    learns={
        "identity provider": "who enrols and who renews, each week; not where anything is shown",
        "platform": "that the holder is over whatever age it asks, and a pseudonym of its own",
    },
    limits="a platform that asks age after age closes in on a birth day; slower and larger than bbs",
    experimental="the range proof follows no standard and nobody has reviewed it",
    usual=False,
)


def _told(person: Person) -> JsonObject:
    return {"birth_date": person.born.isoformat()}


def _extras(told: JsonObject) -> Sequence[Scalar]:
    if set(told) != {"birth_date"}:
        raise BadMessage("the issuer does not tell exactly a birth date")
    return [scalar_of(day_number(_born(told)))]


def _born(told: JsonObject) -> date:
    text = text_member(told, "birth_date", what="response")
    try:
        born = date.fromisoformat(text)
    except ValueError as error:
        raise BadMessage("the birth_date is not a day written as YYYY-MM-DD") from error
    if born.isoformat() != text:
        raise BadMessage("the birth_date is not a day written as YYYY-MM-DD")
    return born


def day_number(day: date) -> int:
    """Raises CannotAnswer for a day before FIRST_DAY, on which nobody was born who lives."""
    number = (day - FIRST_DAY).days
    if not 0 <= number < 1 << BITS:
        raise CannotAnswer(f"{day.isoformat()} is not in the 179 years from {FIRST_DAY.isoformat()}")
    return number


def latest_birth(over: int, now: datetime) -> int:
    """The last day, as a number, on which somebody was born who is over that age now. Raises CannotAnswer.

    By the civil calendar, as `Person.age_at`: who was born on 29 February is a year older on 1 March.
    """
    if not 0 < over <= OLDEST:
        raise CannotAnswer(f"the platform asks for over {over}, people are at most {OLDEST}")
    today = now.astimezone(CIVIL_TIME).date()
    try:
        day = today.replace(year=today.year - over)
    except ValueError:  # today is 29 February, and that year had none
        day = date(today.year - over, 2, 28)
    return day_number(day)


FORM = Form(INFO, bbs_pseudonym.pseudonymous(SHA_256), told=_told, extras=_extras, count=1)


class AnyAgeHolder(BbsHolder):
    def __init__(self) -> None:
        super().__init__(FORM)

    def statements(
        self, body: JsonObject, told: JsonObject, challenge: Challenge
    ) -> tuple[Sequence[int], Sequence[ProverPart]]:
        over, born = challenge.question.over, _born(told)
        if over is None:
            return [], []
        bound = latest_birth(over, challenge.now)
        if day_number(born) > bound:
            raise TooYoung(f"{age_at(born, challenge.now)} years old, the platform asks for {over}")
        return [], [_Early(day_number(born), bound)]


class AnyAgeVerifier(BbsVerifier):
    def __init__(self, public: Public) -> None:
        super().__init__(FORM, public)

    def statements(self, kid: str, age: int | None, answers: Sequence[bytes], challenge: Challenge) -> Statements:
        if age is None:
            return super().statements(kid, None, answers, challenge)
        if len(answers) != 1:
            raise BadMessage("the presentation holds no proof of an age")
        bound = int.from_bytes(answers[0][:BOUND_SIZE])
        # The wallet's clock may be a minute behind, and so, at midnight, a day. An earlier day proves more, not less.
        if not latest_birth(age, challenge.now - timedelta(days=1)) <= bound <= latest_birth(age, challenge.now):
            raise TooYoung(f"the presentation is not about the last birth day of those over {age} today")
        middle = BOUND_SIZE + commitments_size(BITS)
        part = RangeVerifier(DAY_AT, bound, BITS, answers[0][BOUND_SIZE:middle], answers[0][middle:])
        return Statements({}, [part])


class _Early(RangeProver):
    """Sends the bound and the commitments in front of the answer."""

    def __init__(self, day: int, bound: int) -> None:
        super().__init__(DAY_AT, day, bound, bits=BITS)
        self._sent = bound.to_bytes(BOUND_SIZE)

    def respond(self, challenge: Scalar) -> bytes:
        return self._sent + self.commitments + super().respond(challenge)


class BbsAnyAge:
    info = INFO

    def new_secret(self) -> bytes:
        return new_secret()

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        return BbsIssuer(FORM, secret, name=name)

    def holder(self) -> AnyAgeHolder:
        return AnyAgeHolder()

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> AnyAgeVerifier:
        return AnyAgeVerifier(read_public(public))

    def read(self, message: bytes) -> Json:
        return bbs.read(message, parts=(("bound", BOUND_SIZE), *((f"C{i}", POINT_SIZE) for i in range(BITS))))
