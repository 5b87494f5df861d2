"""Evidence together: what agrees is multiplied, what disagrees with the rest is not listened to."""

from __future__ import annotations

import numpy as np
import pytest

from idverify.privacy.answers import Candidate, Floats, Posterior, posterior_of
from idverify.privacy.lags import correlogram
from idverify.privacy.pooling import pooled
from idverify.privacy.shapes import fitted

PEOPLE = 200
NAMES = tuple(f"{n:03d}" for n in range(PEOPLE))


def groups(size: int, *, mistaken: float = 0.0, seed: int = 0, sure: float = 1.0) -> Posterior:
    """Everybody hides in a group of that size; a share is shown in a wrong one."""
    random = np.random.default_rng(seed)
    order = random.permutation(PEOPLE)
    group = np.empty(PEOPLE, dtype=int)
    group[order] = np.arange(PEOPLE) // size
    rows = {}
    for number, name in enumerate(NAMES):
        shown = group[random.integers(PEOPLE)] if random.random() < mistaken else group[number]
        rows[name] = [Candidate(NAMES[who], sure / size) for who in np.flatnonzero(group == shown)]
    rows[NAMES[0]] = [Candidate(each, sure / PEOPLE) for each in NAMES]
    found = posterior_of(rows)
    assert found.names == NAMES
    return found


def right(found: Posterior) -> float:
    return float(np.mean([0.0 if not len(found.row(n)[0]) else found.row(n)[0][0] == n for n in range(PEOPLE)]))


def test_two_right_ones_together_are_better_than_either() -> None:
    posterior, doubts = pooled([groups(5, seed=1), groups(10, seed=2)], NAMES, NAMES)
    assert right(posterior) > 0.8
    assert max(doubts) <= 0.01


@pytest.mark.parametrize("sure", [0.5, 0.999])
def test_a_sure_and_wrong_one_spoils_nothing(sure: float) -> None:
    good, bad = groups(2, seed=1), groups(1, mistaken=1.0, seed=3, sure=sure)
    posterior, doubts = pooled([good, bad], NAMES, NAMES)
    assert doubts[1] >= 0.9
    assert right(posterior) == pytest.approx(0.5, abs=0.1)


def test_one_that_is_right_now_and_then_is_believed_now_and_then() -> None:
    posterior, doubts = pooled([groups(10, seed=1), groups(1, mistaken=0.5, seed=3, sure=0.99)], NAMES, NAMES)
    assert 0.1 <= doubts[1] <= 0.7
    assert right(posterior) > 0.45


@pytest.mark.parametrize(("people", "others"), [(6_000, 10.0), (20_000, 20.0)])
@pytest.mark.parametrize("kind", ["exponential", "uniform", "lognormal"])
def test_a_delay_is_found_without_knowledge_where_many_others_are_about(people: int, others: float, kind: str) -> None:
    random = np.random.default_rng(1)
    drawn: dict[str, Floats] = {
        "exponential": random.exponential(others, people),
        "uniform": random.uniform(0.0, 2.0 * others, people),
        "lognormal": others * np.exp(0.8 * random.standard_normal(people) - 0.32),
    }
    issued = np.sort(random.uniform(0.0, people, people))
    found = correlogram(issued, np.sort(issued + drawn[kind]))
    assert found is not None
    assert found.density.low >= 0.0
    assert found.density.share > 0.4


@pytest.mark.parametrize("wave", ["flat", "steps", "ends"])
def test_streams_that_have_nothing_to_do_with_each_other_have_no_lag(wave: str) -> None:
    for seed in range(30):
        random = np.random.default_rng(seed)
        first, second = (np.sort(random.uniform(0.0, 1e4, 900)) for _ in range(2))
        if wave == "steps":
            first = np.sort(np.r_[first, random.uniform(-1e4, 0.0, 450)])
        if wave == "ends":
            first = first[first < 5e3]
        assert correlogram(first, second) is None


def test_whole_numbers_near_each_other_are_found_and_equal_ones_are_not_taken_for_near() -> None:
    random = np.random.default_rng(1)
    blocks = random.choice(9_000, 300, replace=False).astype(np.float64)
    first, second = np.sort(blocks), np.sort(blocks + random.integers(1, 4, 300).astype(np.float64))
    found = correlogram(first, second + 0.5, least=1.0, whole=True)
    assert found is not None
    assert 1.0 <= found.density.low < found.density.high <= 4.0
    dense = np.arange(300.0)
    assert correlogram(dense, dense + 0.5, least=1.0, whole=True) is None


def test_a_shape_that_none_of_the_usual_ones_has_is_left_as_it_is() -> None:
    edges = np.r_[0.0, np.geomspace(1.0, 1000.0, 25)]
    humps = np.where(np.arange(25) % 6 == 0, 500.0, 0.0)
    assert fitted(edges, humps, np.full(25, 10.0), 5_000) is None
