"""Who may do what: the built-in mandates as tables, and a mandate of our own."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from idverify import mandates
from idverify.errors import BadMessage
from idverify.mandates import ACTIONS, Action, Mandate, Standing

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
LATELY = NOW - timedelta(days=10)

VISITOR = Standing(verified=False, over=None, created=None, visitor=True)
UNVERIFIED = Standing(verified=False, over=None, created=LATELY)
VERIFIED = Standing(verified=True, over=16, created=LATELY)
AGELESS = Standing(verified=True, over=None, created=LATELY)
CHILD = Standing(verified=True, over=None, created=LATELY, guarded=True)

READ_ONLY: tuple[Action, ...] = ("read",)
TABLE: list[tuple[str, Standing, tuple[Action, ...], str]] = [
    *((name, VISITOR, READ_ONLY, "not_signed_in") for name in mandates.names()),
    *((name, UNVERIFIED, READ_ONLY, "not_verified") for name in ("directive_57", "decree_147")),
    *((name, UNVERIFIED, ACTIONS, "") for name in ("open_interop", "no_mandate")),
    *((name, standing, ACTIONS, "") for name in mandates.names() for standing in (VERIFIED, AGELESS, CHILD)),
]

OWN = """
schema = 1
name = "own"
title = "Our own"
summary = "Other ages, other tiers."
in_force = { value = 2026-03-01, certainty = "setting" }

[proof]
over = { value = 12, certainty = "setting" }
shortfall = { value = "refuse", certainty = "setting" }

[actions.read]
visitors = { value = false, certainty = "setting" }
[actions.post]
unverified = { value = false, certainty = "setting" }
[actions.livestream]
over = { value = 21, certainty = "setting" }

[grace]
days = { value = 30, certainty = "setting" }

[[tiers]]
from = 0
to = 8
may = { value = [], certainty = "setting" }
[[tiers]]
from = 9
to = 11
guardian = { value = "registers", certainty = "setting" }
may = { value = ["read", "react"], certainty = "setting" }
[[tiers]]
from = 12
to = 14
may = { value = ["read", "react", "comment", "join"], certainty = "setting" }
[[tiers]]
from = 15
may = { value = "everything", certainty = "setting" }
"""


def own(old: str = "", new: str = "") -> Mandate:
    assert old in OWN
    return mandates.parse(OWN.replace(old, new) if old else OWN)


def verified(over: int | None, *, guarded: bool = False) -> Standing:
    return Standing(verified=True, over=over, created=LATELY, guarded=guarded)


@pytest.mark.parametrize(("name", "standing", "allowed", "code"), TABLE)
@pytest.mark.parametrize("action", ACTIONS)
def test_the_built_in_mandates_allow_what_their_files_say(
    name: str, standing: Standing, allowed: tuple[Action, ...], code: str, action: Action
) -> None:
    decision = mandates.load(name).decide(action, standing, now=NOW)
    assert decision.allowed is (action in allowed)
    assert decision.code == ("" if action in allowed else code)
    if not decision.allowed:
        assert decision.may_still == allowed
        assert ";" in decision.message  # what is missing; what to do


@pytest.mark.parametrize("name", mandates.names())
def test_a_group_of_an_age_wants_that_age_proven(name: str) -> None:
    mandate = mandates.load(name)
    for over, code in ((None, "age_unproven"), (16, "age_unproven"), (18, ""), (21, "")):
        decision = mandate.decide("join", verified(over), now=NOW, group_age=18)
        assert (decision.allowed, decision.code) == (not code, code), over
    refusal = mandate.decide("join", verified(16), now=NOW, group_age=18)
    assert "18 years" in refusal.message
    assert "16 were proven" in refusal.message
    assert "join" not in refusal.may_still
    assert "post" in refusal.may_still


def test_a_visitor_cannot_join_a_group_of_an_age() -> None:
    decision = mandates.load("no_mandate").decide("join", VISITOR, now=NOW, group_age=18)
    assert decision.code == "not_signed_in"


def test_a_childs_account_is_too_young_for_a_group_of_adults() -> None:
    assert mandates.load("decree_147").decide("join", CHILD, now=NOW, group_age=18).code == "too_young"


IN_FORCE = datetime(2024, 12, 24, 17, tzinfo=timezone.utc)  # midnight of 25 December in Hanoi


@pytest.mark.parametrize(
    ("created", "now", "allowed"),
    [
        (-1, 0, True),
        (-1, 90 * 86400 - 1, True),
        (-1, 90 * 86400, False),
        (-1, 200 * 86400, False),
        (0, 1, False),
        (5, 86400, False),
        (-86400, -3600, True),
    ],
)
def test_the_grace_period_is_for_accounts_that_existed_before(created: int, now: int, allowed: bool) -> None:
    standing = Standing(verified=False, over=None, created=IN_FORCE + timedelta(seconds=created))
    decision = mandates.load("decree_147").decide("post", standing, now=IN_FORCE + timedelta(seconds=now))
    assert decision.allowed is allowed
    assert decision.until == (IN_FORCE + timedelta(days=90) if allowed else None)
    assert decision.code == ("" if allowed else "not_verified")


def test_what_the_unverified_may_anyway_is_not_put_down_to_the_grace_period() -> None:
    standing = Standing(verified=False, over=None, created=IN_FORCE - timedelta(days=1))
    decision = mandates.load("decree_147").decide("read", standing, now=IN_FORCE)
    assert decision.allowed
    assert decision.until is None


def test_an_ended_grace_period_is_named_in_the_refusal() -> None:
    standing = Standing(verified=False, over=None, created=IN_FORCE - timedelta(days=1))
    decision = mandates.load("decree_147").decide("post", standing, now=NOW)
    assert "since 2025-03-25" in decision.message


def test_the_grace_period_proves_no_age() -> None:
    standing = Standing(verified=False, over=None, created=IN_FORCE - timedelta(days=1))
    decision = mandates.load("decree_147").decide("join", standing, now=IN_FORCE, group_age=18)
    assert decision.code == "age_unproven"


def test_a_grace_period_for_all_counts_from_the_creation_of_new_accounts() -> None:
    mandate = own("days = { value = 30", 'applies_to = { value = "all", certainty = "setting" }\ndays = { value = 30')
    standing = Standing(verified=False, over=None, created=NOW)
    assert mandate.decide("post", standing, now=NOW + timedelta(days=29)).until == NOW + timedelta(days=30)
    assert not mandate.decide("post", standing, now=NOW + timedelta(days=30)).allowed


def test_an_account_of_unknown_creation_has_no_grace() -> None:
    standing = Standing(verified=False, over=None, created=None)
    assert not mandates.load("decree_147").decide("post", standing, now=IN_FORCE).allowed


@pytest.mark.parametrize(
    ("standing", "allowed"),
    [
        (verified(12), {"read", "react", "comment", "join"}),
        (verified(14), {"read", "react", "comment", "join"}),
        (verified(15), set(ACTIONS) - {"livestream"}),
        (verified(21), set(ACTIONS)),
        (verified(None), set()),
        (verified(9, guarded=True), {"read", "react"}),
        (verified(None, guarded=True), {"read", "react"}),
        (verified(40, guarded=True), {"read", "react"}),
        (VISITOR, set()),
        (UNVERIFIED, set(ACTIONS) - {"post", "livestream"}),
    ],
)
def test_a_mandate_of_our_own_is_obeyed(standing: Standing, allowed: set[Action]) -> None:
    mandate = own()
    assert {action for action in ACTIONS if mandate.decide(action, standing, now=NOW).allowed} == allowed


def test_the_refusal_of_a_tier_says_from_which_age() -> None:
    decision = own().decide("post", verified(13), now=NOW)
    assert decision.code == "age_unproven"
    assert "from 15 years, 13 were proven" in decision.message
    assert decision.may_still == ("read", "react", "comment", "join")
    assert own().decide("post", verified(10, guarded=True), now=NOW).code == "too_young"


def test_what_no_tier_allows_is_refused_for_everybody() -> None:
    mandate = own('may = { value = "everything"', 'may = { value = ["read"]')
    decision = mandate.decide("share", verified(30), now=NOW)
    assert (decision.allowed, decision.code) == (False, "too_young")


def test_an_action_asks_the_age_of_the_first_tier_that_may() -> None:
    ages = {action: own().question(action).over for action in ACTIONS}
    assert ages == {
        "read": None,
        "react": None,
        "comment": None,
        "join": None,
        "post": 15,
        "share": 15,
        "livestream": 21,
    }
    assert own().question("join", group_age=18).over == 18


@pytest.mark.parametrize(
    ("over", "guarded", "code"),
    [
        (12, False, ""),
        (40, False, ""),
        (11, False, "too_young"),
        (0, False, "too_young"),
        (None, False, "age_unproven"),
        (9, True, ""),
        (None, True, ""),
        (8, True, "too_young"),
        (12, True, "too_young"),
    ],
)
def test_an_account_is_made_at_the_ages_of_the_file(over: int | None, guarded: bool, code: str) -> None:
    decision = own().sign_up(over, guarded=guarded)
    assert (decision.allowed, decision.code) == (not code, code)
    assert bool(decision.message) is not decision.allowed


def test_a_shortfall_is_accepted_where_the_file_accepts_it() -> None:
    assert own('"refuse"', '"accept"').sign_up(None).allowed
    assert own('"refuse"', '"accept"').accepts_shortfall
    assert not own().accepts_shortfall


@pytest.mark.parametrize("name", ["directive_57", "decree_147"])
def test_a_child_below_16_needs_a_guardian(name: str) -> None:
    mandate = mandates.load(name)
    refusal = mandate.sign_up(15)
    assert refusal.code == "too_young"
    assert "a guardian can register" in refusal.message
    assert mandate.sign_up(15, guarded=True).allowed
    assert mandate.sign_up(16).allowed
    tier = mandate.sign_up_tier(15, guarded=True)
    assert tier is not None
    assert (tier.first, tier.last, tier.guardian.value) == (0, 15, "registers")


@pytest.mark.parametrize("name", ["open_interop", "no_mandate"])
def test_there_is_no_guardian_where_no_tier_wants_one(name: str) -> None:
    mandate = mandates.load(name)
    assert mandate.sign_up(None).allowed
    assert mandate.sign_up(3).allowed
    assert not mandate.sign_up(3, guarded=True).allowed
    assert mandate.sign_up_tier(3) is None


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(BadMessage, match="'fly' is no action"):
        own().decide("fly", VERIFIED, now=NOW)  # type: ignore[arg-type]
    with pytest.raises(BadMessage, match="'fly' is no action"):
        own().question("fly")  # type: ignore[arg-type]
