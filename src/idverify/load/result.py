"""What a load run found, read back from the files that its workers wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from idverify.errors import BadEnvironment
from idverify.load.record import percentile

VISIT, GIVEN_UP, FELL_BACK = "visit", "visit_given_up", "visit_fell_back"
"""Steps of a rush: what each arrival waited for in all; those of them that were not served, and those that showed a
credential again because the issuer was late."""
ENROLLED_AGAIN = ("recovered", "recognised", "second_account", "new_seed")


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: the latency of every answered request in ms, total bytes with HTTP heads, and how many failed."""

    ms: tuple[float, ...] = ()
    up: int = 0
    down: int = 0
    failed: int = 0

    def percentile(self, share: float) -> float:
        """For example .95; nearest rank, in ms."""
        return percentile(self.ms, share)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """One scheme's load run. Shares are (k, n) of persons; `reasons` are the services' own codes.

    `cpu_share` is the busiest generator process's share of one core, `lag_ms_p99` how late its event loop was; above
    80 % or 10 ms do not trust the latencies. `wallet_cpu` has (number, CPU seconds) for request, accept and present;
    `proofs_again` and `enrolled_again` are as in `Outcomes`.
    """

    scheme: str
    seconds: float
    started: float
    ended: float
    steps: Mapping[str, StepResult]
    persons: int
    attempted: int
    accepted: int
    failed: int
    refused: Mapping[str, int]
    no_device: int
    exhausted: int
    minors_admitted: tuple[int, int]
    minors_refused: Mapping[str, int]
    borrowed_admitted: tuple[int, int]
    adults_blocked: tuple[int, int]
    adults_blocked_reasons: Mapping[str, int]
    farmers: int
    farmer_tries: int
    farmer_accounts: int
    farmer_refused: Mapping[str, int]
    proofs_again: tuple[int, int]
    enrolled_again: Mapping[str, tuple[int, int]]
    fallbacks: int
    accounts_per_person_max: Mapping[str, int]
    accounts_per_credential_max: Mapping[str, int]
    wallet_cpu: Mapping[str, tuple[int, float]]
    cpu_share: float
    lag_ms_p50: float
    lag_ms_p99: float
    lag_ms_max: float
    results: Path
    truth: Path
    stopped: bool = False

    @property
    def failures(self) -> int:
        """Requests and sign-ups that failed where nothing should have."""
        return self.failed + sum(step.failed for step in self.steps.values())


@dataclass(slots=True)
class _Sum:
    """Adds up what several workers wrote."""

    numbers: Counter[str] = field(default_factory=Counter)
    tables: dict[str, Counter[str]] = field(default_factory=dict)
    most: dict[str, dict[str, int]] = field(default_factory=dict)
    cpu: dict[str, tuple[int, float]] = field(default_factory=dict)

    def table(self, name: str, values: Mapping[str, int]) -> None:
        self.tables.setdefault(name, Counter()).update(values)

    def share(self, name: str, pair: Sequence[int]) -> None:
        self.numbers[f"{name}_k"] += pair[0]
        self.numbers[f"{name}_n"] += pair[1]

    def pair(self, name: str) -> tuple[int, int]:
        return self.numbers[f"{name}_k"], self.numbers[f"{name}_n"]


def read_results(results: Path, scheme: str, *, stopped: bool = False) -> LoadResult:
    """Merge what the workers of one run wrote. Raises BadEnvironment where they wrote nothing for the scheme."""
    step_files, outcome_files = sorted(results.glob("steps-*.json")), sorted(results.glob("outcomes-*.json"))
    if not step_files or not outcome_files:
        raise BadEnvironment(f"no load worker wrote results to {results}", hint=_tail(results / "locust.log"))
    steps, started, ended, generator = _steps(step_files, scheme)
    total = _Sum()
    for path in outcome_files:
        _add(total, path.read_bytes(), scheme)
    numbers, tables = total.numbers, total.tables
    empty: Counter[str] = Counter()
    return LoadResult(
        scheme=scheme,
        seconds=ended - started,
        started=started,
        ended=ended,
        steps=steps,
        persons=numbers["persons"],
        attempted=numbers["attempted"],
        accepted=numbers["accepted"],
        failed=numbers["failed"],
        refused=tables.get("refused", empty),
        no_device=numbers["no_device"],
        exhausted=numbers["exhausted"],
        minors_admitted=total.pair("minors_admitted"),
        minors_refused=tables.get("minors_refused", empty),
        borrowed_admitted=total.pair("borrowed_admitted"),
        adults_blocked=total.pair("adults_blocked"),
        adults_blocked_reasons=tables.get("adults_blocked_reasons", empty),
        farmers=numbers["farmers"],
        farmer_tries=numbers["farmer_tries"],
        farmer_accounts=numbers["farmer_accounts"],
        farmer_refused=tables.get("farmer_refused", empty),
        proofs_again=total.pair("proofs_again"),
        enrolled_again={name: total.pair(name) for name in ENROLLED_AGAIN},
        fallbacks=numbers["fallbacks"],
        accounts_per_person_max=total.most.get("accounts_per_person_max", {}),
        accounts_per_credential_max=total.most.get("accounts_per_credential_max", {}),
        wallet_cpu=total.cpu,
        cpu_share=max((g["cpu_share"] for g in generator), default=0.0),
        lag_ms_p50=max((g["lag_ms_p50"] for g in generator), default=0.0),
        lag_ms_p99=max((g["lag_ms_p99"] for g in generator), default=0.0),
        lag_ms_max=max((g["lag_ms_max"] for g in generator), default=0.0),
        results=results,
        truth=results / "truth.jsonl",
        stopped=stopped,
    )


def _steps(paths: Sequence[Path], scheme: str) -> tuple[dict[str, StepResult], float, float, list[Mapping[str, float]]]:
    merged: dict[str, StepResult] = {}
    generator: list[Mapping[str, float]] = []
    started, ended = float("inf"), 0.0
    for path in paths:
        value = json.loads(path.read_bytes())
        started, ended = min(started, value["window"]["start"]), max(ended, value["window"]["end"])
        generator.append(value["generator"])
        for step, kept in value["schemes"].get(scheme, {}).items():
            had = merged.get(step, StepResult())
            merged[step] = StepResult(
                ms=(*had.ms, *kept["ms"]),
                up=had.up + kept["up"],
                down=had.down + kept["down"],
                failed=had.failed + kept["failed"],
            )
    return merged, started, ended, generator


def _add(total: _Sum, text: bytes, scheme: str) -> None:
    """One worker's outcomes, in the form of `Outcomes.as_json`."""
    plain = json.loads(text)["schemes"].get(scheme)
    if plain is None:
        return
    signed, gate, farm = plain["sign_ups"], plain["age_gate"], plain["farmers"]
    total.numbers["persons"] += plain["persons"]
    for name in ("attempted", "accepted", "failed", "no_device", "exhausted"):
        total.numbers[name] += signed[name]
    total.table("refused", signed["refused"])
    for name in ("minors_admitted", "borrowed_admitted", "adults_blocked"):
        total.share(name, gate[name])
    total.table("minors_refused", gate["minors_refused"])
    total.table("adults_blocked_reasons", gate["adults_blocked_reasons"])
    total.numbers["farmers"] += farm["persons"]
    total.numbers["farmer_tries"] += farm["tries"]
    total.numbers["farmer_accounts"] += farm["accounts"]
    total.table("farmer_refused", farm["refused"])
    total.share("proofs_again", plain["proofs_again"])
    for name in ENROLLED_AGAIN:
        total.share(name, plain["enrolled_again"][name])
    total.numbers["fallbacks"] += plain["fallbacks"]
    for name in ("accounts_per_person_max", "accounts_per_credential_max"):
        most = total.most.setdefault(name, {})
        for platform, number in plain[name].items():
            most[platform] = max(most.get(platform, 0), number)
    for kind, (number, seconds) in plain["wallet_cpu"].items():
        had = total.cpu.get(kind, (0, 0.0))
        total.cpu[kind] = (had[0] + number, had[1] + seconds)


def _tail(path: Path) -> str:
    try:
        return "Locust said: " + " | ".join(path.read_text(errors="replace").splitlines()[-8:])
    except OSError:
        return ""
