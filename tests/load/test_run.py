"""Locust against a real world, over every scheme: nothing fails, and what it brings back adds up."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from idverify.load.result import LoadResult
from idverify.load.run import run_load
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.world import World, environment_of
from tests.keys import lend
from tests.kinds import one_of_each

SIZE = 1500
PARTIES = ("identity_provider", "platform_a", "platform_b")
EAGER = Settings(citizens=SIZE, borrowing=1.0, lying=1.0, farmers=0.2)
"""Everybody who could try something does."""


ISSUED_BY = sorted({party for scheme in SCHEMES.values() for party in scheme.info.parties})


@pytest.fixture(scope="module")
def world(forked_parties: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that offers every scheme; each has its own accounts there."""
    folder = tmp_path_factory.mktemp("world")
    with World(lend(folder), Settings(citizens=SIZE), parties=(*PARTIES, *ISSUED_BY)) as world:
        yield world


@pytest.fixture(scope="module")
def another_world(forked_parties: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same for those who try everything, so that nobody has an account yet."""
    folder = tmp_path_factory.mktemp("another_world")
    with World(lend(folder), Settings(citizens=SIZE), parties=(*PARTIES, *ISSUED_BY)) as world:
        yield world


def a_world(folder: Path, scheme: str) -> World:
    return World(folder, Settings(citizens=SIZE, schemes=scheme), parties=PARTIES)


def urls_of(world: World) -> dict[str, str]:
    return {party: world.urls[party] for party in PARTIES}


@pytest.mark.parametrize("name", list(SCHEMES))
def test_citizens_sign_up_read_and_post_and_nothing_fails(name: str, world: World, tmp_path: Path) -> None:
    begun = time.time()
    result = run_load(
        urls_of(world),
        name,
        sign_ups=25,
        users=10,
        rate=10,
        citizens=SIZE,
        results=tmp_path / "load",
        warm_up=0,
    )
    log = (tmp_path / "load" / "locust.log").read_text()
    assert result.failures == 0, log
    assert {"challenge", "present", "sign_up", "read", "post"} <= set(result.steps), log
    assert ("issue" in result.steps) == (SCHEMES[name].info.issued != "by_holder")
    assert result.attempted == result.accepted + sum(result.refused.values()) > 0
    assert all(ms > 0 for step in result.steps.values() for ms in step.ms)
    assert all(step.up > 0 < step.down for step in result.steps.values())
    assert result.persons == 25
    assert result.seconds > 0
    assert 0 < result.cpu_share < 1
    assert set(result.wallet_cpu) == {"request", "accept", "present"}
    truth = rows_of(result, "platform")
    assert len(truth) == result.accepted
    assert {entry["platform"] for entry in truth} == {"platform_a", "platform_b"}
    assert len({(entry["platform"], entry["account"]) for entry in truth}) == len(truth)
    if sys.platform == "linux":
        wait_for_ledgers(world)
        seen = partial(peers_of, world, since=begun)
        peers = {party: seen(party) for party in PARTIES}
        assert len(peers["platform_a"]) > 5, "each household has a line of its own"
        assert not peers["identity_provider"] or len(peers["identity_provider"] & peers["platform_a"]) > 5
        watched = seen("network_observer")
        assert watched >= peers["platform_a"]
        lines = {(row["account"], row["owner"]) for row in rows_of(result, "network_observer")}
        assert {address for address, _ in lines} <= watched
        assert {owner for _, owner in lines} == {entry["owner"] for entry in truth}


def wait_for_ledgers(world: World, *, longest: float = 90.0) -> None:
    """Wait until a last request of ours is in each party's ledger, and as many lines in that of who watches it."""
    mark, until = f"/{secrets.token_hex(8)}", time.monotonic() + longest
    for party in PARTIES:
        with suppress(urllib.error.HTTPError):  # there is no such page
            urllib.request.urlopen(world.urls[party] + mark, timeout=longest)
    for party in PARTIES:
        while True:
            [own], [watched] = (
                [path.read_bytes() for path in world.ledgers(name)] for name in (party, f"network_observer-{party}")
            )
            if mark.encode() in own and own.count(b"\n") == watched.count(b"\n"):
                break
            assert time.monotonic() < until
            time.sleep(0.02)


def rows_of(result: LoadResult, party: str) -> list[dict[str, str]]:
    """What the truth says of the parties whose name begins so."""
    rows = [json.loads(line) for line in result.truth.read_text().splitlines()]
    return [row for row in rows if row["platform"].startswith(party)]


def peers_of(world: World, party: str, *, since: float) -> set[str]:
    """Who asked a party after that moment, without health checks and services among themselves."""
    lines = [json.loads(line) for path in world.ledgers(party) for line in path.read_bytes().splitlines()]
    return {line["peer"] for line in lines if line["time"] >= since} - {"127.0.0.1"}


@pytest.mark.parametrize("name", one_of_each(lambda i: (i.issued, i.signed, i.rationed, "one_account" in i.answers)))
def test_what_people_try_comes_out_as_the_scheme_says(name: str, another_world: World, tmp_path: Path) -> None:
    info = SCHEMES[name].info
    result = run_load(
        urls_of(another_world),
        name,
        sign_ups=150,
        users=10,
        rate=20,
        citizens=SIZE,
        results=tmp_path / "load",
        warm_up=0,
        settings=EAGER,
        tags=("sign_up",),
    )
    assert result.failures == 0, (tmp_path / "load" / "locust.log").read_text()
    assert result.persons == 150
    admitted, minors = result.minors_admitted
    assert minors > 0
    assert admitted == (0 if info.signed else minors)
    truth = rows_of(result, "platform")
    assert all(entry["kind"] == "borrowed" or not info.signed for entry in truth if entry["minor"])
    assert all((entry["owner"] != entry["user"]) == (entry["kind"] == "borrowed") for entry in truth)
    people = Counter(entry["user"] for entry in truth if entry["platform"] == "platform_a")
    assert result.accounts_per_person_max["platform_a"] == max(people.values())
    assert result.farmers > 0
    if "one_account" in info.answers:
        assert max(people.values()) == 1
        assert result.farmer_accounts == 0
    elif info.rationed:
        assert 1 < max(people.values()) <= Settings().quota
        assert result.farmer_refused["quota"] > 0
    else:
        assert max(people.values()) == 1 + Settings().farmer_tries
    if info.issued == "by_holder":
        assert result.no_device == 0
    else:
        assert result.no_device > 0
        assert result.adults_blocked_reasons["no_e_id"] > 0


def test_a_run_ends_after_its_seconds_or_early_when_it_is_told_to_stop(forked_parties: None, tmp_path: Path) -> None:
    name, stop = next(iter(SCHEMES)), threading.Event()
    with a_world(tmp_path / "world", name) as world:
        run = partial(run_load, urls_of(world), name, users=5, citizens=SIZE)
        for seconds in (1.5, 6.0, 24.0):  # a machine that stands still has nobody in the first of them
            timed = run(seconds=seconds, warm_up=0.5, results=tmp_path / "timed")
            if timed.accepted:
                break

        def tell() -> None:
            wait_for_truth(tmp_path / "told")
            stop.set()

        teller = threading.Thread(target=tell)
        teller.start()
        told = run(seconds=3000, warm_up=0, results=tmp_path / "told", stop=stop)
        teller.join()
    assert not timed.stopped
    assert seconds <= timed.seconds < seconds + 60
    assert timed.accepted == len(rows_of(timed, "platform")) > 0
    assert told.stopped
    assert told.seconds < 3000
    assert told.accepted == len(rows_of(told, "platform")) > 0


def wait_for_truth(results: Path, *, longest: float = 90.0) -> bool:
    """Wait until somebody has an account, so that the load is under way however slowly it started."""
    until, truth = time.monotonic() + longest, results / "truth.jsonl"
    while not (truth.is_file() and truth.stat().st_size):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_ctrl_c_leaves_no_locust_behind(forked_parties: None, tmp_path: Path) -> None:
    name = next(iter(SCHEMES))
    with a_world(tmp_path / "world", name) as world:
        code = (
            "import signal\n"
            "from pathlib import Path\n"
            "from idverify.load.run import run_load\n"
            # A shell's background jobs ignore the signal, and so would a test that runs in one.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"run_load({urls_of(world)!r}, {name!r}, seconds=3000, citizens={SIZE}, results=Path('load'), warm_up=0)\n"
        )
        runner = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=environment_of(Settings()),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            assert wait_for_truth(tmp_path / "load")
            children = psutil.Process(runner.pid).children(recursive=True)
            assert children
            os.kill(runner.pid, signal.SIGINT)
            runner.wait(90)
        finally:
            runner.kill()
        _, left = psutil.wait_procs(children, timeout=60)
        assert left == []
        assert list((tmp_path / "load").glob("steps-*.json"))
        with urllib.request.urlopen(f"{world.urls['platform_a']}/health", timeout=60) as answer:
            assert answer.status == 200
