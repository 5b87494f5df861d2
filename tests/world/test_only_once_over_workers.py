"""What may be used once is used once, over HTTP, over two worker processes, on both databases."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from idverify.population import Population
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet import Flows, Owner, Request, Wallet, run
from idverify.world import World
from tests.keys import lend
from tests.world import workers

CITIZENS, SEED = 200, 5
TRIES, FEWER = 300, 100
RACES = 5
"""A race that one worker had for itself says nothing, and there is another: a busy machine may let one wait so long."""
UNBOUND = [name for name, scheme in SCHEMES.items() if not scheme.info.binds_nonce and scheme.info.signed]


def adult_wallet() -> Wallet:
    people = Population.make(CITIZENS, SEED)
    row = next(row for row in range(len(people)) if people.e_id[row] and people.born[row] < 7000)
    person = people.person(row)
    return Wallet(Owner(person.id_number, people.pin(row), person.born), SCHEMES)


async def all_at_once(requests: list[Request], shown: bytes, *, handle: str) -> tuple[Counter[int], list[int]]:
    """Deliver one presentation as the answer to every challenge, then open an account with every code."""
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(60, pool=None)) as client:
        delivered = await asyncio.gather(
            *(client.post(request.challenge.reply_to, content=shown, headers=OCTETS) for request in requests)
        )
        codes = [
            (request, answer.json()["code"])
            for request, answer in zip(requests, delivered, strict=True)
            if answer.status_code == 200
        ]
        opened = await asyncio.gather(
            *(
                client.post(
                    f"{request.challenge.audience}/api/accounts",
                    json={"handle": f"{handle}_{n}", "code": code, "binding": request.binding},
                )
                for request, code in codes
                for n in range(50)
            )
        )
    return Counter(answer.status_code for answer in delivered), [answer.status_code for answer in opened]


OCTETS = {"Content-Type": "application/octet-stream"}


def test_a_credential_opens_one_account_however_often_it_is_shown_at_once(
    forked_parties: None, database_url: str, tmp_path: Path
) -> None:
    url = "" if database_url.startswith("sqlite") else database_url
    schemes = ",".join(UNBOUND)
    settings = replace(Settings(), citizens=CITIZENS, seed=SEED, schemes=schemes, workers=2, database_url=url)
    wallet = adult_wallet()
    others = {party for scheme in UNBOUND for party in SCHEMES[scheme].info.parties}
    parties = ("identity_provider", "platform_a", *others)
    with World(lend(tmp_path), settings, parties=parties) as world, httpx.Client(timeout=60) as client:
        platform = world.urls["platform_a"]
        workers.wait_for_all(world, "platform_a", path="/api/about")
        flows = Flows(wallet, identity_provider=world.urls["identity_provider"])
        for number, scheme in enumerate(UNBOUND):
            tries = FEWER if number else TRIES
            for race in range(RACES):
                requests = [run(flows.ask(platform, scheme), client) for _ in range(tries)]
                credential = run(flows.obtain(scheme, requests[0].challenge), client)
                shown = wallet.present(scheme, credential, requests[0].challenge)
                delivered, opened = asyncio.run(all_at_once(requests, shown, handle=f"winner_{number}_{race}"))
                assert delivered == {200: 1, 409: tries - 1}, scheme
                assert sorted(opened) == [201] + [409] * 49, scheme
                paths = {urlsplit(request.challenge.reply_to).path for request in requests}
                if workers.that_served(world, "platform_a", paths=paths, requests=tries) == 2:
                    break
            else:
                raise AssertionError(f"one worker had all races of {scheme} for itself")
