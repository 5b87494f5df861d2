"""Closing the ledgers of several folders at once, in processes that each have about as many bytes to read.

Each process writes tables of its own, and they are put together in the end: none waits for another.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from idverify.privacy.attackers import Attacker
from idverify.privacy.tables import FOLDER as CLOSED
from idverify.privacy.tables import add_left_out, ledger_files, parties_in, read_left_out, still_open


def close_all(folders: Sequence[Path], by: Attacker, *, at_once: int, timeout: float) -> None:
    """Write the tables of all ledgers of these folders beside their lines; those that are there stay.

    So many processes at once, or as there are processors. Raises BadEnvironment.
    """
    at_once = min(at_once, os.cpu_count() or 1)
    with ExitStack() as stack, ThreadPoolExecutor(at_once) as pool:
        pieces: list[tuple[Path, Path]] = []
        running = []
        for share in _shares(folders, at_once):
            work = []
            for folder, parties in share.items():
                piece = Path(stack.enter_context(TemporaryDirectory(prefix="closing-", dir=folder)))
                pieces.append((folder, piece))
                work.append((folder, parties, piece))
            running.append(pool.submit(_close, by, work, timeout=timeout))
        for each in running:
            each.result()
        for folder, piece in pieces:
            _take_in(piece, folder / CLOSED)


def _shares(folders: Sequence[Path], number: int) -> list[dict[Path, list[str]]]:
    """Which ledgers each process closes: the largest first, to the one that has least to do."""
    sizes = [
        (sum(path.stat().st_size for path in ledger_files(folder, party)), folder, party)
        for folder in folders
        for party in still_open(folder, parties_in(folder), folder / CLOSED)
    ]
    shares: list[dict[Path, list[str]]] = [{} for _ in range(number)]
    bytes_of = [0] * number
    for size, folder, party in sorted(sizes, reverse=True):
        least = bytes_of.index(min(bytes_of))
        bytes_of[least] += size
        shares[least].setdefault(folder, []).append(party)
    return shares


def _close(attacker: Attacker, work: Sequence[tuple[Path, Sequence[str], Path]], *, timeout: float) -> None:
    for folder, parties, piece in work:
        attacker.close(folder, parties, piece, timeout=timeout)


def _take_in(piece: Path, closed: Path) -> None:
    """Move the tables that one process has written to those that are there."""
    for name in ("events", "leaves"):
        (closed / name).mkdir(parents=True, exist_ok=True)
        for place in (piece / name).glob("party=*"):
            out = closed / place.relative_to(piece)
            shutil.rmtree(out, ignore_errors=True)
            place.rename(out)
    add_left_out(closed, read_left_out(piece))
