"""A process that has read its programs once, and attacks in children: one for each question, several at once.

python -m idverify.privacy.serving

A line in is a JSON list: the number of the task, a folder and the arguments of `idverify.privacy.attack`, or the word
`close`, where to, and whose ledgers there are to be closed; the number of a task alone ends it. A line out is the
number of a task, its exit code and the last that it said.

Each child confines itself to its folder before it opens a ledger. It begins as a copy of a process that has never
opened one, and ends with its answers written: nothing of one world is there when the next is attacked. What one child
leaves to the next is the SQL of its questions, without the names of tables and the texts in it (`compiled`), and hashes
of ID numbers, which are a country's.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING

from idverify.privacy.guard import confine
from idverify.privacy.tables import close

if TYPE_CHECKING:
    from idverify.privacy.attack import Known

PROGRAMS = ("idverify.privacy.attack", "idverify.privacy.compiled", "idverify.schemes")
"""What takes a second to read, every time."""
CLOSING = "close"
MOST_GROUPS = 4
"""Groups of ID numbers whose hashes are remembered, 16 MB each."""
LONGEST_WORDS = 500


@dataclass(frozen=True, slots=True)
class _Child:
    """A task under way. `alive` ends when the child does, and the child when this process closes `stop`."""

    task: int
    process: int
    alive: int
    stop: int
    handed: IO[bytes]
    said: IO[bytes]

    def forget(self) -> None:
        """Close what this process has of it."""
        os.close(self.alive)
        os.close(self.stop)
        self.handed.close()
        self.said.close()

    def last_words(self) -> str:
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:LONGEST_WORDS] if lines else ""


class Serving:
    """The tasks under way, and what their children have worked out so far."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._children: dict[int, _Child] = {}  # by the end of its pipe
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Do what is asked on standard input, until that ends; then nobody waits for what is under way."""
        begun = b""
        self._selector.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fd in self._children:
                    self._ended(key.fd)
                    continue
                heard = os.read(0, 1 << 16)
                if not heard:
                    return
                *lines, begun = (begun + heard).split(b"\n")
                for line in lines:
                    self._asked(line)

    def _asked(self, line: bytes) -> None:
        task, *what = json.loads(line)
        if what:
            self._begin(task, what[0], what[1:])
            return
        for child in self._children.values():
            if child.task == task:
                os.kill(child.process, signal.SIGKILL)

    def _begin(self, task: int, folder: str, arguments: Sequence[str]) -> None:
        ends, alive = os.pipe()
        waits, stop = os.pipe()
        handed, said = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed by `forget`
        process = os.fork()
        if not process:
            for other in self._children.values():
                other.forget()  # else it would not end with this process
            os.dup2(waits, 0)
            os.dup2(said.fileno(), 2)
            os.dup2(2, 1)
            for end in (ends, waits, stop):
                os.close(end)
            _work(folder, arguments, known=self._known, handed=handed)
        os.close(alive)
        os.close(waits)
        self._children[ends] = _Child(task, process, ends, stop, handed, said)
        self._selector.register(ends, selectors.EVENT_READ)

    def _ended(self, alive: int) -> None:
        child = self._children.pop(alive)
        self._selector.unregister(alive)
        _, status = os.waitpid(child.process, 0)
        sys.stdout.write(json.dumps([child.task, os.waitstatus_to_exitcode(status), child.last_words()]) + "\n")
        sys.stdout.flush()
        child.handed.seek(0)
        learn(self._known, child.handed)
        child.forget()


def main() -> int:
    """Read the programs, then attack as often as somebody asks."""
    for name in PROGRAMS:
        import_module(name)
    gc.freeze()  # what was read so far stays shared with the children: none of them looks for rubbish in it
    from idverify.privacy.attack import Known

    Serving(Known()).serve()
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
