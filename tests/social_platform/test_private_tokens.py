"""Clients that know only RFC 9577: a challenge in WWW-Authenticate, a token in Authorization."""

from __future__ import annotations

import pytest

from idverify.protocols import privacy_pass
from idverify.schemes import SCHEMES
from tests.social_platform.village import LINH, Village

TOKENS = pytest.mark.parametrize(
    "scheme", [name for name, s in SCHEMES.items() if s.info.signed and not s.info.binds_nonce]
)


@TOKENS
def test_an_empty_presentation_is_asked_for_a_token(village: Village, scheme: str) -> None:
    asked = village.start(scheme)
    answer = village.ask("POST", f"/api/presentations/{asked.id}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("PrivateToken challenge=")


@TOKENS
def test_a_token_in_the_header_opens_an_account_once(village: Village, scheme: str) -> None:
    token = village.presentation(scheme, LINH, village.start(scheme))
    headers = {"Authorization": privacy_pass.authorization_header(token)}
    opened = village.ask("POST", "/api/accounts", json={"handle": "linh"}, headers=headers)
    assert opened.status_code == 201, opened.text
    assert opened.json()["account"]["verified"] is True
    again = village.ask("POST", "/api/accounts", json={"handle": "linh_2"}, headers=headers)
    assert again.status_code == 409


@TOKENS
def test_a_token_in_the_header_answers_a_challenge(village: Village, scheme: str) -> None:
    asked = village.start(scheme)
    headers = {"Authorization": privacy_pass.authorization_header(village.presentation(scheme, LINH, asked))}
    answer = village.ask("POST", f"/api/presentations/{asked.id}", headers=headers)
    assert answer.status_code == 200
    opened = village.open("linh", code=answer.json()["code"], binding=asked.binding)
    assert opened.status_code == 201


@pytest.mark.parametrize(
    "value", ["PrivateToken ", "PrivateToken token=", 'PrivateToken token="!!"', "PrivateToken x=1"]
)
def test_a_header_that_holds_no_token_is_refused(village: Village, value: str) -> None:
    answer = village.ask("POST", "/api/accounts", json={"handle": "linh"}, headers={"Authorization": value})
    assert answer.status_code == 400


def test_other_schemes_do_not_ask_for_tokens(village: Village) -> None:
    for name, scheme in SCHEMES.items():
        if scheme.info.binds_nonce:
            answer = village.ask("POST", f"/api/presentations/{village.start(name).id}")
            assert answer.status_code == 400
            assert "www-authenticate" not in answer.headers
