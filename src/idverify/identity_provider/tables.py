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


METADATA = ProviderTable.metadata
