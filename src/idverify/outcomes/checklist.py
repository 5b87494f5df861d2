"""A checklist by others' principles: which of them a run can measure, which a design declares, which lie outside.

No grade and no total. The principles are paraphrased; their words are in the documents named:
- ID4D: Principles on Identification for Sustainable Development, second edition, 2021, principles 1 to 10
- OECD: Recommendation on the Governance of Digital Identity, OECD/LEGAL/0491, 2023, pillars I to III
- UNESCO: Readiness Assessment Methodology for the Recommendation on the Ethics of AI, 2023, its five dimensions
- proportionality: the usual test of a limitation of rights (ICCPR articles 17 and 19; General Comment 34)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from idverify.outcomes.model import Outcomes

Status: TypeAlias = Literal["MEASURED", "DECLARED", "OUTSIDE THE SIMULATION"]
MEASURED: Status = "MEASURED"
DECLARED: Status = "DECLARED"
OUTSIDE: Status = "OUTSIDE THE SIMULATION"
ANALOGY = (
    "The UNESCO readiness method assesses how ready a country is for artificial intelligence; using it on an identity "
    "mandate is an analogy."
)


@dataclass(frozen=True, slots=True)
class Item:
    """One principle. `where` names the part of the report that has the metric or the design fact, or says who decides.

    `has` tells whether a scheme's outcomes hold what it takes; an item that nothing holds is not called measured.
    """

    source: str
    principle: str
    status: Status
    where: str
    anchor: str = ""
    has: Callable[[Outcomes], bool] = lambda _: True


def _coverage(outcomes: Outcomes) -> bool:
    return any(group.served.n for group in outcomes.coverage)


def _bits(outcomes: Outcomes) -> bool:
    return outcomes.bits is not None


def _exposure(outcomes: Outcomes) -> bool:
    return bool(outcomes.exposure)


def _age(outcomes: Outcomes) -> bool:
    return outcomes.age is not None and outcomes.age.limit is not None


def _cost(outcomes: Outcomes) -> bool:
    return outcomes.cost is not None


def _sybil(outcomes: Outcomes) -> bool:
    return outcomes.sybil is not None


def _drill(outcomes: Outcomes) -> bool:
    return outcomes.unmasking is not None and bool(outcomes.unmasking.checks)


ITEMS: tuple[Item, ...] = (
    Item("ID4D 1", "universal access, without discrimination", MEASURED, "coverage by group", "coverage", _coverage),
    Item("ID4D 2", "no barriers to access and use", MEASURED, "coverage, round trips, latency", "coverage", _coverage),
    Item("ID4D 3", "identities that are unique, secure and accurate", MEASURED, "accounts a person", "sybil", _sybil),
    Item("ID4D 4", "responsive and interoperable", DECLARED, "the specification that each scheme follows", "learns"),
    Item("ID4D 5", "open standards, no lock-in", DECLARED, "the specification that each scheme follows", "learns"),
    Item("ID4D 6", "privacy and agency by design", MEASURED, "bits disclosed, accounts linked", "bits", _bits),
    Item("ID4D 7", "finances that last", MEASURED, "cost per million, from stated prices", "cost", _cost),
    Item("ID4D 8", "personal data protected by law and design", MEASURED, "exposure on breach", "exposure", _exposure),
    Item("ID4D 9", "clear mandates and accountability", DECLARED, "the mandate’s rules with sources", "mandate"),
    Item("ID4D 10", "independent oversight, grievances heard", OUTSIDE, "courts and institutions"),
    Item("OECD I", "users’ needs met, nobody left out", MEASURED, "coverage by group", "coverage", _coverage),
    Item("OECD II", "governance: privacy and security first", MEASURED, "exposure on breach", "exposure", _exposure),
    Item("OECD II", "roles, liability and redress set out in law", OUTSIDE, "legislators and regulators"),
    Item("OECD III", "use across borders", DECLARED, "whose issuers the mandate trusts", "mandate"),
    Item("UNESCO", "legal and regulatory dimension", DECLARED, "the mandate’s rules with sources", "mandate"),
    Item("UNESCO", "social and cultural dimension", MEASURED, "coverage by group", "coverage", _coverage),
    Item("UNESCO", "economic dimension", MEASURED, "cost per million, from stated prices", "cost", _cost),
    Item("UNESCO", "scientific and educational dimension", OUTSIDE, "schools and research"),
    Item("UNESCO", "technological and infrastructural dimension", MEASURED, "latency, CPU and bytes", "resources"),
    Item("proportionality", "a basis in law, a legitimate aim", OUTSIDE, "legislators and courts"),
    Item("proportionality", "suitable: it serves its aim", MEASURED, "false admit of the age gate", "gate", _age),
    Item("proportionality", "necessary: nothing milder does it", MEASURED, "all schemes side by side", "matrix"),
    Item("proportionality", "balanced: what it costs those affected", MEASURED, "false block, coverage", "gate", _age),
    Item("proportionality", "safeguards: disclosure leaves a trace", MEASURED, "unmasking", "unmasking", _drill),
    Item("proportionality", "chilling effects on speech", OUTSIDE, "people; see what this does not show"),
)


def checked(outcomes: Sequence[Outcomes]) -> list[Item]:
    """The list for a run: what nothing in it measured is not called MEASURED."""
    return [
        item
        if item.status != MEASURED or any(item.has(each) for each in outcomes)
        else Item(item.source, item.principle, OUTSIDE, f"{item.where}: not measured in this run")
        for item in ITEMS
    ]
