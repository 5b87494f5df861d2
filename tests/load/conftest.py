"""Locust patches the standard library on import, so whatever imports it runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RunPython = Callable[[str], str]


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    """Run a piece of Python with Locust in it; returns what it printed."""

    def run(code: str) -> str:
        environment = {n: v for n, v in os.environ.items() if not n.startswith(("IDVERIFY_", "LOCUST_"))}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
