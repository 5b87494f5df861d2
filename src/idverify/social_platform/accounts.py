"""Accounts: made from a code or from nothing where the mandate lets such be, raised by a proof, deleted."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, text, update

from idverify.errors import AlreadyUsed, Conflict, NotAllowed, NotSignedIn, TooMany, TooYoung
from idverify.mandates import Mandate
from idverify.scheme import Json
from idverify.social_platform import tables
from idverify.social_platform.bans import refuse_banned, refuse_banned_account
from idverify.social_platform.deletion import DAY, LOGINS, delete_account, erase_log
from idverify.social_platform.handles import MOST_BIO, clean_handle, clean_text, handle_key
from idverify.social_platform.keys import hashed, new_token
from idverify.social_platform.passwords import check_password, hash_password
from idverify.social_platform.proofs import ADULT, GUARD, Redeemed, redeem
from idverify.social_platform.refusals import NotVerified, require
from idverify.social_platform.sessions import Sessions, Viewer, hold, open_session
from idverify.social_platform.tables import insert_new, table
from idverify.storage import Store

MOST_WARDS = 10
"""Children's accounts that one guardian can register, where the scheme lets a platform recognise a guardian."""
FAILURES = 10
"""Wrong passwords for one account within WINDOW."""
WINDOW = 900
"""Seconds."""

_COUNT = text(
    'INSERT INTO failure (who, "window", count) VALUES (:who, :window, 1)'
    ' ON CONFLICT (who, "window") DO UPDATE SET count = failure.count + 1 RETURNING count'
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A new account with its first session. `flow` is the challenge that led to it, if one did."""

    account: Mapping[str, Json]
    flow: str
    token: str = field(repr=False)


class Accounts:
    """Opens, raises and deletes accounts under one mandate."""

    def __init__(self, store: Store, mandate: Mandate, *, sessions: Sessions, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._mandate = mandate
        self._sessions = sessions
        self._clock = clock

    async def open(
        self,
        handle: str,
        *,
        code: str = "",
        binding: str = "",
        password: str = "",
        ward: bool = False,
        address: str = "",
    ) -> Opened:
        """A new account and a session for it.

        Raises NotVerified, NotProven, TooYoung, AlreadyUsed, Conflict for a handle that is taken, BadMessage.
        """
        cleaned, now = clean_handle(handle), self._clock().timestamp()
        if not code and ward:
            raise NotVerified("a guardian registers a child's account with a proof of their own")
        if not code and not self._mandate.unverified_accounts:
            raise NotVerified(
                f"under {self._mandate.title} an account needs a proof",
                hint="start with a challenge at /api/challenges",
            )
        stored = await hash_password(password) if password else ""
        id_, token = f"a{secrets.token_hex(10)}", new_token()

        def write(connection: Connection) -> Opened:
            proof = redeem(connection, code, binding=binding, now=now) if code else None
            row: dict[str, str | int | float | None] = {
                "id": id_,
                "handle": cleaned,
                "handle_key": handle_key(cleaned),
                "verified": proof is not None,
                "over": proof.over if proof and not ward else None,
                "guarded": ward,
                "scheme": proof.scheme if proof else "",
                "bio": "",
                "password": stored,
                "created": now,
            }
            if proof is not None:
                self._admit(connection, proof, id_, ward=ward)
            if not insert_new(connection, tables.Account, **row):
                raise Conflict(f"the handle {cleaned} is taken", hint="choose another one")
            if proof is not None:
                _keep(connection, id_, proof.kept)
            open_session(connection, id_, token=token, now=now)
            self._log(connection, id_, address=address, now=now)
            return Opened(public_account(row), proof.challenge_id if proof else "", token)

        return await self._store.write(write)

    async def raise_standing(self, viewer: Viewer, *, code: str, binding: str) -> tuple[Mapping[str, Json], str]:
        """Add a proof to an account; returns the account and the challenge's id. Raises as `open` does."""
        accounts, now = table(tables.Account), self._clock().timestamp()

        def write(connection: Connection) -> tuple[Mapping[str, Json], str]:
            hold(connection, viewer.id)
            proof = redeem(connection, code, binding=binding, now=now)
            if proof.action == GUARD:
                raise NotAllowed("this proof was given to register a child's account")
            if viewer.guarded:
                raise NotAllowed("this is a child's account, which its guardian's proof stands for")
            old = connection.execute(select(accounts).where(accounts.c.id == viewer.id)).first()
            if old is None:
                raise NotSignedIn("the account has been deleted")
            if proof.action == "sign_up":
                require(self._mandate.sign_up(proof.over, guarded=False))
            if proof.pseudonym:
                refuse_banned(connection, scheme=proof.scheme, pseudonym=proof.pseudonym)
                _same_person(connection, proof, viewer.id, first=proof.action == "sign_up")
            known = [age for age in (old.over, proof.over) if age is not None]
            verified = bool(old.verified) or proof.action == "sign_up"
            values = {
                "verified": verified,
                "over": max(known, default=None),
                "scheme": proof.scheme if proof.action == "sign_up" or not old.scheme else old.scheme,
            }
            connection.execute(update(accounts).where(accounts.c.id == viewer.id).values(**values))
            _keep(connection, viewer.id, proof.kept)
            return public_account(old._asdict() | values), proof.challenge_id

        raised = await self._store.write(write)
        self._sessions.forget(viewer.id)
        return raised

    async def log_in(self, handle: str, password: str, *, address: str = "") -> Opened:
        """A session for a handle and password. Raises NotSignedIn, Banned, TooMany; as slow for unknown handles."""
        accounts, now = table(tables.Account), self._clock().timestamp()
        key = handle_key(handle[: 4 * MOST_BIO])
        who = {"who": hashed("handle", key), "window": int(now // WINDOW)}

        def count(connection: Connection) -> int:
            failures = table(tables.Failure)
            connection.execute(delete(failures).where(failures.c.window < who["window"]))
            return int(connection.execute(_COUNT, who).scalar_one())

        if await self._store.write(count) > FAILURES:
            raise TooMany("too many wrong passwords for this account", hint="try again in a quarter of an hour")
        row = await self._store.read(lambda c: c.execute(select(accounts).where(accounts.c.handle_key == key)).first())
        good = await check_password(password, row.password if row else "")
        if row is None or not good:
            raise NotSignedIn("no account has this handle and this password")
        token = new_token()

        def write(connection: Connection) -> None:
            hold(connection, row.id)
            refuse_banned_account(connection, row.id)
            failures = table(tables.Failure)
            connection.execute(delete(failures).where(failures.c.who == who["who"]))
            open_session(connection, row.id, token=token, now=now)
            self._log(connection, row.id, address=address, now=now)

        await self._store.write(write)
        return Opened(public_account(row._asdict()), "", token)

    async def change(self, viewer: Viewer, *, bio: str) -> Mapping[str, Json]:
        """A new profile text."""
        accounts, cleaned = table(tables.Account), clean_text(bio, most=MOST_BIO, what="bio")

        def write(connection: Connection) -> Mapping[str, Json]:
            connection.execute(update(accounts).where(accounts.c.id == viewer.id).values(bio=cleaned))
            row = connection.execute(select(accounts).where(accounts.c.id == viewer.id)).first()
            if row is None:
                raise NotSignedIn("the account has been deleted")
            return public_account(row._asdict())

        changed = await self._store.write(write)
        self._sessions.forget(viewer.id)
        return changed

    async def kept(self, viewer: Viewer) -> frozenset[str]:
        """The names of the claims that this platform keeps of an account."""
        kept = table(tables.Kept)
        mine = select(kept.c.claim).where(kept.c.account_id == viewer.id)
        return frozenset(await self._store.read(lambda c: c.execute(mine).scalars().all()))

    async def delete(self, viewer: Viewer) -> Mapping[str, Json]:
        """Delete the account and all that hangs on it; says what stays, and why."""
        now, rules = self._clock().timestamp(), self._mandate.kept()
        days = {name: rule.value for name, rule in rules.items() if rule.value}

        def write(connection: Connection) -> dict[str, Json]:
            stays = delete_account(connection, viewer.id, days=days, now=now)
            return {
                "deleted": viewer.handle,
                "kept": stays,
                "kept_as_hashes": "that a proof was used and that this person had an account, so that deleting an"
                " account does not give a second one; nobody can read a name or number from these hashes",
            }

        answer = await self._store.write(write)
        self._sessions.forget(viewer.id)
        await erase_log(self._store)
        return answer

    def _log(self, connection: Connection, account_id: str, *, address: str, now: float) -> None:
        """Note a log-in where the mandate makes platforms keep them, and drop those kept long enough."""
        rule, logins = self._mandate.kept().get(LOGINS), table(tables.Login)
        if rule is None:
            return
        until = None if rule.value is None else now + rule.value * DAY
        connection.execute(delete(logins).where(logins.c.until <= now))
        values = {"account_id": account_id, "address": address[:100], "time": now, "until": until}
        connection.execute(insert(logins).values(**values))

    def _admit(self, connection: Connection, proof: Redeemed, account_id: str, *, ward: bool) -> None:
        """Raises where this proof opens no such account."""
        if ward != (proof.action == GUARD):
            raise NotAllowed(
                "a proof of a guardian opens a child's account, and no other proof does",
                hint='start the challenge with "ward": true to register a child',
            )
        if proof.action not in ("sign_up", GUARD):
            raise NotAllowed("this proof was given to join a group, not to open an account")
        if ward and (proof.over is None or proof.over < ADULT):
            raise TooYoung(f"a guardian proves {ADULT} years")
        require(self._mandate.sign_up(None if ward else proof.over, guarded=ward))
        if proof.pseudonym:
            refuse_banned(connection, scheme=proof.scheme, pseudonym=proof.pseudonym)
        if proof.pseudonym and ward:
            _count_ward(connection, proof)
        elif proof.pseudonym:
            values = {"scheme": proof.scheme, "pseudonym": proof.pseudonym, "account_id": account_id}
            if not insert_new(connection, tables.Pseudonym, **values):
                raise AlreadyUsed("this person already has an account here", hint="sign in to that account")


def public_account(row: Mapping[str, object]) -> dict[str, Json]:
    """What an account's owner is told of it."""
    over, created = row["over"], row["created"]
    return {
        "id": str(row["id"]),
        "handle": str(row["handle"]),
        "verified": bool(row["verified"]),
        "over": over if isinstance(over, int) else None,
        "guarded": bool(row["guarded"]),
        "scheme": str(row["scheme"]) or None,
        "bio": str(row["bio"]),
        "created": created if isinstance(created, float) else None,
    }


def _same_person(connection: Connection, proof: Redeemed, account_id: str, *, first: bool) -> None:
    """An account stays one person's, and a person has one account. Raises AlreadyUsed, Conflict."""
    people = table(tables.Pseudonym)
    of_account = connection.execute(
        select(people.c.pseudonym).where(people.c.account_id == account_id, people.c.scheme == proof.scheme)
    ).scalar_one_or_none()
    if of_account is not None:
        if of_account != proof.pseudonym:
            raise Conflict("this account was proven by another person")
        return
    values = {"scheme": proof.scheme, "pseudonym": proof.pseudonym, "account_id": account_id}
    if first and not insert_new(connection, tables.Pseudonym, **values):
        raise AlreadyUsed("this person already has an account here", hint="sign in to that account")


def _count_ward(connection: Connection, proof: Redeemed) -> None:
    wards = table(tables.Ward)
    mine = (wards.c.scheme == proof.scheme) & (wards.c.pseudonym == proof.pseudonym)
    number = connection.execute(select(func.count()).select_from(wards).where(mine)).scalar_one() + 1
    if number > MOST_WARDS:
        raise TooMany(f"a guardian can register {MOST_WARDS} children here")
    if not insert_new(connection, tables.Ward, scheme=proof.scheme, pseudonym=proof.pseudonym, number=number):
        raise Conflict("another child was registered by this guardian at the same moment", hint="try again")


def _keep(connection: Connection, account_id: str, claims: Mapping[str, str]) -> None:
    kept = table(tables.Kept)
    for claim, value in claims.items():
        connection.execute(delete(kept).where(kept.c.account_id == account_id, kept.c.claim == claim))
        insert_new(connection, tables.Kept, account_id=account_id, claim=claim, value=value, until=None)
