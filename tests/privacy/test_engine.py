"""An engine that cannot be had says why, at once, and what to do about it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from idverify.errors import BadEnvironment, BadUsage
from idverify.privacy import spark
from idverify.privacy.apart import attack_apart
from idverify.privacy.attack import Asked
from idverify.privacy.engine import engine
from tests.privacy.ledgers import write_ledgers

NOBODY = "spark://127.0.0.1:1,127.0.0.1:2"


def java(folder: Path, says: str) -> Path:
    """A JAVA_HOME whose Java only says which version it is."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.mark.parametrize("name", ["abacus", "spark://", "spark://here", "spark://a:1,b", "local[x]", "yarn", "spark:"])
def test_what_is_no_engine_is_refused(name: str) -> None:
    with pytest.raises(BadUsage, match="is no engine"), engine(name):
        pass


def test_a_machine_without_java_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BadEnvironment, match="Spark cannot be used here") as said, engine("spark"):
        pass
    assert "there is no Java: apt install openjdk-17-jre-headless" in said.value.hint


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ('openjdk version "11.0.2" 2019', "is version 11"),
        ('java version "1.8.0_392"', "is version 8"),
        ("?", "not run"),
    ],
)
def test_a_java_that_is_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, found: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path, says)))
    assert found in spark.missing()
    assert "Spark needs Java 17 or newer" in spark.missing()


@pytest.mark.parametrize("says", ['openjdk version "17.0.15" 2025-04-15', 'openjdk version "21" 2023-09-19'])
def test_where_only_pyspark_is_missing_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path, says)))
    monkeypatch.setattr(spark, "find_spec", lambda name: None)
    assert spark.missing() == "pyspark is not installed: pip install 'idverify[spark]'"


def test_a_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "missing", lambda: "")
    with pytest.raises(BadEnvironment, match=r"no Spark master answers at \S+:1 or \S+:2"), engine(NOBODY):
        pass


def test_the_confined_process_passes_on_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    ledgers = write_ledgers(tmp_path / "ledgers", {"platform_a": [("x", {"key": "value"})]})
    with pytest.raises(BadEnvironment, match="there is no Java"):
        attack_apart(ledgers, [("platform_a",)], asked=Asked(engine="spark"))
    assert os.environ["JAVA_HOME"] == str(tmp_path)
