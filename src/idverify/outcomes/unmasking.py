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

from idverify.outcomes.model import How, Unmasking
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
    quorum = (info.quorum, len(info.opened_by)) if info.opened_by else None
    if shown and named == shown:  # (1)
        how: How = "EXTRAPOLATED" if hashed else "MEASURED"
        return Unmasking(
            feasible="yes", coalition=["platform_a"], share=rate(named, shown, label=how), label=how, by="what is shown"
        )
    worked = [found for found in joined if found.detected]
    if worked:  # (2)
        best = min(worked, key=lambda found: (found.by_times, len(found.parties), -found.correct / found.targets))
        sealed = quorum is not None and best.by_times
        if not sealed:
            return Unmasking(
                feasible="partly" if best.by_times else "yes",
                coalition=list(best.parties),
                share=rate(best.correct, best.targets),
                label="MEASURED",
                by="times and addresses" if best.by_times else "messages",
            )
    if quorum:  # (3)
        return _sealed(info, quorum, drill)
    most = max(joined, key=lambda found: found.targets, default=None)  # (4)
    return Unmasking(
        feasible="no" if most is None else "not detected",
        coalition=[],
        share=None if most is None else rate(most.correct, most.targets),
        label="DECLARED" if most is None else "MEASURED",
    )


def _sealed(info: Info, quorum: tuple[int, int], drill: Drill | None) -> Unmasking:
    coalition = ["platform_a", "audit_office", *info.opened_by[: info.quorum]]
    if drill is None:
        return Unmasking(
            feasible="yes", coalition=coalition, share=None, label="DECLARED", quorum=quorum,
            audit_entry="unavoidable", covert="detected", by="seal",
        )  # fmt: skip
    return Unmasking(
        feasible="yes" if drill.opened else "not detected",
        coalition=coalition,
        share=None,
        label="MEASURED",
        by="seal",
        quorum=quorum,
        audit_entry="unavoidable" if drill.too_few_refused and drill.unrecorded_refused else "avoidable",
        audit_label="MEASURED",
        covert="detected" if drill.cut_noticed else "not detected",
        checks=drill.checks(),
    )
