"""What a sign-up takes: round trips as measured, energy as a proxy, and dollars per million from stated prices.

    joules = CPU seconds · watts of a busy core, and megabytes · joules a megabyte
    dollars per million = 10^6 · (core hours · price + gigabytes · price + stored gigabytes · 12 months · price)

Powers and prices are assumptions (assumptions.py). The CPU of one core is what services were charged with; nothing is
counted for idle machines, people, support or law.
"""

from __future__ import annotations

from collections.abc import Sequence

from idverify.load.tried import Tried
from idverify.outcomes import assumptions as a
from idverify.outcomes.model import Cost
from idverify.outcomes.shares import mean

MILLION = 1_000_000


def cost(
    people: Sequence[Tried],
    *,
    cpu_ms: tuple[float | None, float | None, float | None],
    requests_per_proof: float,
    bytes_per_proof: float,
    stored: float | None,
) -> Cost:
    """Per sign-up. `cpu_ms` of the identity provider per request, of the platform per proof, of the wallet per
    presentation; `stored` bytes an account."""
    trips = [each.trips for person in people for each in person.own if not each.reason and each.trips]
    provider, platform, wallet = cpu_ms
    services = None if platform is None else platform + (provider or 0.0) * requests_per_proof
    parts: dict[str, float] = {}
    if services is not None:
        parts["CPU"] = MILLION * services / 1000 / 3600 * float(a.PRICE_CORE_HOUR)
        parts["traffic"] = MILLION * bytes_per_proof / 1e9 * float(a.PRICE_GIGABYTE)
        if stored is not None:
            parts["a year of storage"] = MILLION * stored / 1e9 * 12 * float(a.PRICE_STORED)
    return Cost(
        round_trips=round(mean(trips), 3) if trips else None,
        round_trips_range=(min(trips), max(trips)) if trips else None,
        n=len(trips),
        joules_services=_joules(services, float(a.WATTS_SERVER)),
        joules_wallet=_joules(wallet, float(a.WATTS_PHONE)),
        joules_network=round(bytes_per_proof / 1e6 * float(a.JOULES_MEGABYTE), 6) if bytes_per_proof else None,
        dollars_per_million=round(sum(parts.values()), 4) if parts else None,
        parts={name: round(value, 4) for name, value in parts.items()},
    )


def _joules(cpu_ms: float | None, watts: float) -> float | None:
    return None if cpu_ms is None else round(cpu_ms / 1000 * watts, 6)
