"""What a comparison found, in words. Neutral: what a scheme costs is said as plainly as what it gives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idverify.comparison.model import Linked, Run, SchemeResult, Searched, Strongest
from idverify.privacy.metrics import in_words, percent

LACKS = {"over": "age", "identity": "name and ID", "attested": "a check", "one_account": "one account"}
"""The demands of a mandate in a word or two, for a narrow column."""
UNMET = {
    "over": "proof of age",
    "identity": "name and ID number for the platform",
    "attested": "an identity that somebody checked",
    "one_account": "one account per person",
}
JOINT = "identity_provider+platform_a"
COALITIONS = {
    "identity_provider+platform_a": "identity provider + platform A",
    "platform_a+platform_b": "platform A + platform B",
    "platform_a+platform_a": "platform A, two visits",
}
VISITS = "platform_a+platform_a"
ALONE = "platform_a"
FEW = 3
"""As many schemes are each named with their figures; more are named together."""

REASONS = {"no_e_id": "no e-ID account", "already_used": "already has an account", "quota": "quota used up"}


def reason(code: str) -> str:
    """A refusal's code in words."""
    return REASONS.get(code, code.replace("_", " "))


def told_first(warnings: Sequence[str]) -> list[str]:
    """The warnings that stand before the figures; too few samples are said in the table, where the figure would be."""
    return [text for text in warnings if not text.startswith("too few samples")]


def warned(run: Run) -> list[str]:
    """The warnings that stand before the figures; what several schemes share is said once, with its worst figure."""
    alike: dict[str, dict[str, str]] = {}
    for name, result in run.schemes.items():
        for text in told_first(result.warnings):
            alike.setdefault(_FIGURES.sub("#", text), {})[result.title or name] = text
    said = []
    for texts in alike.values():
        worst = max(texts.values(), key=lambda text: [float(figure) for figure in _FIGURES.findall(text)])
        if len(texts) == 1:
            said.append(f"{next(iter(texts))}: {worst}")
        else:
            whom = listed(list(texts)) if len(texts) <= 2 * FEW else f"{len(texts)} of {len(run.schemes)} schemes"
            said.append(f"{whom}, at worst: {worst}")
    return said


_FIGURES = re.compile(r"\d+(?:\.\d+)?")


def coalition_title(name: str) -> str:
    return COALITIONS.get(name, name.replace("_", " ").replace("+", " + "))


def unmet(demand: str) -> str:
    return UNMET.get(demand, demand.replace("_", " "))


def together(run: Run) -> str:
    """The sentence on top: what the identity provider and a platform learn if they put their logs together."""
    outcomes = outcomes_of(run)
    shares = [text for outcome in outcomes if outcome.links for text in _shares(outcome, len(run.schemes))]
    empty = [title for outcome in outcomes if not outcome.links for title in outcome.titles]
    parts = [f"they identify {listed(shares)}"] if shares else []
    if empty:
        parts.append(f"with {listed(empty)} the identity provider has nothing to put in")
    if not parts:
        return "Nothing was measured: no scheme came as far as an attack."
    return "If the identity provider and the platform put their logs together, " + "; ".join(parts) + "."


def beyond(run: Run) -> str:
    """What times and addresses add to that sentence, and whom a platform names without anybody's help."""
    attacked = {r.title or name: r.coalitions for name, r in run.schemes.items() if r.coalitions}
    joint = {title: found[JOINT].arrived for title, found in attacked.items() if JOINT in found}
    said = [f"With times and network addresses as well they identify {text}." for text in _named(joint, len(attacked))]
    alone = {title: found[ALONE].arrived for title, found in attacked.items() if ALONE in found}
    said += [f"Platform A names, with nobody’s help, {text}." for text in _named(alone, len(attacked))]
    longest = _longest_search(run)
    if longest is not None:
        said.append(
            f"Of the ID numbers that a hash could hide it tried {share_tried(longest)}; all of them would take "
            f"{_long(longest.seconds)} here (EXTRAPOLATED), and then a hashed number names its person."
        )
    return " ".join(said)


def share_tried(search: Searched) -> str:
    """Which part of all ID numbers was tried: "0.02 %"."""
    return f"{100 * search.tried / search.possible:.2g} %"


def _longest_search(run: Run) -> Searched | None:
    """The search of a platform alone, not carried to its end, that would take longest; None where there was none."""
    alone = [r.coalitions[ALONE].searched for r in run.schemes.values() if ALONE in r.coalitions]
    return max((each for each in alone if each is not None), key=lambda each: each.seconds, default=None)


def _long(seconds: float) -> str:
    """A time: "about 40 s", "about 33 minutes", "about 5 hours"."""
    if seconds < 120:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} minutes" if seconds < 7200 else f"about {seconds / 3600:.0f} hours"


def _named(found: Mapping[str, Strongest | None], total: int) -> list[str]:
    """ "55 of 56 accounts (95 %: …) with X and nobody more often than by chance with Y"; empty for no attack."""
    hits = {title: best for title, best in found.items() if best is not None and best.detected}
    none = {title: best for title, best in found.items() if best is not None and not best.detected}
    if not hits and not none:
        return []
    parts = []
    if len(hits) <= FEW:
        parts += [f"{strongest_share(best)} with {title}" for title, best in hits.items()]
    else:
        low, high = (percent(end(best.interval[n] for best in hits.values())) for n, end in ((0, min), (1, max)))
        least, most = (end(best.top_1 for best in hits.values()) for end in (min, max))
        shares = f"{percent(least)} %" if least == most else f"{percent(least)} to {percent(most)} %"
        parts.append(f"{shares} of the accounts (95 %: {low}–{high} %) with {len(hits)} of {total} schemes")
    if none:
        high = percent(max(best.interval[1] for best in none.values()))
        whom = listed(list(none)) if len(none) <= FEW else f"{len(none)} schemes"
        parts.append(f"nobody more often than by chance (≤ {high} %) with {whom}")
    return [listed(parts)]


def strongest_share(best: Strongest) -> str:
    """ "55 of 56 accounts (95 %: 85.7–100 %)"."""
    low, high = (percent(end) for end in best.interval)
    return f"{best.correct:,} of {best.targets:,} accounts (95 %: {low}–{high} %)"


def shadows(run: Run) -> str:
    """On how much the trained attacker learned: "250 to 300 accounts of seed 1007, 3 s a scheme"; empty for nothing."""
    found = [r.shadow for r in run.schemes.values() if r.shadow]
    if not found:
        return ""
    least, most = (end(each.accounts for each in found) for end in (min, max))
    number = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    few = sum(not each.enough for each in found)
    short = f"; too few with {few} of {len(found)} schemes" if few else ""
    return f"{number} accounts of seed {found[0].seed}{short}"


def attack_time(run: Run) -> str:
    """How long the attacks took: "3.1 to 5.2 s a scheme, 26 s for all, several at once, and closing the ledgers 1.0 to
    2.1 s a scheme"; empty where nobody measured it."""
    found = [r.attack_seconds for r in run.schemes.values() if r.attack_seconds is not None]
    if not found:
        return ""
    if len(found) == 1:
        return f"{found[0]:.1f} s"
    closing = [r.closing_seconds for r in run.schemes.values() if r.closing_seconds is not None]
    closed = f", and closing the ledgers {min(closing):.1f} to {max(closing):.1f} s a scheme" if closing else ""
    whole = run.attack_seconds
    together = f"{sum(found):.0f} s together" if whole is None else f"{whole:.0f} s for all, several at once"
    return f"{min(found):.1f} to {max(found):.1f} s a scheme, {together}{closed}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Schemes of which the logs lead to every account, to some, to none, or to nobody; `links` is empty for these."""

    what: str
    titles: tuple[str, ...]
    links: tuple[Linked, ...] = ()

    @property
    def interval(self) -> tuple[float, float]:
        """The lowest and the highest end of all the intervals."""
        return min(link.interval[0] for link in self.links), max(link.interval[1] for link in self.links)


def outcomes_of(run: Run) -> list[Outcome]:
    """The schemes by what the identity provider and a platform found, each kind that there is."""
    found = {s.title or name: link for name, s in run.schemes.items() if (link := s.linkage.get(JOINT)) is not None}
    kinds = (
        ("every account", {t: k for t, k in found.items() if k.correct and k.correct == k.linkable}),
        ("some accounts", {t: k for t, k in found.items() if 0 < k.correct < k.linkable}),
        ("none of the accounts", {t: k for t, k in found.items() if k.linkable and not k.correct}),
    )
    outcomes = [Outcome(what, tuple(links), tuple(links.values())) for what, links in kinds if links]
    empty = tuple(title for title, link in found.items() if not link.linkable)
    return [*outcomes, Outcome("nothing to put in", empty)] if empty else outcomes


def _shares(outcome: Outcome, total: int) -> list[str]:
    """ "312 of 312 accounts (…) with A", or where there are many "every account (…) with 14 of 22 schemes"."""
    if len(outcome.links) <= FEW:
        pairs = zip(outcome.titles, outcome.links, strict=True)
        return [f"{share_of_accounts(link)} with {title}" for title, link in pairs]
    low, high = (percent(end) for end in outcome.interval)
    bound = {"every account": f"≥ {low} %", "none of the accounts": f"≤ {high} %"}.get(outcome.what, f"{low}–{high} %")
    schemes = f"{len(outcome.links)} of {total} schemes" if total > 2 * FEW else listed(outcome.titles)
    return [f"{outcome.what} (true shares {bound}) with {schemes}"]


def share_of_accounts(link: Linked) -> str:
    """ "312 of 312 accounts (95 %: 98.8–100 %)", or "none of 305 accounts (true share ≤ 1.2 %)"."""
    low, high = (percent(end) for end in link.interval)
    if not link.correct:
        return f"none of {link.linkable:,} accounts (true share ≤ {high} %)"
    return f"{link.correct:,} of {link.linkable:,} accounts (95 %: {low}–{high} %)"


def children(run: Run) -> str:
    """The second sentence: minors, for whose sake the age gate is there."""
    own = _grouped({s.title or n: s.age_gate.minors_admitted for n, s in run.schemes.items()})
    borrowed = _grouped({s.title or n: s.age_gate.borrowed_admitted for n, s in run.schemes.items()})
    parts = []
    if own:
        parts.append(f"Minors who got in by themselves: {'; '.join(own)}.")
    if borrowed:
        parts.append(f"With an adult’s credential: {'; '.join(borrowed)}.")
    return " ".join(parts)


def _grouped(shares: Mapping[str, tuple[int, int]]) -> list[str]:
    """Equal shares said once: "none of 47 with A and B"; many that are none, or all, together: "none of 41 to 47 …"."""
    tried = {title: share for title, share in shares.items() if share[1]}
    none = [title for title, (k, _) in tried.items() if not k]
    every = [title for title, (k, n) in tried.items() if k == n]
    kinds = [(word, titles) for word, titles in (("none", none), ("all", every)) if len(titles) > FEW]
    apart = [title for title in tried if not any(title in titles for _, titles in kinds)]
    groups: dict[tuple[int, int], list[str]] = {}
    for title in apart:
        groups.setdefault(tried[title], []).append(title)
    said = [f"{k or 'none'} of {n} with {listed(titles)}" for (k, n), titles in groups.items()]
    for word, titles in kinds:
        least, most = (end(tried[title][1] for title in titles) for end in (min, max))
        number = f"{least}" if least == most else f"{least} to {most}"
        whom = listed(titles) if len(titles) <= 2 * FEW else f"{len(titles)} schemes"
        said.append(f"{word} of {number} with {whom}")
    return said


def listed(items: Sequence[str]) -> str:
    """a; a and b; a, b and c; with semicolons where an item has a comma of its own."""
    mark = "; " if any("," in item for item in items) else ", "
    last = " and " if mark == ", " else "; and "
    return items[0] if len(items) == 1 else mark.join(items[:-1]) + last + items[-1]


def verdictless(link: Linked | None) -> str:
    """One cell of the matrix: the share in figures with its interval."""
    if link is None:
        return "not run"
    return in_words(link.correct, link.linkable)


def costs(result: SchemeResult, *, base: SchemeResult | None, base_title: str) -> list[str]:
    """What a scheme costs, as sentences, from what was measured and what it declares."""
    found = []
    if result.unanswered:
        found.append(f"demands left unmet: {'; '.join(unmet(demand) for demand in result.unanswered)}")
    for name, link in result.linkage.items():
        if link.correct and link.interval[0] > link.baseline:
            found.append(f"privacy: {coalition_title(name)} link {share_of_accounts(link)}")
        elif link.linkable and "identity_provider" in name:
            found.append("accountability: these logs lead from no account to a person")
    own, borrowed = result.age_gate.minors_admitted, result.age_gate.borrowed_admitted
    if own[0]:
        found.append(f"age gate: {own[0]} of {own[1]} minors got in by themselves")
    if borrowed[0]:
        found.append(f"age gate: {borrowed[0]} of {borrowed[1]} minors got in with an adult’s credential")
    blocked = result.age_gate.adults_blocked
    if blocked[0]:
        why = ", ".join(f"{n} {reason(code)}" for code, n in result.age_gate.adults_blocked_reasons.items())
        found.append(f"inclusion: {blocked[0]} of {blocked[1]} adults were left without{f' ({why})' if why else ''}")
    if result.accounts_per_person_max > 1:
        found.append(f"one person got as many as {result.accounts_per_person_max} accounts on one platform")
    if result.flags.get("single_use"):
        found.append("each credential works once: the wallet fetches new ones, within a quota")
    if result.flags.get("online"):
        found.append("the identity provider takes part in every log-in: without it nobody signs up")
    if result.flags.get("signed") is False:
        found.append("nobody vouches for what is claimed")
    elif result.flags.get("quantum_safe") is False:
        found.append("its signatures are not quantum-safe")
    ratios = [text for ratio, text in _ratios(result, base) if ratio > 1]
    return found + ([f"more CPU than {base_title}: {listed(ratios)}"] if ratios else [])


def gains(result: SchemeResult, *, base: SchemeResult | None, base_title: str) -> list[str]:
    """What a scheme gives, from what was measured: to accountability, to child safety, to privacy, alike."""
    found = []
    for name, link in result.linkage.items():
        who = coalition_title(name)
        if link.linkable and not link.correct:
            found.append(f"privacy: {who} link {share_of_accounts(link)}")
        elif link.linkable and link.interval[0] > link.baseline and "identity_provider" in name:
            found.append(f"accountability: the logs name the person behind {share_of_accounts(link)}")
    own = result.age_gate.minors_admitted
    if own[1] and not own[0]:
        found.append(f"age gate: none of {own[1]} minors got in by themselves")
    if most_accounts(result) == 1:
        tries = result.enrolled_again.second_account[1] if result.enrolled_again else 0
        found.append("nobody got a second account on a platform" + (f", in {tries} tries" if tries else ""))
    if result.flags.get("online") is False and result.flags.get("signed"):
        found.append("the identity provider is not asked at log-in, and need not be up")
    if result.flags.get("quantum_safe"):
        found.append("no signature that a quantum computer would break")
    ratios = [text for ratio, text in _ratios(result, base) if ratio < 1]
    return found + ([f"less CPU than {base_title}: {listed(ratios)}"] if ratios else [])


def most_accounts(result: SchemeResult) -> int | None:
    """The most accounts that one person got on a platform; None where that is one because nobody tried for two."""
    again = result.enrolled_again
    tried = again is None or again.second_account[1] > 0
    return result.accounts_per_person_max if tried or result.accounts_per_person_max > 1 else None


def _ratios(result: SchemeResult, base: SchemeResult | None) -> list[tuple[float, str]]:
    """CPU against the scheme that others are set against, per issuance, sign-up and presentation."""
    if base is None or base is result:
        return []
    pairs = (
        ("identity provider", result.cpu_ms.identity_provider, base.cpu_ms.identity_provider),
        ("platform", result.cpu_ms.platform, base.cpu_ms.platform),
        ("wallet", result.cpu_ms.wallet, base.cpu_ms.wallet),
    )
    return [(a / b, f"{what} {a / b:.2f} ×") for what, a, b in pairs if a and b]
