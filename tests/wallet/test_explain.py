"""What the wallet says of a presentation is what stands in its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest

from idverify.scheme import Challenge, Issuer, Person, Question
from idverify.schemes import SCHEMES
from idverify.wallet.explain import Explanation, explain, leaves
from tests.wallet.conftest import NOW, PLATFORMS

PERSON = Person("901090000001", "Nguyen Van Anh", date(1990, 5, 1), "male", "901")


def presented(name: str, issuers: Mapping[str, Issuer], *, identity: bool) -> bytes:
    scheme = SCHEMES[name]
    question = Question(over=16, identity=identity).within(scheme.info.answers)
    ask = Challenge(PLATFORMS[0], "n" * 22, question, NOW, f"{PLATFORMS[0]}/reply")
    issuer = issuers.get(name) or scheme.issuer(b"", name="")
    holder = scheme.holder()
    asked = holder.request(issuer.public, now=NOW, challenge=None if scheme.info.issued == "ahead" else ask)
    return holder.present(holder.accept(asked, issuer.issue(PERSON, asked.message, now=NOW))[0], ask)


def told(explained: Explanation) -> str:
    return " ".join(f"{row.name} {row.value}" for row in explained.shown)


@pytest.mark.parametrize("identity", [False, True])
@pytest.mark.parametrize("name", SCHEMES)
def test_a_fact_stays_secret_exactly_where_the_bytes_do_not_say_it(
    name: str, issuers: Mapping[str, Issuer], identity: bool
) -> None:
    scheme = SCHEMES[name]
    shown = presented(name, issuers, identity=identity)
    values = " ".join(value for _, value in leaves(scheme.read(shown)))
    secret = explain(scheme, shown).secret
    for fact, value in (
        ("your name", PERSON.name),
        ("your ID number", PERSON.id_number),
        ("your birth date", PERSON.born.isoformat()),
    ):
        assert (fact in secret) == (value not in values), fact


@pytest.mark.parametrize("name", [name for name, scheme in SCHEMES.items() if not scheme.info.rationed])
def test_the_age_that_was_asked_or_the_birth_date_is_told(name: str, issuers: Mapping[str, Issuer]) -> None:
    # What a token says is in its key, not in its bytes.
    words = told(explain(SCHEMES[name], presented(name, issuers, identity=False)))
    assert "16 or older yes" in words or "an age you have passed 16" in words or "1990-05-01" in words
