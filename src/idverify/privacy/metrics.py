"""How well an attack did: shares with exact intervals, never a bare zero.

Clopper and Pearson, Biometrika 26 (1934): the exact interval for a share k/n, at 95 % here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

CONFIDENCE = 0.95


@lru_cache(maxsize=4096)
def clopper_pearson(hits: int, trials: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of the share hits/trials; [0, 1] where nothing was tried.

    With no hits the upper end is about 3.7/n (two-sided 95 %).
    """
    from scipy.special import betaincinv  # scipy.stats takes a second to import

    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits in {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1.0 - tail))
    return low, high


@dataclass(frozen=True, slots=True)
class Linkage:
    """What one attack by one coalition achieved, in the terms of run.json."""

    attack: str
    correct: int
    linkable: int
    claimed: int
    candidates: int  # subjects that the first party knows: N of the baseline 1/N

    @property
    def recall(self) -> float | None:
        """correct/linkable, which is also the re-identification rate (top 1); None where nothing is linkable."""
        return self.correct / self.linkable if self.linkable else None

    @property
    def precision(self) -> float | None:
        """The share of claims that are right; None where nothing was claimed."""
        return self.correct / self.claimed if self.claimed else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the recall."""
        return clopper_pearson(self.correct, self.linkable)

    @property
    def baseline(self) -> float:
        """The success of a guess at random among the candidates; 1 where there are none to choose between."""
        return 1.0 / self.candidates if self.candidates else 1.0

    @property
    def above_baseline(self) -> bool:
        """Whether the interval excludes a guess at random."""
        return self.linkable > 0 and self.interval[0] > self.baseline

    def as_json(self) -> dict[str, object]:
        """The member of run.json."""
        return {
            "attack": self.attack,
            "correct": self.correct,
            "linkable": self.linkable,
            "claimed": self.claimed,
            "recall": self.recall,
            "precision": self.precision,
            "interval": list(self.interval),
            "baseline": self.baseline,
            "candidates": self.candidates,
            "label": "MEASURED",
        }


def in_words(hits: int, trials: int) -> str:
    """A share as people should read it: "312 of 312 (95 %: 98.8–100 %)", "not detected in 305 (≤ 1.2 %)"."""
    if trials == 0:
        return "nothing to measure"
    low, high = clopper_pearson(hits, trials)
    if hits == 0:
        return f"not detected in {trials:,} (≤ {percent(high)} %)"
    return f"{hits:,} of {trials:,} (95 %: {percent(low)}–{percent(high)} %)"


def percent(share: float) -> str:
    """A share in per cent with one decimal, and none where it is exactly 0 or 100; never rounded to certainty."""
    if share in (0.0, 1.0):
        return str(int(share * 100))
    return f"{min(max(share * 100, 0.1), 99.9):.1f}"
