"""Deleting an account: everything goes except what the mandate keeps, and hashes that say a proof was used."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from sqlalchemy import Connection, delete, func, select, update

from idverify.errors import Unavailable
from idverify.scheme import Json
from idverify.social_platform import tables
from idverify.social_platform.tables import table
from idverify.storage import Store

DAY = 86_400.0
"""Seconds."""
TRIES, PAUSE = 40, 0.05
"""How often, and with how many seconds between, the write-ahead log is emptied before a busy database wins."""
LOGINS = "logins"
"""What mandates call the times and addresses of log-ins."""


def delete_account(connection: Connection, account_id: str, *, days: Mapping[str, int], now: float) -> dict[str, Json]:
    """Remove an account and all that hangs on it; returns what stays, by name, with the reason.

    `days` says how long the mandate makes a platform keep a claim after the account.
    """
    posts, comments, reactions = (table(t) for t in (tables.Post, tables.Comment, tables.Reaction))
    people, kept, accounts = (table(t) for t in (tables.Pseudonym, tables.Kept, tables.Account))
    # Whoever writes for this account holds its row (`sessions.hold`), so nothing comes in behind our back.
    connection.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update())
    own = select(posts.c.id).where(posts.c.account_id == account_id)
    shares = select(posts.c.id).where(posts.c.shares_id.in_(own))
    for rows in (comments, reactions):
        connection.execute(delete(rows).where(rows.c.post_id.in_(shares)))
        connection.execute(delete(rows).where(rows.c.post_id.in_(own)))
        connection.execute(delete(rows).where(rows.c.account_id == account_id))
    gone = list(connection.execute(own).scalars())
    for part in (gone[i : i + 500] for i in range(0, len(gone), 500)):
        connection.execute(delete(posts).where(posts.c.shares_id.in_(part)))
    connection.execute(delete(posts).where(posts.c.account_id == account_id))
    for model in (tables.Session, tables.Member, tables.Repeat):
        rows = table(model)
        connection.execute(delete(rows).where(rows.c.account_id == account_id))
    connection.execute(update(people).where(people.c.account_id == account_id).values(account_id=""))
    connection.execute(delete(kept).where((kept.c.account_id == account_id) & kept.c.claim.not_in(list(days))))
    connection.execute(delete(kept).where(kept.c.until <= now))
    stays: dict[str, Json] = {}
    for claim, many in days.items():
        mine = (kept.c.account_id == account_id) & (kept.c.claim == claim)
        if connection.execute(update(kept).where(mine).values(until=now + many * DAY)).rowcount:
            stays[claim] = f"{many} days, because the mandate says so"
    if logins := _logins_left(connection, account_id):
        stays[LOGINS] = f"{logins} log-ins, each for the days that the mandate says"
    connection.execute(delete(accounts).where(accounts.c.id == account_id))
    return stays


def _logins_left(connection: Connection, account_id: str) -> int:
    logins = table(tables.Login)
    mine = logins.c.account_id == account_id
    connection.execute(delete(logins).where(mine, logins.c.until.is_(None)))
    return int(connection.execute(select(func.count()).select_from(logins).where(mine)).scalar_one())


async def erase_log(store: Store) -> None:
    """Empty SQLite's write-ahead log, which keeps what was deleted as older copies of pages."""
    for _ in range(TRIES):
        with suppress(Unavailable):  # the account is gone all the same, and the next deletion tries again
            if await store.read(_checkpoint):
                return
        await asyncio.sleep(PAUSE)


def _checkpoint(connection: Connection) -> bool:
    """Whether the log is empty now. Does not wait for others, because reads of SQLite block the event loop."""
    if connection.dialect.name != "sqlite":
        return True
    patience = int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())
    connection.exec_driver_sql("PRAGMA busy_timeout=0").close()
    try:
        busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={patience}").close()
    return not busy
