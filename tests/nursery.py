"""Parties for tests that are not about starting them: forked from one process that has imported all that they need.

Importing takes a party more than a second of processor time, and the worlds of the tests have about a hundred parties.
From there on it is `python -m idverify.serve`: its `main`, in a session of its own with the environment of that party.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Final

from idverify.world import World

ROOT = Path(__file__).parent.parent
NEEDED: Final = (
    *("idverify.serve", "idverify.population", "idverify.mandates"),
    *("idverify.identity_provider.app", "idverify.identity_provider.attester_key", "idverify.identity_provider.relay"),
    *("idverify.social_platform.app", "idverify.wallet.app", "idverify.status_host.app", "idverify.token_issuer.app"),
    *("granian.constants", "granian.http", "granian.server"),
)


class Nursery:
    """The process that forks. It ends with this one: it reads from a pipe that only we hold open."""

    def __enter__(self) -> Nursery:
        command = [sys.executable, "-m", "tests.nursery"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def start(self, world: World, party: str) -> Forked:
        """A party of a world, in place of `World._start`."""
        order = {"environment": world.environment(party), "log": str(world.log(party)), "folder": str(Path.cwd())}
        pid = self.ask(order)
        assert pid is not None
        return Forked(self, pid)

    def ask(self, order: Mapping[str, object]) -> int | None:
        """Send an order, return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: int | None = json.loads(self._process.stdout.readline())
        return answer


class Forked:
    """What World uses of `subprocess.Popen`, for a process whose parent is the nursery."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._nursery.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        begun = time.monotonic()
        while (status := self.poll()) is None:
            if timeout is not None and time.monotonic() - begun >= timeout:
                raise subprocess.TimeoutExpired("a forked party", timeout)
            time.sleep(0.01)
        return status

    def terminate(self) -> None:
        if self.poll() is None:  # else its number may be somebody else's
            os.kill(self.pid, signal.SIGTERM)


def main() -> None:
    for name in NEEDED:
        import_module(name)
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                become(**order)
        print(json.dumps(answer), flush=True)


def become(environment: Mapping[str, str], log: str, folder: str) -> None:
    """Be that party, and end with it."""
    from idverify import serve

    status = 1
    try:
        os.setsid()
        os.chdir(folder)
        nothing, said = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for new, old in ((nothing, 0), (said, 1), (said, 2)):
            os.dup2(new, old)
        os.environ.clear()
        os.environ.update(environment)
        status = serve.main()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
