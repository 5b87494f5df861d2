"""The machine and the versions that a figure belongs to: no host name, no user name, no absolute path."""

from __future__ import annotations

import platform
import re
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "cryptography",
    "duckdb",
    "fastapi",
    "granian",
    "httpx",
    "locust",
    "numpy",
    "scipy",
    "sqlmodel",
    "starlette",
)
_HOME = re.compile(r"(?<![\w:/…])/(?:[^\s,'\"/]+/)+")
_QUERY_PASSWORD = re.compile(r"([?&]password=)[^&\s]*")
_PASSWORD = re.compile(r"://[^@/\s]+@")


def describe() -> dict[str, str | int | float | None]:
    """CPU model, logical CPUs, memory in GiB, operating system."""
    import psutil

    return {
        "cpu": _cpu_model(),
        "cpus": psutil.cpu_count() or 1,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model", "cpu model")):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass  # not Linux: the platform module knows something
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Python, SQLite, OpenSSL and the packages that the figures depend on."""
    from cryptography.hazmat.backends.openssl import backend

    found = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": backend.openssl_version_text().removeprefix("OpenSSL ").split(" ")[0],
    }
    for package in ("idverify", *PACKAGES):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def without_places(text: str) -> str:
    """A command or a message as it may be published: folders of absolute paths and passwords in URLs are taken out."""
    return _HOME.sub("…/", _QUERY_PASSWORD.sub(r"\1…", _PASSWORD.sub("://…@", text)))
