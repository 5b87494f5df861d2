"""The oracles: the lines, the verdicts, the declared false-alarm rate; and some cells, small, on real ledgers."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from idverify import cli
from idverify.errors import BadUsage
from idverify.privacy.public import Delay
from idverify.schemes import SCHEMES
from idverify.simulation import delays, theory
from idverify.simulation.oracles import joins, running, timings
from idverify.simulation.oracles.attacked import I_P, P_P, owners, share_of, world, worlds
from idverify.simulation.oracles.cell import FAMILY, Cell, Mean, Share, coins, confidence_of, holds, judged
from idverify.simulation.oracles.real import issuer_recognises, platforms_recognise, real_world
from idverify.simulation.scenario import Scenario

CELLS = running.cells()


def test_there_are_enough_cells_and_each_has_a_name_of_its_own() -> None:
    assert len(CELLS) >= 25
    assert max(Counter(cell.name for cell in CELLS).values()) == 1
    assert all(re.fullmatch(r"[a-z0-9_.]+", cell.name) for cell in CELLS)


def test_a_mistake_is_never_what_is_expected() -> None:
    for cell in CELLS:
        assert math.isfinite(cell.expected)
        assert not math.isclose(cell.expected, cell.wrong, rel_tol=0.01), cell.name


def test_the_false_alarm_rate_is_that_of_all_cells_together() -> None:
    assert 1.0 - confidence_of(len(CELLS)) ** len(CELLS) == pytest.approx(FAMILY)
    random, trials = np.random.Generator(np.random.Philox(1)), 400
    confidence = confidence_of(20, family=0.2)
    cells = [Cell(f"c{n}", "a coin", 0.3, 0.6, "it were another") for n in range(20)]
    alarms = sum(
        any(not judged(c, Share(int(random.binomial(200, 0.3)), 200), confidence=confidence).agrees for c in cells)
        for _ in range(trials)
    )
    assert alarms / trials < 0.2 + 3.0 * math.sqrt(0.2 * 0.8 / trials)


def test_a_line_ends_with_its_verdict() -> None:
    cell = Cell("a.b", "a coin", 0.5, 0.9, "it were bent")
    good, bad = judged(cell, Share(50, 100), confidence=0.99), judged(cell, Share(90, 100), confidence=0.99)
    assert good.line(0.99).split()[-1] == "agree"
    assert bad.line(0.99).split()[-1] == "disagree"
    assert good.has_power
    assert good.line(0.99, power=True).split()[-1] == "disagree"
    assert not bad.has_power
    assert "\n" not in good.line(0.99)
    assert json.loads(json.dumps(good.as_json(0.99)))["agree"] is True


@pytest.mark.parametrize("measured", [Share(0, 0), Mean(np.array([])), Mean(np.array([1.0]), power=True)])
def test_too_little_data_agrees_with_nothing_or_says_how_little_it_knows(measured: Share | Mean) -> None:
    low, high = measured.interval(0.99)
    assert high == math.inf or (low, high) == (0.0, 1.0)
    assert judged(Cell("a", "b", 0.5, 0.1, "c"), measured, confidence=0.99).line(0.99)


def test_an_interval_that_is_no_number_holds_nothing() -> None:
    assert not holds((math.nan, math.nan), 0.5)
    assert holds((0.5, 0.5), 0.5)


def test_ties_are_broken_by_a_coin_of_the_right_weight() -> None:
    hits = coins(np.full(20_000, 0.05), 3)
    assert abs(hits - 1000) < 4 * math.sqrt(950)
    assert coins(np.array([1.0, 0.0, 1.0]), 3) == 2


def test_the_command_prints_one_line_a_cell_and_its_exit_code_is_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["oracles", "--only", "join.phone", "--jobs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["agree", "agree"]
    assert running.show(only="join.phone.tp", jobs=1, power=True) == 0
    assert capsys.readouterr().out.split()[-1] == "disagree"
    assert cli.main(["oracles", "--only", "no such cell"]) == 2
    assert cli.main(["oracles", "--only", "join.phone.tp", "--jobs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["all"] is True
    assert document["family_false_alarm"] == FAMILY


def test_a_cell_that_disagrees_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (experiment, *_) = joins.EXPERIMENTS
    false = replace(experiment, cells=(replace(experiment.cells[0], expected=0.1),))
    monkeypatch.setattr(running, "experiments", lambda: (false,))
    monkeypatch.setattr(running, "pools", lambda: ())
    assert running.show(jobs=1) == 1
    assert capsys.readouterr().out.split()[-1] == "disagree"
    with pytest.raises(BadUsage):
        running.show(-1)


def test_a_seed_gives_the_same_numbers_whatever_else_is_run() -> None:
    first, second = ([each.measured.said for each in running.run(5, only="join.phone", jobs=1)] for _ in range(2))
    assert first == second
    assert running.seed_of(5, "a") != running.seed_of(6, "a") != running.seed_of(6, "b")


@pytest.mark.parametrize("delay", [delays.exponential(30.0), delays.lognormal(20.0, 0.8)], ids=["exp", "lognormal"])
def test_time_alone_finds_as_many_as_theory_says_and_not_as_many_as_with_another_rate(
    delay: Delay,
) -> None:
    scenario = timings.crowd(delay, 1.0, people=2_000)
    rate = 1_999 / scenario.seconds
    found = share_of([world(scenario, 11)], 11).interval(0.9999)
    assert holds(found, theory.timing(delay, rate))
    assert not holds(found, theory.timing(delay, rate * 1.5))


def test_an_attacker_who_does_not_know_the_policy_finds_no_more() -> None:
    scenario = timings.crowd(delays.exponential(30.0), 1.0, people=1_500)
    knows = world(scenario, 12).success.mean()
    blind = world(scenario, 12, attacker="blind").success.mean()
    assert blind <= knows + 0.04


def test_leaks_are_found_where_they_are_planted_and_not_where_they_are_not() -> None:
    clean = Scenario(row="selective disclosure", citizens=50, exactly=1, platforms=2, refill="after_use", batch=2)
    leaky = replace(clean, issued_at="millisecond")
    assert share_of(worlds(leaky, 3, number=1, coalition=P_P, attack="exact_join"), 3).value == 1.0
    assert share_of(worlds(clean, 3, number=2, coalition=P_P, attack="exact_join"), 3).value < 0.15


def test_a_third_ledger_never_hurts() -> None:
    scenario = replace(timings.crowd(delays.exponential(30.0), 1.0, people=600), observed=True, behind=4)
    two = world(scenario, 5, attack="timing_and_address").success.mean()
    three = world(
        scenario, 5, coalition=("identity_provider", "network_observer", "platform_a"), attack="timing_and_address"
    ).success.mean()
    assert three >= two - 0.05


def test_the_guesses_do_not_depend_on_the_truth(tmp_path: Path) -> None:
    from idverify.privacy.attack import attack
    from idverify.simulation.replay import replay

    written = replay(timings.crowd(delays.exponential(30.0), 1.0, people=300), tmp_path, seed=2)
    (before,) = attack(tmp_path, I_P, attacks=("timing",), schemes={})
    lines = written.truth.read_text().splitlines()
    written.truth.write_text("\n".join(reversed(lines)).replace("9", "8") + "\n")
    (after,) = attack(tmp_path, I_P, attacks=("timing",), schemes={})
    assert (before.posterior.who == after.posterior.who).all()
    assert (before.posterior.confidence == after.posterior.confidence).all()


def test_shuffled_accounts_leave_chance(tmp_path: Path) -> None:
    """The platform's ledger with the accounts dealt anew: what the issuer knows fits nobody any more."""
    from idverify.privacy.anonymity import judge
    from idverify.privacy.attack import attack
    from idverify.privacy.score import read_truth
    from idverify.simulation.replay import replay

    written = replay(Scenario(row="real name", citizens=100, exactly=1), tmp_path, seed=2)
    accounts = [row.account for row in read_truth(written.truth)]
    dealt = dict(zip(accounts, np.random.Generator(np.random.Philox(1)).permutation(accounts), strict=True))
    ledger = written.ledgers / "platform_a.jsonl"
    ledger.write_text(re.sub(r"a[0-9a-f]{20}", lambda found: str(dealt[found[0]]), ledger.read_text()))
    (answer,) = attack(tmp_path, I_P, attacks=("exact_join",), schemes={})
    found = judge(answer, owners(read_truth(written.truth), "identity_provider", "platform_a"))
    assert found.success.mean() <= 0.06


@pytest.mark.parametrize("name", [n for n, s in SCHEMES.items() if s.info.signed and s.info.usual])
def test_a_real_scheme_shows_to_two_parties_what_its_info_says(name: str) -> None:
    scheme = SCHEMES[name]
    for coalition, recognised in ((I_P, issuer_recognises(scheme.info)), (P_P, platforms_recognise(scheme.info))):
        if recognised is not None:
            found = real_world(scheme, 12, coalition, seed=4).success
            assert found.mean() == 1.0 if recognised else found.mean() < 0.5
