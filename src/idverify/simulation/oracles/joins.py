"""Cells on what two ledgers have in common: the exact join finds everybody, or nobody beyond chance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from idverify.simulation import theory
from idverify.simulation.oracles.attacked import I_P, P_P, Coalition, share_of, worlds
from idverify.simulation.oracles.cell import Cell, Experiment, Measured
from idverify.simulation.scenario import DAY, Scenario

ATTACK: Final = "exact_join"
TOWN: Final = 60
"""People of a world in which everybody is found; any miss at all is a disagreement."""
VILLAGE: Final = 50
VILLAGES: Final = 10
"""People of a world that is at the baseline, and how many such worlds: telling 2/N from 1/N takes about 490 people at
N = 50 (theory.trials_to_tell_apart), and all baselines together tell it under the rate of the whole family too."""


def _words(coalition: Coalition) -> str:
    short = {"identity_provider": "I", "platform_a": "P1", "platform_b": "P2", "telecom": "T", "attester": "A"}
    return "+".join(short[party] for party in coalition)


def _found(name: str, scenario: Scenario, coalition: Coalition, *, title: str) -> Experiment:
    """Everybody is found."""
    cell = Cell(
        f"join.{name}",
        f"{title}, {_words(coalition)}: re-identification",
        1.0,
        theory.chance(scenario.citizens),
        "nothing were in common",
    )

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        return {cell.name: share_of(worlds(scenario, seed, number=1, coalition=coalition, attack=ATTACK), seed)}

    return Experiment((cell,), run)


def _chance(name: str, scenario: Scenario, coalition: Coalition, *, title: str) -> Experiment:
    """Nobody is found beyond chance."""
    cell = Cell(
        f"chance.{name}",
        f"{title}, {_words(coalition)}, N = {VILLAGE}: re-identification 1/N",
        theory.chance(VILLAGE),
        1.0,
        "a handle were in common",
    )

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        found = worlds(scenario, seed, number=VILLAGES, coalition=coalition, attack=ATTACK)
        return {cell.name: share_of(found, seed)}

    return Experiment((cell,), run)


def _town(row: str, *, people: int = TOWN, **settings: object) -> Scenario:
    """Two logins at each of two platforms."""
    return Scenario(row=row, citizens=people, exactly=1, platforms=2, **settings)  # type: ignore[arg-type]


def _batch(row: str, *, people: int = TOWN, of: int = 10) -> Scenario:
    """Credentials for one showing each, from a batch; issued days before, so that times say nothing."""
    return _town(row, people=people, reuse="once_only", refill="after_use", batch=of)


def _single(row: str) -> Scenario:
    """One credential for everything."""
    return _town(row, reuse="unlimited", lifetime=90 * DAY)


EXPERIMENTS: Final[tuple[Experiment, ...]] = (
    _found("real_name.ip", _town("real name"), I_P, title="real name"),
    _found("real_name.pp", _town("real name"), P_P, title="real name"),
    _found("hashed.ip", _town("real name, hashed"), I_P, title="real name, hashed ID"),
    _found("hashed.pp", _town("real name, hashed"), P_P, title="real name, hashed ID"),
    _found("phone.tp", _town("phone"), ("telecom", "platform_a"), title="phone number"),
    _found("phone.pp", _town("phone"), P_P, title="phone number"),
    _found("public_sub.ip", _town("sub, public"), I_P, title="OpenID Connect, public sub"),
    _found("public_sub.pp", _town("sub, public"), P_P, title="OpenID Connect, public sub"),
    _found("pairwise_sub.ip", _town("sub, pairwise"), I_P, title="OpenID Connect, pairwise sub"),
    _chance("pairwise_sub.pp", _town("sub, pairwise", people=VILLAGE), P_P, title="OpenID Connect, pairwise sub"),
    _found("sd_jwt.ip", _single("selective disclosure"), I_P, title="SD-JWT VC, one credential"),
    _found("sd_jwt.pp", _single("selective disclosure"), P_P, title="SD-JWT VC, one credential"),
    _found("sd_jwt_batch.ip", _batch("selective disclosure"), I_P, title="SD-JWT VC, one-time batch"),
    _chance("sd_jwt_batch.pp", _batch("selective disclosure", people=VILLAGE), P_P, title="SD-JWT VC, one-time batch"),
    _found("mdoc.ip", _single("mobile document"), I_P, title="mdoc, one credential"),
    _found("mdoc_batch.ip", _batch("mobile document"), I_P, title="mdoc, one-time batch"),
    _chance("mdoc_batch.pp", _batch("mobile document", people=VILLAGE), P_P, title="mdoc, one-time batch"),
    _chance("pseudonym.ip", _batch("pseudonym of a hidden secret", people=VILLAGE), I_P, title="BBS pseudonym"),
    _chance("pseudonym.pp", _batch("pseudonym of a hidden secret", people=VILLAGE), P_P, title="BBS pseudonym"),
    _chance("escrow.ip", _batch("escrow", people=VILLAGE), I_P, title="escrow, nothing opened"),
    _chance("tokens.ip", _batch("blind tokens", people=VILLAGE), I_P, title="Privacy Pass"),
    _chance("tokens.pp", _batch("blind tokens", people=VILLAGE), P_P, title="Privacy Pass"),
    _chance(
        "split_tokens.ap",
        _batch("blind tokens, split attester", people=VILLAGE),
        ("attester", "platform_a"),
        title="Privacy Pass, split attester, without times",
    ),
)
