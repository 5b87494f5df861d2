"""A mandate in sentences, for people who read no TOML; what is not certain is said in each sentence."""

from __future__ import annotations

from datetime import date

from idverify.mandates.decide import DOING
from idverify.mandates.model import Action, ActionRules, Order, Rule, Rules, RuleValue, Sentence, Tier

KEPT = {
    "name": "the name",
    "id_number": "the ID number",
    "birth_date": "the birth date",
    "logins": "times and addresses of logins",
    "uses": "the history of uses",
}
_IDENTITY = {
    "no": "No identity has to be behind an account.",
    "attested": "A trusted issuer must have checked who is behind an account; the platform need not be told.",
    "shown": "The platform must be shown a name and an ID number.",
}
_SHORTFALL = {
    "accept": "A scheme that cannot answer all of this is accepted for what it can answer.",
    "refuse": "A scheme that cannot answer all of this is refused.",
}
_BY = {"nobody": "Nobody", "court": "Only a court", "authority": "An authority"}


def sentences(rules: Rules) -> list[Sentence]:
    """Every rule as a sentence, in the order of the file format."""
    said = [
        _said("in_force", rules.in_force, _in_force(rules.in_force.value)),
        _said("unverified.accounts", rules.unverified_accounts, _unverified(rules.unverified_accounts.value)),
        _said("proof.over", rules.proof.over, _over(rules.proof.over.value)),
        _said("proof.identity", rules.proof.identity, _IDENTITY[rules.proof.identity.value]),
        _said("proof.one_account", rules.proof.one_account, _one_account(rules.proof.one_account.value)),
        _said("proof.shortfall", rules.proof.shortfall, _SHORTFALL[rules.proof.shortfall.value]),
    ]
    for action, who in rules.actions.items():
        said += _action(action, who)
    said += [
        _said("grace.days", rules.grace.days, _grace(rules.grace.days.value)),
        _said("grace.applies_to", rules.grace.applies_to, _applies_to(rules.grace.applies_to.value)),
    ]
    for tier in rules.tiers:
        said += _tier(tier)
    for party, keeps in (("platform", rules.platform_keeps), ("identity_provider", rules.identity_provider_keeps)):
        name = party.replace("_", " ")
        for what, rule in keeps.items():
            said.append(_said(f"retention.{party}.{what}", rule, f"The {name} keeps {KEPT[what]}{_term(rule.value)}."))
    said += _order("disclosure", rules.disclosure, "the disclosure of user data")
    said += _order("takedown", rules.takedown, "the removal of a post")
    return [*said, _said("trust.countries", rules.trust, _trust(rules.trust.value))]


def readable(sentence: Sentence) -> str:
    """One line: the sentence, how certain it is, and the source."""
    if sentence.certainty == "setting":
        return f"{sentence.text} (setting, no claim about the law)"
    doubt = {"seen": "seen: ", "inferred": "inferred: ", "uncertain": "uncertain: "}[sentence.certainty]
    return f"{sentence.text} ({doubt}{sentence.source})"


def differences(one: Rules, other: Rules) -> list[str]:
    """A sentence for each rule whose value differs, with what each of the two says."""
    ours, theirs = one.each(), other.each()
    said, they_said = ({s.key: s.text for s in sentences(rules)} for rules in (one, other))
    lines: list[str] = []
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        mine, yours = ours.get(key), theirs.get(key)
        if mine is not None and yours is not None and mine.value == yours.value:
            continue
        lines.append(f"{one.title}: {said.get(key, _SILENT)} {other.title}: {they_said.get(key, _SILENT)}")
    return lines


_SILENT = "Says nothing on this."


def _said(key: str, rule: Rule[RuleValue], text: str) -> Sentence:
    return Sentence(key, text, rule.source, rule.certainty)


def _in_force(day: date | None) -> str:
    return f"In force since {day.isoformat()}." if day else "It has no day on which it comes into force."


def _unverified(allowed: bool) -> str:
    return "Accounts may exist without a proof." if allowed else "No account is made without a proof."


def _over(age: int | None) -> str:
    return f"An account needs a proof of {age} years of age." if age else "An account needs no proof of age."


def _one_account(one: bool) -> str:
    return "A person has one account on each platform." if one else "A person may have many accounts."


def _action(action: Action, who: ActionRules) -> list[Sentence]:
    doing = DOING[action].capitalize()
    said = [
        _said(
            f"actions.{action}.visitors",
            who.visitors,
            f"{doing} {'is open to visitors' if who.visitors.value else 'needs an account'}.",
        ),
        _said(
            f"actions.{action}.unverified",
            who.unverified,
            f"{doing} {'is open to unverified accounts' if who.unverified.value else 'needs a verified account'}.",
        ),
    ]
    age = who.over.value
    text = f"{doing} needs a proof of {age} years of age." if age else f"{doing} needs no further proof of age."
    return [*said, _said(f"actions.{action}.over", who.over, text)]


def _grace(days: int) -> str:
    if not days:
        return "There is no grace period."
    return f"Accounts may go on without a proof for {days} days."


def _applies_to(which: str) -> str:
    existing = "The grace period is for accounts that existed before; it counts from the day in force."
    return existing if which == "existing" else "The grace period is for new accounts too; theirs counts from creation."


def _tier(tier: Tier) -> list[Sentence]:
    ages = tier.ages[:1].upper() + tier.ages[1:]
    doings = [DOING[action] for action in tier.may.value]
    may = "everything" if len(doings) == len(DOING) else ", ".join(doings) or "nothing"
    guardian = "a guardian registers the account" if tier.guardian.value == "registers" else "no guardian is needed"
    return [
        _said(f"tiers.{tier.first}.may", tier.may, f"{ages} years of age, allowed: {may}."),
        _said(f"tiers.{tier.first}.guardian", tier.guardian, f"{ages} years of age {guardian}."),
    ]


def _term(days: int | None) -> str:
    if days is None:
        return " as long as the account exists"
    return f" for {days} days" if days else " for no longer than the check takes"


def _order(key: str, order: Order, what: str) -> list[Sentence]:
    hours, urgent = order.hours.value, order.urgent_hours.value
    return [
        _said(f"{key}.by", order.by, f"{_BY[order.by.value]} may order {what}."),
        _said(f"{key}.hours", order.hours, _within(what, hours, case="")),
        _said(f"{key}.urgent_hours", order.urgent_hours, _within(what, urgent, case=" in urgent cases")),
    ]


def _within(what: str, hours: int | None, *, case: str) -> str:
    return f"Time for {what}{case}: {f'{hours} hours' if hours else 'none is set'}."


def _trust(countries: tuple[str, ...] | str) -> str:
    if isinstance(countries, str):
        return "Issuers of any country are trusted."
    return f"Trusted are the issuers of: {', '.join(countries) or 'no country'}."
