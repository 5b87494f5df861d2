"""What a load worker records: latencies and bytes a step, what became of each sign-up, and the truth for scoring.

Locust rounds latencies to milliseconds for its own tables; ours are kept as they were measured.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from idverify.load.tried import FILE as TRIED
from idverify.load.tried import Tried
from idverify.scheme import Json


@dataclass(slots=True)
class Steps:
    """One step of one scheme: every latency in ms, bytes with HTTP heads, and how many failed."""

    ms: list[float] = field(default_factory=list)
    up: int = 0
    down: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, Json]:
        return {"ms": [round(ms, 4) for ms in self.ms], "up": self.up, "down": self.down, "failed": self.failed}


@dataclass(slots=True)
class Share:
    """k of n."""

    k: int = 0
    n: int = 0

    def add(self, *, hit: bool) -> None:
        self.k += hit
        self.n += 1


@dataclass(slots=True)
class Outcomes:
    """What became of the people of one scheme. Shares count persons, not requests.

    `sign_ups` counts attempts: attempted = accepted + the sum of `refused` + failed. `minors_refused` and
    `adults_blocked_reasons` count persons by the first reason that they met; `adults` had no account in the end on at
    least one platform. `accounts` counts the accounts that a person runs on a platform, `lent` those on a credential.

    `proofs_again` counts accounts that were proven again. Who loses the phone restores the wallet from its seed, enrols
    again and proves the old account: `recovered`, and `recognised` where the platform knew the person by a pseudonym.
    `second_account` counts farmers' tries after enrolling again, `new_seed` their tries as somebody else. `fallbacks`
    counts copies that were shown again because the issuer did not answer.
    """

    persons: int = 0
    attempted: int = 0
    accepted: int = 0
    failed: int = 0
    no_device: int = 0
    exhausted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    minors_admitted: Share = field(default_factory=Share)
    minors_refused: Counter[str] = field(default_factory=Counter)
    borrowed_admitted: Share = field(default_factory=Share)
    adults_blocked: Share = field(default_factory=Share)
    adults_blocked_reasons: Counter[str] = field(default_factory=Counter)
    farmers: int = 0
    farmer_tries: int = 0
    farmer_accounts: int = 0
    farmer_refused: Counter[str] = field(default_factory=Counter)
    proofs_again: Share = field(default_factory=Share)
    recovered: Share = field(default_factory=Share)
    recognised: Share = field(default_factory=Share)
    second_account: Share = field(default_factory=Share)
    new_seed: Share = field(default_factory=Share)
    fallbacks: int = 0
    accounts: dict[str, Counter[str]] = field(default_factory=dict)
    lent: dict[str, Counter[str]] = field(default_factory=dict)
    cpu: dict[str, tuple[int, float]] = field(default_factory=dict)

    def opened(self, platform: str, *, user: str, owner: str) -> None:
        """Somebody has one more account."""
        self.accounts.setdefault(platform, Counter())[user] += 1
        self.lent.setdefault(platform, Counter())[owner] += 1

    def as_json(self) -> dict[str, Json]:
        return {
            "persons": self.persons,
            "sign_ups": {
                "attempted": self.attempted,
                "accepted": self.accepted,
                "refused": dict(self.refused),
                "failed": self.failed,
                "no_device": self.no_device,
                "exhausted": self.exhausted,
            },
            "age_gate": {
                "minors_admitted": [self.minors_admitted.k, self.minors_admitted.n],
                "minors_refused": dict(self.minors_refused),
                "borrowed_admitted": [self.borrowed_admitted.k, self.borrowed_admitted.n],
                "adults_blocked": [self.adults_blocked.k, self.adults_blocked.n],
                "adults_blocked_reasons": dict(self.adults_blocked_reasons),
            },
            "farmers": {
                "persons": self.farmers,
                "tries": self.farmer_tries,
                "accounts": self.farmer_accounts,
                "refused": dict(self.farmer_refused),
            },
            "proofs_again": [self.proofs_again.k, self.proofs_again.n],
            "enrolled_again": {
                "recovered": [self.recovered.k, self.recovered.n],
                "recognised": [self.recognised.k, self.recognised.n],
                "second_account": [self.second_account.k, self.second_account.n],
                "new_seed": [self.new_seed.k, self.new_seed.n],
            },
            "fallbacks": self.fallbacks,
            "accounts_per_person_max": {p: max(c.values(), default=0) for p, c in self.accounts.items()},
            "accounts_per_credential_max": {p: max(c.values(), default=0) for p, c in self.lent.items()},
            "wallet_cpu": {kind: [n, seconds] for kind, (n, seconds) in self.cpu.items()},
        }


class Recorder:
    """Collects in memory, then writes steps-WORKER.json and outcomes-WORKER.json; truth is appended as it happens."""

    def __init__(self, folder: Path | None, *, worker: int = 0) -> None:
        self.folder = folder
        self.worker = worker
        self.steps: dict[str, dict[str, Steps]] = {}
        self.outcomes: dict[str, Outcomes] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def reset(self) -> None:
        """Begin a new test; who has which account stays true, so the truth stays."""
        self.steps.clear()
        self.outcomes.clear()

    def of(self, scheme: str) -> Outcomes:
        return self.outcomes.setdefault(scheme, Outcomes())

    def request(self, scheme: str, step: str, *, ms: float, up: int, down: int, failed: bool) -> None:
        kept = self.steps.setdefault(scheme, {}).setdefault(step, Steps())
        kept.up += up
        kept.down += down
        if failed:
            kept.failed += 1
        else:
            kept.ms.append(ms)

    def truth(self, scheme: str, entry: Mapping[str, Json]) -> None:
        """Append to truth.jsonl; workers on one machine may share the folder, a line is one write."""
        self._append("truth.jsonl", json.dumps({**entry, "scheme": scheme}, separators=(",", ":")).encode())

    def tried(self, person: Tried) -> None:
        """Append to people.jsonl."""
        self._append(TRIED, msgspec.json.encode(person))

    def _append(self, name: str, line: bytes) -> None:
        if self.folder is not None:
            with (self.folder / name).open("ab") as out:
                out.write(line + b"\n")

    def write(self, *, window: Mapping[str, Json], generator: Mapping[str, Json]) -> None:
        """Write what was collected; a reader never sees half a file."""
        if self.folder is None:
            return
        steps: dict[str, Json] = {
            scheme: {step: kept.as_json() for step, kept in by_step.items()} for scheme, by_step in self.steps.items()
        }
        self._put("steps", {"v": 1, "window": window, "generator": generator, "schemes": steps})
        self._put("outcomes", {"v": 1, "schemes": {scheme: kept.as_json() for scheme, kept in self.outcomes.items()}})

    def _put(self, kind: str, value: Mapping[str, Json]) -> None:
        assert self.folder is not None
        target = self.folder / f"{kind}-{self.worker}.json"
        draft = target.with_suffix(".part")
        draft.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
        draft.replace(target)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` of all lie (nearest rank); 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
