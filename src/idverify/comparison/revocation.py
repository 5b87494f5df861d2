"""How long a revocation takes to reach a platform: revoke call → first denial, over running services.

What is expected: a platform asks for a list every ttl, the status host every publish interval, so the latency is the
sum of two uniform waits: on average (ttl + publish)/2, never more than ttl + publish (and the time of the requests).
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from pathlib import Path

import httpx

from idverify.errors import BadEnvironment
from idverify.population import Population
from idverify.scheme import Credential
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet import Flows, Owner, Wallet, run_async
from idverify.world import World

PERSONS = 20
TTL, PUBLISH = 1.0, 0.5
"""Seconds: short ones, so that many latencies are measured in a few seconds. Longer ones stretch them in proportion."""
POLL_SECONDS = 0.05
"""Between two presentations of a revoked credential: how exactly the moment of the first denial is known."""
LONGEST = 60.0
ADULT_YEAR = 1995
"""Born so long ago that no mandate finds the person too young."""
OCTETS = {"Content-Type": "application/octet-stream"}
PARTIES = ("identity_provider", "platform_a", "status_host")


def in_a_world_of_its_own(settings: Settings, scheme: str, folder: Path) -> list[float]:
    """`measure_revocation` in a fresh world with TTL and PUBLISH. Raises BadEnvironment."""
    own = replace(settings, schemes=scheme, status_ttl=TTL, status_publish=PUBLISH, database_url="", ledger="off")
    with World(folder, own, parties=PARTIES) as world:
        return measure_revocation(world, scheme)


def measure_revocation(world: World, scheme: str, *, persons: int = PERSONS) -> list[float]:
    """Seconds from the answer to a revoke call to that of the first refusal, one value a person. Raises BadEnvironment.

    Everybody revokes at a moment of their own within a ttl, so that the latencies cover all phases of it.
    """
    settings = world.settings
    people = Population.make(settings.citizens, settings.seed)
    adults = [row for row in range(len(people)) if people.e_id[row] and people.person(row).born.year <= ADULT_YEAR]
    chance = random.Random(settings.seed)
    starts = [(row, chance.uniform(0.0, settings.status_ttl)) for row in adults[:persons]]

    async def all_of_them() -> list[float]:
        async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
            wallets = [_Person(world, client, scheme, Owner(*_login(people, row))) for row, _ in starts]
            for each in wallets:  # one after the other: nobody's issuance is to be slow because of the others
                await each.begin()
            return await asyncio.gather(
                *(each.revoke_after(wait) for each, (_, wait) in zip(wallets, starts, strict=True))
            )

    return asyncio.run(all_of_them())


def _login(people: Population, row: int) -> tuple[str, str]:
    return people.id_number(row), people.pin(row)


class _Person:
    """Somebody with one credential that is shown until it is refused."""

    def __init__(self, world: World, client: httpx.AsyncClient, scheme: str, owner: Owner) -> None:
        self._provider, self._platform = world.urls["identity_provider"], world.urls["platform_a"]
        self._client = client
        self._scheme = scheme
        self._wallet = Wallet(owner, SCHEMES)
        self._flows = Flows(self._wallet, identity_provider=self._provider)
        self._credential = Credential(b"")

    async def begin(self) -> None:
        """Get the credential and have it accepted once."""
        request = await run_async(self._flows.ask(self._platform, self._scheme), self._client)
        self._credential = await run_async(self._flows.obtain(self._scheme, request.challenge), self._client)
        status, code = await self._show()
        if status != 200:
            raise BadEnvironment(f"a credential of {self._scheme} was refused before it was revoked: {code}")

    async def revoke_after(self, seconds: float) -> float:
        """Wait, revoke, show until it is refused."""
        await asyncio.sleep(seconds)
        token = await run_async(self._flows.log_in(), self._client)
        answer = await self._client.post(
            f"{self._provider}/api/revocations", json={}, headers={"Authorization": f"Bearer {token}"}
        )
        if answer.status_code != 200:
            raise BadEnvironment(f"the identity provider answered {answer.status_code} to a revocation")
        revoked = time.monotonic()
        while time.monotonic() - revoked < LONGEST:
            if await self._show() == (403, "revoked"):
                return time.monotonic() - revoked
            await asyncio.sleep(POLL_SECONDS)
        raise BadEnvironment(f"a revoked credential of {self._scheme} is still accepted after {LONGEST:g} s")

    async def _show(self) -> tuple[int, str]:
        request = await run_async(self._flows.ask(self._platform, self._scheme), self._client)
        shown = self._wallet.present(self._scheme, self._credential, request.challenge)
        answer = await self._client.post(request.challenge.reply_to, content=shown, headers=OCTETS)
        return answer.status_code, str(answer.json().get("error", ""))
