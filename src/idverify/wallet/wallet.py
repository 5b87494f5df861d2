"""One person's wallet: who they are, the credentials they hold, and the CPU time that their cryptography took.

The wallet knows no HTTP; `flows.py` says what goes over the wire, and asks the wallet for the bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import TypeVar

from idverify.errors import BadMessage, CannotAnswer, NotFound
from idverify.scheme import Asked, Challenge, Credential, Person, Scheme

T = TypeVar("T")
Clock = Callable[[], datetime]

MOST_STORED = 256
"""Credentials that one wallet keeps for one purpose; an issuer that sends more is cut short."""


def utc_now() -> datetime:
    """The real time, aware."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class Owner:
    """What a wallet knows of its owner. `declares` is the birth date that they state where nobody checks it."""

    id_number: str = ""
    pin: str = field(default="", repr=False)
    born: date | None = None
    declares: date | None = None


@dataclass(slots=True)
class Token:
    """A session at the identity provider."""

    value: str = field(repr=False)
    until: datetime


Place = tuple[str, str, int | None]
"""Where credentials are kept: scheme, audience ("" where the credential names none) and age asked."""


class Wallet:
    """The holder's state for one person. Not safe to share between threads."""

    def __init__(self, owner: Owner, schemes: Mapping[str, Scheme], *, clock: Clock = utc_now) -> None:
        self.owner = owner
        self.schemes = schemes
        self.clock = clock
        self.cpu: dict[str, tuple[int, float]] = {}
        """For request, accept and present: how many, and their CPU seconds."""
        self.token: Token | None = None
        self.publics: dict[str, tuple[bytes, datetime]] = {}
        self._stored: dict[Place, list[Credential]] = {}

    def scheme(self, name: str) -> Scheme:
        """The scheme of that name. Raises NotFound."""
        try:
            return self.schemes[name]
        except KeyError:
            known = ", ".join(self.schemes)
            raise NotFound(f"this wallet has no scheme {name[:40]!r}", hint=f"it has {known}") from None

    def session(self) -> str | None:
        """The identity provider's token, while it is good for ten more seconds."""
        if self.token is not None and self.clock() + timedelta(seconds=10) < self.token.until:
            return self.token.value
        return None

    def signed_in(self, token: str, *, seconds: float) -> str:
        """Keep a token that is good for `seconds`."""
        self.token = Token(token, self.clock() + timedelta(seconds=seconds))
        return token

    def public(self, name: str) -> bytes | None:
        """The issuer's public document, if it was fetched in the last five minutes."""
        kept = self.publics.get(name)
        return kept[0] if kept and self.clock() < kept[1] else None

    def keep_public(self, name: str, document: bytes) -> bytes:
        self.publics[name] = (document, self.clock() + timedelta(minutes=5))
        return document

    def forget(self, name: str) -> None:
        """Throw away the credentials of one scheme, as somebody does who enrols again."""
        self._stored = {place: kept for place, kept in self._stored.items() if place[0] != name}

    def stored(self, name: str, challenge: Challenge | None = None) -> Credential | None:
        """The credential that would answer, oldest first; it stays where it is."""
        kept = self._stored.get(self._place(name, challenge))
        return kept[0] if kept else None

    def count(self, name: str) -> int:
        """How many credentials of a scheme are left."""
        return sum(len(kept) for place, kept in self._stored.items() if place[0] == name)

    def declare(self, name: str, challenge: Challenge) -> Credential:
        """Be one's own issuer (`by_holder`): state the birth date, true or not."""
        born = self.owner.declares or self.owner.born
        if born is None:
            raise CannotAnswer("this wallet has no birth date to state")
        scheme, now = self.scheme(name), self.clock()
        issuer = scheme.issuer(b"", name="")
        person = Person(id_number="", name="", born=born, sex="female", province="")
        asked = self.request(name, issuer.public, challenge=challenge)
        response = self._timed("accept", lambda: issuer.issue(person, asked.message, now=now))
        return self._first(self._timed("accept", lambda: scheme.holder().accept(asked, response)))

    def request(self, name: str, public: bytes, *, challenge: Challenge | None) -> Asked:
        """The wallet's request to the issuer, with as much of the challenge as the scheme needs."""
        scheme = self.scheme(name)
        shown = None if scheme.info.issued == "ahead" else challenge
        return self._timed("request", lambda: scheme.holder().request(public, now=self.clock(), challenge=shown))

    def accept(self, name: str, asked: Asked, response: bytes, *, challenge: Challenge | None) -> Credential:
        """Check the issuer's answer; credentials that can serve again are stored. Returns the one to use now."""
        scheme = self.scheme(name)
        got = self._timed("accept", lambda: list(scheme.holder().accept(asked, response)))
        if scheme.info.issued != "per_login":
            self._stored.setdefault(self._place(name, challenge), []).extend(got[:MOST_STORED])
        return self._first(got)

    def present(self, name: str, credential: Credential, challenge: Challenge) -> bytes:
        """The answer to a platform's question. A credential that may be shown only once is then gone."""
        scheme = self.scheme(name)
        fresh = replace(challenge, now=self.clock())
        shown = self._timed("present", lambda: scheme.holder().present(credential, fresh))
        if scheme.info.single_use:
            for kept in self._stored.values():
                if credential in kept:
                    kept.remove(credential)
        return shown

    def _place(self, name: str, challenge: Challenge | None) -> Place:
        if challenge is None or self.scheme(name).info.issued != "ahead_per_platform":
            return (name, "", None)
        return (name, challenge.audience, challenge.question.over)

    def _timed(self, kind: str, work: Callable[[], T]) -> T:
        started = time.thread_time()
        try:
            return work()
        finally:
            number, seconds = self.cpu.get(kind, (0, 0.0))
            self.cpu[kind] = (number + 1, seconds + time.thread_time() - started)

    @staticmethod
    def _first(credentials: object) -> Credential:
        if isinstance(credentials, list | tuple) and credentials and isinstance(credentials[0], Credential):
            return credentials[0]
        raise BadMessage("the issuer's answer holds no credential")
