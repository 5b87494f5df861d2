"""Published vectors: ../shared/vectors beside the project, or the folder that IDVERIFY_VECTORS names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def vectors() -> Path:
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("IDVERIFY_VECTORS") or root.parent / "shared" / "vectors")
    if not folder.is_dir():
        pytest.skip(f"no published test vectors in {folder}; IDVERIFY_VECTORS may name another folder")
    return folder
