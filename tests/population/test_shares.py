"""The population against its sources: each share within the exact binomial range at a fixed seed."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from idverify.population import Population
from idverify.population import parameters as p

POPULATION = Population.make(200_000, 7)
TAIL = 1e-5
"""The seed is fixed, so a pass stays a pass; the tail says how surprised one would have to be at a failure."""


def _ages() -> NDArray[np.int64]:
    edges = [-(date(2026 - age, 1, 1) - date(1970, 1, 1)).days for age in range(p.OLDEST + 2)]
    return np.searchsorted(np.array(edges), -POPULATION.born.astype(np.int64), side="right") - 1


AGES = _ages()
ADULT = AGES >= 18
CITIZEN = ~POPULATION.foreigner


def agrees(hits: NDArray[np.bool_], among: NDArray[np.bool_], share: Fraction | float) -> None:
    k, n = int((hits & among).sum()), int(among.sum())
    low, high = binom.ppf([TAIL, 1 - TAIL], n, float(share))
    assert low <= k <= high, f"{k} of {n} where {float(share):.4f} is expected"


EVERYBODY = np.ones(len(POPULATION), dtype=np.bool_)


@pytest.mark.parametrize(
    ("first", "last", "share"),
    [(0, 14, 0.233), (15, 64, 0.674), (65, 99, 0.093), (0, 15, 0.247), (13, 15, 0.0446)],
)
def test_ages_are_those_of_the_census(first: int, last: int, share: float) -> None:
    agrees((first <= AGES) & (last >= AGES), EVERYBODY, share)


def test_about_four_thousand_people_a_day_turn_16() -> None:
    a_year = float(p.aged(15, 15) * p.PEOPLE.value) * 1e6
    assert a_year / 365.25 == pytest.approx(4021, rel=0.05)  # 24.7 − 23.3 % is rounded


def test_the_shares_of_all_ages_make_one() -> None:
    assert sum(p.age_shares()) == 1
    assert min(p.age_shares()) > 0


def test_social_media_use_is_that_of_the_sources() -> None:
    agrees(POPULATION.social, EVERYBODY, 0.733)
    agrees(POPULATION.social, (AGES >= 12) & (AGES <= 17), 0.89)
    assert not POPULATION.social[AGES < 6].any()


def test_surnames_are_those_of_the_sources() -> None:
    names = [name for name, _ in p.SURNAMES]
    for surnames, share in (
        (("Nguyễn",), 0.384),
        (("Trần",), 0.11),
        (("Lê",), 0.095),
        (("Phạm",), 0.071),
        (("Hoàng", "Huỳnh"), 0.051),
        (("Phan",), 0.045),
        (("Vũ", "Võ"), 0.039),
    ):
        agrees(np.isin(POPULATION.surname, [names.index(name) for name in surnames]), EVERYBODY, share)
    assert sum(weight for _, weight in p.SURNAMES) == 10_000


def test_e_id_accounts_are_between_62_and_67_million_of_101() -> None:
    share = POPULATION.e_id.mean()
    assert 62 / 101.3 < share < 67 / 101.3
    agrees(POPULATION.e_id, EVERYBODY, p.E_ID_ACCOUNTS.value / p.PEOPLE.value)
    assert not POPULATION.e_id[AGES < 6].any()
    assert not POPULATION.e_id[~POPULATION.document].any()
    agrees(POPULATION.e_id, (AGES >= 6) & (AGES <= 13) & POPULATION.document, p.E_ID_6_13.value)


def test_foreigners_are_the_foreign_workers_and_a_third_have_an_e_id() -> None:
    agrees(POPULATION.foreigner, EVERYBODY, 0.135 / 101.3)
    agrees(POPULATION.e_id, POPULATION.foreigner, 43_900 / 135_000)
    assert ((AGES >= 18) & (AGES <= 64))[POPULATION.foreigner].all()
    assert ((POPULATION.country == 0) == CITIZEN).all()
    assert [country for country, _ in p.COUNTRIES].index("LA") in POPULATION.country


def test_smartphones_of_adults_reach_from_56_to_78_percent_by_province() -> None:
    shares = [p.smartphone_share(province) for province in range(34)]
    assert (min(shares), max(shares)) == (Fraction(56, 100), Fraction(78, 100))
    for province, share in enumerate(shares):
        agrees(POPULATION.smartphone, ADULT & (POPULATION.province == province), share)


def test_provinces_have_their_weights() -> None:
    assert len({name for name, _ in p.PROVINCES}) == 34
    total = sum(weight for _, weight in p.PROVINCES)
    for province, (_, weight) in enumerate(p.PROVINCES):
        agrees(POPULATION.province == province, EVERYBODY, Fraction(weight, total))


def test_people_without_document_or_guardian_are_as_many_as_assumed() -> None:
    agrees(~POPULATION.document, CITIZEN, p.NO_DOCUMENT.value)
    agrees(POPULATION.guardian < 0, ~ADULT, p.NO_GUARDIAN.value)
    assert (POPULATION.guardian[ADULT] == -1).all()
    agrees(POPULATION.sex == 0, EVERYBODY, p.FEMALE.value)


def test_the_columns_do_not_depend_on_each_other() -> None:
    agrees(POPULATION.smartphone, ADULT & POPULATION.social & (POPULATION.province == 27), p.smartphone_share(27))
    agrees(POPULATION.sex == 0, POPULATION.social, p.FEMALE.value)


def test_birthdays_are_spread_over_the_year() -> None:
    months = POPULATION.born.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    for month, days in enumerate((31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)):
        agrees(months == month, EVERYBODY, days / 365.25)


def test_every_parameter_has_a_source_or_is_marked_as_an_assumption() -> None:
    found = p.parameters()
    assert len(found) > 15
    for parameter in found:
        assert parameter.source
        assert parameter.assumed == parameter.source.startswith("assumption: ")
