"""Metering: how much CPU each route of a service takes, measured inside the process that serves it.

The meter steps the app's coroutine itself and adds up the thread's CPU time of each step. So what other requests
do while this one waits is not charged to it, which wall-clock timing around `await` cannot promise.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

import msgspec
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

T = TypeVar("T")

WRITE_SECONDS = 0.5
NO_ROUTE = "(no route)"
_CHARGED = "idverify.charged"
_BILL: ContextVar[list[float] | None] = ContextVar("idverify.bill", default=None)


class RouteUse(msgspec.Struct):
    """What one route has used: requests, CPU seconds, body bytes in and out."""

    n: int = 0
    cpu_s: float = 0.0
    up: int = 0
    down: int = 0


class Use(msgspec.Struct):
    """One worker's metrics file. `writer_cpu_s` is the store's writer thread, not part of any route."""

    party: str
    pid: int
    routes: dict[str, RouteUse]
    capture_cpu_s: float
    writer_cpu_s: float
    process_cpu_s: float


def _nothing() -> float:
    return 0.0


class Meter:
    """ASGI middleware that writes PARTY-PID.json into `folder`, twice a second while requests come and at the end."""

    def __init__(
        self,
        app: ASGIApp,
        folder: Path,
        party: str,
        *,
        capture_cpu: Callable[[], float] = _nothing,
        writer_cpu: Callable[[], float] = _nothing,
    ) -> None:
        self.app = app
        self.party = party
        self.routes: dict[str, RouteUse] = {}
        self._folder = folder
        self._capture_cpu = capture_cpu
        self._writer_cpu = writer_cpu
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._written = -1
        self._failed = False
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                self.close()
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self._thread is None:
            self._start()
        up = down = 0

        async def metered_receive() -> Message:
            nonlocal up
            message = await receive()
            if message["type"] == "http.request":
                up += len(message.get("body", b""))
            return message

        async def metered_send(message: Message) -> None:
            nonlocal down
            if message["type"] == "http.response.body":
                down += len(message.get("body", b""))
            await send(message)

        charged: list[float] = []
        scope[_CHARGED] = charged
        token = _BILL.set(charged)
        call = self.app(scope, metered_receive, metered_send)
        stepped = _Stepped(call)  # type: ignore[arg-type]
        try:
            await stepped
        finally:
            _BILL.reset(token)
            name = f"{scope['method']} {getattr(scope.get('route'), 'path', NO_ROUTE)}"
            use = self.routes.get(name)
            if use is None:
                use = self.routes[name] = RouteUse()
            use.n += 1
            use.cpu_s += stepped.cpu_seconds + sum(charged)
            use.up += up
            use.down += down

    def use(self) -> Use:
        """What this worker has used so far."""
        return Use(
            self.party, os.getpid(), dict(self.routes), self._capture_cpu(), self._writer_cpu(), time.process_time()
        )

    def write(self) -> None:
        """Replace the metrics file in one step."""
        path = self._folder / f"{self.party}-{os.getpid()}.json"
        with self._lock:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                partial = path.with_suffix(".partial")
                partial.write_bytes(msgspec.json.encode(self.use()))
                partial.replace(path)
            except OSError as error:
                if not self._failed:
                    print(f"the metrics {path.name} cannot be written: {error.strerror}", file=sys.stderr, flush=True)
                self._failed = True

    def close(self) -> None:
        """Stop the thread and write for the last time."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.write()

    def _start(self) -> None:
        self._ended.clear()
        self._thread = threading.Thread(target=self._keep_writing, name="meter", daemon=True)
        self._thread.start()

    def _keep_writing(self) -> None:
        while not self._ended.wait(WRITE_SECONDS):
            served = sum(use.n for use in list(self.routes.values()))
            if served != self._written:
                self.write()
                self._written = served


def bill() -> list[float] | None:
    """Where CPU seconds of other threads go that the request of this task has caused; None outside of a request."""
    return _BILL.get()


def charged(request: HTTPConnection, work: Callable[[], T]) -> Callable[[], T]:
    """`work` for another thread, its CPU time charged to this request's route."""
    return charged_to(request.scope.get(_CHARGED), work)


def charged_to(bill: list[float] | None, work: Callable[[], T]) -> Callable[[], T]:
    """`work` for another thread, its CPU time put on a bill."""

    def measured() -> T:
        begun = time.thread_time()
        try:
            return work()
        finally:
            if bill is not None:
                bill.append(time.thread_time() - begun)

    return measured


class _Stepped:
    """Awaits a coroutine and adds up the thread's CPU seconds between its suspensions."""

    __slots__ = ("_coroutine", "cpu_seconds")

    def __init__(self, coroutine: Coroutine[object, object, None]) -> None:
        self._coroutine = coroutine
        self.cpu_seconds = 0.0

    def __await__(self) -> Generator[object, object, None]:
        steps = self._coroutine.__await__()
        clock = time.thread_time
        answer: object = None
        fault: BaseException | None = None
        while True:
            begun = clock()
            try:
                waits_for = steps.send(answer) if fault is None else steps.throw(fault)
            except StopIteration:
                return
            finally:
                self.cpu_seconds += clock() - begun
                # An exception refers to this frame: kept here it would keep the request, and its connection, alive.
                answer, fault = None, None
            try:
                answer = yield waits_for
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:
                fault = error
