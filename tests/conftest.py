"""Fixtures for all tests: a fresh database of each kind. And which files run first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from idverify.world import World
from tests.nursery import Nursery
from tests.postgres import PostgreSQL

# On a busy machine an example may take any time; and the same code gives the same result, whoever runs it.
# For new examples each time: pytest --hypothesis-profile=default.
hypothesis.settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("same")

SLOWEST_FIRST: Final = (
    "comparison/test_end_to_end.py",
    "load/test_run.py",
    "end_to_end/test_canaries.py",
    "load/test_reuse.py",
    "social_platform/test_only_once.py",
    "comparison/test_sweep_end_to_end.py",
    "world",
    "comparison/test_attacked.py",
    "browser/test_sign_up.py",
    "simulation",
    "serve",
)
"""Files and folders with the longest tests, which begin first so that at the end all cores have something to do.

A worker takes a file at a time; by itself xdist gives out those with the most tests first, and these have few.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Let xdist, where it is there, keep the order of `pytest_collection_modifyitems`."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest files first; within them, and among the others, the order stays random."""
    folder = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(folder)
        among = (n for n, slow in enumerate(SLOWEST_FIRST) if name.is_relative_to(slow))
        return next(among, len(SLOWEST_FIRST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A real PostgreSQL server for this test run, started when the first test needs it."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """A process from which parties are forked, started when the first test needs it."""
    with Nursery() as started:
        yield started


@pytest.fixture(scope="module")
def forked_parties(nursery: Nursery) -> Iterator[None]:
    """The parties of this file's worlds are forked: nothing in it is about how they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "_start", lambda world, party: nursery.start(world, party))
        yield


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database; the test runs once with SQLite and once with PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite'}"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database()
