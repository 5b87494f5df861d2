"""Cells on the scanner, the two-user game and enumeration: what a blind attacker finds with everything it has.

The scanner is the attack `combined` by an attacker who knows nothing but the roles of the parties. Planted leaks must
be found by it, and the same world without them must stay at chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from idverify.ledger import VERSION, RawRecord, Received, Sent
from idverify.population import Population, parameters
from idverify.privacy.attack import Asked, attack
from idverify.privacy.public import IdNumbers, Public, PublicParty, PublicPopulation, write_public
from idverify.privacy.score import read_truth
from idverify.privacy.verdict import verdicts
from idverify.simulation import delays, theory
from idverify.simulation.events import stream
from idverify.simulation.oracles.attacked import I_P, P_P, Coalition, crowd_by_rank, leak_cells, share_of, world, worlds
from idverify.simulation.oracles.cell import Cell, Experiment, Measured, Share
from idverify.simulation.oracles.joins import VILLAGE
from idverify.simulation.replay import replay
from idverify.simulation.scenario import DAY, Scenario

SCANNER: Final = "combined"
TOWN: Final = 60
CLEAN: Final = Scenario(
    row="selective disclosure", citizens=TOWN, exactly=1, platforms=2, refill="after_use", batch=10, status="list"
)
"""One-time credentials with day-rounded dates and random indices, of which each platform sees one."""


def _leaks() -> tuple[Experiment, ...]:
    planted = {
        "millisecond_iat": ("an iat in milliseconds", replace(CLEAN, issued_at="millisecond")),
        "sequential_index": ("status indices in a row", replace(CLEAN, index="sequential")),
    }
    return (
        *(_found(name, title, scenario) for name, (title, scenario) in planted.items()),
        _clean(),
        _issuer_keys(64, 320),
    )


def _found(name: str, title: str, scenario: Scenario) -> Experiment:
    cell = Cell(
        f"scanner.{name}",
        f"planted leak, {title}, P1+P2, blind scanner: re-identification",
        1.0,
        theory.chance(TOWN),
        "the scanner did not see it",
    )

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        found = world(scenario, seed, coalition=P_P, attack=SCANNER, attacker="blind")
        return {cell.name: share_of([found], seed)}

    return Experiment((cell,), run)


def _clean() -> Experiment:
    cell = Cell(
        "scanner.without",
        f"the same world without a leak, P1+P2, blind scanner, N = {VILLAGE}: re-identification 1/N",
        theory.chance(VILLAGE),
        1.0,
        "there were a leak",
    )

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        scenario = replace(CLEAN, citizens=VILLAGE)
        found = worlds(scenario, seed, number=3, coalition=P_P, attack=SCANNER, attacker="blind")
        return {cell.name: share_of(found, seed)}

    return Experiment((cell,), run)


def _issuer_keys(keys: int, people: int) -> Experiment:
    """An issuer with 2^b keys: the set that is left of N is N/2^b."""
    bits = keys.bit_length() - 1
    scenario = Scenario(citizens=people, exactly=1, keys=keys, refill="schedule")
    cell, without = leak_cells(
        f"scanner.{keys}_keys",
        f"planted leak, an issuer with {keys} keys, b = {bits}, N = {people}, I+P1, blind scanner: set N/2^b",
        f"the same world with one key, N = {people}, I+P1, blind scanner: set N",
        bits=bits,
        people=people,
    )

    def run(_: Path, seed: int) -> Mapping[str, Measured]:
        leaking, clean = (
            world(each, seed, attack=SCANNER, attacker="blind") for each in (scenario, replace(scenario, keys=1))
        )
        return {cell.name: crowd_by_rank([leaking]), without.name: crowd_by_rank([clean])}

    return Experiment((cell, without), run)


def _game(
    name: str, case: str, scenario: Scenario, *, attack_name: str, expected: float, wrong: float, mistake: str
) -> Experiment:
    """How often an attack prefers the true candidate to another one."""
    cell = Cell(f"game.{name}", f"two-user game, {case}: share won", expected, wrong, mistake)

    def run(folder: Path, seed: int) -> Mapping[str, Measured]:
        return {cell.name: won(scenario, folder, seed, attack_name=attack_name)}

    return Experiment((cell,), run)


def won(scenario: Scenario, folder: Path, seed: int, *, attack_name: str, coalition: Coalition = I_P) -> Share:
    """Games won of games played, one for each target of one world."""
    written = replay(scenario, folder, seed=seed)
    answers = attack(folder, coalition, attacks=(attack_name,), schemes={})
    (verdict,) = verdicts(answers, read_truth(written.truth), label="SIMULATED", seed=seed)
    return Share(verdict.game[0], verdict.game[1])


def _games() -> tuple[Experiment, ...]:
    mean, people = 30.0, 1_500
    seconds = 20.0 * mean
    timed = Scenario(citizens=people, exactly=1, days=seconds / DAY, delay=delays.exponential(mean))
    keyed = Scenario(citizens=800, exactly=1, keys=4, refill="schedule")
    return (
        _game(
            "timing",
            f"exponential delay of mean {mean / seconds:g} of the time, I+P1",
            timed,
            attack_name="timing",
            expected=theory.game_exponential(mean, seconds),
            wrong=theory.game_exponential(2.0 * mean, seconds),
            mistake="delays were twice as long",
        ),
        _game(
            "keys",
            "issuer with K = 4 keys, I+P1",
            keyed,
            attack_name="partition",
            expected=theory.game_groups(4, 800),
            wrong=0.5,
            mistake="there were one key",
        ),
        _game(
            "nothing",
            "refill on a fixed schedule, I+P1",
            replace(keyed, keys=1),
            attack_name="timing",
            expected=0.5,
            wrong=theory.game_groups(4, 800),
            mistake="there were four keys",
        ),
    )


PEOPLE: Final = 15_000
GROUPS: Final = 5


def _enumerated() -> tuple[Experiment, ...]:
    provinces = [float(weight) for _, weight in parameters.PROVINCES]
    years = [float(share) for share in parameters.birth_years().values()]
    best = sorted((p / sum(provinces) * y / 2.0 for p in provinces for y in years for _ in range(2)), reverse=True)
    some = Cell(
        "enumeration.some",
        f"hashed ID numbers, P1 alone, the {GROUPS} likeliest of {len(best):,} groups tried: share found",
        sum(best[:GROUPS]),
        GROUPS / len(best),
        "groups were tried in no order",
    )
    whole = Cell(
        "enumeration.whole",
        "hashed ID numbers of a small country, P1 alone, all tried: share found",
        1.0,
        0.5,
        "half of them were tried",
    )
    country = IdNumbers(
        provinces=[name for name, _ in parameters.PROVINCES], weights=[float(w) for _, w in parameters.PROVINCES]
    )
    published = {str(year): float(share) for year, share in parameters.birth_years().items()}

    def run_some(folder: Path, seed: int) -> Mapping[str, Measured]:
        ids = [f"{number:012d}" for number in Population.make(PEOPLE, seed % 2**32).number.tolist()]
        public = Public(id_numbers=country, population=PublicPopulation(people=10**8, years=published))
        return {some.name: found_by_enumeration(folder, ids, public, hashes=GROUPS * country.serials)}

    def run_whole(folder: Path, seed: int) -> Mapping[str, Measured]:
        small = IdNumbers(digits=9, provinces=["a", "b"], serials=1_000)
        random = stream(seed, "small country")
        ids = [
            f"{900 + n % 2}{random.integers(2)}{random.integers(26, 100):02d}{random.integers(1_000):03d}"
            for n in range(200)
        ]
        return {whole.name: found_by_enumeration(folder, ids, Public(id_numbers=small), hashes=10**6)}

    return Experiment((some,), run_some), Experiment((whole,), run_whole)


def found_by_enumeration(folder: Path, ids: list[str], public: Public, *, hashes: int) -> Share:
    """How many of these ID numbers a platform alone finds that has their hashes and nothing else."""
    (folder / "ledgers").mkdir()
    encode = msgspec.json.Encoder().encode
    with (folder / "ledgers" / "platform_a.jsonl").open("wb") as file:
        for number, each in enumerate(ids):
            body = encode({"id_hash": hashlib.sha256(each.encode()).hexdigest()})
            record = RawRecord(
                VERSION, 1.7e9 + number, "platform_a", "192.0.2.1", "POST", "/r", "/r", 200, len(body), 0,
                Received("application/json", body, {}), Sent("", None), f"account {number}", "", "",
            )  # fmt: skip
            file.write(encode(record) + b"\n")
    write_public(folder, msgspec.structs.replace(public, parties={"platform_a": PublicParty(role="platform")}))
    asked = Asked(attacks=("enumeration",), hashes=hashes)
    (answer,) = attack(folder, ("platform_a",), asked=asked, schemes={})
    named = {t.subject: t.candidates[0].subject for t in answer.targets if t.claimed}
    return Share(sum(named.get(f"account {n}") == each for n, each in enumerate(ids)), len(ids))


EXPERIMENTS: Final[tuple[Experiment, ...]] = (*_leaks(), *_games(), *_enumerated())
