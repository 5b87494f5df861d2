"""The register: the same for ever, and nobody in it can exist."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone

import numpy as np
import pytest

from idverify.errors import BadUsage
from idverify.population import LARGEST, Population
from idverify.population.id_numbers import permuted, place_in

POPULATION = Population.make(20_000, 99)


@pytest.mark.parametrize(
    ("size", "seed", "digest"),
    [
        (20_000, 99, "2acf6c788ab423edd18ae85839560907b1ee0919bcca6f45a523ce0bd7c4e9d4"),
        (1_000_000, 7, "eedcde85c4fbcafa4c30de7bb5254d4f3b4464bb5febd575339d3a7a798c320c"),
    ],
)
def test_a_seed_gives_the_same_people_on_every_machine(size: int, seed: int, digest: str) -> None:
    assert Population.make(size, seed).digest() == digest


def test_another_seed_gives_other_people() -> None:
    assert Population.make(20_000, 100).digest() != POPULATION.digest()


def test_another_byte_changes_the_digest() -> None:
    assert Population.make(19_999, 99).digest() != POPULATION.digest()


def test_a_larger_population_starts_with_the_same_people() -> None:
    small = Population.make(500, 99)
    for row in range(500):
        assert small.person(row) == POPULATION.person(row)
        assert small.pin(row) == POPULATION.pin(row)


def test_every_id_number_is_unique_and_impossible() -> None:
    numbers = [POPULATION.id_number(row) for row in range(len(POPULATION))]
    assert len(set(numbers)) == 20_000
    assert all(len(number) == 12 and number.isdigit() and number[0] == "9" for number in numbers)


def test_an_id_number_tells_province_sex_century_and_year() -> None:
    by_code: dict[str, set[str]] = {}
    for row in range(2000):
        person = POPULATION.person(row)
        century = {("male", 19): "0", ("female", 19): "1", ("male", 20): "2", ("female", 20): "3"}
        assert person.id_number[3] == century[person.sex, person.born.year // 100]
        assert person.id_number[4:6] == f"{person.born.year % 100:02d}"
        by_code.setdefault(person.id_number[:3], set()).add(person.province)
    assert all(len(provinces) == 1 for provinces in by_code.values())
    assert len(by_code) == 34


def test_serials_are_a_permutation_of_a_million() -> None:
    group = np.full(1_000_000, 900_085, dtype=np.int64)
    serials = permuted(7, group, place_in(group))
    assert np.array_equal(np.sort(serials), np.arange(1_000_000))
    assert not np.array_equal(serials, np.arange(1_000_000))


def test_serials_of_two_groups_are_in_another_order() -> None:
    places = np.arange(1000)
    one, other = (permuted(7, np.full(1000, group, dtype=np.int64), places) for group in (900_085, 900_086))
    assert not np.array_equal(one, other)


def test_places_count_up_within_a_group() -> None:
    assert place_in(np.array([5, 3, 5, 5, 3], dtype=np.int64)).tolist() == [0, 0, 1, 2, 1]
    assert place_in(np.empty(0, dtype=np.int64)).tolist() == []


def test_a_person_is_found_by_id_number() -> None:
    for row in range(0, 20_000, 37):
        assert POPULATION.find(POPULATION.person(row).id_number) == row


@pytest.mark.parametrize(
    "text",
    [
        *("", "9", "abc", "001085000001", "999999999999", "000000000000", " 91118376122", "-91118376122"),
        *("９１１１８３７６１２２９", "9" * 1000, "911183761229 ", "91118376122²", "9_1183761229", "\0" * 12),
    ],
)
def test_what_is_no_id_number_finds_nobody(text: str) -> None:
    assert Population.make(100, 7).find(text) is None


def test_nobody_is_found_in_an_empty_population() -> None:
    empty = Population.make(0, 7)
    assert (len(empty), empty.find("900085000001"), list(empty.rows_as_json())) == (0, None, [])


@pytest.mark.parametrize(("size", "seed"), [(-1, 7), (LARGEST + 1, 7), (10, -1), (10, 2**64)])
def test_impossible_sizes_and_seeds_are_refused(size: int, seed: int) -> None:
    with pytest.raises(BadUsage) as caught:
        Population.make(size, seed)
    assert caught.value.hint


@pytest.mark.parametrize("row", [-1, 20_000, 10**12])
def test_a_row_outside_is_refused(row: int) -> None:
    for ask in (POPULATION.person, POPULATION.pin, POPULATION.id_number):
        with pytest.raises(IndexError, match="of a population of 20000"):
            ask(row)


def test_the_arrays_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        POPULATION.social[0] = True


def test_pins_have_six_digits_and_differ() -> None:
    pins = [POPULATION.pin(row) for row in range(2000)]
    assert all(len(pin) == 6 and pin.isascii() and pin.isdigit() for pin in pins)
    assert len(set(pins)) > 1980
    assert Population.make(10, 98).pin(0) != POPULATION.pin(0)


def test_rows_become_json_with_every_fact() -> None:
    rows = list(Population.make(300, 99).rows_as_json())
    assert json.loads(json.dumps(rows)) == rows
    by_number = {row["id_number"]: row for row in rows}
    assert len(by_number) == 300
    assert list(rows[0]) == [
        *("id_number", "name", "born", "sex", "province", "country", "social", "smartphone", "e_id", "document"),
        *("foreigner", "guardian"),
    ]
    guarded = [row for row in rows if row["guardian"] is not None]
    assert guarded
    for row in guarded:
        assert by_number[row["guardian"]]["province"] == row["province"]


def test_ages_on_the_reference_day_are_whole() -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    ages = {POPULATION.person(row).age_at(now) for row in range(20_000)}
    assert ages <= set(range(100))
    assert max(POPULATION.person(row).born for row in range(20_000)) <= date(2026, 1, 1)


def test_names_suit_sex_and_country() -> None:
    for row in np.flatnonzero(POPULATION.foreigner).tolist():
        person = POPULATION.person(row)
        assert person.country != "VN"
        assert " " in person.name
    persons = [POPULATION.person(row) for row in range(2000)]
    assert all(p.sex == "female" for p in persons if p.name.split()[1] == "Thị")
    assert all(p.sex == "male" for p in persons if p.name.split()[1] == "Văn")
    assert len({p.name for p in persons}) > 1500


def test_a_guardian_is_an_adult_of_the_same_province_and_of_a_plausible_age() -> None:
    minors = np.flatnonzero(POPULATION.guardian >= 0)
    guardians = POPULATION.guardian[minors]
    reference = (date(2026, 1, 1) - date(1970, 1, 1)).days
    assert (POPULATION.born[minors] > reference - 18 * 365.26).all()
    assert (POPULATION.born[guardians] <= reference - 18 * 365).all()
    assert (POPULATION.province[minors] == POPULATION.province[guardians]).all()
    older = (POPULATION.born[minors] - POPULATION.born[guardians]) / 365.25
    assert older.min() >= 18
    assert older.max() < 45.01
    assert len(set(guardians.tolist())) > 0.4 * len(minors)


def test_guardians_in_the_smallest_worlds_exist_or_are_absent() -> None:
    for size in range(1, 40):
        population = Population.make(size, 5)
        for row in np.flatnonzero(population.guardian >= 0).tolist():
            assert population.province[row] == population.province[population.guardian[row]]
