"""The command line: results on stdout, the rest on stderr, and an exit code that says how it went."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from idverify import cli
from idverify.commands.comparing import chosen, settings_from
from idverify.errors import BadUsage
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet.policy import REFILLS


def idverify(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IDVERIFY_")}
    command = [sys.executable, "-m", "idverify", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd, env=kept | environment)


def test_without_arguments_it_leads_with_compare(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert re.findall(r"^  (idverify \w+)", shown, re.MULTILINE)[0] == "idverify compare"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from idverify.cli import parser; parser().format_help(); "
        "print([m for m in ('locust', 'duckdb', 'numpy', 'scipy', 'fastapi', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    "command", ["compare", "up", "schemes", "mandate", "people", "doctor", "report", "open", "revoke"]
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: idverify" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["compare", "--citizens", "many"],
        ["compare", "--citizens", "0"],
        ["compare", "--duration", "-1"],
        ["compare", "--duration", "nan"],
        ["compare", "--unknown"],
        ["up", "--port", "70000"],
        ["compare", "--duration", "inf"],
        ["compare", "--schemes", "no_such_scheme"],
        ["compare", "--mandate", "no_such_mandate"],
        ["compare", "--reuse", "E"],
        ["compare", "--refill", "sometimes"],
        ["compare", "--batch", "0"],
        ["compare", "--credential-lifetime", "-1"],
        ["mandate"],
        ["mandate", "show"],
        ["mandate", "show", "no_such_mandate"],
        ["report"],
        ["revoke"],
        ["revoke", "900000000001", "--scheme", "no_such_scheme"],
    ],
)
def test_wrong_usage_is_two_lines_and_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.match(r"IDV-20\d ", shown.err)
    assert "Traceback" not in shown.err
    assert not list(tmp_path.iterdir())


def test_a_missing_run_is_exit_3(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["report", "latest", "--out", str(tmp_path)]) == 3
    assert "IDV-301 there is no run latest" in capsys.readouterr().err


def test_an_unknown_setting_is_exit_2() -> None:
    done = idverify("people", IDVERIFY_CITIZENZ="5")
    assert done.returncode == 2
    assert "IDVERIFY_CITIZENZ is no setting" in done.stderr
    assert "Traceback" not in done.stderr


def test_people_are_the_same_bytes_for_the_same_seed() -> None:
    one, same, other = (
        idverify("people", "--n", "200", "--seed", seed, "--json").stdout for seed in ("99", "99", "98")
    )
    assert one == same != other
    people = json.loads(one)
    assert len(people) == 200
    assert all(person["id_number"].startswith("9") for person in people)


def test_nobody_is_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["people", "--n", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_reader_who_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m idverify people --n 20000 --json | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[\n", "")


def test_schemes_and_mandates_are_listed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schemes", "--json"]) == 0
    schemes = json.loads(capsys.readouterr().out)
    assert {"name", "title", "answers", "online", "single_use"} <= set(schemes[0])
    here = [row for row in schemes if not row["missing"]]
    assert [row["name"] for row in here] == list(SCHEMES)
    assert len(schemes) >= 13
    for row in here:
        assert row["spec"]
        assert row["kind"]
        assert set(row["reuse"]) == {"A", "B", "C", "D"}
        assert (row["policy"] is None) == (row["issued"] in ("by_holder", "per_login"))
    assert cli.main(["mandate", "list", "--json"]) == 0
    assert "directive_57" in {mandate["name"] for mandate in json.loads(capsys.readouterr().out)}


def test_a_mandate_is_shown_compared_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mandate", "show", "directive_57", "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), dict)
    assert cli.main(["mandate", "diff", "directive_57", "no_mandate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differences"]
    assert cli.main(["mandate", "check", "open_interop"]) == 0
    assert "open_interop is a mandate" in capsys.readouterr().out


def test_the_last_line_is_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["schemes"], ["mandate", "list"], ["people", "--n", "1"]):
        assert cli.main(arguments) == 0
        assert capsys.readouterr().err.splitlines()[-1].startswith("next: idverify ")


def test_schemes_are_readable_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schemes"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for name, scheme in SCHEMES.items():
        assert f"\n{name}: {scheme.info.title}\n" in shown
    words = " ".join(shown.split())
    for scheme in SCHEMES.values():
        for text in (scheme.info.spec, scheme.info.limits, scheme.info.experimental, *scheme.info.learns.values()):
            assert " ".join(text.split()) in words


def test_what_is_not_on_this_machine_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idverify.schemes.MISSING", {"zk_test": "a library is not installed"}, raising=False)
    assert cli.main(["schemes"]) == 0
    assert "zk_test\n  missing here      a library is not installed" in capsys.readouterr().out
    assert cli.main(["schemes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1] == {"name": "zk_test", "missing": "a library is not installed"}
    with pytest.raises(BadUsage, match="not on this machine: a library"):
        chosen(Settings(schemes="zk_test"))


def test_doctor_looks_at_everything(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["doctor", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == (0 if told["ok"] else 3)
    names = {point["name"] for point in told["points"]}
    assert names >= {"Python", "libcrypto", "CPUs", "free memory", "free disk", "clock", "ports", "database"}


def test_doctor_names_a_database_that_does_not_answer() -> None:
    done = idverify("doctor", IDVERIFY_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert done.returncode == 3
    assert "look database" in done.stdout


def test_the_command_line_overrules_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDVERIFY_SEED", "3")
    monkeypatch.setenv("IDVERIFY_CITIZENS", "50")
    options = cli.parser().parse_args(["compare", "--seed", "4"])
    settings = settings_from(options)
    assert (settings.seed, settings.citizens) == (4, 50)


def test_the_command_line_knows_every_refill_policy() -> None:
    assert cli.REFILLS == REFILLS


def test_without_names_the_usual_schemes_are_compared_and_all_on_demand() -> None:
    usual = tuple(name for name, scheme in SCHEMES.items() if scheme.info.usual)
    assert chosen(Settings(), everything=False) == usual
    assert chosen(Settings()) == tuple(SCHEMES)
    last = list(SCHEMES)[-1]
    assert chosen(Settings(schemes=last), everything=False) == (last,)


def test_schemes_keep_the_lists_order() -> None:
    assert chosen(Settings(schemes="privacy_pass,real_name")) == ("real_name", "privacy_pass")
    with pytest.raises(BadUsage, match="no scheme"):
        chosen(Settings(schemes="nothing"))
