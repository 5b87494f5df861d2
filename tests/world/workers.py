"""The worker processes of one party of a world: that all of them have started, and how many served a route."""

from __future__ import annotations

import json
import time
from collections.abc import Container

import httpx

from idverify.world import World

LONGEST = 60.0


def wait_for_all(world: World, party: str, *, path: str) -> None:
    """A world counts as started when one worker answers: ask, each time on a new connection, until every one has."""
    until = time.monotonic() + LONGEST
    while len([ledger for ledger in world.ledgers(party) if ledger.stat().st_size]) < world.settings.workers:
        assert time.monotonic() < until, f"not every worker of {party} has started"
        assert httpx.get(world.urls[party] + path, timeout=LONGEST).status_code == 200


def that_served(world: World, party: str, *, paths: Container[str]) -> int:
    """How many workers had a request of one of these paths, by their ledgers; call it when the world has ended."""
    return sum(
        any(json.loads(line)["path"] in paths for line in ledger.read_bytes().splitlines())
        for ledger in world.ledgers(party)
    )
