"""What the ledgers of one world give away: all attacks of all coalitions, in processes that cannot read the truth.

The ledgers are closed to Parquet first, and the tables stay beside the lines for whoever attacks the run again.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from idverify.comparison import collect, visits
from idverify.comparison.coalitions import FIRST, ISSUER, JOINT, PLATFORMS, VISITS, Coalition, possible, title_of
from idverify.comparison.model import Attacked, Linked, Searched, Strongest
from idverify.privacy import score
from idverify.privacy.answers import ATTACKERS, Answer, AttackerName
from idverify.privacy.apart import attack_apart
from idverify.privacy.attack import Asked, subjects_in, write_guesses
from idverify.privacy.attackers import Attacker
from idverify.privacy.attacks.exact_join import NAME as EXACT_JOIN
from idverify.privacy.closing import close_all
from idverify.privacy.public import THIEF, Label, read_public
from idverify.privacy.score import Claim, Truth
from idverify.privacy.tables import ledger_files, parties_in
from idverify.privacy.verdict import LEAST_ACCOUNTS, Known, Verdict, strongest, verdicts

LONGEST = 900.0
"""Seconds after which the attacks of one world are given up."""
HASHES = 1_000_000
"""How many ID numbers a party that is alone tries against hashes; the evidence says how long all would take."""
EVIDENCE = 5
MESSAGES = frozenset({"exact_join", "enumeration", "partition"})
"""Attacks that look at what messages say, not at when and from where they came. The near-join compares times, too."""

T = TypeVar("T")
QUASI, COMBINED = "quasi_identifiers", "combined"


@dataclass(frozen=True, slots=True)
class Found:
    """What all coalitions found: the exact join's counts of those that always ran, and the strongest of each."""

    linkage: dict[str, Linked]
    coalitions: dict[str, Attacked]
    seconds: float  # from the lines to the verdicts
    closing: float  # of these, before there were tables to attack


def attack_all(
    world: Path,
    *,
    shadow: Path | None,
    ordered: bool,
    by: Attacker | None = None,
    halves: bool = True,
    threads: int = 1,
) -> Found:
    """Attack the ledgers of a world and score the answers. Raises BadEnvironment.

    `shadow` is a world of another seed with its truth, for the attacker that trains; `ordered` whether anybody may
    order parties to hand over what they have. `by` is asked, or a new process, to do all at a time or in two `halves`
    at once; `threads` are those of a query.
    """
    with nullcontext(by) if by is not None else Attacker() as attacking:
        return _attack_all(world, shadow, ordered=ordered, by=attacking, halves=halves, threads=threads)


def _attack_all(world: Path, shadow: Path | None, *, ordered: bool, by: Attacker, halves: bool, threads: int) -> Found:
    started = time.monotonic()
    ledgers = world / "ledgers"
    truth = score.read_truth(world / "truth.jsonl")
    twice = visits.read_visits(ledger_files(ledgers, FIRST))
    judging = _Judging(ledgers, [*truth, *visits.truths(twice)], label=read_public(ledgers).label, twice=twice)
    with TemporaryDirectory(prefix="idverify-attacks-") as place:
        staged = Path(place) / "ledgers"
        visits.write_ledgers(twice, staged)
        begun = time.monotonic()
        folders = [ledgers, staged, *([shadow / "ledgers"] if shadow is not None else [])]
        close_all(folders, by, at_once=2 if halves else 1, timeout=LONGEST)
        closing = time.monotonic() - begun
        coalitions = possible([*parties_in(ledgers), visits.FIRST, visits.LATER], ordered=ordered)
        attackers: tuple[AttackerName, ...] = ATTACKERS if shadow is not None else ("policy", "blind")
        asked = Asked(attackers=attackers, shadow=shadow, hashes=HASHES, threads=threads)
        beside = {staged: (visits.FIRST, visits.LATER)}
        work = partial(_attack_some, ledgers, beside=beside, asked=asked, hidden=world, judging=judging)
        parts = _halves(coalitions) if halves else [coalitions]
        shares = [partial(work, part, attacker=by) for part in parts if part]
        found = {name: each for share in _at_once(shares) for name, each in share.items()}
    linkage = {name: judging.linked(found[name][1]) for name in (JOINT, PLATFORMS) if name in found}
    if VISITS in found:
        linkage[VISITS] = judging.recognised(found[VISITS][1])
    for name in linkage:
        write_guesses(world / f"guesses-{name}.csv", found[name][1])
    return Found(linkage, {each.name: found[each.name][0] for each in coalitions}, time.monotonic() - started, closing)


def _halves(coalitions: Sequence[Coalition]) -> list[list[Coalition]]:
    """Two halves that share little: the issuer's coalitions and the thieves', and the others."""

    def of_issuer_or_thief(coalition: Coalition) -> bool:
        return ISSUER in coalition.parties or coalition.parties[0].startswith(THIEF)

    return [[each for each in coalitions if of_issuer_or_thief(each) == first] for first in (True, False)]


def _attack_some(
    ledgers: Path,
    coalitions: Sequence[Coalition],
    *,
    beside: Mapping[Path, Collection[str]],
    asked: Asked,
    attacker: Attacker,
    hidden: Path,
    judging: _Judging,
) -> dict[str, tuple[Attacked, Answer]]:
    """By the names of these coalitions what they find, and the exact join's answer."""
    parties = [each.parties for each in coalitions]
    kept = [each.parties for each in coalitions if each.both]
    answers = attack_apart(
        ledgers,
        parties,
        kept=kept,
        asked=asked,
        attacker=attacker,
        timeout=LONGEST,
        hidden=[hidden],
        beside=beside,
    )
    by_coalition = {each: [a for a in answers if a.coalition == each.parties] for each in coalitions}
    return {each.name: (judging.attacked(each, own), _exact(own)) for each, own in by_coalition.items()}


def _at_once(work: Sequence[Callable[[], T]]) -> list[T]:
    """What each finds, by as many processors as there are, two at most."""
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as both:
        return [each.result() for each in [both.submit(one) for one in work]]


class _Judging:
    """The truth, and what it says of answers."""

    def __init__(self, ledgers: Path, truth: Sequence[Truth], *, label: Label, twice: visits.Visits) -> None:
        self.truth = truth
        self.label: Label = label
        self.twice = twice
        self._seen = {party: subjects_in(ledgers, party) for party in parties_in(ledgers)}
        self._seen |= {visits.FIRST: visits.subjects(twice.first), visits.LATER: visits.subjects(twice.later)}
        self._known: Known = {}  # the truth of two parties is the same in every coalition that compares them

    def linked(self, answer: Answer) -> Linked:
        """The exact join's counts for two parties."""
        pair = answer.candidates_of, answer.targets_of
        found = score.score(_claims(answer), self.truth, pair, seen=self._seen, attack=EXACT_JOIN)
        return collect.linked(found, answer.pairs)

    def recognised(self, answer: Answer) -> Linked:
        """The exact join's counts for two visits."""
        return collect.linked(visits.recognised(self.twice, _claims(answer), attack=EXACT_JOIN), answer.pairs)

    def attacked(self, coalition: Coalition, answers: Sequence[Answer]) -> Attacked:
        """The strongest attack of a coalition in each view, or why there is none."""
        first = answers[0]
        source, target = first.candidates_of, first.targets_of
        truth = score.linkable(self.truth, source=source, target=target, known=self._seen.get(source, set()))
        views = {
            view: _of_any_size(
                verdicts([a for a in answers if a.view == view], truth, label=self.label, known=self._known)
            )
            for view in ("arrived", "kept")
        }
        targets = max((v.anonymity.targets for v in views["arrived"]), default=0)
        silent = _silent(source, target, targets, pool=first.pool)
        best = {view: None if silent else _strongest(found) for view, found in views.items()}
        left_out: Counter[str] = Counter()
        for answer in answers:
            if answer.view == "arrived":
                left_out |= Counter(answer.left_out)
        return Attacked(
            parties=list(coalition.parties),
            title=coalition.title,
            candidates_of=source,
            targets_of=target,
            targets=targets,
            candidates=first.pool,
            arrived=best["arrived"],
            kept=best["kept"],
            messages=None if silent else _strongest([v for v in views["arrived"] if v.answer.attack in MESSAGES]),
            silent=silent,
            left_out=dict(left_out),
            label=self.label,
            searched=None if silent else _searched(answers),
        )


def _searched(answers: Sequence[Answer]) -> Searched | None:
    """The longest search through all ID numbers that was not carried to its end."""
    found = [answer.search for answer in answers if answer.search is not None and answer.view == "arrived"]
    if not found:
        return None
    longest = max(found, key=lambda search: search.tried)
    return Searched(tried=longest.tried, possible=longest.possible, seconds=round(longest.seconds, 1))


def _silent(source: str, target: str, targets: int, *, pool: int) -> str:
    """Why a coalition has no number, in a sentence; empty where it has one."""
    if source and not pool:
        return f"nobody is in the records of {title_of(source.removeprefix(THIEF))}"
    if not targets:
        return "no account is in these ledgers that anybody could be found behind"
    if targets < LEAST_ACCOUNTS:
        return f"too little data: {targets} accounts, and {LEAST_ACCOUNTS} are needed"
    return ""


def _of_any_size(found: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts without those that rest on birth dates, names and places.

    Few people here share one, and thousands do in a country: what they are worth there is extrapolated
    (outcomes/quasi.py), and never shown at the simulated size.
    """
    used = {v.answer.attacker for v in found if v.answer.attack == QUASI and v.spoke}
    return [
        v for v in found if v.answer.attack != QUASI and not (v.answer.attack == COMBINED and v.answer.attacker in used)
    ]


def _strongest(found: Sequence[Verdict]) -> Strongest | None:
    """The strongest of the verdicts; where no attack had anything to go by, a guess at random, with no name."""
    best = strongest(found) or next((v for v in found if v.anonymity.targets), None)
    if best is None:
        return None
    hidden, link = best.anonymity, best.linkage
    won, games, interval = best.game
    return Strongest(
        attack=best.answer.attack if best.spoke else "",
        attacker=best.answer.attacker if best.spoke else "",
        top_1=hidden.top_1 or 0.0,
        correct=round((hidden.top_1 or 0.0) * hidden.targets),
        targets=hidden.targets,
        interval=best.interval,
        baseline=best.baseline,
        candidates=hidden.candidates,
        detected=best.above_baseline,
        attacks=sum(v.spoke for v in found),
        claimed_confidence=hidden.claimed_confidence,
        median_rank=hidden.median_rank,
        set_median=hidden.set_median,
        set_5th=hidden.set_5th,
        scored_set=hidden.scored_set,
        withheld=hidden.withheld,
        claimed=link.claimed,
        precision=link.precision,
        game=(won, games),
        game_interval=interval,
        calibration=[(confidence, success, number) for confidence, success, number in best.calibration],
        evidence=list(best.answer.pairs[:EVIDENCE]),
    )


def _exact(answers: Sequence[Answer]) -> Answer:
    """The exact join by the attacker who knows the policy, in the ledgers as they arrived."""
    return next(a for a in answers if a.attack == EXACT_JOIN and a.attacker == "policy" and a.view == "arrived")


def _claims(answer: Answer) -> list[Claim]:
    """The best candidate of each target for which the attack would speak up."""
    rows = answer.posterior
    found = []
    for number, subject in enumerate(rows.subjects):
        who, _ = rows.row(number)
        if rows.claimed[number] and len(who):
            found.append(Claim(rows.names[who[0]], subject))
    return found
