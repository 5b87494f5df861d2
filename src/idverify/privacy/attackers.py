"""Whoever wants ledgers attacked asks an attacker: a process of its own, there for many questions (`serving`)."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeAlias

from idverify.errors import BadEnvironment, BadUsage
from idverify.privacy.serving import CLOSING, LONGEST_WORDS

Said: TypeAlias = "tuple[int, str]"
"""An exit code, and the last words."""


class Attacker:
    """One attacking process, which several threads may ask at once. It is started when it is first asked."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._listener = threading.Thread()
        self._asked: dict[int, Future[Said]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def __enter__(self) -> Attacker:
        return self

    def __exit__(self, *_: object) -> None:
        self.interrupt()
        if self._listener.is_alive():
            self._listener.join()

    def start(self) -> None:
        """Let the process read its programs, if there is none: whoever asks later waits less."""
        with self._lock:
            if self._process is None:
                self._start()

    def attack(self, own: Path, arguments: Sequence[str], *, timeout: float) -> None:
        """Attack in the folder `own`, with these arguments of `idverify.privacy.attack`.

        Raises BadUsage and BadEnvironment with the words of the child.
        """
        self._do(own, arguments, timeout=timeout)

    def close(self, ledgers: Path, parties: Sequence[str], out: Path, *, timeout: float) -> None:
        """Write the tables of these parties' ledgers to `out`, a folder in `ledgers`. Raises BadEnvironment."""
        self._do(ledgers, [CLOSING, str(out.resolve()), *parties], timeout=timeout)

    def interrupt(self) -> None:
        """End all that it is at: whoever asked for that gets BadEnvironment. It can be asked again."""
        with self._lock:
            if self._process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _do(self, own: Path, arguments: Sequence[str], *, timeout: float) -> None:
        number, answer = next(self._numbers), Future[Said]()
        self._tell(number, [str(own.resolve()), *arguments], answer)
        try:
            code, said = answer.result(timeout)
        except BaseException as error:
            self._tell(number, [])
            if isinstance(error, TimeoutError):
                raise BadEnvironment(f"the attacks took longer than {timeout:g} s") from None
            raise
        if code:
            raise (BadUsage if code == 2 else BadEnvironment)(said or f"the attacks ended with {code}")

    def _tell(self, number: int, what: list[str], answer: Future[Said] | None = None) -> None:
        """Ask for something, where an answer is waited for, else end it."""
        with self._lock:
            if answer is not None:
                self._asked[number] = answer
            elif self._process is None:
                return
            process = self._process or self._start()
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # it has ended: the listener says so
                process.stdin.write(json.dumps([number, *what]).encode() + b"\n")
                process.stdin.flush()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "idverify.privacy.serving"]
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the listener
        self._process = process = subprocess.Popen(
            command,
            cwd=os.sep,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, args=(process, said), name="attacker", daemon=True)
        self._listener.start()
        return process

    def _listen(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        """Pass on the answers, and when the process is gone, that it is; nobody who attacks is left then."""
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            number, code, words = json.loads(line)
            with self._lock:
                answer = self._asked.pop(number)
            answer.set_result((code, words))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with self._lock:
            code = process.wait()
            self._process, left = None, list(self._asked.values())
            self._asked.clear()
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
        for answer in left:
            answer.set_result((1, lines[-1][:LONGEST_WORDS] if lines else f"the attacks ended with {code}"))
        for file in (process.stdin, process.stdout, said):
            with suppress(BrokenPipeError):
                file.close()
