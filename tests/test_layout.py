"""The house rules: imports point one way, nothing is written down that must not be, docs name what there is."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from idverify.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "idverify"

LAYERS = (
    ("errors",),
    ("scheme", "settings"),
    ("crypto",),
    ("formats",),
    ("schemes",),
    ("protocols",),
    ("families", "mandates", "population", "storage", "metering", "fetching", "web", "ledger_redact"),
    ("ledger", "ledger_decode", "ledger_leaves"),
    ("opening",),
    ("identity_provider", "social_platform", "status_host", "token_issuer", "wallet"),
    ("serve",),
    ("world",),
    ("load",),
    ("privacy",),
    ("simulation",),
    ("outcomes",),
    ("comparison",),
    ("cli", "commands"),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
PURE = ("scheme", "crypto", "formats", "schemes")
"""These read no clock, no environment, no network; their only files are their own data."""
IMPURE = {
    "os",
    "time",
    "socket",
    "subprocess",
    "pathlib",
    "httpx",
    "requests",
    "urllib.request",
    "asyncio",
    "threading",
}


def parts(path: Path) -> str:
    """The part of the package that a module belongs to: its folder, or the module itself."""
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Dotted names that a module imports at any depth of its code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


MODULES = [path for path in sorted(SOURCE.rglob("*.py")) if parts(path) != "__init__"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    own = LEVEL[parts(path)]
    for name in imported(path):
        if name.startswith("idverify."):
            other = name.split(".")[1]
            if other in LEVEL:
                assert LEVEL[other] <= own, f"{path.name} imports {name}, which lies above it"


def test_the_attacks_know_neither_services_nor_truth() -> None:
    allowed = {
        "errors",
        "settings",
        "scheme",
        "schemes",
        "formats",
        "ledger",
        "ledger_decode",
        "ledger_leaves",
        "privacy",
    }
    for path in sorted((SOURCE / "privacy").rglob("*.py")):
        others = {name.split(".")[1] for name in imported(path) if name.startswith("idverify.")}
        assert others & LEVEL.keys() <= allowed, path.name


def test_the_apps_do_not_import_each_other() -> None:
    apps = {"identity_provider", "social_platform", "status_host", "token_issuer", "wallet"}
    for app in apps:
        for path in (SOURCE / app).rglob("*.py"):
            others = {name.split(".")[1] for name in imported(path) if name.startswith("idverify.")}
            assert not others & (apps - {app}), path.name


@pytest.mark.parametrize("path", [p for p in MODULES if parts(p) in PURE], ids=lambda p: str(p.relative_to(SOURCE)))
def test_the_pure_parts_do_no_input_or_output(path: Path) -> None:
    allowed = {"ctypes", "threading"} if parts(path) == "crypto" else set()
    assert not imported(path) & (IMPURE - allowed)


def test_only_the_settings_read_the_environment() -> None:
    readers = {path.name for path in MODULES if re.search(r"os\.environ|getenv", path.read_text())}
    assert readers <= {"settings.py", "world.py", "run.py", "doctor.py"}, readers


def test_nothing_outside_the_schemes_names_one() -> None:
    from idverify.schemes import SCHEMES

    names = set(SCHEMES)
    for path in [*MODULES, *(ROOT / "loadtests").rglob("*.py"), *(ROOT / "services").rglob("*.py")]:
        if path.is_relative_to(SOURCE) and parts(path) in {"schemes", "formats", "protocols", "crypto"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in names, f"{path.name} names the scheme {node.value}"


def test_no_mandate_is_named_in_the_code() -> None:
    from idverify.mandates import names

    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                for side in [node.left, *node.comparators]:
                    assert not (isinstance(side, ast.Constant) and side.value in names()), path.name


def test_every_setting_stands_in_the_documentation() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    for setting in fields(Settings):
        assert f"`{PREFIX}{setting.name.upper()}`" in text, setting.name


def test_every_make_target_is_explained() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z]+):", text, flags=re.M)
    assert set(targets) == set(re.findall(r"^([a-z]+):.*## \S", text, flags=re.M))


def test_the_constraints_name_versions_and_no_addresses() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line), line


def test_every_module_opens_with_a_sentence() -> None:
    for path in MODULES:
        doc = ast.get_docstring(ast.parse(path.read_text()))
        assert doc, path
        assert doc.split("\n", maxsplit=1)[0].rstrip().endswith((".", ")", ":", "…")), path
