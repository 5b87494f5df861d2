"""A process that has read its programs once, and attacks in a child of its own whenever it is asked.

python -m idverify.privacy.attackers

A line in is a folder and the arguments of `idverify.privacy.attack`, as JSON, or the word `close`, where to, and whose
ledgers there are to be closed. A line out is the exit code. Each child confines itself to its folder before it opens a
ledger. It begins as a copy of a process that has never opened one, and ends with its answers written: nothing of one
world is there when the next is attacked. What one child leaves to the next is the SQL of its questions, without the
names of tables and the texts in it (`compiled`), and hashes of ID numbers, which are a country's.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING

from idverify.errors import BadEnvironment, BadUsage
from idverify.privacy.guard import confine
from idverify.privacy.tables import close

if TYPE_CHECKING:
    from idverify.privacy.attack import Known

PROGRAMS = ("idverify.privacy.attack", "idverify.privacy.compiled", "idverify.schemes")
"""What takes a second to read, every time."""
CLOSING = "close"
MOST_GROUPS = 4
"""Groups of ID numbers whose hashes are remembered, 16 MB each."""


class Attacker:
    """One attacking process. It is started when it is first asked, and asked one thing at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the block

    def __enter__(self) -> Attacker:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._said.close()

    def attack(self, own: Path, arguments: Sequence[str], *, timeout: float) -> None:
        """Attack in the folder `own`, with these arguments of `idverify.privacy.attack`.

        Raises BadUsage and BadEnvironment with the words of the child.
        """
        self._do(own, arguments, timeout=timeout)

    def close(self, ledgers: Path, parties: Sequence[str], out: Path, *, timeout: float) -> None:
        """Write the tables of these parties' ledgers to `out`, a folder in `ledgers`. Raises BadEnvironment."""
        self._do(ledgers, [CLOSING, str(out.resolve()), *parties], timeout=timeout)

    def interrupt(self) -> None:
        """End what it is at, from another thread: whoever asked for that gets BadEnvironment. It can be asked again."""
        if process := self._process:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _do(self, own: Path, arguments: Sequence[str], *, timeout: float) -> None:
        process = self._process or self._start()
        self._said.seek(0)
        self._said.truncate()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with suppress(BrokenPipeError):  # it has ended, and says why
                process.stdin.write(json.dumps([str(own.resolve()), *arguments]).encode() + b"\n")
                process.stdin.flush()
            if not select.select([process.stdout], [], [], timeout)[0]:
                raise BadEnvironment(f"the attacks took longer than {timeout:g} s")
            answer = process.stdout.readline()
        except BaseException:
            self._end()
            raise
        if not answer:  # it is gone
            self._end()
        if code := int(answer or 1):
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").strip().splitlines()
            said = lines[-1] if lines else f"the attacks ended with {code}"
            raise (BadUsage if code == 2 else BadEnvironment)(said[:500])

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "idverify.privacy.attackers"]
        self._process = subprocess.Popen(
            command,
            cwd=os.sep,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
        )
        return self._process

    def _end(self) -> None:
        """Nobody who attacks is left, whatever they were at."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process = None


def main() -> int:
    """Read the programs, then attack as often as somebody asks."""
    for name in PROGRAMS:
        import_module(name)
    gc.freeze()  # what was read so far stays shared with the children: none of them looks for rubbish in it
    from idverify.privacy.attack import Known

    known = Known()
    for line in sys.stdin.buffer:
        folder, *arguments = json.loads(line)
        with tempfile.TemporaryFile() as handed:
            child = os.fork()
            if not child:
                _work(folder, arguments, known=known, handed=handed)
            _, status = os.waitpid(child, 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()
            handed.seek(0)
            learn(known, handed)
    return 0


def learn(known: Known, handed: IO[bytes]) -> None:
    """Take over what a child has worked out; nothing where it ended early, and no hashes that are none."""
    from idverify.privacy.hashes import read_hashes

    with suppress(ValueError, LookupError, TypeError):
        known.written.update(json.loads(handed.readline()))
        for hashes in read_hashes(handed):
            if len(known.hashed) < MOST_GROUPS:
                known.hashed[hashes.group, len(hashes.serial)] = hashes


def hand_over(known: Known, handed: IO[bytes], *, before: Known) -> None:
    """Write what is known now and was not before, for `learn`."""
    more = {shape: sql for shape, sql in known.written.items() if shape not in before.written}
    handed.write(json.dumps(more).encode() + b"\n")
    for key in sorted(known.hashed.keys() - before.hashed.keys())[: MOST_GROUPS - len(before.hashed)]:
        known.hashed[key].write(handed)
    handed.flush()


def _work(folder: str, arguments: Sequence[str], *, known: Known, handed: IO[bytes]) -> None:
    """The child. It hands over the SQL that it had to write and the ID numbers that it had to hash.

    What it says goes to standard error, which whoever asked reads; standard output is not its own.
    """
    from idverify.privacy import attack

    code = 1
    try:
        os.dup2(2, 1)
        os.chdir(folder)
        if arguments[0] == CLOSING:
            code = _close(Path(arguments[1]), arguments[2:])
        else:
            before = replace(known, written=dict(known.written), hashed=dict(known.hashed))
            code = attack.main(arguments, known=known)
            hand_over(known, handed, before=before)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _close(out: Path, parties: Sequence[str]) -> int:
    from idverify.schemes import SCHEMES

    place = Path.cwd()
    confine(place, writable=(out,))
    close(place, parties, out, schemes=SCHEMES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
