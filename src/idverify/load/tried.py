"""One person's tries, as the load generator saw them: people.jsonl, from which the outcome metrics are counted.

Like the truth it says who is who, and no attack ever gets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from idverify.load.people import Citizen
from idverify.scheme import Info
from idverify.wallet import Account
from idverify.wallet.flows import Proof

FILE = "people.jsonl"


@dataclass(frozen=True, slots=True)
class Try:
    """What became of one sign-up or proof: an account or a proof, or else a refusal's code, or "failed"."""

    reason: str
    account: Account | None = None
    proof: Proof | None = None
    trips: int = 0


@dataclass(slots=True)
class Farmed:
    """What a farmer got after the first account; `new_identity` where the issuer remembers people."""

    accounts: int = 0
    tries: int = 0
    new_identity: bool | None = None


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sign-up on one platform: a refusal's code, or none, and the requests that were waited for."""

    reason: str = ""  # empty: an account was made
    trips: int = 0  # HTTP requests, from log-in and issuance to the account


class Tried(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who somebody is, what they tried, and what became of it. `own` has an attempt for each platform that was tried.

    `farm` are accounts and tries of somebody who wanted many, the first one included.
    """

    scheme: str
    time: float  # of the end of the own tries, in seconds since 1970
    born: str  # ISO 8601
    minor: bool  # below the age that the mandate asks for
    own: list[Attempt] = []
    borrowed: list[Attempt] | None = None  # with an adult's credential, after the own tries
    lied: bool = False  # stated a false birth date where the person is the only source
    smartphone: bool = True
    e_id: bool = True
    document: bool = True
    foreigner: bool = False
    guardian: bool = False  # a minor for whom an adult vouches
    farm: tuple[int, int] | None = None
    new_identity: bool | None = None  # tried again as somebody else, where the issuer remembers people


def tried(
    person: Citizen,
    own: Sequence[Try],
    *,
    borrowed: Sequence[Try] | None,
    farmed: Farmed | None,
    scheme: Info,
    now: datetime,
) -> Tried:
    """What became of one person, as it is written down."""
    first = sum(each.account is not None for each in own)
    return Tried(
        scheme=scheme.name,
        time=now.timestamp(),
        born=person.born.isoformat(),
        minor=person.minor,
        own=[Attempt(each.reason, each.trips) for each in own],
        borrowed=None if borrowed is None else [Attempt(each.reason, each.trips) for each in borrowed],
        lied=person.lies and scheme.issued == "by_holder",
        smartphone=person.smartphone,
        e_id=person.e_id,
        document=person.document,
        foreigner=person.foreigner,
        guardian=person.guardian is not None,
        farm=None if farmed is None else (farmed.accounts + first, farmed.tries + len(own)),
        new_identity=None if farmed is None else farmed.new_identity,
    )


def read_tried(folder: Path, scheme: str) -> Iterator[Tried]:
    """The people of one scheme in a load's results; damaged lines are left out, none where nobody wrote any."""
    path = folder / FILE
    if path.is_file():
        with path.open("rb") as file:
            yield from tried_in(file, scheme)


def tried_in(lines: Iterable[bytes], scheme: str) -> Iterator[Tried]:
    """The people of one scheme in these lines; damaged ones are left out."""
    read = msgspec.json.Decoder(Tried).decode
    for line in lines:
        try:
            person = read(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if person.scheme == scheme:
            yield person
