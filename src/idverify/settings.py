"""Every setting that the services and the load read from the environment, and the only place that does.

Everything works with no settings at all. An unknown IDVERIFY_ variable is an error that lists the
known ones, so that a misspelled one is not silently ignored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from idverify.errors import BadSetting

PREFIX = "IDVERIFY_"
T = TypeVar("T", str, int, float)


def _field(default: T, help_: str) -> T:
    return field(default=default, metadata={"help": help_})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One field a setting: its name in upper case after IDVERIFY_, its type, default and help."""

    party: str = _field("", "which party this process is: identity_provider, platform_a, wallet …")
    host: str = _field("127.0.0.1", "the address to listen on")
    port: int = _field(8000, "the port to listen on")
    workers: int = _field(1, "worker processes of a service")
    public_url: str = _field("", "the service's own origin as others reach it; empty: http://host:port")
    folder: str = _field(".idverify", "where a service keeps keys, SQLite files, ledgers and metrics")
    database_url: str = _field("", "PostgreSQL URL (postgresql://user:password@host/name); empty: SQLite in the folder")
    seed: int = _field(7, "the seed of the population and of the load")
    citizens: int = _field(2000, "how many persons the population register has")
    mandate: str = _field("directive_57", "a built-in mandate's name or a TOML file's path")
    schemes: str = _field("all", "the schemes to offer: names with commas, or all")
    quota: int = _field(5, "single-use credentials of one scheme that a person gets in a key epoch")
    issuer_capacity: float = _field(0.0, "requests for credentials that the issuer answers a second; 0: all it can")
    issuer_head_start: int = _field(0, "requests that the issuer answers before its capacity counts: who came earlier")
    ledger: str = _field("on", "on: capture what crosses the boundary in ledgers/PARTY.jsonl; off: do not")
    identity_provider: str = _field("http://127.0.0.1:8001", "the identity provider's origin")
    platforms: str = _field("http://127.0.0.1:8002,http://127.0.0.1:8003", "the platforms' origins, with commas")
    wallet: str = _field("http://127.0.0.1:8004", "the wallet service's origin")
    status_host: str = _field("http://127.0.0.1:8005", "the status list host's origin; empty: no status lists")
    status_ttl: float = _field(60.0, "seconds that a platform keeps a status list before it fetches it again")
    status_publish: float = _field(5.0, "seconds between two looks of the status host for newer lists")
    status_check: str = _field("list", "list: platforms fetch whole lists; direct: they ask for one entry, which leaks")
    token_issuer: str = _field("http://127.0.0.1:8006", "the origin of the token issuer that is no identity provider")
    borrowing: float = _field(0.19, "assumed share of minors who use an adult's credential (9–29 % seen in Australia)")
    lying: float = _field(0.85, "assumed share of minors who declare a false birth date where nothing checks it")
    farmers: float = _field(0.02, "assumed share of persons who try for many accounts on one platform")
    farmer_tries: int = _field(8, "accounts that such a person tries for")
    people_per_address: int = _field(3, "assumed persons behind one network address: a household, or thousands (CGNAT)")
    reuse: str = _field("", "how wallets reuse credentials: A, B, C, D (docs/wallet.md); empty: as each scheme asks")
    batch: int = _field(0, "copies that a wallet fetches at a time; 0: what the scheme or the method asks for")
    refill: str = _field("just_in_time", "just_in_time, after_use, when_empty, delayed or fixed_schedule")
    refill_at: int = _field(0, "unused copies that count as empty for when_empty")
    refill_delay: float = _field(2.0, "mean seconds of the random wait of delayed")
    refill_interval: float = _field(5.0, "seconds between two fetches of fixed_schedule")
    credential_lifetime: float = _field(0.0, "seconds after which a wallet shows a copy no more; 0: the issuer's date")
    patience: float = _field(3.0, "seconds that a wallet with a used credential to fall back to waits for a new one")
    proofs_again: int = _field(1, "how often whoever has an account proves it again, as at a later log-in")
    lost_phones: float = _field(0.05, "assumed share of persons who lose the phone and enrol again from its backup")
    batch_delay_ms: float = _field(5.0, "milliseconds that a proof waits at most for others to be verified with it")
    batch_most: int = _field(128, "proofs that a platform verifies together at most")
    moderator: str = _field("", "the secret token of the moderator, who bans people from a platform; empty: nobody can")
    rate: float = _field(0.0, "tasks per second and Locust user, arriving at random; 0: the shape's default")
    results: str = _field("", "a folder for the load's own results: latencies, truth, generator CPU; empty: none")

    @property
    def scheme_names(self) -> tuple[str, ...]:
        """The names in `schemes`; empty for all."""
        return () if self.schemes == "all" else tuple(s.strip() for s in self.schemes.split(",") if s.strip())

    @property
    def platform_urls(self) -> tuple[str, ...]:
        return tuple(url.strip() for url in self.platforms.split(",") if url.strip())

    @property
    def folder_path(self) -> Path:
        return Path(self.folder)

    def origin(self, party: str) -> str:
        """Where a party is found by the others."""
        return {"identity_provider": self.identity_provider, "token_issuer": self.token_issuer}[party]

    @property
    def own_url(self) -> str:
        return self.public_url or f"http://{self.host}:{self.port}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read IDVERIFY_*; raises BadSetting with the known names or the type that is wanted."""
        known = {f.name: f for f in fields(cls)}
        values: dict[str, str | int | float] = {}
        for variable, text in environment.items():
            if not variable.startswith(PREFIX) or variable == f"{PREFIX}VECTORS":
                continue
            name = variable.removeprefix(PREFIX).lower()
            if name not in known:
                names = ", ".join(f"{PREFIX}{n.upper()}" for n in known)
                raise BadSetting(f"{variable} is no setting", hint=f"the settings are {names}")
            kind = {"str": str, "int": int, "float": float}[str(known[name].type)]
            try:
                values[name] = kind(text)
            except ValueError as error:
                raise BadSetting(
                    f"{variable} is {text!r}, which is no {kind.__name__}", hint=str(known[name].metadata["help"])
                ) from error
        return cls(**values)  # type: ignore[arg-type]


def for_children(name: str, value: str) -> None:
    """Set a variable that another program reads, for the processes that this one starts."""
    os.environ[name] = value


def of_others(name: str) -> str:
    """A variable that belongs to another program, as JAVA_HOME does; empty where it is not set."""
    return os.environ.get(name, "")
