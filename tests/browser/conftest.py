"""One Chromium for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import browser


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    """For a file, not for all: while it runs, nothing else in this process can have an event loop."""
    with browser() as found:
        yield found
