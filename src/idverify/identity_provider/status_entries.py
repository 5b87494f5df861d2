"""Entries of status lists: which are given out, to whom, and which of them are revoked.

An index is a random one that was never given out before, over all worker processes and for ever. A list has its
entries in an order that only its secret seed tells, and each process reserves the next block of that order, one
process at a time. So the index says nothing about who came before or after, and drawing one costs no query.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, insert, select, text, update

from idverify.errors import Unavailable
from idverify.identity_provider.tables import StatusEntry, StatusList
from idverify.scheme import Status
from idverify.storage import Store, one_process_at_a_time

SIZE = 2**17
"""Entries of one list: 16 KiB before compression, a herd of 131,072."""
BLOCK = 2**12
"""Entries that a process reserves at a time; a restart loses what it did not use."""
SEED_BYTES = 32
LONGEST_LIFE = 100 * 86_400
"""Seconds after which an entry is forgotten: no credential here is valid for longer than three months."""
LIST_TABLE = StatusList.__table__  # type: ignore[attr-defined]
ENTRY_TABLE = StatusEntry.__table__  # type: ignore[attr-defined]


class Entries:
    """The entries that this process may give out. `host` is the origin of the status host; empty: there are none."""

    def __init__(self, store: Store, *, host: str, size: int = SIZE, block: int = BLOCK) -> None:
        self._store = store
        self._host = host.rstrip("/")
        self._size = size
        self._block = min(block, size)
        self._at_hand: deque[Status] = deque()
        self._filling: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Have enough entries at hand for the next answer, of however many credentials. Raises Unavailable."""
        while self._host and len(self._at_hand) < self._block // 2:
            if self._filling is None or self._filling.done():
                self._filling = asyncio.get_running_loop().create_task(self._fill())
            await asyncio.shield(self._filling)

    def draw(self) -> Status | None:
        """An entry that nobody else ever gets. Raises Unavailable where more are drawn than `ready` prepared."""
        if not self._host:
            return None
        try:
            return self._at_hand.popleft()
        except IndexError as error:
            raise Unavailable("no entry of a status list is at hand", hint="try again in a second") from error

    async def _fill(self) -> None:
        number, entries = await self._store.write(
            lambda connection: _reserve(connection, size=self._size, block=self._block)
        )
        self._at_hand.extend(Status(uri_of(self._host, number), entry) for entry in entries)


def uri_of(host: str, number: int) -> str:
    """Where the list with this number is found."""
    return f"{host.rstrip('/')}/lists/{number}"


def bind(connection: Connection, drawn: Sequence[Status], *, id_number: str, scheme: str, now: float) -> None:
    """Store whose the drawn entries are, in the transaction after which the credentials go out."""
    if not drawn:
        return
    connection.execute(delete(ENTRY_TABLE).where(ENTRY_TABLE.c.expires <= now))
    rows = [
        {
            "number": int(status.uri.rpartition("/")[2]),
            "entry": status.index,
            "id_number": id_number,
            "scheme": scheme,
            "issued": now,
            "expires": now + LONGEST_LIFE,
            "revoked": 0.0,
        }
        for status in drawn
    ]
    connection.execute(insert(ENTRY_TABLE), rows)


def revoke(connection: Connection, id_number: str, *, scheme: str, now: float) -> int:
    """Revoke all that a person has of one scheme, or of all where `scheme` is empty. Returns how many that were."""
    entries = ENTRY_TABLE.c
    change = update(ENTRY_TABLE).where(entries.id_number == id_number, entries.revoked == 0, entries.expires > now)
    if scheme:
        change = change.where(entries.scheme == scheme)
    numbers = connection.execute(change.values(revoked=now).returning(entries.number)).scalars().all()
    if numbers:
        lists = LIST_TABLE.c
        newer = update(LIST_TABLE).where(lists.number.in_(set(numbers))).values(version=lists.version + 1)
        connection.execute(newer)
    return len(numbers)


def _reserve(connection: Connection, *, size: int, block: int) -> tuple[int, Sequence[int]]:
    """The next block of the newest list, or the first of a new one."""
    # Otherwise several processes would begin the same new list, and all but one of them would have to try again,
    # for as long as the others are quicker.
    one_process_at_a_time(connection, "status lists")
    newest = connection.execute(select(func.max(LIST_TABLE.c.number))).scalar() or 0
    row = connection.execute(_TAKE, {"block": block, "newest": newest}).first()
    if row is None:
        number, seed, used = newest + 1, secrets.token_bytes(SEED_BYTES), block
        new = {"number": number, "seed": seed, "size": size, "used": used, "version": 0}
        connection.execute(insert(LIST_TABLE), new)
    else:
        number, seed, size, used = row
    return number, _order(bytes(seed), size)[used - block : used].tolist()


def _order(seed: bytes, size: int) -> NDArray[np.intp]:
    """All indices in the order of 8 pseudo-random bytes each (SHAKE-256 of the seed)."""
    return np.frombuffer(hashlib.shake_256(seed).digest(8 * size), dtype="<u8").argsort(kind="stable")


_TAKE = text(
    "UPDATE statuslist SET used = used + :block "
    "WHERE number = :newest AND used + :block <= size "
    "RETURNING number, seed, size, used"
)
