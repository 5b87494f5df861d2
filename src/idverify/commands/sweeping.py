"""`idverify sweep`: privacy under load."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from idverify.commands.comparing import STOPPED, chosen
from idverify.commands.terminal import Watch, say, share
from idverify.errors import BadUsage
from idverify.settings import Settings

if TYPE_CHECKING:
    from idverify.comparison.sweep_model import Point, Sweep

COLUMNS = (
    ("arrivals\na second", 8), ("issuer\nused", 6), ("p95", 6), ("gave\nup", 8), ("used\nagain", 8), ("1 P, 2×", 8),
    ("P+P", 8), ("hides\namong", 8),
)  # fmt: skip


def sweep(options: Namespace) -> int:
    """Measure schemes at arrival rates, attack each; the figures (or sweep.json) on stdout."""
    from idverify.comparison.sweep import SweepPlan, rates_in, variant_of
    from idverify.comparison.sweep import sweep as run_sweep
    from idverify.comparison.sweep_folder import PAGE, PICTURE
    from idverify.comparison.sweep_model import Conditions, as_bytes

    names = [name.strip() for name in options.scheme.split(",")]
    if not all(names):
        raise BadUsage(
            f"the list of schemes {options.scheme!r} names none in one place", hint="name one, or several with commas"
        )
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadUsage(f"the scheme {twice[0]!r} is named twice", hint="name each scheme once")
    base = Settings.from_environment()
    given = {name: value for name in ("mandate", "seed") if (value := getattr(options, name)) is not None}
    settings = replace(base, schemes=options.scheme, citizens=options.citizens, **given)
    plan = SweepPlan(
        settings=settings,
        schemes=chosen(settings, everything=False),
        rates=rates_in(options.rates),
        conditions=Conditions(
            issuer_capacity=options.issuer_capacity,
            patience_s=options.patience,
            thinking_s=options.thinking,
            gives_up_s=options.gives_up,
            batch=options.batch,
            seconds=options.seconds,
            warm_up_s=options.warm_up,
        ),
        out=Path(options.out),
        command=shlex.join(["idverify", *sys.argv[1:]]),
    )
    for name in plan.schemes:
        variant_of(name)
    with Watch("point") as watch:
        outcome = run_sweep(plan, watch)
    if options.json:
        sys.stdout.write(as_bytes(outcome.sweep).decode())
    else:
        print_sweep(outcome.sweep)
        print(f"picture: {outcome.folder / PICTURE}")
    for name, why in outcome.sweep.failed.items():
        say(f"IDV-301 {name} could not be measured: {why}")
    if outcome.exit_code == STOPPED:
        say("stopped; what was done is kept")
    say(f"next: open {outcome.folder / PAGE} in a browser")
    return outcome.exit_code


def print_sweep(sweep: Sweep) -> None:
    """On stdout, in at most 80 columns, with the finding in words above."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from idverify.comparison import sweep_words as words
    from idverify.comparison.charts import figure
    from idverify.comparison.sweep_model import SAME_PLATFORM, TWO_PLATFORMS

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
    console.print(words.finding(sweep), markup=False)
    for name in sweep.schemes:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), title=name, title_justify="left")
        for head, width in COLUMNS:
            table.add_column(head, justify="right", no_wrap=True, min_width=width)
        for point in (p for p in sweep.points if p.scheme == name):
            table.add_row(
                f"{figure(point.rate)}{'*' if point.saturated else ''}",
                "–" if point.utilisation is None else f"{100 * point.utilisation:.0f} %",
                words.waited(point),
                f"{point.given_up.k}/{point.given_up.n}",
                f"{point.fell_back.k}/{point.fell_back.n}",
                share(point.linkage.get(SAME_PLATFORM)),
                share(point.linkage.get(TWO_PLATFORMS)),
                _set(point),
            )
        if table.row_count:
            console.print(table)
    if sweep.points:
        console.print(
            "MEASURED, with 95 % intervals. a second: arrivals; issuer used: requests a second by what it can answer; "
            "used again: showed a used credential; 1 P, 2×: recognised by one platform, coming back; P+P: linked by "
            "two platforms; hides among: by time, from issuer and platform together (–: withheld or too few)."
            + (" *: the generator was too busy to be trusted." if any(p.saturated for p in sweep.points) else ""),
            markup=False,
        )


def _set(point: Point) -> str:
    from idverify.comparison.charts import figure
    from idverify.comparison.sweep_figures import best

    found = best(point.timing)
    if found is None or found.scored_set is None:
        return "–"
    interval = found.scored_interval
    return figure(found.scored_set) + (f"\n{interval[0]:.0f}–{interval[1]:.0f}" if interval else "")
