"""An issuer of limited capacity has one line, and who hangs up has still had their turn."""

from __future__ import annotations

import anyio
import pytest
from fastapi import Request
from starlette.types import Message

from idverify.identity_provider.counter import Counter


def test_requests_stand_in_one_line() -> None:
    now = 100.0
    counter = Counter(4.0, clock=lambda: now)
    assert [counter.turn() for _ in range(3)] == [0.25, 0.5, 0.75]
    now = 100.5
    assert counter.turn() == 0.5  # three are before it until 100.75
    now = 200.0
    assert counter.turn() == 0.25  # an idle counter saves nothing up


def test_a_head_start_is_free_and_no_capacity_is_no_limit() -> None:
    counter = Counter(2.0, head_start=2, clock=lambda: 5.0)
    assert [counter.turn() for _ in range(4)] == [0.0, 0.0, 0.5, 1.0]
    assert [Counter(0.0).turn() for _ in range(3)] == [0.0] * 3


@pytest.mark.parametrize("hangs_up", [True, False])
def test_nobody_waits_for_a_wallet_that_has_hung_up(*, hangs_up: bool) -> None:
    async def receive() -> Message:
        if not hangs_up:
            await anyio.sleep_forever()
        return {"type": "http.disconnect"}

    async def wait() -> bool:
        request = Request({"type": "http", "method": "POST", "headers": []}, receive)
        with anyio.move_on_after(60.0 if hangs_up else 0.1) as scope:
            await Counter(0.01).wait(request)  # the turn comes after 100 s
        return scope.cancelled_caught

    assert anyio.run(wait) is not hangs_up
