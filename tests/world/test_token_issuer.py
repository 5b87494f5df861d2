"""A world in which another party than the identity provider holds the token keys."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from idverify.errors import Unavailable
from idverify.ledger_decode import decode
from idverify.population import Population
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet import Flows, Owner, Wallet, run
from idverify.world import World
from tests.world.test_world import gone

SMALL = Settings(citizens=200, seed=5)
SPLIT = [name for name, scheme in SCHEMES.items() if scheme.info.keys_at]


@pytest.mark.parametrize("name", SPLIT)
def test_tokens_are_signed_by_a_party_that_knows_nobody_and_none_while_it_is_away(
    forked_parties: None, tmp_path: Path, name: str
) -> None:
    people = Population.make(SMALL.citizens, SMALL.seed)
    row = next(row for row in range(len(people)) if people.e_id[row] and people.born[row] < 7000)
    person, party = people.person(row), SCHEMES[name].info.keys_at
    settings = Settings(citizens=SMALL.citizens, seed=SMALL.seed, schemes=name, quota=3)
    with World(tmp_path, settings) as world, httpx.Client(timeout=60) as client:
        provider, platform = world.urls["identity_provider"], world.urls["platform_a"]
        wallet = Wallet(Owner(person.id_number, people.pin(row), person.born), SCHEMES)
        flows = Flows(wallet, identity_provider=provider)
        assert run(flows.sign_up(platform, name, handle="linh"), client).handle == "linh"
        assert wallet.agreed.keys() == {(name, platform)}
        public = client.get(f"{world.urls[party]}/api/public/{name}")
        assert public.json()["issuer"] == world.urls[party]
        assert public.content == client.get(f"{provider}/api/public/{name}").content
        assert client.post(f"{world.urls[party]}/token-request", content=b"x").status_code == 401
        os.kill(world.pids[party], signal.SIGTERM)
        assert gone(world.pids[party])
        for _ in range(5):
            with pytest.raises(Unavailable):
                run(flows.prove(platform, name), client)
        assert client.get(f"{provider}/health").status_code == 200
    kept = {path.parent.name: path for path in tmp_path.rglob("*.secret")}
    assert {path.relative_to(tmp_path).parts[0] for path in kept.values() if path.parent.name == name} == {"token_keys"}
    [ledger] = world.ledgers(party)
    text = ledger.read_text()
    assert person.id_number not in text
    records = [r for r in decode(text.encode().splitlines(), SCHEMES) if r.route == "/token-request"]
    assert [record.subject for record in records] == ["", ""]
    assert json.loads(text.splitlines()[0])["party"] == party
