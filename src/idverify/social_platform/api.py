"""The platform's JSON interface: an endpoint decodes, calls and encodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from idverify.errors import BadMessage, NotFound, NotSignedIn
from idverify.ledger import note
from idverify.mandates import Action, Standing
from idverify.protocols import privacy_pass
from idverify.scheme import Json
from idverify.social_platform import groups
from idverify.social_platform.challenges import LIFETIME, Started
from idverify.social_platform.handles import clean_handle
from idverify.social_platform.platform import Platform
from idverify.social_platform.proofs import GUARD
from idverify.social_platform.refusals import NotVerified
from idverify.social_platform.sessions import VISITOR, Viewer
from idverify.web import StrictRoute


class Body(BaseModel):
    """What a client sends; a member that we do not know is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ChallengeBody(Body):
    scheme: str = Field(max_length=100)
    action: Literal["sign_up"] | Action = "sign_up"
    group: str = Field(default="", max_length=100)
    ward: bool = False


class AccountBody(Body):
    handle: str = Field(max_length=200)
    code: str = Field(default="", max_length=200)
    binding: str = Field(default="", max_length=200)
    password: str = Field(default="", max_length=200)
    ward: bool = False


class ProofBody(Body):
    code: str = Field(max_length=200)
    binding: str = Field(max_length=200)


class SessionBody(Body):
    handle: str = Field(max_length=200)
    password: str = Field(max_length=200)


class ProfileBody(Body):
    bio: str = Field(max_length=2000)


class TextBody(Body):
    text: str = Field(max_length=4000)


class PostBody(TextBody):
    group: str = Field(default="", max_length=100)
    live: bool = False


class BanBody(Body):
    handle: str = Field(max_length=200)
    reason: str = Field(default="", max_length=1000)


class ReactionBody(Body):
    kind: str = Field(default="like", max_length=20)


def answer(value: Mapping[str, Json] | bytes, status: int = 200, *, challenge: str = "") -> Response:
    """JSON that no cache keeps."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": challenge} if challenge else {})
    return Response(body, status, headers, "application/json")


def address(request: Request) -> str:
    """Where a request came from."""
    return request.client.host if request.client else ""


def router(platform: Platform) -> APIRouter:
    """The routes under /api, the hot ones first because routes are tried in order."""
    api = APIRouter(route_class=StrictRoute)
    proofs, accounts, feed = platform.proofs, platform.accounts, platform.feed

    async def viewer_of(request: Request) -> Viewer | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if not kind:
            return None
        if kind.lower() != "bearer" or not token:
            raise NotSignedIn("the Authorization header is not a Bearer token")
        viewer = await platform.sessions.find(token.strip())
        note(request, subject=viewer.id)
        return viewer

    async def signed_in(request: Request) -> Viewer:
        viewer = await viewer_of(request)
        if viewer is None:
            raise NotSignedIn("there is no Authorization header", hint="send the account's token as a Bearer token")
        return viewer

    async def reader(request: Request) -> tuple[Viewer | None, Standing]:
        viewer = await viewer_of(request)
        return viewer, viewer.standing if viewer else VISITOR

    @api.get("/api/feed")
    async def read_feed(request: Request, limit: int = 20, before: int | None = None) -> Response:
        viewer, standing = await reader(request)
        if before is None and 1 <= limit <= 100:
            return answer(await feed.newest(standing, limit))
        return answer((await feed.page(viewer, standing, limit=limit, before=before)).as_json())

    @api.post("/api/posts")
    async def write_post(request: Request, body: PostBody) -> Response:
        viewer, key = await signed_in(request), request.headers.get("idempotency-key", "")
        return answer(await feed.write_post(viewer, body.text, group_id=body.group, live=body.live, key=key), 201)

    @api.post("/api/challenges")
    async def start(request: Request, body: ChallengeBody) -> Response:
        if (body.group != "") != (body.action == "join"):
            raise BadMessage("a challenge has a group if its action is join, and only then")
        if body.ward and body.action != "sign_up":
            raise BadMessage("ward goes with the action sign_up")
        action = GUARD if body.ward else body.action
        started = await proofs.start(body.scheme, action, group_id=body.group)
        note(request, flow=started.id, scheme=started.scheme)
        shown = described(platform, started)
        return answer(shown | {"binding": started.binding, "expires_in": LIFETIME}, 201)

    @api.get("/api/keys/{name}", summary="Which keys this platform sees, so that a wallet can compare")
    async def keys(name: str, digest: str = "") -> Response:
        scheme = proofs.scheme(name)
        if not scheme.info.signed:
            raise NotFound(f"{name} has no issuer's keys")
        return answer({"scheme": name, "digest": await platform.issuers.compared(scheme, digest)})

    @api.post("/api/presentations/{id_}")
    async def present(request: Request, id_: str) -> Response:
        started = await proofs.challenges.find(id_)
        note(request, flow=started.id, scheme=started.scheme)
        authorization = request.headers.get("authorization", "")
        presentation = await request.body()
        if not presentation and privacy_pass.is_private_token(authorization):
            presentation = privacy_pass.token_from_authorization(authorization)
        elif not presentation:
            scheme = proofs.scheme(started.scheme)
            header = await platform.tokens.header(scheme, action=started.action, group=started.group)
            if header:
                said = {"error": "not_proven", "error_description": "there is no token", "scheme": scheme.info.name}
                return answer(said, 401, challenge=header)
            raise BadMessage("the presentation is empty")
        if len(presentation) > (most := proofs.scheme(started.scheme).info.most_bytes):
            raise BadMessage(f"the presentation is longer than {most} bytes")
        result = await proofs.accept(id_, presentation)
        continue_at = f"{platform.origin}/sign-up/finish?id={started.id}&code={result.code}"
        return answer({"code": result.code, "proven": result.proven, "continue_at": continue_at})

    @api.post("/api/accounts")
    async def open_account(request: Request, body: AccountBody) -> Response:
        authorization = request.headers.get("authorization", "")
        code, binding = body.code, body.binding
        if privacy_pass.is_private_token(authorization):
            token = privacy_pass.token_from_authorization(authorization)
            clean_handle(body.handle)  # before the token is spent
            started = await proofs.start(await platform.tokens.scheme(token), "sign_up")
            note(request, flow=started.id, scheme=started.scheme)
            code, binding = (await proofs.accept(started.id, token)).code, started.binding
        elif not code and not body.ward and not platform.mandate.unverified_accounts:
            header = await platform.tokens.challenge()
            if header:
                refused = NotVerified(f"under {platform.mandate.title} an account needs a proof")
                return answer(refused.as_json(), 401, challenge=header)
        opened = await accounts.open(
            body.handle,
            code=code,
            binding=binding,
            password=body.password,
            ward=body.ward,
            address=address(request),
        )
        note(request, subject=str(opened.account["id"]), flow=opened.flow, scheme=str(opened.account["scheme"] or ""))
        return answer({"account": opened.account, "token": opened.token}, 201)

    @api.post("/api/accounts/verify")
    async def verify(request: Request, body: ProofBody) -> Response:
        viewer = await signed_in(request)
        account, flow = await accounts.raise_standing(viewer, code=body.code, binding=body.binding)
        note(request, flow=flow, scheme=str(account["scheme"] or ""))
        feed.forget()
        return answer({"account": account})

    @api.get("/api/challenges/{id_}")
    async def show(request: Request, id_: str) -> Response:
        started = await proofs.challenges.find(id_)
        note(request, flow=started.id, scheme=started.scheme)
        return answer(described(platform, started) | {"platform": platform.title})

    @api.get("/api/me")
    async def me(request: Request) -> Response:
        viewer = await signed_in(request)
        return answer(described_viewer(viewer) | {"groups": sorted(await feed.memberships(viewer))})

    @api.patch("/api/me")
    async def change(request: Request, body: ProfileBody) -> Response:
        return answer(await accounts.change(await signed_in(request), bio=body.bio))

    @api.delete("/api/me")
    async def delete(request: Request) -> Response:
        said = await accounts.delete(await signed_in(request))
        feed.forget()
        return answer(said)

    @api.get("/api/posts/{id_}")
    async def read_post(request: Request, id_: int) -> Response:
        viewer, standing = await reader(request)
        return answer(await feed.post(viewer, standing, id_))

    @api.delete("/api/posts/{id_}")
    async def delete_post(request: Request, id_: int) -> Response:
        await feed.delete_post(await signed_in(request), id_)
        return answer({"deleted": id_})

    @api.post("/api/posts/{id_}/comments")
    async def comment(request: Request, id_: int, body: TextBody) -> Response:
        return answer(await feed.comment(await signed_in(request), id_, words=body.text), 201)

    @api.post("/api/posts/{id_}/reactions")
    async def react(request: Request, id_: int, body: ReactionBody | None = None) -> Response:
        kind = body.kind if body else "like"
        return answer(await feed.react(await signed_in(request), id_, kind=kind), 201)

    @api.post("/api/posts/{id_}/shares")
    async def share(request: Request, id_: int) -> Response:
        return answer(await feed.share(await signed_in(request), id_), 201)

    @api.get("/api/groups")
    async def list_groups(request: Request) -> Response:
        viewer = await viewer_of(request)
        mine = await feed.memberships(viewer) if viewer else frozenset()
        shown = [
            {"id": g.id, "title": g.title, "about": g.about, "age": g.age, "member": g.id in mine}
            for g in groups.GROUPS.values()
        ]
        return answer({"groups": shown})

    @api.post("/api/groups/{id_}/members")
    async def join(request: Request, id_: str) -> Response:
        return answer(await feed.join(await signed_in(request), id_), 201)

    @api.get("/api/groups/{id_}/feed")
    async def group_feed(request: Request, id_: str, limit: int = 20, before: int | None = None) -> Response:
        groups.group(id_)
        viewer, standing = await reader(request)
        page = await feed.page(viewer, standing, group_id=id_, limit=limit, before=before)
        return answer(page.as_json())

    @api.post("/api/sessions")
    async def log_in(request: Request, body: SessionBody) -> Response:
        opened = await accounts.log_in(body.handle, body.password, address=address(request))
        note(request, subject=str(opened.account["id"]))
        return answer({"account": opened.account, "token": opened.token}, 201)

    @api.delete("/api/sessions")
    async def log_out(request: Request) -> Response:
        viewer = await signed_in(request)
        await platform.sessions.end(viewer.token)
        return answer({"signed_out": viewer.handle})

    @api.post("/api/bans")
    async def ban(request: Request, body: BanBody) -> Response:
        platform.bans.check(request.headers.get("authorization", ""))
        return answer(await platform.bans.ban(body.handle, reason=body.reason), 201)

    @api.get("/api/bans")
    async def list_bans(request: Request) -> Response:
        platform.bans.check(request.headers.get("authorization", ""))
        return answer(await platform.bans.listed())

    @api.delete("/api/bans/{id_}")
    async def lift(request: Request, id_: str) -> Response:
        platform.bans.check(request.headers.get("authorization", ""))
        await platform.bans.lift(id_)
        return answer({"lifted": id_})

    @api.get("/api/about")
    async def about() -> Response:
        return answer(platform.about())

    @api.get("/health")
    async def health() -> Response:
        return answer({"status": "ok", "party": platform.party})

    return api


def described(platform: Platform, started: Started) -> dict[str, Json]:
    """A challenge as wallets read it; the binding is not in it."""
    challenge = platform.proofs.challenge(started).to_json() | {"scheme": started.scheme}
    return {"id": started.id, "scheme": started.scheme, "challenge": challenge}


def described_viewer(viewer: Viewer) -> dict[str, Json]:
    """An account as its owner sees it."""
    return {
        "id": viewer.id,
        "handle": viewer.handle,
        "verified": viewer.verified,
        "over": viewer.over,
        "guarded": viewer.guarded,
        "scheme": viewer.scheme or None,
        "bio": viewer.bio,
        "created": viewer.created,
    }
