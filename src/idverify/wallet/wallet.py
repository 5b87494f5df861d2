"""One person's wallet: who they are, the credentials they hold, and the CPU time that their cryptography took.

The wallet knows no HTTP; `flows.py` says what goes over the wire, and asks the wallet for the bytes.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import TypeVar

from idverify.errors import BadMessage, CannotAnswer, NotFound
from idverify.formats.strict_json import read_object
from idverify.scheme import Asked, Challenge, Credential, Info, Person, Scheme
from idverify.settings import Settings
from idverify.wallet.policy import Copy, Policy, keeps_credentials, policy_of

T = TypeVar("T")
Clock = Callable[[], datetime]
SEED_BYTES = 32


def utc_now() -> datetime:
    """The real time, aware."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class Owner:
    """What a wallet knows of its owner. `declares` is the birth date that they state where nobody checks it.

    `name` and `id_number` stand on the card that they hold, if they have one at hand.
    """

    id_number: str = ""
    pin: str = field(default="", repr=False)
    born: date | None = None
    declares: date | None = None
    name: str = ""


@dataclass(slots=True)
class Token:
    """A session at the identity provider."""

    value: str = field(repr=False)
    until: datetime


Place = tuple[str, str, int | None]
"""Where credentials are kept: scheme, audience ("" where the credential names none) and age asked."""


@dataclass(slots=True)
class Shelf:
    """The copies for one purpose, and the question that one more of them would have to answer."""

    copies: list[Copy] = field(default_factory=list)
    challenge: Challenge | None = None
    fetching: bool = False


class Wallet:
    """The holder's state for one person. Not safe to share between threads.

    `seed` is what a scheme derives lasting secrets from; the person has it on paper too, so it outlives `forget`.
    `policy` says how the credentials of a scheme are reused and refilled.
    """

    def __init__(
        self,
        owner: Owner,
        schemes: Mapping[str, Scheme],
        *,
        clock: Clock = utc_now,
        seed: bytes = b"",
        policy: Callable[[Info], Policy] = lambda info: policy_of(info, Settings()),
        chance: random.Random | None = None,
    ) -> None:
        self.owner = owner
        self.schemes = schemes
        self.clock = clock
        self.seed = seed or secrets.token_bytes(SEED_BYTES)
        self.chance = chance or random.SystemRandom()
        self.fallbacks: dict[str, int] = {}
        """For each scheme, how often a used copy was shown again because the issuer did not answer (ISSU_47)."""
        self.cpu: dict[str, tuple[int, float]] = {}
        """For request, accept and present: how many, and their CPU seconds."""
        self.token: Token | None = None
        self.publics: dict[str, tuple[bytes, datetime]] = {}
        self.agreed: dict[tuple[str, str], str] = {}
        """For scheme and platform the fingerprint of the issuer's keys that both saw."""
        self._policy = policy
        self._policies: dict[str, Policy] = {}
        self._shelves: dict[Place, Shelf] = {}

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

    def policy(self, name: str) -> Policy:
        """How this wallet uses the credentials of a scheme."""
        if name not in self._policies:
            self._policies[name] = self._policy(self.scheme(name).info)
        return self._policies[name]

    def forget(self, name: str) -> None:
        """Lose the credentials of one scheme, as with a phone. The seed stays: it is on paper too."""
        self._shelves = {place: shelf for place, shelf in self._shelves.items() if place[0] != name}

    def drop_unpublished(self, name: str) -> None:
        """Drop the copies that came while the issuer published a key that it does not publish now.

        It may have been a key for this person alone, and whoever sees it shown knows who that is. Raises BadMessage.
        """
        keys = self._published(name)
        for place, shelf in self._shelves.items():
            if place[0] == name:
                shelf.copies = [copy for copy in shelf.copies if copy.keys <= keys]

    def new_seed(self) -> bytes:
        """Begin again as if one were somebody else, without any credential. Returns the old seed."""
        old, self.seed = self.seed, secrets.token_bytes(SEED_BYTES)
        self._shelves.clear()
        return old

    def stored(self, name: str, challenge: Challenge | None = None) -> Credential | None:
        """The credential that the policy would show, without counting it as shown."""
        shelf = self._shelves.get(self._place(name, challenge))
        if shelf is None:
            return None
        audience = challenge.audience if challenge else ""
        copy = self.policy(name).choose(shelf.copies, audience, now=self.clock(), chance=self.chance)
        return copy.credential if copy else None

    def again(self, name: str, challenge: Challenge) -> Credential | None:
        """A used credential in place of the one that the issuer does not send; counted in `fallbacks`."""
        copies = self._shelf(name, challenge).copies
        copy = self.policy(name).again(copies, challenge.audience, now=self.clock())
        if copy is None:
            return None
        self.fallbacks[name] = self.fallbacks.get(name, 0) + 1
        return copy.credential

    def patience(self, name: str, challenge: Challenge) -> float:
        """Seconds to wait for the issuer: the policy's where a used credential could serve, else 0 for no limit."""
        policy = self.policy(name)
        copies = self._shelf(name, challenge).copies
        return policy.patience if policy.again(copies, challenge.audience, now=self.clock()) else 0.0

    def count(self, name: str) -> int:
        """How many copies of a scheme serve without a fetch."""
        policy, now = self.policy(name), self.clock()
        return sum(len(policy.fresh(shelf.copies, now)) for place, shelf in self._shelves.items() if place[0] == name)

    def has(self, name: str) -> bool:
        """Whether any copy of a scheme is here that has not run out, used or not."""
        policy, now = self.policy(name), self.clock()
        return any(policy.live(shelf.copies, now) for place, shelf in self._shelves.items() if place[0] == name)

    def shown(self, name: str) -> int:
        """How many copies of a scheme that were shown are still here."""
        return sum(bool(copy.shown) for p, shelf in self._shelves.items() if p[0] == name for copy in shelf.copies)

    def wanted(self, name: str, challenge: Challenge | None) -> int:
        """How many copies to fetch now."""
        return self.policy(name).wanted(self._shelf(name, challenge).copies, now=self.clock())

    def stores(self, name: str) -> bool:
        """Whether wallets keep credentials of a scheme at all, so that there is something to refill."""
        return keeps_credentials(self.scheme(name).info)

    def refill_in(self, name: str, challenge: Challenge) -> float | None:
        """In how many seconds to fetch more because of what was just shown; None for not because of it."""
        shelf = self._shelf(name, challenge)
        if shelf.fetching:
            return None
        return self.policy(name).refill_in(shelf.copies, now=self.clock(), chance=self.chance)

    def places(self, name: str) -> list[Challenge | None]:
        """A challenge for each purpose for which this wallet has had a credential of a scheme: what to refill."""
        return [shelf.challenge for place, shelf in self._shelves.items() if place[0] == name]

    def claim(self, name: str, challenge: Challenge | None, *, fetching: bool) -> bool:
        """Mark that a refill is under way, so that there is one at a time. False where one already is."""
        shelf = self._shelf(name, challenge)
        if shelf.fetching and fetching:
            return False
        shelf.fetching = fetching
        return True

    def declare(self, name: str, challenge: Challenge) -> Credential:
        """Be one's own issuer (`by_holder`): state what is asked, true or not."""
        born = self.owner.declares or self.owner.born
        if born is None:
            raise CannotAnswer("this wallet has no birth date to state")
        scheme, now = self.scheme(name), self.clock()
        issuer = scheme.issuer(b"", name="")
        person = Person(self.owner.id_number, self.owner.name, born, sex="female", province="")
        asked = self.request(name, issuer.public, challenge=challenge)
        response = self._timed("accept", lambda: issuer.issue(person, asked.message, now=now))
        return self.accept(name, asked, response)[0]

    def request(self, name: str, public: bytes, *, challenge: Challenge | None, count: int = 1) -> Asked:
        """The wallet's request to the issuer for `count` copies, with as much of the challenge as the scheme needs."""
        scheme = self.scheme(name)
        shown = None if scheme.info.issued == "ahead" else challenge
        holder, seed = scheme.holder(), self.seed
        return self._timed(
            "request",
            lambda: holder.request(public, now=self.clock(), challenge=shown, count=count, seed=seed),
        )

    def accept(self, name: str, asked: Asked, response: bytes) -> Sequence[Credential]:
        """Check and unpack the issuer's answer: at least one credential. `keep` stores them."""
        holder = self.scheme(name).holder()
        got = self._timed("accept", lambda: list(holder.accept(asked, response)))
        if not got:
            raise BadMessage("the issuer's answer holds no credential")
        return got

    def keep(self, name: str, credentials: Sequence[Credential], challenge: Challenge | None) -> None:
        """Put a batch on its shelf. What is made for one log-in serves no second time and is not kept."""
        if not self.stores(name):
            return
        shelf, now = self._shelf(name, challenge), self.clock()
        keys = self._published(name)
        new = [Copy(credential, now, keys=keys) for credential in credentials]
        shelf.copies = self.policy(name).keep(shelf.copies, new, now=now)

    def present(self, name: str, credential: Credential, challenge: Challenge) -> bytes:
        """The answer to a platform's question. What cannot be shown twice is then gone; the rest is marked as shown."""
        scheme = self.scheme(name)
        fresh = replace(challenge, now=self.clock())
        shown = self._timed("present", lambda: scheme.holder().present(credential, fresh))
        for shelf in self._shelves.values():
            for number, copy in enumerate(shelf.copies):
                if copy.credential is credential:
                    if self.policy(name).reusable:
                        shelf.copies[number] = copy.shown_to(challenge.audience)
                    else:
                        del shelf.copies[number]
                    return shown
        return shown

    def _published(self, name: str) -> frozenset[str]:
        """Each key in the issuer's document that was fetched last, as text, where wallets compare them."""
        if name not in self.publics or not self.scheme(name).info.same_keys:
            return frozenset()
        keys = read_object(self.publics[name][0], "issuer's public document").get("keys")
        return frozenset(json.dumps(key, sort_keys=True) for key in keys) if isinstance(keys, list) else frozenset()

    def _shelf(self, name: str, challenge: Challenge | None) -> Shelf:
        shelf = self._shelves.setdefault(self._place(name, challenge), Shelf())
        shelf.challenge = challenge or shelf.challenge
        return shelf

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
