"""Sybil: accounts that one person, one statement or one credential gives, and what a fake account costs.

    accounts obtained / persons used        cost per fake = min over routes of price/accounts

Douceur, The Sybil Attack (IPTPS 2002). The counts are measured from farmers, who each try for many accounts on one
platform; the prices are assumptions (assumptions.py), so that a cost is EXTRAPOLATED.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from idverify.load.tried import Tried
from idverify.outcomes import assumptions as prices
from idverify.outcomes.model import Route, Sybil
from idverify.outcomes.shares import FEWEST, mean
from idverify.population.parameters import Parameter

RESAMPLES = 2000


def sybil(people: Sequence[Tried], *, declared: bool) -> Sybil | None:
    """What farmers got; `declared` where the person is the only source. None where nobody farmed."""
    farmed = [person.farm for person in people if person.farm is not None]
    if not farmed:
        return None
    accounts, tries = (sum(pair[place] for pair in farmed) for place in (0, 1))
    routes = list(_routes(people, accounts, persons=len(farmed), tries=tries, declared=declared))
    paid = [(route.cost, route.name) for route in routes if route.cost is not None]
    return Sybil(
        persons=len(farmed),
        accounts=accounts,
        tries=tries,
        per_person=round(accounts / len(farmed), 3),
        interval=bootstrap([pair[0] for pair in farmed]),
        routes=routes,
        cost=min(paid)[0] if paid else None,
        cheapest=min(paid)[1] if paid else "",
    )


def _routes(people: Sequence[Tried], accounts: int, *, persons: int, tries: int, declared: bool) -> list[Route]:
    if declared:
        return [_route("false statement", prices.PRICE_STATEMENT, accounts, n=tries)]
    found = [_route("person who signs up for another", prices.PRICE_MULE, accounts, n=persons)]
    lent = [person.borrowed for person in people if person.borrowed is not None]
    if lent:  # one platform, as for the others: who borrows takes one account on each
        got = sum(any(not each.reason for each in tried) for tried in lent)
        found.append(_route("credential of an adult", prices.PRICE_LENT, got, n=len(lent)))
    again = [person.new_identity for person in people if person.new_identity is not None]
    if again:
        found.append(_route("enrolling as somebody else", prices.PRICE_ENROLMENT, sum(again), n=len(again)))
    return found


def _route(name: str, price: Parameter, accounts: int, *, n: int) -> Route:
    each = accounts / n if n else 0.0
    cost = None if not each else round(float(price) / each, 4)
    return Route(name=name, price=float(price), accounts=round(each, 4), cost=cost, n=n)


def bootstrap(counts: Sequence[int]) -> tuple[float, float] | None:
    """A 95 % interval of the mean by resampling persons (Efron, Annals of Statistics 7, 1979); None below FEWEST."""
    if len(counts) < FEWEST:
        return None
    chance = random.Random(len(counts))
    means = sorted(mean(chance.choices(counts, k=len(counts))) for _ in range(RESAMPLES))
    return round(means[int(0.025 * RESAMPLES)], 3), round(means[int(0.975 * RESAMPLES) - 1], 3)
