"""Bits disclosed, quasi-identifiers and what counts as shown, against values worked out by hand."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from idverify.ledger_decode import Leaf
from idverify.outcomes.country import Country, Shown
from idverify.outcomes.disclosure import bits
from idverify.outcomes.quasi import USUAL, Cells, cells, quasi_identifier, together, top_1, unique
from idverify.outcomes.shown import digests, shown
from idverify.population import Population, names
from idverify.population import parameters as p
from idverify.scheme import Person
from idverify.simulation import theory

NEW_YEAR = Country(date(2026, 1, 1))
SOMEBODY = Person("900099000001", "Nguyễn Thị An", date(1990, 5, 5), "female", "Huế")


def test_the_probabilities_of_all_birth_dates_sum_to_one() -> None:
    assert math.fsum(NEW_YEAR.birth_dates) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("what", "share"),
    [
        (Shown(), 1.0),
        (Shown(sex="male"), 0.5),
        (Shown(over=16), 1 - 0.247),
        (Shown(under=16), 0.247),
        (Shown(province="Huế"), 14 / sum(weight for _, weight in p.PROVINCES)),
        (Shown(id_number=True), 1 / 101_300_000),
        (Shown(id_hash=True, over=18), 1 / 101_300_000),
        (Shown(attested=True), 64.5 / 101.3),  # the e-ID accounts that the press counts
        (Shown(country="LA"), 0.135 / 101.3 * 8 / 100),
    ],
)
def test_bits_are_minus_log2_of_the_share_of_the_country(what: Shown, share: float) -> None:
    assert NEW_YEAR.bits(what) == pytest.approx(-math.log2(share), rel=1e-4)


def test_a_birth_date_is_one_day_of_a_year_of_age() -> None:
    working_age = float(p.AGED_15_64.value - (p.UNDER_16.value - p.AGED_0_14.value)) / 49
    assert NEW_YEAR.probability(Shown(born=date(1990, 5, 5))) == pytest.approx(working_age / 365)


def test_nobody_who_was_there_is_less_likely_than_one_person() -> None:
    assert NEW_YEAR.bits(Shown(born=date(1850, 1, 1))) == NEW_YEAR.ceiling
    assert NEW_YEAR.ceiling == pytest.approx(26.594, abs=0.001)


def test_the_age_that_was_reached_changes_with_the_day_and_not_with_the_leap_year() -> None:
    before, after = Country(date(2027, 2, 28)), Country(date(2027, 3, 1))
    assert after.born_by(15) - before.born_by(15) == 2  # 29 February 2012, and 1 March


def test_the_model_fits_the_register_that_is_drawn_from_it() -> None:
    people = Population.make(200_000, 3)
    attested = NEW_YEAR.probability(Shown(over=16, attested=True))
    of_age = people.born <= (date(2010, 1, 1) - date(1970, 1, 1)).days
    assert attested == pytest.approx(float((of_age & people.e_id).mean()), abs=0.005)


def test_a_names_probability_is_that_of_its_parts() -> None:
    given = len(names.rests(female=True))
    assert names.likely("Nguyễn Thị An", "VN", female=True) == pytest.approx(
        3840 / sum(w for _, w in p.SURNAMES) / given
    )
    assert names.likely("Nguyễn Thị An", "VN", female=False) == 0
    assert names.likely("Emily Smith", "US", female=True) == pytest.approx(1 / 20)


def test_bits_of_presentations_are_told_with_their_spread() -> None:
    found = bits([Shown(sex="male"), Shown(), Shown(sex="female"), Shown()], NEW_YEAR)
    assert found is not None
    assert (found.n, found.mean, found.least, found.most) == (4, 0.5, 0.0, 1.0)
    assert found.shown == {"sex": 2}
    assert found.label == "EXTRAPOLATED"
    assert bits([], NEW_YEAR) is None


def test_quasi_identifiers_follow_the_formulas() -> None:
    shares = np.array([0.5, 0.25, 0.125, 0.125])
    counted = Cells(np.array([0.5, 0.25, 0.125]), np.array([1.0, 1.0, 2.0]))
    assert unique(counted, 10) == pytest.approx(theory.unique(shares, 10))
    assert top_1(counted, 10) == pytest.approx(theory.quasi_identifier(shares, 10))
    assert unique(counted, 10) == pytest.approx(0.5 * math.exp(-5) + 0.25 * math.exp(-2.5) + 0.25 * math.exp(-1.25))


def test_the_number_of_people_changes_the_story() -> None:
    births = cells(("birth_date",), NEW_YEAR)
    assert unique(births, 10_000) == pytest.approx(0.70, abs=0.01)
    assert unique(births, 2_000_000) < 0.001


@pytest.mark.parametrize("attributes", USUAL)
def test_all_combinations_of_attributes_sum_to_one(attributes: tuple[str, ...]) -> None:
    made = cells(attributes, NEW_YEAR)
    assert float((made.share * made.count).sum()) == pytest.approx(1.0)
    assert quasi_identifier(attributes, NEW_YEAR).people == 101_300_000


def test_an_id_number_names_one_person_and_so_does_its_hash() -> None:
    for name in ("id_number", "id_number_hash"):
        assert quasi_identifier((name, "birth_date"), NEW_YEAR).top_1 == 1.0


def test_combinations_are_told_the_most_usual_first() -> None:
    seen = [("birth_date",), ("name", "birth_date", "issuer"), ("birth_date",), ("age_over_16",)]
    assert together(seen) == [("birth_date",), ("birth_date", "name")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"received.payload.birth_date": "1990-05-05"}, Shown(born=date(1990, 5, 5))),
        ({"received.anything": "1990-05-05"}, Shown(born=date(1990, 5, 5))),
        ({"received.expiry_date": "2030-01-01"}, Shown()),
        ({"received.a.age_over_18": True, "received.a.age_over_21": False}, Shown(over=18, under=21)),
        ({"received.x[]": "900099000001"}, Shown(id_number=True)),
        ({"received.x[]": min(digests("900099000001"))}, Shown(id_hash=True)),
        ({"received.given_name": "Lan", "received.family_name": "Le"}, Shown(name="Le Lan")),
        ({"received.x": "Nguyễn Thị An", "received.y": "Huế"}, Shown(name="Nguyễn Thị An", province="Huế")),
        ({"received.gender": "female"}, Shown(sex="female")),
        ({"sent.proven.over": 16}, Shown(over=16, attested=True)),
        ({"sent.proven.over": 16, "sent.proven.declared": True}, Shown(over=16)),
        ({"received.headers.x": "900099000001"}, Shown(id_number=True)),
        ({"received.headers.name": "a wallet", "sent.name": "a platform"}, Shown()),
        ({"received.signature": "bm90aGluZw"}, Shown()),
    ],
)
def test_what_is_shown_is_read_from_the_fields(fields: dict[str, Leaf], expected: Shown) -> None:
    assert shown(fields, SOMEBODY) == expected


def test_what_was_stated_falsely_is_shown_all_the_same() -> None:
    assert shown({"received.birth_date": "1980-01-01"}, SOMEBODY).born == date(1980, 1, 1)
    assert shown({"received.birth_date": "soon"}, None) == Shown()
