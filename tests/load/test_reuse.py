"""Reuse, refills and enrolling again under a real load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from idverify.load.result import LoadResult
from idverify.load.run import run_load
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet.policy import REFILLS, Refill, why_not
from idverify.world import World
from tests.kinds import one_of_each

SIZE = 600
KEPT = [name for name, scheme in SCHEMES.items() if not why_not(scheme.info, "B")]
ONCE = Settings(citizens=SIZE, reuse="A", batch=2, refill_delay=0.3, refill_interval=0.5, lost_phones=1.0, farmers=0.1)


def load(scheme: str, settings: Settings, folder: Path) -> LoadResult:
    with World(folder / "world", replace(settings, schemes=scheme)) as world:
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
def test_refills_are_steps_of_their_own_and_happen_when_the_policy_says(refill: Refill, tmp_path: Path) -> None:
    name = KEPT[0]
    result = load(name, replace(ONCE, refill=refill), tmp_path)
    assert result.failures == 0, (tmp_path / "load" / "locust.log").read_text()
    assert result.proofs_again[0] == result.proofs_again[1] > 0
    assert len(result.steps["prove_again"].ms) >= result.proofs_again[1]
    assert len(result.steps["whole_proof_again"].ms) >= result.proofs_again[1]
    assert result.fallbacks == 0
    refills = len(result.steps["refill"].ms) if "refill" in result.steps else 0
    assert (refills > 0) == (refill != "just_in_time")
    if refill == "after_use":  # what was shown is fetched again; two showings in quick succession share one refill
        assert refills * ONCE.batch >= 0.9 * len(result.steps["present"].ms)


@pytest.mark.parametrize("name", one_of_each(lambda i: (i.issued, i.remembers, i.rationed, "one_account" in i.answers)))
def test_who_enrols_again_is_who_they_were(name: str, tmp_path: Path) -> None:
    info = SCHEMES[name].info
    result = load(name, replace(ONCE, reuse="", batch=0), tmp_path)
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
