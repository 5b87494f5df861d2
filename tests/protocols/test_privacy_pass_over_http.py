"""Privacy Pass over HTTP: header, directory and token fit the scheme's own messages."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from functools import cache

import pytest

from idverify.errors import BadMessage, CannotAnswer
from idverify.formats import privacy_pass as wire
from idverify.protocols import privacy_pass as http
from idverify.scheme import AGES, Challenge, Issuer, Person, Question, merge
from idverify.schemes import SCHEMES
from tests import keys as shared

SCHEME = SCHEMES["privacy_pass"]
ASK = Challenge("https://chat.example:8443", "n" * 22, Question(over=16), datetime(2026, 1, 1, tzinfo=timezone.utc))
ADULT = Person("901090000001", "Nguyễn Văn Anh", date(1990, 5, 1), "male", "Hà Nội")


@cache
def issuer() -> Issuer:
    return shared.issuer(SCHEME.info.name, name="https://id.example:9000")


def test_the_challenge_names_issuer_origin_and_the_key_of_the_age() -> None:
    [parsed] = wire.parse_www_authenticate(http.challenge_header(issuer().public, ASK.audience, over=16))
    challenge = wire.TokenChallenge.decode(wire.decode_padded(parsed["challenge"]))
    assert challenge == wire.TokenChallenge("id.example:9000", "chat.example:8443")
    keys = {key["age"]: key["token_key"] for key in json.loads(issuer().public)["keys"]}
    assert parsed["token-key"] == keys[16]
    assert len(parsed["challenge"]) % 4 == len(parsed["token-key"]) % 4 == 0


def test_a_token_for_the_header_is_one_for_the_scheme() -> None:
    holder = SCHEME.holder()
    asked = holder.request(issuer().public, now=ASK.now, challenge=ASK)
    response = issuer().issue(ADULT, asked.message, now=ASK.now)
    shown = holder.present(holder.accept(asked, response)[0], ASK)
    header = http.authorization_header(shown)
    assert http.is_private_token(header)
    assert SCHEME.verifier(issuer().public).verify(http.token_from_authorization(header), ASK).claims == {"over": 16}
    [parsed] = wire.parse_www_authenticate(http.challenge_header(issuer().public, ASK.audience, over=16))
    challenge = wire.TokenChallenge.decode(wire.decode_padded(parsed["challenge"]))
    assert wire.Token.decode(shown).challenge_digest == challenge.digest()


def test_without_an_age_the_lowest_will_do_and_an_unknown_one_is_refused() -> None:
    public = issuer().public
    lowest = http.challenge_header(public, ASK.audience)
    assert lowest == http.challenge_header(public, ASK.audience, over=min(AGES))
    with pytest.raises(CannotAnswer, match="13, 14, 15"):
        http.challenge_header(public, ASK.audience, over=19)


def test_the_directory_lists_all_keys_of_a_rotation_newest_first() -> None:
    older = shared.issuer(SCHEME.info.name, 1, name="https://id.example:9000")
    uri, keys = wire.parse_directory(http.directory_document([merge([issuer().public, older.public])]))
    assert uri == http.REQUEST_PATH
    assert len(keys) == len(set(keys)) == 2 * len(AGES)
    first = wire.decode_padded(json.loads(issuer().public)["keys"][0]["token_key"])
    assert keys[0] == first


@pytest.mark.parametrize("value", ["Bearer x", "", "PrivateToken", "PrivateTokens token=x"])
def test_another_authorization_is_not_of_this_scheme(value: str) -> None:
    assert not http.is_private_token(value)
    with pytest.raises(BadMessage):
        http.token_from_authorization(value)
