"""What keeps the attacking process from reading anything but its ledgers: it gives up the right to.

On Linux it is the kernel that refuses (Landlock, since 5.13), for this process, its threads and its children, DuckDB
and Java included. Everywhere an audit hook of Python refuses too, so that a mistake is noticed. The truth lies beside
the ledgers of a run, and an attack that could read it would prove nothing.
"""

from __future__ import annotations

import ctypes
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

from idverify.errors import BadEnvironment
from idverify.privacy.spark import java_home

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_NO_NEW_PRIVILEGES = 38
_PATH_BENEATH = 1
_EXECUTE, _WRITE, _READ, _READ_FOLDER = 1, 2, 4, 8
_RIGHTS_1 = (1 << 13) - 1
"""All rights of Landlock's first version; what later ones add (moving, truncating) stays allowed within them."""
_SHARED = Path("/dev/shm")
"""Where the system keeps the semaphores with which processes that work together wait for each other."""
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys", "/opt", "/dev")


class _Ruleset(ctypes.Structure):
    _fields_ = [("handled_access_fs", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


class Forbidden(BadEnvironment):
    """Somebody in the attacking process tried to read what is none of its business."""


def confine(own: Path, *, writable: tuple[Path, ...], hidden: Sequence[Path] = ()) -> bool:
    """From now on this process reads programs and the folder `own`, and writes in these folders of it alone.

    `hidden` are folders that it may not read even where they lie among programs, as in /opt or /usr/src. Returns
    whether the kernel sees to it. The audit hook is there in any case and is never taken off again.
    """
    own = own.resolve()
    readable = readable_places([*_programs(), *_SYSTEM], hidden=[place.resolve() for place in hidden])
    kept = _landlock(own, readable, tuple(place.resolve() for place in writable))
    allowed = tuple(f"{place}{os.sep}" for place in (own, *readable))

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if not f"{path}{os.sep}".startswith(allowed):
            raise Forbidden(
                f"the attack may not read {Path(path).name}", hint="it gets ledgers and what is public, nothing else"
            )

    sys.addaudithook(hook)
    return kept


def readable_places(places: Iterable[str], *, hidden: Sequence[Path]) -> tuple[Path, ...]:
    """These places without the hidden ones: a place above one gives way to all else that is in it."""
    waiting = [Path(place).resolve() for place in places if Path(place).exists()]
    found: list[Path] = []
    while waiting:
        place = waiting.pop()
        if any(each.is_relative_to(place) and each != place for each in hidden) and place.is_dir():
            waiting += (each for each in place.iterdir() if not each.is_symlink())
        elif not any(place.is_relative_to(each) for each in hidden):
            found.append(place)
    return tuple(found)


def _programs() -> set[str]:
    """Where Python, its packages and this one are, and Java where there is one."""
    package = Path(__file__).resolve().parent.parent
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), str(package)}
    java = {str(home)} if (home := java_home()) else set()
    return places | set(site.getsitepackages()) | java


def _landlock(own: Path, readable: tuple[Path, ...], writable: tuple[Path, ...]) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_CREATE, None, ctypes.c_size_t(0), 1) < 1:
        return False
    rules = _Ruleset(_RIGHTS_1)
    ruleset = libc.syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(ctypes.sizeof(rules)), 0)
    if ruleset < 0:
        return False
    try:
        reading = _EXECUTE | _READ | _READ_FOLDER
        for place in (own, *readable):
            _allow(libc, ruleset, place, reading | _WRITE if place == Path("/dev") else reading)
        for place in (*writable, *([_SHARED] if _SHARED.is_dir() else [])):
            _allow(libc, ruleset, place, _RIGHTS_1)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, place: Path, rights: int) -> None:
    folder = os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _Beneath(rights, folder)
        libc.syscall(_ADD, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(folder)
