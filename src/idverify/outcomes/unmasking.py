"""Unmasking: whether an account can be led back to a name, by how few parties, and whether that leaves a trace.

    (1) what the platform is shown names the person: the platform alone
    (2) logs that are put together name accounts more often than a guess would: the smallest such coalition, MEASURED
    (3) the identity is sealed: the platform, the audit office and a quorum of openers, DECLARED and then tried out
    (4) else: no coalition was found by the attacks that ran
Putting logs together leaves no entry anywhere. An opening leaves one that its checks try to avoid (comparison/drill).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from idverify.outcomes.model import How, Unmasking
from idverify.outcomes.shares import rate
from idverify.scheme import Info


class Found(Protocol):
    """What one coalition achieved."""

    @property
    def correct(self) -> int: ...
    @property
    def linkable(self) -> int: ...
    @property
    def interval(self) -> tuple[float, float]: ...
    @property
    def baseline(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Drill:
    """What happened when openings were tried on a copy of the openers, and whether each check came out as it should."""

    opened: bool
    too_few_refused: bool
    unrecorded_refused: bool
    cut_noticed: bool

    def checks(self) -> list[str]:
        """In sentences."""
        told = (
            ("a quorum opened one account, with an entry in the audit log", self.opened),
            ("one opener fewer was refused, and nothing was opened", self.too_few_refused),
            ("an entry that is not in the audit log got no opener's part", self.unrecorded_refused),
            ("an entry taken out of the audit log afterwards was noticed", self.cut_noticed),
        )
        return [text if held else f"not so: {text}" for text, held in told]


def unmasking(
    info: Info,
    linkage: Mapping[str, Found],
    *,
    names_people: Sequence[str],
    shown_names: tuple[int, int],
    hashed: bool = False,
    drill: Drill | None = None,
) -> Unmasking:
    """Who can unmask. `names_people` are parties that know people by name; `shown_names` of the presentations, how many
    show the ID number, `hashed` where it is a hash, which only trying all numbers undoes; `linkage` has coalitions as
    "a+b"."""
    named, shown = shown_names
    quorum = (info.quorum, len(info.opened_by)) if info.opened_by else None
    if shown and named == shown:  # (1)
        how: How = "EXTRAPOLATED" if hashed else "MEASURED"
        return Unmasking(feasible="yes", coalition=["platform_a"], share=rate(named, shown, label=how), label=how)
    joined = [
        (tuple(name.split("+")), found)
        for name, found in linkage.items()
        if set(name.split("+")) & set(names_people) and found.linkable
    ]
    worked = [(who, found) for who, found in joined if found.correct and found.interval[0] > found.baseline]
    if worked:  # (2)
        who, found = min(worked, key=lambda item: (len(item[0]), -item[1].correct / item[1].linkable))
        return Unmasking(
            feasible="yes", coalition=list(who), share=rate(found.correct, found.linkable), label="MEASURED"
        )
    if quorum:  # (3)
        return _sealed(info, quorum, drill)
    nothing = max(joined, key=lambda item: item[1].linkable, default=None)  # (4)
    share = None if nothing is None else rate(nothing[1].correct, nothing[1].linkable)
    feasible: Literal["no", "not detected"] = "not detected" if joined else "no"
    return Unmasking(feasible=feasible, coalition=[], share=share, label="MEASURED" if joined else "DECLARED")


def _sealed(info: Info, quorum: tuple[int, int], drill: Drill | None) -> Unmasking:
    coalition = ["platform_a", "audit_office", *info.opened_by[: info.quorum]]
    if drill is None:
        return Unmasking(
            feasible="yes", coalition=coalition, share=None, label="DECLARED", quorum=quorum,
            audit_entry="unavoidable", covert="detected",
        )  # fmt: skip
    return Unmasking(
        feasible="yes" if drill.opened else "not detected",
        coalition=coalition,
        share=None,
        label="MEASURED",
        quorum=quorum,
        audit_entry="unavoidable" if drill.too_few_refused and drill.unrecorded_refused else "avoidable",
        audit_label="MEASURED",
        covert="detected" if drill.cut_noticed else "not detected",
        checks=drill.checks(),
    )
