"""A moderator bans a person: by what a scheme gives a platform to recognise one, and by nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from idverify.errors import BadSetting
from idverify.scheme import Issuer
from idverify.schemes import SCHEMES
from idverify.social_platform.bans import Bans
from idverify.social_platform.deletion import delete_account
from idverify.social_platform.sessions import Sessions
from tests.social_platform.village import CHILD, LINH, MINH, SETTINGS, Village, running

MODERATOR = "a-secret-that-only-the-moderator-knows"
RECOGNISED = pytest.mark.parametrize(
    "scheme", [name for name, s in SCHEMES.items() if "one_account" in s.info.answers and s.info.signed]
)
UNRECOGNISED = pytest.mark.parametrize(
    "scheme", [name for name, s in SCHEMES.items() if not s.info.answers & {"one_account", "identity"}]
)


@pytest.fixture
def moderated(tmp_path: Path, issuers: dict[str, list[Issuer]]) -> Iterator[Village]:
    """A platform under Directive 57, with a moderator."""
    settings = replace(SETTINGS, moderator=MODERATOR)
    with running(tmp_path, issuers, settings=settings) as village:
        yield village


@pytest.fixture
def open_to_all(tmp_path: Path, issuers: dict[str, list[Issuer]]) -> Iterator[Village]:
    """A platform on which nobody must prove anything, with a moderator."""
    settings = replace(SETTINGS, moderator=MODERATOR)
    with running(tmp_path, issuers, mandate="open_interop", settings=settings) as village:
        yield village


def ban(village: Village, handle: str, *, reason: str = "", token: str = MODERATOR) -> dict[str, object]:
    answer = village.ask("POST", "/api/bans", token=token, json={"handle": handle, "reason": reason})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@RECOGNISED
def test_a_banned_person_opens_no_account(moderated: Village, scheme: str) -> None:
    moderated.sign_up(scheme, LINH, handle="linh")
    ban(moderated, "linh", reason="threats")
    refused = moderated.open("linh2", **moderated.prove(scheme, LINH))
    assert (refused.status_code, refused.json()["error"]) == (403, "banned")
    assert "threats" in refused.json()["error_description"]
    moderated.sign_up(scheme, MINH, handle="minh")


@RECOGNISED
def test_a_ban_survives_the_account(moderated: Village, scheme: str) -> None:
    token = moderated.sign_up(scheme, LINH, handle="linh")
    id_ = moderated.ask("GET", "/api/me", token=token).json()["id"]
    ban(moderated, "linh")
    assert moderated.ask("DELETE", "/api/me", token=token).status_code == 401  # the session ended with the ban
    gone = moderated.store.write(lambda c: delete_account(c, id_, days={}, now=0.0))
    asyncio.run(gone)
    assert moderated.ask("GET", "/api/bans", token=MODERATOR).json()["bans"]
    refused = moderated.open("linh2", **moderated.prove(scheme, LINH))
    assert (refused.status_code, refused.json()["error"]) == (403, "banned")


@RECOGNISED
def test_a_banned_person_raises_no_other_account(open_to_all: Village, scheme: str) -> None:
    moderated = open_to_all
    moderated.sign_up(scheme, LINH, handle="linh")
    ban(moderated, "linh")
    token = moderated.unverified("nobody")
    proof = moderated.prove(scheme, LINH)
    refused = moderated.ask("POST", "/api/accounts/verify", token=token, json=proof)
    assert (refused.status_code, refused.json()["error"]) == (403, "banned")


def test_a_banned_person_registers_no_child(moderated: Village) -> None:
    moderated.sign_up("bbs", LINH, handle="linh")
    ban(moderated, "linh")
    refused = moderated.open("child", ward=True, **moderated.prove("bbs", LINH, ward=True))
    assert (refused.status_code, refused.json()["error"]) == (403, "banned")
    assert CHILD.id_number not in moderated.stored()


def test_a_banned_person_does_not_sign_in_with_the_password(moderated: Village) -> None:
    answer = moderated.open("linh", password="a long password", **moderated.prove("bbs", LINH))
    token = answer.json()["token"]
    assert moderated.ask("GET", "/api/me", token=token).status_code == 200
    ban(moderated, "linh")
    assert moderated.ask("GET", "/api/me", token=token).status_code == 401
    body = {"handle": "linh", "password": "a long password"}
    refused = moderated.ask("POST", "/api/sessions", json=body)
    assert (refused.status_code, refused.json()["error"]) == (403, "banned")
    wrong = moderated.ask("POST", "/api/sessions", json=body | {"password": "another password"})
    assert wrong.status_code == 401


def test_a_ban_that_is_lifted_lets_the_person_sign_in_again(moderated: Village) -> None:
    moderated.open("linh", password="a long password", **moderated.prove("bbs", LINH))
    said = ban(moderated, "linh", reason="by mistake")
    assert isinstance(said["bans"], list)
    [entry] = said["bans"]
    assert entry["reason"] == "by mistake"
    assert ban(moderated, "linh")["bans"] == said["bans"]
    assert moderated.ask("GET", "/api/bans", token=MODERATOR).json() == {"bans": said["bans"]}
    assert moderated.ask("DELETE", f"/api/bans/{entry['id']}", token=MODERATOR).status_code == 200
    assert moderated.ask("DELETE", f"/api/bans/{entry['id']}", token=MODERATOR).status_code == 404
    body = {"handle": "linh", "password": "a long password"}
    assert moderated.ask("POST", "/api/sessions", json=body).status_code == 201


@UNRECOGNISED
def test_a_person_whom_nothing_recognises_cannot_be_banned(open_to_all: Village, scheme: str) -> None:
    assert open_to_all.open("anonymous", **open_to_all.prove(scheme, LINH)).status_code == 201
    refused = open_to_all.ask("POST", "/api/bans", token=MODERATOR, json={"handle": "anonymous"})
    assert (refused.status_code, refused.json()["error"]) == (422, "cannot_answer")


def test_only_the_moderator_bans(moderated: Village) -> None:
    token = moderated.sign_up("bbs", LINH, handle="linh")
    for wrong in ("", token, "x", MODERATOR + "x", MODERATOR[:-1]):
        for method, place, more in (
            ("POST", "/api/bans", {"json": {"handle": "linh"}}),
            ("GET", "/api/bans", {}),
            ("DELETE", "/api/bans/b1", {}),
        ):
            assert moderated.ask(method, place, token=wrong, **more).status_code == 401
    assert moderated.ask("GET", "/api/me", token=MODERATOR).status_code == 401
    missing = moderated.ask("POST", "/api/bans", token=MODERATOR, json={"handle": "nobody"})
    assert missing.status_code == 404


def test_a_platform_without_a_moderator_has_no_bans(village: Village) -> None:
    for token in ("", "x", MODERATOR):
        assert village.ask("GET", "/api/bans", token=token).status_code == 404


def test_a_ban_says_nothing_of_who_it_was(moderated: Village) -> None:
    moderated.sign_up("real_name", LINH, handle="linh")
    ban(moderated, "linh", reason="spam")
    listed = moderated.ask("GET", "/api/bans", token=MODERATOR).text
    assert LINH.id_number not in listed
    assert "linh" not in listed


def test_a_moderators_token_that_can_be_guessed_is_refused(moderated: Village) -> None:
    sessions = Sessions(moderated.store, moderated.clock)
    with pytest.raises(BadSetting):
        Bans(moderated.store, "short", sessions=sessions, clock=moderated.clock)
