"""Spark gives what DuckDB gives, bit by bit, on this machine and on a cluster; `make spark` runs these tests.

Each starts Java, which takes longer than all others here together, so that `make test` leaves them out.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from idverify.errors import BadEnvironment
from idverify.privacy import spark
from idverify.privacy.answers import Answer, AttackerName
from idverify.privacy.apart import attack_apart
from idverify.privacy.attack import Asked
from idverify.privacy.attacks import ATTACKS
from idverify.privacy.engine import engine
from idverify.privacy.public import Kept, read_public, write_public
from idverify.privacy.score import read_truth
from idverify.privacy.spark import missing
from idverify.privacy.verdict import verdicts
from idverify.simulation import delays
from idverify.simulation.replay import replay
from idverify.simulation.scenario import Scenario

pytestmark = [pytest.mark.spark, pytest.mark.skipif(bool(missing()), reason=missing() or "Spark is here")]

JOINT = ("identity_provider", "platform_a")
BLIND = Scenario(citizens=60, exactly=1, delay=delays.exponential(400.0), behind=4, keys=6)
SHOWN = Scenario(
    row="selective disclosure", citizens=60, platforms=2, exactly=1, delay=delays.exponential(3e3), batch=3,
    refill="when_empty", status="list", index="sequential", revoked=3, updates=10,
)  # fmt: skip
HASHED = Scenario(row="real name, hashed", citizens=30, exactly=1)


def timeless(said: str) -> str:
    """Without seconds and minutes."""
    return re.sub(r"[\d,.]+ (s|minutes)", r"_ \1", said)


def bits(answers: list[Answer]) -> list[tuple[object, ...]]:
    """Everything that an answer says, its numbers as the bytes they are, but for how long it took."""
    return [
        (
            a.attack, a.attacker, a.coalition, a.candidates_of, a.targets_of, a.pool,
            tuple(map(timeless, a.pairs)), timeless(a.silent),
            a.posterior.subjects, a.posterior.names, dict(a.left_out), dict(a.evidence),
            *(column.tobytes() for column in (a.posterior.starts, a.posterior.who, a.posterior.confidence)),
            a.posterior.claimed.tobytes(),
        )
        for a in answers
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def _quick_java(monkeypatch: pytest.MonkeyPatch) -> None:
    """Java's best compiler pays off after minutes; without it these tests take half as long."""
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@pytest.mark.parametrize(
    ("scenario", "coalitions", "attacks"),
    [
        (BLIND, [JOINT], ()),
        (SHOWN, [("platform_a", "platform_b"), JOINT], ()),
        (HASHED, [("platform_a",), JOINT], ("exact_join", "enumeration")),
    ],
    ids=["blind tokens", "selective disclosure", "a hashed number"],
)
def test_every_attack_says_the_same_on_both_engines(
    tmp_path: Path, scenario: Scenario, coalitions: list[tuple[str, ...]], attacks: tuple[str, ...]
) -> None:
    world = replay(scenario, tmp_path / "world", seed=1)
    shadow = replay(scenario, tmp_path / "shadow", seed=2).folder if scenario is BLIND else None
    truth = read_truth(world.truth)
    said, figures = {}, {}
    for name in ("duckdb", "spark"):
        attackers: tuple[AttackerName, ...] = ("policy", "trained") if shadow else ("policy",)
        asked = Asked(
            engine=name, attackers=attackers, attacks=attacks, shadow=shadow, explain="best", hashes=1_000_000
        )
        answers = attack_apart(world.folder, coalitions, asked=asked)
        said[name] = bits(answers)
        found = verdicts(answers, truth, label="SIMULATED")
        figures[name] = [timeless(json.dumps(verdict.as_json())) for verdict in found]
    assert {row[0] for row in said["spark"]} == set(attacks or ATTACKS)
    assert said["spark"] == said["duckdb"]
    assert figures["spark"] == figures["duckdb"]
    assert any(not row[7] for row in said["spark"])


def test_what_a_mandate_keeps_is_the_same_on_both_engines(tmp_path: Path) -> None:
    world = replay(SHOWN, tmp_path / "world", seed=1)
    kept = dict.fromkeys(JOINT, Kept(fields=["idx"], times="day", addresses=False))
    write_public(world.folder, replace(read_public(world.ledgers), kept=kept))
    said = [
        bits(attack_apart(world.folder, [JOINT], asked=Asked(engine=name, attacks=("exact_join",), view="kept")))
        for name in ("duckdb", "spark")
    ]
    assert said[0] == said[1]
    assert said[0][0][6]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A master and a worker on this machine, each a process of its own; the master's URL."""
    import pyspark  # pyright: ignore[reportMissingImports]

    home = Path(pyspark.__file__).parent
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"spark://127.0.0.1:{port}"
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("SPARK_MASTER_OPTS", "-Dspark.master.rest.enabled=false")
    start = [str(home / "bin" / "spark-class")]
    deploy, web = "org.apache.spark.deploy", ["--host", "127.0.0.1", "--webui-port", "0"]
    commands = (
        [*start, f"{deploy}.master.Master", "--port", str(port), *web],
        [*start, f"{deploy}.worker.Worker", *web, "-c", "1", "-m", "1G", "-d", str(tmp_path / "work"), url],
    )
    log = tmp_path / "cluster.log"
    with log.open("w") as out:
        running = [subprocess.Popen(command, stdout=out, stderr=out) for command in commands]
        try:
            until = time.monotonic() + spark.STARTS
            while "Successfully registered with master" not in log.read_text() and time.monotonic() < until:
                time.sleep(0.2)
            yield url
        finally:
            for each in reversed(running):
                each.terminate()
                each.wait()


def test_a_cluster_by_its_url_says_the_same(cluster: str, tmp_path: Path) -> None:
    world = replay(SHOWN, tmp_path / "world", seed=1)
    said = [
        bits(attack_apart(world.folder, [JOINT], asked=Asked(engine=name, attacks=("exact_join",))))
        for name in ("duckdb", cluster)
    ]
    assert said[0] == said[1]
    assert said[0][0][6]


def test_what_answers_but_is_no_master_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "STARTS", 8.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"spark://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BadEnvironment, match=r"Spark does not start at spark://|is no Spark master"), engine(url):
            pass


def test_one_engine_after_the_other_in_one_process() -> None:
    for _ in range(2):
        with engine("local[1]") as on:
            assert on.name == "pyspark"
