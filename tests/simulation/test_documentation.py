"""docs/simulation.md: its examples run, and it names every row's model that a scenario can have."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from idverify.simulation.oracles import running
from idverify.simulation.oracles.cell import FAMILY, confidence_of
from idverify.simulation.scenario import Scenario

TEXT = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.M | re.S)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_example_code_runs(example: str) -> None:
    exec(compile(example, "docs/simulation.md", "exec"), {})


def test_the_declared_rate_of_false_alarms_is_the_one_that_is_written_down() -> None:
    assert f"{FAMILY:.1%}".replace("%", " %") in TEXT
    assert f"{confidence_of(len(running.cells())):.3%}".startswith("99.99")


def test_there_is_a_setting_for_everything_that_the_table_of_models_names() -> None:
    names = {field.name for field in fields(Scenario)}
    assert {"delay", "reuse", "refill", "behind", "status", "index", "revoked", "keys", "issued_at"} <= names


CHEAP = [
    *("join.phone.tp", "join.mdoc_batch.ip", "repeated.bits.1000", "status.sequential"),
    *("keys.16.top1", "leak.3_bits", "leak.millisecond_iat", "address.1", "escrow.opened", "sybil.real_name"),
    *("enumeration.whole", "game.keys", "scanner.sequential_index"),
]


@pytest.mark.parametrize("name", CHEAP)
def test_a_cell_agrees_and_the_mistake_that_it_names_would_not(name: str) -> None:
    found = {each.cell.name: each for each in running.run(17, only=name, jobs=1)}
    assert found[name].agrees
    assert found[name].has_power
