"""The decisions of a wallet's policy: which copy, when more, what is kept. Method names as in the ARF."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from idverify.errors import BadSetting
from idverify.scheme import Credential, Info
from idverify.settings import Settings
from idverify.wallet import words
from idverify.wallet.policy import (
    METHODS,
    MOST_STORED,
    REFILLS,
    USUAL_BATCH,
    Copy,
    Method,
    Policy,
    Refill,
    policy_of,
    why_not,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
A, B = "https://a.example", "https://b.example"
PLAIN = Info("plain", "Plain", "a spec", frozenset({"over"}))


def batch(number: int, *, since: datetime = NOW, first: int = 0) -> list[Copy]:
    return [Copy(Credential(b"%d" % n), since) for n in range(first, first + number)]


class Holder:
    """A person who shows what the policy says, and fetches when it says so."""

    def __init__(self, policy: Policy, seed: int = 1) -> None:
        self.policy = policy
        self.chance = random.Random(seed)
        self.copies: list[Copy] = []
        self.fetched = 0
        self.refills: list[float] = []

    def fetch(self, now: datetime = NOW) -> None:
        number = self.policy.wanted(self.copies, now=now)
        new = batch(number, since=now, first=self.fetched)
        self.fetched += number
        self.copies = self.policy.keep(self.copies, new, now=now)

    def show(self, audience: str, now: datetime = NOW) -> bytes:
        copy = self.policy.choose(self.copies, audience, now=now, chance=self.chance)
        if copy is None:
            self.fetch(now)
            copy = self.policy.choose(self.copies, audience, now=now, chance=self.chance)
        assert copy is not None
        self.copies[self.copies.index(copy)] = copy.shown_to(audience)
        if (seconds := self.policy.refill_in(self.copies, now=now, chance=self.chance)) is not None:
            self.refills.append(seconds)
            if seconds == 0:
                self.fetch(now)
        return copy.credential.body


@pytest.mark.parametrize("refill", REFILLS)
def test_under_a_no_copy_is_shown_twice(refill: Refill) -> None:
    holder = Holder(Policy(method="A", batch=4, refill=refill))
    shown = [holder.show(audience) for _ in range(10) for audience in (A, B)]
    assert len(set(shown)) == len(shown)


def test_under_b_everybody_sees_the_same_copy_until_it_runs_out() -> None:
    holder = Holder(Policy(method="B", lifetime=100))
    assert len({holder.show(a, NOW + timedelta(seconds=s)) for a in (A, B) for s in (0, 50, 99)}) == 1
    assert holder.show(A, NOW + timedelta(seconds=100)) == b"1"


def test_under_c_each_copy_is_shown_once_before_any_is_shown_again_and_the_order_is_random() -> None:
    orders = set()
    for seed in range(20):
        holder = Holder(Policy(method="C", batch=5), seed)
        rounds = [[holder.show(A) for _ in range(5)] for _ in range(3)]
        assert all(sorted(each) == [b"0", b"1", b"2", b"3", b"4"] for each in rounds)
        assert holder.fetched == 5
        orders |= {tuple(each) for each in rounds}
    assert len(orders) > 20


def test_under_c_every_copy_comes_first_equally_often() -> None:
    first = Counter(Holder(Policy(method="C", batch=4), seed).show(A) for seed in range(4000))
    # Binomial(4000, 1/4): outside 880 … 1120 with a chance below one in 10,000.
    assert all(880 <= number <= 1120 for number in first.values())


def test_under_d_each_platform_sees_a_copy_of_its_own_and_the_same_each_time() -> None:
    holder = Holder(Policy(method="D", batch=3))
    shown = [(audience, holder.show(audience)) for _ in range(4) for audience in (A, B)]
    assert len(set(shown)) == 2
    assert len({copy for _, copy in shown}) == 2


def test_under_d_a_fetch_comes_with_a_new_platform_only() -> None:
    holder = Holder(Policy(method="D", batch=2))
    for platform in range(5):
        for _ in range(3):
            holder.show(f"https://{platform}.example")
    assert holder.fetched == 6


@pytest.mark.parametrize("method", METHODS)
def test_a_copy_that_has_run_out_is_never_chosen_nor_shown_again(method: Method) -> None:
    policy = Policy(method=method, batch=2, lifetime=60)
    old = [copy.shown_to(A) for copy in batch(2, since=NOW - timedelta(seconds=60))]
    assert policy.choose(old, A, now=NOW, chance=random.Random(1)) is None
    assert policy.again(old, A, now=NOW) is None


@pytest.mark.parametrize("method", ["A", "D"])
def test_without_an_issuer_a_used_copy_serves_again_and_one_that_the_platform_has_seen_first(method: Method) -> None:
    policy = Policy(method=method, batch=2)
    one, two = batch(2)
    used = [one.shown_to(A).shown_to(A), two.shown_to(B)]
    assert policy.again(used, A, now=NOW) == used[0]
    assert policy.again(used, B, now=NOW) == used[1]
    assert policy.again(used, "https://c.example", now=NOW) == used[1]
    assert policy.again([], A, now=NOW) is None


def test_what_a_platform_accepts_once_is_not_shown_again() -> None:
    policy = Policy(method="A", reusable=False)
    assert policy.again([batch(1)[0].shown_to(A)], A, now=NOW) is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("refill", ["just_in_time", "fixed_schedule"])
def test_just_in_time_and_on_a_schedule_no_fetch_follows_a_use(method: Method, refill: Refill) -> None:
    holder = Holder(Policy(method=method, batch=2, refill=refill))
    for _ in range(6):
        holder.show(A)
    assert holder.refills == []


def test_after_use_what_was_used_is_fetched_at_once() -> None:
    holder = Holder(Policy(method="A", batch=3, refill="after_use"))
    for _ in range(5):
        holder.show(A)
    assert holder.refills == [0.0] * 5
    assert holder.fetched == 3 + 5


def test_when_empty_a_batch_is_fetched_with_the_last_use() -> None:
    holder = Holder(Policy(method="A", batch=3, refill="when_empty"))
    told = []
    for _ in range(9):
        holder.show(A)
        told.append(len(holder.refills))
    assert told == [0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert holder.fetched == 12


def test_a_lower_limit_counts_as_empty() -> None:
    holder = Holder(Policy(method="A", batch=4, refill="when_empty", lower_limit=2))
    holder.show(A)
    assert holder.refills == []
    holder.show(A)
    assert holder.refills == [0.0]
    assert len([copy for copy in holder.copies if not copy.shown]) == 6


def test_a_delayed_refill_waits_exponentially_around_its_mean() -> None:
    policy, chance = Policy(method="A", batch=2, refill="delayed", delay=30.0), random.Random(5)
    used = [batch(1)[0].shown_to(A)]
    waits = [policy.refill_in(used, now=NOW, chance=chance) or 0.0 for _ in range(4000)]
    # The mean of 4,000 exponential waits has a standard error of 30/63.
    assert 28 < sum(waits) / len(waits) < 32
    assert min(waits) < 1
    assert max(waits) > 120


def test_on_a_schedule_a_whole_batch_is_fetched_whatever_was_used() -> None:
    holder = Holder(Policy(method="A", batch=4, refill="fixed_schedule"))
    holder.fetch()
    holder.show(A)
    holder.fetch()
    assert (holder.fetched, len(holder.policy.fresh(holder.copies, NOW))) == (8, 4)
    holder.fetch()
    assert (holder.fetched, len(holder.policy.fresh(holder.copies, NOW))) == (12, 4)


@pytest.mark.parametrize("method", ["B", "C"])
def test_a_copy_is_renewed_some_time_before_it_runs_out(method: Method) -> None:
    policy = Policy(method=method, batch=1, refill="when_empty", lifetime=100)
    copies, chance = batch(1), random.Random(1)
    assert policy.refill_in(copies, now=NOW + timedelta(seconds=89), chance=chance) is None
    assert policy.refill_in(copies, now=NOW + timedelta(seconds=90), chance=chance) == 0.0


def test_an_issuer_that_sends_more_than_a_wallet_keeps_is_cut_short() -> None:
    for method in METHODS:
        kept = Policy(method=method).keep(batch(3), batch(MOST_STORED + 9, first=10), now=NOW)
        assert len(kept) == MOST_STORED


def test_a_scheme_says_what_is_usual() -> None:
    assert policy_of(PLAIN, Settings()).method == "B"
    many = replace(PLAIN, single_use=True, batch=30)
    assert (policy_of(many, Settings()).method, policy_of(many, Settings()).batch) == ("A", 30)


@pytest.mark.parametrize("method", METHODS)
def test_the_settings_choose_method_and_batch(method: Method) -> None:
    named = policy_of(PLAIN, Settings(reuse=method))
    assert (named.method, named.batch) == (method, USUAL_BATCH[method])
    assert policy_of(PLAIN, Settings(reuse=method.lower(), batch=7)).batch == (1 if method == "B" else 7)


@pytest.mark.parametrize(
    ("info", "possible"),
    [
        (PLAIN, set("ABCD")),
        (replace(PLAIN, single_use=True, batch=30), set("ABCD")),
        (replace(PLAIN, issued="ahead_per_platform", single_use=True, binds_nonce=False), {"A"}),
        (replace(PLAIN, issued="per_login"), set()),
        (replace(PLAIN, issued="by_holder"), set()),
        (replace(PLAIN, unlinkable=True), set()),
    ],
)
def test_a_method_that_a_scheme_cannot_follow_is_told_and_not_followed(info: Info, possible: set[str]) -> None:
    assert {method for method in METHODS if not why_not(info, method)} == possible
    for method in METHODS:
        policy = policy_of(info, Settings(reuse=method))
        assert policy.method == (method if method in possible else policy_of(info, Settings()).method)


@pytest.mark.parametrize("settings", [Settings(reuse="E"), Settings(refill="sometimes"), Settings(reuse="A,B")])
def test_an_unknown_method_or_refill_is_refused_with_the_known_ones(settings: Settings) -> None:
    with pytest.raises(BadSetting) as caught:
        policy_of(PLAIN, settings)
    assert "are" in caught.value.hint


def test_every_policy_is_said_in_words() -> None:
    said = set()
    for method in METHODS:
        for refill in REFILLS:
            policy = policy_of(PLAIN, Settings(reuse=method, refill=refill))
            text = f"{words.copies(2, 1, policy)} {words.how(policy)} {words.when(policy)}"
            said.add(text)
            assert words.connected(policy, PLAIN)
    assert len(said) == len(METHODS) * len(REFILLS)
    assert words.copies(1, 0, Policy(method="A")) == "1 copy left to be shown"
