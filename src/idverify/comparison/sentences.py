"""What a comparison found, in words. Neutral: what a scheme costs is said as plainly as what it gives."""

from __future__ import annotations

from collections.abc import Sequence

from idverify.comparison.model import Linked, Run, SchemeResult
from idverify.privacy.metrics import in_words

UNMET = {
    "over": "no proof of age",
    "identity": "the platform does not get name and ID number",
    "attested": "nobody has checked the person",
    "one_account": "one account per person cannot be enforced",
}
COALITIONS = {
    "identity_provider+platform_a": "identity provider + platform A",
    "platform_a+platform_b": "platform A + platform B",
}


def coalition_title(name: str) -> str:
    return COALITIONS.get(name, name.replace("_", " ").replace("+", " + "))


def unmet(demand: str) -> str:
    return UNMET.get(demand, demand.replace("_", " "))


def together(run: Run) -> str:
    """The sentence on top: what the identity provider and a platform learn if they put their logs together."""
    found = [(s.title or name, s.linkage.get("identity_provider+platform_a")) for name, s in run.schemes.items()]
    some = [(title, link) for title, link in found if link is not None and link.correct]
    none = [(title, link) for title, link in found if link is not None and not link.correct and link.linkable]
    empty = [title for title, link in found if link is not None and not link.linkable]
    parts = []
    if some:
        parts.append(
            "they identify " + _listed([f"{in_words(k.correct, k.linkable)} accounts with {t}" for t, k in some])
        )
    if none:
        listed = _listed([f"{in_words(0, k.linkable)} accounts with {title}" for title, k in none])
        parts.append(f"identification is {listed}" if not some else f"it is {listed}")
    if not parts and not empty:
        return "Nothing was measured: no scheme came as far as an attack."
    if empty:
        parts.append(f"with {_listed(empty)} the identity provider has no record to join")
    return "If the identity provider and the platform put their logs together, " + "; ".join(parts) + "."


def children(run: Run) -> str:
    """The second sentence: minors, for whose sake the age gate is there."""
    parts = []
    for name, s in run.schemes.items():
        own, borrowed = s.age_gate.minors_admitted, s.age_gate.borrowed_admitted
        parts.append(
            f"{own[0]} of {own[1]} with credentials of their own and {borrowed[0]} of {borrowed[1]} "
            f"with an adult’s under {s.title or name}"
        )
    return f"Minors who got in: {'; '.join(parts)}." if parts else ""


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def verdictless(link: Linked | None) -> str:
    """One cell of the matrix: the share in figures with its interval."""
    if link is None:
        return "not run"
    return in_words(link.correct, link.linkable)


def costs(result: SchemeResult, *, base: SchemeResult | None, base_title: str) -> list[str]:
    """What a scheme costs, as sentences, from what was measured and what it declares."""
    found = [f"leaves unmet: {unmet(demand)}" for demand in result.unanswered]
    if result.flags.get("single_use"):
        found.append("each credential works once: the wallet has to fetch new ones, within a quota")
    if result.flags.get("online"):
        found.append("the identity provider takes part in every log-in: if it is down, so is sign-up")
    if not result.flags.get("signed", True):
        found.append("nobody vouches for what is claimed")
    if result.flags.get("signed", True) and not result.flags.get("quantum_safe", False):
        found.append("its signatures are not quantum-safe")
    if result.accounts_per_person_max > 1:
        found.append(f"one person got as many as {result.accounts_per_person_max} accounts on one platform")
    own = result.age_gate.minors_admitted
    if own[0]:
        found.append(f"{own[0]} of {own[1]} minors got in without anybody’s help")
    if base is not None and base is not result:
        found += _ratios(result, base, base_title)
    return found


def gains(result: SchemeResult) -> list[str]:
    """What a scheme gives, from what was measured: to accountability, to child safety, to privacy, alike."""
    found = []
    for name, link in result.linkage.items():
        who = coalition_title(name)
        if link.linkable and not link.correct:
            found.append(f"{who}: link {in_words(0, link.linkable)} accounts")
        elif link.linkable and link.interval[0] > link.baseline:
            found.append(f"accountability: {who} can name or match {in_words(link.correct, link.linkable)} accounts")
    own = result.age_gate.minors_admitted
    if own[1] and not own[0]:
        found.append(f"age gate: minors with credentials of their own {in_words(0, own[1])}")
    if result.accounts_per_person_max == 1:
        found.append("no person got a second account on a platform")
    if not result.flags.get("online", True) and result.flags.get("signed", True):
        found.append("the identity provider is not asked at log-in")
    return found


def _ratios(result: SchemeResult, base: SchemeResult, base_title: str) -> list[str]:
    pairs = (
        ("identity provider CPU per issuance", result.cpu_ms.identity_provider, base.cpu_ms.identity_provider),
        ("platform CPU per sign-up", result.cpu_ms.platform, base.cpu_ms.platform),
        ("wallet CPU per presentation", result.cpu_ms.wallet, base.cpu_ms.wallet),
    )
    return [f"{what} {a / b:.2f} × that of {base_title}" for what, a, b in pairs if a and b]
