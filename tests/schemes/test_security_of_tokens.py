"""Blindly signed tokens of every type: batches, public metadata, and what wallet, issuer and platform refuse."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

import pytest

from idverify.errors import BadMessage, BadSignature, CannotAnswer, Expired, NotProven, TooYoung, UnknownKey
from idverify.formats import privacy_pass as wire
from idverify.formats import privacy_pass_batch as batches
from idverify.formats import privacy_pass_extensions as metadata
from idverify.formats import token_keys
from idverify.scheme import AGES, Asked, Person, Rationed, merge
from idverify.schemes import SCHEMES
from idverify.schemes._tokens import TokenIssuer
from idverify.schemes.privacy_pass_public_metadata import EPOCH

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

Staged: TypeAlias = "Callable[[str], Stage]"
TOKENS = [name for name, scheme in SCHEMES.items() if isinstance(scheme, Rationed)]
METADATA = "privacy_pass_public_metadata"
HOUR = timedelta(hours=1)


@pytest.fixture(params=TOKENS)
def tokens(request: pytest.FixtureRequest, staged: Staged) -> Stage:
    return staged(request.param)


def ask_for(stage: Stage, count: int, *, over: int = 16) -> Asked:
    ask = stage.ask(over=over)
    return stage.scheme.holder().request(stage.issuer.public, now=ask.now, challenge=ask, count=count)


def kind_of(stage: Stage) -> int:
    return token_keys.read(stage.issuer.public).keys[0].token_type


# --- batches


@pytest.mark.parametrize("count", [1, 2, 5, batches.MOST, batches.MOST + 1, 0, -3])
def test_a_batch_gives_as_many_different_tokens_as_were_asked_for(tokens: Stage, adult: Person, count: int) -> None:
    asked, ask = ask_for(tokens, count), tokens.ask()
    wanted = min(max(count, 1), batches.MOST)
    assert isinstance(tokens.scheme, Rationed)
    assert tokens.scheme.asks(asked.message) == wanted
    holder = tokens.scheme.holder()
    got = holder.accept(asked, tokens.issuer.issue(adult, asked.message, now=ask.now))
    spent = {tokens.verifier.verify(holder.present(each, ask), ask).spent for each in got[:5]}
    assert len(got) == wanted
    assert len(spent) == min(wanted, 5)


def test_every_scheme_with_a_quota_says_how_many_a_request_asks_for() -> None:
    assert all(isinstance(scheme, Rationed) for scheme in SCHEMES.values() if scheme.info.rationed)


def test_a_batch_is_refused_as_a_whole_where_one_request_is_bad(tokens: Stage, adult: Person) -> None:
    good = batches.decode_requests(ask_for(tokens, 3).message)
    kind = wire.METADATA_TYPE if good[0].token_type == wire.TOKEN_TYPE else wire.TOKEN_TYPE
    empty = metadata.encode([]) if kind == wire.METADATA_TYPE else b""
    used = {key.key_id[-1] for key in token_keys.read(tokens.issuer.public).keys}
    free = next(number for number in range(256) if number not in used)
    for bad in [
        replace(good[1], blinded=(1).to_bytes(256)),
        replace(good[1], blinded=bytes(256)),
        replace(good[1], blinded=b"\xff" * 256),
        replace(good[1], truncated_key_id=free),
        replace(good[1], token_type=kind, extensions=empty),
    ]:
        message = batches.encode_requests([good[0], bad, good[2]])
        with pytest.raises(BadMessage):
            tokens.issuer.issue(adult, message, now=tokens.ask().now)


def test_a_child_gets_no_batch_in_which_one_token_is_for_adults(tokens: Stage, child: Person) -> None:
    young = tokens.scheme.holder().request(
        tokens.issuer.public, now=tokens.ask().now, challenge=tokens.ask(over=min(AGES)), count=2
    )
    old = batches.decode_requests(ask_for(tokens, 2, over=21).message)
    mixed = batches.encode_requests([*batches.decode_requests(young.message), *old])
    with pytest.raises(TooYoung):
        tokens.issuer.issue(replace(child, born=child.born.replace(year=2012)), mixed, now=tokens.ask().now)


def test_every_truncation_of_a_batch_is_refused(tokens: Stage, adult: Person) -> None:
    message, now = ask_for(tokens, 2).message, tokens.ask().now
    for end in [*range(20), *range(20, len(message), 17), len(message) - 1]:
        with pytest.raises(BadMessage):
            tokens.issuer.issue(adult, message[:end], now=now)
    for more in (b"\0", message):
        with pytest.raises(BadMessage):
            tokens.issuer.issue(adult, message + more, now=now)


def test_a_batch_that_is_too_large_or_empty_is_refused(tokens: Stage, adult: Person) -> None:
    [one] = [wire.TokenRequest.decode(ask_for(tokens, 1).message)]
    now = tokens.ask().now
    for message in (batches.encode_requests([one] * (batches.MOST + 1)), batches.encode_requests([])):
        with pytest.raises(BadMessage):
            tokens.issuer.issue(adult, message, now=now)
    assert tokens.issuer.issue(adult, batches.encode_requests([one]), now=now)


def test_a_wallet_keeps_what_the_issuer_signed_of_a_batch(tokens: Stage, adult: Person) -> None:
    asked, now = ask_for(tokens, 3), tokens.ask().now
    answered = batches.decode_responses(tokens.issuer.issue(adult, asked.message, now=now))
    signatures = [each[1] for each in answered if each is not None]
    kind, holder = kind_of(tokens), tokens.scheme.holder()
    some = batches.encode_responses(kind, [signatures[0], None, signatures[2]])
    assert len(holder.accept(asked, some)) == 2
    for bad, error in [
        (batches.encode_responses(kind, [None, None, None]), BadMessage),
        (batches.encode_responses(kind, signatures[:2]), BadMessage),
        (batches.encode_responses(kind, [*signatures, signatures[0]]), BadMessage),
        (batches.encode_responses(kind ^ 1, signatures), BadMessage),
        (batches.encode_responses(kind, [signatures[1], signatures[0], signatures[2]]), BadSignature),
        (signatures[0], BadMessage),
    ]:
        with pytest.raises(error):
            holder.accept(asked, bad)


def test_a_batch_is_read_completely(tokens: Stage, adult: Person) -> None:
    asked = ask_for(tokens, 2)
    response = tokens.issuer.issue(adult, asked.message, now=tokens.ask().now)
    for message, decoded in [
        (asked.message, [each.blinded for each in batches.decode_requests(asked.message)]),
        (response, [each[1] for each in batches.decode_responses(response) if each]),
    ]:
        seen = json.dumps(tokens.scheme.read(message))
        assert all(wire.encode_padded(blind).rstrip("=") in seen for blind in decoded)


# --- every type


def test_the_wallet_checks_a_blind_signature_before_it_counts_it(tokens: Stage, adult: Person) -> None:
    asked = ask_for(tokens, 1)
    right = tokens.issuer.issue(adult, asked.message, now=tokens.ask().now)
    for wrong in (right[:-1] + bytes([right[-1] ^ 1]), bytes(256), secrets.token_bytes(256), right[:-1], right + b"\0"):
        with pytest.raises((BadMessage, NotProven)):
            tokens.scheme.holder().accept(asked, wrong)


def test_blinded_elements_that_nobody_blinds_to_are_refused(tokens: Stage, adult: Person) -> None:
    request = wire.TokenRequest.decode(ask_for(tokens, 1).message)
    key = token_keys.read(tokens.issuer.public).for_age(16)
    n = wire.decode_key(key.spki).public_numbers().n
    for number in (0, 1, n - 1, n, n + 1, 2**2048 - 1):
        with pytest.raises(BadMessage):
            tokens.issuer.issue(adult, replace(request, blinded=number.to_bytes(256)).encode(), now=tokens.ask().now)


def test_a_token_in_any_spelling_of_its_header_is_the_same_token(tokens: Stage, adult: Person) -> None:
    ask = tokens.ask()
    shown = tokens.show(adult, ask)
    value = wire.authorization(shown)
    spellings = {
        value,
        value.replace("=", " = ", 1),
        value.replace("PrivateToken", "privatetoken"),
        value.replace('=="', '"'),
        value + " ",
    }
    spent = {tokens.verifier.verify(wire.parse_authorization(each), ask).spent for each in spellings}
    assert len(spellings) > 3
    assert len(spent) == 1


def test_no_two_keys_of_an_issuer_share_the_byte_that_names_them(tokens: Stage) -> None:
    keys = token_keys.read(tokens.issuer.public).keys
    assert len({key.key_id[-1] for key in keys}) == len(keys)


def test_an_issuer_answers_as_its_two_halves_do(tokens: Stage, adult: Person, child: Person) -> None:
    asked, now = ask_for(tokens, 2), tokens.ask().now
    assert isinstance(tokens.issuer, TokenIssuer)
    tokens.issuer.attest(adult, asked.message, now=now)
    assert tokens.scheme.holder().accept(asked, tokens.issuer.sign(asked.message))
    with pytest.raises(TooYoung):
        tokens.issuer.attest(child, asked.message, now=now)


# --- public metadata


def said(shown: bytes) -> metadata.AgeUntil:
    return metadata.AgeUntil.decode(wire.Token.decode(shown).extensions)


def with_metadata(shown: bytes, extensions: bytes) -> bytes:
    return replace(wire.Token.decode(shown), extensions=extensions).encode()


def test_one_key_attests_all_ages_and_all_wallets_get_the_same_expiration(staged: Staged, adult: Person) -> None:
    stage = staged(METADATA)
    assert len(token_keys.read(stage.issuer.public).keys) == 1
    shown = [stage.show(adult, stage.ask(over=over)) for over in AGES]
    assert [said(each).age for each in shown] == list(AGES)
    assert len({said(each).expires for each in shown}) == 1
    later = stage.ask(now=stage.ask().now + HOUR)
    assert said(stage.show(adult, later)).expires == said(shown[0]).expires


def test_a_token_under_other_metadata_than_it_was_signed_with_is_refused(staged: Staged, adult: Person) -> None:
    stage, ask = staged(METADATA), staged(METADATA).ask()
    young, old = stage.show(adult, stage.ask(over=16)), stage.show(adult, stage.ask(over=18))
    other = said(young)
    swapped = [
        with_metadata(young, wire.Token.decode(old).extensions),
        with_metadata(young, replace(other, age=21).encode()),
        with_metadata(young, replace(other, age=13).encode()),
        with_metadata(young, replace(other, expires=other.expires + other.precision).encode()),
    ]
    for each in swapped:
        with pytest.raises(BadSignature):
            stage.verifier.verify(each, ask)


WEIRD = {
    "nothing": b"",
    "no extension": b"\0\0",
    "a length that is too long": b"\0\5\0\1\0\0",
    "a length that is too short": b"\0\3\0\1\0\0",
    "an age alone": metadata.encode([metadata.Extension(metadata.AGE_OVER, b"\x10")]),
    "an empty age": metadata.encode([metadata.Extension(1, bytes(16)), metadata.Extension(metadata.AGE_OVER, b"")]),
    "two bytes of age": metadata.encode(
        [metadata.Extension(1, bytes(16)), metadata.Extension(metadata.AGE_OVER, b"\0\x10")]
    ),
    "an age that is not attested": metadata.AgeUntil(19, expires=2 * 2_592_000, precision=2_592_000).encode(),
    "an age of 0": metadata.AgeUntil(0, expires=2 * 2_592_000, precision=2_592_000).encode(),
    "another precision": metadata.AgeUntil(16, expires=2 * 2_592_000, precision=1).encode(),
    "a time within an epoch": metadata.AgeUntil(16, expires=2 * 2_592_000 + 1, precision=2_592_000).encode(),
    "the end of time": metadata.AgeUntil(16, expires=2**64 - 1, precision=2_592_000).encode(),
    "a tag": metadata.encode(
        [
            metadata.Extension(1, bytes(16)),
            metadata.Extension(metadata.AGE_OVER, b"\x10"),
            metadata.Extension(0xFFFF, b"me"),
        ]
    ),
    "an order of its own": (lambda a, b: (len(a + b)).to_bytes(2) + b + a)(
        metadata.Extension(1, bytes(16)).encode(), metadata.Extension(metadata.AGE_OVER, b"\x10").encode()
    ),
    "65,535 bytes": metadata.encode([metadata.Extension(1, bytes(65_531))]),
}


@pytest.mark.parametrize("extensions", WEIRD.values(), ids=WEIRD.keys())
def test_weird_metadata_is_refused_by_issuer_and_platform(staged: Staged, adult: Person, extensions: bytes) -> None:
    stage, ask = staged(METADATA), staged(METADATA).ask()
    request = wire.TokenRequest.decode(ask_for(stage, 1).message)
    with pytest.raises(BadMessage):
        stage.issuer.issue(adult, replace(request, extensions=extensions).encode(), now=ask.now)
    with pytest.raises(BadMessage):
        stage.verifier.verify(with_metadata(stage.show(adult, ask), extensions), ask)


def test_a_token_is_good_until_the_end_of_the_epoch_after_its_own(staged: Staged, adult: Person) -> None:
    stage, ask = staged(METADATA), staged(METADATA).ask()
    shown = stage.show(adult, ask)
    end = datetime.fromtimestamp(said(shown).expires, timezone.utc)
    assert EPOCH < end - ask.now <= 2 * EPOCH
    assert stage.verifier.verify(shown, replace(ask, now=end - timedelta(seconds=1)))
    with pytest.raises(Expired):
        stage.verifier.verify(shown, replace(ask, now=end))


def test_the_issuer_signs_no_expiration_of_its_customers_choice(staged: Staged, adult: Person) -> None:
    stage, ask = staged(METADATA), staged(METADATA).ask()
    holder = stage.scheme.holder()
    for days in (-31, 31, 3_650):
        asked = holder.request(stage.issuer.public, now=ask.now + timedelta(days=days), challenge=ask)
        with pytest.raises(BadMessage, match="expiration"):
            stage.issuer.issue(adult, asked.message, now=ask.now)


@pytest.mark.parametrize("seconds", [-240, -1, 0, 1, 240])
def test_a_clock_that_is_minutes_off_gets_a_token_at_the_end_of_an_epoch(
    staged: Staged, adult: Person, seconds: int
) -> None:
    stage = staged(METADATA)
    turn = datetime.fromtimestamp(683 * EPOCH.total_seconds(), timezone.utc)
    ask = stage.ask(now=turn + timedelta(seconds=seconds))
    asked = stage.scheme.holder().request(stage.issuer.public, now=ask.now, challenge=ask)
    assert stage.issuer.issue(adult, asked.message, now=turn)


def test_a_wallet_shows_a_token_with_metadata_to_its_own_platform_only(staged: Staged, adult: Person) -> None:
    stage, ask = staged(METADATA), staged(METADATA).ask()
    kept = stage.credential(adult, ask)
    with pytest.raises(CannotAnswer):
        stage.scheme.holder().present(kept, replace(ask, audience="https://video.example"))
    with pytest.raises(CannotAnswer):
        stage.scheme.holder().present(kept, replace(ask, question=replace(ask.question, over=18)))


@pytest.mark.parametrize(
    "change", [{"ages": []}, {"ages": [True]}, {"ages": "16"}, {"age": 16, "token_type": 2}, {"kid": "x"}]
)
def test_a_public_document_with_a_wrong_key_is_refused(staged: Staged, change: dict[str, object]) -> None:
    stage = staged(METADATA)
    document = json.loads(stage.issuer.public)
    document["keys"][0] |= change
    with pytest.raises(BadMessage):
        stage.scheme.verifier(json.dumps(document).encode())


def test_no_type_takes_another_types_token_even_of_its_own_key(staged: Staged, adult: Person) -> None:
    ask = staged(METADATA).ask()
    plain, with_extensions = staged("privacy_pass"), staged(METADATA)
    shown = plain.show(adult, ask)
    forged = replace(wire.Token.decode(shown), token_type=wire.METADATA_TYPE, extensions=metadata.encode([])).encode()
    both = merge([with_extensions.issuer.public, plain.issuer.public])
    with pytest.raises(BadMessage):
        plain.verifier.verify(forged, ask)
    with pytest.raises(UnknownKey):
        with_extensions.verifier.verify(forged, ask)
    for stage in (plain, with_extensions):
        with pytest.raises(BadMessage):
            stage.scheme.verifier(both)
