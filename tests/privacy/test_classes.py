"""Values that too many share: what they still say, beside others and alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from idverify.privacy import classes
from idverify.privacy.answers import Answer
from idverify.privacy.attack import attack
from tests.privacy.ledgers import write_ledgers

PEOPLE = 24
PLACES = ("Jaen", "Leon", "Lugo")


def said(folder: Path, *, dated: bool) -> Answer:
    """What quasi-identifiers tell of people of whom two have each birth date, and are of different sex."""
    people = [{"sex": "FM"[n % 2], "place": PLACES[n // 2 % 3]} for n in range(PEOPLE)]
    if dated:
        people = [{**each, "born": f"2000-01-{1 + n // 2:02d}"} for n, each in enumerate(people)]
    ledgers = {
        party: [(f"{letter}{n:02d}", each) for n, each in enumerate(people)]
        for party, letter in (("identity_provider", "p"), ("platform_a", "a"))
    }
    (found,) = attack(write_ledgers(folder, ledgers), tuple(ledgers), attacks=("quasi_identifiers",), schemes={})
    return found


def test_what_too_many_share_decides_among_those_whom_others_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "MOST_AGREEING", 2 * PEOPLE)  # as many pairs as agree on a birth date
    found = said(tmp_path, dated=True).posterior
    rows = [found.row(target)[0] for target in range(PEOPLE)]
    assert [row[0] for row in rows] == list(range(PEOPLE))
    assert found.claimed.all()
    assert all(len(row) <= 2 for row in rows)


def test_what_too_many_share_names_only_those_who_agree_on_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "MOST_AGREEING", PEOPLE * PEOPLE // 6)  # as many pairs as agree on both
    found = said(tmp_path, dated=False)
    assert not found.left_out
    for target in range(PEOPLE):
        who, confidence = found.posterior.row(target)
        assert sorted(who) == [n for n in range(PEOPLE) if (n - target) % 6 == 0]
        assert np.all(confidence == confidence[0])


def test_targets_are_left_out_where_too_many_agree_on_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "MOST_AGREEING", PEOPLE * PEOPLE // 12)
    found = said(tmp_path, dated=False)
    assert found.left_out == {"too many targets": PEOPLE // 2}
    assert [len(found.posterior.row(target)[0]) for target in range(PEOPLE)] == [PEOPLE // 6] * 12 + [0] * 12
