"""The identity provider's pages: who it is and what it logged, and signing in for a wallet."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.templating import Jinja2Templates

from idverify.errors import BadMessage
from idverify.identity_provider.form_cookie import FormCookie
from idverify.identity_provider.keys import KeyStore
from idverify.identity_provider.logged import latest
from idverify.identity_provider.oauth import Authorization, Codes, read_request
from idverify.identity_provider.register import Example
from idverify.identity_provider.sessions import SESSION_SECONDS, NoElectronicId, Sessions, TooManyLogins, WrongLogin
from idverify.ledger import Ledger, note
from idverify.scheme import Scheme
from idverify.settings import Settings
from idverify.web import no_store, page

_FORM_OWN = frozenset({"person", "id_number", "pin", "answer", "csrf"})


class Pages:
    """The page routes; `router` has them all."""

    def __init__(
        self,
        templates: Jinja2Templates,
        *,
        sessions: Sessions,
        codes: Codes,
        keys: KeyStore,
        schemes: Sequence[Scheme],
        people: Sequence[Example],
        ledger: Ledger | None,
        settings: Settings,
    ) -> None:
        self.templates = templates
        self.sessions = sessions
        self.codes = codes
        self.keys = keys
        self.schemes = schemes
        self.people = people
        self.ledger = ledger
        self.issuer = settings.own_url
        self.wallet = settings.wallet
        self.revocable = bool(settings.status_host)
        self.redirect_uri = f"{settings.wallet}/callback"
        self.cookie = FormCookie(secure=settings.own_url.startswith("https://"))
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/", self.home, methods=["GET"])
        self.router.add_api_route("/authorize", self.ask, methods=["GET"])
        self.router.add_api_route("/authorize", self.answer, methods=["POST"])
        self.router.add_api_route("/token", self.token, methods=["POST"])

    async def home(self, request: Request) -> Response:
        """GET /"""
        return page(
            self.templates,
            request,
            "home.html",
            schemes=[scheme.info for scheme in self.schemes],
            people=self.people,
            logged=latest(self.ledger) if self.ledger else None,
            wallet=self.wallet,
            revocable=self.revocable,
        )

    async def ask(self, request: Request) -> Response:
        """GET /authorize: the log-in form."""
        asked = read_request(request.query_params.multi_items(), redirect_uri=self.redirect_uri)
        if asked.fault:
            return self._back(asked, error=asked.fault)
        return self._form(request, asked)

    async def answer(self, request: Request) -> Response:
        """POST /authorize: the person allows or refuses."""
        form = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
        asked = read_request([pair for pair in form if pair[0] not in _FORM_OWN], redirect_uri=self.redirect_uri)
        own = dict(form)
        self.cookie.check(request, own.get("csrf", ""))
        if asked.fault:
            return self._back(asked, error=asked.fault)
        if own.get("answer") != "allow":
            return self._back(asked, error="access_denied")
        id_number, pin = own.get("id_number", "").strip()[:32], own.get("pin", "").strip()[:32]
        for person in self.people:
            # What somebody typed counts for more than the choice that the form came with.
            if not id_number and own.get("person") == person.id_number:
                id_number, pin = person.id_number, person.pin
        try:
            await self.sessions.check(id_number, pin)
        except (WrongLogin, NoElectronicId, TooManyLogins) as error:
            response = self._form(request, asked, fault=error.message, hint=error.hint, status=error.status)
            if isinstance(error, TooManyLogins):
                response.headers["Retry-After"] = str(error.retry_after)
            return response
        note(request, subject=id_number)
        return self._back(asked, code=await self.codes.make(id_number, asked.code_challenge))

    async def token(self, request: Request) -> Response:
        """POST /token"""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise BadMessage("the body is not application/x-www-form-urlencoded")
        form = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
        token, id_number = await self.codes.exchange(form)
        note(request, subject=id_number)
        body = {"access_token": token, "token_type": "Bearer", "expires_in": SESSION_SECONDS}
        return no_store(JSONResponse(body))

    def _back(self, asked: Authorization, **values: str) -> Response:
        return no_store(RedirectResponse(asked.answered(self.issuer, **values), status_code=303))

    def _form(
        self, request: Request, asked: Authorization, *, fault: str = "", hint: str = "", status: int = 200
    ) -> Response:
        csrf = self.cookie.value(request)
        values = {
            "response_type": "code",
            "client_id": "wallet",
            "redirect_uri": asked.redirect_uri,
            "state": asked.state,
            "code_challenge": asked.code_challenge,
            "code_challenge_method": "S256",
            "csrf": csrf,
        }
        response = page(
            self.templates,
            request,
            "authorize.html",
            status=status,
            hidden=values,
            people=self.people,
            wallet=self.wallet,
            fault=fault,
            hint=hint,
        )
        self.cookie.put(response, csrf)
        return response
