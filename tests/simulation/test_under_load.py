"""The queue is a queue, and an issuer that is late costs privacy."""

from __future__ import annotations

import numpy as np
import pytest

from idverify.errors import BadUsage
from idverify.simulation.under_load import LoadPolicy, sojourns, under_load


def test_a_request_waits_for_those_before_it() -> None:
    found = sojourns(np.array([0.0, 1.0, 1.5, 20.0]), np.array([3.0, 2.0, 1.0, 4.0]))
    assert found.tolist() == [3.0, 4.0, 4.5, 4.0]


def test_the_queue_has_the_mean_of_its_formula() -> None:
    random = np.random.Generator(np.random.Philox(1))
    arrivals = np.cumsum(random.exponential(1.0, 400_000))
    for load in (0.3, 0.6):
        markov = sojourns(arrivals, random.exponential(load, len(arrivals)))
        assert markov.mean() == pytest.approx(load / (1.0 - load), rel=0.03)  # M/M/1: 1/(μ − λ)
        steady = sojourns(arrivals, np.full(len(arrivals), load))
        assert steady.mean() == pytest.approx(load + load * load / (2.0 * (1.0 - load)), rel=0.03)  # M/D/1


def test_more_load_hides_people_in_time_and_an_overloaded_issuer_links_their_logins() -> None:
    rows = under_load([1.0, 10.0, 25.0, 29.0, 60.0], 30.0, LoadPolicy(citizens=500, logins=20_000))
    sets, linked = [row.effective_set for row in rows], [row.linked for row in rows]
    assert sets[0] < sets[1] < sets[2]
    assert linked[0] == 0.0
    assert linked[2] < linked[3] < linked[4]
    assert linked[4] > 0.9
    assert [row.p95_ms for row in rows] == sorted(row.p95_ms for row in rows)
    assert all(row.reused <= row.linked for row in rows)
    assert {row.label for row in rows} == {"SIMULATED"}


def test_without_fresh_answers_times_say_nothing() -> None:
    (row,) = under_load([100.0], 0.01, LoadPolicy(citizens=50, logins=1_000, patience=0.0))
    assert row.reused > 0.9
    assert row.identified < 0.05


def test_wallets_that_wait_are_never_linked() -> None:
    for row in under_load([10.0, 60.0], 30.0, LoadPolicy(fallback="wait", citizens=500, logins=10_000)):
        assert row.reused == row.linked == 0.0


def test_an_idle_issuer_leaves_what_theory_says_of_time_alone() -> None:
    (row,) = under_load([2.0], 1e6, LoadPolicy(thinking=5.0, logins=20_000))
    assert row.identified == pytest.approx(1.0 / (1.0 + 2.0 * 5.0), abs=0.03)
    assert row.effective_set == pytest.approx(np.e * 10.0, rel=0.15)


@pytest.mark.parametrize(
    ("rates", "capacity", "policy"),
    [
        ([], 1.0, LoadPolicy()),
        ([0.0], 1.0, LoadPolicy()),
        ([1.0], 0.0, LoadPolicy()),
        ([1.0], 1.0, LoadPolicy(citizens=1)),
        ([1.0], 1.0, LoadPolicy(logins=5)),
        ([1.0], 1.0, LoadPolicy(patience=float("nan"))),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(rates: list[float], capacity: float, policy: LoadPolicy) -> None:
    with pytest.raises(BadUsage):
        under_load(rates, capacity, policy)


def test_a_rush_begins_with_an_empty_line_and_waits_as_long_as_it_has_lasted() -> None:
    rush = LoadPolicy(steady=True, seconds=12.0, warm_up=2.0, patience=1.0, thinking=1.0, citizens=500, logins=20_000)
    calm, full, over = under_load([2.0, 30.0, 75.0], 25.0, rush)
    assert calm.fell_back == 0.0
    # The line grows by λ/μ − 1 seconds a second: longer than the patience after 5 s, and after half a second.
    assert full.fell_back == pytest.approx(7.0 / 10.0, abs=0.1)
    assert over.fell_back > 0.99
    assert over.waited_p95_ms == 1_000.0
    assert over.p95_ms == pytest.approx(0.95 * 12_000 * 2.0, rel=0.1)
    assert over.request_set > full.request_set > calm.request_set


def test_who_cannot_fall_back_gives_up() -> None:
    rush = LoadPolicy(fallback="wait", steady=True, seconds=12.0, warm_up=2.0, gives_up=5.0, citizens=500)
    (row,) = under_load([50.0], 25.0, rush)  # one second more of waiting for every second
    assert row.given_up == pytest.approx(7.0 / 10.0, abs=0.1)
    assert row.fell_back == row.linked == 0.0
    assert row.waited_p95_ms == 5_000.0
