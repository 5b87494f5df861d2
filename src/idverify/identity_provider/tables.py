"""The identity provider's tables. Secrets are kept as SHA-256 hashes only; times are seconds since 1970."""

from __future__ import annotations

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class ProviderTable(SQLModel, registry=registry()):
    """Tables of this party only: another app in the same process has a registry of its own."""


class SignedIn(ProviderTable, table=True):
    """A bearer token that a person got by signing in."""

    token_hash: str = Field(primary_key=True)
    id_number: str
    expires: float = Field(index=True)


class WrongLogins(ProviderTable, table=True):
    """Failed sign-ins of one account in a window of time; the account "" counts for all."""

    account: str = Field(primary_key=True)
    count: int
    expires: float = Field(index=True)


class AuthorizationCode(ProviderTable, table=True):
    """A code on its way from the browser to the wallet. `token_hash` is what it was exchanged for."""

    code_hash: str = Field(primary_key=True)
    id_number: str
    client_id: str
    redirect_uri: str
    code_challenge: str
    token_hash: str
    expires: float = Field(index=True)


class Quota(ProviderTable, table=True):
    """Single-use credentials that a person took of one scheme in one key epoch."""

    id_number: str = Field(primary_key=True)
    scheme: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    used: int


class Remembered(ProviderTable, table=True):
    """What the issuer remembers of a person under one scheme."""

    id_number: str = Field(primary_key=True)
    scheme: str = Field(primary_key=True)
    tag: bytes


class StatusList(ProviderTable, table=True):
    """One status list: `used` of its `size` entries were handed to worker processes, in an order that `seed` decides.

    `version` grows with each revocation.
    """

    number: int = Field(primary_key=True)
    seed: bytes
    size: int
    used: int
    version: int


class StatusEntry(ProviderTable, table=True):
    """An entry that was given out: whose it is, and since when it is revoked (0: it is not)."""

    number: int = Field(primary_key=True)
    entry: int = Field(primary_key=True)
    id_number: str = Field(index=True)
    scheme: str
    issued: float
    expires: float = Field(index=True)
    revoked: float


METADATA = ProviderTable.metadata
