"""The formulas agree with each other, with their closed forms, and with dice."""

from __future__ import annotations

import math

import numpy as np
import pytest

from idverify.errors import BadUsage
from idverify.privacy.public import Delay
from idverify.simulation import delays, theory

SHAPES = [delays.exponential(30.0), delays.uniform(60.0), delays.uniform(50.0, low=10.0), delays.lognormal(20.0, 0.8)]
IDS = ["exponential", "uniform", "shifted uniform", "lognormal"]


@pytest.mark.parametrize("rate", [1e-4, 0.01, 0.1, 1.0])
def test_the_integral_has_the_closed_forms(rate: float) -> None:
    assert theory.timing(SHAPES[0], rate) == pytest.approx(theory.timing_exponential(30.0, rate), rel=1e-4)
    assert theory.timing(SHAPES[1], rate) == pytest.approx(theory.timing_uniform(60.0, rate), rel=1e-6)


@pytest.mark.parametrize("delay", SHAPES, ids=IDS)
def test_many_others_leave_the_highest_density(delay: Delay) -> None:
    rate = 3_000.0 / delays.mean(delay)
    assert theory.timing(delay, rate) == pytest.approx(theory.timing_crowded(delay, rate), rel=0.01)


@pytest.mark.parametrize("delay", SHAPES, ids=IDS)
def test_a_density_sums_to_one_and_has_its_entropy(delay: Delay) -> None:
    shape = delays.rearranged(delay)
    assert shape.mass.sum() == pytest.approx(1.0)
    assert (np.diff(shape.height) <= 0.0).all()
    seen = shape.height > 0.0
    assert -np.sum(shape.mass[seen] * np.log2(shape.height[seen])) == pytest.approx(delays.entropy(delay), abs=1e-3)
    assert shape.height[0] == pytest.approx(delays.highest(delay), rel=1e-3)


@pytest.mark.parametrize("delay", SHAPES, ids=IDS)
def test_drawn_delays_have_the_mean_that_is_stated(delay: Delay) -> None:
    drawn = delays.draw(delay, np.random.Generator(np.random.Philox(1)), size=200_000)
    assert drawn.mean() == pytest.approx(delays.mean(delay), rel=0.02)
    assert drawn.min() >= 0.0


@pytest.mark.parametrize("delay", SHAPES, ids=IDS)
@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_dice_agree_with_the_integral(delay: Delay, rate: float) -> None:
    random, trials = np.random.Generator(np.random.Philox(7)), 6_000
    own = delays.draw(delay, random, size=trials)
    window = 60.0 if delay.name == "uniform" else 600.0
    others = random.poisson(rate * window, trials)
    whose = np.repeat(np.arange(trials), others)
    rivals = delays.density(delay, random.uniform(0.0, window, len(whose)))
    mine = delays.density(delay, own)
    better = np.bincount(whose, weights=rivals > mine[whose] * (1 + 1e-12), minlength=trials)
    equal = np.bincount(whose, weights=np.isclose(rivals, mine[whose], rtol=1e-12), minlength=trials)
    won = np.where(better > 0, 0.0, 1.0 / (1.0 + equal))
    error = won.std() / math.sqrt(trials)
    assert abs(won.mean() - theory.timing(delay, rate)) < 4.0 * error


def test_a_strict_comparison_alone_would_be_wrong_for_ties() -> None:
    assert theory.timing(delays.uniform(60.0), 10.0) == pytest.approx(1.0 / 600.0, rel=1e-3)


def test_a_rate_of_nothing_leaves_nobody_to_confuse_with() -> None:
    assert theory.timing(delays.exponential(30.0), 0.0) == 1.0
    assert theory.timing_of_person(delays.exponential(30.0), 0.001, 1) == pytest.approx(1.0)


def test_a_persons_other_requests_are_no_wrong_answers() -> None:
    mean, rate, users = 30.0, 0.002, 10
    exact = (1.0 + rate * mean) / (1.0 + rate * users * mean)  # for an exponential delay
    assert theory.timing_of_person(delays.exponential(mean), rate, users) == pytest.approx(exact, rel=1e-4)


def test_effective_sets_have_the_forms_of_the_table() -> None:
    rate = 2.0
    assert theory.effective_set(delays.exponential(30.0), rate) == pytest.approx(math.e * rate * 30.0)
    assert theory.effective_set(delays.uniform(60.0), rate) == pytest.approx(rate * 60.0)
    lognormal = rate * 20.0 * 0.8 * math.sqrt(2 * math.pi * math.e)
    assert theory.effective_set(delays.lognormal(20.0, 0.8), rate) == pytest.approx(lognormal)


def test_bits_per_login_do_not_depend_on_how_many_there_are() -> None:
    delay, rate = delays.uniform(60.0), 1 / 86_400
    bits = theory.bits_per_login(delay, rate)
    assert bits == pytest.approx(-math.log2(60 / 86_400))
    assert theory.logins_needed(2**20, bits) == pytest.approx(20 / bits)
    assert theory.logins_needed(10, -1.0) == math.inf
    assert -math.log2(theory.coincidence(60.0, rate)) == pytest.approx(bits, rel=1e-4)


def test_survivors_are_what_dice_leave() -> None:
    random = np.random.Generator(np.random.Philox(3))
    for candidates, left in ((50, 0.3), (50, 0.09), (1000, 0.05)):
        others = random.binomial(candidates - 1, left, 200_000)
        assert (1 / (1 + others)).mean() == pytest.approx(theory.survivors(candidates, left), rel=0.01)
        assert 2 ** np.log2(1 + others).mean() == pytest.approx(theory.survivor_set(candidates, left), rel=0.01)
    assert theory.survivors(50, 0.0) == 1.0
    assert theory.survivors(50, 1.0) == pytest.approx(1 / 50)
    assert theory.survivor_set(6_000, 40 / 6_000) == pytest.approx(40.0, rel=0.02)


def test_who_asks_seldom_fits_less_often_than_independence_would_have_it() -> None:
    random, share = np.random.Generator(np.random.Philox(4)), 0.1
    for uses, logins in ((2, 2), (3, 3), (8, 2)):
        asked = random.random((100_000, uses))
        hit = np.all([((asked >= n * share) & (asked < (n + 1) * share)).any(axis=1) for n in range(logins)], axis=0)
        assert hit.mean() == pytest.approx(theory.fits(share, uses, logins=logins), rel=0.06)
    assert theory.fits(share, 2, logins=2) == pytest.approx(2 * share**2)
    often = theory.coincidence(1.0, 0.02)
    assert theory.fits(0.02 / 5_000, 5_000, logins=2) == pytest.approx(often**2, rel=0.01)


def test_prefetching_hides_all_but_one_login_in_a_batch() -> None:
    assert theory.prefetch(1, 3) == 1.0
    assert theory.prefetch(10, 1) == pytest.approx(theory.prefetch_in_a_row(10, 1))
    assert theory.prefetch(10, 2) == pytest.approx(0.19)
    assert theory.prefetch_among(4, 2, 20) == pytest.approx(1 - 15 * 14 / (20 * 19))
    assert theory.prefetch_among(4, 2, 20_000) == pytest.approx(theory.prefetch(4, 2), abs=1e-4)
    assert theory.prefetch_in_a_row(10, 2) == pytest.approx(0.2)
    assert theory.prefetch_in_a_row(10, 30) == 1.0


def test_keys_lists_and_updates_divide_the_crowd() -> None:
    assert theory.key_partition(1, 100) == pytest.approx(theory.chance(100))
    assert theory.key_partition(4, 1000) == pytest.approx(4 / 1000)
    assert theory.key_set(64, 6400) == 100.0
    assert theory.status("direct") == theory.status("sequential") == 1.0
    assert theory.status("list", among=20) == theory.status("revoked", among=20) == 0.05
    assert theory.leaked(6400, 6) == 100.0
    assert theory.leaked(10, 60) == 1.0


def test_quasi_identifiers_are_told_by_how_many_share_them() -> None:
    days = np.full(365 * 80, 1 / (365 * 80))
    for people in (10_000, 2_000_000):
        counts = np.random.Generator(np.random.Philox(5)).multinomial(people, days)
        assert counts[counts == 1].sum() / people == pytest.approx(theory.unique(days, people), abs=0.01)
        assert (counts > 0).sum() / people == pytest.approx(theory.quasi_identifier(days, people), rel=0.01)
    assert theory.unique(days, 10_000) > 0.5 > 1e-3 > theory.unique(days, 2_000_000) * 0.5


def test_accounts_are_one_or_the_quota() -> None:
    assert theory.accounts_per_person(pseudonym=True, quota=5, epochs=3) == 1
    assert theory.accounts_per_person(pseudonym=False, quota=5, epochs=3) == 15


def test_baselines_need_small_worlds() -> None:
    small, large = (theory.trials_to_tell_apart(1 / n, 2 / n, false_alarm=0.025) for n in (50, 10_000))
    assert 400 < small < 600
    assert 90_000 < large < 110_000


def test_a_country_is_extrapolated_and_says_so() -> None:
    found = theory.extrapolate_timing(delays.exponential(5.0), people=76_000_000, requests_per_day=1.0)
    assert found.label == "EXTRAPOLATED"
    assert found.value == pytest.approx(theory.timing_exponential(5.0, 76_000_000 / 86_400), rel=1e-3)
    assert theory.extrapolate_repeated(delays.uniform(60.0), people=2**20, requests_per_day=1.0).value < 3.0
    assert theory.extrapolate_unique(np.full(10, 0.1), people=1).value == pytest.approx(math.exp(-0.1))


@pytest.mark.parametrize(
    "delay",
    [
        Delay(name="exponential", parameters={"mean": 0.0}),
        Delay(name="exponential", parameters={"mean": math.nan}),
        Delay(name="exponential"),
        Delay(name="uniform", parameters={"low": 5.0, "high": 5.0}),
        Delay(name="lognormal", parameters={"median": 1.0, "sigma": -1.0}),
        Delay(name="empirical"),
    ],
)
def test_a_delay_that_cannot_be_drawn_is_refused(delay: Delay) -> None:
    with pytest.raises(BadUsage):
        delays.checked(delay)


def test_a_formula_refuses_what_means_nothing() -> None:
    with pytest.raises(BadUsage):
        theory.chance(0)
    with pytest.raises(BadUsage):
        theory.timing(delays.exponential(1.0), -1.0)
    with pytest.raises(BadUsage):
        theory.timing(delays.constant(3.0), 1.0)
    with pytest.raises(BadUsage):
        theory.unique(np.array([0.5, 0.4]), 10)
