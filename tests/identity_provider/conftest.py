"""Fixtures: one key set for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from idverify.identity_provider.keys import KeyStore
from idverify.schemes import SCHEMES
from tests.identity_provider.service import ISSUER, Service, running
from tests.keys import lend


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    return KeyStore(lend(tmp_path_factory.mktemp("keys")) / "keys", SCHEMES, issuer=ISSUER)


@pytest.fixture
def service(tmp_path: Path, keys: KeyStore) -> Iterator[Service]:
    with running(tmp_path, keys) as service:
        yield service
