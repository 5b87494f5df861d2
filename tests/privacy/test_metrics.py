"""Shares and their intervals against published values."""

from __future__ import annotations

import pytest

from idverify.privacy.metrics import Linkage, clopper_pearson, in_words, percent
from idverify.privacy.score import Claim, Truth, score


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (5, 10, 0.1871, 0.8129), (0, 305, 0.0, 0.0120), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_that_of_clopper_and_pearson(hits: int, trials: int, low: float, high: float) -> None:
    assert clopper_pearson(hits, trials) == pytest.approx((low, high), abs=5e-5)


def test_more_hits_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="3 hits in 2"):
        clopper_pearson(3, 2)


def test_no_hit_is_never_called_zero() -> None:
    assert in_words(0, 305) == "not detected in 305 (≤ 1.2 %)"
    assert in_words(312, 312) == "312 of 312 (95 %: 98.8–100 %)"
    assert in_words(0, 0) == "nothing to measure"


def test_a_share_is_never_rounded_to_certainty() -> None:
    assert (percent(0.99999), percent(0.00001), percent(1.0), percent(0.0)) == ("99.9", "0.1", "100", "0")


def test_nothing_linkable_has_no_recall() -> None:
    empty = Linkage("exact_join", 0, 0, 0, 0)
    assert (empty.recall, empty.precision, empty.interval) == (None, None, (0.0, 1.0))


TRUTH = [
    Truth("platform_a", "a1", "mother", "mother", "own"),
    Truth("platform_a", "a2", "farmer", "farmer", "own"),
    Truth("platform_b", "b1", "mother", "child", "borrowed"),
    Truth("platform_b", "b2", "farmer", "farmer", "own"),
    Truth("platform_b", "b3", "farmer", "farmer", "own"),
    Truth("platform_b", "b4", "stranger", "stranger", "own"),
]
SEEN = {"platform_a": {"a1", "a2"}, "platform_b": {"b1", "b2", "b3", "b4"}, "identity_provider": {"mother", "farmer"}}


def test_a_borrowed_credential_counts_as_its_owners() -> None:
    found = score([Claim("a1", "b1")], TRUTH, ("platform_a", "platform_b"), seen=SEEN, attack="x")
    assert (found.correct, found.linkable, found.claimed) == (1, 3, 1)


def test_all_accounts_of_one_owner_are_right() -> None:
    claims = [Claim("a2", "b2"), Claim("a2", "b3"), Claim("a1", "b4")]
    found = score(claims, TRUTH, ("platform_a", "platform_b"), seen=SEEN, attack="x")
    assert (found.correct, found.linkable, found.claimed) == (2, 3, 3)


def test_only_accounts_whose_owner_the_other_party_knows_are_linkable() -> None:
    found = score([Claim("mother", "b1")], TRUTH, ("identity_provider", "platform_b"), seen=SEEN, attack="x")
    assert (found.correct, found.linkable, found.baseline) == (1, 3, 0.5)
