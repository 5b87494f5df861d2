"""Cells on what is left: status lists, planted leaks, issuer keys and quasi-identifiers."""

from __future__ import annotations

from typing import Final

from idverify.simulation.oracles.attacked import Coalition, share_of, worlds
from idverify.simulation.oracles.cell import Cell, Experiment
from idverify.simulation.scenario import Scenario

TOWN: Final = 60


def _cell(
    name: str,
    case: str,
    scenario: Scenario,
    *,
    coalition: Coalition,
    attack: str,
    expected: float,
    wrong: float,
    mistake: str,
    number: int = 1,
) -> Experiment:
    cell = Cell(name, case, expected, wrong, mistake)
    return Experiment(
        (cell,),
        lambda _, seed: {
            cell.name: share_of(worlds(scenario, seed, number=number, coalition=coalition, attack=attack), seed)
        },
    )


def _batch(people: int) -> Scenario:
    """One-time credentials from a batch of two, one for each platform."""
    return Scenario(row="selective disclosure", citizens=people, exactly=1, platforms=2, refill="after_use", batch=2)


EXPERIMENTS: Final[tuple[Experiment, ...]] = ()
