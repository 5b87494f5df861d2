"""A world: the parties of one simulation, each in a process, with their keys, databases and ledgers in a folder.

    with World(folder, Settings(citizens=500)) as world:
        httpx.get(world.urls["platform_a"] + "/health")

However it ends, an exception and Ctrl-C included, no process is left behind: `stop` ends the parties, and a watchdog
ends them if this process is killed before it can.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import psutil

from idverify.errors import BadEnvironment, BadUsage
from idverify.scheme import Json
from idverify.settings import PREFIX, Settings

ALWAYS: Final[tuple[str, ...]] = ("identity_provider", "platform_a", "platform_b", "wallet")
"""The parties of every world."""
WHERE_NEEDED: Final[tuple[str, ...]] = ("status_host", "token_issuer")
"""Those that only some schemes need; each has a setting of its own name, which is empty where it does not run."""
PARTIES: Final[tuple[str, ...]] = ALWAYS + WHERE_NEEDED
"""In the order in which they start; on a fixed base port each has the next port."""
LONGEST_START: Final = 180.0
"""Seconds that a party may take to answer: all start at once, on a machine that may have other work."""
LONGEST_STOP: Final = 10.0
"""Seconds that a party has between SIGTERM and SIGKILL."""
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class World:
    """The running parties of one simulation. `folder` is made where it does not exist.

    `parties` are those to start, None those that the offered schemes need. `base_port` 0 picks free ports, else
    `PARTIES` get base_port, base_port + 1, … (8001 is what the default settings expect). `wait` is how long a party
    may take to answer, in seconds.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings | None = None,
        *,
        parties: Sequence[str] | None = None,
        base_port: int = 0,
        wait: float = LONGEST_START,
    ) -> None:
        settings = settings or Settings()
        parties = needed(settings) if parties is None else parties
        unknown = [party for party in parties if party not in PARTIES]
        if unknown:
            raise BadUsage(f"no party is called {unknown[0]!r}", hint=f"the parties are {', '.join(PARTIES)}")
        self.folder = folder.resolve()
        self.parties = tuple(party for party in PARTIES if party in parties)
        self.wait = wait
        ports = free_ports(len(PARTIES)) if base_port == 0 else [base_port + n for n in range(len(PARTIES))]
        self.ports: dict[str, int] = dict(zip(PARTIES, ports, strict=True))
        self.urls: dict[str, str] = {party: f"http://127.0.0.1:{self.ports[party]}" for party in PARTIES}
        self.settings = replace(
            settings,
            folder=str(self.folder),
            identity_provider=self.urls["identity_provider"],
            platforms=",".join(self.platform_urls),
            wallet=self.urls["wallet"],
            status_host=self._url_where_started("status_host"),
            token_issuer=self._url_where_started("token_issuer"),
        )
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._watchdog: Watchdog | None = None

    @property
    def platform_urls(self) -> tuple[str, ...]:
        """The origins of the platforms that are started."""
        return tuple(url for party, url in self.urls.items() if party.startswith("platform") and party in self.parties)

    @property
    def pids(self) -> dict[str, int]:
        """The main process of each party that was started."""
        return {party: process.pid for party, process in self._running.items()}

    def __enter__(self) -> World:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> World:
        """Start every party and wait until it answers. Raises BadEnvironment with the end of a party's log."""
        for name in ("keys", "ledgers", "metrics", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        try:
            self._watchdog = Watchdog()
            for party in self.parties:
                self._refuse_taken_port(party)
                self._running[party] = self._start(party)
                self._watchdog.watch(self._running[party].pid)
            for party in self.parties:
                self._await(party)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the parties that this world started: SIGTERM, then SIGKILL after ten seconds. May be called twice."""
        stop_all(list(self._running.values()))
        self._running.clear()
        if self._watchdog is not None:
            self._watchdog.dismiss()
            self._watchdog = None

    def alive(self) -> dict[str, bool]:
        """Which parties still run."""
        return {party: process.poll() is None for party, process in self._running.items()}

    def environment(self, party: str) -> dict[str, str]:
        """The environment of a party: ours without its IDVERIFY_ variables, and the settings of this world."""
        own = replace(self.settings, party=party, host="127.0.0.1", port=self.ports[party], public_url=self.urls[party])
        return environment_of(own)

    def log(self, party: str) -> Path:
        return self.folder / "logs" / f"{party}.log"

    def ledgers(self, party: str) -> list[Path]:
        """What a party captured: one file, or one a worker process."""
        folder = self.folder / "ledgers"
        return sorted(p for p in folder.glob(f"{party}*.jsonl") if p.stem == party or p.stem.startswith(f"{party}-"))

    def metrics(self) -> dict[str, list[Mapping[str, Json]]]:
        """The newest metrics of each party, one document a worker process."""
        found: dict[str, list[Mapping[str, Json]]] = {party: [] for party in self.parties}
        for path in sorted((self.folder / "metrics").glob("*.json")):
            with suppress(OSError, ValueError):
                value = json.loads(path.read_bytes())
                if isinstance(value, dict) and value.get("party") in found:
                    found[value["party"]].append(value)
        return found

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time, user and system, that each running party has used so far with all its processes."""
        return {party: _cpu_of_tree(process.pid) for party, process in self._running.items()}

    def _url_where_started(self, party: str) -> str:
        return self.urls[party] if party in self.parties else ""

    def _start(self, party: str) -> subprocess.Popen[bytes]:
        with self.log(party).open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "idverify.serve"],
                env=self.environment(party),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us only, and we end the parties in order
            )

    def _refuse_taken_port(self, party: str) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.ports[party]))
            except OSError as error:
                raise BadEnvironment(
                    f"port {self.ports[party]} for {party} is in use",
                    hint="stop the other program, or choose another base port",
                ) from error

    def _await(self, party: str) -> None:
        process, until = self._running[party], time.monotonic() + self.wait
        while time.monotonic() < until:
            if process.poll() is not None:
                raise BadEnvironment(f"{party} ended with status {process.returncode}: {self._tail(party)}")
            if _is_healthy(self.urls[party], party):
                return
            time.sleep(0.05)
        raise BadEnvironment(
            f"{party} does not answer at {self.urls[party]} after {self.wait:g} s: {self._tail(party)}"
        )

    def _tail(self, party: str) -> str:
        try:
            lines = self.log(party).read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return "\n  ".join(["its log ends with", *lines[-15:]]) if lines else "its log is empty"


def needed(settings: Settings) -> tuple[str, ...]:
    """The parties that the schemes of these settings need, in the order of PARTIES."""
    from idverify.schemes import SCHEMES  # here, because the watchdog, which is this module too, needs none

    wanted = settings.scheme_names or tuple(SCHEMES)
    infos = [scheme.info for name, scheme in SCHEMES.items() if name in wanted]
    extra = {party for info in infos for party in info.parties}
    if any(info.status for info in infos):
        extra.add("status_host")
    return tuple(party for party in PARTIES if party in ALWAYS or party in extra)


def environment_of(settings: Settings) -> dict[str, str]:
    """This process's environment, with exactly these settings as IDVERIFY_ variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    standard = Settings()
    for each in fields(Settings):
        value = getattr(settings, each.name)
        if value != getattr(standard, each.name):
            kept[PREFIX + each.name.upper()] = str(value)
    return kept


def stop_all(processes: Sequence[subprocess.Popen[bytes]], *, longest: float = LONGEST_STOP) -> None:
    """SIGTERM to each, SIGKILL to what is left of them and their children after `longest` seconds."""
    trees = [tree for process in processes if process.poll() is None for tree in _tree(process.pid)]
    for process in processes:
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + longest
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
    for left in trees:  # psutil compares start times, so that a reused pid is never hit
        with suppress(psutil.Error):
            left.kill()
    for process in processes:
        process.wait()


class Watchdog:
    """A small process that ends the watched ones when we are gone: it reads a pipe that only we hold open."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "idverify.world"],
            env=environment_of(Settings()),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, pid: int) -> None:
        """End `pid` with us."""
        with suppress(psutil.Error):
            self._say(f"{pid} {psutil.Process(pid).create_time()}")

    def dismiss(self) -> None:
        """Everything was ended in order; nothing is left to watch."""
        self._say("done")
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        pipe: IO[bytes] | None = self._process.stdin
        if pipe is not None:
            with suppress(OSError):
                pipe.write(f"{line}\n".encode())
                pipe.flush()


def watch(lines: IO[str]) -> None:
    """The watchdog's own work: read until the pipe breaks, then end what is left."""
    watched: list[psutil.Process] = []
    for line in lines:
        if line.strip() == "done":
            return
        pid, created = line.split()
        with suppress(psutil.Error):
            process = psutil.Process(int(pid))
            if abs(process.create_time() - float(created)) < 1:
                watched.append(process)
    trees = [each for process in watched for each in _tree(process.pid)]
    for process in watched:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGTERM)
    _, left = psutil.wait_procs(trees, timeout=LONGEST_STOP)
    for process in left:
        with suppress(psutil.Error):
            process.kill()


def _tree(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _cpu_of_tree(pid: int) -> float:
    total = 0.0
    for process in _tree(pid):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _is_healthy(url: str, party: str) -> bool:
    try:
        with _DIRECT.open(f"{url}/health", timeout=2) as answer:
            value = json.loads(answer.read(10_000))
    except (OSError, ValueError, urllib.error.URLError):
        return False
    return isinstance(value, dict) and value.get("status") == "ok" and value.get("party", party) == party


def free_ports(number: int) -> list[int]:
    """Ports for servers that start within a minute; nobody who asks the system for any port is given one of them.

    A port that was only bound and let go may be handed to another world that starts at the same time. One that had a
    connection is kept back by TCP for a minute (TIME_WAIT), but for who asks for it by its number.
    """
    ports = []
    for _ in range(number):
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", 0))
            listening.listen(1)
            with socket.create_connection(listening.getsockname()):
                listening.accept()[0].close()  # who closes first is the one that waits
            ports.append(int(listening.getsockname()[1]))
    return ports


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch(sys.stdin)
