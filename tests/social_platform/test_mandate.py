"""The platform enforces what a mandate says, whatever file it comes from, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from idverify.mandates import ACTIONS, parse
from idverify.scheme import Issuer
from idverify.schemes import SCHEMES
from tests.social_platform.village import LINH, MINH, TEEN, Village, running

OVER = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if "over" in s.info.answers])
RECOGNISES = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if "one_account" in s.info.answers])
SHOWS = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if "identity" in s.info.answers])
ANY = next(iter(SCHEMES))
Make = Callable[..., Village]


@pytest.fixture
def make(tmp_path: Path, issuers: dict[str, list[Issuer]]) -> Iterator[Make]:
    """Makes a platform under a mandate of the test's own."""
    with ExitStack() as stack:

        def made(
            *,
            over: str = '"none"',
            identity: str = "no",
            one_account: str = "false",
            shortfall: str = "accept",
            accounts: str = "true",
            closed: tuple[str, ...] = (),
            actions_over: dict[str, int] | None = None,
            readable: str = "true",
            more: str = "",
        ) -> Village:
            actions = "".join(
                f"[actions.{action}]\n"
                f"visitors = {{ value = {readable if action == 'read' else 'false'}, certainty = 'setting' }}\n"
                f"unverified = {{ value = {str(action not in closed).lower()}, certainty = 'setting' }}\n"
                + (
                    f"over = {{ value = {actions_over[action]}, certainty = 'setting' }}\n"
                    if actions_over and action in actions_over
                    else ""
                )
                for action in ACTIONS
            )
            text = f"""
schema = 1
name = "of_the_test"
title = "A mandate of the test"
summary = "It says what this test needs."
hypothetical = true
in_force = {{ value = 2026-01-01, certainty = "setting" }}
[proof]
over = {{ value = {over}, certainty = "setting" }}
identity = {{ value = "{identity}", certainty = "setting" }}
one_account = {{ value = {one_account}, certainty = "setting" }}
shortfall = {{ value = "{shortfall}", certainty = "setting" }}
[unverified]
accounts = {{ value = {accounts}, certainty = "setting" }}
{actions}
[disclosure]
by = {{ value = "nobody", certainty = "setting" }}
[takedown]
by = {{ value = "nobody", certainty = "setting" }}
[trust]
countries = {{ value = "any", certainty = "setting" }}
{more}
"""
            return stack.enter_context(running(tmp_path, issuers, mandate=parse(text)))

        yield made


def deeds(village: Village, token: str, post: int) -> dict[str, int]:
    """The status of each thing that an account can try."""
    tried = {
        "read": ("GET", "/api/feed", None),
        "post": ("POST", "/api/posts", {"text": "x"}),
        "livestream": ("POST", "/api/posts", {"text": "x", "live": True}),
        "comment": ("POST", f"/api/posts/{post}/comments", {"text": "x"}),
        "react": ("POST", f"/api/posts/{post}/reactions", {"kind": "like"}),
        "share": ("POST", f"/api/posts/{post}/shares", None),
        "join": ("POST", "/api/groups/everyone/members", None),
    }
    return {
        action: village.ask(method, url, token=token, **({"json": body} if body else {})).status_code
        for action, (method, url, body) in tried.items()
    }


def test_the_unverified_may_do_what_the_mandate_lets_them_and_no_more(make: Make) -> None:
    village = make(closed=("post", "share", "join"))
    writer = village.sign_up(ANY, LINH, handle="linh")
    post = village.ask("POST", "/api/posts", token=writer, json={"text": "x"}).json()["id"]
    done = deeds(village, village.unverified("quiet"), post)
    assert done == {
        "read": 200,
        "post": 403,
        "livestream": 201,
        "comment": 201,
        "react": 201,
        "share": 403,
        "join": 403,
    }
    refused = village.ask("POST", "/api/posts", token=village.unverified("other"), json={"text": "x"}).json()
    assert refused["error"] == "not_verified"
    assert refused["hint"] == "still allowed: read, react, comment, livestream"


def test_a_visitor_may_read_where_the_mandate_says_so_and_not_write(make: Make) -> None:
    village = make()
    assert village.ask("GET", "/api/feed").status_code == 200
    for method, url in (("POST", "/api/posts"), ("GET", "/api/me"), ("POST", "/api/groups/everyone/members")):
        assert village.ask(method, url, json={"text": "x"}).status_code == 401


def test_a_mandate_can_close_reading_to_visitors(make: Make) -> None:
    village = make(readable="false")
    assert village.ask("GET", "/api/feed").status_code == 401
    assert village.ask("GET", "/api/feed", token=village.unverified("linh")).status_code == 200


def test_a_grace_period_ends(make: Make) -> None:
    grace = (
        '[grace]\ndays = { value = 30, certainty = "setting" }\napplies_to = { value = "all", certainty = "setting" }'
    )
    village = make(closed=("post",), more=grace)
    token = village.unverified("linh")
    assert village.ask("POST", "/api/posts", token=token, json={"text": "early"}).status_code == 201
    village.clock.forward(days=31)
    token = village.ask("POST", "/api/accounts", json={"handle": "later", "password": "long enough"}).json()["token"]
    village.clock.forward(days=29)
    old = village.ask("POST", "/api/sessions", json={"handle": "later", "password": "long enough"}).json()["token"]
    assert village.ask("POST", "/api/posts", token=old, json={"text": "still"}).status_code == 201
    village.clock.forward(days=2)
    assert village.ask("POST", "/api/posts", token=old, json={"text": "late"}).json()["error"] == "not_verified"


@OVER
def test_an_action_with_an_age_of_its_own_asks_for_it(make: Make, scheme: str) -> None:
    village = make(over="16", actions_over={"livestream": 18})
    token = village.sign_up(scheme, LINH, handle="linh")
    live = {"text": "on air", "live": True}
    refused = village.ask("POST", "/api/posts", token=token, json=live)
    assert refused.json()["error"] == "age_unproven"
    proof = village.prove(scheme, LINH, action="livestream")
    assert village.ask("POST", "/api/accounts/verify", token=token, json=proof).json()["account"]["over"] == 18
    assert village.ask("POST", "/api/posts", token=token, json=live).status_code == 201


def test_a_scheme_that_cannot_answer_is_refused_where_the_mandate_refuses_shortfall(make: Make) -> None:
    village = make(over="16", identity="attested", one_account="true", shortfall="refuse", accounts="false")
    for name, scheme in SCHEMES.items():
        answer = village.ask("POST", "/api/challenges", json={"scheme": name})
        unmet = village.mandate.unanswered(scheme.info)
        assert answer.status_code == (422 if unmet else 201)
        for demand in unmet:
            assert demand in answer.json()["error_description"]


@OVER
def test_an_age_gated_group_asks_for_its_age(make: Make, scheme: str) -> None:
    village = make()
    token = village.unverified("linh")
    refused = village.ask("POST", "/api/groups/over_18/members", token=token)
    assert refused.json()["error"] == "age_unproven"
    assert village.ask("GET", "/api/groups/over_18/feed", token=token).status_code == 403
    proof = village.prove(scheme, LINH, action="join", group="over_18")
    raised = village.ask("POST", "/api/accounts/verify", token=token, json=proof).json()["account"]
    assert raised["over"] == 18
    assert raised["verified"] is False
    assert village.ask("POST", "/api/groups/over_18/members", token=token).status_code == 201
    assert village.ask("GET", "/api/groups/over_18/feed", token=token).status_code == 200


@OVER
def test_a_proof_of_sixteen_does_not_open_a_group_of_eighteen(make: Make, scheme: str) -> None:
    village = make(over="16")
    token = village.sign_up(scheme, TEEN, handle="hoa")
    assert village.ask("POST", "/api/groups/over_16/members", token=token).status_code == 201
    assert village.ask("POST", "/api/groups/over_18/members", token=token).status_code == 403


def test_a_proof_for_a_group_opens_no_account(make: Make) -> None:
    village = make(over="16", accounts="false")
    proof = village.prove(ANY, LINH, action="join", group="over_18")
    assert village.open("linh", **proof).status_code == 403


TIERS = """
[[tiers]]
from = 0
to = 15
guardian = { value = "registers", certainty = "setting" }
may = { value = ["read", "react"], certainty = "setting" }
[[tiers]]
from = 16
guardian = { value = "none", certainty = "setting" }
may = { value = "everything", certainty = "setting" }
"""


@OVER
def test_a_guardian_registers_a_child_who_may_do_what_its_tier_lets(make: Make, scheme: str) -> None:
    village = make(over="16", accounts="false", more=TIERS)
    writer = village.sign_up(scheme, MINH, handle="minh")
    post = village.ask("POST", "/api/posts", token=writer, json={"text": "x"}).json()["id"]
    opened = village.open("little_an", ward=True, **village.prove(scheme, LINH, ward=True))
    assert opened.status_code == 201, opened.text
    assert opened.json()["account"]["guarded"] is True
    assert opened.json()["account"]["over"] is None
    done = deeds(village, opened.json()["token"], post)
    assert {action for action, status in done.items() if status < 300} == {"read", "react"}
    assert village.open("linh", **village.prove(scheme, LINH)).status_code == 201


@OVER
def test_somebody_under_eighteen_is_no_guardian(make: Make, scheme: str) -> None:
    village = make(over="16", accounts="false", more=TIERS)
    proof = village.prove(scheme, TEEN)
    assert village.open("little_an", ward=True, **proof).status_code == 403
    assert village.open("hoa", **proof).status_code == 201


def test_a_guardian_proof_opens_no_account_of_the_guardian(make: Make) -> None:
    village = make(over="16", accounts="false", more=TIERS)
    assert village.open("linh", **village.prove(ANY, LINH, ward=True)).status_code == 403


@RECOGNISES
def test_a_guardian_has_a_limited_number_of_children(make: Make, scheme: str) -> None:
    village = make(over="16", accounts="false", more=TIERS)
    answers = [village.open(f"child_{n}", ward=True, **village.prove(scheme, LINH, ward=True)) for n in range(11)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429]


def test_without_a_rule_for_guardians_nobody_registers_a_child(make: Make) -> None:
    village = make(over="16", accounts="false")
    assert village.open("little_an", ward=True, **village.prove(ANY, LINH, ward=True)).status_code == 403


@SHOWS
def test_name_and_number_are_shown_and_kept_only_where_the_mandate_says(make: Make, scheme: str) -> None:
    kept = "[retention.platform]\n" + "".join(
        f'{claim} = {{ value = {days}, certainty = "setting" }}\n'
        for claim, days in (("name", '"account"'), ("id_number", 30))
    )
    village = make(over="16", identity="shown", accounts="false", more=kept)
    asked = village.start(scheme)
    assert asked.challenge.question.identity is True
    village.sign_up(scheme, LINH, handle="linh")
    database = village.stored()
    assert LINH.name in database
    assert LINH.id_number in database
    assert LINH.born.isoformat() not in database


@OVER
def test_nothing_of_a_person_is_stored_where_the_mandate_keeps_nothing(make: Make, scheme: str) -> None:
    village = make(over="16", one_account="true", accounts="false")
    village.sign_up(scheme, LINH, handle="somebody")
    database = village.stored()
    for fact in (LINH.name, LINH.id_number, LINH.born.isoformat()):
        assert fact not in database
