"""What the three web apps share: pages, errors as JSON or HTML, security headers and limits on what comes in.

A page extends `base.html` (blocks `title` and `main`; the app's name comes from `app_title`). Nothing here knows
what an app does.
"""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idverify.errors import IdverifyError, NotSignedIn, TooMany, Unavailable
from idverify.scheme import Json

SHARED = Path(__file__).parent / "web_static"
MOST_BYTES = 524_288
"""The largest request body that a service reads, in bytes: a zero-knowledge proof over an mdoc has 361,000."""
SLOWEST_BODY = 6.0
"""Seconds in which a request body must have arrived."""


def templates(folder: Path, *, app_title: str) -> Jinja2Templates:
    """The templates in `folder`, which may extend the shared `base.html`; everything is escaped."""
    environment = Environment(
        loader=FileSystemLoader([folder, SHARED]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sentence"] = sentence
    environment.globals["app_title"] = app_title
    return Jinja2Templates(env=environment)


def sentence(text: str) -> str:
    """An error's message as a sentence on a page."""
    return f"{text[:1].upper()}{text[1:]}."


def equip(app: FastAPI, pages: Jinja2Templates) -> None:
    """Give an app the shared style sheet under /static/shared and one way to answer errors.

    Browsers (Accept: text/html) get `error.html`, everybody else the JSON of `IdverifyError.as_json`.
    """
    app.mount("/static/shared", StaticFiles(directory=SHARED), name="shared")

    def answer(request: Request, status: int, body: Mapping[str, str], headers: Mapping[str, str]) -> Response:
        kept = {"Cache-Control": "no-store", **headers}
        if "text/html" in request.headers.get("accept", ""):
            return pages.TemplateResponse(
                request,
                "error.html",
                {"status": status, "phrase": HTTPStatus(status).phrase, "error": body},
                status_code=status,
                headers=kept,
            )
        return JSONResponse(dict(body), status_code=status, headers=kept)

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, IdverifyError)
        return answer(request, error.status, error.as_json(), error_headers(error))

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, 400, _what_is_malformed(error), {})

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase.lower()
        body = {"error": phrase.replace(" ", "_"), "error_description": str(error.detail).lower()}
        return answer(request, error.status_code, body, error.headers or {})

    async def unexpected(request: Request, _: Exception) -> Response:
        return answer(request, 500, {"error": "server_error", "error_description": "this service failed"}, {})

    app.add_exception_handler(IdverifyError, ours)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def error_headers(error: IdverifyError) -> dict[str, str]:
    """The headers that belong to an error: when to come back, and how to sign in (RFC 6750 section 3)."""
    if isinstance(error, TooMany | Unavailable):
        wait = getattr(error, "retry_after", 1)
        return {"Retry-After": str(wait)}
    if isinstance(error, NotSignedIn):
        return {"WWW-Authenticate": "Bearer"}
    return {}


def _what_is_malformed(error: RequestValidationError) -> dict[str, str]:
    """Name the members at fault, never their values: one of them may be a secret."""
    faults = [f"{'.'.join(str(part)[:40] for part in e['loc'])}: {e['type']}" for e in error.errors()[:5]]
    return {"error": "bad_message", "error_description": html.escape("; ".join(faults).lower(), quote=False)}


class StrictRoute(APIRoute):
    """A route whose JSON body has no member twice: two readers of such a body may see two different messages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[object, object, Response]]:
        plain = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await plain(_StrictRequest(request.scope, request.receive))

        return strict


class _StrictRequest(Request):
    async def json(self) -> Json:
        value: Json = json.loads(await self.body(), object_pairs_hook=_members)
        return value


def _members(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise json.JSONDecodeError("a member comes twice", "", 0)
    return members


class Guarded:
    """ASGI middleware: security headers on every answer, and bodies that are neither too large nor too slow.

    `goes_to` are the origins to which a form of this app may lead, over redirects too (CSP form-action).
    """

    def __init__(self, app: ASGIApp, *, goes_to: Iterable[str] = (), secure: bool = False) -> None:
        self.app = app
        targets = " ".join(["'self'", *goes_to])
        policy = (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
            f"connect-src 'self'; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
        )
        headers = {
            "content-security-policy": policy,
            "x-frame-options": "DENY",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
        }
        if secure:
            headers["strict-transport-security"] = "max-age=31536000"
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self.headers]
            await send(message)

        if scope["method"] in ("GET", "HEAD", "OPTIONS", "DELETE"):
            await self.app(scope, receive, guarded_send)
            return
        try:
            async with asyncio.timeout(SLOWEST_BODY):
                body = await _whole_body(scope, receive)
        except TimeoutError:
            await _refuse(guarded_send, 408, "too_slow", f"the body did not arrive within {SLOWEST_BODY:g} seconds")
            return
        except ValueError:
            await _refuse(guarded_send, 413, "too_large", f"the body is longer than {MOST_BYTES} bytes")
            return
        if body is None:
            return
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self.app(scope, replay, guarded_send)


async def _whole_body(scope: Scope, receive: Receive) -> bytes | None:
    """The body, or None where the client is gone. Raises ValueError for more than MOST_BYTES."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or len(value) > 9 or int(value) > MOST_BYTES):
            raise ValueError
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    if not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise ValueError
        return body
    parts, size = [message.get("body", b"")], len(message.get("body", b""))
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            raise ValueError
    return b"".join(parts)


async def _refuse(send: Send, status: int, code: str, text: str) -> None:
    body = msgspec.json.encode({"error": code, "error_description": text})
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def no_store(response: Response) -> Response:
    """Mark an answer that holds a secret or a decision, so that no cache keeps it."""
    response.headers["Cache-Control"] = "no-store"
    return response


def page(pages: Jinja2Templates, request: Request, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """An HTML page that no cache keeps."""
    return pages.TemplateResponse(request, name, values, status_code=status, headers={"Cache-Control": "no-store"})
