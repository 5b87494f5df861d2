"""An issuer with K keys, planted: real tokens fall into K crowds, and a wallet that compares keys sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from idverify.formats import privacy_pass as wire
from idverify.formats import token_keys
from idverify.scheme import Person, fingerprint
from idverify.schemes import SCHEMES
from tests.schemes.test_reading_is_complete import people
from tests.schemes.unsafe import UnsafePartitionedIssuer

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

Staged = Callable[[str], "Stage"]
PEOPLE = 12


def crowds(issuer: UnsafePartitionedIssuer, stage: Stage, adult: Person) -> dict[bytes, list[str]]:
    """For each key that a platform sees: who is behind it."""
    found: dict[bytes, list[str]] = {}
    ask, holder = stage.ask(), stage.scheme.holder()
    verifier = stage.scheme.verifier(issuer.public)
    for person in people(adult, PEOPLE):
        asked = holder.request(issuer.public_for(person), now=ask.now, challenge=ask)
        shown = holder.present(holder.accept(asked, issuer.issue(person, asked.message, now=ask.now))[0], ask)
        assert verifier.verify(shown, ask).claims == {"over": 16}
        found.setdefault(wire.Token.decode(shown).token_key_id, []).append(person.id_number)
    return found


@pytest.mark.parametrize("count", [1, 3])
def test_an_issuer_with_k_keys_leaves_crowds_of_n_by_k(staged: Staged, adult: Person, count: int) -> None:
    stage = staged("privacy_pass")
    issuer = UnsafePartitionedIssuer(stage.scheme, count)
    found = crowds(issuer, stage, adult)
    assert [len(crowd) for crowd in found.values()] == [PEOPLE // count] * count
    assert all(len({issuer.groups()[each] for each in crowd}) == 1 for crowd in found.values())


def test_a_wallet_that_compares_keys_sees_it_whatever_it_was_told(staged: Staged, adult: Person) -> None:
    stage = staged("privacy_pass")
    issuer = UnsafePartitionedIssuer(stage.scheme, 2)
    told = {fingerprint(issuer.public_for(person)) for person in people(adult, 4)}
    assert len(told) == 2
    assert fingerprint(issuer.public) not in told


def test_where_everybody_is_told_everything_all_take_the_same_key(staged: Staged, adult: Person) -> None:
    stage = staged("privacy_pass")
    public = UnsafePartitionedIssuer(stage.scheme, 3).public
    ask = stage.ask()
    named = Counter(
        wire.TokenRequest.decode(
            stage.scheme.holder().request(public, now=ask.now, challenge=ask).message
        ).truncated_key_id
        for _ in range(6)
    )
    assert named == {token_keys.read(public).for_age(16).key_id[-1]: 6}


def test_every_scheme_whose_issuer_does_not_recognise_what_is_shown_has_wallets_compare_keys() -> None:
    blind = [scheme.info for scheme in SCHEMES.values() if scheme.info.rationed or scheme.info.unlinkable]
    assert len(blind) > 3
    assert [info.name for info in blind if not info.same_keys] == []
