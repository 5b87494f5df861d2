"""What the replay writes for a row has the routes and the fields of a real world in which services ran."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from idverify.ledger import Record, decode
from idverify.ledger_decode import collapsed
from idverify.population import Population
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.simulation.replay import replay
from idverify.simulation.scenario import Scenario
from idverify.wallet import Flows, Owner, Wallet, run
from idverify.world import World

MODELLED = {
    "declared": "self_declared",
    "real name": "real_name",
    "real name, hashed": "real_name_hashed",
    "selective disclosure": "sd_jwt_vc",
    "mobile document": "mdoc",
    "pseudonym of a hidden secret": "bbs",
    "blind tokens": "privacy_pass",
}


def read(folder: Path) -> dict[str, list[Record]]:
    return {path.stem: list(decode(path.read_bytes().splitlines(), SCHEMES)) for path in folder.glob("*.jsonl")}


@pytest.fixture(scope="module")
def real(forked_parties: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Record]]:
    """One citizen signs up with each of the schemes, with services and HTTP."""
    folder = tmp_path_factory.mktemp("real")
    people = Population.make(200, 11)
    row = next(row for row in range(200) if people.e_id[row] and people.born[row] < 7000)
    person = people.person(row)
    parties = ("identity_provider", "platform_a")
    with (
        World(folder, replace(Settings(), citizens=200, seed=11), parties=parties) as world,
        httpx.Client(timeout=60) as client,
    ):
        for number, name in enumerate(MODELLED.values()):
            wallet = Wallet(Owner(person.id_number, people.pin(row), person.born), SCHEMES)
            flows = Flows(wallet, identity_provider=world.urls["identity_provider"])
            proof = run(flows.prove(world.urls["platform_a"], name), client)
            body = {"handle": f"shape_{number}", "code": proof.code, "binding": proof.request.binding}
            assert client.post(f"{world.urls['platform_a']}/api/accounts", json=body).status_code == 201
    return read(folder / "ledgers")


@pytest.mark.parametrize("row", MODELLED)
def test_routes_and_fields_are_those_of_a_real_world(row: str, real: dict[str, list[Record]], tmp_path: Path) -> None:
    simulated = read(replay(Scenario(row=row, citizens=5, exactly=1), tmp_path, seed=1).ledgers)
    for party, records in simulated.items():
        for record in records:
            like = [
                r for r in real[party] if (r.method, r.route, r.scheme) == (record.method, record.route, MODELLED[row])
            ]
            assert like, (party, record.route)
            there = {collapsed(name) for r in like for name in r.fields}
            assert {collapsed(name) for name in record.fields} <= there
            assert bool(record.subject) is any(r.subject for r in like)
            assert bool(record.flow) is any(r.flow for r in like)
