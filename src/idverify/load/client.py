"""How a citizen's wallet reaches the services from Locust: a timed request per call, reported under its step."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import gevent
import gevent.socket
from geventhttpclient.client import HTTPClient

from idverify.errors import IdverifyError, Unavailable
from idverify.wallet.flows import Answer, Call

SECONDS = 10.0
MOST_BYTES = 1_048_576
AGENT = "Wallet/1"
IP_BIND_ADDRESS_NO_PORT = 24
"""Of Linux: the port is chosen on connecting, so that one address may reach many services from all its ports."""


class RequestFailed(Exception):
    """What Locust lists as a failure."""


class Client:
    """The HTTP connections of one Locust user, kept open. Cookies are never kept: every task is another person.

    A 4xx whose code is in `expected` is an outcome, not a failure.
    """

    def __init__(self, report: Callable[..., None], context: Callable[[], Mapping[str, object]]) -> None:
        self.report = report
        self.context = context
        self.expected: frozenset[str] = frozenset()
        self.longest = 0.0
        """Seconds after which the person gives up a request; 0: only the network's own limits count."""
        self.before: Callable[[str], None] = _at_once
        """Called with the step of each request before it is sent: whoever is asked may take their time."""
        self.ms = 0.0
        """Milliseconds waited for answers, bytes sent and received, and requests, since somebody set them to zero."""
        self.up = self.down = self.trips = 0
        self._open: dict[str, HTTPClient] = {}
        self._address = ""
        self._agent = AGENT

    def become(self, *, address: str, agent: str) -> None:
        """From now on requests come from this person's line and device; connections of another line are closed."""
        if address != self._address:
            self.close()
        self._address, self._agent = address, agent

    @property
    def line(self) -> tuple[str, str]:
        """The address and the user agent of the person whom this client serves now."""
        return self._address, self._agent

    def send(self, call: Call) -> Answer:
        """Send, wait, report. Raises Unavailable where no answer came."""
        self.before(call.step)
        parts = urlsplit(call.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept-Encoding": "identity", "User-Agent": self._agent, **call.headers}
        limit = call.patience or self.longest
        started, tick = time.time(), time.perf_counter()
        up = down = 0
        answer: Answer | None = None
        fault: Exception | None = None
        try:
            with gevent.Timeout(limit or None, TimeoutError(f"no answer in {limit:g} s")):
                response = self._client(origin).request(call.method, path, body=call.body, headers=headers)
                body = bytes(response.read(MOST_BYTES + 1))
            if len(body) > MOST_BYTES:
                response.release()
                raise Unavailable(f"the answer to {call.step} is longer than {MOST_BYTES} bytes")
            elapsed = time.perf_counter() - tick
            names = [(str(name).lower(), str(value)) for name, value in response.items()]
            up = len(response._sent_request or "") + len(call.body)
            down = _head_size(response.status_code, names) + len(body)
            answer = Answer(response.status_code, dict(names), body)
            fault = self._fault(answer)
        except TimeoutError as error:  # the connection still waits for the answer
            elapsed = time.perf_counter() - tick
            fault = None if limit else error  # somebody who gives up, or has something else to show: an outcome
            self._open.pop(origin).close()
        except (OSError, ValueError, EOFError, RuntimeError) as error:  # the errors of sockets and of a broken answer
            elapsed = time.perf_counter() - tick
            fault = error
        except Unavailable as error:
            elapsed = time.perf_counter() - tick
            fault = error
        self.ms += elapsed * 1000
        self.up += up
        self.down += down
        self.trips += 1
        self.report(
            request_type=call.method,
            name=call.step,
            response_time=elapsed * 1000,
            response_length=down,
            response=answer,
            context={**self.context(), "up": up, "down": down},
            exception=fault,
            start_time=started,
            url=call.url,
        )
        if answer is None:
            why = type(fault).__name__ if fault else f"not within {limit:g} s"
            raise Unavailable(f"{parts.netloc} does not answer {call.step}: {why}")
        return answer

    def fail(self, step: str, error: IdverifyError) -> None:
        """Report a failure that no request shows: the wallet itself found something wrong."""
        self.report(
            request_type="WALLET",
            name=step,
            response_time=0.0,
            response_length=0,
            response=None,
            context={**self.context(), "up": 0, "down": 0},
            exception=error,
            start_time=time.time(),
            url="",
        )

    def close(self) -> None:
        for client in self._open.values():
            client.close()
        self._open.clear()

    def _client(self, origin: str) -> HTTPClient:
        if origin not in self._open:
            client = HTTPClient.from_url(origin, concurrency=1, connection_timeout=SECONDS, network_timeout=SECONDS)
            if self._address and shows_line(origin):
                # The library has no argument for a source address, but takes each socket from this method.
                vars(client._connection_pool)["_create_tcp_socket"] = _from(self._address)
            self._open[origin] = client
        return self._open[origin]

    def _fault(self, answer: Answer) -> Exception | None:
        if 200 <= answer.status < 300:
            return None
        reason = ""
        try:
            value = json.loads(answer.body)
            if isinstance(value, dict):
                reason = str(value.get("error", ""))
        except ValueError:
            pass
        if 400 <= answer.status < 500 and reason in self.expected:
            return None
        return RequestFailed(f"{answer.status} {reason}".strip())


def _at_once(_step: str) -> None:
    """Nobody thinks about it."""


def shows_line(origin: str) -> bool:
    """Whether requests to that service come from the person's own address: on this machine, where it is Linux."""
    return sys.platform == "linux" and urlsplit(origin).hostname == "127.0.0.1"


def _from(address: str) -> Callable[[int, int, int], gevent.socket.socket]:
    """A maker of sockets that connect from `address`, which Linux allows for all of 127.0.0.0/8."""

    def make(family: int, kind: int, protocol: int) -> gevent.socket.socket:
        made = gevent.socket.socket(family, kind, protocol)
        try:
            if family == socket.AF_INET:
                made.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                made.bind((address, 0))
        except OSError:
            made.close()
            raise
        return made

    return make


def _head_size(status: int, headers: list[tuple[str, str]]) -> int:
    """Bytes of `HTTP/1.1 200 OK`, the header lines and the empty line (the reason phrase as Python knows it)."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return len(f"HTTP/1.1 {status} {phrase}\r\n") + sum(len(n) + len(v) + 4 for n, v in headers) + 2
