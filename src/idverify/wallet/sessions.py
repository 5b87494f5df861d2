"""What the wallet service keeps for each browser, in memory and bounded: a wallet, and the open questions."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from idverify.errors import NotFound
from idverify.scheme import Scheme
from idverify.settings import Settings
from idverify.wallet.flows import Request
from idverify.wallet.policy import policy_of
from idverify.wallet.wallet import Owner, Wallet

MOST_SESSIONS = 2000
MOST_PENDING = 8
MOST_HISTORY = 50
SESSION_LASTS = timedelta(hours=1)
REQUEST_LASTS = timedelta(minutes=5)


class Gone(NotFound):
    """A request that is too old, was answered, or never was in this browser."""

    code = "expired"
    status = 410


@dataclass(slots=True)
class Pending:
    """A platform's question in this browser. `presentation` is there once it could be made without telling anybody."""

    id: str
    platform: str
    request: Request
    until: datetime
    state: str = field(repr=False, default="")
    verifier: str = field(repr=False, default="")
    presentation: bytes | None = field(repr=False, default=None)
    again: bool = False
    """Whether it shows a copy that was shown before, because the issuer did not answer."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the history."""

    when: datetime
    platform: str
    scheme: str
    size: int


@dataclass(slots=True)
class Session:
    """One browser. `csrf` must come back with every form."""

    id: str = field(repr=False)
    csrf: str = field(repr=False)
    wallet: Wallet
    until: datetime
    pending: OrderedDict[str, Pending] = field(default_factory=OrderedDict)
    history: list[Shown] = field(default_factory=list)

    def add(self, platform: str, request: Request, *, now: datetime) -> Pending:
        """Keep a question; the oldest of too many is dropped."""
        pending = Pending(secrets.token_urlsafe(12), platform, request, now + REQUEST_LASTS)
        self.pending[pending.id] = pending
        while len(self.pending) > MOST_PENDING:
            self.pending.popitem(last=False)
        return pending

    def find(self, id_: str, *, now: datetime) -> Pending:
        """The question with that id. Raises Gone."""
        pending = self.pending.get(id_)
        if pending is None or pending.until <= now:
            self.pending.pop(id_, None)
            raise Gone("this request is too old or already answered", hint="go back to the platform and start again")
        return pending

    def by_state(self, state: str, *, now: datetime) -> Pending:
        """The question for which somebody went to sign in; a state serves once. Raises Gone."""
        for pending in self.pending.values():
            if pending.state and secrets.compare_digest(pending.state.encode(), state.encode()):
                pending.state = ""
                return self.find(pending.id, now=now)
        raise Gone("this sign-in was not started in this browser", hint="go back to the platform and start again")

    def shown(self, pending: Pending, *, now: datetime, size: int) -> None:
        self.pending.pop(pending.id, None)
        self.history.insert(0, Shown(now, pending.request.platform, pending.request.scheme, size))
        del self.history[MOST_HISTORY:]


class Sessions:
    """All browsers of this process; the one unused for longest makes room."""

    def __init__(
        self, schemes: Mapping[str, Scheme], *, clock: Callable[[], datetime], settings: Settings | None = None
    ) -> None:
        self.schemes = schemes
        self.settings = settings or Settings()
        self.clock = clock
        self._all: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._all)

    def find(self, id_: str | None) -> Session | None:
        """The session of that cookie, if it is still good."""
        session = self._all.get(id_ or "")
        if session is None:
            return None
        if session.until <= self.clock():
            del self._all[session.id]
            return None
        self._all.move_to_end(session.id)
        return session

    def is_open(self, session: Session) -> bool:
        """Whether this browser could still come back."""
        return self._all.get(session.id) is session and self.clock() < session.until

    def new(self) -> Session:
        policy = partial(policy_of, settings=self.settings)
        wallet = Wallet(Owner(), self.schemes, clock=self.clock, policy=policy)
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(24), wallet, self.clock() + SESSION_LASTS)
        self._all[session.id] = session
        while len(self._all) > MOST_SESSIONS:
            self._all.popitem(last=False)
        return session
