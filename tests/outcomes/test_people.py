"""Age gate, coverage, Sybil and cost, counted over people whose outcomes are known."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from idverify.load.tried import Attempt, Tried, tried_in
from idverify.outcomes.age_gate import (
    age_errors,
    age_on,
    birth_year_only,
    cached_answer,
    leap_day,
    reaches,
    time_zone,
)
from idverify.outcomes.cost import cost
from idverify.outcomes.country import Country
from idverify.outcomes.coverage import coverage
from idverify.outcomes.sybil import bootstrap, sybil

NOW = datetime(2026, 6, 10, 3, 0, tzinfo=timezone.utc)
COUNTRY = Country(date(2026, 6, 10))
IN, YOUNG, NO_E_ID = Attempt(trips=5), Attempt("too_young", 3), Attempt("no_e_id", 1)


def person(born: str, *own: Attempt, **others: object) -> Tried:
    known: dict[str, object] = {"scheme": "x", "time": NOW.timestamp(), "born": born, "own": list(own)}
    known["minor"] = age_on(date.fromisoformat(born), NOW.date()) < 16
    return Tried(**(known | others))  # type: ignore[arg-type]


PEOPLE = [
    person("1980-01-01", IN, IN),
    person("1981-01-01", IN, IN, foreigner=True),
    person("1982-01-01", IN, YOUNG),
    person("1983-01-01", NO_E_ID, e_id=False, document=False),
    person("1984-01-01", Attempt("no_device"), smartphone=False),
    person("2014-01-01", YOUNG, borrowed=[IN, IN], guardian=True),
    person("2014-02-01", YOUNG, borrowed=[NO_E_ID]),
    person("2014-03-01", IN, lied=True),
    person("2015-03-01", YOUNG),
]


def farmed() -> list[Tried]:
    """Two farmers, of whom one tried again as somebody else."""
    return [person("1980-01-01", IN, farm=(4, 9), new_identity=False), person("1980-01-01", IN, farm=(1, 9))]


def test_false_block_and_false_admit_have_exact_denominators() -> None:
    found = age_errors(PEOPLE, limit=16, since=NOW.timestamp(), country=COUNTRY)
    assert (found.false_block.k, found.false_block.n) == (1, 3)  # without those who never came to the gate
    assert (found.false_admit.k, found.false_admit.n) == (2, 4)
    rows = {row.age: (row.wrong.k, row.wrong.n) for row in found.by_age}
    assert rows == {46: (0, 1), 45: (0, 1), 44: (1, 1), 12: (2, 3), 11: (0, 1)}
    causes = {cause.cause: (cause.wrong.k, cause.wrong.n) for cause in found.causes}
    assert causes["lied"] == (1, 1)
    assert causes["borrowed_credential"] == (1, 2)
    assert causes["own_credential"] == (0, 3)


def test_what_cannot_happen_says_so() -> None:
    found = age_errors(PEOPLE, limit=16, since=NOW.timestamp(), country=COUNTRY)
    leap = next(cause for cause in found.causes if cause.cause == "leap_day")
    assert leap.wrong.n == 0
    assert leap.note.startswith("cannot happen in this run: nobody born on 29 February")


def test_without_an_age_limit_nothing_is_an_error() -> None:
    found = age_errors(PEOPLE, limit=None, since=0.0, country=COUNTRY)
    assert (found.limit, found.false_admit.n, found.by_age) == (None, 0, [])


def test_who_reaches_the_limit_this_year_is_the_one_to_whom_a_birth_year_says_too_little() -> None:
    people = [person("2010-12-01", IN), person("2010-01-01", IN), person("2009-12-01", IN)]
    found = age_errors(people, limit=16, since=NOW.timestamp(), country=COUNTRY)
    cause = next(cause for cause in found.causes if cause.cause == "birth_year_only")
    assert (cause.wrong.k, cause.wrong.n) == (1, 2)  # the first is still 15, and was let in


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_each_cause_of_the_calendar_knows_its_people() -> None:
    assert birth_year_only(date(2010, 12, 31), 16, now=NOW, since=NOW)
    assert not birth_year_only(date(2009, 12, 31), 16, now=NOW, since=NOW)
    evening = at("2026-06-10T18:00:00+00:00")  # already 11 June in Vietnam
    assert time_zone(date(2010, 6, 11), 16, now=evening, since=evening)
    assert not time_zone(date(2010, 6, 11), 16, now=NOW, since=NOW)
    assert cached_answer(date(2010, 6, 10), 16, now=NOW, since=at("2026-06-09T03:00:00+00:00"))
    assert not cached_answer(date(2010, 6, 10), 16, now=NOW, since=NOW)
    assert leap_day(date(2008, 2, 29), 17, now=at("2025-02-28T05:00:00+00:00"), since=NOW)
    assert not leap_day(date(2008, 2, 29), 16, now=at("2024-06-01T05:00:00+00:00"), since=NOW)


def test_who_is_born_on_29_february_comes_of_age_on_1_march_of_a_common_year() -> None:
    assert reaches(date(2008, 2, 29), 17) == date(2025, 3, 1)
    assert age_on(date(2008, 2, 29), date(2025, 2, 28)) == 16


def test_coverage_counts_each_group_with_its_reasons() -> None:
    groups = {group.group: group for group in coverage(PEOPLE)}
    assert (groups["everybody of age"].served.k, groups["everybody of age"].served.n) == (2, 5)
    assert groups["everybody of age"].reasons == {"no_device": 1, "no_e_id": 1, "too_young": 1}
    assert (groups["foreigners"].served.k, groups["foreigners"].served.n) == (1, 1)
    assert groups["no document"].served.n == groups["no device"].served.n == 1
    assert groups["minors with a guardian"].served.n == 1
    assert groups["minors without a guardian"].reasons == {"false statement": 1, "too_young": 2}


def test_a_fake_account_costs_what_its_cheapest_route_does() -> None:
    found = sybil([*farmed(), *PEOPLE], declared=False)
    assert found is not None
    assert (found.persons, found.accounts, found.tries, found.per_person) == (2, 5, 18, 2.5)
    assert {route.name: route.cost for route in found.routes} == {
        "person who signs up for another": 4.0,
        "credential of an adult": 10.0,
        "enrolling as somebody else": None,
    }
    assert (found.cost, found.cheapest) == (4.0, "person who signs up for another")
    assert sybil(PEOPLE, declared=False) is None


def test_the_interval_of_accounts_a_person_holds_the_mean_and_needs_three_persons() -> None:
    found = bootstrap([1, 1, 9, 9])
    assert found is not None
    assert found[0] <= 5 <= found[1]
    assert bootstrap([4, 4, 4]) == (4, 4)
    assert bootstrap([1, 9]) is None


def test_costs_are_powers_and_prices_times_what_was_measured() -> None:
    found = cost(PEOPLE, cpu_ms=(2.0, 3.0, 1.0), requests_per_proof=0.5, bytes_per_proof=10_000, stored=500)
    assert (found.round_trips, found.round_trips_range, found.n) == (5.0, (5, 5), 6)
    assert found.joules_services == pytest.approx(0.004 * 10)
    assert found.joules_wallet == pytest.approx(0.001 * 2)
    assert found.joules_network == pytest.approx(0.01 * 216)
    assert found.parts == {"CPU": pytest.approx(0.0444), "traffic": pytest.approx(0.8), "a year of storage": 0.6}


def test_damaged_lines_and_other_schemes_are_left_out() -> None:
    good = b'{"scheme":"x","time":1.0,"born":"1990-01-01","minor":false}'
    lines = [good, b"{", good.replace(b'"x"', b'"y"'), b"\xff"]
    assert [person.born for person in tried_in(lines, "x")] == ["1990-01-01"]
