"""Running the cells: two processes, one line each, and a verdict over all of them.

Every experiment has a seed of its own, made from the given one and its first cell's name, so that `--only` changes no
number. Exit code 0 only if every cell agrees; with `--power` only if every stated mistake comes out as `disagree`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from idverify.errors import BadUsage, IdverifyError, Unusable
from idverify.simulation import theory
from idverify.simulation.oracles import farming, joins, others, real, scanning, timings
from idverify.simulation.oracles.cell import (
    FAMILY,
    Cell,
    Experiment,
    Judgement,
    Measured,
    Pool,
    Share,
    confidence_of,
    judged,
)

VILLAGE = joins.VILLAGE
SEED = 20_260_301
MOST_JOBS = 4


def experiments() -> tuple[Experiment, ...]:
    """All of them, in the order of the table."""
    return (
        *joins.EXPERIMENTS,
        *real.experiments(),
        *timings.EXPERIMENTS,
        *others.EXPERIMENTS,
        *scanning.EXPERIMENTS,
        *farming.experiments(),
    )


def pools() -> tuple[Pool, ...]:
    """The baselines of the replay and of the real schemes together: all are of the same size."""
    members = tuple(c.name for each in experiments() for c in each.cells if c.expected == theory.chance(VILLAGE))
    cell = Cell(
        "chance.together",
        f"all {len(members)} baselines of N = {VILLAGE} together: re-identification 1/N",
        theory.chance(VILLAGE),
        2.0 * theory.chance(VILLAGE),
        "anything halved the crowd",
    )
    return (Pool(cell, members),)


def cells() -> tuple[Cell, ...]:
    """All cells: the family for which the false-alarm rate is declared."""
    found = (*(cell for each in experiments() for cell in each.cells), *(pool.cell for pool in pools()))
    return tuple(found)


def seed_of(seed: int, name: str) -> int:
    """The seed of one experiment: below 2^40, so that the seeds of its worlds fit too."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:5], "big")


def measure(number: int, seed: int) -> Mapping[str, Measured]:
    """Run one experiment by its number; what a worker process does."""
    experiment = experiments()[number]
    with TemporaryDirectory(prefix="idverify-oracle-") as folder:
        return experiment.run(Path(folder), seed_of(seed, experiment.cells[0].name))


def run(seed: int = SEED, *, only: str = "", jobs: int = 0) -> Iterator[Judgement]:
    """Judge the cells whose name holds `only`, in the order of the table. Raises BadUsage where there is none."""
    chosen = [n for n, each in enumerate(experiments()) if any(only in cell.name for cell in each.cells)]
    if not chosen:
        raise BadUsage(f"no cell's name holds {only!r}", hint="idverify oracles without --only names them all")
    confidence = confidence_of(len(cells()))
    workers = min(jobs or min(os.cpu_count() or 1, MOST_JOBS), len(chosen))
    found: dict[str, Measured] = {}
    for number, measured in _measured(chosen, seed, workers=workers):
        found |= measured
        for cell in experiments()[number].cells:
            if only in cell.name:
                yield judged(cell, measured[cell.name], confidence=confidence)
    for pool in pools():
        shares = [found[name] for name in pool.members if name in found]
        if len(shares) == len(pool.members):
            both = Share(sum(s.hits for s in shares if isinstance(s, Share)), sum(_trials(s) for s in shares))
            yield judged(pool.cell, both, confidence=confidence)


def _trials(measured: Measured) -> int:
    return measured.trials if isinstance(measured, Share) else 0


def _measured(chosen: Sequence[int], seed: int, *, workers: int) -> Iterator[tuple[int, Mapping[str, Measured]]]:
    if workers <= 1:
        for number in chosen:
            yield number, measure(number, seed)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: list[tuple[int, Future[Mapping[str, Measured]]]] = [
            (number, pool.submit(measure, number, seed)) for number in chosen
        ]
        try:
            for number, future in waiting:
                yield number, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def show(seed: int = SEED, *, only: str = "", jobs: int = 0, power: bool = False, as_json: bool = False) -> int:
    """Print the lines and return the exit code: 0, or 1 where a cell does not come out as it must."""
    if not 0 <= seed < 2**64:
        raise BadUsage(f"the seed {seed} is not between 0 and 2^64 − 1", hint="take a small whole number")
    begun, confidence = time.monotonic(), confidence_of(len(cells()))
    good, documents = [], []
    for each in run(seed, only=only, jobs=jobs):
        good.append(each.has_power if power else each.agrees)
        documents.append(each.as_json(confidence))
        if not as_json:
            print(each.line(confidence, power=power), flush=True)
    if as_json:
        document = {"seed": seed, "family_false_alarm": FAMILY, "cells": documents, "all": all(good)}
        print(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        what = "mistakes are told" if power else "cells agree"
        print(
            f"{sum(good)} of {len(good)} {what}; chance of any false alarm {FAMILY:.1%}; "
            f"{time.monotonic() - begun:.0f} s; seed {seed}",
            file=sys.stderr,
        )
    return 0 if all(good) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m idverify.simulation.oracles`, for whoever wants no other command."""
    parser = argparse.ArgumentParser(prog="python -m idverify.simulation.oracles", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help=f"of all worlds ({SEED})")
    parser.add_argument("--only", default="", metavar="PART", help="the cells whose name holds PART")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes (as many as there are cores)")
    parser.add_argument("--power", action="store_true", help="judge what stated mistakes would give: all must disagree")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    options = parser.parse_args(arguments)
    try:
        return show(options.seed, only=options.only, jobs=options.jobs, power=options.power, as_json=options.json)
    except IdverifyError as error:
        print(f"{error.message}. {error.hint}".rstrip(), file=sys.stderr)
        return error.exit_code if isinstance(error, Unusable) else 3
