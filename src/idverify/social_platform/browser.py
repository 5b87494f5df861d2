"""What a browser brings to a page: cookies, forms that nobody else can send, and refusals as pages."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.templating import Jinja2Templates

from idverify import web
from idverify.errors import BadMessage, IdverifyError, NotAllowed, NotSignedIn, TooYoung
from idverify.ledger import note
from idverify.mandates import ACTIONS
from idverify.social_platform.keys import hashed, mac, new_token, text_of
from idverify.social_platform.platform import Platform
from idverify.social_platform.sessions import LIFETIME, VISITOR, Viewer

START_SECONDS = 900
"""How long a browser keeps the secret of a sign-up that it has started."""
MOST_FIELDS = 12


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser: who it is, and the token that its forms must carry."""

    request: Request
    viewer: Viewer | None
    csrf: str
    new_browser: str  # the cookie to set, empty where the browser has one

    @property
    def signed_in(self) -> Viewer:
        """The viewer. Raises NotSignedIn."""
        if self.viewer is None:
            raise NotSignedIn("this page is for people with an account", hint="sign in, or make an account")
        return self.viewer


class Browser:
    """Reads cookies and forms, writes pages, for one platform."""

    def __init__(self, platform: Platform, templates: Jinja2Templates) -> None:
        self.platform = platform
        self._templates = templates
        self._secure = platform.origin.startswith("https://")
        # Cookies ignore ports, so each party's have names of their own.
        prefix = f"{'__Host-' if self._secure else ''}{platform.party}"
        self._session, self._browser, self._start = (f"{prefix}_{kind}" for kind in ("session", "browser", "start"))

    async def visit(self, request: Request) -> Visit:
        """Who is there. A session that has ended counts as none."""
        token, viewer = request.cookies.get(self._session, ""), None
        if token:
            try:
                viewer = await self.platform.sessions.find(token)
                note(request, subject=viewer.id)
            except NotSignedIn:
                token = ""
        browser = request.cookies.get(self._browser, "")
        new = "" if len(browser) > 20 else new_token()
        key = await self.platform.keys.get("csrf")
        csrf = text_of(mac(key, browser or new, token if viewer else ""))
        return Visit(request, viewer, csrf, new)

    async def form(self, request: Request) -> tuple[Visit, dict[str, str]]:
        """A form that came from one of our own pages. Raises NotAllowed for any other, BadMessage."""
        visit = await self.visit(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise BadMessage("the form is not application/x-www-form-urlencoded")
        try:
            text = (await request.body()).decode("ascii")
            pairs = parse_qsl(
                text, keep_blank_values=True, strict_parsing=False, errors="strict", max_num_fields=MOST_FIELDS
            )
        except ValueError as error:
            raise BadMessage("the form cannot be read") from error
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise BadMessage("the form has a field twice")
        foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if (
            foreign
            or visit.new_browser
            or not hmac.compare_digest(fields.get("csrf", "").encode(), visit.csrf.encode())
        ):
            raise NotAllowed("this form did not come from a page of ours", hint="load the page again and send it anew")
        return visit, fields

    def page(self, visit: Visit, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """A page with what all pages show: who is signed in, and the mandate."""
        platform = self.platform
        shown = web.page(
            self._templates,
            visit.request,
            name,
            status=status,
            viewer=visit.viewer,
            csrf=visit.csrf,
            mandate=platform.mandate,
            here=visit.request.url.path,
            **values,
        )
        if visit.new_browser:
            self._set(shown, self._browser, visit.new_browser, seconds=LIFETIME)
        return shown

    def refusal(self, visit: Visit, error: IdverifyError) -> HTMLResponse:
        """A page that says what was refused, what stays possible, and how to go on."""
        if isinstance(error, TooYoung):
            error = TooYoung("the proof does not reach the age that is asked")  # whatever it said of an exact age
        mandate, now = self.platform.mandate, self.platform.clock()
        standing = visit.viewer.standing if visit.viewer else VISITOR
        may = [action for action in ACTIONS if mandate.decide(action, standing, now=now).allowed]
        guardian = any(tier.guardian.value == "registers" for tier in mandate.tiers)
        shown = self.page(visit, "outcome.html", status=error.status, error=error, may=may, guardian=guardian)
        shown.headers.update(web.error_headers(error))
        return shown

    def sign_in(self, response: Response, token: str) -> Response:
        """Give the browser a new session."""
        self._set(response, self._session, token, seconds=LIFETIME)
        return response

    def sign_out(self, response: Response) -> Response:
        """Take the session from the browser."""
        response.delete_cookie(self._session, secure=self._secure, httponly=True, samesite="lax")
        return response

    def remember_start(self, response: Response, id_: str, *, binding: str) -> Response:
        """Tie a challenge to this browser."""
        self._set(response, f"{self._start}_{hashed(id_)[:12]}", binding, seconds=START_SECONDS)
        return response

    def binding(self, request: Request, id_: str) -> str:
        """The secret of a challenge that this browser has started, or nothing."""
        return request.cookies.get(f"{self._start}_{hashed(id_)[:12]}", "")

    def forget_start(self, response: Response, id_: str) -> Response:
        """The challenge is done with."""
        name = f"{self._start}_{hashed(id_)[:12]}"
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="lax")
        return response

    def _set(self, response: Response, name: str, value: str, *, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")


def go(url: str) -> RedirectResponse:
    """Send the browser on with a GET, whatever it came with."""
    return RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})


def page_route(browser: Browser) -> type[APIRoute]:
    """A route class that shows our errors as pages of this platform."""

    class PageRoute(APIRoute):
        shows: ClassVar[Browser] = browser

        def get_route_handler(self) -> Callable[[Request], Coroutine[object, object, Response]]:
            plain = super().get_route_handler()

            async def shown(request: Request) -> Response:
                try:
                    return await plain(request)
                except IdverifyError as error:
                    return self.shows.refusal(await self.shows.visit(request), error)

            return shown

    return PageRoute
