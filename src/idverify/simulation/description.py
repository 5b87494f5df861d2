"""What is public of a simulated world: the parties, the policy and the country, as public.json says it."""

from __future__ import annotations

from pathlib import Path

from idverify.population import parameters
from idverify.privacy.public import (
    IdNumbers,
    Policy,
    Public,
    PublicParty,
    PublicPopulation,
    PublicScheme,
    Role,
    write_public,
)
from idverify.simulation.columns import ISSUER_ORIGIN, PLATFORM_ORIGINS, PLATFORMS
from idverify.simulation.rows import PLATFORM, Row
from idverify.simulation.scenario import Scenario

ROLES: dict[str, Role] = {
    "identity_provider": "issuer",
    "attester": "attester",
    "token_issuer": "token_issuer",
    "platform_a": "platform",
    "platform_b": "platform",
    "network_observer": "network_observer",
    "status_host": "status_host",
    "telecom": "telecom",
    "opener": "opener",
}
_ORIGINS = {"identity_provider": ISSUER_ORIGIN, **dict(zip(PLATFORMS, PLATFORM_ORIGINS, strict=True))}


def describe(scenario: Scenario, row: Row, *, parties: tuple[str, ...]) -> Public:
    """The public description of a scenario. Nothing in it says who is who."""
    asked = [e for e in row.exchanges if e.party != PLATFORM and e.when in ("issuance", "request")]
    shown = [e for e in row.exchanges if e.party == PLATFORM]
    return Public(
        label="SIMULATED",
        parties={party: PublicParty(role=ROLES[party], origin=_ORIGINS.get(party, "")) for party in parties},
        schemes={
            row.slug: PublicScheme(
                issued="per_login" if row.per_login else "ahead",
                batch=scenario.batch,
                single_use=scenario.reuse == "once_only",
                status=scenario.status != "none",
                issuance=sorted({f"POST {e.route}" for e in asked}),
                presentation=sorted({f"POST {e.route}" for e in shown}),
            )
        },
        policy=Policy(
            reuse=scenario.reuse,
            refill=scenario.refill,
            batch=scenario.batch,
            lifetime=scenario.lifetime if scenario.reuse != "once_only" else None,
            delay=scenario.delay,
            schedule=scenario.schedule if scenario.refill == "schedule" else None,
            requests_per_user=scenario.issuance_rate / scenario.citizens,
            users_per_address=float(scenario.behind) if scenario.behind else None,
            issuance_rate=scenario.issuance_rate,
        ),
        id_numbers=IdNumbers(
            provinces=[name for name, _ in parameters.PROVINCES],
            weights=[float(weight) for _, weight in parameters.PROVINCES],
        ),
        population=PublicPopulation(
            people=int(float(parameters.PEOPLE.value) * 1e6),
            years={str(year): float(share) for year, share in parameters.birth_years().items()},
        ),
    )


def write_description(folder: Path, scenario: Scenario, row: Row, *, parties: tuple[str, ...]) -> None:
    """Write public.json into `folder`."""
    write_public(folder, describe(scenario, row, parties=parties))
