"""The run folder: runs/NNN with a number nobody else has, and runs/latest that points to it."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from idverify.comparison import outcome_tables
from idverify.comparison.model import Run, as_bytes, from_bytes
from idverify.errors import BadEnvironment


def new_run(out: Path, *, kind: str = "") -> Path:
    """Make the next free runs/NNN, or runs/NNN-KIND. Two that start at once get different folders."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        taken = (p.name.partition("-")[0] for p in out.iterdir())
        number = max((int(name) for name in taken if name.isdigit()), default=0) + 1
        while True:
            folder = out / (f"{number:03d}-{kind}" if kind else f"{number:03d}")
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
    except OSError as error:
        raise BadEnvironment(
            f"the folder {out.name} for the runs cannot be written: {error.strerror}", hint="name another with --out"
        ) from error


def point_latest(folder: Path, *, name: str = "latest") -> None:
    """Let `latest` beside the run point to it; a reader sees the old one or the new one, never none."""
    draft = folder.parent / f".{name}-{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder.name)
    draft.replace(folder.parent / name)


def find_run(name: str, *, out: Path) -> Path:
    """A run's folder by its path, its number, or `latest`. Raises BadEnvironment where there is no run.json."""
    given = Path(name)
    candidates = [given, out / name, *([out / f"{int(name):03d}"] if name.isdigit() else [])]
    for folder in candidates:
        if (folder / "run.json").is_file():
            return folder
        if folder.is_file() and folder.suffix == ".json":
            return folder.parent
    raise BadEnvironment(
        f"there is no run {name}", hint=f"give a folder with a run.json, a number in {out.name}, or latest"
    )


def read_run(folder: Path) -> Run:
    """The run in a folder."""
    try:
        raw = (folder / "run.json").read_bytes()
    except OSError as error:
        raise BadEnvironment(f"run.json cannot be read: {error.strerror}") from error
    return from_bytes(raw)


def write_run(folder: Path, run: Run, report: str) -> None:
    """Write run.json, report.html and the CSVs, each in one step, then let `latest` point here."""
    try:
        replace_file(folder / "run.json", as_bytes(run))
        replace_file(folder / "report.html", report.encode())
        table(folder / "matrix.csv", MATRIX, _matrix(run))
        table(folder / "steps.csv", STEPS, _steps(run))
        table(folder / "linkage.csv", LINKAGE, _linkage(run))
        table(folder / "outcomes.csv", outcome_tables.OUTCOMES, outcome_tables.outcome_rows(run))
        if run.differences:
            table(folder / "differences.csv", outcome_tables.DIFFERENCES, outcome_tables.difference_rows(run))
            table(folder / "figures.csv", outcome_tables.FIGURES, outcome_tables.figure_rows(run))
        table(folder / "coalitions.csv", COALITIONS, _coalitions(run))
        point_latest(folder)
    except OSError as error:
        raise BadEnvironment(
            f"the run {folder.name} cannot be written: {error.strerror}", hint="free some space, or name another --out"
        ) from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader sees the old one or the new one."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)


def table(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file in one step."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)
    draft.replace(path)


MATRIX = (
    "scheme", "label", "complete", "attempted", "accepted", "failed", "minors_admitted", "minors_tried",
    "borrowed_admitted", "borrowed_tried", "adults_blocked", "adults_tried", "accounts_per_person_max",
    "cpu_ms_identity_provider", "cpu_ms_platform", "cpu_ms_wallet", "storage_bytes_per_account", "generator_cpu",
    "capture_share", "unanswered", "base_scheme", "kind", "method", "batch", "refill", "requests", "refills",
    "fallbacks", "proofs_again", "proofs_again_tried", "recovered", "recovered_tried", "recognised", "recognised_tried",
    "second_account", "second_account_tried", "new_seed", "new_seed_tried", "revocation_mean_s", "revocation_longest_s",
)  # fmt: skip
STEPS = ("scheme", "step", "label", "n", "per_second", "p50_ms", "p95_ms", "p99_ms", "bytes_up", "bytes_down")
LINKAGE = (
    "scheme", "coalition", "attack", "label", "correct", "linkable", "claimed", "recall", "precision", "low", "high",
    "baseline", "candidates",
)  # fmt: skip

COALITIONS = (
    "scheme", "coalition", "title", "view", "label", "attack", "attacker", "attacks", "correct", "targets", "top_1",
    "low", "high", "baseline", "candidates", "detected", "median_rank", "set_median", "set_5th", "scored_set",
    "withheld", "claimed_confidence", "claimed", "precision", "game_won", "game_of", "left_out", "silent",
)  # fmt: skip


def _matrix(run: Run) -> Iterable[Sequence[object]]:
    for name, r in run.schemes.items():
        gate, reuse, again, revoked = r.age_gate, r.reuse, r.enrolled_again, r.revocation
        used = (reuse.method, reuse.batch, reuse.refill, reuse.issued, reuse.refills, reuse.fallbacks) if reuse else ()
        enrolled = (
            (*again.recovered, *again.recognised, *again.second_account, *again.new_seed) if again else (None,) * 8
        )
        yield (
            name, r.label, r.complete, r.sign_ups.attempted, r.sign_ups.accepted, r.sign_ups.failed,
            *gate.minors_admitted, *gate.borrowed_admitted, *gate.adults_blocked, r.accounts_per_person_max,
            r.cpu_ms.identity_provider, r.cpu_ms.platform, r.cpu_ms.wallet, r.storage_bytes_per_account,
            r.generator_cpu, r.capture_share, " ".join(r.unanswered), r.scheme, r.family, *(used or (None,) * 6),
            *r.proofs_again, *enrolled, *((revoked.mean_s, revoked.longest_s) if revoked else (None, None)),
        )  # fmt: skip


def _steps(run: Run) -> Iterable[Sequence[object]]:
    for name, r in run.schemes.items():
        for step, s in r.steps.items():
            yield name, step, r.label, s.n, s.per_second, s.p50_ms, s.p95_ms, s.p99_ms, s.bytes_up, s.bytes_down


def _linkage(run: Run) -> Iterable[Sequence[object]]:
    for name, r in run.schemes.items():
        for who, k in r.linkage.items():
            yield (
                name, who, k.attack, k.label, k.correct, k.linkable, k.claimed, k.recall, k.precision, *k.interval,
                k.baseline, k.candidates,
            )  # fmt: skip


def _coalitions(run: Run) -> Iterable[Sequence[object]]:
    for name, r in run.schemes.items():
        for who, e in r.coalitions.items():
            left_out = sum(e.left_out.values())
            for view, k in (("arrived", e.arrived), ("kept", e.kept)):
                if k is not None:
                    yield (
                        name, who, e.title, view, e.label, k.attack, k.attacker, k.attacks, k.correct, k.targets,
                        k.top_1, *k.interval, k.baseline, k.candidates, k.detected, k.median_rank, k.set_median,
                        k.set_5th, k.scored_set, k.withheld, k.claimed_confidence, k.claimed, k.precision, *k.game,
                        left_out, "",
                    )  # fmt: skip
            if e.arrived is None:
                yield name, who, e.title, "arrived", e.label, *(None,) * 21, left_out, e.silent
