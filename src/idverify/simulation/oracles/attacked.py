"""From a scenario to what an attack achieved: write the world, attack its ledgers, then look at the truth.

The attacks are those of `idverify.privacy`, given the ledgers and public.json. The truth is read after the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import msgspec
import numpy as np

from idverify.privacy.anonymity import Judged, judge
from idverify.privacy.answers import AttackerName
from idverify.privacy.attack import attack
from idverify.privacy.score import Truth, read_truth
from idverify.scheme import Scheme
from idverify.simulation import theory
from idverify.simulation.delays import Floats
from idverify.simulation.oracles.cell import Cell, Mean, Share, coins
from idverify.simulation.replay import replay
from idverify.simulation.scenario import Scenario

Coalition = tuple[str, ...]
Only = Callable[[Path], Set[str]]
I_P: Coalition = ("identity_provider", "platform_a")
P_P: Coalition = ("platform_a", "platform_b")
_COLUMNS = ("confidence", "success", "rank", "truth", "entropy", "claimed")
BLOCKS = 24
"""Stretches of time of which the mean of a set is taken."""


def judged(
    folder: Path,
    coalition: Coalition,
    name: str,
    *,
    attacker: AttackerName = "policy",
    schemes: Mapping[str, Scheme] = MappingProxyType({}),
) -> Judged:
    """Attack the world in `folder` with one attack and judge its answer by the truth beside it."""
    (answer,) = attack(folder, coalition, attacker=attacker, attacks=(name,), schemes=schemes)
    truth = read_truth(folder / "truth.jsonl")
    return judge(answer, owners(truth, answer.candidates_of or coalition[0], answer.targets_of))


def owners(truth: Sequence[Truth], source: str, target: str) -> Mapping[str, Set[str]]:
    """For each target the candidates that are right: accounts of the same owner, or the owner itself."""
    accounts: dict[str, set[str]] = {}
    for row in truth:
        if row.platform == source:
            accounts.setdefault(row.owner, set()).add(row.account)
    return {
        row.account: accounts.get(row.owner, set()) if accounts else {row.owner}
        for row in truth
        if row.platform == target
    }


def world(
    scenario: Scenario,
    seed: int,
    *,
    coalition: Coalition = I_P,
    attack: str = "timing",
    attacker: AttackerName = "policy",
    only: Only | None = None,
) -> Judged:
    """One world, written, attacked and judged; the targets in the order in which they came, or `only` some of them."""
    with TemporaryDirectory(prefix="idverify-world-") as folder:
        replay(scenario, Path(folder), seed=seed)
        found = judged(Path(folder), coalition, attack, attacker=attacker)
        order = _order(found, Path(folder) / "ledgers" / f"{coalition[-1]}.jsonl")
        wanted = only(Path(folder)) if only is not None else None
        return _chosen(found, [n for n in order if wanted is None or found.subjects[n] in wanted])


class _Glance(msgspec.Struct):
    subject: str = ""


def _order(found: Judged, ledger: Path) -> list[int]:
    """The places of the targets in the order of their first line in the ledger."""
    read = msgspec.json.Decoder(_Glance).decode
    place: dict[str, int] = {}
    for line in ledger.read_bytes().splitlines():
        place.setdefault(read(line).subject, len(place))
    return sorted(range(len(found.subjects)), key=lambda number: place[found.subjects[number]])


def _chosen(found: Judged, places: Sequence[int]) -> Judged:
    """Some of the targets, in that order."""
    return Judged(
        tuple(found.subjects[number] for number in places),
        *(
            getattr(found, name)[list(places)]
            for name in ("confidence", "success", "rank", "truth", "entropy", "claimed")
        ),
    )


def worlds(
    scenario: Scenario,
    seed: int,
    *,
    number: int,
    coalition: Coalition = I_P,
    attack: str = "timing",
    attacker: AttackerName = "policy",
    only: Only | None = None,
) -> list[Judged]:
    """Several worlds that differ by their seeds."""
    return [
        world(scenario, seed * 1_000 + n, coalition=coalition, attack=attack, attacker=attacker, only=only)
        for n in range(number)
    ]


def share_of(found: Sequence[Judged], seed: int) -> Share:
    """How often the first candidate is right; ties are broken by a coin."""
    success: Floats = np.concatenate([each.success for each in found])
    return Share(coins(success, seed), len(success))


def scored_set(found: Sequence[Judged]) -> Mean:
    """The scored anonymity set, 2^(−mean log2 p_true), with its interval."""
    return Mean(blocks(-np.log2(np.maximum(np.concatenate([each.truth for each in found]), 1e-12))), power=True)


def crowd_by_rank(found: Sequence[Judged]) -> Mean:
    """How many fit as well as the truth, which is at 2·rank − 1 of them where ties count half."""
    return Mean(2.0 * np.concatenate([each.rank for each in found]) - 1.0)


def bits(found: Sequence[Judged], candidates: int) -> Mean:
    """What each target has lost of log2 N."""
    truth = np.concatenate([each.truth for each in found])
    return Mean(np.log2(candidates) + blocks(np.log2(np.maximum(truth, 1e-12))))


def blocks(values: Floats, *, number: int = BLOCKS) -> Floats:
    """The means of consecutive stretches. Neighbours in time hide behind the same others, so that they are no
    independent values; means over many times as many neighbours are, nearly (batch means, Law and Kelton)."""
    return np.array([part.mean() for part in np.array_split(values, number)])


def leak_cells(name: str, leaking: str, clean: str, *, bits: int, people: int) -> tuple[Cell, Cell]:
    """A leak of `bits` bits shrinks the crowd by 2^bits, and the same world without it leaves the crowd whole."""
    shrunk = theory.leaked(people, bits)
    with_it = Cell(name, leaking, shrunk, theory.leaked(people, bits - 1), "it had one bit less", "persons")
    without = Cell(f"{name}.without", clean, float(people), shrunk, "the leak were there", "persons")
    return with_it, without
