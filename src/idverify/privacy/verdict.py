"""What attacks achieved, once they have answered: each judged by the truth, and the strongest of them by name.

The strongest of many is strong by chance too. Its interval is therefore that of all of them at once (Bonferroni): with
m attacks that had something to say, each interval is at 1 − 0.05/m.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from idverify.privacy.anonymity import Anonymity, Judged, anonymity, calibration, judge
from idverify.privacy.answers import Answer, Posterior
from idverify.privacy.metrics import CONFIDENCE, Linkage, clopper_pearson, in_words
from idverify.privacy.public import Label
from idverify.privacy.score import Truth, right_answers

LEAST_ACCOUNTS = 10
"""Fewer give an interval of more than 30 points even where all are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One attack by one attacker, judged. `game`: wins and trials of the two-user game."""

    answer: Answer
    label: Label
    linkage: Linkage
    anonymity: Anonymity
    calibration: Sequence[tuple[float, float, int]]
    game: tuple[int, int, tuple[float, float]]
    spoke: bool = True
    interval: tuple[float, float] = field(default=(0.0, 1.0))  # of the top-1 success, for all attacks at once

    @property
    def success(self) -> float:
        return self.anonymity.top_1 or 0.0

    @property
    def baseline(self) -> float:
        """The success of a guess at random; 1 where there is nobody to choose between."""
        return 1.0 / self.answer.pool if self.answer.pool else 1.0

    @property
    def above_baseline(self) -> bool:
        """Whether the interval excludes a guess at random."""
        return self.spoke and self.interval[0] > self.baseline

    def words(self) -> str:
        """The share of targets that are named, as people should read it."""
        return in_words(round(self.success * self.anonymity.targets), self.anonymity.targets)

    def as_json(self) -> dict[str, object]:
        """For run.json and --json."""
        hidden = self.anonymity
        return {
            "attack": self.answer.attack,
            "attacker": self.answer.attacker,
            "coalition": list(self.answer.coalition),
            "label": self.label,
            "silent": self.answer.silent,
            "targets": hidden.targets,
            "candidates": hidden.candidates,
            "baseline": self.baseline,
            "top_1": hidden.top_1,
            "interval": list(self.interval),
            "claimed_confidence": hidden.claimed_confidence,
            "median_rank": hidden.median_rank,
            "set_median": hidden.set_median,
            "set_5th": hidden.set_5th,
            "scored_set": hidden.scored_set,
            "withheld": hidden.withheld,
            "correct": self.linkage.correct,
            "linkable": self.linkage.linkable,
            "claimed": self.linkage.claimed,
            "recall": self.linkage.recall,
            "precision": self.linkage.precision,
            "game": {"won": self.game[0], "of": self.game[1], "interval": list(self.game[2])},
            "calibration": [list(row) for row in self.calibration],
            "evidence": list(self.answer.pairs),
            "left_out": dict(self.answer.left_out),
        }


def verdicts(
    answers: Sequence[Answer], truth: Sequence[Truth], *, label: Label, seed: int = 7, known: Known | None = None
) -> list[Verdict]:
    """All answers judged. `seed` draws the other user of the two-user game.

    Many answers say the same: each posterior is judged once. `known` is what the same truth has said of posteriors
    before, and gets what it says now.
    """
    speaking = max(1, sum(not answer.silent for answer in answers))
    judged = {} if known is None else known
    right: dict[tuple[str, str], Mapping[str, Set[str]]] = {}
    found = []
    for answer in answers:
        sides = answer.candidates_of, answer.targets_of
        what = answer.posterior, *sides, answer.pool
        if what not in judged:
            if sides not in right:
                right[sides] = right_answers(truth, source=sides[0], target=sides[1])
            judged[what] = _judged(answer, right[sides], seed=seed)
        found.append(_verdict(answer, judged[what], label=label, speaking=speaking))
    return found


def strongest(found: Sequence[Verdict]) -> Verdict | None:
    """The verdict with the highest success; of equals a calibrated one, then the first. None where none spoke."""
    spoke = [verdict for verdict in found if verdict.spoke and verdict.anonymity.targets]
    return max(spoke, key=lambda v: (round(v.success, 9), not v.anonymity.withheld), default=None)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the truth says of a posterior."""

    hits: int
    linkage: Linkage
    anonymity: Anonymity
    calibration: Sequence[tuple[float, float, int]]
    game: tuple[int, int, tuple[float, float]]


Known: TypeAlias = dict[tuple[Posterior, str, str, int], _Found]
"""By the posterior itself, the parties of its candidates and of its targets, and the size of the pool."""


def _judged(answer: Answer, right: Mapping[str, Set[str]], *, seed: int) -> _Found:
    judged = judge(answer, right)
    return _Found(
        hits=round(float(judged.success.sum())),
        linkage=_linkage(answer, right),
        anonymity=anonymity(judged, candidates=answer.pool),
        calibration=calibration(judged),
        game=_game(answer, judged, right, seed=seed),
    )


def _verdict(answer: Answer, found: _Found, *, label: Label, speaking: int) -> Verdict:
    confidence = 1.0 - (1.0 - CONFIDENCE) / speaking
    return Verdict(
        answer=answer,
        label=label,
        linkage=replace(found.linkage, attack=answer.attack),
        anonymity=found.anonymity,
        calibration=found.calibration,
        game=found.game,
        spoke=not answer.silent,
        interval=clopper_pearson(found.hits, found.anonymity.targets, confidence=confidence),
    )


def _linkage(answer: Answer, right: Mapping[str, Set[str]]) -> Linkage:
    """Claims, and how many of them are right."""
    rows = answer.posterior
    claimed = correct = 0
    for number, subject in enumerate(rows.subjects):
        who, _ = rows.row(number)
        if rows.claimed[number] and len(who):
            claimed += 1
            correct += rows.names[who[0]] in right.get(subject, ())
    linkable = sum(bool(right.get(subject)) for subject in rows.subjects)
    return Linkage(answer.attack, correct, linkable, claimed, answer.pool)


def _game(
    answer: Answer, judged: Judged, right: Mapping[str, Set[str]], *, seed: int
) -> tuple[int, int, tuple[float, float]]:
    """Attack 9, the two-user game: of the true candidate and another one at random, which does the attack prefer?

    A tie is a coin. 1/2 is no information, 1 is all.
    """
    rows, pool = answer.posterior, answer.pool
    if pool <= max((len(right[subject]) for subject in judged.subjects), default=0):
        return 0, 0, (0.0, 1.0)
    random = np.random.default_rng(seed)
    place = {subject: number for number, subject in enumerate(rows.subjects)}
    names = {name: number for number, name in enumerate(rows.names)}
    wins = 0
    for subject in judged.subjects:
        who, confidence = rows.row(place[subject])
        rest = max(0.0, 1.0 - float(confidence.sum())) / max(pool - len(who), 1)
        by_name = dict(zip(who.tolist(), confidence.tolist(), strict=True))
        true = max((by_name.get(names.get(name, -1), rest) for name in right[subject]), default=rest)
        # The other is one of the pool's; those beyond the named ones all have the rest.
        drawn = int(random.integers(pool))
        while drawn < len(rows.names) and rows.names[drawn] in right[subject]:
            drawn = int(random.integers(pool))
        other = by_name.get(drawn, rest) if drawn < len(rows.names) else rest
        wins += int(true > other) if true != other else int(random.integers(2))
    return wins, len(judged.subjects), clopper_pearson(wins, len(judged.subjects))
