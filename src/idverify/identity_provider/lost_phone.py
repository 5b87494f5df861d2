"""The page for people who lost their phone: sign in, and everything that was on it is revoked."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.templating import Jinja2Templates

from idverify.identity_provider.form_cookie import FormCookie
from idverify.identity_provider.register import Example
from idverify.identity_provider.sessions import NoElectronicId, Sessions, TooManyLogins, WrongLogin
from idverify.identity_provider.status_lists import StatusLists
from idverify.ledger import note
from idverify.web import page


class LostPhone:
    """The page routes; `router` has them."""

    def __init__(
        self,
        templates: Jinja2Templates,
        *,
        sessions: Sessions,
        lists: StatusLists,
        people: Sequence[Example],
        cookie: FormCookie,
    ) -> None:
        self._templates = templates
        self._sessions = sessions
        self._lists = lists
        self._people = [person for person in people if person.e_id]
        self._cookie = cookie
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/lost-phone", self.ask, methods=["GET"])
        self.router.add_api_route("/lost-phone", self.revoke, methods=["POST"])

    async def ask(self, request: Request) -> Response:
        """GET /lost-phone: the form."""
        return self._page(request)

    async def revoke(self, request: Request) -> Response:
        """POST /lost-phone: check the PIN and revoke."""
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        self._cookie.check(request, form.get("csrf", ""))
        id_number, pin = form.get("id_number", "").strip()[:32], form.get("pin", "").strip()[:32]
        for person in self._people:
            if not id_number and form.get("person") == person.id_number:
                id_number, pin = person.id_number, person.pin
        try:
            await self._sessions.check(id_number, pin)
        except (WrongLogin, NoElectronicId, TooManyLogins) as error:
            response = self._page(request, fault=error.message, hint=error.hint, status=error.status)
            if isinstance(error, TooManyLogins):
                response.headers["Retry-After"] = str(error.retry_after)
            return response
        note(request, subject=id_number)
        return self._page(request, revoked=await self._lists.revoke(id_number))

    def _page(
        self, request: Request, *, revoked: int | None = None, fault: str = "", hint: str = "", status: int = 200
    ) -> Response:
        csrf = self._cookie.value(request)
        response = page(
            self._templates,
            request,
            "lost_phone.html",
            status=status,
            csrf=csrf,
            people=self._people,
            revoked=revoked,
            within=self._lists.reaches_within,
            fault=fault,
            hint=hint,
        )
        self._cookie.put(response, csrf)
        return response
