"""sweep.json: what a sweep over arrival rates found, as typed values (sweep_schema.json is made from them).

Times are milliseconds unless a name ends in _s, rates are per second, shares between 0 and 1, intervals 95 %.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from idverify.comparison.documents import decoded, encoded, schema_of
from idverify.comparison.model import Label
from idverify.outcomes.model import Amount, Count, Share

SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("sweep_schema.json")
SAME_PLATFORM, TWO_PLATFORMS, WITH_ISSUER = "same_platform", "two_platforms", "issuer_and_platform"


class Quantile(Struct, frozen=True):
    """One percentile with its interval from order statistics; the upper end is null where no sample lies beyond it."""

    ms: Amount
    low: Amount
    high: Amount | None


class Waits(Struct, frozen=True, kw_only=True):
    """What n requests or people waited. Null where too few were seen: p95 below 20, p99 below 200."""

    n: Count
    p50: Quantile | None = None
    p95: Quantile | None = None
    p99: Quantile | None = None


class Counted(Struct, frozen=True, kw_only=True):
    """k of n with the interval of Clopper and Pearson."""

    k: Count
    n: Count
    interval: tuple[Share, Share]


class Link(Struct, frozen=True, kw_only=True):
    """What one coalition linked by equal values: correct of linkable, with their interval."""

    coalition: list[str]
    attack: str
    correct: Count
    linkable: Count
    claimed: Count
    interval: tuple[Share, Share]
    baseline: Share
    evidence: list[str] = []


class Timing(Struct, frozen=True, kw_only=True):
    """One attacker who compares times at issuer and platform (docs/sweep.md). Null, and why, where withheld."""

    attacker: str
    targets: Count
    candidates: Count
    top_1: Share | None
    interval: tuple[Share, Share]
    claimed_confidence: Share | None
    median_rank: Amount | None
    set_median: Amount | None
    set_5th: Amount | None
    scored_set: Amount | None
    scored_interval: tuple[Amount, Amount] | None = None
    withheld: str = ""


class Expected(Struct, frozen=True, kw_only=True):
    """What theory expects of time alone at an idle issuer: λ requests a second, exponential delay of mean E[D]."""

    requests_per_second: Amount
    delay_s: Amount
    top_1: Share  # 1/(1 + λE[D])
    effective_set: Amount  # e·λE[D], for large λ


class Point(Struct, frozen=True, kw_only=True):
    """One scheme at one arrival rate, in a world of its own."""

    scheme: str
    asked_rate: Amount
    rate: Amount  # arrivals a second that came
    rate_interval: tuple[Amount, Amount]
    seconds: Amount
    persons: Count  # who had enrolled before
    arrivals: Count
    left_out: Count  # arrivals for whom nobody was left to come; 0 in a sound measurement
    waited: Waits  # of all arrivals, until they were served or gave up; thinking not included
    issue: Waits  # of all requests to the issuer, until the answer or until the wallet hung up
    given_up: Counted  # arrivals that were not served
    fell_back: Counted  # arrivals that showed a used credential because the issuer was late (ARF, ISSU_47)
    requests_per_second: Amount  # to the issuer, for credentials
    capacity: Amount | None  # requests a second that the issuer can answer; null where it had too few to tell
    capacity_is: Literal["set", "estimated"]
    utilisation: Amount | None  # requests_per_second / capacity
    cpu: dict[str, Amount]  # party → share of one core
    linkage: dict[str, Link]
    timing: list[Timing]
    expected: Expected | None
    generator_cpu: Amount
    generator_lag_ms: Amount
    saturated: bool  # the generator was too busy or too late to be trusted
    complete: bool = True
    warnings: list[str] = []
    label: Label = "MEASURED"


class CurvePoint(Struct, frozen=True, kw_only=True):
    """What the model in virtual time gives at one rate; null where nobody was left to measure."""

    rate: Amount
    utilisation: Amount
    waited_p95: Amount  # for the issuer
    given_up: Share
    fell_back: Share
    top_1: Share | None
    effective_set: Amount | None


class Curve(Struct, frozen=True, kw_only=True):
    """The model of one scheme (simulation/under_load.py), with the parameters of the measurement."""

    scheme: str
    capacity: Amount
    points: list[CurvePoint]
    label: Label = "SIMULATED"


class Swept(Struct, frozen=True, kw_only=True):
    """A scheme and how its wallets use credentials. `falls_back`: whether a used one can be shown again."""

    title: str
    method: str
    batch: Count
    falls_back: bool


class Conditions(Struct, frozen=True, kw_only=True):
    """What was the same at all points."""

    issuer_capacity: Amount  # 0: as the machine is
    patience_s: Amount
    thinking_s: Amount
    gives_up_s: Amount
    batch: Count
    seconds: Amount
    warm_up_s: Amount


class Sweep(Struct, frozen=True, kw_only=True):
    schema: Literal[1] = 1
    kind: Literal["sweep"] = "sweep"
    seed: int
    mandate: str
    citizens: Count
    machine: dict[str, str | int | float | None]
    versions: dict[str, str]
    command: str
    started: str
    conditions: Conditions
    rates: list[Amount]
    schemes: dict[str, Swept]
    points: list[Point]
    curves: list[Curve]
    failed: dict[str, str] = {}  # scheme at rate → why it could not be measured
    status: Literal["complete", "partial"] = "complete"


def name_of(scheme: str, rate: float) -> str:
    """A point by name, which is its folder too."""
    return f"{scheme}-{rate:g}"


def as_bytes(sweep: Sweep) -> bytes:
    """sweep.json. What does not fit the schema is refused here, before anything is written."""
    return encoded(sweep)


def from_bytes(raw: bytes) -> Sweep:
    """Read a sweep.json. Raises BadEnvironment that says what does not fit."""
    return decoded(raw, Sweep, name="sweep.json", version=SCHEMA_VERSION, written_by="idverify sweep")


def schema() -> bytes:
    """The JSON Schema (2020-12) of sweep.json; `sweep_schema.json` is this, and a test keeps it so."""
    return schema_of(Sweep)
