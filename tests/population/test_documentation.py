"""docs/population.md: its example runs, and every parameter stands in it with its value and source."""

from __future__ import annotations

import re
from pathlib import Path

from idverify.population import parameters as p

TEXT = (Path(__file__).parents[2] / "docs" / "population.md").read_text(encoding="utf-8")


def test_the_example_code_runs() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.M | re.S)
    exec(compile(example, "docs/population.md", "exec"), {})


def test_every_parameter_stands_in_the_documentation() -> None:
    for parameter in p.parameters():
        assert f"| {parameter.what} | {float(parameter.value):g} | {parameter.source} |" in TEXT
    for source in (p.PROVINCES_SOURCE, p.SURNAMES_SOURCE, p.COUNTRIES_SOURCE):
        assert source in TEXT


def test_the_derived_shares_stand_in_the_documentation() -> None:
    for share in (p.social_share(18), p.e_id_share_from_14()):
        assert f"{float(share):.3f}" in TEXT
