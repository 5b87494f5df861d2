"""Who comes, in which order, and what they try."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from ipaddress import IPv4Address

import pytest

from idverify.load.people import address, agent, citizen, false_birth_date, handle, order
from idverify.population import Population
from idverify.scheme import Person
from idverify.settings import Settings

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def population() -> Population:
    return Population.make(3000, 7)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_workers_share_all_social_media_users_and_nobody_comes_twice(count: int, population: Population) -> None:
    shares = [list(order(population, seed=7, index=i, count=count)) for i in range(count)]
    together = [row for share in shares for row in share]
    assert len(together) == len(set(together)) == int(population.social.sum())
    assert all(population.social[row] for row in together)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_worker_that_joins_too_late_has_nobody(population: Population) -> None:
    assert list(order(population, seed=7, index=-1, count=1)) == []
    assert list(order(population, seed=7, index=2, count=2)) == []


def test_the_order_is_the_seeds(population: Population) -> None:
    assert list(order(population, seed=7)) == list(order(population, seed=7))
    assert list(order(population, seed=7)) != list(order(population, seed=8))


def test_only_minors_lie_and_borrow_and_only_adults_farm(population: Population) -> None:
    settings = Settings(lying=1.0, borrowing=1.0, farmers=1.0)
    people = [citizen(population, row, settings=settings, adult_from=16, now=NOW) for row in range(len(population))]
    assert any(person.minor for person in people)
    assert all(person.lies == person.borrows == person.minor != person.farms for person in people)


def test_nobody_does_what_is_assumed_never_to_happen(population: Population) -> None:
    settings = Settings(lying=0.0, borrowing=0.0, farmers=0.0)
    people = [citizen(population, row, settings=settings, adult_from=16, now=NOW) for row in range(len(population))]
    assert not any(person.lies or person.borrows or person.farms for person in people)


def test_assumed_shares_are_met(population: Population) -> None:
    settings = Settings(lying=0.85, borrowing=0.19)
    people = [citizen(population, row, settings=settings, adult_from=16, now=NOW) for row in range(len(population))]
    minors = [person for person in people if person.minor]
    assert 0.80 < sum(person.lies for person in minors) / len(minors) < 0.90
    assert 0.14 < sum(person.borrows for person in minors) / len(minors) < 0.24


def test_a_false_birth_date_is_old_enough() -> None:
    for seed in range(300):
        born = false_birth_date(NOW, over=16, chance=random.Random(seed))
        assert Person("", "", born, "female", "").age_at(NOW) >= 16


def test_a_handle_says_nothing_about_the_person() -> None:
    handles = {handle() for _ in range(300)}
    assert len(handles) == 300
    assert all(len(h) == 12 and h.isalnum() and h.islower() | h.isdigit() for h in handles)


@pytest.mark.parametrize("shared_by", [1, 3, 1000])
def test_as_many_persons_as_the_setting_says_share_one_loopback_address(shared_by: int) -> None:
    lines = [address(row, shared_by) for row in range(6000)]
    assert len(set(lines)) == 6000 // shared_by
    assert all(IPv4Address(line).is_loopback for line in lines)


def test_a_child_is_behind_its_guardians_line(population: Population) -> None:
    row = next(i for i in range(3000) if population.guardian[i] >= 0)
    child, guardian = (
        citizen(population, each, settings=Settings(people_per_address=1), adult_from=16, now=NOW)
        for each in (row, int(population.guardian[row]))
    )
    assert child.address == guardian.address


def test_some_devices_are_far_more_usual_than_others_and_a_person_keeps_theirs() -> None:
    agents = [agent(row, 7) for row in range(2000)]
    assert agents == [agent(row, 7) for row in range(2000)]
    shares = sorted((agents.count(name) for name in set(agents)), reverse=True)
    assert len(shares) > 30
    assert shares[0] > 10 * shares[-1]
