"""One cell of the table: what theory expects, what was measured, and whether they agree.

The false-alarm rate is declared beforehand over all cells together: FAMILY is the probability that any cell at all says
`disagree` although everything is as it should be. Each cell's interval is as wide as that takes (Šidák 1967). Shares
have exact intervals (Clopper and Pearson 1934), means Student's. `wrong` is the value that a stated mistake would give
(a rate a fifth higher, a leak that is not there): a cell that could not tell it from the truth would prove nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from idverify.privacy.metrics import clopper_pearson
from idverify.simulation.delays import Floats

FAMILY = 0.001
Unit: TypeAlias = Literal["share", "persons", "bits", "accounts"]


@dataclass(frozen=True, slots=True)
class Share:
    """hits of trials."""

    hits: int
    trials: int

    @property
    def value(self) -> float:
        return self.hits / self.trials if self.trials else math.nan

    def interval(self, confidence: float) -> tuple[float, float]:
        return clopper_pearson(self.hits, self.trials, confidence=confidence)

    @property
    def said(self) -> str:
        return f"{self.hits} of {self.trials}"


@dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """The mean of independent values; with `power` the value that is meant is 2 to that mean (a set, from bits)."""

    values: Floats
    power: bool = False

    @property
    def value(self) -> float:
        return self._scaled(float(self.values.mean())) if len(self.values) else math.nan

    def interval(self, confidence: float) -> tuple[float, float]:
        from scipy.stats import t

        n = len(self.values)
        if n < 2:
            return self._scaled(-math.inf), math.inf
        middle, spread = float(self.values.mean()), float(self.values.std(ddof=1)) / math.sqrt(n)
        reach = spread * float(t.ppf(0.5 + confidence / 2.0, n - 1))
        return self._scaled(middle - reach), self._scaled(middle + reach)

    @property
    def said(self) -> str:
        return f"mean of {len(self.values)}"

    def _scaled(self, value: float) -> float:
        return math.exp2(value) if self.power else value


Measured: TypeAlias = Share | Mean


@dataclass(frozen=True, slots=True)
class Cell:
    """One line. `expected` and `wrong` in its unit; `mistake` says in words what `wrong` would come from."""

    name: str
    case: str
    expected: float
    wrong: float
    mistake: str
    unit: Unit = "share"
    label: Literal["SIMULATED", "MEASURED"] = "SIMULATED"


@dataclass(frozen=True, slots=True)
class Experiment:
    """Worlds that are written and attacked once, for one cell or several. `run` gets an empty folder and a seed."""

    cells: tuple[Cell, ...]
    run: Callable[[Path, int], Mapping[str, Measured]]


@dataclass(frozen=True, slots=True)
class Pool:
    """A cell that is the shares of others together: what each is too small to tell, all together tell."""

    cell: Cell
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A cell with what was measured."""

    cell: Cell
    measured: Measured
    interval: tuple[float, float]

    @property
    def agrees(self) -> bool:
        """Whether the interval holds the expected value."""
        return holds(self.interval, self.cell.expected)

    @property
    def has_power(self) -> bool:
        """Whether it excludes what the mistake would give."""
        return not holds(self.interval, self.cell.wrong)

    def line(self, confidence: float, *, power: bool = False) -> str:
        """One line that ends with `agree` or `disagree`; with `power`, about the mistaken value."""
        cell, (low, high) = self.cell, self.interval
        expected = cell.wrong if power else cell.expected
        case = f"{cell.case}, if {cell.mistake}" if power else cell.case
        verdict = "agree" if holds(self.interval, expected) else "disagree"
        return (
            f"{cell.name:<32} {case}: expected {number(expected)}, measured {number(self.measured.value)} "
            f"({confidence:.3%}: {number(low)}–{number(high)}; {self.measured.said}) {cell.unit} {verdict}"
        )

    def as_json(self, confidence: float) -> dict[str, object]:
        return {
            "name": self.cell.name,
            "case": self.cell.case,
            "unit": self.cell.unit,
            "expected": self.cell.expected,
            "measured": self.measured.value,
            "interval": [_finite(bound) for bound in self.interval],
            "confidence": confidence,
            "of": self.measured.said,
            "agree": self.agrees,
            "mistake": self.cell.mistake,
            "wrong": self.cell.wrong,
            "tells_the_mistake": self.has_power,
            "label": self.cell.label,
        }


def confidence_of(cells: int, *, family: float = FAMILY) -> float:
    """The confidence of each of so many cells' intervals that keeps the family's false alarms at `family`."""
    return math.pow(1.0 - family, 1.0 / max(1, cells))


def judged(cell: Cell, measured: Measured, *, confidence: float) -> Judgement:
    """The measurement with its interval."""
    return Judgement(cell, measured, measured.interval(confidence))


def holds(interval: tuple[float, float], value: float) -> bool:
    """Whether an interval holds a value, up to the last digits of floating point. One with NaN holds nothing."""
    low, high = interval
    slack = 1e-9 * max(1.0, abs(value))
    return low - slack <= value <= high + slack


def number(value: float) -> str:
    """Four significant digits, as people write them."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "nothing"
    return f"{value:.4g}"


def coins(success: Floats, seed: int) -> int:
    """How many targets are named right where each guess among equals is drawn: success[i] is its chance."""
    random = np.random.Generator(np.random.Philox(seed))
    return int(np.count_nonzero(random.random(len(success)) < success))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
