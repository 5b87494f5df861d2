"""public.json is read strictly, and a blind attacker sees only the roles of the parties."""

from __future__ import annotations

from pathlib import Path

import pytest

from idverify.errors import BadEnvironment
from idverify.privacy.public import Delay, Policy, Public, PublicParty, blinded, read_public, write_public


def test_a_description_comes_back_as_it_was_written(tmp_path: Path) -> None:
    delay = Delay(name="exponential", parameters={"mean": 3600.0})
    public = Public(
        label="SIMULATED", parties={"platform_a": PublicParty(role="platform")}, policy=Policy(delay=delay, batch=8)
    )
    write_public(tmp_path, public)
    assert read_public(tmp_path) == public


def test_a_folder_without_a_description_gives_an_empty_one(tmp_path: Path) -> None:
    public = read_public(tmp_path)
    assert public == Public()
    assert (public.role("identity_provider"), public.role("platform_b")) == ("issuer", "platform")


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"parties": {"a": {"role": "king"}}}', "\udcff"])
def test_a_bad_description_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "public.json").write_text(text, errors="surrogateescape")
    with pytest.raises(BadEnvironment, match=r"public\.json does not fit version 1"):
        read_public(tmp_path)


def test_a_blind_attacker_knows_no_policy() -> None:
    public = Public(parties={"a": PublicParty(role="issuer")}, policy=Policy(issuance_rate=3.0))
    assert blinded(public).policy == Policy()
    assert blinded(public).role("a") == "issuer"
