"""Timing against theory: the top guess is right as often as it must be, and the effective set is as large."""

from __future__ import annotations

import math

import numpy as np
import pytest

from idverify.errors import BadEnvironment
from idverify.privacy.anonymity import Anonymity, anonymity, judge
from idverify.privacy.answers import Answer, Floats
from idverify.privacy.attacks.timing import found_rhythm
from idverify.privacy.delays import density, histogram, of_policy
from idverify.privacy.lags import correlogram
from idverify.privacy.matching import Agreement, Points, match
from idverify.privacy.public import Delay, Policy
from idverify.privacy.view import Events

PEOPLE = 2_000
EXPONENTIAL = Delay(name="exponential", parameters={"mean": 10.0})


def streams(delays: Floats, seed: int = 1) -> tuple[Points, Points]:
    """One issuance a second, each shown after its delay; account n is person n."""
    random = np.random.default_rng(seed)
    issued = np.sort(random.uniform(0.0, PEOPLE, PEOPLE))
    who = random.permutation(PEOPLE)
    shown = issued + delays
    order = np.argsort(shown)
    return Points(who, issued), Points(who[order], shown[order])


def events(times: Floats) -> Events:
    """Somebody's records at these times, all on one route."""
    alike = np.full(len(times), "r")
    anything = alike.astype(object)
    return Events(("someone",), np.zeros(len(times), dtype=np.int64), times, alike, anything, anything)


def measured(delay: Delay, delays: Floats) -> Anonymity:
    first, second = streams(delays)
    names = [f"{n:05d}" for n in range(PEOPLE)]
    known = density(delay)
    assert known is not None
    posterior = match(first, second, names, names, density=known, floor=1e-4)
    answer = Answer("timing", "policy", ("i", "p"), "i", "p", PEOPLE, posterior)
    return anonymity(judge(answer, {name: {name} for name in names}), candidates=PEOPLE)


def test_exponential_delays_are_right_as_often_as_theory_says_and_the_set_is_as_large() -> None:
    found = measured(EXPONENTIAL, np.random.default_rng(2).exponential(10.0, PEOPLE))
    assert found.interval[0] <= 1 / 11 <= found.interval[1]
    assert found.scored_set == pytest.approx(math.e * 10, rel=0.1)
    assert found.set_median == pytest.approx(math.e * 10, rel=0.1)
    assert found.withheld == ""


def test_uniform_delays_leave_a_set_of_rate_times_length() -> None:
    delay = Delay(name="uniform", parameters={"low": 0.0, "high": 30.0})
    found = measured(delay, np.random.default_rng(2).uniform(0.0, 30.0, PEOPLE))
    assert found.interval[0] <= (1 - math.exp(-30)) / 30 <= found.interval[1]
    assert found.scored_set == pytest.approx(30, rel=0.1)


def test_lognormal_delays_leave_the_set_of_their_entropy() -> None:
    delay = Delay(name="lognormal", parameters={"median": 10.0, "sigma": 1.0})
    found = measured(delay, 10 * np.exp(np.random.default_rng(2).normal(size=PEOPLE)))
    assert found.scored_set == pytest.approx(10 * math.sqrt(2 * math.pi * math.e), rel=0.1)


def test_a_wrong_delay_is_called_miscalibrated() -> None:
    wrong = Delay(name="exponential", parameters={"mean": 0.5})
    found = measured(wrong, np.random.default_rng(2).exponential(10.0, PEOPLE))
    assert found.withheld == "adversary miscalibrated, value withheld"
    assert (found.set_median, found.scored_set) == (None, None)


def test_the_correlogram_finds_a_delay_without_labels() -> None:
    first, second = streams(np.random.default_rng(2).exponential(0.5, PEOPLE))
    found = correlogram(first.at, second.at)
    assert found is not None
    assert found.density.low > -0.1
    assert 0.6 < found.density.share <= 1.0


def test_clocks_of_whole_seconds_have_no_rhythm_by_themselves_and_show_one_that_is_there() -> None:
    random = np.random.default_rng(4)
    for _ in range(10):
        one, other = (np.sort(np.round(random.uniform(0.0, 86_400.0, 400))) for _ in range(2))
        assert found_rhythm(events(one), events(other)) is None
    rhythm = found_rhythm(events(one), events(one + 7.0))
    assert rhythm is not None
    assert rhythm.density.low <= 7.0 <= rhythm.density.high
    assert rhythm.density.of(np.array([7.0]))[0] > 0.1
    fine = np.arange(-50.0, 50.0, 0.01)
    assert rhythm.density.of(fine).sum() * 0.01 == pytest.approx(1.0, rel=0.01)


def test_two_points_are_too_few_for_a_rhythm() -> None:
    assert correlogram(np.array([1.0, 2.0]), np.array([1.1, 2.1])) is None


def test_an_address_narrows_the_candidates_down_to_those_behind_it() -> None:
    first, second = streams(np.random.default_rng(2).exponential(100.0, PEOPLE))
    names = [f"{n:05d}" for n in range(PEOPLE)]
    houses = PEOPLE // 4
    agreement = Agreement(np.full(houses, float(houses)), 1e-3)
    known = density(Delay(name="exponential", parameters={"mean": 100.0}))
    assert known is not None
    posterior = match(
        Points(first.who, first.at, first.who // 4),
        Points(second.who, second.at, second.who // 4),
        names,
        names,
        density=known,
        floor=1e-4,
        agreement=agreement,
    )
    answer = Answer("timing_and_address", "policy", ("i", "p"), "i", "p", PEOPLE, posterior)
    found = anonymity(judge(answer, {name: {name} for name in names}), candidates=PEOPLE)
    assert found.top_1 is not None
    assert found.top_1 > 0.7


def test_repeated_logins_multiply() -> None:
    random = np.random.default_rng(4)
    people, logins = 300, 4
    who = np.repeat(np.arange(people), logins)
    issued = random.uniform(0.0, 3000.0, people * logins)
    shown = issued + random.exponential(20.0, people * logins)
    one, two = np.argsort(issued), np.argsort(shown)
    names = [f"{n:03d}" for n in range(people)]
    known = density(Delay(name="exponential", parameters={"mean": 20.0}))
    assert known is not None
    posterior = match(
        Points(who[one], issued[one]), Points(who[two], shown[two]), names, names, density=known, floor=1e-4
    )
    answer = Answer("intersection", "policy", ("i", "p"), "i", "p", people, posterior)
    found = anonymity(judge(answer, {name: {name} for name in names}), candidates=people)
    assert found.top_1 is not None
    assert found.top_1 > 0.9


def test_the_policy_says_on_which_side_of_a_login_its_issuance_lies() -> None:
    before = of_policy(Policy(delay=EXPONENTIAL))
    after = of_policy(Policy(delay=EXPONENTIAL, refill="after_use", batch=8))
    emptied = of_policy(Policy(delay=EXPONENTIAL, refill="when_empty", batch=8))
    assert before is not None
    assert after is not None
    assert emptied is not None
    assert (before.low, after.high, emptied.share) == (0.0, 0.0, 0.125)
    assert of_policy(Policy(delay=EXPONENTIAL, refill="schedule")) is None
    assert of_policy(Policy(delay=EXPONENTIAL, reuse="unlimited")) is None


@pytest.mark.parametrize(
    "delay",
    [
        Delay(name="exponential", parameters={"mean": 0.0}),
        Delay(name="exponential"),
        Delay(name="uniform", parameters={"low": 5.0, "high": 5.0}),
        Delay(name="lognormal", parameters={"median": 1.0}),
        Delay(name="empirical", edges=[0.0, 1.0], shares=[]),
        Delay(name="empirical", edges=[1.0, 0.0], shares=[1.0]),
        Delay(name="empirical", edges=[0.0, 1.0], shares=[0.0]),
    ],
)
def test_a_delay_that_cannot_be_is_refused(delay: Delay) -> None:
    with pytest.raises(BadEnvironment):
        density(delay)


def test_a_density_of_bins_integrates_to_one() -> None:
    found = histogram(np.array([0.0, 1.0, 3.0]), np.array([0.2, 0.3]))
    assert found.share == 0.5
    assert found.of(np.array([-1.0, 0.5, 2.0, 9.0])).tolist() == [0.0, 0.4, 0.3, 0.0]
