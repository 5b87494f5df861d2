"""The pages for people: feed, posts, groups, one's own account. They work without JavaScript."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.templating import Jinja2Templates

from idverify.errors import NotFound, NotSignedIn
from idverify.mandates import ACTIONS, Action, Decision
from idverify.social_platform import groups, sign_up_pages
from idverify.social_platform.api import address
from idverify.social_platform.browser import Browser, Visit, go, page_route
from idverify.social_platform.groups import Group
from idverify.social_platform.keys import new_token
from idverify.social_platform.platform import Platform
from idverify.social_platform.sessions import VISITOR

ON_A_PAGE = 20


def router(platform: Platform, templates: Jinja2Templates) -> APIRouter:
    """The routes outside /api."""
    browser = Browser(platform, templates)
    pages = APIRouter(include_in_schema=False, route_class=page_route(browser))
    feed, accounts, mandate = platform.feed, platform.accounts, platform.mandate

    def may(visit: Visit, action: Action, *, group_age: int | None = None) -> Decision:
        standing = visit.viewer.standing if visit.viewer else VISITOR
        return mandate.decide(action, standing, now=platform.clock(), group_age=group_age)

    def all_may(visit: Visit) -> dict[str, Decision]:
        return {action: may(visit, action) for action in ACTIONS}

    async def feed_page(visit: Visit, found: Group | None, *, member: bool, before: int | None) -> Response:
        standing = visit.viewer.standing if visit.viewer else VISITOR
        id_ = found.id if found else ""
        page = await feed.page(visit.viewer, standing, group_id=id_, limit=ON_A_PAGE, before=before)
        may = all_may(visit)
        return browser.page(
            visit, "feed.html", group=found, member=member, posts=page.posts, next=page.next, may=may, key=new_token()
        )

    @pages.get("/")
    async def home(request: Request, before: int | None = None) -> Response:
        return await feed_page(await browser.visit(request), None, member=True, before=before)

    @pages.post("/posts")
    async def write_post(request: Request) -> Response:
        visit, form = await browser.form(request)
        group_id = form.get("group", "")
        if group_id:
            groups.group(group_id)
        await feed.write_post(visit.signed_in, form.get("text", ""), group_id=group_id, key=form.get("key", ""))
        return go(f"/groups/{group_id}" if group_id else "/")

    @pages.get("/posts/{id_}")
    async def read_post(request: Request, id_: int) -> Response:
        visit = await browser.visit(request)
        standing = visit.viewer.standing if visit.viewer else VISITOR
        post = await feed.post(visit.viewer, standing, id_)
        return browser.page(visit, "post.html", post=post, may=all_may(visit))

    @pages.post("/posts/{id_}/{deed}")
    async def act(request: Request, id_: int, deed: str) -> Response:
        visit, form = await browser.form(request)
        if deed == "comments":
            await feed.comment(visit.signed_in, id_, words=form.get("text", ""))
        elif deed == "reactions":
            await feed.react(visit.signed_in, id_, kind="like")
        elif deed == "shares":
            await feed.share(visit.signed_in, id_)
            return go("/")
        elif deed == "delete":
            await feed.delete_post(visit.signed_in, id_)
            return go("/")
        else:
            raise NotFound("there is no such page")
        return go(f"/posts/{id_}")

    @pages.get("/groups")
    async def list_groups(request: Request) -> Response:
        visit = await browser.visit(request)
        mine = await feed.memberships(visit.viewer) if visit.viewer else frozenset()
        listed = [
            {"group": g, "member": g.id in mine, "join": may(visit, "join", group_age=g.age)}
            for g in groups.GROUPS.values()
        ]
        return browser.page(visit, "groups.html", groups=listed)

    @pages.get("/groups/{id_}")
    async def show_group(request: Request, id_: str, before: int | None = None) -> Response:
        visit, found = await browser.visit(request), groups.group(id_)
        mine = await feed.memberships(visit.viewer) if visit.viewer else frozenset()
        if found.age is not None and id_ not in mine:
            return go("/groups")
        return await feed_page(visit, found, member=id_ in mine, before=before)

    @pages.post("/groups/{id_}/members")
    async def join(request: Request, id_: str) -> Response:
        visit, _ = await browser.form(request)
        await feed.join(visit.signed_in, id_)
        return go(f"/groups/{id_}")

    @pages.get("/me")
    async def me(request: Request, welcome: str = "") -> Response:
        visit = await browser.visit(request)
        viewer = visit.signed_in
        mine = await feed.memberships(viewer)
        scheme = platform.schemes.get(viewer.scheme)
        return browser.page(
            visit,
            "me.html",
            scheme=scheme.info if scheme else None,
            groups=[g for g in groups.GROUPS.values() if g.id in mine],
            may=all_may(visit),
            kept=sorted(await accounts.kept(viewer)),
            welcome=bool(welcome),
        )

    @pages.post("/me")
    async def change(request: Request) -> Response:
        visit, form = await browser.form(request)
        await accounts.change(visit.signed_in, bio=form.get("bio", ""))
        return go("/me")

    @pages.post("/me/delete")
    async def delete(request: Request) -> Response:
        visit, form = await browser.form(request)
        viewer = visit.signed_in
        if form.get("handle", "") != viewer.handle:
            raise NotFound("to delete the account, its handle must be typed exactly")
        said = await accounts.delete(viewer)
        feed.forget()
        gone = Visit(visit.request, None, visit.csrf, "")
        return browser.sign_out(browser.page(gone, "deleted.html", said=said))

    @pages.get("/log-in")
    async def log_in_form(request: Request) -> Response:
        return browser.page(await browser.visit(request), "log_in.html", wrong=None)

    @pages.post("/log-in")
    async def log_in(request: Request) -> Response:
        visit, form = await browser.form(request)
        try:
            opened = await accounts.log_in(form.get("handle", ""), form.get("password", ""), address=address(request))
        except NotSignedIn as error:
            return browser.page(visit, "log_in.html", status=401, wrong=error)
        return browser.sign_in(go("/"), opened.token)

    @pages.post("/log-out")
    async def log_out(request: Request) -> Response:
        visit, _ = await browser.form(request)
        if visit.viewer is not None:
            await platform.sessions.end(visit.viewer.token)
        return browser.sign_out(go("/"))

    sign_up_pages.add(pages, platform, browser)
    return pages
