"""Reuse, refills and enrolling again under a real load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from idverify.load.result import LoadResult
from idverify.load.run import run_load
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet.policy import REFILLS, Refill, why_not
from idverify.world import World
from tests.keys import lend
from tests.kinds import one_of_each

SIZE = 600
KINDS = one_of_each(lambda info: (info.issued, info.remembers, info.rationed, "one_account" in info.answers))
KEPT = next(
    name
    for name, scheme in SCHEMES.items()
    if name not in KINDS and not why_not(scheme.info, "B") and "one_account" not in scheme.info.answers
)
"""A scheme that lets the same people sign up again with every way to refill."""
PATIENCE = 60.0
"""Seconds, so that nobody falls back because the machine is busy."""
ONCE = replace(
    Settings(citizens=SIZE, reuse="A", batch=2, refill_delay=0.3, refill_interval=0.5),
    lost_phones=1.0,
    farmers=0.1,
    patience=PATIENCE,
)


@pytest.fixture(scope="module")
def world(forked_parties: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One that offers every scheme."""
    with World(lend(tmp_path_factory.mktemp("world")), Settings(citizens=SIZE)) as world:
        yield world


def load(world: World, scheme: str, settings: Settings, folder: Path) -> LoadResult:
    return run_load(
        world.urls,
        scheme,
        sign_ups=60,
        users=8,
        rate=20,
        citizens=SIZE,
        results=folder / "load",
        warm_up=0,
        settings=settings,
        tags=("sign_up",),
    )


@pytest.mark.parametrize("refill", REFILLS)
def test_refills_are_steps_of_their_own_and_happen_when_the_policy_says(
    refill: Refill, world: World, tmp_path: Path
) -> None:
    name = KEPT
    result = load(world, name, replace(ONCE, refill=refill), tmp_path)
    assert result.failures == 0, (tmp_path / "load" / "locust.log").read_text()
    assert result.proofs_again[0] == result.proofs_again[1] > 0
    assert len(result.steps["prove_again"].ms) >= result.proofs_again[1]
    assert len(result.steps["whole_proof_again"].ms) >= result.proofs_again[1]
    assert result.fallbacks == 0
    refills = len(result.steps["refill"].ms) if "refill" in result.steps else 0
    assert (refills > 0) == (refill != "just_in_time")
    if refill == "after_use":  # what was shown is fetched again; two showings in quick succession share one refill
        assert refills * ONCE.batch >= 0.9 * len(result.steps["present"].ms)


@pytest.mark.parametrize("name", KINDS)
def test_who_enrols_again_is_who_they_were(name: str, world: World, tmp_path: Path) -> None:
    info = SCHEMES[name].info
    result = load(world, name, replace(ONCE, reuse="", batch=0), tmp_path)
    assert result.failures == 0, (tmp_path / "load" / "locust.log").read_text()
    again = result.enrolled_again
    if info.issued == "by_holder":
        assert again["recovered"] == (0, 0)
        return
    recovered, tried = again["recovered"]
    assert tried > 0
    assert recovered == tried or info.rationed
    if "one_account" in info.answers:
        assert again["recognised"][0] == again["recognised"][1] > 0
        assert again["second_account"][0] == 0 < again["second_account"][1]
    else:
        assert again["recognised"] == (0, 0)
    assert (again["new_seed"][1] > 0) == info.remembers
    assert again["new_seed"][0] == 0
