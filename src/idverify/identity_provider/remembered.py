"""What the issuer remembers of a person under one scheme: a tag, set once, so that nobody is somebody else next time.

The tag is stored before anybody sees the answer that it belongs to. Of first issues at the same moment one wins, over
all worker processes; those that came with another tag lose.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from idverify.errors import Conflict
from idverify.identity_provider.tables import Remembered


def recall(connection: Connection, id_number: str, *, scheme: str) -> bytes:
    """The person's tag; empty where there is none yet."""
    table = Remembered.__table__  # type: ignore[attr-defined]
    query = select(table.c.tag).where(table.c.id_number == id_number, table.c.scheme == scheme)
    return bytes(connection.execute(query).scalar() or b"")


def remember(connection: Connection, id_number: str, *, scheme: str, before: bytes, tag: bytes) -> None:
    """Store `tag`, which was made where `before` was known. Raises Conflict where another one came in between."""
    if tag == before:
        return
    row = {"id_number": id_number, "scheme": scheme, "before": before, "tag": tag}
    if connection.execute(_REMEMBER, row).scalar() is None:
        raise Conflict(
            "another wallet of this person enrolled at the same moment",
            hint="start again with the seed of the wallet that was first",
        )


_REMEMBER = text(
    "INSERT INTO remembered (id_number, scheme, tag) VALUES (:id_number, :scheme, :tag) "
    "ON CONFLICT (id_number, scheme) DO UPDATE SET tag = :tag "
    "WHERE remembered.tag = :before OR remembered.tag = :tag RETURNING tag"
)
