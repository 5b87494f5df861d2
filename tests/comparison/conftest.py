"""The example run as a fixture."""

from __future__ import annotations

import pytest

from idverify.comparison.model import Run
from tests.comparison.example import make_large_run, make_run


@pytest.fixture
def example_run() -> Run:
    return make_run()


@pytest.fixture
def large_run() -> Run:
    return make_large_run()
