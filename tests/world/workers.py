"""The worker processes of one party of a world: that all of them have started, and how many served a route."""

from __future__ import annotations

import json
import time
from collections.abc import Container
from pathlib import Path

import httpx

from idverify.world import World

LONGEST = 120.0


def wait_for_all(world: World, party: str, *, path: str) -> None:
    """A world counts as started when one worker answers: ask, each time on a new connection, until every one has."""
    until = time.monotonic() + LONGEST
    while len([ledger for ledger in world.ledgers(party) if ledger.stat().st_size]) < world.settings.workers:
        assert time.monotonic() < until, f"not every worker of {party} has started"
        assert httpx.get(world.urls[party] + path, timeout=LONGEST).status_code == 200


def that_served(world: World, party: str, *, paths: Container[str], requests: int) -> int:
    """How many workers had a request of one of these paths, by their ledgers, once all requests are in them."""
    until = time.monotonic() + LONGEST
    while True:
        served = [sum(json.loads(line)["path"] in paths for line in written(ledger)) for ledger in world.ledgers(party)]
        if sum(served) == requests:
            return sum(map(bool, served))
        assert time.monotonic() < until, served
        time.sleep(0.05)


def written(ledger: Path) -> list[bytes]:
    """The lines that a ledger holds to their ends."""
    return [line for line in ledger.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
