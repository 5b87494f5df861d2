"""Bans: a person whom this platform lets in no more, known only by the pseudonym of a scheme.

A moderator bans the person behind a handle. What is kept is the keyed hash of each pseudonym that the account was
proven with, so that the ban survives the account and a new phone, and names nobody. It holds for the schemes with which
that account was proven: no scheme tells what somebody is called under another. Where none of them gives a pseudonym,
nothing would recognise the person, and the moderator is told so.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from idverify.errors import BadSetting, CannotAnswer, NotFound, NotSignedIn
from idverify.scheme import Json
from idverify.social_platform import tables
from idverify.social_platform.handles import clean_text, handle_key
from idverify.social_platform.keys import hashed
from idverify.social_platform.refusals import Banned
from idverify.social_platform.sessions import Sessions
from idverify.social_platform.tables import insert_new, table
from idverify.storage import Store

MOST_REASON, SHORTEST = 200, 16
"""Characters of a reason at most, and of the moderator's token at least."""


class Bans:
    """What a moderator does. `token` is the secret that makes somebody one; empty: nobody is."""

    def __init__(self, store: Store, token: str, *, sessions: Sessions, clock: Callable[[], datetime]) -> None:
        if 0 < len(token) < SHORTEST:
            raise BadSetting(f"IDVERIFY_MODERATOR is shorter than {SHORTEST} characters", hint="use a random one")
        self._store = store
        self._token_hash = hashed(token) if token else ""
        self._sessions = sessions
        self._clock = clock

    def check(self, authorization: str) -> None:
        """Raises NotFound where there are no moderators, NotSignedIn for anybody who is none."""
        if not self._token_hash:
            raise NotFound("this platform has no moderators", hint="its operator sets IDVERIFY_MODERATOR")
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(hashed(token.strip()), self._token_hash):
            raise NotSignedIn("only a moderator may do that", hint="send the moderator's token as a Bearer token")

    async def ban(self, handle: str, *, reason: str) -> Mapping[str, Json]:
        """Ban the person behind an account and end its sessions. Raises NotFound, CannotAnswer, BadMessage."""
        accounts, people, sessions = (table(t) for t in (tables.Account, tables.Pseudonym, tables.Session))
        said = clean_text(reason, most=MOST_REASON, what="reason") if reason else ""
        now, id_ = self._clock().timestamp(), f"b{secrets.token_hex(10)}"

        def write(connection: Connection) -> str:
            account = connection.execute(
                select(accounts.c.id).where(accounts.c.handle_key == handle_key(handle))
            ).scalar_one_or_none()
            if account is None:
                raise NotFound("no account has this handle")
            own = select(people.c.scheme, people.c.pseudonym).where(people.c.account_id == account)
            known = connection.execute(own).all()
            if not known:
                raise CannotAnswer(
                    "nothing would recognise this person: the account was proven without a pseudonym",
                    hint="delete what the account has posted; ask for a scheme that gives one account per person",
                )
            for scheme, pseudonym in known:
                row = {"scheme": scheme, "pseudonym": pseudonym, "ban": id_, "reason": said, "created": now}
                insert_new(connection, tables.BannedPseudonym, **row)
            connection.execute(delete(sessions).where(sessions.c.account_id == account))
            return str(account)

        account = await self._store.write(write)
        self._sessions.forget(account)
        return (await self.listed(of=account)) | {"handle": handle}

    async def listed(self, *, of: str = "") -> dict[str, Json]:
        """All bans, oldest first; or those that keep one account out. No pseudonym is shown."""
        banned, people = table(tables.BannedPseudonym), table(tables.Pseudonym)
        wanted = select(banned.c.ban, banned.c.scheme, banned.c.reason, banned.c.created).order_by(banned.c.created)
        if of:
            same = (banned.c.scheme == people.c.scheme) & (banned.c.pseudonym == people.c.pseudonym)
            wanted = wanted.join(people, same).where(people.c.account_id == of)
        rows = await self._store.read(lambda connection: connection.execute(wanted).all())
        return {"bans": [{"id": r.ban, "scheme": r.scheme, "reason": r.reason, "since": r.created} for r in rows]}

    async def lift(self, id_: str) -> None:
        """Let a person in again. Raises NotFound."""
        banned = table(tables.BannedPseudonym)
        lifted = await self._store.write(lambda c: c.execute(delete(banned).where(banned.c.ban == id_)).rowcount)
        if not lifted:
            raise NotFound("there is no such ban")


def refuse_banned(connection: Connection, *, scheme: str, pseudonym: str) -> None:
    """Inside a unit of work. Raises Banned."""
    banned = table(tables.BannedPseudonym)
    query = select(banned.c.reason).where(banned.c.scheme == scheme, banned.c.pseudonym == pseudonym)
    reason = connection.execute(query).scalar_one_or_none()
    if reason is not None:
        raise Banned("this person was banned from this platform" + (f": {reason}" if reason else ""))


def refuse_banned_account(connection: Connection, account_id: str) -> None:
    """The same for whoever signs in to an account. Raises Banned."""
    people = table(tables.Pseudonym)
    own = select(people.c.scheme, people.c.pseudonym).where(people.c.account_id == account_id)
    for scheme, pseudonym in connection.execute(own).all():
        refuse_banned(connection, scheme=scheme, pseudonym=pseudonym)
