"""Age gate: whom it lets in too young or keeps out as too young, by single year of age and by cause.

    false block = of age and refused as too young / of age and asked        false admit = below and let in / below

Other refusals (no e-ID, no device) say nothing about age: they are coverage. A cause is counted over the people to
whom it could happen when they tried; where there are none, it could not happen in this run, and that is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Literal, TypeAlias

from idverify.load.tried import Tried
from idverify.outcomes.country import Country
from idverify.outcomes.model import AgeErrors, AgeRow, Cause
from idverify.outcomes.shares import rate
from idverify.scheme import CIVIL_TIME

TOO_YOUNG = "too_young"
Calendar: TypeAlias = Literal["birth_year_only", "time_zone", "cached_answer", "leap_day"]


def age_on(born: date, day: date) -> int:
    """Age in whole years; who is born on 29 February is a year older on 1 March of a common year."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def reaches(born: date, limit: int) -> date:
    """The civil day on which somebody is `limit` years old."""
    try:
        return born.replace(year=born.year + limit)
    except ValueError:
        return date(born.year + limit, 3, 1)


def birth_year_only(born: date, limit: int, *, now: datetime, since: datetime) -> bool:
    """Reaches the limit in this calendar year: who knows the year only cannot tell whether the birthday has been."""
    return now.astimezone(CIVIL_TIME).year - born.year == limit


def time_zone(born: date, limit: int, *, now: datetime, since: datetime) -> bool:
    """Has reached the limit by the civil day and not by the day in UTC, or the other way round."""
    day = reaches(born, limit)
    return (now.astimezone(CIVIL_TIME).date() >= day) != (now.astimezone(timezone.utc).date() >= day)


def cached_answer(born: date, limit: int, *, now: datetime, since: datetime) -> bool:
    """Reached the limit after the oldest credential of the run was issued."""
    first, last = (when.astimezone(CIVIL_TIME).date() for when in (since, now))
    return first < reaches(born, limit) <= last


def leap_day(born: date, limit: int, *, now: datetime, since: datetime) -> bool:
    """Born on 29 February, and today is the day before or after on which ways of counting differ."""
    today, day = now.astimezone(CIVIL_TIME).date(), reaches(born, limit)
    return (born.month, born.day) == (2, 29) and day - timedelta(days=1) <= today <= day


CALENDAR: Mapping[Calendar, tuple[Callable[..., bool], str]] = {
    "birth_year_only": (birth_year_only, "reaching the limit in this calendar year"),
    "time_zone": (time_zone, "with a birthday between the day in UTC and the civil day"),
    "cached_answer": (cached_answer, "with a birthday between issuance and showing"),
    "leap_day": (leap_day, "born on 29 February, with a birthday today or tomorrow"),
}


def blocked(person: Tried) -> bool | None:
    """Whether somebody was refused as too young; None where they never came as far as the gate."""
    reasons = {each.reason for each in person.own}
    if TOO_YOUNG in reasons:
        return True
    return False if "" in reasons else None


def admitted(person: Tried) -> bool:
    """Whether somebody got an account in any way."""
    return any(not each.reason for each in (*person.own, *(person.borrowed or ())))


def age_errors(people: Sequence[Tried], *, limit: int | None, since: float, country: Country) -> AgeErrors:
    """Errors of the gate. `limit` in years, `since` when the run began, in seconds since 1970."""
    if limit is None:
        nobody = rate(0, 0)
        return AgeErrors(limit=None, false_block=nobody, false_admit=nobody, by_age=[], causes=[])
    by_age: dict[int, list[bool]] = defaultdict(list)
    for person in people:
        wrong = admitted(person) if person.minor else blocked(person)
        if wrong is not None:
            day = datetime.fromtimestamp(person.time, CIVIL_TIME).date()
            by_age[age_on(date.fromisoformat(person.born), day)].append(wrong)
    of_age = [wrong for person in people if not person.minor and (wrong := blocked(person)) is not None]
    minors = [admitted(person) for person in people if person.minor]
    return AgeErrors(
        limit=limit,
        false_block=rate(sum(of_age), len(of_age)),
        false_admit=rate(sum(minors), len(minors)),
        by_age=[AgeRow(age=age, wrong=rate(sum(by_age[age]), len(by_age[age]))) for age in sorted(by_age)],
        causes=_causes(people, limit, since=datetime.fromtimestamp(since, timezone.utc)),
        turning_a_day=round(country.turning(limit), 1),
    )


def _causes(people: Sequence[Tried], limit: int, *, since: datetime) -> list[Cause]:
    lied = [admitted(person) for person in people if person.minor and person.lied]
    lent = [any(not each.reason for each in person.borrowed) for person in people if person.borrowed is not None]
    honest = [person for person in people if person.minor and not person.lied]
    own = [any(not each.reason for each in person.own) for person in honest]
    found = [
        Cause(cause="lied", wrong=rate(sum(lied), len(lied)), note="" if lied else "a statement alone never decides"),
        Cause(
            cause="borrowed_credential",
            wrong=rate(sum(lent), len(lent)),
            note="" if lent else "nobody in this run tried a credential of somebody else",
        ),
        Cause(
            cause="own_credential",
            wrong=rate(sum(own), len(own)),
            note="minors who told the truth and used what is their own",
        ),
    ]
    for cause, (could, whom) in CALENDAR.items():
        wrong = []
        for person in people:
            now = datetime.fromtimestamp(person.time, timezone.utc)
            gate = any(not each.reason for each in person.own) if person.minor else blocked(person)
            at_risk = could(date.fromisoformat(person.born), limit, now=now, since=since)
            if at_risk and not person.lied and gate is not None:
                wrong.append(gate)
        note = f"people {whom}" if wrong else f"cannot happen in this run: nobody {whom} tried"
        found.append(Cause(cause=cause, wrong=rate(sum(wrong), len(wrong)), note=note))
    return found
