"""Sessions, passwords, profiles, and what is left when an account goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from idverify.scheme import Issuer
from idverify.schemes import SCHEMES
from tests.social_platform.village import LINH, MINH, Village, running

ALL = pytest.mark.parametrize("scheme", list(SCHEMES))
RECOGNISES = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if "one_account" in s.info.answers])
SHOWS = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if "identity" in s.info.answers])


@pytest.fixture
def decree(tmp_path: Path, issuers: dict[str, list[Issuer]], database_url: str) -> Iterator[Village]:
    """A platform under Decree 147, which makes it keep names, on both databases."""
    with running(tmp_path, issuers, mandate="decree_147", url=database_url) as village:
        yield village


def test_a_session_that_was_ended_is_worth_nothing(open_village: Village) -> None:
    token = open_village.unverified("linh")
    assert open_village.ask("GET", "/api/me", token=token).status_code == 200
    assert open_village.ask("DELETE", "/api/sessions", token=token).status_code == 200
    ended = open_village.ask("GET", "/api/me", token=token)
    assert ended.status_code == 401
    assert ended.headers["www-authenticate"] == "Bearer"


def test_a_session_ends_by_itself(open_village: Village) -> None:
    token = open_village.unverified("linh")
    assert open_village.ask("GET", "/api/me", token=token).status_code == 200
    open_village.clock.forward(days=15)
    assert open_village.ask("GET", "/api/me", token=token).status_code == 401


@pytest.mark.parametrize("value", ["Bearer", "Bearer x", "Bearer  ", "Basic eDp5", "bearer \x7f", "PrivateToken x"])
def test_an_authorization_that_is_none_is_refused(open_village: Village, value: str) -> None:
    assert open_village.ask("GET", "/api/me", headers={"Authorization": value}).status_code == 401


def test_the_database_holds_no_token_code_or_password(open_village: Village) -> None:
    proof = open_village.prove(next(iter(SCHEMES)), LINH)
    token = open_village.open("linh", password="correct horse", **proof).json()["token"]
    unused = open_village.prove(next(iter(SCHEMES)), MINH)
    stored = open_village.stored()
    for secret in (token, "correct horse", *proof.values(), *unused.values()):
        assert secret not in stored


def test_a_password_signs_in_and_another_does_not(open_village: Village) -> None:
    open_village.open("linh", password="correct horse")
    good = open_village.ask("POST", "/api/sessions", json={"handle": "LINH", "password": "correct horse"})
    assert good.status_code == 201
    assert open_village.ask("GET", "/api/me", token=good.json()["token"]).json()["handle"] == "linh"
    wrong = open_village.ask("POST", "/api/sessions", json={"handle": "linh", "password": "correct mouse"})
    unknown = open_village.ask("POST", "/api/sessions", json={"handle": "nobody", "password": "correct mouse"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


def test_an_account_without_a_password_has_no_log_in(open_village: Village) -> None:
    open_village.unverified("linh")
    for password in ("", "x"):
        refused = open_village.ask("POST", "/api/sessions", json={"handle": "linh", "password": password})
        assert refused.status_code == 401


def test_guessing_passwords_is_slowed_down(open_village: Village) -> None:
    open_village.open("linh", password="correct horse")
    wrong = {"handle": "linh", "password": "wrong horse"}
    answers = open_village.together([("POST", "/api/sessions", "", {"json": wrong})] * 14)
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 4
    assert open_village.ask("POST", "/api/sessions", json=wrong | {"password": "correct horse"}).status_code == 429
    open_village.clock.forward(seconds=901)
    assert open_village.ask("POST", "/api/sessions", json=wrong | {"password": "correct horse"}).status_code == 201


def test_a_profile_is_changed_by_its_owner(open_village: Village) -> None:
    token = open_village.unverified("linh")
    assert open_village.ask("PATCH", "/api/me", token=token, json={"bio": "mangos"}).json()["bio"] == "mangos"
    assert open_village.ask("GET", "/api/me", token=token).json()["bio"] == "mangos"
    for body in ({"bio": "x" * 301}, {"bio": "x", "verified": True}, {"verified": True}):
        assert open_village.ask("PATCH", "/api/me", token=token, json=body).status_code == 400
    assert open_village.ask("GET", "/api/me", token=token).json()["verified"] is False


@ALL
def test_an_account_is_verified_later(decree: Village, scheme: str) -> None:
    token = decree.unverified("linh")
    assert decree.ask("POST", "/api/posts", token=token, json={"text": "x"}).status_code == 403
    raised = decree.ask("POST", "/api/accounts/verify", token=token, json=decree.prove(scheme, LINH))
    assert raised.status_code == 200, raised.text
    assert raised.json()["account"]["verified"] is True
    assert decree.ask("POST", "/api/posts", token=token, json={"text": "x"}).status_code == 201


@RECOGNISES
def test_an_account_stays_one_persons(village: Village, scheme: str) -> None:
    token = village.sign_up(scheme, LINH, handle="linh")
    other = village.prove(scheme, MINH, action="join", group="over_18")
    borrowed = village.ask("POST", "/api/accounts/verify", token=token, json=other)
    assert borrowed.status_code == 409
    assert village.ask("GET", "/api/me", token=token).json()["over"] == 16
    own = village.prove(scheme, LINH, action="join", group="over_18")
    assert village.ask("POST", "/api/accounts/verify", token=token, json=own).json()["account"]["over"] == 18


@ALL
def test_a_deleted_account_leaves_nothing_behind(open_village: Village, scheme: str) -> None:
    village = open_village
    token = village.open("linh_of_the_market", password="correct horse", **village.prove(scheme, LINH)).json()["token"]
    other = village.unverified("minh")
    village.ask("PATCH", "/api/me", token=token, json={"bio": "mango_bio"})
    id_ = village.ask("POST", "/api/posts", token=token, json={"text": "mango_post"}).json()["id"]
    theirs = village.ask("POST", "/api/posts", token=other, json={"text": "kept"}).json()["id"]
    village.ask("POST", f"/api/posts/{theirs}/comments", token=token, json={"text": "mango_comment"})
    village.ask("POST", f"/api/posts/{id_}/comments", token=other, json={"text": "to_a_mango"})
    village.ask("POST", f"/api/posts/{id_}/shares", token=other)
    village.ask("POST", "/api/groups/everyone/members", token=token)
    me = village.ask("GET", "/api/me", token=token).json()["id"]
    said = village.ask("DELETE", "/api/me", token=token)
    assert said.status_code == 200
    assert "hashes" in said.json()["kept_as_hashes"]
    stored = village.stored()
    for trace in ("linh_of", "mango", me, LINH.name, LINH.id_number, LINH.born.isoformat()):
        assert trace not in stored
    assert village.ask("GET", "/api/me", token=token).status_code == 401
    assert [p["text"] for p in village.ask("GET", "/api/feed").json()["posts"]] == ["kept"]


def test_nothing_is_written_for_an_account_that_is_being_deleted(village_on_both: Village) -> None:
    village = village_on_both
    token = village.sign_up(next(iter(SCHEMES)), LINH, handle="linh")
    post = ("POST", "/api/posts", token, {"json": {"text": "mango_post"}})
    village.together([post] * 20 + [("DELETE", "/api/me", token, {})] + [post] * 20)
    assert "mango_post" not in village.stored()


@RECOGNISES
def test_deleting_an_account_gives_no_second_one(village: Village, scheme: str) -> None:
    token = village.sign_up(scheme, LINH, handle="linh")
    assert village.ask("DELETE", "/api/me", token=token).status_code == 200
    assert village.open("linh", **village.prove(scheme, LINH)).json()["error"] == "already_used"


@SHOWS
def test_deletion_leaves_what_the_mandate_keeps_and_says_so(decree: Village, scheme: str) -> None:
    token = decree.sign_up(scheme, LINH, handle="linh")
    assert LINH.id_number in decree.stored()
    said = decree.ask("DELETE", "/api/me", token=token).json()
    assert set(said["kept"]) == {"logins"}
    stored = decree.stored()
    assert "127.0.0.1" in stored
    assert LINH.id_number not in stored
    decree.clock.forward(days=731)
    decree.sign_up(scheme, MINH, handle="minh")
    assert decree.stored().count("127.0.0.1") == 1


def test_the_ledger_ties_the_challenge_to_the_account(village: Village) -> None:
    scheme = next(iter(SCHEMES))
    proof = village.prove(scheme, LINH)
    id_ = village.open("linh", **proof).json()["account"]["id"]
    village.ledger.flush()
    lines = village.ledger.path.read_text()
    last = lines.splitlines()[-1]
    assert f'"subject":"{id_}"' in last
    assert f'"scheme":"{scheme}"' in last
    assert '"flow":""' not in last
    assert proof["binding"] not in lines
    assert proof["code"] not in lines
