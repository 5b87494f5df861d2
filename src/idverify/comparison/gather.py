"""The outcome metrics of one scheme, from what its trial left in the folder: ledgers, thefts, people, truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from idverify.comparison.describing import LOGINS, PRESENTATION, USES
from idverify.comparison.drill import drill
from idverify.comparison.model import SchemeResult
from idverify.comparison.theft import THIEF
from idverify.comparison.wire import bytes_by_party, requests_per_proof
from idverify.ledger_decode import Record, decode
from idverify.load.tried import Tried, read_tried
from idverify.mandates import Mandate
from idverify.outcomes.age_gate import age_errors
from idverify.outcomes.cost import cost
from idverify.outcomes.country import Country, Shown
from idverify.outcomes.coverage import coverage
from idverify.outcomes.disclosure import bits
from idverify.outcomes.exposure import copy_of, exposure, kept_together
from idverify.outcomes.model import Cost, Exposure, Outcomes, Rate
from idverify.outcomes.quasi import quasi_identifier, together
from idverify.outcomes.shares import rate
from idverify.outcomes.shown import is_presentation, shown
from idverify.outcomes.sybil import sybil
from idverify.outcomes.unmasking import Joined, unmasking
from idverify.population import Population
from idverify.privacy.score import read_truth
from idverify.privacy.tables import ledger_files
from idverify.scheme import CIVIL_TIME, Info, Person
from idverify.schemes import SCHEMES

PLATFORM, PROVIDER = "platform_a", "identity_provider"
KNOW_PEOPLE = (PROVIDER, "")
"""Whose candidates are people with names: the register, and the country; an observer's are lines."""
MOST_READ = 5000
"""Presentations that are decoded for bits; what they show varies little from one to the next."""
MOST_TOGETHER = 4
"""Combinations of attributes that are told of one scheme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A trial that has ended: `since` is when the load began, in seconds since 1970."""

    folder: Path
    info: Info
    mandate: Mandate
    population: Population
    since: float

    def person(self, id_number: str) -> Person | None:
        """Whose ID number it is; None for nobody's."""
        row = self.population.find(id_number)
        return None if row is None else self.population.person(row)


def outcomes(trial: Ended, result: SchemeResult) -> Outcomes:
    """All of them. Raises BadEnvironment where the folder lacks a ledger or holds broken openers."""
    country = Country(datetime.fromtimestamp(trial.since, CIVIL_TIME).date())
    people = list(read_tried(trial.folder / "load", trial.info.name))
    presentations = list(_shown(trial))
    combined = together([one.attributes() for one in presentations])
    named = [one for one in presentations if one.id_number or one.id_hash]
    cpu = result.cpu_ms
    return Outcomes(
        bits=bits(presentations, country),
        quasi_identifiers=[quasi_identifier(names, country) for names in combined[:MOST_TOGETHER]],
        exposure=_exposure(trial, result, country=country),
        sybil=sybil(people, declared=trial.info.issued == "by_holder"),
        age=age_errors(people, limit=trial.mandate.question("sign_up").over, since=trial.since, country=country),
        coverage=coverage(people),
        unmasking=unmasking(
            trial.info,
            joined(result),
            shown_names=(len(named), len(presentations)),
            hashed=any(not one.id_number for one in named),
            drill=drill(trial.folder, platform=PLATFORM) if trial.info.opened_by else None,
        ),
        cost=_cost(people, result, (cpu.identity_provider, cpu.platform, cpu.wallet)),
    )


def _cost(people: list[Tried], result: SchemeResult, cpu: tuple[float | None, float | None, float | None]) -> Cost:
    return cost(
        people,
        cpu_ms=cpu,
        requests_per_proof=requests_per_proof(result),
        bytes_per_proof=sum(bytes_by_party(result).values()),
        stored=result.storage_bytes_per_account,
    )


def _shown(trial: Ended) -> Iterator[Shown]:
    """What the presentations that a platform accepted show."""
    owners = {row.account: row.owner for row in read_truth(trial.folder / "truth.jsonl") if row.platform == PLATFORM}
    # Only records of a flow matter: the presentation, and the one that says whose account came of it.
    lines = [line for line in _lines(trial.folder / "ledgers", PLATFORM) if b'"flow":""' not in line]
    found = 0
    for record in decode(lines, SCHEMES):
        if not is_presentation(record, PRESENTATION):
            continue
        yield shown(record.fields, trial.person(owners.get(record.subject, "")))
        found += 1
        if found == MOST_READ:
            return


def _exposure(trial: Ended, result: SchemeResult, *, country: Country) -> list[Exposure]:
    truth = read_truth(trial.folder / "truth.jsonl")
    logins = trial.mandate.kept().get(LOGINS)
    uses = trial.mandate.rules.identity_provider_keeps.get(USES)
    found = []
    for path in sorted((trial.folder / "ledgers").glob(f"{THIEF}*.jsonl")):
        party = path.stem.removeprefix(THIEF)
        copy, rule = copy_of(_records(path)), uses if party == PROVIDER else logins
        owners = {row.account: row.owner for row in truth if row.platform == party}
        if party == PROVIDER:
            owners = {subject: subject for subject in copy.values}
        about = {subject: person for subject, number in owners.items() if (person := trial.person(number)) is not None}
        attributes = kept_together(copy, about)
        found.append(
            exposure(
                party,
                copy,
                about=about,
                top_1=quasi_identifier(attributes, country).top_1 if attributes else 0.0,
                events_per_login=min(1.0, requests_per_proof(result)) if party == PROVIDER else 1.0,
                retention=None if rule is None else rule.value,
                stated=rule is not None,
                attributes=attributes,
                forward=_forward(party, result),
                thieves=_thieves(party, result),
            )
        )
    return found


def _forward(party: str, result: SchemeResult) -> dict[str, Rate]:
    """The measured share of others' accounts, or of later visits, that join to what this party saw."""
    pairs = {name: name.split("+") for name in result.linkage}
    return {
        name: rate(found.correct, found.linkable)
        for name, found in result.linkage.items()
        if len(pairs[name]) == 2 and party in pairs[name] and found.linkable
    }


def _thieves(party: str, result: SchemeResult) -> dict[str, Rate]:
    """What the strongest attack of a thief of this copy named, alone or with other copies, above a guess."""
    found = {name: each for name, each in result.coalitions.items() if f"{THIEF}{party}" in each.parties}
    return {
        name: rate(each.arrived.correct if each.arrived.detected else 0, each.arrived.targets)
        for name, each in found.items()
        if each.arrived is not None
    }


def joined(result: SchemeResult) -> list[Joined]:
    """The coalitions whose candidates are people, and not accounts elsewhere; thieves are told under exposure."""
    found = []
    for each in result.coalitions.values():
        whole = not any(party.startswith(THIEF) for party in each.parties)
        if not whole or each.candidates_of not in KNOW_PEOPLE or not each.targets_of.startswith("platform"):
            continue
        for strongest, by_times in ((each.messages, False), (each.arrived, True)):
            if strongest is not None and strongest.targets:
                found.append(
                    Joined(
                        tuple(each.parties), strongest.correct, strongest.targets, strongest.detected, by_times=by_times
                    )
                )
    return found


def _records(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        yield from decode(file, {})


def _lines(ledgers: Path, party: str) -> Iterator[bytes]:
    for path in ledger_files(ledgers, party):
        with path.open("rb") as file:
            yield from file
