"""From a load that has ended to the figures of its scheme: what was measured, what the attacks found, the outcomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from msgspec.structs import replace as with_more

from idverify.comparison import collect, gather, machine
from idverify.comparison.model import SchemeResult, Shadow
from idverify.comparison.variants import Variant
from idverify.comparison.worlds import Attempt, Recorded
from idverify.errors import IdverifyError
from idverify.mandates import Mandate
from idverify.population import Population


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A world whose load has ended, with what it measured and what it left in its folder."""

    variant: Variant
    folder: Path
    mandate: Mandate
    population: Population
    since: float  # when the load began, in seconds since 1970
    measured: collect.Measured
    shadow: tuple[Path, Shadow] | None  # the world to train on, which another repetition may have made
    closing: float = 0.0  # seconds that it took to close the ledgers

    @property
    def recorded(self) -> Recorded:
        """The same for those who attack it."""
        ordered = self.mandate.rules.disclosure.by.value != "nobody"
        return Recorded(self.folder, self.shadow[0] if self.shadow else None, ordered=ordered)


def result_of(loaded: Loaded, attempt: Attempt | None) -> SchemeResult:
    """The result of one scheme; where there is no attack to tell of, None if nobody tried, a warning says why."""
    found = None if attempt is None or isinstance(attempt, Exception) else attempt
    measured = loaded.measured
    if found is None:
        why = "somebody stopped the run" if attempt is None else machine.without_places(str(attempt))
        told = f"the ledgers were not attacked: {why}; idverify attack can still do that"
        measured = replace(measured, warnings=[*measured.warnings, told])
    result = with_more(
        collect.result(measured, found.linkage if found else {}, title=loaded.variant.title),
        shadow=loaded.shadow[1] if loaded.shadow else None,
    )
    if found is None:
        return result
    return with_more(
        result,
        coalitions=found.coalitions,
        attack_seconds=round(found.seconds - found.closing, 2),
        closing_seconds=round(loaded.closing + found.closing, 2),
    )


def with_outcomes_of(loaded: Loaded, result: SchemeResult) -> SchemeResult:
    """The result with what became of people; what goes wrong there is a warning of this scheme."""
    ended = gather.Ended(
        folder=loaded.folder,
        info=loaded.variant.info,
        mandate=loaded.mandate,
        population=loaded.population,
        since=loaded.since,
    )
    try:
        return with_more(result, outcomes=gather.outcomes(ended, result))
    except IdverifyError as error:
        told = f"the outcomes could not be counted: {error.message}"
        return with_more(result, warnings=[*result.warnings, told])
