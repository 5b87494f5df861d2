"""Serving a party as a process: it starts, answers, stops cleanly and says what it cannot use."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from idverify.errors import BadSetting
from idverify.serve import builder, offered
from idverify.settings import Settings
from idverify.world import free_ports

LONGEST = 120.0
"""Seconds that anything may take on a busy machine."""
get, post = partial(httpx.get, timeout=LONGEST), partial(httpx.post, timeout=LONGEST)


def start(folder: Path, port: int, /, **settings: str) -> subprocess.Popen[str]:
    mine = {
        "party": "identity_provider",
        "port": str(port),
        "folder": str(folder),
        "citizens": "200",
        "schemes": "real_name",
    } | settings
    environment = os.environ | {f"IDVERIFY_{name.upper()}": value for name, value in mine.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "idverify.serve"],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


@contextmanager
def serving(folder: Path, /, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    [port] = free_ports(1)
    process, url = start(folder, port, **settings), f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + LONGEST
        while True:
            try:
                assert get(f"{url}/health").json()["status"] == "ok"
                break
            except httpx.TransportError:
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield process, url
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=LONGEST)


def finish(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=LONGEST)
    return process.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_ledger_and_metrics_written(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as (process, url), httpx.Client(base_url=url, timeout=LONGEST) as client:
        for _ in range(20):
            client.get("/api/public")
        process.send_signal(number)  # while the client's connection is still open
        assert finish(process) == 0
    lines = (tmp_path / "ledgers" / "identity_provider.jsonl").read_bytes().splitlines()
    assert sum(json.loads(line)["route"] == "/api/public" for line in lines) == 20
    [metrics] = (tmp_path / "metrics").glob("identity_provider-*.json")
    document = json.loads(metrics.read_bytes())
    assert document["routes"]["GET /api/public"]["n"] == 20
    assert 0 < document["capture_cpu_s"] < document["process_cpu_s"]
    assert json.loads(lines[-1])["peer"] == "127.0.0.1"


def test_two_workers_share_keys_and_database_and_keep_a_ledger_each(tmp_path: Path) -> None:
    with serving(tmp_path, workers="2") as (_, url):
        deadline = time.monotonic() + LONGEST
        while len(list((tmp_path / "ledgers").iterdir())) < 4:  # the first worker answers before the second has started
            assert time.monotonic() < deadline
            time.sleep(0.05)
        seen = set()
        for _ in range(40):
            seen.add(get(f"{url}/api/public/real_name").content)
        person = get(f"{url}/api/demo/people").json()["people"][0]
        body = {"id_number": person["id_number"], "pin": person["pin"]}
        token = post(f"{url}/api/sessions", json=body).json()["token"]
        kept = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
        statuses = {post(f"{url}/api/issue/real_name", content=b"?", headers=kept).status_code for _ in range(20)}
    assert len(seen) == 1
    assert statuses == {400}
    names = [path.name for path in (tmp_path / "ledgers").iterdir()]
    assert len([name for name in names if name.startswith("identity_provider-")]) == 2
    assert len([name for name in names if name.startswith("network_observer-identity_provider-")]) == 2
    assert len(names) == 4


def test_a_ledger_that_is_off_leaves_no_file(tmp_path: Path) -> None:
    with serving(tmp_path, ledger="off") as (_, url):
        get(f"{url}/api/public")
    assert not (tmp_path / "ledgers").exists()


def test_a_client_with_endless_headers_or_body_is_cut_while_others_are_served(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, url):
        host, port = url.removeprefix("http://").split(":")
        beginnings = [
            b"GET / HTTP/1.1\r\nHost: x\r\nX-",
            b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
        ]
        slow = []
        for beginning in beginnings:
            connection = socket.create_connection((host, int(port)), timeout=LONGEST)
            connection.sendall(beginning)
            slow.append(connection)
        assert get(f"{url}/health").status_code == 200
        for connection in slow:
            while connection.recv(4096):
                pass
            connection.close()


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        ({"party": "nobody"}, 2, "no party"),
        ({"schemes": "real_name,magic"}, 2, "magic"),
        ({"ledger": "perhaps"}, 2, "on or off"),
        ({"database_url": "mysql://x/y"}, 2, "mysql"),
        ({"folder": "/dev/null/x"}, 3, "keys"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_exit_status(
    tmp_path: Path, settings: dict[str, str], status: int, words: str
) -> None:
    process = start(tmp_path, free_ports(1)[0], **settings)
    error = process.communicate(timeout=2 * LONGEST)[1]
    assert words in error
    assert "Traceback" not in error
    assert process.returncode == status


def test_a_port_in_use_is_said_and_the_exit_status_is_3(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start(tmp_path, port)
        error = process.communicate(timeout=2 * LONGEST)[1]
    assert f"IDV-301: port {port} is in use" in error
    assert process.returncode == 3


def test_the_party_decides_what_is_built() -> None:
    assert builder("platform_a") is builder("platform_zz")
    assert builder("wallet") is not builder("identity_provider")
    with pytest.raises(BadSetting):
        builder("")
    assert list(offered(Settings(schemes="sd_jwt_vc,real_name"))) == ["real_name", "sd_jwt_vc"]
