"""Exchange credentials with other people's libraries: theirs accepted here, ours there, tampered ones nowhere.

    make interop                     every module of this folder
    make interop ARGS="sd_jwt"       only these

A module names the npm packages that it needs in `NEEDS`, exactly (`name@version`), and in `INSTEAD` the versions of
packages below them that npm would not find by itself. `run(folder)` yields what was tried, whether it came out as
expected, and a detail; `folder` holds node_modules. The packages come into a temporary folder, without their scripts,
and go again.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
MODULES = sorted(p.stem for p in HERE.glob("*.py") if p.stem != "__main__" and not p.stem.startswith("test_"))
INSTALL = ("npm", "install", "--omit-lockfile-registry-resolved", "--ignore-scripts", "--no-audit", "--no-fund")
SECONDS = 300


class CannotRun(Exception):
    """Node, npm or a package is missing: exit 3."""


def install(needs: Sequence[str], instead: Mapping[str, str], folder: Path) -> None:
    """Put packages into `folder`. Raises CannotRun."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise CannotRun(f"{program} is not installed; Node 20.19 or newer comes with both")
    (folder / "package.json").write_text(json.dumps({"private": True, "overrides": dict(instead)}))
    if not needs:
        return
    try:
        done = subprocess.run([*INSTALL, *needs], cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise CannotRun(f"npm did not install {', '.join(needs)} within {SECONDS} seconds") from error
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if "error" in line][:3]
        raise CannotRun(f"npm cannot install {', '.join(needs)}: {'; '.join(last)}")


def outcomes(names: Sequence[str], folder: Path) -> Iterator[tuple[str, bool, str]]:
    """All that the modules try, each under its module's name."""
    modules = [import_module(f"tests.interop.{name}") for name in names]
    needs = sorted({need for module in modules for need in module.NEEDS})
    instead: dict[str, str] = {}
    for module in modules:
        instead |= getattr(module, "INSTEAD", {})
    install(needs, instead, folder)
    for name, module in zip(names, modules, strict=True):
        for what, as_expected, detail in module.run(folder):
            yield f"{name}: {what}", as_expected, detail


def main() -> int:
    asked = sys.argv[1:]
    if unknown := [name for name in asked if name not in MODULES]:
        print(f"{unknown[0]!r} is no module; there are {', '.join(MODULES)}", file=sys.stderr)
        return 2
    tried = failed = 0
    try:
        with TemporaryDirectory(prefix="idverify-interop-") as folder:
            for what, as_expected, detail in outcomes(asked or MODULES, Path(folder)):
                tried += 1
                failed += not as_expected
                print(f"{'ok  ' if as_expected else 'FAIL'}  {what}{f' ({detail})' if detail else ''}", flush=True)
    except CannotRun as error:
        print(f"make interop cannot run: {error}", file=sys.stderr)
        return 3
    print(f"{tried} tried, {failed} not as expected")
    return 1 if failed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
