"""The mandates that come with the package."""

from __future__ import annotations

import json
from datetime import date

import pytest

from idverify import mandates
from idverify.mandates import ACTIONS
from idverify.scheme import Info, Question
from idverify.schemes import SCHEMES

ALL = mandates.names()


def test_four_mandates_are_built_in() -> None:
    assert ALL == ("decree_147", "directive_57", "no_mandate", "open_interop")


@pytest.mark.parametrize("name", ALL)
def test_a_built_in_mandate_bears_the_name_of_its_file(name: str) -> None:
    assert mandates.load(name).name == name


@pytest.mark.parametrize("name", ALL)
def test_every_rule_has_a_source_or_claims_nothing(name: str) -> None:
    for key, rule in mandates.load(name).each_rule().items():
        assert rule.source or rule.certainty == "setting", key


@pytest.mark.parametrize("name", ALL)
def test_every_rule_is_said_in_one_sentence(name: str) -> None:
    mandate = mandates.load(name)
    sentences = mandate.rule_sentences()
    assert [s.key for s in sentences] == list(mandate.each_rule())
    for sentence in sentences:
        assert sentence.text.endswith(".")
        assert sentence.text[0].isupper()


@pytest.mark.parametrize("name", ALL)
def test_a_line_tells_how_certain_its_rule_is(name: str) -> None:
    mandate = mandates.load(name)
    lines = mandate.sentences()
    for sentence in mandate.rule_sentences():
        word = "setting, no claim" if sentence.certainty == "setting" else f"({sentence.certainty}: {sentence.source})"
        assert any(line.startswith(sentence.text) and word in line for line in lines), sentence.key


@pytest.mark.parametrize("name", ALL)
def test_a_mandate_survives_json(name: str) -> None:
    written = mandates.load(name).as_json()
    assert json.loads(json.dumps(written)) == written
    assert isinstance(written["rules"], dict)
    assert set(written["rules"]) == set(mandates.load(name).each_rule())


@pytest.mark.parametrize("one", ALL)
@pytest.mark.parametrize("other", ALL)
def test_mandates_differ_from_others_and_not_from_themselves(one: str, other: str) -> None:
    differences = mandates.load(one).differences(mandates.load(other))
    if one == other:
        assert differences == []
    elif {one, other} != {"no_mandate", "open_interop"}:
        assert len(differences) > 3
    else:
        assert any("Only a court" in line for line in differences)


def test_only_open_interop_is_hypothetical_and_says_so() -> None:
    assert [name for name in ALL if mandates.load(name).hypothetical] == ["open_interop"]
    assert "Hypothetical: it describes no country." in mandates.load("open_interop").sentences()


def test_the_directive_is_told_apart_from_the_resolution() -> None:
    assert any("not Resolution 57-NQ/TW" in note for note in mandates.load("directive_57").notes)


def test_the_directives_age_is_inferred_and_the_decrees_seen() -> None:
    directive, decree = (mandates.load(name).rules for name in ("directive_57", "decree_147"))
    assert (directive.proof.over.value, directive.proof.over.certainty) == (16, "inferred")
    assert (decree.proof.over.value, decree.proof.over.certainty) == (16, "seen")
    assert directive.disclosure.hours.certainty == "uncertain"
    assert (decree.grace.days.value, decree.in_force.value) == (90, date(2024, 12, 25))


@pytest.mark.parametrize(
    ("name", "question", "attested"),
    [
        ("directive_57", Question(over=16, one_account=True), True),
        ("decree_147", Question(over=16, identity=True), True),
        ("open_interop", Question(), False),
        ("no_mandate", Question(), False),
    ],
)
def test_a_sign_up_is_asked_what_the_file_says(name: str, question: Question, attested: bool) -> None:
    mandate = mandates.load(name)
    assert mandate.question("sign_up") == question
    assert mandate.demands_attested() is attested


@pytest.mark.parametrize("name", ALL)
def test_a_group_asks_its_age_and_nothing_else(name: str) -> None:
    assert mandates.load(name).question("join", group_age=18) == Question(over=18)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("action", ACTIONS)
def test_actions_ask_nothing_beyond_the_sign_up(name: str, action: mandates.Action) -> None:
    assert mandates.load(name).question(action) == Question()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_a_scheme_leaves_unanswered_follows_from_its_info(name: str, scheme: str) -> None:
    mandate, info = mandates.load(name), SCHEMES[scheme].info
    unanswered = mandate.unanswered(info)
    assert unanswered - {"attested"} == mandate.question("sign_up").asks() - info.answers
    assert ("attested" in unanswered) == (mandate.demands_attested() and not info.signed)


def test_a_scheme_that_answers_nothing_and_signs_nothing_leaves_everything_unmet() -> None:
    info = Info(name="none", title="None", spec="", answers=frozenset(), signed=False)
    assert mandates.load("directive_57").unanswered(info) == {"over", "one_account", "attested"}
    assert mandates.load("decree_147").unanswered(info) == {"over", "identity", "attested"}
    assert mandates.load("no_mandate").unanswered(info) == frozenset()


@pytest.mark.parametrize(
    ("name", "vietnam", "laos"),
    [
        ("directive_57", True, False),
        ("decree_147", True, False),
        ("open_interop", True, True),
        ("no_mandate", True, True),
    ],
)
def test_issuers_are_trusted_by_country(name: str, vietnam: bool, laos: bool) -> None:
    mandate = mandates.load(name)
    assert (mandate.trusts("VN"), mandate.trusts("LA")) == (vietnam, laos)


def test_an_issuer_of_no_country_is_trusted_only_where_any_is() -> None:
    assert [mandates.load(name).trusts("") for name in ALL] == [False, False, True, True]


def test_the_decree_keeps_name_birth_date_id_number_and_logins() -> None:
    kept = {what: rule.value for what, rule in mandates.load("decree_147").kept().items()}
    assert kept == {"name": None, "id_number": None, "birth_date": None, "logins": 730}


@pytest.mark.parametrize("name", ["open_interop", "no_mandate"])
def test_nothing_is_kept_where_nothing_is_asked(name: str) -> None:
    assert mandates.load(name).kept() == {}


@pytest.mark.parametrize(
    ("name", "may_exist"),
    [("directive_57", False), ("decree_147", True), ("open_interop", True), ("no_mandate", True)],
)
def test_unverified_accounts_exist_where_the_file_says(name: str, may_exist: bool) -> None:
    assert mandates.load(name).unverified_accounts is may_exist
