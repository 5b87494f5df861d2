"""Run Locust against a world in a process of its own, and bring back what it found.

Locust patches the standard library on import, so nothing here imports it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from idverify.errors import BadEnvironment, BadUsage
from idverify.load.result import LoadResult, read_results
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.world import Watchdog, environment_of, stop_all

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
LONGEST_END = 30.0
"""Seconds that Locust has to finish the journeys under way and write its results."""
SLOW_USERS, SLOW_END = 2, 300.0
"""Users at a time, and LONGEST_END, of a scheme whose proofs take seconds: the wallets of a Locust process compute one
after the other, and a journey has several proofs."""
LONGEST_START = 60.0
"""Seconds until Locust has loaded and its users run, on a busy machine."""
LONGEST_ENROLMENT = 600.0
"""Seconds until everybody has enrolled for a rush."""
LONGEST_RUN = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rushed:
    """How many enrol for a rush, how long they think on average, and when they give up, in seconds."""

    persons: int
    thinking: float = 0.0
    gives_up: float = 0.0


def run_load(
    urls: Mapping[str, str],
    scheme: str,
    *,
    seconds: float | None = None,
    sign_ups: int | None = None,
    users: int = 20,
    rate: float = 0.0,
    seed: int = 7,
    citizens: int = 2000,
    results: Path,
    warm_up: float = 3.0,
    stop: threading.Event | None = None,
    settings: Settings | None = None,
    tags: Sequence[str] = (),
    rush: Rushed | None = None,
) -> LoadResult:
    """Let citizens use one scheme for `seconds` measured seconds, or until `sign_ups` persons have tried, or both.

    `urls` are a World's: `identity_provider`, and each platform under a name that starts with `platform`. `rate` is
    tasks per second and user (0: the default); a scheme whose proofs take seconds has `SLOW_USERS` at most. `settings`
    are the base for the assumptions (borrowing, lying, farmers, mandate); the arguments overrule them. Where the world
    does not start all its parties, leave the others out of `urls`. With a `rush`, which takes `tags=("rush",)`, people
    enrol first, and then the warm-up begins. When `stop` is set, the load ends early in good order. Raises
    BadEnvironment where Locust wrote nothing.
    """
    if seconds is None and sign_ups is None:
        raise BadUsage("a load run needs an end", hint="give seconds, or a number of sign-ups")
    results = results.resolve()
    results.mkdir(parents=True, exist_ok=True)
    for old in (*results.glob("steps-*.json"), *results.glob("outcomes-*.json"), *results.glob("[tp]*.jsonl")):
        old.unlink()
    (results / "truth.jsonl").touch()
    own = replace(
        settings or Settings(),
        party="",
        schemes=scheme,
        seed=seed,
        citizens=citizens,
        rate=rate,
        results=str(results),
        identity_provider=urls["identity_provider"],
        platforms=",".join(url for name, url in urls.items() if name.startswith("platform")),
    )
    slow = scheme in SCHEMES and SCHEMES[scheme].info.cost == "process"
    users, longest_end = (min(users, SLOW_USERS), SLOW_END) if slow else (users, LONGEST_END)
    command = _command(seconds=seconds, sign_ups=sign_ups, users=users, warm_up=warm_up, tags=tags, rush=rush)
    longest = LONGEST_START + (LONGEST_ENROLMENT if rush is not None else 0.0)
    longest += warm_up + (seconds if seconds is not None else LONGEST_RUN) + longest_end
    stopped = _locust(command, own, results, longest=longest, stop=stop)
    return read_results(results, scheme, stopped=stopped)


def _command(
    *,
    seconds: float | None,
    sign_ups: int | None,
    users: int,
    warm_up: float,
    tags: Sequence[str],
    rush: Rushed | None,
) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
    command += ["-u", str(users), "-r", str(users), "--exit-code-on-error", "0", "--warm-up", f"{warm_up:g}"]
    if seconds is not None:
        command += ["--seconds", f"{seconds:g}"]
    if sign_ups is not None:
        command += ["--sign-ups", str(sign_ups)]
    if rush is not None:
        command += ["--enrol", str(rush.persons), "--thinking", f"{rush.thinking:g}"]
        command += ["--gives-up", f"{rush.gives_up:g}"]
    if tags:
        command += ["--tags", *tags]
    return command


def _locust(
    command: Sequence[str], settings: Settings, results: Path, *, longest: float, stop: threading.Event | None
) -> bool:
    """Run it to its end. True where it was told to stop. Whatever happens, no process is left behind."""
    environment = {n: v for n, v in environment_of(settings).items() if not n.startswith("LOCUST_")}
    watchdog = Watchdog()
    process: subprocess.Popen[bytes] | None = None
    stopped = False
    try:
        with (results / "locust.log").open("wb") as log:
            process = subprocess.Popen(
                list(command),
                env=environment,
                cwd=results,  # so that no locust.conf of somebody's folder is read
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        watchdog.watch(process.pid)
        until = time.monotonic() + longest
        while process.poll() is None:
            if stop is not None and stop.is_set() and not stopped:
                stopped = True
                process.terminate()
                until = time.monotonic() + LONGEST_END
            if time.monotonic() > until:
                raise BadEnvironment(f"the load did not end after {longest:g} s", hint=f"see {results / 'locust.log'}")
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if process is not None:
            stop_all([process], longest=LONGEST_END)
        watchdog.dismiss()
    return stopped
