"""Each attack finds what is there to be found in a replayed world, and says nothing where nothing is."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from idverify.privacy import hashes
from idverify.privacy.anonymity import Anonymity, anonymity, judge
from idverify.privacy.answers import Answer, AttackerName
from idverify.privacy.attack import Asked, attack
from idverify.privacy.attacks import ATTACKS
from idverify.privacy.enumerating import enumerate_groups
from idverify.privacy.public import IdNumbers, Public, write_public
from idverify.privacy.score import read_truth, right_answers
from idverify.simulation import delays
from idverify.simulation.replay import replay
from idverify.simulation.scenario import Scenario
from tests.privacy.ledgers import Rows, write_ledgers

ISSUER, A, B, S, N = "identity_provider", "platform_a", "platform_b", "status_host", "network_observer"
Found: TypeAlias = "Mapping[str, tuple[Answer, Anonymity]]"
FAR = delays.exponential(3_000.0)
"""So long before that times say little in a day."""


def found(
    folder: Path,
    scenario: Scenario,
    coalition: Sequence[str],
    attacks: Sequence[str],
    *,
    attacker: AttackerName = "policy",
    seed: int = 7,
) -> Found:
    """Replay a world, attack it, judge each answer by the truth."""
    world = replay(scenario, folder, seed=seed)
    truth = read_truth(world.truth)
    answers = {}
    for answer in attack(folder, coalition, attacker=attacker, attacks=attacks, schemes={}):
        right = right_answers(truth, source=answer.candidates_of, target=answer.targets_of)
        answers[answer.attack] = answer, anonymity(judge(answer, right), candidates=answer.pool)
    return answers


def test_an_issuer_with_k_keys_leaves_a_kth_of_the_people(tmp_path: Path) -> None:
    scenario = Scenario(citizens=320, exactly=1, delay=FAR, keys=16)
    for attacker in ("policy", "blind"):
        _, hidden = found(tmp_path / attacker, scenario, (ISSUER, A), ["partition"], attacker=attacker)["partition"]
        assert hidden.median_rank == pytest.approx(10.5)
        assert hidden.scored_set == pytest.approx(20.0, rel=0.05)
        assert hidden.withheld == ""


def test_an_issuer_with_one_key_parts_nobody(tmp_path: Path) -> None:
    answer, _ = found(tmp_path, Scenario(citizens=320, exactly=1, delay=FAR), (ISSUER, A), ["partition"])["partition"]
    assert answer.silent


def test_addresses_leave_those_behind_one(tmp_path: Path) -> None:
    scenario = Scenario(citizens=300, exactly=1, delay=FAR, behind=4, keys=10)
    answers = found(
        tmp_path, scenario, (ISSUER, A), ["address", "partition", "timing", "timing_and_address", "combined"]
    )
    assert answers["address"][1].scored_set == pytest.approx(4.0, rel=0.05)
    tops = {name: hidden.top_1 or 0.0 for name, (_, hidden) in answers.items()}
    assert tops["timing_and_address"] > tops["timing"]
    assert tops["combined"] >= tops["timing_and_address"] - 0.05


def test_one_relay_for_all_hides_addresses(tmp_path: Path) -> None:
    answer, _ = found(tmp_path, Scenario(citizens=100, exactly=1, delay=FAR), (ISSUER, A), ["address"])["address"]
    assert answer.silent.startswith("all records come from one address")


def test_an_observer_of_the_network_and_a_platform_know_the_line_of_each_account(tmp_path: Path) -> None:
    scenario = Scenario(citizens=200, exactly=1, delay=FAR, behind=4, observed=True)
    answer, hidden = found(tmp_path, scenario, (N, A), ["intersection"], attacker="blind")["intersection"]
    assert (answer.candidates_of, hidden.top_1) == (N, 1.0)


def test_a_direct_question_to_the_status_host_says_who_it_is_and_a_list_hides_among_its_holders(tmp_path: Path) -> None:
    sd_jwt = Scenario(row="selective disclosure", citizens=200, exactly=1, delay=FAR, batch=3, refill="when_empty")

    asked = dataclasses.replace(sd_jwt, status="direct")
    assert found(tmp_path / "direct", asked, (ISSUER, S), ["exact_join"])["exact_join"][1].top_1 == 1.0
    listed = dataclasses.replace(sd_jwt, status="list", holders=20)
    _, hidden = found(tmp_path / "list", listed, (ISSUER, S), ["partition"])["partition"]
    assert hidden.scored_set == pytest.approx(20.0, rel=0.1)


def test_indices_given_in_a_row_link_two_platforms(tmp_path: Path) -> None:
    scenario = Scenario(
        row="selective disclosure", citizens=300, platforms=2, exactly=1, delay=FAR, batch=30, refill="when_empty",
        status="list", index="sequential",
    )  # fmt: skip
    assert (found(tmp_path / "row", scenario, (A, B), ["near_join"])["near_join"][1].top_1 or 0) > 0.9

    mixed = dataclasses.replace(scenario, index="random")
    answer, _ = found(tmp_path / "mixed", mixed, (A, B), ["near_join"])["near_join"]
    assert answer.silent


def test_an_issue_date_in_milliseconds_links_two_platforms_and_a_day_does_not(tmp_path: Path) -> None:
    exact = Scenario(
        row="selective disclosure", citizens=300, platforms=2, exactly=1, delay=FAR, batch=30, refill="when_empty",
        issued_at="millisecond",
    )  # fmt: skip
    assert (found(tmp_path / "exact", exact, (A, B), ["exact_join"])["exact_join"][1].top_1 or 0) > 0.9
    daily = dataclasses.replace(exact, issued_at="day")
    answers = found(tmp_path / "daily", daily, (A, B), ["exact_join", "near_join", "partition"])
    assert all(answer.silent for answer, _ in answers.values())


def test_whoever_is_refused_after_an_update_is_among_those_revoked(tmp_path: Path) -> None:
    scenario = Scenario(
        row="selective disclosure", citizens=400, exactly=1, delay=FAR, status="list", revoked=4, updates=20
    )
    answer, hidden = found(tmp_path, scenario, (ISSUER, A), ["revocation"])["revocation"]
    assert len(answer.posterior.subjects) == 80
    assert hidden.interval[0] <= 1 / 4 <= hidden.interval[1]


def test_repeated_logins_narrow_down_what_one_leaves_open(tmp_path: Path) -> None:
    scenario = Scenario(citizens=300, days=4.0, exactly=5, delay=delays.exponential(2_000.0))
    answers = found(tmp_path, scenario, (ISSUER, A), ["timing", "intersection"])
    assert (answers["timing"][1].top_1 or 0) < 0.3
    assert (answers["intersection"][1].top_1 or 0) > 0.7


def test_refilling_after_use_is_seen_by_who_knows_the_policy(tmp_path: Path) -> None:
    scenario = Scenario(citizens=400, days=1.0, exactly=2, batch=5, refill="after_use", delay=delays.exponential(60.0))
    _, hidden = found(tmp_path, scenario, (ISSUER, A), ["intersection"])["intersection"]
    assert (hidden.top_1 or 0) > 0.7


def test_a_fixed_schedule_says_nothing(tmp_path: Path) -> None:
    scenario = Scenario(citizens=200, days=2.0, exactly=2, batch=5, refill="schedule")
    _, hidden = found(tmp_path, scenario, (ISSUER, A), ["intersection"])["intersection"]
    assert (hidden.top_1 or 0) < 0.05


def test_a_platform_alone_reads_an_id_number_in_clear(tmp_path: Path) -> None:
    answer, hidden = found(tmp_path, Scenario(row="real name", citizens=60, exactly=1), (A,), ["enumeration"])[
        "enumeration"
    ]
    assert (hidden.top_1, answer.candidates_of) == (1.0, "")
    assert answer.pool == 101_300_000


def test_a_platform_alone_tries_hashes_and_says_how_long_the_rest_would_take(tmp_path: Path) -> None:
    replay(Scenario(row="real name, hashed", citizens=60, exactly=1), tmp_path, seed=7)
    asked = Asked(attacks=("enumeration",), hashes=1_000_000)
    (answer,) = attack(tmp_path, (A,), asked=asked, schemes={})
    assert "EXTRAPOLATED: all of them take" in answer.silent
    assert answer.search is not None
    assert answer.search.tried == 1_000_000 < answer.search.possible
    assert answer.search.seconds > 0.0


def test_a_small_country_is_enumerated_whole_and_everybody_in_it_is_found(tmp_path: Path) -> None:
    numbers = IdNumbers(digits=9, first_province=900, provinces=["a", "b"], weights=[2.0, 1.0], serials=1000)
    people = [f"90{n % 2}{n % 2}{50 + n % 40:02d}{7 * n:03d}" for n in range(120)]
    rows: Rows = [(f"a{n}", {"id_hash": hashlib.sha256(p.encode()).hexdigest()}) for n, p in enumerate(people)]
    write_public(write_ledgers(tmp_path, {A: rows}), Public(id_numbers=numbers))
    (answer,) = attack(tmp_path, (A,), attacks=("enumeration",), schemes={})
    assert {t.subject: t.candidates[0].subject for t in answer.targets} == {f"a{n}": p for n, p in enumerate(people)}
    assert answer.search is None


def test_what_is_no_hash_of_an_id_number_is_given_up_early(tmp_path: Path) -> None:
    rows: Rows = [
        (f"a{n}", {"birth_date": f"19{50 + n % 2}-01-01", "key": hashlib.sha256(b"%d" % n).hexdigest()})
        for n in range(280)
    ]
    numbers = IdNumbers(digits=9, provinces=["a", "b"], serials=1000)
    write_public(write_ledgers(tmp_path, {A: rows}), Public(id_numbers=numbers))
    (answer,) = attack(tmp_path, (A,), attacks=("enumeration",), schemes={})
    assert answer.silent.startswith("none found so far: 1,000 of 8,000 possible numbers")
    assert "where 35.0 of 280 people were expected" in answer.silent
    assert answer.search is None  # so many should have been found that the rest is not worth trying


def test_an_enumeration_finds_the_number_behind_a_hash() -> None:
    number = "900085012345"
    digest = hashlib.sha256(number.encode()).digest()
    tried = enumerate_groups(["900084", "900085"], [digest], serials=100_000, processes=1)
    assert tried.found == {}
    tried = enumerate_groups(["900085"], [digest], serials=1_000_000, processes=1)
    assert (tried.found, tried.tried) == ({digest: number}, 1_000_000)


def test_hashes_that_are_made_once_find_what_trying_finds() -> None:
    numbers = [f"90008{n}{serial:04d}" for n in (4, 5, 6) for serial in (0, 9, 1234, 9999)]
    wanted = {hashlib.sha256(number.encode()).digest(): number for number in numbers} | {b"\0" * 32: ""}
    groups = ["900084", "900085"]
    by_trying = enumerate_groups(groups, wanted, serials=10_000, processes=1)
    for _ in range(2):
        found = hashes.tried([hashes.hashes_of(group, 10_000) for group in groups], wanted, serials=10_000)
        assert found.found == by_trying.found == {d: n for d, n in wanted.items() if n[:6] in groups}
        assert (found.tried, found.groups) == (by_trying.tried, by_trying.groups)


def test_training_shows_whether_a_key_stays_with_a_person_who_comes_once(tmp_path: Path) -> None:
    scenario = Scenario(citizens=300, exactly=1, platforms=2, keys=10, delay=FAR)
    shadow, world = (replay(scenario, tmp_path / str(seed), seed=seed) for seed in (1, 2))
    asked = Asked(attackers=("policy", "trained"), attacks=("partition",), shadow=shadow.folder)
    unsure, sure = attack(world.folder, (A, B), asked=asked, schemes={})
    right = right_answers(read_truth(world.truth), source=A, target=B)
    assert anonymity(judge(unsure, right), candidates=300).median_rank == pytest.approx(15.5)
    hidden = anonymity(judge(sure, right), candidates=300)
    assert hidden.scored_set == pytest.approx(30.0, rel=0.1)
    assert hidden.withheld == ""


def test_people_with_the_same_birth_date_at_two_parties_are_few(tmp_path: Path) -> None:
    scenario = Scenario(row="declared", citizens=300, platforms=2, exactly=1)
    answer, hidden = found(tmp_path, scenario, (A, B), ["quasi_identifiers"])["quasi_identifiers"]
    assert answer.pairs == ("birth_date = birth_date",)
    assert (hidden.top_1 or 0) > 0.8


def test_every_attack_says_nothing_or_something_for_every_coalition(tmp_path: Path) -> None:
    replay(Scenario(citizens=30, exactly=1, observed=True, behind=3), tmp_path, seed=1)
    for coalition in ((ISSUER,), (A,), (N,), (ISSUER, A), (N, ISSUER), (ISSUER, N, A)):
        answers = attack(tmp_path, coalition, schemes={})
        assert [answer.attack for answer in answers] == list(ATTACKS)
