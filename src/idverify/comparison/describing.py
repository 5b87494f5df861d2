"""What is public of a world that was measured, for its attackers: public.json beside the ledgers.

Everything in it anybody could know: who the parties are, how the scheme issues and shows, how wallets behave, what the
mandate lets each party keep, and the country's statistics. Nothing in it says who is who.
"""

from __future__ import annotations

from idverify.mandates import Mandate
from idverify.population import parameters
from idverify.privacy.public import (
    Delay,
    IdNumbers,
    Kept,
    Policy,
    Public,
    PublicParty,
    PublicPopulation,
    PublicScheme,
    Refill,
    Reuse,
    Role,
)
from idverify.scheme import Info
from idverify.settings import Settings
from idverify.wallet import policy as wallet_policy

ISSUANCE = ("POST /api/issue/{scheme}", "POST /token-request")
PRESENTATION = ("POST /api/presentations/{id_}",)
LOGINS, USES = "logins", "uses"
"""What mandates call the times and addresses of log-ins, and the history of uses at the identity provider."""
SEALED = "sealed"
"""The identity that only openers can read; a platform keeps it under every mandate."""
REUSE: dict[str, Reuse] = {"A": "once_only", "B": "limited_time", "C": "rotating_batch", "D": "per_platform"}
ROLES: dict[str, Role] = {
    "identity_provider": "issuer",
    "platform_a": "platform",
    "platform_b": "platform",
    "network_observer": "network_observer",
    "status_host": "status_host",
    "token_issuer": "token_issuer",
}


def describe(settings: Settings, info: Info, mandate: Mandate, *, origins: dict[str, str]) -> Public:
    """The public description of a world with one scheme. `origins` are the parties that ran, with their URLs."""
    parties = {
        party: PublicParty(role=_role(party, info), origin=url) for party, url in origins.items() if party in ROLES
    }
    parties["network_observer"] = PublicParty(role="network_observer")
    return Public(
        label="MEASURED",
        parties=parties,
        schemes={
            info.name: PublicScheme(
                issued=info.issued,
                batch=info.batch,
                single_use=info.single_use,
                status=info.status,
                status_ttl=float(settings.status_ttl) if info.status else None,
                issuance=list(ISSUANCE),
                presentation=list(PRESENTATION),
            )
        },
        policy=_policy(settings, info),
        id_numbers=IdNumbers(
            provinces=[name for name, _ in parameters.PROVINCES],
            weights=[float(weight) for _, weight in parameters.PROVINCES],
        ),
        population=PublicPopulation(
            people=int(float(parameters.PEOPLE.value) * 1e6),
            years={str(year): float(share) for year, share in parameters.birth_years().items()},
        ),
        kept=_kept(mandate, parties, sealed=bool(info.opened_by)),
    )


def _role(party: str, info: Info) -> Role:
    """The identity provider only attests where another party signs."""
    return "attester" if party == "identity_provider" and "token_issuer" in info.parties else ROLES[party]


def _policy(settings: Settings, info: Info) -> Policy:
    """How the wallets of this world behave. Nobody has published how long they wait between fetching and showing."""
    if info.issued in ("by_holder", "per_login"):
        return Policy(reuse="once_only", delay=Delay(name="none"), users_per_address=float(settings.people_per_address))
    own = wallet_policy.policy_of(info, settings)
    refills: dict[str, Refill] = {
        "just_in_time": "just_in_time",
        "after_use": "after_use",
        "when_empty": "when_empty",
        "delayed": "delayed",
        "fixed_schedule": "schedule",
    }
    return Policy(
        reuse=REUSE[own.method],
        refill=refills[own.refill],
        batch=own.batch,
        lifetime=own.lifetime or None,
        delay=Delay(name="exponential", parameters={"mean": own.delay}) if own.refill == "delayed" else Delay(),
        schedule=own.interval if own.refill == "fixed_schedule" else None,
        users_per_address=float(settings.people_per_address),
    )


def _kept(mandate: Mandate, parties: dict[str, PublicParty], *, sealed: bool) -> dict[str, Kept]:
    """What is left once each party has deleted all that it need not keep."""
    found: dict[str, Kept] = {}
    claims = mandate.kept()
    logins = claims.get(LOGINS)
    for party, each in parties.items():
        if each.role == "platform":
            found[party] = Kept(
                fields=sorted({*claims} - {LOGINS} | ({SEALED} if sealed else set())),
                days=None if logins is None else logins.value,
                times="none" if logins is None else "exact",
                addresses=logins is not None,
            )
        elif each.role in ("issuer", "attester"):
            uses = mandate.rules.identity_provider_keeps.get(USES)
            found[party] = Kept(
                days=None if uses is None else uses.value, times="none" if uses is None else "exact", addresses=False
            )
        else:  # no mandate tells a host, a token issuer or a carrier to keep anything
            found[party] = Kept(times="none", addresses=False)
    return found
