"""What an attacker tried at the running services, and what must not work again."""

from __future__ import annotations

from pathlib import Path

import pytest

from idverify.protocols import privacy_pass
from idverify.schemes import SCHEMES
from tests.social_platform.village import LINH, Village

TOKENS = [name for name, s in SCHEMES.items() if s.info.signed and not s.info.binds_nonce]


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_a_deleted_account_leaves_no_bytes_in_the_database_files(village: Village, scheme: str) -> None:
    token = village.sign_up(scheme, LINH, handle="linh_of_the_lake")
    village.ask("PATCH", "/api/me", token=token, json={"bio": "the bio of linh"})
    village.ask("POST", "/api/posts", token=token, json={"text": "the post of linh"})
    secret = [b"linh_of_the_lake", b"the bio of linh", b"the post of linh"]
    secret += [text.encode() for text in (LINH.name, LINH.id_number) if not village.mandate.kept().get("id_number")]
    assert any(secret[0] in each for each in database_files(village))
    assert village.ask("DELETE", "/api/me", token=token).status_code == 200
    assert [text for each in database_files(village) for text in secret if text in each] == []


def database_files(village: Village) -> list[bytes]:
    path = Path(village.database.removeprefix("sqlite:///"))
    return [each.read_bytes() for each in path.parent.glob(f"{path.name}*") if not each.name.endswith("-shm")]


@pytest.mark.parametrize("path", ["/api/challenges", "/api/accounts", "/api/sessions"])
@pytest.mark.parametrize("first", ["scheme", "handle"])
def test_a_json_body_with_a_member_twice_is_refused(village: Village, path: str, first: str) -> None:
    body = f'{{"{first}": "x", "{first}": "{TOKENS[0]}"}}'.encode()
    answer = village.ask("POST", path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "json_invalid" in answer.json()["error_description"]


@pytest.mark.parametrize("scheme", TOKENS)
def test_a_handle_that_cannot_be_does_not_cost_the_token(village: Village, scheme: str) -> None:
    token = village.presentation(scheme, LINH, village.start(scheme))
    headers = {"Authorization": privacy_pass.authorization_header(token)}
    assert village.ask("POST", "/api/accounts", json={"handle": "!"}, headers=headers).status_code == 400
    assert village.ask("POST", "/api/accounts", json={"handle": "linh"}, headers=headers).status_code == 201
