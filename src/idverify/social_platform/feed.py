"""Posts and what hangs on them: feeds, comments, reactions, shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

import msgspec
from sqlalchemy import Connection, RowMapping, delete, insert, select, text

from idverify.errors import BadMessage, Conflict, NotAllowed, NotFound
from idverify.mandates import Action, Mandate, Standing
from idverify.scheme import Json
from idverify.social_platform import groups, tables
from idverify.social_platform.handles import MOST_TEXT, clean_text
from idverify.social_platform.keys import hashed
from idverify.social_platform.refusals import require
from idverify.social_platform.sessions import Viewer, hold
from idverify.social_platform.tables import insert_new, table
from idverify.storage import Store

MOST_POSTS = 100
"""Posts on one page of a feed."""
REACTIONS = ("like", "thanks", "laugh", "sad")
REPEATABLE = 86_400
"""Seconds for which an Idempotency-Key is remembered."""
CACHED = 1.0
"""Seconds for which a worker may show the newest page of the open feed as it was."""
MOST_CACHED = 16

_COLUMNS = (
    "SELECT p.id, p.text, p.created, p.group_id, p.live, p.account_id, a.handle, a.verified, a.guarded,"
    " p.shares_id, o.text AS shared_text, oa.handle AS shared_handle,"
    " (SELECT count(*) FROM reaction r WHERE r.post_id = p.id) AS reactions,"
    " (SELECT count(*) FROM comment c WHERE c.post_id = p.id) AS comments,"
    " (SELECT count(*) FROM post s WHERE s.shares_id = p.id) AS shares"
    " FROM post p JOIN account a ON a.id = p.account_id"
    " LEFT JOIN post o ON o.id = p.shares_id LEFT JOIN account oa ON oa.id = o.account_id"
)
_PAGE = text(f"{_COLUMNS} WHERE p.group_id = :group_id AND p.id < :before ORDER BY p.id DESC LIMIT :most")
_ONE = text(f"{_COLUMNS} WHERE p.id = :id")
_COMMENTS = text(
    "SELECT c.id, c.text, c.created, a.handle, a.verified, a.guarded FROM comment c JOIN account a"
    " ON a.id = c.account_id WHERE c.post_id = :id ORDER BY c.id LIMIT 200"
)
_END = 2**62


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a feed, newest first; `next` is what to pass as `before` for the next, None at the end."""

    posts: tuple[dict[str, Json], ...]
    next: int | None

    def as_json(self) -> dict[str, Json]:
        return {"posts": self.posts, "next": self.next}


class Feed:
    """Reads and writes posts; asks the mandate before each."""

    def __init__(
        self,
        store: Store,
        mandate: Mandate,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._mandate = mandate
        self._clock = clock
        self._monotonic = monotonic
        self._cache: dict[int, tuple[float, bytes]] = {}
        self._version = 0

    def forget(self) -> None:
        """Something has changed: read the newest page again."""
        self._version += 1
        self._cache.clear()

    async def newest(self, standing: Standing, limit: int) -> bytes:
        """The newest page of the open feed as JSON, at most a second old."""
        require(self._mandate.decide("read", standing, now=self._clock()))
        known = self._cache.get(limit)
        if known is not None and known[0] > self._monotonic():
            return known[1]
        version = self._version
        body = msgspec.json.encode((await self._page("", limit=limit, before=_END)).as_json())
        if version == self._version:
            if len(self._cache) >= MOST_CACHED:
                self._cache.clear()
            self._cache[limit] = (self._monotonic() + CACHED, body)
        return body

    async def page(
        self, viewer: Viewer | None, standing: Standing, *, group_id: str = "", limit: int, before: int | None
    ) -> Page:
        """A page of the open feed or of a group's. Raises NotFound, NotSignedIn, NotAllowed."""
        await self._may_see(viewer, standing, group_id)
        return await self._page(group_id, limit=limit, before=before or _END)

    async def post(self, viewer: Viewer | None, standing: Standing, id_: int) -> dict[str, Json]:
        """One post with its comments. Raises NotFound."""
        row = await self._one(id_)
        await self._may_see(viewer, standing, row["group_id"])
        comments = await self._store.read(lambda c: c.execute(_COMMENTS, {"id": id_}).mappings().all())
        said = [
            {"id": c["id"], "author": _author(c), "text": c["text"], "created": _time(c["created"])} for c in comments
        ]
        return _as_json(row) | {"comments_shown": said}

    async def write_post(
        self, viewer: Viewer, words: str, *, group_id: str = "", live: bool = False, key: str = ""
    ) -> dict[str, Json]:
        """Publish a text. With the same `key` and text again it returns the same post; with another text, Conflict."""
        await self._may(viewer, "livestream" if live else "post", group_id)
        cleaned = _worded(words)
        if len(key) > 200:
            raise BadMessage("the Idempotency-Key is longer than 200 characters")
        now, repeats = self._clock().timestamp(), table(tables.Repeat)
        same = hashed(cleaned, group_id, str(live))

        def write(connection: Connection) -> dict[str, Json]:
            hold(connection, viewer.id)
            if group_id:
                groups.require_member(connection, group_id, viewer.id)
            if key:
                mine = (repeats.c.account_id == viewer.id) & (repeats.c.key == hashed(key))
                connection.execute(delete(repeats).where(repeats.c.created < now - REPEATABLE))
                before = connection.execute(select(repeats).where(mine)).first()
                if before is not None:
                    if before.text_hash != same:
                        raise Conflict("this Idempotency-Key was used with another text", hint="use a new key")
                    old = connection.execute(_ONE, {"id": before.post_id}).mappings().first()
                    if old is None:
                        raise Conflict("this Idempotency-Key made a post that is deleted", hint="use a new key")
                    return _as_json(old)
            id_ = _insert_post(connection, viewer.id, cleaned, group_id=group_id, live=live, now=now)
            if key and not insert_new(
                connection,
                tables.Repeat,
                account_id=viewer.id,
                key=hashed(key),
                post_id=id_,
                text_hash=same,
                created=now,
            ):
                raise Conflict("a request with this Idempotency-Key is under way", hint="try again in a second")
            return _fresh(viewer, id_, cleaned, group_id=group_id, live=live, now=now)

        written = await self._store.write(write)
        self.forget()
        return written

    async def comment(self, viewer: Viewer, id_: int, *, words: str) -> dict[str, Json]:
        """Write under a post."""
        row = await self._one(id_)
        await self._may(viewer, "comment", row["group_id"])
        cleaned, now, comments = _worded(words), self._clock().timestamp(), table(tables.Comment)

        def write(connection: Connection) -> int:
            hold(connection, viewer.id)
            _still_there(connection, id_)
            values = {"post_id": id_, "account_id": viewer.id, "text": cleaned, "created": now}
            made = connection.execute(insert(comments).values(**values)).inserted_primary_key
            return int(made[0]) if made else 0

        number = await self._store.write(write)
        self.forget()
        return {"id": number, "author": _author_of(viewer), "text": cleaned, "created": _time(now)}

    async def react(self, viewer: Viewer, id_: int, *, kind: str) -> dict[str, Json]:
        """React to a post; a second reaction of the same account replaces the first."""
        if kind not in REACTIONS:
            raise BadMessage(f"the reaction is none of {', '.join(REACTIONS)}")
        row = await self._one(id_)
        await self._may(viewer, "react", row["group_id"])
        reactions = table(tables.Reaction)

        def write(connection: Connection) -> None:
            hold(connection, viewer.id)
            _still_there(connection, id_)
            mine = (reactions.c.post_id == id_) & (reactions.c.account_id == viewer.id)
            connection.execute(delete(reactions).where(mine))
            insert_new(connection, tables.Reaction, post_id=id_, account_id=viewer.id, kind=kind)

        await self._store.write(write)
        self.forget()
        return {"post": id_, "kind": kind}

    async def share(self, viewer: Viewer, id_: int) -> dict[str, Json]:
        """Show a post of the open feed again, once per account."""
        row = await self._one(id_)
        await self._may(viewer, "share", row["group_id"])
        if row["group_id"]:
            raise NotAllowed("what is said in a group stays there")
        original, now = int(row["shares_id"] or id_), self._clock().timestamp()

        def write(connection: Connection) -> int:
            hold(connection, viewer.id)
            _still_there(connection, original)
            return _insert_post(connection, viewer.id, "", group_id="", live=False, now=now, shares_id=original)

        try:
            number = await self._store.write(write)
        except Conflict as error:
            raise Conflict("this account has shared this post before") from error
        self.forget()
        return {"id": number, "shares": original}

    async def delete_post(self, viewer: Viewer, id_: int) -> None:
        """Delete one's own post, with everything under it. Raises NotFound for others' posts too."""
        row = await self._one(id_)
        if row["account_id"] != viewer.id:
            raise NotFound("there is no such post of yours")
        posts = table(tables.Post)

        def write(connection: Connection) -> None:
            gone = select(posts.c.id).where((posts.c.shares_id == id_) | (posts.c.id == id_))
            for model in (tables.Comment, tables.Reaction):
                rows = table(model)
                connection.execute(delete(rows).where(rows.c.post_id.in_(gone)))
            connection.execute(delete(posts).where((posts.c.shares_id == id_) | (posts.c.id == id_)))

        await self._store.write(write)
        self.forget()

    async def join(self, viewer: Viewer, group_id: str) -> dict[str, Json]:
        """Enter a group; its age is asked by the mandate's rule for joining."""
        found = groups.group(group_id)
        require(self._mandate.decide("join", viewer.standing, now=self._clock(), group_age=found.age))

        def write(connection: Connection) -> None:
            hold(connection, viewer.id)
            insert_new(connection, tables.Member, group_id=group_id, account_id=viewer.id)

        await self._store.write(write)
        return {"group": group_id, "member": True}

    async def memberships(self, viewer: Viewer) -> frozenset[str]:
        """The ids of the groups that an account is in."""
        return await self._store.read(lambda c: groups.memberships(c, viewer.id))

    async def _may(self, viewer: Viewer, action: Action, group_id: str) -> None:
        require(self._mandate.decide(action, viewer.standing, now=self._clock()))
        if group_id:
            groups.group(group_id)
            await self._store.read(lambda c: groups.require_member(c, group_id, viewer.id))

    async def _may_see(self, viewer: Viewer | None, standing: Standing, group_id: str) -> None:
        require(self._mandate.decide("read", standing, now=self._clock()))
        if group_id and groups.group(group_id).age is not None:
            id_ = viewer.id if viewer else ""
            await self._store.read(lambda c: groups.require_member(c, group_id, id_))

    async def _page(self, group_id: str, *, limit: int, before: int) -> Page:
        if not 1 <= limit <= MOST_POSTS:
            raise BadMessage(f"the limit is {limit}, allowed are 1 to {MOST_POSTS}")
        asked: Mapping[str, str | int] = {"group_id": group_id, "before": min(before, _END), "most": limit + 1}
        rows = await self._store.read(lambda c: c.execute(_PAGE, asked).mappings().all())
        shown = tuple(_as_json(row) for row in rows[:limit])
        return Page(shown, int(rows[limit - 1]["id"]) if len(rows) > limit else None)

    async def _one(self, id_: int) -> RowMapping:
        if not 0 < id_ < _END:
            raise NotFound("there is no such post")
        row = await self._store.read(lambda c: c.execute(_ONE, {"id": id_}).mappings().first())
        if row is None:
            raise NotFound("there is no such post")
        return row


def _insert_post(
    connection: Connection,
    account_id: str,
    words: str,
    *,
    group_id: str,
    live: bool,
    now: float,
    shares_id: int | None = None,
) -> int:
    values = {"account_id": account_id, "group_id": group_id, "text": words, "live": live, "created": now}
    made = connection.execute(insert(table(tables.Post)).values(**values, shares_id=shares_id)).inserted_primary_key
    return int(made[0]) if made else 0


def _still_there(connection: Connection, id_: int) -> None:
    posts = table(tables.Post)
    if connection.execute(select(posts.c.id).where(posts.c.id == id_)).first() is None:
        raise NotFound("there is no such post")


def _worded(words: str) -> str:
    cleaned = clean_text(words)
    if not cleaned:
        raise BadMessage(f"the text is empty, allowed are 1 to {MOST_TEXT} characters")
    return cleaned


def _author(row: RowMapping) -> dict[str, Json]:
    return {"handle": row["handle"], "verified": bool(row["verified"]), "guarded": bool(row["guarded"])}


def _author_of(viewer: Viewer) -> dict[str, Json]:
    return {"handle": viewer.handle, "verified": viewer.verified, "guarded": viewer.guarded}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def _as_json(row: RowMapping) -> dict[str, Json]:
    shared = {"id": row["shares_id"], "handle": row["shared_handle"], "text": row["shared_text"]}
    return {
        "id": row["id"],
        "author": _author(row),
        "text": row["text"],
        "group": row["group_id"] or None,
        "live": bool(row["live"]),
        "created": _time(row["created"]),
        "shares_of": shared if row["shares_id"] is not None else None,
        "reactions": row["reactions"],
        "comments": row["comments"],
        "shares": row["shares"],
    }


def _fresh(viewer: Viewer, id_: int, words: str, *, group_id: str, live: bool, now: float) -> dict[str, Json]:
    return {
        "id": id_,
        "author": _author_of(viewer),
        "text": words,
        "group": group_id or None,
        "live": live,
        "created": _time(now),
        "shares_of": None,
        "reactions": 0,
        "comments": 0,
        "shares": 0,
    }
