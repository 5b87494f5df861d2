"""What a mandate says, as values: every rule with its source and how certain it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, Literal, TypeAlias, TypeVar

Action: TypeAlias = Literal["read", "react", "post", "comment", "share", "livestream", "join"]
ACTIONS: tuple[Action, ...] = ("read", "react", "post", "comment", "share", "livestream", "join")

Certainty: TypeAlias = Literal["seen", "inferred", "uncertain", "setting"]
Identity: TypeAlias = Literal["no", "attested", "shown"]
Guardian: TypeAlias = Literal["none", "registers"]
Code: TypeAlias = Literal["", "not_verified", "too_young", "age_unproven", "not_signed_in"]
Demand: TypeAlias = Literal["over", "identity", "attested", "one_account"]

RuleValue: TypeAlias = "bool | int | str | date | tuple[str, ...] | None"
T = TypeVar("T", bound=RuleValue, covariant=True)


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """One rule. A `setting` is a choice of whoever wrote the file and claims nothing about the law."""

    value: T
    source: str = ""
    certainty: Certainty = "setting"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a new account must prove."""

    over: Rule[int | None]  # years
    identity: Rule[Identity]
    one_account: Rule[bool]
    shortfall: Rule[Literal["accept", "refuse"]]  # what happens to a scheme that cannot answer everything


@dataclass(frozen=True, slots=True)
class ActionRules:
    """Who may do one thing."""

    visitors: Rule[bool]  # without an account
    unverified: Rule[bool]  # with an account that proved nothing
    over: Rule[int | None]  # years, asked of everybody who does it


@dataclass(frozen=True, slots=True)
class Tier:
    """What accounts of an age may do; `first` and `last` in years, both included, `last` None: no end."""

    first: int
    last: int | None
    may: Rule[tuple[Action, ...]]
    guardian: Rule[Guardian]

    def holds(self, age: int) -> bool:
        return self.first <= age and (self.last is None or age <= self.last)

    @property
    def ages(self) -> str:
        return f"from {self.first}" if self.last is None else f"from {self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class Grace:
    """How long accounts go on without a proof; counted in days from the day in force, or from creation."""

    days: Rule[int]
    applies_to: Rule[Literal["existing", "all"]]


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a public body to a platform: who gives it, and within how many hours it is obeyed."""

    by: Rule[Literal["nobody", "court", "authority"]]
    hours: Rule[int | None]
    urgent_hours: Rule[int | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a platform knows of an account, or of a visitor.

    `over` is the lowest age that was proven. Of a `guarded` account, which a guardian registered
    for a child, it is the child's, not the guardian's.
    """

    verified: bool
    over: int | None
    created: datetime | None
    guarded: bool = False
    visitor: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether somebody may do something; a refusal says what is missing, what to do, and what is still allowed."""

    allowed: bool
    code: Code = ""
    message: str = ""
    until: datetime | None = None  # allowed only because of the grace period, which ends then
    may_still: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A rule in words."""

    key: str
    text: str
    source: str
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that a mandate file says, checked and complete."""

    name: str
    title: str
    summary: str
    notes: tuple[str, ...]
    hypothetical: bool
    in_force: Rule[date | None]
    unverified_accounts: Rule[bool]
    proof: Proof
    actions: Mapping[Action, ActionRules]
    grace: Grace
    tiers: tuple[Tier, ...]
    platform_keeps: Mapping[
        str, Rule[int | None]
    ]  # days after the account's or the event's end; None: with the account
    identity_provider_keeps: Mapping[str, Rule[int | None]]
    disclosure: Order
    takedown: Order
    trust: Rule[tuple[str, ...] | Literal["any"]]

    def each(self) -> dict[str, Rule[RuleValue]]:
        """Every rule by its key, in the order of the file format."""
        rules: dict[str, Rule[RuleValue]] = {
            "in_force": self.in_force,
            "unverified.accounts": self.unverified_accounts,
            "proof.over": self.proof.over,
            "proof.identity": self.proof.identity,
            "proof.one_account": self.proof.one_account,
            "proof.shortfall": self.proof.shortfall,
        }
        for action, who in self.actions.items():
            rules[f"actions.{action}.visitors"] = who.visitors
            rules[f"actions.{action}.unverified"] = who.unverified
            rules[f"actions.{action}.over"] = who.over
        rules |= {"grace.days": self.grace.days, "grace.applies_to": self.grace.applies_to}
        for tier in self.tiers:
            rules[f"tiers.{tier.first}.may"] = tier.may
            rules[f"tiers.{tier.first}.guardian"] = tier.guardian
        rules |= {f"retention.platform.{what}": rule for what, rule in self.platform_keeps.items()}
        rules |= {f"retention.identity_provider.{what}": rule for what, rule in self.identity_provider_keeps.items()}
        for name, order in (("disclosure", self.disclosure), ("takedown", self.takedown)):
            rules |= {
                f"{name}.by": order.by,
                f"{name}.hours": order.hours,
                f"{name}.urgent_hours": order.urgent_hours,
            }
        return rules | {"trust.countries": self.trust}
