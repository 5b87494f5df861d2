"""A world starts real processes, and leaves none behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from idverify.errors import BadEnvironment, BadUsage
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.world import ALWAYS, PARTIES, WHERE_NEEDED, World, environment_of, stop_all
from tests.keys import lend

SMALL = Settings(citizens=200)
IDP = ("identity_provider",)
QUICK = replace(SMALL, schemes="real_name")
"""For what is true of any party, whichever schemes it offers."""


def gone(pid: int, *, within: float = 60.0) -> bool:
    """The process has ended (a zombie has)."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def health(url: str) -> dict[str, str]:
    with urllib.request.urlopen(f"{url}/health", timeout=60) as answer:
        value: dict[str, str] = json.load(answer)
    return value


def test_every_party_answers_under_its_own_name_and_ends_with_the_world(tmp_path: Path) -> None:
    with World(lend(tmp_path), SMALL) as world:
        assert list(world.urls) == list(PARTIES)
        assert list(world.pids) == list(world.parties)
        for party in world.parties:
            assert health(world.urls[party])["party"] == party
        assert all(world.alive().values())
        assert all(seconds > 0 for seconds in world.cpu_seconds().values())
        trees = [p.pid for pid in world.pids.values() for p in psutil.Process(pid).children(recursive=True)]
        pids = [*world.pids.values(), *trees]
    assert all(gone(pid) for pid in pids)
    assert world.pids == {}
    world.stop()


def test_parties_keep_metrics_and_ledgers_in_the_folder(tmp_path: Path) -> None:
    with World(tmp_path, QUICK, parties=IDP) as world:
        urllib.request.urlopen(f"{world.urls['identity_provider']}/api/public", timeout=60).close()
    assert [path.name for path in world.ledgers("identity_provider")] == ["identity_provider.jsonl"]
    assert world.metrics()["identity_provider"]
    assert world.ledgers("identity") == []


def test_an_exception_leaves_no_process_behind(tmp_path: Path) -> None:
    pids: list[int] = []

    def fail() -> None:
        with World(tmp_path, QUICK, parties=IDP) as world:
            pids.extend(world.pids.values())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert pids
    assert all(gone(pid) for pid in pids)


def test_parties_end_when_their_starter_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from idverify.settings import Settings\n"
        "from idverify.world import World\n"
        "settings = Settings(citizens=200, schemes='real_name')\n"
        f"world = World(Path({str(tmp_path)!r}), settings, parties={IDP!r}).start()\n"
        "print(*world.pids.values(), flush=True)\n"
        "time.sleep(600)\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment_of(Settings())
    )
    assert starter.stdout is not None
    pids = [int(pid) for pid in starter.stdout.readline().split()]
    trees = [p.pid for pid in pids for p in psutil.Process(pid).children(recursive=True)]
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    assert pids
    assert all(gone(pid) for pid in pids + trees)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BadEnvironment, match=f"port {port} for identity_provider is in use"):
            World(tmp_path, SMALL, parties=IDP, base_port=port).start()


def test_a_party_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    wrong = Settings(schemes="no_such_scheme")
    with pytest.raises(BadEnvironment, match="no_such_scheme"):
        World(tmp_path, wrong, parties=IDP, wait=60).start()


def test_an_unknown_party_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="platform_z"):
        World(tmp_path, parties=("platform_z",))


def test_a_fixed_base_port_gives_the_ports_of_the_default_settings(tmp_path: Path) -> None:
    world = World(tmp_path, base_port=8001)
    assert world.settings.identity_provider == Settings().identity_provider
    assert world.settings.platform_urls == Settings().platform_urls
    assert world.settings.wallet == Settings().wallet
    everybody = World(tmp_path, base_port=8001, parties=PARTIES)
    assert everybody.settings.status_host == Settings().status_host
    assert everybody.settings.token_issuer == Settings().token_issuer


def test_a_party_that_only_some_schemes_need_starts_with_those(tmp_path: Path) -> None:
    for name, scheme in SCHEMES.items():
        world = World(tmp_path, replace(SMALL, schemes=name))
        assert world.parties[: len(ALWAYS)] == ALWAYS
        extra = set(scheme.info.parties) | ({"status_host"} if scheme.info.status else set())
        assert extra == set(world.parties) - set(ALWAYS), name
        for party in WHERE_NEEDED:
            origin = getattr(world.settings, party)
            assert origin == (world.urls[party] if party in world.parties else ""), name


def test_every_party_of_a_scheme_exists() -> None:
    assert {party for scheme in SCHEMES.values() for party in scheme.info.parties} <= set(WHERE_NEEDED)


def test_a_party_gets_its_own_settings_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDVERIFY_NONSENSE", "1")
    monkeypatch.setenv("IDVERIFY_QUOTA", "99")
    world = World(tmp_path, Settings(quota=3))
    environment = world.environment("platform_b")
    ours = {name: value for name, value in environment.items() if name.startswith("IDVERIFY_")}
    assert Settings.from_environment(ours).party == "platform_b"
    assert Settings.from_environment(ours).quota == 3
    assert Settings.from_environment(ours).own_url == world.urls["platform_b"]
    assert "IDVERIFY_NONSENSE" not in ours
    assert environment["PATH"] == os.environ["PATH"]


def test_what_does_not_listen_to_sigterm_is_killed() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    deaf = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert deaf.stdout is not None
    deaf.stdout.readline()
    deaf.stdout.close()
    stop_all([deaf], longest=0.2)
    assert deaf.returncode == -signal.SIGKILL
