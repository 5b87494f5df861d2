"""Several worlds are attacked at once, a process each; what one of them lacks is no harm to the others."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from idverify.comparison.attacked import Found, attack_all
from idverify.comparison.worlds import Recorded, attack_worlds
from idverify.errors import BadEnvironment
from idverify.privacy.attackers import Attacker
from tests.comparison.test_attacked import planted


def told(found: object) -> object:
    """What was found, without how long it took."""
    assert isinstance(found, Found)
    return msgspec.to_builtins((found.linkage, found.coalitions))


def test_worlds_are_attacked_at_once_as_one_by_one_and_a_broken_one_is_told(tmp_path: Path) -> None:
    one, other = planted(tmp_path / "one"), planted(tmp_path / "other", field="number")
    broken = planted(tmp_path / "broken")
    shutil.rmtree(broken / "ledgers")
    (broken / "ledgers").mkdir()
    with Attacker() as attacker:
        worlds = [Recorded(folder, None, ordered=True) for folder in (one, broken, other)]
        found = dict(attack_worlds(worlds, attacker, at_once=2))
        alone = dict(attack_worlds(worlds[:1], attacker))
    assert isinstance(found[1], BadEnvironment)
    assert told(found[0]) == told(alone[0]) == told(attack_all(one, shadow=None, ordered=True))
    assert told(found[2]) != told(found[0])


def test_who_stops_asking_ends_the_attacks_and_the_processes_can_be_asked_again(tmp_path: Path) -> None:
    worlds = [Recorded(planted(tmp_path / name), None, ordered=True) for name in ("one", "two", "three")]
    with Attacker() as attacker:
        asking = attack_worlds(worlds, attacker, at_once=1)
        assert next(asking)[0] == 0
        with pytest.raises(KeyboardInterrupt):
            asking.throw(KeyboardInterrupt)
        assert not list(worlds[2].folder.glob("guesses-*"))
        assert dict(attack_worlds(worlds[2:], attacker)).keys() == {0}
    assert list(worlds[2].folder.glob("guesses-*"))
