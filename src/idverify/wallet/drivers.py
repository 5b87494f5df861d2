"""Run a wallet's flows over HTTP: with httpx, blocking or async, or with anything that turns a Call into an Answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import httpx

from idverify.errors import Unavailable
from idverify.wallet.flows import Answer, Call, Flow

T = TypeVar("T")

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
MOST_BYTES = 1_048_576
"""The largest answer that a wallet reads, in bytes."""


def drive(flow: Flow[T], send: Callable[[Call], Answer]) -> T:
    """Run a flow to its end. What `send` raises as Unavailable is raised inside the flow."""
    try:
        call = next(flow)
        while True:
            try:
                answer = send(call)
            except Unavailable as error:
                call = flow.throw(error)
            else:
                call = flow.send(answer)
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        flow.close()


def over(client: httpx.Client) -> Callable[[Call], Answer]:
    """A sender for `drive` that uses an httpx client; redirects are not followed."""

    def send(call: Call) -> Answer:
        try:
            with client.stream(
                call.method, call.url, headers=dict(call.headers), content=call.body or None, timeout=_limit_of(call)
            ) as response:
                parts: list[bytes] = []
                size = 0
                for part in response.iter_bytes():
                    size += len(part)
                    _limit(size, call)
                    parts.append(part)
                return Answer(response.status_code, dict(response.headers), b"".join(parts))
        except httpx.HTTPError as error:
            raise _unreachable(call, error) from error

    return send


def run(flow: Flow[T], client: httpx.Client) -> T:
    """Run a flow with a blocking client."""
    return drive(flow, over(client))


async def run_async(flow: Flow[T], client: httpx.AsyncClient) -> T:
    """Run a flow with an async client."""
    try:
        call = next(flow)
        while True:
            try:
                answer = await _send(call, client)
            except Unavailable as error:
                call = flow.throw(error)
            else:
                call = flow.send(answer)
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        flow.close()


async def _send(call: Call, client: httpx.AsyncClient) -> Answer:
    try:
        async with client.stream(
            call.method, call.url, headers=dict(call.headers), content=call.body or None, timeout=_limit_of(call)
        ) as response:
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                _limit(size, call)
                parts.append(part)
            return Answer(response.status_code, dict(response.headers), b"".join(parts))
    except httpx.HTTPError as error:
        raise _unreachable(call, error) from error


def _limit_of(call: Call) -> httpx.Timeout:
    """How long to wait: the wallet's patience where it has one, else TIMEOUT."""
    return httpx.Timeout(call.patience, connect=min(3.0, call.patience)) if call.patience else TIMEOUT


def _limit(size: int, call: Call) -> None:
    if size > MOST_BYTES:
        raise Unavailable(f"the answer to {call.step} is longer than {MOST_BYTES} bytes")


def _unreachable(call: Call, error: Exception) -> Unavailable:
    host = httpx.URL(call.url).netloc.decode(errors="replace")
    return Unavailable(f"{host} does not answer {call.step}: {type(error).__name__}", hint="is the service running?")
