"""A small sweep over real services: an issuer that is overloaded makes wallets fall back, and that links people."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema

from idverify.comparison.sweep_model import schema

PATIENCE = 3.0


def test_an_overloaded_issuer_makes_wallets_fall_back_and_a_platform_recognises_people(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IDVERIFY_")}
    command = [sys.executable, "-m", "idverify", "sweep", "--scheme", "sd_jwt_vc_batch", "--rates", "6,36", "--json"]
    # A machine that stands still for two seconds makes nobody fall back who would not; the busy line grows by two
    # seconds a second, and is longer than the patience when the warm-up ends.
    command += ["--seconds", "5", "--warm-up", "1.5", "--issuer-capacity", "12", "--patience", f"{PATIENCE:g}"]
    command += ["--thinking", "0.2", "--citizens", "1500"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    sweep = json.loads(done.stdout)
    jsonschema.Draft202012Validator(json.loads(schema())).validate(sweep)
    assert [point["asked_rate"] for point in sweep["points"]] == [6.0, 36.0]
    for point in sweep["points"]:
        assert point["arrivals"] > 10
        assert point["given_up"]["k"] == 0
        assert point["linkage"]["issuer_and_platform"]["correct"] == point["linkage"]["issuer_and_platform"]["linkable"]
    calm, busy = sweep["points"]
    assert calm["utilisation"] < 1 < busy["utilisation"]
    assert calm["fell_back"]["k"] < 0.1 * calm["arrivals"]
    assert busy["fell_back"]["k"] > 0.8 * busy["arrivals"]
    assert busy["waited"]["p50"]["ms"] >= 1000 * PATIENCE
    for name in ("same_platform", "two_platforms"):
        before, link = calm["linkage"][name], busy["linkage"][name]
        assert before["correct"] <= 0.1 * before["linkable"]
        assert link["correct"] == link["claimed"] > 0.7 * link["linkable"]
    folder = tmp_path / "runs" / "latest-sweep"
    assert {path.name for path in folder.iterdir()} >= {"sweep.json", "sweep.csv", "picture.svg", "sweep.html"}
    assert list((folder / "sd_jwt_vc_batch-36" / "ledgers").glob("*.jsonl"))
    assert not (tmp_path / "runs" / "latest").exists()
    assert str(tmp_path) not in (folder / "sweep.json").read_text() + (folder / "sweep.html").read_text()
    assert done.stderr.splitlines()[-1].startswith("next: open")
