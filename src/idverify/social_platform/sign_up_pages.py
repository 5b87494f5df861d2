"""The pages of a sign-up: choose how to prove it, come back from the wallet, pick a handle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from idverify.errors import (
    AlreadyUsed,
    BadMessage,
    CannotAnswer,
    Conflict,
    Expired,
    IdverifyError,
    NotFound,
    NotProven,
    TooYoung,
    Unavailable,
    UntrustedIssuer,
)
from idverify.families import FAMILIES, family
from idverify.ledger import note
from idverify.scheme import Info, Question
from idverify.social_platform import groups
from idverify.social_platform.api import address
from idverify.social_platform.browser import Browser, go
from idverify.social_platform.challenges import check_binding
from idverify.social_platform.platform import Platform
from idverify.social_platform.proofs import ADULT, GUARD

IN_WORDS = {
    "over": "an age",
    "identity": "name and ID number",
    "attested": "an identity that an issuer has checked",
    "one_account": "that it is your only account here",
}

OUTCOMES: dict[str, IdverifyError] = {
    error.code: error
    for error in (
        TooYoung("the proof does not reach the age that is asked"),
        AlreadyUsed("this proof has been used here before"),
        Expired("the time to answer is over"),
        UntrustedIssuer("the mandate does not trust the issuer of this proof"),
        Unavailable("the identity provider does not answer"),
        NotProven("the proof does not show what was asked"),
        CannotAnswer("this way to prove it cannot answer what is asked"),
    )
}
"""The refusals that a wallet may send a browser back with: the page says nothing that comes from the address."""


@dataclass(frozen=True, slots=True)
class Card:
    """A way to prove it, as the sign-up page shows it. `refused` is empty where it can be chosen."""

    info: Info
    asks: tuple[str, ...]
    unanswered: tuple[str, ...]
    refused: str


def add(pages: APIRouter, platform: Platform, browser: Browser) -> None:
    """Add the routes of the sign-up."""
    proofs, accounts, mandate = platform.proofs, platform.accounts, platform.mandate

    def cards(action: str, group_id: str) -> list[Card]:
        made: list[Card] = []
        for scheme in platform.schemes.values():
            refused, asked = "", Question()
            try:
                asked = proofs.question(scheme, action, group_id=group_id)
            except CannotAnswer as error:
                refused = error.message
            unmet = mandate.unanswered(scheme.info) if action in ("sign_up", GUARD) else frozenset()
            left = tuple(words for name, words in IN_WORDS.items() if name in unmet)
            made.append(Card(scheme.info, _asked(asked), left, refused))
        return made

    @pages.get("/sign-up")
    async def choose(request: Request, group: str = "", ward: str = "") -> Response:
        visit = await browser.visit(request)
        found = groups.group(group) if group else None
        if ward and not any(tier.guardian.value == "registers" for tier in mandate.tiers):
            raise NotFound(f"{mandate.title} knows no accounts that a guardian registers")
        action = GUARD if ward else "join" if group else "sign_up"
        return browser.page(
            visit,
            "sign_up.html",
            kinds=_by_kind(cards(action, group)),
            group=found,
            ward=bool(ward),
            adult=ADULT,
            wants=_asked(mandate.question("sign_up")) if action == "sign_up" else (),
            guardian=any(tier.guardian.value == "registers" for tier in mandate.tiers),
            unverified=mandate.unverified_accounts,
        )

    @pages.post("/sign-up")
    async def start(request: Request) -> Response:
        visit, form = await browser.form(request)
        group, ward = form.get("group", ""), bool(form.get("ward"))
        if group and visit.viewer is None:
            raise BadMessage("a group asks for a proof of people with an account", hint="make an account first")
        action = GUARD if ward else "join" if group else "sign_up"
        started = await proofs.start(form.get("scheme", ""), action, group_id=group)
        note(request, flow=started.id, scheme=started.scheme)
        request_uri = quote(f"{platform.origin}/api/challenges/{started.id}", safe="")
        return browser.remember_start(
            go(f"{platform.wallet}/show?request_uri={request_uri}"), started.id, binding=started.binding
        )

    @pages.get("/sign-up/finish")
    async def finish_form(request: Request, id: str = "", code: str = "") -> Response:
        visit = await browser.visit(request)
        started = await proofs.challenges.find(id, even_expired=True)
        check_binding(started, browser.binding(request, id))
        note(request, flow=started.id, scheme=started.scheme)
        raising = visit.viewer is not None and started.action != GUARD
        return browser.page(
            visit,
            "finish.html",
            id=id,
            code=code,
            ward=started.action == GUARD,
            raising=raising,
            proven=_asked(proofs.question(proofs.scheme(started.scheme), started.action, group_id=started.group)),
            info=proofs.scheme(started.scheme).info,
            wrong=None,
            handle="",
        )

    @pages.post("/sign-up/finish")
    async def finish(request: Request) -> Response:
        visit, form = await browser.form(request)
        id_, code, handle = form.get("id", ""), form.get("code", ""), form.get("handle", "")
        started = await proofs.challenges.find(id_, even_expired=True)
        binding = browser.binding(request, id_)
        check_binding(started, binding)
        note(request, flow=started.id, scheme=started.scheme)
        if visit.viewer is not None and started.action != GUARD:
            await accounts.raise_standing(visit.viewer, code=code, binding=binding)
            platform.feed.forget()
            return browser.forget_start(go(f"/groups#{started.group}" if started.group else "/me?welcome=1"), id_)
        try:
            opened = await accounts.open(
                handle,
                code=code,
                binding=binding,
                password=form.get("password", ""),
                ward=started.action == GUARD,
                address=address(request),
            )
        except (AlreadyUsed, Conflict, BadMessage) as error:
            if isinstance(error, AlreadyUsed):
                raise
            return browser.page(
                visit,
                "finish.html",
                status=error.status,
                id=id_,
                code=code,
                ward=started.action == GUARD,
                raising=False,
                proven=_asked(proofs.question(proofs.scheme(started.scheme), started.action, group_id=started.group)),
                info=proofs.scheme(started.scheme).info,
                wrong=error,
                handle=handle,
            )
        note(request, subject=str(opened.account["id"]))
        return browser.forget_start(browser.sign_in(go("/me?welcome=1"), opened.token), id_)

    @pages.post("/accounts")
    async def without_proof(request: Request) -> Response:
        visit, form = await browser.form(request)
        opened = await accounts.open(
            form.get("handle", ""), password=form.get("password", ""), address=address(request)
        )
        note(visit.request, subject=str(opened.account["id"]))
        return browser.sign_in(go("/me?welcome=1"), opened.token)

    @pages.get("/sign-up/outcome/{code}")
    async def outcome(request: Request, code: str) -> Response:
        if code not in OUTCOMES:
            raise NotFound("there is no such page")
        return browser.refusal(await browser.visit(request), OUTCOMES[code])


def _by_kind(cards: Sequence[Card]) -> list[tuple[str, str, list[Card]]]:
    """Each kind of scheme with what it means and its cards, in the order of the list of schemes."""
    kinds = groupby(cards, key=lambda card: family(card.info))
    return [(kind, FAMILIES[kind], list(alike)) for kind, alike in kinds]


def _asked(question: Question) -> tuple[str, ...]:
    """A question in words, for a list."""
    parts: list[str] = []
    if question.over is not None:
        parts.append(f"that you are {question.over} or older")
    if question.identity:
        parts.append("your name and ID number")
    if question.one_account:
        parts.append("that this is your only account here")
    return tuple(parts)
