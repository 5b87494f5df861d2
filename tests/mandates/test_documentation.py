"""docs/mandates.md: its examples run, and every key of the format stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from idverify import mandates
from idverify.errors import BadMandate

TEXT = (Path(__file__).parents[2] / "docs" / "mandates.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.M | re.S)


def test_the_example_file_is_a_mandate() -> None:
    (example,) = blocks("toml")
    mandate = mandates.parse(example)
    assert mandate.name == "mine"
    assert [tier.first for tier in mandate.tiers] == [0, 13, 16]
    assert mandate.question("post").over == 16


def test_the_example_code_runs() -> None:
    (example,) = blocks("python")
    exec(compile(example, "docs/mandates.md", "exec"), {})


def test_the_example_mistake_reads_as_shown() -> None:
    (example,) = blocks("text")
    with pytest.raises(BadMandate) as caught:
        mandates.parse(blocks("toml")[0].replace("value = 13,", "value = true,"), file="mine.toml")
    shown = f"{caught.value.message}\n{caught.value.hint}\n"
    assert re.sub(r"line \d+", "line 10", shown) == example


def test_every_key_and_every_default_stands_in_the_documentation() -> None:
    for name in mandates.names():
        for key in mandates.load(name).each_rule():
            spelled = re.sub(r"^actions\.\w+", "actions.ACTION", re.sub(r"^tiers\.\d+", "tiers", key))
            first, _, last = spelled.rpartition(".")
            assert f"`{spelled}`" in TEXT or (f"`{first}." in TEXT and f"`.{last}`" in TEXT), key
    plain = mandates.parse('schema = 1\nname = "plain"\ntitle = "Plain"\nsummary = "Nothing."\n')
    baseline = {key: rule.value for key, rule in mandates.load("no_mandate").each_rule().items()}
    assert {key: rule.value for key, rule in plain.each_rule().items()} == baseline


def test_every_built_in_mandate_is_named_in_the_documentation() -> None:
    assert all(f"`{name}`" in TEXT for name in mandates.names())
