"""What a verifier concludes from a birth date or an attested age, the same in every scheme."""

from __future__ import annotations

import hashlib
from datetime import date, datetime

from idverify.errors import BadMessage, CannotAnswer, TooYoung
from idverify.formats.strict_json import encode_base64url
from idverify.scheme import CIVIL_TIME, Ask, Challenge, Info, Json, Person

OLDEST = 150
"""Years; an older birth date is a mistake or a lie."""


def check_answerable(info: Info, challenge: Challenge) -> None:
    """Raises CannotAnswer where the challenge asks more than the scheme ever answers."""
    more: frozenset[Ask] = challenge.question.asks() - info.answers
    if more:
        can = ", ".join(sorted(info.answers)) or "nothing"
        raise CannotAnswer(
            f"the platform asks for {', '.join(sorted(more))}, {info.name} answers {can}", hint="use another scheme"
        )


def read_birth_date(value: Json, now: datetime) -> date:
    """An ISO 8601 day of at most OLDEST years ago. Raises BadMessage."""
    try:
        born = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        born = None
    if born is None or born.isoformat() != value:
        raise BadMessage("the birth_date is not a day written as YYYY-MM-DD")
    today = now.astimezone(CIVIL_TIME).date()
    if born > today or today.year - born.year > OLDEST:
        raise BadMessage(f"the birth_date is in the future or more than {OLDEST} years ago")
    return born


def age_at(born: date, now: datetime) -> int:
    return Person("", "", born, "female", "").age_at(now)


def check_old_enough(born: date, challenge: Challenge) -> dict[str, Json]:
    """`{"over": …}` where an age is asked; raises TooYoung with the ages of both sides."""
    over = challenge.question.over
    if over is None:
        return {}
    if (age := age_at(born, challenge.now)) < over:
        raise TooYoung(f"{age} years old, the platform asks for {over}")
    return {"over": over}


def spent_by_nonce(name: str, challenge: Challenge) -> str:
    """A platform's nonce is answered once, by whomever: signatures could be re-spelled, this not."""
    parts = (name, challenge.audience, challenge.nonce)
    return encode_base64url(hashlib.sha256("\0".join(parts).encode()).digest())
