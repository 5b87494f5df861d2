"""public.json: what everybody may know of a system, and so what an attack may use beside the ledgers.

Nothing in it says who is who. An attacker that knows the policy (Kerckhoffs) reads all of it; a blind one reads the
roles of the parties alone. Times and lifetimes are in seconds, rates per second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from idverify.errors import BadEnvironment

VERSION = 1
FILE = "public.json"
THIEF = "thief_of_"
"""A ledger of what a thief found in a party's database plays the same role as the party's own."""

Role: TypeAlias = Literal[
    "issuer", "attester", "token_issuer", "platform", "network_observer", "status_host", "telecom", "relay", "opener"
]
Issued: TypeAlias = Literal["by_holder", "ahead", "ahead_per_platform", "per_login"]
Reuse: TypeAlias = Literal["once_only", "limited_time", "rotating_batch", "per_platform", "unlimited"]
Refill: TypeAlias = Literal["just_in_time", "after_use", "when_empty", "delayed", "schedule"]
DelayName: TypeAlias = Literal["none", "constant", "exponential", "uniform", "lognormal", "empirical", "unknown"]
Label: TypeAlias = Literal["MEASURED", "SIMULATED", "EXTRAPOLATED"]


class PublicParty(Struct, frozen=True, kw_only=True):
    """One party: what it is, and under which origin the others name it."""

    role: Role
    origin: str = ""  # https://chat.example


class Delay(Struct, frozen=True, kw_only=True):
    """From issuance to presentation, in seconds.

    constant: seconds; exponential: mean; uniform: low, high; lognormal: median, sigma; empirical: edges, shares.
    `none` is a credential that is issued within the login, `unknown` what nobody has published. Where the wallet
    refills after a use (refill after_use, delayed) it is the time from the use to the issuance.
    """

    name: DelayName = "unknown"
    parameters: dict[str, float] = {}
    edges: list[float] = []  # of the bins of an empirical one, ascending
    shares: list[float] = []  # one fewer, together 1


class Policy(Struct, frozen=True, kw_only=True):
    """How wallets behave: the reuse of credentials (the ARF's methods), refill, and what follows for the rates."""

    reuse: Reuse = "once_only"
    refill: Refill = "just_in_time"
    batch: int = 1
    lifetime: float | None = None
    delay: Delay = Delay()
    schedule: float | None = None  # seconds between refills on a fixed schedule
    requests_per_user: float | None = None  # r: issuances per user and second
    users_per_address: float | None = None  # k
    issuance_rate: float | None = None  # λ: issuances per second


class PublicScheme(Struct, frozen=True, kw_only=True):
    """How one scheme issues and shows, and on which routes ("POST /api/issue/{scheme}")."""

    issued: Issued = "ahead"
    batch: int = 1
    single_use: bool = False
    status: bool = False
    status_ttl: float | None = None
    issuance: list[str] = []  # routes at the issuer
    presentation: list[str] = []  # routes at the platform


class IdNumbers(Struct, frozen=True, kw_only=True):
    """The space of ID numbers: province, century and sex, year of birth, serial (Decree 137/2015 Article 13)."""

    digits: int = 12
    first_province: int = 900
    provinces: list[str] = []  # by number from the first
    weights: list[float] = []  # people, relative; empty: all alike
    serials: int = 10**6


class PublicPopulation(Struct, frozen=True, kw_only=True):
    """The country, not the simulated people in it."""

    people: int = 0
    years: dict[str, float] = {}  # share born in each year, where it is published


class Kept(Struct, frozen=True, kw_only=True):
    """What a party still has after it has deleted all that the mandate does not tell it to keep."""

    fields: list[str] = []  # last parts of field names, as birth_date of received.claims.birth_date
    days: float | None = None  # how long; null: as long as the account exists
    times: Literal["exact", "day", "none"] = "exact"
    addresses: bool = True


class Public(Struct, frozen=True, kw_only=True):
    """The whole description. A party that keeps everything is not in `kept`."""

    version: Literal[1] = 1
    label: Label = "MEASURED"
    parties: dict[str, PublicParty] = {}
    schemes: dict[str, PublicScheme] = {}
    policy: Policy = Policy()
    id_numbers: IdNumbers | None = None
    population: PublicPopulation | None = None
    kept: dict[str, Kept] = {}

    def role(self, party: str) -> Role:
        """The role of a party; guessed from its name where the description is silent."""
        party = party.removeprefix(THIEF)
        if party in self.parties:
            return self.parties[party].role
        for start, role in _BY_NAME:
            if party.startswith(start):
                return role
        return "platform"


_BY_NAME: tuple[tuple[str, Role], ...] = (
    ("identity_provider", "issuer"),
    ("attester", "attester"),
    ("token_issuer", "token_issuer"),
    ("status_host", "status_host"),
    ("network_observer", "network_observer"),
    ("telecom", "telecom"),
    ("relay", "relay"),
    ("opener", "opener"),
)


def read_public(folder: Path) -> Public:
    """The description in a folder of ledgers or above it; an empty one where there is none. Raises BadEnvironment."""
    path = next((place for place in (folder / FILE, folder.parent / FILE) if place.is_file()), None)
    if path is None:
        return Public()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Public)
    except OSError as error:
        raise BadEnvironment(f"{FILE} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadEnvironment(
            f"{FILE} does not fit version {VERSION}: {error}", hint="privacy/public.py says what may be in it"
        ) from error


def write_public(folder: Path, public: Public) -> None:
    """Write the description beside the ledgers; what does not fit is refused before anything is written."""
    raw = msgspec.json.encode(public)
    msgspec.json.decode(raw, type=Public)
    (folder / FILE).write_bytes(msgspec.json.format(raw, indent=1) + b"\n")


def blinded(public: Public) -> Public:
    """What is left of the description for an attacker that knows the roles of the parties and nothing else."""
    return Public(label=public.label, parties=public.parties, kept=public.kept)
