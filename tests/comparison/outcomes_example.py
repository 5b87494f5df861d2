"""Outcomes as they could have been, for runs of the report's tests: counted over people whose fate is known."""

from __future__ import annotations

import msgspec

from idverify.comparison.model import Run
from idverify.comparison.repeats import figures_of, with_outcomes
from idverify.ledger_decode import Record
from idverify.outcomes.age_gate import age_errors
from idverify.outcomes.cost import cost
from idverify.outcomes.country import Shown
from idverify.outcomes.coverage import coverage
from idverify.outcomes.disclosure import bits
from idverify.outcomes.exposure import copy_of, exposure
from idverify.outcomes.model import Outcomes
from idverify.outcomes.quasi import quasi_identifier
from idverify.outcomes.shares import rate
from idverify.outcomes.sybil import sybil
from idverify.outcomes.unmasking import Drill, unmasking
from idverify.schemes import SCHEMES
from tests.outcomes.test_people import COUNTRY, NOW, PEOPLE, farmed


def some_outcomes(number: int = 0, *, sealed: bool = False) -> Outcomes:
    """All metrics; those of another number differ, so that no two schemes share a row."""
    info = next(scheme.info for scheme in SCHEMES.values() if bool(scheme.info.opened_by) is sealed)
    rows = [Record(1.0, "t", "", "", "login", 0, f"a{n}", "", 0, 0, {"received.time": 1.0}) for n in range(3)]
    people = [*PEOPLE, *farmed()] * (number + 1)
    return Outcomes(
        bits=bits([Shown(over=16, attested=True)] * (5 + number), COUNTRY),
        quasi_identifiers=[quasi_identifier(("name", "birth_date"), COUNTRY)],
        exposure=[
            exposure(
                party, copy_of(rows), about={}, attributes=(), top_1=0.0, events_per_login=1.0, retention=730,
                stated=True, forward={"platform_a+platform_b": rate(number, 30)}, thieves={},
            )
            for party in ("identity_provider", "platform_a")
        ],
        sybil=sybil(people, declared=False),
        age=age_errors(people, limit=16, since=NOW.timestamp(), country=COUNTRY),
        coverage=coverage(people),
        unmasking=unmasking(info, [], shown_names=(number, number), drill=Drill(True, True, True, True)),
        cost=cost(people, cpu_ms=(1.0, 1.0, number), requests_per_proof=1.0, bytes_per_proof=1000, stored=None),
    )  # fmt: skip


def over_seeds(run: Run) -> Run:
    """The run over three seeds, with outcomes for every scheme."""
    schemes = {
        name: msgspec.structs.replace(r, outcomes=some_outcomes(number, sealed="escrow" in name))
        for number, (name, r) in enumerate(run.schemes.items())
    }
    figures = [figures_of(r, scheme=name, seed=seed) for seed in (1, 2, 3) for name, r in schemes.items()]
    run = msgspec.structs.replace(run, schemes=schemes)
    return with_outcomes(run, figures=figures, seeds=[1, 2, 3], order=list(schemes))
