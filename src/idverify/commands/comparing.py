"""`idverify compare` and `idverify report`."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from idverify.commands.terminal import Watch, print_differences, print_json, print_matrix, say
from idverify.errors import BadEnvironment, BadUsage
from idverify.settings import Settings

DEFAULT_SECONDS = 10.0
DEFAULT_RATE = 12.0
"""Tasks per second and user: a few hundred sign-ups in ten seconds, at about half of what two cores can serve."""
STOPPED = 130


def settings_from(options: Namespace) -> Settings:
    """The environment's settings, overruled by what the command line gives."""
    names = (
        "mandate", "schemes", "citizens", "seed", "database_url", "rate", "folder", "batch", "refill",
        "credential_lifetime", "refill_at",
    )  # fmt: skip
    given = {name: value for name in names if (value := getattr(options, name, None)) is not None}
    return replace(Settings.from_environment(), **given)


def chosen(settings: Settings, *, everything: bool = True) -> tuple[str, ...]:
    """The schemes that are asked for, in the list's order; without names all, or only the usual ones.

    Raises BadUsage for an unknown one, and says so where this machine lacks it.
    """
    from idverify.schemes import MISSING, SCHEMES

    usual = tuple(name for name, scheme in SCHEMES.items() if everything or scheme.info.usual)
    wanted = settings.scheme_names or usual
    for name in wanted:
        if name in MISSING:
            raise BadUsage(f"{name} is not on this machine: {MISSING[name]}", hint="idverify schemes lists what is")
        if name not in SCHEMES:
            raise BadUsage(f"{name!r} is no scheme", hint=f"the schemes are {', '.join(SCHEMES)}")
    return tuple(name for name in SCHEMES if name in wanted)


def compare(options: Namespace) -> int:
    """Run, attack, report; the matrix (or run.json) on stdout."""
    from idverify.comparison.compare import Plan
    from idverify.comparison.compare import compare as run_comparison
    from idverify.comparison.model import as_bytes
    from idverify.comparison.repeats import seeds_in
    from idverify.comparison.variants import methods_in

    settings = settings_from(options)
    methods = methods_in(settings.reuse if options.reuse is None else options.reuse)
    if not settings.rate:
        settings = replace(settings, rate=DEFAULT_RATE)
    seconds = options.duration
    if seconds is None and options.sign_ups is None:
        seconds = DEFAULT_SECONDS
    seeds = () if options.seeds is None else seeds_in(options.seeds, first=settings.seed, given=options.seed)
    plan = Plan(
        settings=settings,
        schemes=chosen(settings, everything=options.schemes == "all"),
        methods=methods,
        seeds=seeds,
        seconds=seconds,
        sign_ups=options.sign_ups,
        users=options.users,
        warm_up=options.warm_up,
        shadow=options.shadow,
        out=Path(options.out),
        command=shlex.join(["idverify", *sys.argv[1:]]),
    )
    with Watch() as watch:
        outcome = run_comparison(plan, watch)
    if options.json:
        sys.stdout.write(as_bytes(outcome.run).decode())
    else:
        print_matrix(outcome.run)
        print_differences(outcome.run)
        print(f"report: {outcome.folder / 'report.html'}")
    for name, why in outcome.run.failed.items():
        say(f"IDV-301 {name} could not be measured: {why}")
    for name, why in outcome.run.left_out.items():
        say(f"{name} was {'left out' if ':' in name else 'run as it is'}: {why}")
    for name, why in outcome.run.missing.items():
        say(f"{name} is not on this machine: {why}")
    if outcome.exit_code == STOPPED:
        say("stopped; what was done is kept")
    say(f"next: open {outcome.folder / 'report.html'} in a browser")
    return outcome.exit_code


def report(options: Namespace) -> int:
    """Write the report of an earlier run again."""
    from idverify.comparison.folders import find_run, read_run
    from idverify.comparison.report import render

    folder = find_run(options.run, out=Path(options.out))
    target = Path(options.output) if options.output else folder / "report.html"
    page = render(read_run(folder)).encode()
    try:
        target.write_bytes(page)
    except OSError as error:
        raise BadEnvironment(
            f"{target} cannot be written: {error.strerror}", hint="name another file with -o"
        ) from error
    if options.json:
        print_json({"report": str(target), "bytes": len(page)})
    else:
        print(target)
    say(f"next: open {target} in a browser")
    return 0
