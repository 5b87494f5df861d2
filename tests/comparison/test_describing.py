"""What attackers are told of a measured world: what everybody could know, and nothing of anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from idverify.comparison.describing import describe
from idverify.mandates import load, names
from idverify.privacy.public import blinded, read_public, write_public
from idverify.schemes import SCHEMES
from idverify.settings import Settings

ORIGINS = {"identity_provider": "http://127.0.0.1:1", "platform_a": "http://127.0.0.1:2", "wallet": "http://w"}


@pytest.mark.parametrize("mandate", names())
@pytest.mark.parametrize("name", list(SCHEMES))
def test_every_scheme_under_every_mandate_can_be_described_and_read_again(
    name: str, mandate: str, tmp_path: Path
) -> None:
    public = describe(Settings(), SCHEMES[name].info, load(mandate), origins=ORIGINS)
    write_public(tmp_path, public)
    assert read_public(tmp_path) == public
    assert set(public.parties) == {"identity_provider", "platform_a", "network_observer"}
    assert list(public.schemes) == [name]
    assert not blinded(public).schemes


def test_the_wallets_policy_is_told_as_it_is_set() -> None:
    info = next(s.info for s in SCHEMES.values() if s.info.single_use and s.info.batch > 1)
    settings = Settings(reuse="C", batch=7, refill="fixed_schedule", refill_interval=3.0, people_per_address=5)
    policy = describe(settings, info, load("directive_57"), origins=ORIGINS).policy
    assert (policy.reuse, policy.refill, policy.batch, policy.schedule) == ("rotating_batch", "schedule", 7, 3.0)
    assert policy.users_per_address == 5
    delayed = describe(
        Settings(refill="delayed", refill_delay=4.0), info, load("directive_57"), origins=ORIGINS
    ).policy.delay
    assert (delayed.name, delayed.parameters) == ("exponential", {"mean": 4.0})


def test_what_must_be_kept_is_the_mandates() -> None:
    info = SCHEMES["real_name"].info
    strict = describe(Settings(), info, load("directive_57"), origins=ORIGINS).kept
    assert strict["platform_a"].fields == ["birth_date", "id_number", "name"]
    assert (strict["platform_a"].days, strict["platform_a"].times) == (730, "exact")
    assert strict["identity_provider"].days == 1825
    lax = describe(Settings(), info, load("no_mandate"), origins=ORIGINS).kept
    assert (lax["platform_a"].fields, lax["platform_a"].times, lax["platform_a"].addresses) == ([], "none", False)
    assert lax["identity_provider"].times == "none"


def test_where_another_party_signs_the_identity_provider_is_an_attester() -> None:
    split = [s.info for s in SCHEMES.values() if "token_issuer" in s.info.parties]
    for info in split:
        assert describe(Settings(), info, load("directive_57"), origins=ORIGINS).role("identity_provider") == "attester"
    joint = SCHEMES["privacy_pass"].info
    assert describe(Settings(), joint, load("directive_57"), origins=ORIGINS).role("identity_provider") == "issuer"
