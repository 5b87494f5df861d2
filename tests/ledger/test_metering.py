"""The meter: CPU goes to the route that used it, also when requests are interleaved."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient

from idverify.metering import Meter, charged


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def service() -> FastAPI:
    app = FastAPI()
    turn = asyncio.Event()

    @app.get("/waits/{name}")
    async def waits(name: str) -> str:
        await turn.wait()
        return name

    @app.get("/burns")
    async def burns() -> str:
        for _ in range(5):
            burn(0.02)
            await asyncio.sleep(0)
        turn.set()
        return ""

    @app.post("/thread")
    async def thread(request: Request) -> str:
        await request.body()
        await to_thread.run_sync(charged(request, lambda: burn(0.05)))
        return ""

    @app.get("/fails")
    async def fails() -> str:
        raise asyncio.CancelledError

    return app


def routes_after(folder: Path, *paths: str) -> dict[str, dict[str, float]]:
    meter = Meter(service(), folder, "party", capture_cpu=lambda: 1.5, writer_cpu=lambda: 2.5)

    async def go() -> None:
        async with AsyncClient(transport=ASGITransport(meter), base_url="http://p") as client:
            calls = [client.request(*path.split(" "), content=b"12" if "POST" in path else None) for path in paths]
            await asyncio.gather(*calls, return_exceptions=True)

    asyncio.run(go())
    meter.close()
    document = json.loads((folder / f"party-{os.getpid()}.json").read_bytes())
    assert (document["party"], document["pid"]) == ("party", os.getpid())
    assert (document["capture_cpu_s"], document["writer_cpu_s"]) == (1.5, 2.5)
    assert document["process_cpu_s"] > 0
    found: dict[str, dict[str, float]] = document["routes"]
    return found


def test_a_request_that_waits_is_not_charged_what_others_use(tmp_path: Path) -> None:
    routes = routes_after(tmp_path, "GET /waits/a", "GET /waits/b", "GET /burns")
    assert routes["GET /waits/{name}"]["n"] == 2
    assert routes["GET /burns"]["cpu_s"] >= 0.1
    assert routes["GET /waits/{name}"]["cpu_s"] < 0.1


def test_work_in_a_thread_is_charged_to_its_route(tmp_path: Path) -> None:
    routes = routes_after(tmp_path, "POST /thread")
    assert routes["POST /thread"]["cpu_s"] >= 0.05
    assert routes["POST /thread"]["up"] == 2
    assert routes["POST /thread"]["down"] == 2


def test_paths_that_match_nothing_share_one_line(tmp_path: Path) -> None:
    routes = routes_after(tmp_path, "GET /a", "GET /b", "GET /c")
    assert [(name, use["n"]) for name, use in routes.items()] == [("GET (no route)", 3)]


def test_a_cancelled_request_is_counted_and_stays_cancelled(tmp_path: Path) -> None:
    assert routes_after(tmp_path, "GET /fails")["GET /fails"]["n"] == 1
