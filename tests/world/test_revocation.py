"""Revocation over real services: how long it takes, that it survives outages, and that indices are unique."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from idverify import cli
from idverify.population import Population
from idverify.scheme import Credential
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet import Flows, Owner, Wallet, run
from idverify.wallet.wallet import utc_now
from idverify.world import World
from tests.world import workers

CITIZENS, SEED = 200, 5
PEOPLE = Population.make(CITIZENS, SEED)
ADULTS = [row for row in range(len(PEOPLE)) if PEOPLE.e_id[row] and PEOPLE.born[row] < 7000]
TTL, PUBLISH = 1.5, 0.5
SLACK = 60.0
"""Seconds for a machine that does much else: what is tested is that a revocation arrives, not how fast we are."""
WITH_STATUS = [name for name, scheme in SCHEMES.items() if scheme.info.status]
ONE = WITH_STATUS[0]
PARTIES = ("identity_provider", "platform_a", "status_host")
OCTETS = {"Content-Type": "application/octet-stream"}


class Holder:
    """A person with a wallet in a world, and one credential that is shown again and again."""

    def __init__(self, world: World, client: httpx.Client, scheme: str, row: int = ADULTS[0]) -> None:
        self.world, self.client, self.scheme, self.id_number = world, client, scheme, PEOPLE.id_number(row)
        person = PEOPLE.person(row)
        self.wallet = Wallet(Owner(person.id_number, PEOPLE.pin(row), person.born), SCHEMES)
        self.flows = Flows(self.wallet, identity_provider=world.urls["identity_provider"])
        request = run(self.flows.ask(world.urls["platform_a"], scheme), client)
        self.credential: Credential = run(self.flows.obtain(scheme, request.challenge), client)

    def show(self) -> tuple[int, str]:
        request = run(self.flows.ask(self.world.urls["platform_a"], self.scheme), self.client)
        shown = self.wallet.present(self.scheme, self.credential, request.challenge)
        answer = self.client.post(request.challenge.reply_to, content=shown, headers=OCTETS)
        return answer.status_code, answer.json().get("error", "")

    def revoke(self) -> float:
        """Revoke everything; the bound that the identity provider states."""
        token = run(self.flows.log_in(), self.client)
        answer = self.client.post(
            f"{self.world.urls['identity_provider']}/api/revocations",
            json={},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 200, answer.text
        return float(answer.json()["reaches_platforms_within"])

    def refused_after(self, within: float) -> float:
        """Seconds until the first refusal."""
        begun = time.monotonic()
        while (waited := time.monotonic() - begun) < within + SLACK:
            if self.show() == (403, "revoked"):
                return waited
            time.sleep(0.05)
        raise AssertionError("a revoked credential is still accepted")


@pytest.fixture(params=["list", "direct"])
def world(forked_parties: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    settings = replace(
        Settings(),
        citizens=CITIZENS,
        seed=SEED,
        schemes=",".join(WITH_STATUS),
        status_ttl=TTL,
        status_publish=PUBLISH,
        status_check=request.param,
    )
    with World(tmp_path, settings, parties=PARTIES) as world:
        yield world


def test_a_revocation_reaches_the_platform(world: World) -> None:
    with httpx.Client(timeout=60) as client:
        holders = [Holder(world, client, scheme, row) for scheme, row in zip(WITH_STATUS, ADULTS, strict=False)]
        other = Holder(world, client, ONE, ADULTS[-1])
        for holder in [*holders, other]:
            assert holder.show() == (200, "")
        for holder in holders:
            within = holder.revoke()
            assert within == TTL + PUBLISH
            assert holder.refused_after(within) < within + SLACK
        assert other.show() == (200, "")
    seen = [json.loads(line)["path"] for p in world.ledgers("status_host") for line in p.read_bytes().splitlines()]
    entries = [path for path in seen if path.count("/") == 3]
    assert any(path == "/lists/1" for path in seen) == (world.settings.status_check == "list")
    assert bool(entries) == (world.settings.status_check == "direct")


def kill(world: World, party: str) -> None:
    """End one party of the world for good."""
    process = psutil.Process(world.pids[party])
    for each in [*process.children(recursive=True), process]:
        each.kill()


@pytest.mark.parametrize("world", ["list"], indirect=True)
def test_what_an_outage_of_issuer_or_host_does(world: World) -> None:
    with httpx.Client(timeout=60) as client:
        holder = Holder(world, client, ONE)
        assert holder.show() == (200, "")
        kill(world, "identity_provider")
        until = time.monotonic() + 2 * (TTL + PUBLISH)
        while time.monotonic() < until:  # the host goes on with the last good list
            assert holder.show() == (200, "")
            time.sleep(0.1)
        kill(world, "status_host")
        until = time.monotonic() + TTL + SLACK
        while (said := holder.show()) == (200, "") and time.monotonic() < until:
            time.sleep(0.1)
        assert said == (503, "status_unknown")
    assert "status unknown:" in world.log("platform_a").read_text()


@pytest.mark.parametrize("world", ["list"], indirect=True)
def test_the_operator_revokes_without_any_endpoint(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with httpx.Client(timeout=60) as client:
        holder = Holder(world, client, ONE)
        assert holder.show() == (200, "")
        arguments = ["revoke", holder.id_number, "--folder", str(world.folder), "--json"]
        assert cli.main(arguments) == 0
        assert json.loads(capsys.readouterr().out)["revoked"] == SCHEMES[ONE].info.batch
        assert holder.refused_after(TTL + PUBLISH) < TTL + PUBLISH + SLACK


def index_of(body: bytes) -> int:
    """The status index that everybody can read in a credential."""
    found: list[int] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("idx"), int):
                found.append(value["idx"])
            for each in value.values():
                walk(each)
        elif isinstance(value, list | tuple):
            for each in value:
                walk(each)

    walk(SCHEMES[ONE].read(body))
    assert len(set(found)) == 1, found
    return found[0]


def test_hundreds_of_issues_at_once_over_two_workers_have_indices_of_their_own(
    forked_parties: None, database_url: str, tmp_path: Path
) -> None:
    url = "" if database_url.startswith("sqlite") else database_url
    settings = replace(Settings(), citizens=CITIZENS, seed=SEED, workers=2, schemes=ONE, database_url=url)

    async def issue(world: World) -> list[bytes]:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=0)  # new connections reach both workers
        address, holder = world.urls["identity_provider"], SCHEMES[ONE].holder()
        timeout = httpx.Timeout(60, pool=None)
        async with httpx.AsyncClient(base_url=address, limits=limits, timeout=timeout) as client:
            tokens = []
            for row in ADULTS[:20]:
                body = {"id_number": PEOPLE.id_number(row), "pin": PEOPLE.pin(row)}
                tokens.append((await client.post("/api/sessions", json=body)).json()["token"])
            public = (await client.get(f"/api/public/{ONE}")).content
            now = utc_now()

            async def one(token: str) -> bytes:
                asked = holder.request(public, now=now)
                headers = OCTETS | {"Authorization": f"Bearer {token}"}
                answer = await client.post(f"/api/issue/{ONE}", content=asked.message, headers=headers)
                assert answer.status_code == 200, answer.text
                return holder.accept(asked, answer.content)[0].body

            return await asyncio.gather(*(one(tokens[n % len(tokens)]) for n in range(400)))

    with World(tmp_path, settings, parties=("identity_provider", "status_host")) as world:
        workers.wait_for_all(world, "identity_provider", path="/api/public")
        issued = asyncio.run(issue(world))
    indices = [index_of(body) for body in issued]
    assert len(set(indices)) == 400
    assert workers.that_served(world, "identity_provider", paths={f"/api/issue/{ONE}"}, requests=400) == 2
