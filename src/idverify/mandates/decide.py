"""Who may do what under a mandate, at an instant: pure functions of the rules and an account's standing."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from idverify.errors import BadMessage
from idverify.mandates.model import ACTIONS, Action, Code, Decision, Rules, Standing, Tier
from idverify.scheme import CIVIL_TIME

DOING: dict[Action, str] = {
    "read": "reading",
    "react": "reacting",
    "post": "posting",
    "comment": "commenting",
    "share": "sharing",
    "livestream": "livestreaming",
    "join": "joining a group",
}


def decide(
    rules: Rules, action: Action, *, standing: Standing, now: datetime, group_age: int | None = None
) -> Decision:
    """Whether an account of that standing may do that now; `group_age` in years where the group has one."""
    if action not in ACTIONS:
        raise BadMessage(f"{action!r} is no action", hint=f"the actions are {', '.join(ACTIONS)}")
    code, message = _refusal(rules, action, standing=standing, now=now, group_age=group_age)
    if code:
        still: tuple[Action, ...] = tuple(
            other
            for other in ACTIONS
            if not (other == action == "join" and group_age)
            and not _refusal(rules, other, standing=standing, now=now, group_age=None)[0]
        )
        return Decision(allowed=False, code=code, message=message, may_still=still)
    by_grace = not (standing.visitor or standing.verified or rules.actions[action].unverified.value)
    return Decision(allowed=True, until=grace_end(rules, standing) if by_grace else None)


def sign_up(rules: Rules, over: int | None, *, guarded: bool) -> Decision:
    """Whether an account may be made for somebody who proved that age, or for a child of that age by a guardian.

    `over` is None where the scheme in use cannot answer: that is a shortfall, and the mandate says
    whether to accept it.
    """
    if guarded:
        guarding = [tier for tier in rules.tiers if tier.guardian.value == "registers"]
        if not guarding:
            return _refused("too_young", f"{rules.title} knows no accounts that a guardian registers")
        if over is not None and not any(tier.holds(over) for tier in guarding):
            ages = " or ".join(tier.ages for tier in guarding)
            return _refused("too_young", f"a guardian registers children {ages}, this one is {over}; sign up without")
        return Decision(allowed=True)
    needed = rules.proof.over.value
    if needed is None:
        return Decision(allowed=True)
    if over is None:
        if rules.proof.shortfall.value == "accept":
            return Decision(allowed=True)
        return _refused("age_unproven", f"an account needs a proof of {needed} years; prove your age and try again")
    if over < needed:
        way = "; a guardian can register the account" if registrable_below(rules, needed) else ""
        return _refused("too_young", f"an account needs a proof of {needed} years, {over} were proven{way}")
    return Decision(allowed=True)


def registrable_below(rules: Rules, age: int) -> bool:
    """Whether a guardian may register an account for somebody younger than `age`."""
    return any(tier.guardian.value == "registers" and tier.first < age for tier in rules.tiers)


def age_asked(rules: Rules, action: Action) -> int | None:
    """The age, in years, that an action asks beyond that of the sign-up; None where it asks none."""
    ages = [rules.actions[action].over.value or 0]
    if rules.tiers:
        own = [tier.first for tier in rules.tiers if tier.guardian.value == "none" and action in tier.may.value]
        lowest = min((age for age in own if age >= (rules.proof.over.value or 0)), default=0)
        ages.append(lowest if lowest > (rules.proof.over.value or 0) else 0)
    return max(ages) or None


def grace_end(rules: Rules, standing: Standing) -> datetime | None:
    """When the grace period of an account ends, or ended; None where it has none."""
    if standing.visitor or standing.created is None:
        return None
    day = rules.in_force.value
    start = datetime.combine(day, time(), CIVIL_TIME) if day else None
    days = timedelta(days=rules.grace.days.value)
    if rules.grace.applies_to.value == "all":
        return (max(start, standing.created) if start else standing.created) + days
    return start + days if start and standing.created < start else None


def tier_of(rules: Rules, standing: Standing) -> Tier | None:
    """The age tier of an account; None where the mandate has none.

    A child whom a guardian registered is in the tier of its age, or in the youngest of those for
    which guardians register. A verified account with no proven age came with a scheme that cannot
    prove one: it is in the tier of the age that the sign-up asks, which the mandate accepted.
    """
    if not rules.tiers:
        return None
    if standing.guarded:
        guarding = [tier for tier in rules.tiers if tier.guardian.value == "registers"]
        if standing.over is not None:
            guarding = [tier for tier in guarding if tier.holds(standing.over)] or guarding
        return guarding[0] if guarding else rules.tiers[0]
    age = standing.over
    if age is None:
        age = (rules.proof.over.value or 0) if rules.proof.shortfall.value == "accept" else 0
    return next(tier for tier in rules.tiers if tier.holds(age))


def _refusal(
    rules: Rules, action: Action, *, standing: Standing, now: datetime, group_age: int | None
) -> tuple[Code, str]:
    who, doing = rules.actions[action], DOING[action]
    if standing.visitor and not who.visitors.value:
        return "not_signed_in", f"{doing} needs an account; sign in, or make one"
    if not (standing.visitor or standing.verified or who.unverified.value):
        end = grace_end(rules, standing)
        if end is None:
            return "not_verified", f"{doing} needs a verified account; verify this one"
        if now >= end:
            day = end.astimezone(CIVIL_TIME).date()
            return "not_verified", f"{doing} needs a verified account since {day}; verify this one"
    if standing.verified and not standing.visitor:
        tier = tier_of(rules, standing)
        if tier is not None and action not in tier.may.value:
            return _of_tier(rules, tier, action=action, standing=standing)
    needed = max(who.over.value or 0, group_age or 0)
    if needed and (standing.over is None or standing.over < needed):
        if standing.guarded:
            return "too_young", f"{doing} needs a proof of {needed} years, and this is a child's account"
        if standing.visitor:
            return "not_signed_in", f"{doing} needs a proof of {needed} years; sign in and prove it"
        known = "" if standing.over is None else f", {standing.over} were proven"
        return "age_unproven", f"{doing} needs a proof of {needed} years{known}; prove that you are that old"
    return "", ""


def _of_tier(rules: Rules, tier: Tier, *, action: Action, standing: Standing) -> tuple[Code, str]:
    own = [
        t.first for t in rules.tiers if t.guardian.value == "none" and action in t.may.value and t.first > tier.first
    ]
    doing = DOING[action]
    if not own:
        return "too_young", f"{doing} is not allowed to people {tier.ages}"
    if standing.guarded:
        return "too_young", f"{doing} is allowed from {own[0]} years, and this is a child's account"
    known = "" if standing.over is None else f", {standing.over} were proven"
    return "age_unproven", f"{doing} is allowed from {own[0]} years{known}; prove that you are that old"


def _refused(code: Code, message: str) -> Decision:
    return Decision(allowed=False, code=code, message=message)
