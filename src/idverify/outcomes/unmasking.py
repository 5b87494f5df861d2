"""Unmasking: whether an account can be led back to a name, by how few parties, and whether that leaves a trace.

    (1) what the platform is shown names the person: the platform alone
    (2) logs that are put together name accounts more often than a guess would: the smallest such coalition, MEASURED;
        by what the messages say, or else only by times and addresses, which depends on how many people come at a time
    (3) the identity is sealed: the platform, the audit office and a quorum of openers, DECLARED and then tried out
    (4) else: no coalition was found by the attacks that ran
Putting logs together leaves no entry anywhere. An opening leaves one that its checks try to avoid (comparison/drill).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from idverify.outcomes.model import By, How, Unmasking, Way
from idverify.outcomes.shares import rate
from idverify.scheme import Info


@dataclass(frozen=True, slots=True)
class Joined:
    """What one coalition with somebody who knows people found: accounts named right, of how many.

    `detected` is more than a guess; `by_times` where it took times or addresses.
    """

    parties: tuple[str, ...]
    correct: int
    targets: int
    detected: bool
    by_times: bool = False


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
    joined: Sequence[Joined],
    *,
    shown_names: tuple[int, int],
    hashed: bool = False,
    drill: Drill | None = None,
) -> Unmasking:
    """Who can unmask. `joined` are coalitions in which somebody knows people; `shown_names` of the presentations, how
    many show the ID number, `hashed` where it is a hash, which only trying all numbers undoes."""
    named, shown = shown_names
    ways: list[Way] = []
    if shown and named == shown:  # (1)
        how: How = "EXTRAPOLATED" if hashed else "MEASURED"
        ways.append(Way(by="what is shown", coalition=["platform_a"], share=rate(named, shown, label=how), label=how))
    else:
        ways += _smallest(joined, by_times=False)  # (2)
    opening = [_opening(info, drill)] if info.opened_by else []  # (3)
    ways += opening + ([] if ways else _smallest(joined, by_times=True))  # (2)
    if not ways:  # (4)
        most = max(joined, key=lambda found: found.targets, default=None)
        share = None if most is None else rate(most.correct, most.targets)
        feasible: Literal["no", "not detected"] = "no" if most is None else "not detected"
        return Unmasking(feasible=feasible, ways=[], share=share, label="DECLARED" if most is None else "MEASURED")
    found = Unmasking(
        feasible="partly" if ways[0].by == "times and addresses" else "yes", ways=ways, label=ways[0].label
    )
    return _audited(found, info, drill) if info.opened_by else found


def _smallest(joined: Sequence[Joined], *, by_times: bool) -> list[Way]:
    """The smallest coalition that named more accounts than a guess, and of these the one that named most; or none."""
    worked = [found for found in joined if found.detected and found.by_times is by_times]
    if not worked:
        return []
    best = min(worked, key=lambda found: (len(found.parties), -found.correct / found.targets))
    by: By = "times and addresses" if by_times else "messages"
    return [Way(by=by, coalition=list(best.parties), share=rate(best.correct, best.targets), label="MEASURED")]


def _opening(info: Info, drill: Drill | None) -> Way:
    coalition = ["platform_a", "audit_office", *info.opened_by[: info.quorum]]
    how: How = "MEASURED" if drill is not None and drill.opened else "DECLARED"
    return Way(by="seal", coalition=coalition, share=None, label=how, leaves_entry=True)


def _audited(found: Unmasking, info: Info, drill: Drill | None) -> Unmasking:
    """With what is known of the openers: declared, or tried out."""
    quorum = info.quorum, len(info.opened_by)
    if drill is None:
        return replace(found, quorum=quorum, audit_entry="unavoidable", covert="detected")
    return replace(
        found,
        quorum=quorum,
        audit_entry="unavoidable" if drill.too_few_refused and drill.unrecorded_refused else "avoidable",
        audit_label="MEASURED",
        covert="detected" if drill.cut_noticed else "not detected",
        checks=drill.checks(),
    )
