"""Raw figures in, one scheme's result out."""

from __future__ import annotations

import math
import random

import pytest

from idverify.comparison import collect
from idverify.comparison.collect import Measured, StepSample, median_interval
from idverify.metering import RouteUse, Use
from idverify.scheme import Info

INFO = Info("plain", "Plain", "RFC 1", frozenset({"over"}))


def measured(**others: object) -> Measured:
    known: dict[str, object] = {
        "info": INFO,
        "seconds": 10.0,
        "steps": {"sign_up": StepSample([float(n) for n in range(1, 301)], 3000, 6000)},
        "attempted": 12,
        "accepted": 9,
        "refused": {"too_young": 3},
        "failed": 0,
        "minors_admitted": (0, 3),
        "borrowed_admitted": (1, 1),
        "adults_blocked": (0, 9),
        "accounts_per_person_max": 1,
        "generator_cpu": 0.4,
        "wallet_cpu": {"request": (10, 0.01), "present": (10, 0.02)},
        "after": [],
    }
    return Measured(**(known | others))  # type: ignore[arg-type]


def use(party: str, routes: dict[str, RouteUse], *, process: float, capture: float = 0.0) -> Use:
    return Use(party, 1, routes, capture, 0.0, process)


def test_percentiles_are_nearest_rank() -> None:
    step = collect.step(StepSample([float(n) for n in range(1, 301)], 3000, 6000), 10.0)
    assert (step.p50_ms, step.p95_ms, step.p99_ms) == (150.0, 285.0, 297.0)
    assert (step.n, step.per_second, step.bytes_up, step.bytes_down) == (300, 30.0, 10.0, 20.0)


def test_too_few_samples_have_no_p99_and_a_warning() -> None:
    steps = {"post": StepSample([1.0] * 199)}
    found = collect.result(measured(steps=steps), {})
    assert found.steps["post"].p99_ms is None
    assert any("too few samples" in text for text in found.warnings)


def test_a_step_without_samples_has_no_latency() -> None:
    step = collect.step(StepSample([]), 10.0)
    assert (step.n, step.p50_ms, step.p95_ms, step.p99_ms) == (0, None, None, None)


def test_a_busy_generator_is_told() -> None:
    assert any("do not trust" in text for text in collect.warnings(measured(generator_cpu=0.81)))
    assert not collect.warnings(measured(generator_cpu=0.8))


def test_failed_sign_ups_and_an_early_end_are_told() -> None:
    found = collect.warnings(measured(failed=2, complete=False))
    assert any("2 sign-ups failed" in text for text in found)
    assert any("stopped before its time" in text for text in found)


def test_cpu_is_charged_per_issuance_and_sign_up_with_its_share_of_the_overhead() -> None:
    provider = {"POST /api/sessions": RouteUse(10, 0.10), "POST /api/issue/{scheme}": RouteUse(10, 0.30)}
    platform = {
        "POST /api/challenges": RouteUse(20, 0.1),
        "POST /api/presentations/{id}": RouteUse(20, 0.2),
        "POST /api/accounts": RouteUse(20, 0.1),
        "GET /api/feed": RouteUse(100, 0.4),
    }
    after = [
        use("identity_provider", provider, process=1.8),
        use("platform_a", platform, process=2.0),
        use("platform_b", {}, process=0.2),
    ]
    before = [use("identity_provider", {}, process=1.0), use("platform_a", {}, process=0.6)]
    cpu = collect.cpu_ms(measured(after=after, before=before))
    assert cpu.identity_provider == pytest.approx(80.0)
    assert cpu.platform == pytest.approx(1000 * 0.4 * 2 / 20)
    assert cpu.wallet == pytest.approx(3.0)


def test_without_issuances_there_is_no_cost_of_one() -> None:
    cpu = collect.cpu_ms(measured(after=[], wallet_cpu={}))
    assert (cpu.identity_provider, cpu.platform, cpu.wallet) == (None, None, None)


def test_the_ledgers_share_is_of_all_services_cpu() -> None:
    after = [use("identity_provider", {}, process=1.0, capture=0.02), use("platform_a", {}, process=1.0, capture=0.04)]
    assert collect.capture_share(measured(after=after)) == 0.03
    assert collect.capture_share(measured()) is None


def test_storage_is_per_account() -> None:
    assert collect.result(measured(storage_bytes=4096, accounts_stored=8), {}).storage_bytes_per_account == 512.0
    assert collect.result(measured(storage_bytes=4096, accounts_stored=0), {}).storage_bytes_per_account is None


def test_the_schemes_own_words_and_flags_reach_the_result() -> None:
    found = collect.result(measured(unanswered=frozenset({"one_account", "attested"})), {})
    assert found.title == "Plain"
    assert found.unanswered == ["attested", "one_account"]
    assert found.flags["online"] is False


def test_the_interval_of_a_median_holds_the_true_one_as_often_as_it_says() -> None:
    chance = random.Random(3)
    held = 0
    for _ in range(1000):
        low, high = median_interval(sorted(chance.expovariate(1.0) for _ in range(60)))
        held += low <= math.log(2) <= high
    # Binomial(1000, .95): outside 920 … 985 with a chance below one in 10,000.
    assert 920 <= held <= 985


def test_revocations_are_told_in_short() -> None:
    found = collect.revocation([0.4, 1.2, 0.2, 0.6], ttl=1.0, publish=0.5)
    assert found is not None
    assert (found.n, found.median_s, found.mean_s, found.longest_s) == (4, 0.4, 0.6, 1.2)
    assert collect.revocation([], ttl=1.0, publish=0.5) is None
