"""The parts of one platform, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from idverify.mandates import Mandate
from idverify.scheme import Json, Scheme
from idverify.settings import Settings
from idverify.social_platform.accounts import Accounts
from idverify.social_platform.bans import Bans
from idverify.social_platform.challenges import Challenges
from idverify.social_platform.feed import Feed
from idverify.social_platform.fetching import Fetch
from idverify.social_platform.groups import GROUPS
from idverify.social_platform.issuers import Issuers
from idverify.social_platform.keys import Keys
from idverify.social_platform.private_tokens import PrivateTokens
from idverify.social_platform.proofs import Proofs
from idverify.social_platform.sessions import Sessions
from idverify.social_platform.statuses import Statuses
from idverify.storage import Store


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything that the routes need. `title` is the name that people see."""

    title: str
    party: str
    origin: str
    wallet: str
    mandate: Mandate
    schemes: Mapping[str, Scheme]
    clock: Callable[[], datetime]
    keys: Keys
    issuers: Issuers
    proofs: Proofs
    tokens: PrivateTokens
    sessions: Sessions
    accounts: Accounts
    bans: Bans
    feed: Feed

    @classmethod
    def build(
        cls,
        *,
        mandate: Mandate,
        store: Store,
        settings: Settings,
        fetch: Fetch,
        fetch_list: Fetch,
        clock: Callable[[], datetime],
        schemes: Mapping[str, Scheme],
    ) -> Platform:
        """The platform of these settings with its database in `store`."""
        keys, origin = Keys(store), settings.own_url
        statuses = Statuses(
            settings.identity_provider,
            settings.status_host,
            check=settings.status_check,
            fetch=fetch,
            fetch_list=fetch_list,
            clock=clock,
        )
        issuers = Issuers(
            settings.identity_provider,
            mandate,
            statuses=statuses,
            fetch=fetch,
            batch_delay=settings.batch_delay_ms / 1000,
            batch_most=settings.batch_most,
            origin=settings.origin,
        )
        proofs = Proofs(
            store,
            keys,
            challenges=Challenges(keys, clock),
            issuers=issuers,
            schemes=schemes,
            mandate=mandate,
            origin=origin,
            clock=clock,
        )
        sessions = Sessions(store, clock)
        party = settings.party or "platform"
        return cls(
            title=TITLES.get(party, party.replace("_", " ").capitalize()),
            party=party,
            origin=origin,
            wallet=settings.wallet.rstrip("/"),
            mandate=mandate,
            schemes=schemes,
            clock=clock,
            keys=keys,
            issuers=issuers,
            proofs=proofs,
            tokens=PrivateTokens(proofs, issuers),
            sessions=sessions,
            accounts=Accounts(store, mandate, sessions=sessions, clock=clock),
            bans=Bans(store, settings.moderator, sessions=sessions, clock=clock),
            feed=Feed(store, mandate, clock=clock),
        )

    def about(self) -> dict[str, Json]:
        """What anybody may know of this platform before they sign up."""
        question = self.mandate.question("sign_up")
        asks = question.asks()
        offered: list[Json] = [
            {
                "name": scheme.info.name,
                "title": scheme.info.title,
                "asks": sorted(asks & scheme.info.answers),
                "over": question.over if "over" in scheme.info.answers else None,
                "unanswered": sorted(self.mandate.unanswered(scheme.info)),
                "accepted": self.mandate.accepts_shortfall or not self.mandate.unanswered(scheme.info),
                "learns": dict(scheme.info.learns),
                "limits": scheme.info.limits,
            }
            for scheme in self.schemes.values()
        ]
        return {
            "party": self.party,
            "title": self.title,
            "origin": self.origin,
            "mandate": self.mandate.name,
            "mandate_title": self.mandate.title,
            "schemes": offered,
            "groups": [{"id": g.id, "title": g.title, "age": g.age} for g in GROUPS.values()],
        }


TITLES = {"platform_a": "Banyan", "platform_b": "Ferry"}
"""The names that people see: a village tree under which one talks, and a boat on which one does."""
