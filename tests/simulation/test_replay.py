"""The replay writes what its parties would have seen, and nothing else; the same seed writes the same."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from idverify import ledger as module
from idverify.errors import BadUsage
from idverify.ledger import Record, decode
from idverify.privacy.public import Refill, Reuse, read_public
from idverify.privacy.score import read_truth
from idverify.schemes import SCHEMES
from idverify.simulation import delays
from idverify.simulation.events import events
from idverify.simulation.replay import Replayed, replay
from idverify.simulation.rows import ROWS
from idverify.simulation.scenario import DAY, Scenario

SCHEMA = json.loads(Path(module.__file__).with_name("ledger.schema.json").read_bytes())
RAW = jsonschema.Draft202012Validator({**SCHEMA, "oneOf": [{"$ref": "#/$defs/raw"}]})
REFILLS: tuple[Refill, ...] = ("just_in_time", "after_use", "when_empty", "delayed", "schedule")
REUSES: tuple[Reuse, ...] = ("once_only", "limited_time", "rotating_batch", "per_platform", "unlimited")


def records(world: Replayed, party: str) -> list[Record]:
    return list(decode((world.ledgers / f"{party}.jsonl").read_bytes().splitlines(), SCHEMES))


def digests(world: Replayed) -> dict[str, str]:
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(world.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(params=list(ROWS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Replayed:
    row = ROWS[request.param]
    scenario = Scenario(row=row.name, citizens=30, exactly=2, platforms=2, observed=True)
    return replay(replace(scenario, opened=3 if row.can_be_opened else 0), tmp_path, seed=5)


def test_every_line_fits_the_schema_of_ledgers(world: Replayed) -> None:
    for party in world.lines:
        lines = (world.ledgers / f"{party}.jsonl").read_bytes().splitlines()
        assert len(lines) == world.lines[party]
        for line in lines:
            RAW.validate(json.loads(line))


def test_every_line_decodes_and_lines_are_in_the_order_of_time(world: Replayed) -> None:
    for party in world.lines:
        found = records(world, party)
        assert len(found) == world.lines[party]
        assert [r.time for r in found] == sorted(r.time for r in found)
        assert {r.party for r in found} == {party}


def test_the_truth_names_every_account_once(world: Replayed) -> None:
    truth = read_truth(world.truth)
    for party in ("platform_a", "platform_b"):
        seen = {r.subject for r in records(world, party)}
        assert seen == {t.account for t in truth if t.platform == party}
        assert len(seen) == 30
    assert all(t.owner.startswith("9") for t in truth)


def test_the_issuer_knows_no_account_and_a_platform_no_more_than_the_table_says(world: Replayed) -> None:
    truth = read_truth(world.truth)
    accounts, owners = {t.account for t in truth}, {t.owner for t in truth}
    shows_ids = any("<id>" in e.received for e in ROWS[world.scenario.row].exchanges if e.party == "platform")
    for party in world.lines:
        text = b"".join((world.ledgers / f"{party}.jsonl").read_bytes().splitlines()).decode()
        bodies = "".join(str(dict(r.fields)) for r in records(world, party))
        if not party.startswith("platform"):
            assert not any(account in text or account in bodies for account in accounts)
        elif not shows_ids:
            assert not any(owner in text or owner in bodies for owner in owners)


def test_what_is_public_says_nothing_of_anybody(world: Replayed) -> None:
    text = (world.folder / "public.json").read_text()
    public = read_public(world.folder)
    assert public.label == "SIMULATED"
    assert set(public.parties) == set(world.lines)
    assert not any(t.owner in text or t.account in text for t in read_truth(world.truth))


def test_the_network_observer_sees_addresses_hosts_times_and_sizes_alone(world: Replayed) -> None:
    for record in records(world, "network_observer"):
        assert record.subject == record.peer
        assert not record.flow
        assert set(record.fields) == {"received.headers.host"}
        assert record.up > 0


def test_the_same_seed_writes_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    scenario = Scenario(citizens=50, logins=3.0)
    one, two, other = (replay(scenario, tmp_path / name, seed=s) for name, s in (("1", 4), ("2", 4), ("3", 5)))
    assert digests(one) == digests(two)
    assert digests(one) != digests(other)


def test_a_setting_leaves_the_columns_of_the_others_alone() -> None:
    plain = events(Scenario(citizens=200, logins=4.0), 9)
    batched = events(Scenario(citizens=200, logins=4.0, batch=10, refill="when_empty"), 9)
    assert (plain.time == batched.time).all()
    assert (plain.person == batched.person).all()


@pytest.mark.parametrize("refill", REFILLS)
@pytest.mark.parametrize("batch", [1, 4])
def test_a_once_only_credential_is_shown_once_and_belongs_to_who_shows_it(refill: Refill, batch: int) -> None:
    course = events(Scenario(citizens=300, logins=7.0, refill=refill, batch=batch, platforms=2), 3)
    assert len(np.unique(course.shown)) == course.logins
    assert (course.issued_to[course.origin[course.shown]] == course.person).all()


@pytest.mark.parametrize("refill", ["just_in_time", "when_empty", "schedule"])
def test_a_credential_is_there_before_it_is_shown(refill: Refill) -> None:
    course = events(Scenario(citizens=300, logins=7.0, refill=refill, batch=4, days=2.5), 3)
    assert (course.issued[course.origin[course.shown]] <= course.time).all()


def test_a_wallet_that_refills_when_empty_asks_once_in_a_batch() -> None:
    scenario = Scenario(citizens=400, exactly=20, batch=10, refill="when_empty")
    course = events(scenario, 8)
    assert len(course.issued) - 400 == 400 * 20 // 10  # the stocks of enrolment are spread evenly
    waited = course.time - course.issued[course.origin[course.shown]]
    assert np.mean(waited < 600) == pytest.approx(1 / 10, abs=0.02)


def test_a_wallet_that_refills_after_use_asks_once_a_login() -> None:
    course = events(Scenario(citizens=100, exactly=5, refill="after_use", delay=delays.uniform(9.0)), 8)
    assert len(course.issued) == 100 + 500
    for person in range(100):
        refills = np.sort(course.issued[100:][course.issued_to[100:] == person])
        used = np.sort(course.time[course.person == person])
        assert ((refills - used > 0.0) & (refills - used < 9.0)).sum() >= 4


def test_a_schedule_asks_whatever_people_do() -> None:
    busy, idle = (events(Scenario(citizens=50, logins=n, refill="schedule", days=3.0), 2) for n in (9.0, 0.5))
    assert (busy.issued == idle.issued).all()


def test_a_login_elsewhere_uses_the_wallet_and_leaves_no_line(tmp_path: Path) -> None:
    scenario = Scenario(citizens=40, exactly=1, elsewhere=7, refill="when_empty", batch=4)
    world = replay(scenario, tmp_path, seed=4)
    assert world.lines["platform_a"] == 40
    assert world.lines["identity_provider"] == 40 + 40 * 8 // 4
    assert len(read_truth(world.truth)) == 40


@pytest.mark.parametrize("reuse", REUSES)
def test_reuse_shows_as_often_as_the_method_says(reuse: Reuse) -> None:
    scenario = Scenario(
        row="selective disclosure", citizens=40, exactly=12, platforms=2, reuse=reuse, lifetime=30 * DAY, batch=3
    )
    course = events(scenario, 6)
    seen: dict[int, set[int]] = defaultdict(set)
    for credential, platform in zip(course.shown.tolist(), course.platform.tolist(), strict=True):
        seen[credential].add(platform)
    shown = Counter(course.shown.tolist())
    if reuse == "once_only":
        assert set(shown.values()) == {1}
    elif reuse == "per_platform":
        assert all(len(platforms) == 1 for platforms in seen.values())
        assert max(shown.values()) > 1
    elif reuse == "rotating_batch":
        assert len({c for c in shown if course.person[course.shown == c][0] == 0}) >= 3
    else:
        assert any(len(platforms) == 2 for platforms in seen.values())


def test_so_many_users_share_an_address_as_the_scenario_says(tmp_path: Path) -> None:
    world = replay(Scenario(citizens=60, exactly=1, behind=6), tmp_path, seed=1)
    behind: dict[str, set[str]] = defaultdict(set)
    for record in records(world, "identity_provider"):
        behind[record.peer].add(record.subject)
    assert {len(people) for people in behind.values()} == {6}
    relayed = replay(Scenario(citizens=60, exactly=1), tmp_path / "relay", seed=1)
    assert len({r.peer for r in records(relayed, "platform_a")}) == 1


def test_an_issuer_with_keys_spreads_people_alike(tmp_path: Path) -> None:
    world = replay(Scenario(citizens=64, exactly=1, keys=8), tmp_path, seed=1)
    kids = Counter(r.fields["received.token_key_id"] for r in records(world, "platform_a"))
    assert sorted(kids.values()) == [8] * 8


def test_a_direct_status_check_names_the_credential_and_a_list_does_not(tmp_path: Path) -> None:
    scenario = Scenario(row="selective disclosure", citizens=40, exactly=1, status="direct", holders=10)
    direct = records(replay(scenario, tmp_path / "d", seed=1), "status_host")
    listed = records(replay(replace(scenario, status="list"), tmp_path / "l", seed=1), "status_host")
    assert len({(r.fields["received.path.number"], r.fields["received.path.index"]) for r in direct}) == 40
    assert len({r.fields["sent.payload.sub"] for r in listed}) == 4
    assert not any("index" in name for r in listed for name in r.fields)
    truth = {t.account for t in read_truth(tmp_path / "d" / "truth.jsonl") if t.platform == "status_host"}
    assert truth == {r.subject for r in direct}


def test_a_sequential_index_is_the_order_of_issuance(tmp_path: Path) -> None:
    scenario = Scenario(row="selective disclosure", citizens=40, exactly=1, status="list", index="sequential")
    name = "sent.issued.payload.status.status_list.idx"
    in_order = [r.fields[name] for r in records(replay(scenario, tmp_path / "s", seed=1), "identity_provider")]
    assert in_order == list(range(40))
    mixed = replay(replace(scenario, index="random"), tmp_path / "r", seed=1)
    assert [r.fields[name] for r in records(mixed, "identity_provider")] != list(range(40))


def test_an_update_revokes_as_many_as_the_scenario_says(tmp_path: Path) -> None:
    world = replay(Scenario(citizens=60, exactly=1, revoked=5, updates=4), tmp_path, seed=1)
    issued = [r for r in records(world, "identity_provider") if r.route == "/api/revocations"]
    denied = [r for r in records(world, "platform_a") if r.status == 403]
    assert len(issued) == len(denied) == 20
    assert Counter(Counter(r.time for r in issued).values()) == {5: 4}
    truth = {t.account: t.owner for t in read_truth(world.truth)}
    assert {truth[r.subject] for r in denied} == {r.subject for r in issued}


@pytest.mark.parametrize(("issued_at", "values"), [("day", 2), ("second", 40), ("millisecond", 40)])
def test_a_credential_says_when_it_was_issued_as_exactly_as_it_should(
    issued_at: str, values: int, tmp_path: Path
) -> None:
    scenario = Scenario(row="selective disclosure", citizens=40, exactly=1, delay=delays.exponential(5.0))
    world = replay(replace(scenario, issued_at=issued_at), tmp_path, seed=1)  # type: ignore[arg-type]
    shown = {r.fields["received.issued.payload.iat"] for r in records(world, "platform_a")}
    assert len(shown) <= values
    assert len(shown) >= values // 2
    if issued_at == "millisecond":
        assert any(float(value) % 1 for value in shown)


@pytest.mark.parametrize(
    "wrong",
    [
        {"citizens": 0},
        {"days": float("nan")},
        {"logins": 1e9},
        {"platforms": 3},
        {"batch": 0},
        {"revoked": 50, "updates": 50},
        {"citizens": 1_000_000, "logins": 10_000.0},
        {"exactly": -1},
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadUsage):
        Scenario(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        Scenario(row="no such row"),
        Scenario(row="real name", refill="after_use"),
        Scenario(row="blind tokens", reuse="unlimited"),
        Scenario(row="blind tokens", status="list"),
        Scenario(row="blind tokens", opened=1),
        Scenario(row="sub, public", elsewhere=3),
    ],
    ids=lambda scenario: scenario.row,
)
def test_a_row_that_cannot_be_so_is_refused(wrong: Scenario, tmp_path: Path) -> None:
    with pytest.raises(BadUsage):
        replay(wrong, tmp_path, seed=1)


def test_a_world_without_logins_is_empty_and_no_error(tmp_path: Path) -> None:
    world = replay(Scenario(citizens=5, logins=0.0), tmp_path, seed=1)
    assert world.logins == 0
    assert read_truth(world.truth) == []
