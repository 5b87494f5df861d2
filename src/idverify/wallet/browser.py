"""The wallet's pages: a platform hands a browser over, the person signs in where needed, reads, and decides."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates

from idverify import web
from idverify.errors import BadMessage, IdverifyError, NotAllowed
from idverify.scheme import CIVIL_TIME, Challenge, Scheme
from idverify.settings import Settings
from idverify.wallet import oauth, words
from idverify.wallet.drivers import run_async
from idverify.wallet.explain import asked, explain
from idverify.wallet.flows import Flows
from idverify.wallet.refills import Refills
from idverify.wallet.refusals import Refused, reason_of
from idverify.wallet.sessions import Pending, Session, Sessions
from idverify.wallet.wallet import Owner, Wallet

_PATH = re.compile(r"/api/challenges/([A-Za-z0-9._~-]{1,1500})")


def origin_of_settings(url: str, settings: Settings) -> str:
    """The platform of the settings that has exactly this origin. Raises NotAllowed."""
    origin = url.rstrip("/")
    if origin not in settings.platform_urls:
        raise NotAllowed("this wallet does not know that platform", hint="IDVERIFY_PLATFORMS lists those that it knows")
    return origin


@dataclass(frozen=True, slots=True)
class Card:
    """What a wallet has of one scheme, in words."""

    title: str
    copies: str
    how: str
    when: str
    connected: str
    again: int


def cards_of(wallet: Wallet) -> list[Card]:
    """A card for each scheme of which the wallet has, or has shown, a credential."""
    cards = []
    for name, scheme in wallet.schemes.items():
        left, shown, again = wallet.count(name), wallet.shown(name), wallet.fallbacks.get(name, 0)
        if left or shown:
            policy = wallet.policy(name)
            told = words.copies(left, shown, policy)
            connected = words.connected(policy, scheme.info)
            cards.append(Card(scheme.info.title, told, words.how(policy), words.when(policy), connected, again))
    return cards


class Browser:
    """The browser's side of the wallet service."""

    def __init__(
        self,
        *,
        settings: Settings,
        schemes: Mapping[str, Scheme],
        client: httpx.AsyncClient,
        clock: Callable[[], datetime],
        pages: Jinja2Templates,
    ) -> None:
        self.settings = settings
        self.client = client
        self.clock = clock
        self.pages = pages
        self.sessions = Sessions(schemes, clock=clock, settings=settings)
        self.refills = Refills(lambda flow: run_async(flow, client))
        self.secure = settings.own_url.startswith("https://")
        self.cookie = "__Host-wallet" if self.secure else "wallet"
        self.callback = f"{settings.own_url}/callback"

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.home, methods=["GET"])
        router.add_api_route("/show", self.show, methods=["GET"])
        router.add_api_route("/callback", self.signed_in, methods=["GET"])
        router.add_api_route("/birth-date/{id_}", self.ask_birth_date, methods=["GET"])
        router.add_api_route("/birth-date/{id_}", self.take_birth_date, methods=["POST"])
        router.add_api_route("/consent/{id_}", self.consent, methods=["GET"])
        router.add_api_route("/consent/{id_}", self.decide, methods=["POST"])
        return router

    async def home(self, request: Request) -> Response:
        """Cards and history of this browser."""
        session = self.sessions.find(request.cookies.get(self.cookie))
        cards = cards_of(session.wallet) if session is not None else []
        return self.page(request, "home.html", session=session, cards=cards, platforms=self.settings.platform_urls)

    async def show(self, request: Request, request_uri: str = "") -> Response:
        """A platform sent this browser here with a question."""
        platform, id_ = self.place_of(request_uri)
        session = self.sessions.find(request.cookies.get(self.cookie)) or self.sessions.new()
        asked_ = await run_async(self.flows(session).fetch(platform, id_), self.client)
        pending = session.add(platform, asked_, now=self.clock())
        issued = session.wallet.scheme(asked_.scheme).info.issued
        if issued == "by_holder":
            response: Response = self.to(f"/birth-date/{pending.id}")
        elif session.wallet.session() or session.wallet.stored(asked_.scheme, asked_.challenge):
            response = self.to(f"/consent/{pending.id}")
        else:
            response = self.to_sign_in(pending)
        response.set_cookie(
            self.cookie, session.id, max_age=3600, httponly=True, samesite="lax", secure=self.secure, path="/"
        )
        return response

    async def signed_in(
        self, request: Request, code: str = "", state: str = "", error: str = "", iss: str = ""
    ) -> Response:
        """The identity provider sent this browser back (RFC 6749 section 4.1.2, `iss` RFC 9207)."""
        session = self.session(request)
        pending = session.by_state(state, now=self.clock())
        if iss and iss != self.settings.identity_provider:
            raise BadMessage(
                f"this sign-in comes from {iss[:100]}, the wallet asked {self.settings.identity_provider}",
                hint="go back to the platform and start again",
            )
        if error or not code:
            denied = Refused(error[:60] or "no_code", "you did not sign in at the identity provider")
            return self.refused(request, denied, pending, status=403)
        redeem = oauth.redeem(
            self.settings.identity_provider, code=code, verifier=pending.verifier, redirect_uri=self.callback
        )
        token, seconds = await run_async(redeem, self.client)
        session.wallet.signed_in(token, seconds=seconds)
        return self.to(f"/consent/{pending.id}")

    async def ask_birth_date(self, request: Request, id_: str) -> Response:
        """Where nobody vouches for it, the person states it."""
        session = self.session(request)
        pending = session.find(id_, now=self.clock())
        return self.birth_date_page(request, session, pending)

    async def take_birth_date(
        self,
        request: Request,
        id_: str,
        csrf: Annotated[str, Form()] = "",
        birth_date: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        session = self.session(request, csrf=csrf)
        pending = session.find(id_, now=self.clock())
        today = self.clock().astimezone(CIVIL_TIME).date()
        try:
            stated = date.fromisoformat(birth_date)
        except ValueError:
            return self.birth_date_page(request, session, pending, fault="This is not a date.", typed=birth_date)
        if not today.replace(year=today.year - 150, day=min(today.day, 28)) < stated <= today:
            return self.birth_date_page(
                request, session, pending, fault="This is not the birth date of anybody alive.", typed=birth_date
            )
        session.wallet.owner = Owner(declares=stated)
        pending.presentation = None
        return self.to(f"/consent/{pending.id}")

    async def consent(self, request: Request, id_: str) -> Response:
        """Who asks, what will be shown, what stays secret. The platform has heard nothing yet."""
        session = self.session(request)
        pending = session.find(id_, now=self.clock())
        asked_ = pending.request
        scheme = session.wallet.scheme(asked_.scheme)
        try:
            pending.presentation = pending.presentation or await self.prepared(session, pending)
        except IdverifyError as error:
            return self.refused(request, error, pending, status=getattr(error, "answered", error.status))
        explained = explain(scheme, pending.presentation) if pending.presentation is not None else None
        return self.page(
            request,
            "consent.html",
            session=session,
            pending=pending,
            info=scheme.info,
            connected=words.connected(session.wallet.policy(asked_.scheme), scheme.info),
            again=pending.again,
            asked=asked(asked_.challenge.question),
            explained=explained,
            minutes=max(1, round((pending.until - self.clock()).total_seconds() / 60)),
        )

    async def decide(
        self, request: Request, id_: str, csrf: Annotated[str, Form()] = "", decision: Annotated[str, Form()] = ""
    ) -> Response:
        """Show it, or do not."""
        session = self.session(request, csrf=csrf)
        pending = session.find(id_, now=self.clock())
        if decision != "show":
            session.pending.pop(pending.id, None)
            return self.page(request, "cancelled.html", pending=pending)
        flows = self.flows(session)
        session.pending.pop(pending.id, None)  # a second click shows nothing twice
        try:
            if pending.presentation is not None:
                proof = await run_async(flows.deliver(pending.request, pending.presentation), self.client)
            else:
                proof = await run_async(flows.answer(pending.request), self.client)
        except IdverifyError as error:
            return self.refused(request, error, pending, status=getattr(error, "answered", error.status))
        if not proof.continue_at.startswith(f"{pending.platform}/"):
            raise BadMessage(
                "the platform wants to continue on another origin than its own", hint="tell the platform's operators"
            )
        session.shown(pending, now=self.clock(), size=proof.bytes)
        return RedirectResponse(proof.continue_at, 303, headers={"Cache-Control": "no-store"})

    async def prepared(self, session: Session, pending: Pending) -> bytes | None:
        """The finished presentation, where making it tells nobody which platform it is for; else None."""
        wallet, asked_ = session.wallet, pending.request
        issued = wallet.scheme(asked_.scheme).info.issued
        if issued == "per_login" or (
            issued == "ahead_per_platform" and wallet.stored(asked_.scheme, asked_.challenge) is None
        ):
            return None
        before = wallet.fallbacks.get(asked_.scheme, 0)
        credential = await run_async(self.flows(session).obtain(asked_.scheme, asked_.challenge), self.client)
        pending.again = wallet.fallbacks.get(asked_.scheme, 0) > before
        return wallet.present(asked_.scheme, credential, asked_.challenge)

    def place_of(self, request_uri: str) -> tuple[str, str]:
        """Platform and challenge id of a request_uri; whatever is not exactly a known platform's is refused."""
        try:
            parts = urlsplit(request_uri)
        except ValueError:  # half an IPv6 address
            parts = urlsplit("")
        found = _PATH.fullmatch(parts.path)
        # urlsplit forgives spaces, controls and capitals; what it forgave does not come out again.
        if found is None or request_uri != f"{parts.scheme}://{parts.netloc}{parts.path}":
            raise BadMessage("the request_uri is not a platform's challenge", hint="start on the platform's own page")
        return origin_of_settings(f"{parts.scheme}://{parts.netloc}", self.settings), found[1]

    def session(self, request: Request, *, csrf: str | None = None) -> Session:
        """The session of this browser. Raises Gone, or NotAllowed for a form that is not ours."""
        session = self.sessions.find(request.cookies.get(self.cookie))
        if session is None:
            return self.sessions.new()  # without any request, so that what follows is answered with "expired"
        if csrf is not None and not secrets.compare_digest(csrf.encode(), session.csrf.encode()):
            raise NotAllowed("this form was not made by this wallet", hint="go back and try again")
        return session

    def to_sign_in(self, pending: Pending) -> Response:
        pending.state, pending.verifier = oauth.new_secrets()
        url = oauth.authorize_url(
            self.settings.identity_provider,
            redirect_uri=self.callback,
            state=pending.state,
            verifier=pending.verifier,
        )
        return RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})

    def refused(self, request: Request, error: IdverifyError, pending: Pending, *, status: int) -> Response:
        """A page that says who refused and what can still be done."""
        if status == 401:
            return self.to_sign_in(pending)
        return self.page(
            request,
            "refused.html",
            status=status,
            error=error,
            reason=reason_of(error),
            platform=pending.platform,
        )

    def birth_date_page(
        self, request: Request, session: Session, pending: Pending, *, fault: str = "", typed: str = ""
    ) -> Response:
        values = {"session": session, "pending": pending, "fault": fault, "typed": typed}
        return self.page(request, "birth_date.html", status=422 if fault else 200, **values)

    def page(self, request: Request, name: str, *, status: int = 200, **values: object) -> Response:
        return web.page(self.pages, request, name, status=status, **values)

    def flows(self, session: Session) -> Flows:
        def shown(name: str, challenge: Challenge) -> None:
            self.refills.after(flows, name, challenge, wanted=lambda: self.sessions.is_open(session))

        flows = Flows(session.wallet, identity_provider=self.settings.identity_provider, shown=shown)
        return flows

    @staticmethod
    def to(path: str) -> Response:
        return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})
