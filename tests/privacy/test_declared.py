"""What chance should give is what is measured, and not what a mistake would give; the rates stand in `declared`."""

from __future__ import annotations

import pytest

from tests.privacy.declared import COMPARISONS, CONFIDENCE, FAMILY, VILLAGE, VILLAGES, Comparison

SEED = 7


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda comparison: comparison.cell.name)
def test_what_chance_gives_is_measured_and_a_mistake_would_be_noticed(comparison: Comparison) -> None:
    found = comparison.judged(SEED)
    assert found.agrees, found.line(CONFIDENCE)
    assert found.has_power, found.line(CONFIDENCE, power=True)


def test_all_comparisons_together_have_the_declared_rate_of_false_alarms() -> None:
    assert 1.0 - CONFIDENCE ** len(COMPARISONS) == pytest.approx(FAMILY)
    assert len({each.cell.name for each in COMPARISONS}) == len(COMPARISONS)
    assert VILLAGE * VILLAGES >= 490
