"""From a presentation to a code that its browser, and no other, can turn into an account."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from idverify.errors import AlreadyUsed, BadMessage, CannotAnswer, Expired, NotFound, NotProven, TooYoung
from idverify.mandates import ACTIONS, Action, Mandate
from idverify.scheme import Challenge, Json, Proven, Question, Scheme
from idverify.social_platform.challenges import CODE_LIFETIME, Challenges, Started, check_binding
from idverify.social_platform.groups import group
from idverify.social_platform.issuers import Issuers
from idverify.social_platform.keys import Keys, hashed, mac, new_token
from idverify.social_platform.tables import Code, Nonce, Spent, insert_new, table
from idverify.storage import Store

ADULT = 18
"""Years that a guardian must prove."""
SEALED = "sealed"
"""The claim that a platform keeps under every mandate, where a scheme has it: it can read nothing in it."""
GUARD = "guard"
"""The action of a challenge that a guardian answers for a child."""


@dataclass(frozen=True, slots=True)
class Result:
    """What an accepted presentation is worth. `code` is a secret of the person who presented."""

    started: Started
    code: str = field(repr=False)
    proven: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A code's content, once. `pseudonym` is empty where the scheme gives none."""

    challenge_id: str
    scheme: str
    action: str
    over: int | None
    pseudonym: str
    kept: Mapping[str, str]


class Proofs:
    """Asks, verifies, and remembers what must not come again."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        *,
        challenges: Challenges,
        issuers: Issuers,
        schemes: Mapping[str, Scheme],
        mandate: Mandate,
        origin: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._keys = keys
        self._issuers = issuers
        self._mandate = mandate
        self._clock = clock
        self.challenges = challenges
        self.schemes = schemes
        self.origin = origin

    def scheme(self, name: str) -> Scheme:
        """The offered scheme of this name. Raises NotFound."""
        if name not in self.schemes:
            raise NotFound("this platform offers no such scheme", hint=f"it offers {', '.join(self.schemes)}")
        return self.schemes[name]

    def question(self, scheme: Scheme, action: str, *, group_id: str = "") -> Question:
        """What this platform asks through a scheme. Raises CannotAnswer where the mandate does not accept less."""
        info = scheme.info
        unanswered: frozenset[str]
        if action in ("sign_up", GUARD):
            whole = self._mandate.question("sign_up")
            unanswered = frozenset() if self._mandate.accepts_shortfall else self._mandate.unanswered(info)
            if action == GUARD:
                whole = Question(max(ADULT, whole.over or 0), whole.identity, whole.one_account)
                unanswered |= {"over"} - info.answers
        else:
            age = group(group_id).age if group_id else None
            whole = self._mandate.question(_known(action), group_age=age)
            unanswered = whole.asks() - info.answers
        if unanswered:
            raise CannotAnswer(
                f"the mandate asks for {', '.join(sorted(unanswered))}, and {info.title} cannot answer that",
                hint="choose another way to prove it",
            )
        return whole.within(info.answers)

    async def start(self, scheme: str, action: str, *, group_id: str = "") -> Started:
        """A fresh challenge. Raises NotFound, CannotAnswer."""
        self.question(self.scheme(scheme), action, group_id=group_id)
        return await self.challenges.start(scheme, action, group=group_id)

    def challenge(self, started: Started) -> Challenge:
        """The challenge as the scheme sees it."""
        scheme = self.scheme(started.scheme)
        return Challenge(
            audience=self.origin,
            nonce=started.nonce,
            question=self.question(scheme, started.action, group_id=started.group),
            now=self._clock(),
            reply_to=f"{self.origin}/api/presentations/{started.id}",
        )

    async def accept(self, id_: str, presentation: bytes) -> Result:
        """Verify a presentation and give a code for it. Raises NotProven, BadMessage, CannotAnswer, AlreadyUsed.

        A presentation that fails changes nothing, so the challenge stays good for a right one.
        """
        # (1) our challenge, not expired  (2) the presentation  (3) every answer is there
        # (4) nonce and proof for the first time; both and the code are written together or not at all
        started = await self.challenges.find(id_)  # (1)
        scheme = self.scheme(started.scheme)
        challenge = self.challenge(started)
        proven = await self._issuers.verify(scheme, presentation, challenge=challenge)  # (2)
        over = _answered(proven, challenge.question)  # (3)
        code, now = new_token(), challenge.now.timestamp()
        pseudonym = ""
        if proven.pseudonym is not None:
            pseudonym = mac(await self._keys.get("pseudonym"), started.scheme, proven.pseudonym).hex()
        keeps = self._mandate.kept().keys() | {SEALED}
        row: dict[str, str | int | float | None] = {
            "code_hash": hashed(code),
            "challenge_id": started.id,
            "binding_hash": hashed(started.binding),
            "scheme": started.scheme,
            "action": started.action,
            "over": over,
            "pseudonym": pseudonym,
            "kept": json.dumps({name: str(value) for name, value in proven.claims.items() if name in keeps}),
            "used": False,
            "expires": now + CODE_LIFETIME,
        }
        nonce_hash, spent_hash = hashed(started.nonce), hashed(proven.spent)

        def write(connection: Connection) -> None:
            _sweep(connection, now)
            if not insert_new(connection, Nonce, nonce_hash=nonce_hash, expires=float(started.expires)):
                raise AlreadyUsed("this challenge has been answered", hint="start again for a new one")
            if not insert_new(connection, Spent, scheme=started.scheme, spent_hash=spent_hash):
                raise AlreadyUsed("this proof has been used here before", hint="get a new one from your wallet")
            insert_new(connection, Code, **row)

        await self._store.write(write)  # (4)
        said: dict[str, Json] = {"over": over, "one_account": bool(pseudonym)}
        return Result(started, code, said | {"declared": True} if proven.claims.get("declared") else said)

    async def bound(self, binding: str, *, id_: str) -> Started:
        """The challenge that this client started. Raises NotFound, Expired, NotProven."""
        started = await self.challenges.find(id_, even_expired=True)
        check_binding(started, binding)
        return started


def redeem(connection: Connection, code: str, *, binding: str, now: float) -> Redeemed:
    """Use a code up, inside a unit of work. Raises AlreadyUsed, Expired, NotProven."""
    codes = table(Code)
    code_hash = hashed(code)
    row = connection.execute(select(codes).where(codes.c.code_hash == code_hash)).first()
    if row is None:
        raise NotProven("this platform has given no such code", hint="prove it again to get a new one")
    if not hmac.compare_digest(row.binding_hash, hashed(binding)):
        raise NotProven(
            "the code belongs to the client that started the challenge, and another one shows it",
            hint="finish in the browser or app in which you began",
        )
    if row.expires <= now:
        raise Expired(f"the code was good for {CODE_LIFETIME} seconds", hint="prove it again to get a new one")
    taken = connection.execute(
        update(codes)
        .where(codes.c.code_hash == code_hash, codes.c.used == False)  # noqa: E712
        .values(used=True, kept="", pseudonym="")
    )
    if taken.rowcount != 1:
        raise AlreadyUsed("this code has been used", hint="prove it again to get a new one")
    return Redeemed(row.challenge_id, row.scheme, row.action, row.over, row.pseudonym, json.loads(row.kept or "{}"))


def _answered(proven: Proven, question: Question) -> int | None:
    """The proven age, once everything that was asked is there. Raises NotProven, TooYoung."""
    over = proven.claims.get("over")
    age = over if isinstance(over, int) and not isinstance(over, bool) else None
    if question.over is not None and age is None:
        raise NotProven(f"no age was proven, asked was over {question.over}")
    if question.over is not None and age is not None and age < question.over:
        raise TooYoung(f"over {age} was proven, asked was over {question.over}")
    if question.identity and not (proven.claims.get("name") and proven.claims.get("id_number")):
        raise NotProven("asked were name and ID number, and they were not shown")
    if question.one_account and proven.pseudonym is None:
        raise NotProven("asked was one account per person, and nothing shows that")
    return age


def _known(action: str) -> Action:
    for known in ACTIONS:
        if known == action:
            return known
    raise BadMessage("the challenge is for no known action", hint=f"it is sign_up, {', '.join(ACTIONS)}")


def _sweep(connection: Connection, now: float) -> None:
    """Drop what has expired anyway, so that unfinished sign-ups do not pile up."""
    for rows in (table(Nonce), table(Code)):
        connection.execute(delete(rows).where(rows.c.expires <= now))
