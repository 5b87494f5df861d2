"""Fixtures: one key set for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from idverify.scheme import Issuer
from tests.social_platform.village import Village, make_issuers, running


@pytest.fixture(scope="session")
def issuers() -> dict[str, list[Issuer]]:
    return make_issuers()


@pytest.fixture
def village(tmp_path: Path, issuers: dict[str, list[Issuer]]) -> Iterator[Village]:
    """A platform under Directive 57, on SQLite."""
    with running(tmp_path, issuers) as village:
        yield village


@pytest.fixture
def village_on_both(tmp_path: Path, issuers: dict[str, list[Issuer]], database_url: str) -> Iterator[Village]:
    """A platform under Directive 57, once on SQLite and once on PostgreSQL."""
    with running(tmp_path, issuers, url=database_url) as village:
        yield village


@pytest.fixture
def open_village(tmp_path: Path, issuers: dict[str, list[Issuer]]) -> Iterator[Village]:
    """A platform on which nobody must prove anything."""
    with running(tmp_path, issuers, mandate="open_interop") as village:
        yield village
