"""`idverify oracles`: what theory expects of each attack, what was measured, and whether they agree."""

from __future__ import annotations

from argparse import Namespace


def oracles(options: Namespace) -> int:
    """One line a cell on stdout; 0 if all agree, else 1."""
    from idverify.simulation.oracles.running import SEED, show

    seed = SEED if options.seed is None else options.seed
    return show(seed, only=options.only, jobs=options.jobs or 0, power=options.power, as_json=options.json)
