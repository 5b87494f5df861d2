"""Cells on what is neither a handle nor time: status lists, planted leaks, keys, addresses, birth dates, openers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from idverify.population import parameters
from idverify.simulation import theory
from idverify.simulation.delays import Floats
from idverify.simulation.oracles.attacked import I_P, P_P, Coalition, crowd_by_rank, leak_cells, share_of, worlds
from idverify.simulation.oracles.cell import Cell, Experiment, Measured, Share
from idverify.simulation.scenario import Scenario

TOWN: Final = 60
I_S: Final = ("identity_provider", "status_host")


def _top(
    name: str,
    case: str,
    scenario: Scenario,
    *,
    attack: str,
    coalition: Coalition = I_P,
    expected: float,
    wrong: float,
    mistake: str,
    number: int = 1,
    only: Callable[[Path], Set[str]] | None = None,
) -> Experiment:
    """Top-1 success of one attack over some worlds, or over those targets that `only` finds in a world's folder."""
    cell = Cell(name, case, expected, wrong, mistake)

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        found = worlds(scenario, seed, number=number, coalition=coalition, attack=attack, only=only)
        return {cell.name: share_of(found, seed)}

    return Experiment((cell,), run)


def _batch(people: int) -> Scenario:
    """One-time credentials from a batch of ten, of which each platform sees one."""
    return Scenario(row="selective disclosure", citizens=people, exactly=1, platforms=2, refill="after_use", batch=10)


def _status() -> tuple[Experiment, ...]:
    one = Scenario(row="selective disclosure", citizens=TOWN, exactly=1, status="direct")
    held, revoked = 10, 5
    listed = replace(one, status="list", holders=held)
    updates = Scenario(row="selective disclosure", citizens=200, exactly=1, revoked=revoked, updates=20)
    return (
        _top(
            "status.direct",
            "status asked for one credential, I+S: re-identification of visits",
            one,
            attack="exact_join",
            coalition=I_S,
            expected=theory.status("direct"),
            wrong=theory.status("list", among=held),
            mistake="lists were fetched",
        ),
        _top(
            "status.list",
            f"status list of H = {held} holders fetched, I+S: re-identification of visits",
            listed,
            attack="partition",
            coalition=I_S,
            expected=theory.status("list", among=held),
            wrong=theory.chance(TOWN),
            mistake="there were one list for all",
            number=8,
        ),
        _top(
            "status.sequential",
            "batches with sequential status indices, P1+P2: re-identification",
            replace(_batch(TOWN), status="list", index="sequential"),
            attack="near_join",
            coalition=P_P,
            expected=theory.status("sequential"),
            wrong=theory.chance(TOWN),
            mistake="indices were random",
        ),
        _top(
            "status.revoked",
            f"R = {revoked} revoked per update, I+P1: re-identification of who is refused",
            updates,
            attack="revocation",
            expected=theory.status("revoked", among=revoked),
            wrong=theory.status("revoked", among=2 * revoked),
            mistake="twice as many were revoked",
            number=8,
            only=_refused,
        ),
    )


def _refused(folder: Path) -> Set[str]:
    from idverify.ledger import decode

    lines = (folder / "ledgers" / "platform_a.jsonl").read_bytes().splitlines()
    return {record.subject for record in decode(lines, {}) if record.status == 403}


def _opened(folder: Path) -> Set[str]:
    """Accounts of which an opener has opened a login: the sealed value is in both ledgers."""
    from idverify.ledger import decode

    ledgers = folder / "ledgers"
    opened = {r.fields["received.sealed"] for r in decode((ledgers / "opener.jsonl").read_bytes().splitlines(), {})}
    lines = (ledgers / "platform_a.jsonl").read_bytes().splitlines()
    return {r.subject for r in decode(lines, {}) if r.fields.get("received.sealed") in opened}


def _keys(keys: int, people: int, *, number: int) -> Experiment:
    """An issuer with K keys: K/N are found, and N/K is the crowd that is left."""
    scenario = Scenario(citizens=people, exactly=1, keys=keys)
    top = Cell(
        f"keys.{keys}.top1",
        f"issuer with K = {keys} keys, N = {people}, I+P1: re-identification K/N",
        keys / people,
        theory.chance(people),
        "there were one key",
    )
    crowd = Cell(
        f"keys.{keys}.set",
        f"issuer with K = {keys} keys, N = {people}, I+P1: anonymity set N/K",
        theory.key_set(keys, people),
        theory.key_set(keys // 2, people),
        "there were half as many keys",
        "persons",
    )

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        found = worlds(scenario, seed, number=number, attack="partition")
        return {top.name: share_of(found, seed), crowd.name: crowd_by_rank(found)}

    return Experiment((top, crowd), run)


def _leak(bits: int, people: int) -> Experiment:
    """A value of b bits that both platforms see divides the crowd by 2^b; without it the crowd is whole."""
    # Who comes twice shows an attacker that the value stays with the person.
    scenario = Scenario(citizens=people, exactly=2, platforms=2, keys=2**bits)
    with_it, without = leak_cells(
        f"leak.{bits}_bits",
        f"a leak of {bits} bits, N = {people}, P1+P2: anonymity set N/2^b",
        f"the same world without the leak, N = {people}, P1+P2: anonymity set N",
        bits=bits,
        people=people,
    )

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        leaking, clean = (
            worlds(each, seed, number=1, coalition=P_P, attack="partition")
            for each in (scenario, replace(scenario, keys=1))
        )
        return {with_it.name: crowd_by_rank(leaking), without.name: crowd_by_rank(clean)}

    return Experiment((with_it, without), run)


def _instant() -> Experiment:
    return _top(
        "leak.millisecond_iat",
        "one-time batch with an iat in milliseconds, P1+P2: re-identification",
        replace(_batch(TOWN), issued_at="millisecond"),
        attack="exact_join",
        coalition=P_P,
        expected=1.0,
        wrong=theory.chance(TOWN),
        mistake="it were rounded to the day",
    )


def _address(behind: int) -> Experiment:
    return _top(
        f"address.{behind}",
        f"k = {behind} behind each address, no times, I+P1: re-identification 1/k",
        Scenario(citizens=TOWN, exactly=1, behind=behind, refill="schedule"),
        attack="address",
        expected=1.0 / behind,
        wrong=theory.chance(TOWN),
        mistake="addresses said nothing",
        number=1 if behind == 1 else 8,
    )


def _escrow() -> tuple[Experiment, ...]:
    scenario = Scenario(row="escrow", citizens=TOWN, exactly=1, refill="schedule", opened=TOWN // 2)
    return (
        _top(
            "escrow.opened",
            "sealed identity, openers and platform: re-identification of who was opened",
            scenario,
            attack="exact_join",
            coalition=("opener", "platform_a"),
            expected=1.0,
            wrong=theory.chance(TOWN // 2),
            mistake="openings led to nobody",
            only=_opened,
        ),
    )


def birth_dates() -> Floats:
    """The probability of each birth date in the population that the replay draws."""
    days = [366.0 if (2026 - age) % 4 == 0 else 365.0 for age in range(len(parameters.age_shares()))]
    shares = np.array([float(share) for share in parameters.age_shares()])
    parts = [np.full(int(n), share / n) for n, share in zip(days, shares / shares.sum(), strict=True)]
    return np.concatenate(parts)


def _quasi(people: int) -> Experiment:
    """A birth date on two platforms that share nothing else."""
    scenario = Scenario(row="declared", citizens=people, exactly=1, platforms=2)
    dates = birth_dates()
    top = Cell(
        "quasi.top1",
        f"birth date alone, N = {people:,}, P1+P2: top-1 Σ(1 − e^(−Np))/N",
        theory.quasi_identifier(dates, people),
        theory.quasi_identifier(dates, people * 1.5),
        "there were half as many people again",
    )
    alone = Cell(
        "quasi.unique",
        f"birth date alone, N = {people:,}, P1+P2: share that is unique, Σ p·e^(−Np)",
        theory.unique(dates, people),
        theory.unique(dates, people * 1.5),
        "there were half as many people again",
    )

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        found = worlds(scenario, seed, number=1, coalition=P_P, attack="quasi_identifiers")
        sure = np.concatenate([each.confidence > 0.9 for each in found])
        return {top.name: share_of(found, seed), alone.name: Share(int(sure.sum()), len(sure))}

    return Experiment((top, alone), run)


EXPERIMENTS: Final[tuple[Experiment, ...]] = (
    *_status(),
    _keys(16, 160, number=3),
    _leak(3, 160),
    _leak(6, 640),
    _instant(),
    _address(1),
    _address(5),
    *_escrow(),
    _quasi(3_000),
)
