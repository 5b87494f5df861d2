"""A mandate as services use it: questions to ask, decisions, what is kept, and the rules in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Literal

from idverify.errors import BadMessage
from idverify.mandates import decide, words
from idverify.mandates.model import ACTIONS, Action, Decision, Demand, Rule, Rules, RuleValue, Sentence, Standing, Tier
from idverify.scheme import Info, Json, Question


@dataclass(frozen=True, slots=True)
class Mandate:
    """One mandate; make it with `load` or `parse`."""

    rules: Rules

    @property
    def name(self) -> str:
        return self.rules.name

    @property
    def title(self) -> str:
        return self.rules.title

    @property
    def summary(self) -> str:
        return self.rules.summary

    @property
    def notes(self) -> tuple[str, ...]:
        return self.rules.notes

    @property
    def hypothetical(self) -> bool:
        return self.rules.hypothetical

    @property
    def tiers(self) -> tuple[Tier, ...]:
        return self.rules.tiers

    @property
    def unverified_accounts(self) -> bool:
        """Whether an account may be made that has proved nothing."""
        return self.rules.unverified_accounts.value

    @property
    def accepts_shortfall(self) -> bool:
        """Whether a scheme that cannot answer everything is accepted for what it can answer."""
        return self.rules.proof.shortfall.value == "accept"

    def demands_attested(self) -> bool:
        """Whether an issuer must have checked the identity behind each account."""
        return self.rules.proof.identity.value != "no"

    def question(self, action: Action | Literal["sign_up"], *, group_age: int | None = None) -> Question:
        """What to ask a person for an action; beyond the sign-up's question, only what is not yet proven.

        `group_age` is the age, in years, of a group to be joined.
        """
        if action == "sign_up":
            proof = self.rules.proof
            return Question(
                over=proof.over.value, identity=proof.identity.value == "shown", one_account=proof.one_account.value
            )
        if action not in ACTIONS:
            raise BadMessage(f"{action!r} is no action", hint=f"the actions are sign_up, {', '.join(ACTIONS)}")
        return Question(over=max(decide.age_asked(self.rules, action) or 0, group_age or 0) or None)

    def unanswered(self, info: Info) -> frozenset[Demand]:
        """The demands of a sign-up that a scheme leaves unmet."""
        unmet: set[Demand] = {*self.question("sign_up").asks() - info.answers}
        if self.demands_attested() and not info.signed:
            unmet.add("attested")
        return frozenset(unmet)

    def decide(self, action: Action, standing: Standing, *, now: datetime, group_age: int | None = None) -> Decision:
        """Whether an account of that standing, or a visitor, may do that now; `group_age` in years."""
        return decide.decide(self.rules, action, standing=standing, now=now, group_age=group_age)

    def sign_up(self, over: int | None, *, guarded: bool = False) -> Decision:
        """Whether a verified account may be made; `over` None where the scheme cannot prove an age."""
        return decide.sign_up(self.rules, over, guarded=guarded)

    def sign_up_tier(self, over: int | None, *, guarded: bool = False) -> Tier | None:
        """The age tier of such an account; None where the mandate has none."""
        return decide.tier_of(self.rules, Standing(verified=True, over=over, created=None, guarded=guarded))

    def trusts(self, country: str) -> bool:
        """Whether issuers of that country (two capital letters) are trusted."""
        trusted = self.rules.trust.value
        return trusted == "any" or country in trusted

    def kept(self) -> Mapping[str, Rule[int | None]]:
        """What the platform keeps, by name of the claim: days, or None for as long as the account exists."""
        return self.rules.platform_keeps

    def each_rule(self) -> dict[str, Rule[RuleValue]]:
        """Every rule by its key in the file."""
        return self.rules.each()

    def rule_sentences(self) -> list[Sentence]:
        """Every rule in words, with key, source and certainty."""
        return words.sentences(self.rules)

    def sentences(self) -> list[str]:
        """The whole mandate in lines to read: what it is, every rule with its certainty, the notes."""
        kind = ["Hypothetical: it describes no country."] if self.hypothetical else []
        rules = [words.readable(sentence) for sentence in self.rule_sentences()]
        return [self.summary, *kind, *rules, *self.notes]

    def differences(self, other: Mandate) -> list[str]:
        """A line for each rule on which the two differ; none with itself."""
        return words.differences(self.rules, other.rules)

    def as_json(self) -> dict[str, Json]:
        """Everything, for `--json` and the pages; dates are ISO 8601, null is "none" or "account"."""
        rules: dict[str, Json] = {
            key: {**asdict(rule), "value": _json(rule.value)} for key, rule in self.each_rule().items()
        }
        return {
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "notes": list(self.notes),
            "hypothetical": self.hypothetical,
            "rules": rules,
            "sentences": [asdict(sentence) for sentence in self.rule_sentences()],
        }


def _json(value: RuleValue) -> Json:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
