"""The folder of a sweep: runs/NNN-sweep with sweep.json, sweep.csv, picture.svg and sweep.html."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from idverify.comparison.folders import point_latest, replace_file, table
from idverify.comparison.sweep_figures import best
from idverify.comparison.sweep_model import (
    SAME_PLATFORM,
    TWO_PLATFORMS,
    WITH_ISSUER,
    Quantile,
    Sweep,
    as_bytes,
    from_bytes,
)
from idverify.errors import BadEnvironment

KIND = "sweep"
LATEST = "latest-sweep"
PAGE, PICTURE = "sweep.html", "picture.svg"


def write_sweep(folder: Path, sweep: Sweep) -> None:
    """Write all files, each in one step, then let `latest-sweep` point here."""
    from idverify.comparison.sweep_page import render
    from idverify.comparison.sweep_picture import picture

    try:
        replace_file(folder / "sweep.json", as_bytes(sweep))
        replace_file(folder / PICTURE, picture(sweep).encode())
        replace_file(folder / PAGE, render(sweep).encode())
        table(folder / "sweep.csv", HEAD, rows(sweep))
        point_latest(folder, name=LATEST)
    except OSError as error:
        raise BadEnvironment(
            f"the sweep {folder.name} cannot be written: {error.strerror}",
            hint="free some space, or name another --out",
        ) from error


def read_sweep(folder: Path) -> Sweep:
    """The sweep in a folder. Raises BadEnvironment."""
    try:
        raw = (folder / "sweep.json").read_bytes()
    except OSError as error:
        raise BadEnvironment(f"sweep.json cannot be read: {error.strerror}") from error
    return from_bytes(raw)


HEAD = (
    "scheme", "label", "asked_rate", "rate", "rate_low", "rate_high", "seconds", "persons", "arrivals", "waited_p50_ms",
    "waited_p95_ms", "waited_p95_low", "waited_p95_high", "waited_p99_ms", "issue_p50_ms", "issue_p95_ms", "given_up",
    "fell_back", "requests_per_second", "capacity", "capacity_is", "utilisation", "issuer_cpu", "same_platform",
    "same_platform_of", "same_platform_low", "same_platform_high", "two_platforms", "two_platforms_of",
    "two_platforms_low", "two_platforms_high", "issuer_and_platform", "issuer_and_platform_of", "timing_attacker",
    "timing_top_1", "timing_low", "timing_high", "timing_targets", "median_rank", "set_median", "set_5th", "scored_set",
    "scored_low", "scored_high", "withheld", "expected_top_1", "expected_set", "generator_cpu", "generator_lag_ms",
    "saturated", "complete",
)  # fmt: skip


def rows(sweep: Sweep) -> Iterable[Sequence[object]]:
    """One row for each measured point, then those of the simulated curves."""
    for p in sweep.points:
        same, two, joint = (p.linkage.get(name) for name in (SAME_PLATFORM, TWO_PLATFORMS, WITH_ISSUER))
        believed = best(p.timing)
        t = believed or next(iter(p.timing), None)
        yield (
            p.scheme, p.label, p.asked_rate, p.rate, *p.rate_interval, p.seconds, p.persons, p.arrivals,
            _ms(p.waited.p50), _ms(p.waited.p95), p.waited.p95 and p.waited.p95.low, p.waited.p95 and p.waited.p95.high,
            _ms(p.waited.p99), _ms(p.issue.p50), _ms(p.issue.p95), p.given_up.k, p.fell_back.k, p.requests_per_second,
            p.capacity, p.capacity_is, p.utilisation, p.cpu.get("identity_provider"),
            *((same.correct, same.linkable, *same.interval) if same else (None,) * 4),
            *((two.correct, two.linkable, *two.interval) if two else (None,) * 4),
            *((joint.correct, joint.linkable) if joint else (None,) * 2),
            *((t.attacker, t.top_1, *t.interval, t.targets, t.median_rank, t.set_median, t.set_5th, t.scored_set)
              if t else (None,) * 9),
            *((t.scored_interval or (None, None)) if t else (None, None)), t.withheld if t else "too few arrivals",
            *((p.expected.top_1, p.expected.effective_set) if p.expected else (None, None)),
            p.generator_cpu, p.generator_lag_ms, p.saturated, p.complete,
        )  # fmt: skip
    place = {name: number for number, name in enumerate(HEAD)}
    for curve in sweep.curves:
        for at in curve.points:
            row: list[object] = [None] * len(HEAD)
            for name, value in (
                ("scheme", curve.scheme), ("label", curve.label), ("asked_rate", at.rate), ("rate", at.rate),
                ("waited_p95_ms", at.waited_p95), ("given_up", at.given_up), ("fell_back", at.fell_back),
                ("capacity", curve.capacity), ("utilisation", at.utilisation), ("timing_top_1", at.top_1),
                ("scored_set", at.effective_set),
            ):  # fmt: skip
                row[place[name]] = value
            yield row


def _ms(quantile: Quantile | None) -> float | None:
    return quantile.ms if quantile else None
