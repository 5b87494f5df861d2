"""What a platform stores. Everything that may happen only once is a primary or unique key.

Times are seconds since 1970, hashes are SHA-256 or HMAC-SHA-256 in hexadecimal. No table holds a token, a code, a
nonce or an ID number in the clear, except a claim in `Kept` that the mandate makes the platform keep.
"""

from __future__ import annotations

from sqlalchemy import Connection, Index, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class PlatformTable(SQLModel, registry=registry()):
    """The parent of all tables here, so that other parties' tables stay out of a platform's database."""


class ServerKey(PlatformTable, table=True):
    """A secret that all workers of this platform share."""

    name: str = Field(primary_key=True)
    value: bytes


class Account(PlatformTable, table=True):
    """One account. `over` is the proven lowest age in years; `scheme` is how it was proven."""

    id: str = Field(primary_key=True)
    handle: str
    handle_key: str = Field(unique=True)
    verified: bool
    over: int | None
    guarded: bool
    scheme: str
    bio: str
    password: str
    created: float


class Session(PlatformTable, table=True):
    """A signed-in client; only the hash of its token."""

    token_hash: str = Field(primary_key=True)
    account_id: str = Field(index=True)
    expires: float


class Nonce(PlatformTable, table=True):
    """A challenge that was answered; the row may go when the challenge has expired anyway."""

    nonce_hash: str = Field(primary_key=True)
    expires: float = Field(index=True)


class Spent(PlatformTable, table=True):
    """A proof that was accepted and never will be again."""

    scheme: str = Field(primary_key=True)
    spent_hash: str = Field(primary_key=True)


class Code(PlatformTable, table=True):
    """The result of a presentation, waiting for the client that started it."""

    code_hash: str = Field(primary_key=True)
    challenge_id: str
    binding_hash: str
    scheme: str
    action: str
    over: int | None
    pseudonym: str
    kept: str  # JSON, the claims that the mandate makes the platform keep; emptied on use
    used: bool
    expires: float = Field(index=True)


class Pseudonym(PlatformTable, table=True):
    """A person, as far as a scheme lets this platform recognise one again. Outlives the account."""

    scheme: str = Field(primary_key=True)
    pseudonym: str = Field(primary_key=True)
    account_id: str = Field(index=True)


class BannedPseudonym(PlatformTable, table=True):
    """A person whom a moderator has banned. Outlives the account and says nothing of who it was."""

    scheme: str = Field(primary_key=True)
    pseudonym: str = Field(primary_key=True)
    ban: str = Field(index=True)
    reason: str
    created: float


class Ward(PlatformTable, table=True):
    """The how-manieth minor a guardian has registered."""

    scheme: str = Field(primary_key=True)
    pseudonym: str = Field(primary_key=True)
    number: int = Field(primary_key=True)


class Kept(PlatformTable, table=True):
    """A claim that the mandate makes the platform keep; `until` is set when the account goes."""

    account_id: str = Field(primary_key=True)
    claim: str = Field(primary_key=True)
    value: str
    until: float | None = Field(index=True)


class Login(PlatformTable, table=True):
    """When and from where somebody signed in, only under a mandate that makes platforms keep it."""

    id: int | None = Field(default=None, primary_key=True)
    account_id: str = Field(index=True)
    address: str
    time: float
    until: float | None = Field(index=True)


class Post(PlatformTable, table=True):
    """A text, or a share of another post. `group_id` is empty in the feed that all read."""

    __table_args__ = (Index("post_in_group", "group_id", "id"), UniqueConstraint("account_id", "shares_id"))
    id: int | None = Field(default=None, primary_key=True)
    account_id: str = Field(index=True)
    group_id: str
    text: str
    shares_id: int | None = Field(default=None, index=True)
    live: bool
    created: float


class Comment(PlatformTable, table=True):
    """A text under a post."""

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(index=True)
    account_id: str = Field(index=True)
    text: str
    created: float


class Reaction(PlatformTable, table=True):
    """One reaction of one account to one post."""

    post_id: int = Field(primary_key=True)
    account_id: str = Field(primary_key=True, index=True)
    kind: str


class Member(PlatformTable, table=True):
    """Who is in which group."""

    group_id: str = Field(primary_key=True)
    account_id: str = Field(primary_key=True, index=True)


class Repeat(PlatformTable, table=True):
    """An Idempotency-Key that an account has used, and what it made."""

    account_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    post_id: int
    text_hash: str
    created: float = Field(index=True)


class Failure(PlatformTable, table=True):
    """Failed log-ins within one window of time."""

    who: str = Field(primary_key=True)
    window: int = Field(primary_key=True)
    count: int


METADATA = PlatformTable.metadata


def table(model: type[PlatformTable]) -> Table:
    """The Core table behind a model, for the statements of the hot paths."""
    return METADATA.tables[str(model.__tablename__)]


def insert_new(connection: Connection, model: type[PlatformTable], **values: str | int | float | bytes | None) -> bool:
    """Insert a row; False where one with such a key is there already, also if another process is just adding it."""
    into = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    rows = table(model)
    added = into(rows).values(**values).on_conflict_do_nothing().returning(*rows.primary_key.columns)
    return connection.execute(added).first() is not None
