"""run.json against its schema, and the folder that a run lives in."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import jsonschema
import msgspec
import pytest

from idverify.comparison import machine, stored
from idverify.comparison.folders import find_run, new_run, read_run, write_run
from idverify.comparison.model import SCHEMA_FILE, Run, as_bytes, from_bytes, schema
from idverify.comparison.report import render
from idverify.errors import BadEnvironment

PROMISED = {
    "sign_ups", "steps", "cpu_ms", "storage_bytes_per_account", "generator_cpu", "linkage", "age_gate",
    "accounts_per_person_max",
}  # fmt: skip


def test_the_committed_schema_is_the_models() -> None:
    assert SCHEMA_FILE.read_bytes() == schema()


def test_a_run_fits_the_schema(example_run: Run) -> None:
    jsonschema.Draft202012Validator(json.loads(schema())).validate(json.loads(as_bytes(example_run)))


def test_the_promised_keys_are_there(example_run: Run) -> None:
    run = json.loads(as_bytes(example_run))
    assert run["schema"] == 1
    assert {"seed", "mandate", "citizens", "machine", "versions", "command", "schemes"} <= set(run)
    for result in run["schemes"].values():
        assert set(result) >= PROMISED
        assert set(result["sign_ups"]) == {"attempted", "accepted", "refused", "failed"}
        assert {"attack", "correct", "linkable", "claimed", "recall", "precision", "interval", "baseline"} <= set(
            result["linkage"]["platform_a+platform_b"]
        )


def test_a_run_survives_writing_and_reading(example_run: Run) -> None:
    assert from_bytes(as_bytes(example_run)) == example_run


def test_what_does_not_fit_is_refused_before_writing(example_run: Run) -> None:
    with pytest.raises(msgspec.ValidationError):
        as_bytes(msgspec.structs.replace(example_run, citizens=-1))
    with pytest.raises(BadEnvironment, match="does not fit schema 1"):
        from_bytes(b'{"seed": 1}')


def test_runs_are_numbered_and_latest_points_to_the_newest(tmp_path: Path, example_run: Run) -> None:
    for _ in range(2):
        folder = new_run(tmp_path)
        write_run(folder, example_run, "<p>")
    assert folder.name == "002"
    assert (tmp_path / "latest").resolve() == folder.resolve()
    assert find_run("latest", out=tmp_path).resolve() == folder.resolve()
    assert find_run("1", out=tmp_path).name == "001"
    assert read_run(folder) == example_run
    with pytest.raises(BadEnvironment, match="there is no run 9"):
        find_run("9", out=tmp_path)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(BadEnvironment, match="cannot be written"):
        new_run(tmp_path / "runs")


def test_the_tables_hold_every_scheme_step_and_attack(tmp_path: Path, example_run: Run) -> None:
    write_run(tmp_path, example_run, "<p>")
    rows = {
        name: list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines()))
        for name in ("matrix", "steps", "linkage")
    }
    assert [row["scheme"] for row in rows["matrix"]] == list(example_run.schemes)
    assert len(rows["steps"]) == sum(len(r.steps) for r in example_run.schemes.values())
    assert len(rows["linkage"]) == 8
    assert {row["label"] for table in rows.values() for row in table} == {"MEASURED"}


def test_variants_and_what_was_measured_of_reuse_stand_in_the_tables(tmp_path: Path, large_run: Run) -> None:
    write_run(tmp_path, large_run, "<p>")
    rows = {row["scheme"]: row for row in csv.DictReader((tmp_path / "matrix.csv").read_text().splitlines())}
    assert list(rows) == list(large_run.schemes)
    row = rows["sd_jwt_vc:C"]
    assert (row["base_scheme"], row["kind"], row["method"]) == ("sd_jwt_vc", "kept by the wallet", "C")
    assert (row["recovered"], row["recovered_tried"], row["revocation_mean_s"]) == ("9", "9", "0.75")
    assert (rows["real_name"]["method"], rows["real_name"]["revocation_mean_s"]) == ("", "")


def test_a_report_can_be_made_again_from_run_json_alone(tmp_path: Path, example_run: Run) -> None:
    write_run(tmp_path, example_run, render(example_run))
    assert render(read_run(tmp_path)) == (tmp_path / "report.html").read_text()


def test_no_place_and_no_password_is_published() -> None:
    text = machine.without_places("idverify compare --out /home/ann/x --database-url postgresql://u:secret@h/db")
    assert "ann" not in text
    assert "secret" not in text
    assert "postgresql://…@h/db" in text


def test_the_machine_is_described_without_its_name() -> None:
    import getpass
    import socket

    told = json.dumps([machine.describe(), machine.versions()])
    assert socket.gethostname() not in told or len(socket.gethostname()) < 4
    assert f"/{getpass.getuser()}" not in told


def test_only_tables_about_accounts_count_as_storage(tmp_path: Path) -> None:
    sizes = []
    for accounts, posts in ((500, 0), (500, 5000), (1000, 0)):
        path = tmp_path / f"{accounts}-{posts}.sqlite"
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE account (id TEXT PRIMARY KEY, about TEXT)")
        database.execute("CREATE TABLE post (id INTEGER PRIMARY KEY, text TEXT)")
        database.executemany("INSERT INTO account VALUES (?, ?)", [(f"{n:08}", "x" * 100) for n in range(accounts)])
        database.executemany("INSERT INTO post (text) VALUES (?)", [("y" * 100,) for _ in range(posts)])
        database.commit()
        database.close()
        sizes.append(stored.sqlite_bytes(path))
    assert sizes[0] == sizes[1]
    assert 500 * 100 < sizes[0] < 500 * 200
    assert sizes[2] > 1.8 * sizes[0]
