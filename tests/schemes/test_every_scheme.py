"""The promises that every scheme keeps. A new scheme is tested here without one new line."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idverify import schemes
from idverify.errors import (
    BadMessage,
    CannotAnswer,
    Expired,
    IdverifyError,
    NotProven,
    TooYoung,
    UnknownKey,
    WrongAudience,
    WrongNonce,
)
from idverify.scheme import Person, Question, merge
from idverify.schemes import SCHEMES
from tests import keys

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

Born: TypeAlias = Callable[[date], Person]
REFUSED = (BadMessage, NotProven, CannotAnswer)


def test_an_adult_gets_in(stage: Stage, adult: Person) -> None:
    ask = stage.ask()
    proven = stage.verify(adult, ask)
    assert proven.claims["over"] == 16
    assert proven.spent


def test_a_child_does_not_get_in(stage: Stage, child: Person) -> None:
    with pytest.raises(TooYoung):
        stage.verify(child, stage.ask())


def test_a_child_gets_in_where_no_age_is_asked_or_a_lower_one(stage: Stage, born: Born) -> None:
    assert stage.verify(born(date(2012, 1, 1)), stage.ask(over=14))
    assert stage.verify(born(date(2012, 1, 1)), stage.ask(over=None))


def test_a_sixteenth_birthday_begins_at_midnight_in_vietnam(stage: Stage, born: Born) -> None:
    person = born(date(2010, 1, 2))
    midnight = datetime(2026, 1, 1, 17, tzinfo=timezone.utc)  # 2026-01-02T00:00+07:00
    assert stage.verify(person, stage.ask(now=midnight))
    with pytest.raises(TooYoung):
        stage.verify(person, stage.ask(now=midnight - timedelta(seconds=1)))


def test_a_leap_day_child_is_older_on_the_first_of_march(stage: Stage, born: Born) -> None:
    person = born(date(2008, 2, 29))
    march = datetime(2026, 2, 28, 17, tzinfo=timezone.utc)
    assert stage.verify(person, stage.ask(over=18, now=march))
    with pytest.raises(TooYoung):
        stage.verify(person, stage.ask(over=18, now=march - timedelta(seconds=1)))


def test_two_presentations_never_share_the_spent_value(stage: Stage, adult: Person) -> None:
    assert len({stage.verify(adult, stage.ask()).spent for _ in range(4)}) == 4


def test_the_same_presentation_always_has_the_same_spent_value(stage: Stage, adult: Person) -> None:
    ask = stage.ask()
    shown = stage.show(adult, ask)
    assert stage.verifier.verify(shown, ask).spent == stage.verifier.verify(shown, ask).spent


def test_another_platform_refuses_the_answer(stage: Stage, adult: Person) -> None:
    if not stage.scheme.info.binds_audience:
        return
    ask = stage.ask()
    with pytest.raises(WrongAudience):
        stage.verifier.verify(stage.show(adult, ask), replace(ask, audience="https://evil.example"))


def test_another_question_refuses_the_answer_exactly_where_the_nonce_is_bound(stage: Stage, adult: Person) -> None:
    ask = stage.ask()
    shown, later = stage.show(adult, ask), replace(ask, nonce=secrets.token_urlsafe(16))
    if stage.scheme.info.binds_nonce:
        with pytest.raises(WrongNonce):
            stage.verifier.verify(shown, later)
    else:
        assert stage.verifier.verify(shown, later).spent == stage.verifier.verify(shown, ask).spent


def test_an_answer_kept_for_a_year_is_refused_or_declared_to_be_unbound(stage: Stage, adult: Person) -> None:
    ask = stage.ask()
    shown = stage.show(adult, ask)
    late = replace(ask, now=ask.now + timedelta(days=365))
    if stage.scheme.info.signed and stage.scheme.info.binds_nonce:
        with pytest.raises(Expired):
            stage.verifier.verify(shown, late)
    else:
        with suppress(Expired):
            assert stage.verifier.verify(shown, late).claims == stage.verifier.verify(shown, ask).claims


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_every_flipped_bit_is_noticed_or_changes_nothing(stage: Stage, adult: Person, mask: int) -> None:
    if not stage.scheme.info.signed:
        return
    ask = stage.ask(identity=True)
    good, verifier = stage.show(adult, ask), stage.verifier
    before, missed = verifier.verify(good, ask), []
    for i in range(0, len(good), max(1, len(good) // 400)):
        try:
            after = verifier.verify(good[:i] + bytes([good[i] ^ mask]) + good[i + 1 :], ask)
        except REFUSED:
            continue
        if after != before:
            missed.append(i)
    assert not missed


def test_every_truncation_and_extension_is_refused(stage: Stage, adult: Person) -> None:
    ask = stage.ask(identity=True)
    good, verifier = stage.show(adult, ask), stage.verifier
    for end in range(len(good)):
        with pytest.raises(REFUSED):
            verifier.verify(good[:end], ask)
    for more in (b"\0", b"=", b"~", b".", b"A", b"}", good):
        with pytest.raises(REFUSED):
            verifier.verify(good + more, ask)


GARBAGE = {
    "nothing": b"",
    "a NUL": b"\0",
    "spaces": b"   ",
    "no UTF-8": b"\xff\xfe" * 20,
    "null": b"null",
    "a number": b"1" * 6000,
    "an empty object": b"{}",
    "NaN": b'{"audience":NaN}',
    "a lone surrogate": b'{"audience":"\\ud800","nonce":"x","birth_date":"1990-01-01"}',
    "duplicate members": b'{"birth_date":"1990-01-01","birth_date":"1980-01-01"}',
    "deep lists": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "an open string": b"[" * 20 + b'"' + b'\\"' * 49_000,
    "dots": b"..",
    "many dots": b"." * 100_000,
    "tildes": b"~" * 20_000,
    "twenty thousand disclosures": b"e30.e30.AA" + b"~WyJhIiwiYiIsMV0" * 20_000 + b"~",
    "a JWS of nothing": b"e30.e30.",
    "three megabytes": b"A" * 3_000_000,
    "a token of zeros": b"\0\2" + bytes(352),
    "a token of ones": b"\0\2" + b"\xff" * 352,
}


@pytest.mark.parametrize("message", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_refused_by_everybody_with_our_errors(stage: Stage, adult: Person, message: bytes) -> None:
    ask = stage.ask()
    with pytest.raises(REFUSED):
        stage.verifier.verify(message, ask)
    with pytest.raises(REFUSED):
        stage.issuer.issue(adult, message, now=ask.now)
    holder = stage.scheme.holder()
    asked = holder.request(stage.issuer.public, now=ask.now, challenge=ask)
    with pytest.raises(REFUSED):
        holder.accept(asked, message)
    json.dumps(stage.scheme.read(message), allow_nan=False, ensure_ascii=False).encode()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(message=st.binary(max_size=400) | st.text(alphabet='{}[]":,.~eyJ0-_=\\', max_size=300).map(str.encode))
def test_no_bytes_whatever_bring_another_error_out(stage: Stage, adult: Person, message: bytes) -> None:
    ask = stage.ask()
    with pytest.raises(REFUSED):
        stage.verifier.verify(message, ask)
    with pytest.raises(REFUSED):
        stage.issuer.issue(adult, message, now=ask.now)
    with suppress(IdverifyError):
        stage.scheme.verifier(message)
    json.dumps(stage.scheme.read(message), allow_nan=False, ensure_ascii=False).encode()


def test_a_token_of_the_old_key_stays_good_during_a_rotation(stage: Stage, adult: Person) -> None:
    ask, newer = stage.ask(), stage.other_issuer()
    both = stage.scheme.verifier(merge([newer.public, stage.issuer.public]))
    old = stage.show(adult, ask)
    assert both.verify(old, ask) == stage.verifier.verify(old, ask)
    assert both.verify(replace(stage, issuer=newer).show(adult, ask), ask).claims


def test_a_wallet_accepts_from_a_merged_document_what_the_newest_key_signs(stage: Stage, adult: Person) -> None:
    ask = stage.ask()
    public, holder = merge([stage.issuer.public, stage.other_issuer().public]), stage.scheme.holder()
    asked = holder.request(public, now=ask.now, challenge=ask)
    credential = holder.accept(asked, stage.issuer.issue(adult, asked.message, now=ask.now))[0]
    assert stage.scheme.verifier(public).verify(holder.present(credential, ask), ask)


def test_a_key_that_the_issuer_does_not_publish_is_refused(stage: Stage, adult: Person) -> None:
    if not stage.scheme.info.signed:
        return
    ask, stranger = stage.ask(), stage.other_issuer()
    with pytest.raises(UnknownKey):
        stage.verifier.verify(replace(stage, issuer=stranger).show(adult, ask), ask)


def test_a_wallet_refuses_what_another_key_signed(stage: Stage, adult: Person) -> None:
    if not stage.scheme.info.signed:
        return
    ask, holder = stage.ask(), stage.scheme.holder()
    asked = holder.request(stage.issuer.public, now=ask.now, challenge=ask)
    try:
        response = stage.other_issuer().issue(adult, asked.message, now=ask.now)
    except IdverifyError:
        return  # the other issuer does not even answer
    with pytest.raises(REFUSED):
        holder.accept(asked, response)


def test_only_an_unsigned_scheme_says_that_its_claims_are_declared(stage: Stage, adult: Person) -> None:
    declared = stage.verify(adult, stage.ask()).claims.get("declared")
    assert declared is (None if stage.scheme.info.signed else True)


def test_claims_have_only_the_members_that_the_interface_names(stage: Stage, adult: Person) -> None:
    claims = stage.verify(adult, stage.ask(identity=True)).claims
    assert claims.keys() <= {"over", "name", "id_number", "birth_date", "declared", "sealed"}


def test_a_pseudonym_is_the_persons_own_and_stays_the_same(stage: Stage, adult: Person, child: Person) -> None:
    if "one_account" not in stage.scheme.info.answers:
        assert stage.verify(adult, stage.ask()).pseudonym is None
        return
    asks = [stage.ask(over=None) for _ in range(3)]
    first, second = (stage.verify(adult, ask).pseudonym for ask in asks[:2])
    assert first
    assert first == second != stage.verify(child, asks[2]).pseudonym


def test_identity_is_shown_where_it_is_asked_and_can_be(stage: Stage, adult: Person) -> None:
    claims = stage.verify(adult, stage.ask(identity=True)).claims
    if "identity" in stage.scheme.info.answers:
        assert (claims["name"], claims["id_number"]) == (adult.name, adult.id_number)
    else:
        assert not claims.keys() & {"name", "id_number"}


def test_what_a_scheme_cannot_answer_is_refused_on_both_sides(stage: Stage, adult: Person) -> None:
    ask = stage.ask()
    shown, credential = stage.show(adult, ask), stage.credential(adult, ask)
    for name in {"identity", "one_account"} - stage.scheme.info.answers:
        more = replace(ask, question=replace(ask.question, **{name: True}))
        with pytest.raises(CannotAnswer):
            stage.verifier.verify(shown, more)
        with pytest.raises(CannotAnswer):
            stage.scheme.holder().present(credential, more)


def test_an_answer_to_a_lower_age_does_not_answer_a_higher_one(stage: Stage, born: Born) -> None:
    person = born(date(2009, 6, 1))
    ask = stage.ask(over=16)
    shown = stage.show(person, ask)
    assert stage.verifier.verify(shown, ask)
    with pytest.raises((TooYoung, CannotAnswer)):
        stage.verifier.verify(shown, replace(ask, question=Question(over=18)))


def test_no_message_of_one_scheme_is_accepted_by_another(stage: Stage, adult: Person) -> None:
    ask = stage.ask()
    holder = stage.scheme.holder()
    asked = holder.request(stage.issuer.public, now=ask.now, challenge=ask)
    response = stage.issuer.issue(adult, asked.message, now=ask.now)
    credential = holder.accept(asked, response)[0]
    messages = [asked.message, response, credential.body, holder.present(credential, ask)]
    for other in stage.others():
        for message in messages:
            with pytest.raises(REFUSED):
                other.verifier.verify(message, ask)


def test_a_request_and_a_response_are_no_presentation(stage: Stage, adult: Person) -> None:
    ask = stage.ask()
    holder = stage.scheme.holder()
    asked = holder.request(stage.issuer.public, now=ask.now, challenge=ask)
    response = stage.issuer.issue(adult, asked.message, now=ask.now)
    shown = holder.present(holder.accept(asked, response)[0], ask)
    for message in {asked.message, response} - {shown}:
        with pytest.raises(REFUSED):
            stage.verifier.verify(message, ask)


def test_a_message_names_no_one_but_the_person_it_is_about(stage: Stage, adult: Person, child: Person) -> None:
    ask = stage.ask(identity=True)
    shown = json.dumps(stage.scheme.read(stage.show(adult, ask)), ensure_ascii=False)
    assert child.id_number not in shown


def test_a_public_document_holds_no_private_member(stage: Stage) -> None:
    text = stage.issuer.public.decode()
    assert "PRIVATE" not in text
    assert not set(re.findall(r'"(\w+)":', text)) & {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert json.loads(text)["issuer"] == "https://id.example"


def test_two_keys_of_an_issuer_never_share_an_id(stage: Stage) -> None:
    keys = json.loads(merge([stage.issuer.public, stage.other_issuer().public]))["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)


def test_a_secret_gives_the_same_public_document_again(stage: Stage) -> None:
    secret = keys.secret(stage.scheme.info.name)
    first, second = (stage.scheme.issuer(secret, name="https://id.example").public for _ in range(2))
    assert first == second


def test_a_secret_is_never_printed(stage: Stage, adult: Person) -> None:
    ask = stage.ask()
    asked = stage.scheme.holder().request(stage.issuer.public, now=ask.now, challenge=ask)
    credential = stage.credential(adult, ask)
    for kept in (asked, credential):
        assert not kept.secret or repr(kept.secret) not in repr(kept)


def test_every_module_is_registered() -> None:
    modules = {m.name for m in pkgutil.iter_modules(schemes.__path__) if not m.name.startswith("_")}
    registered = {type(s).__module__.rsplit(".", 1)[1] for s in SCHEMES.values()}
    registered = {name for name in registered if not name.startswith("_")}  # optional ones are in MISSING otherwise
    assert modules == registered, "add one line to idverify/schemes/__init__.py"
    assert all(importlib.import_module(f"idverify.schemes.{name}").__doc__ for name in modules)


def test_names_are_fit_for_urls_and_reports() -> None:
    assert all(re.fullmatch("[a-z0-9_]+", name) and name == s.info.name for name, s in SCHEMES.items())


def test_info_says_what_each_party_learns_and_what_the_scheme_does_not_do(stage: Stage) -> None:
    info = stage.scheme.info
    assert info.title
    assert info.spec
    assert info.limits
    assert {"identity provider", "platform"} <= info.learns.keys()
    assert info.answers <= {"over", "identity", "one_account"}
    assert info.signed == (info.issued != "by_holder")
