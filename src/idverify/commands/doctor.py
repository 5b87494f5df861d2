"""`idverify doctor`: whether this machine is ready, each point with what to do about it."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from argparse import Namespace
from dataclasses import asdict, dataclass
from pathlib import Path

from idverify.commands.terminal import print_json, say
from idverify.settings import Settings

PORTS = tuple(range(8001, 8007))
LEAST_GIB, LEAST_DISK_GIB = 2.0, 1.0
FIRST_DAY = 1_767_225_600  # 2026-01-01: a clock before it makes every credential invalid


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was looked at. `do` is empty where nothing needs doing."""

    name: str
    found: str
    ok: bool
    do: str = ""


def doctor(options: Namespace) -> int:
    """Look at everything; exit code 3 where something stops a comparison."""
    settings = Settings.from_environment()
    points = [_python(), _crypto(), _cpus(), _memory(), _disk(), _clock(), _ports(), _database(settings.database_url)]
    if options.json:
        print_json({"ok": all(p.ok for p in points), "points": [asdict(p) for p in points]})
    else:
        for p in points:
            print(f"{'ok  ' if p.ok else 'look'} {p.name}: {p.found}{'. ' + p.do if p.do else ''}")
    ready = all(p.ok for p in points)
    say("next: idverify compare" if ready else "next: do what is said beside “look”, then idverify doctor again")
    return 0 if ready else 3


def _python() -> Point:
    found = sys.version.split()[0]
    return Point(
        "Python", found, sys.version_info >= (3, 11), "" if sys.version_info >= (3, 11) else "take 3.11 or newer"
    )


def _crypto() -> Point:
    from cryptography.hazmat.backends.openssl import backend

    return Point("libcrypto", backend.openssl_version_text(), True)


def _cpus() -> Point:
    import psutil

    n = psutil.cpu_count() or 1
    return Point(
        "CPUs", str(n), True, "" if n >= 2 else "latencies are not to be trusted with load and services on one"
    )


def _memory() -> Point:
    import psutil

    free = psutil.virtual_memory().available / 2**30
    return Point(
        "free memory", f"{free:.1f} GiB", free >= LEAST_GIB, "" if free >= LEAST_GIB else "close other programs"
    )


def _disk() -> Point:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    ok = free >= LEAST_DISK_GIB
    return Point("free disk", f"{free:.1f} GiB", ok, "" if ok else "free some, or name another folder with --out")


def _clock() -> Point:
    now = time.time()
    ok = now >= FIRST_DAY
    return Point("clock", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)), ok, "" if ok else "set the clock")


def _ports() -> Point:
    taken = [port for port in PORTS if _is_taken(port)]
    if not taken:
        return Point("ports", f"{PORTS[0]}–{PORTS[-1]} are free", True)
    return Point(
        "ports",
        f"{', '.join(map(str, taken))} in use",
        True,
        "compare picks free ones; for up, choose others with --port",
    )


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _database(url: str) -> Point:
    if not url:
        import sqlite3

        return Point("database", f"SQLite {sqlite3.sqlite_version}", True)
    import psycopg

    from idverify.errors import BadSetting
    from idverify.storage.engines import parse

    try:
        address = parse(url)
    except BadSetting as error:
        return Point("database", error.message, False, error.hint)
    if not address.drivername.startswith("postgres"):
        return Point("database", f"{address.drivername}:// is not PostgreSQL", False, "write postgresql://…")
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(plain, connect_timeout=5) as connection:
            return Point("database", f"PostgreSQL {connection.info.server_version // 10000}", True)
    except psycopg.Error as error:
        return Point("database", str(error).strip().splitlines()[0], False, "start it, or unset IDVERIFY_DATABASE_URL")
