"""A sealed identity is the signed one and is there for its openers; no false age is proven by a range."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

import pytest

from idverify.crypto.bls12_381 import scalar_of
from idverify.crypto.threshold_elgamal import SEAL_SIZE, WITNESS, decode_key, decode_seal, part_of, point_of, unseal
from idverify.errors import BadMessage, BadSignature, CannotAnswer, IdverifyError, NotProven, TooYoung
from idverify.formats.strict_json import decode_base64url, encode_base64url, read_object, write_json
from idverify.scheme import Challenge, Json, Person, Question
from idverify.schemes.bbs_any_age import FIRST_DAY, AnyAgeHolder, BbsAnyAge, day_number, latest_birth
from idverify.schemes.bbs_escrow import OPENERS, BbsEscrow, EscrowHolder, _Sealed

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

Staged: TypeAlias = "Callable[[str], Stage]"
REFUSED = (BadMessage, NotProven, CannotAnswer)


def changed(message: bytes, **members: Json) -> bytes:
    return write_json({**read_object(message), **members})


def parts_of(message: bytes) -> list[bytes]:
    listed = read_object(message)["parts"]
    assert isinstance(listed, list)
    return [decode_base64url(str(part)) for part in listed]


# --- bbs_escrow


@pytest.fixture
def escrow(staged: Staged) -> Stage:
    return staged("bbs_escrow")


def test_a_quorum_finds_the_person_in_what_the_platform_keeps(adult: Person) -> None:
    from tests.schemes.conftest import Stage

    dealt = BbsEscrow().deal()
    stage = Stage(BbsEscrow(), BbsEscrow().issuer(dealt.secret, name="https://id.example"))
    sealed = str(stage.verify(adult, stage.ask()).claims["sealed"])
    key = decode_key(dealt.openers_key)
    name, _, text = sealed.partition(".")
    assert name == key.id
    seal = decode_seal(decode_base64url(text))
    shares = list(dealt.shares.values())
    parts = {i: part_of(shares[i - 1], i, seal, context=b"entry 1") for i in (1, 3)}
    parts[WITNESS] = part_of(dealt.witness, WITNESS, seal, context=b"entry 1")
    assert unseal(key, seal, parts, context=b"entry 1") == point_of(int(adult.id_number))


def test_two_platforms_and_two_visits_get_seals_with_nothing_in_common(escrow: Stage, adult: Person) -> None:
    first, second = (str(escrow.verify(adult, escrow.ask()).claims["sealed"]) for _ in range(2))
    assert first.partition(".")[0] == second.partition(".")[0]
    assert first != second


def test_a_presentation_without_a_seal_or_with_two_is_refused(escrow: Stage, adult: Person) -> None:
    ask = escrow.ask()
    shown = escrow.show(adult, ask)
    [part] = parts_of(shown)
    bare = {name: value for name, value in read_object(shown).items() if name != "parts"}
    for wrong in (write_json(bare), changed(shown, parts=[]), changed(shown, parts=[encode_base64url(part)] * 2)):
        with pytest.raises(REFUSED):
            escrow.verifier.verify(wrong, ask)


def test_the_seal_of_somebody_else_is_refused(escrow: Stage, adult: Person, child: Person) -> None:
    ask = escrow.ask(over=None)
    own, other = escrow.show(adult, ask), escrow.show(child, ask)
    mine, theirs = parts_of(own)[0], parts_of(other)[0]
    for part in (theirs, theirs[:SEAL_SIZE] + mine[SEAL_SIZE:], theirs[:48] + mine[48:]):
        with pytest.raises(REFUSED):
            escrow.verifier.verify(changed(own, parts=[encode_base64url(part)]), ask)


def test_a_wallet_that_seals_another_number_than_the_signed_one_is_refused(
    escrow: Stage, adult: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, credential = escrow.ask(), escrow.credential(adult, escrow.ask())
    begin = _Sealed.__init__
    monkeypatch.setattr(_Sealed, "__init__", lambda self, key, _: begin(self, key, scalar_of(1)))
    with pytest.raises(BadSignature):
        escrow.verifier.verify(EscrowHolder().present(credential, ask), ask)


def test_a_wallet_that_seals_for_other_openers_is_refused(escrow: Stage, adult: Person) -> None:
    ask, credential = escrow.ask(), escrow.credential(adult, escrow.ask())
    stranger = json.loads(escrow.other_issuer().public)["keys"][0]
    body = read_object(credential.body)
    entry = body["key"]
    assert isinstance(entry, Mapping)
    swapped = {**body, "key": {**entry, "openers_key": stranger["openers_key"]}}
    with pytest.raises(BadSignature):
        escrow.verifier.verify(EscrowHolder().present(replace(credential, body=write_json(swapped)), ask), ask)


def test_the_issuer_publishes_who_can_open_and_none_of_their_secrets(escrow: Stage) -> None:
    dealt = BbsEscrow().deal()
    public = BbsEscrow().issuer(dealt.secret, name="https://id.example").public
    assert json.loads(public)["keys"][0]["openers"] == list(OPENERS)
    for secret in (*dealt.shares.values(), dealt.witness):
        for held in (public, dealt.secret):
            assert secret not in held
            assert encode_base64url(secret).encode() not in held


@pytest.mark.parametrize(
    "damage",
    [
        {"openers": None},
        {"openers": ["court"]},
        {"openers": ["court", "ombudsman", ""]},
        {"openers_key": "AAAA"},
        {"openers_key": None},
    ],
)
def test_a_public_key_without_good_openers_is_refused(escrow: Stage, damage: Mapping[str, Json]) -> None:
    document = json.loads(escrow.issuer.public)
    document["keys"][0] |= damage
    with pytest.raises(IdverifyError):
        escrow.scheme.verifier(json.dumps(document).encode())


def test_somebody_without_a_number_of_digits_is_told_so(escrow: Stage, adult: Person) -> None:
    for number in ("", "A123", "٣٤٥", "9" * 40):
        with pytest.raises(CannotAnswer):
            escrow.show(replace(adult, id_number=number), escrow.ask())


# --- bbs_any_age


@pytest.fixture
def any_age(staged: Staged) -> Stage:
    return staged("bbs_any_age")


def ask_over(stage: Stage, over: int, now: datetime) -> Challenge:
    return replace(stage.ask(now=now), question=Question(over=over))


@pytest.mark.parametrize("over", [1, 16, 19, 37, 64, 100])
def test_any_age_is_proven_from_the_birthday_on_and_not_a_day_before(any_age: Stage, adult: Person, over: int) -> None:
    birthday = datetime(2026, 5, 1, 5, tzinfo=timezone.utc)
    person = replace(adult, born=date(2026 - over, 5, 1))
    proven = any_age.verify(person, ask_over(any_age, over, birthday))
    assert proven.claims == {"over": over}
    with pytest.raises(TooYoung):
        any_age.verify(person, ask_over(any_age, over, birthday - timedelta(days=1)))


def test_the_last_birth_day_agrees_with_the_calendar_on_every_day_of_four_years(adult: Person) -> None:
    for over in (1, 16, 18):
        for day in range(0, 4 * 366, 1):
            now = datetime(2027, 1, 1, 5, tzinfo=timezone.utc) + timedelta(days=day)
            last = latest_birth(over, now)
            for born, is_over in ((last, True), (last + 1, False)):
                person = replace(adult, born=FIRST_DAY + timedelta(days=born))
                assert (person.age_at(now) >= over) is is_over


def cheating(any_age: Stage, child: Person, ask: Challenge, *, born: date, age: int | None = None) -> bytes:
    """What a child's wallet sends that tells the range proof another birth day than the signed one."""
    credential = any_age.credential(child, ask_over(any_age, 5, ask.now))

    class Liar(AnyAgeHolder):
        def statements(self, body, told, challenge):  # type: ignore[no-untyped-def]
            return super().statements(body, {"birth_date": born.isoformat()}, challenge)

    shown = Liar().present(credential, ask)
    return shown if age is None else changed(shown, over=age)


def test_a_child_cannot_prove_an_adults_birth_day(any_age: Stage, child: Person) -> None:
    ask = ask_over(any_age, 16, datetime(2026, 5, 1, 5, tzinfo=timezone.utc))
    for born in (date(2010, 5, 1), date(1990, 1, 1), date(1900, 1, 1)):
        with pytest.raises(BadSignature):
            any_age.verifier.verify(cheating(any_age, child, ask, born=born), ask)


def test_a_proof_of_a_low_age_cannot_be_relabelled(any_age: Stage, child: Person) -> None:
    now = datetime(2026, 5, 1, 5, tzinfo=timezone.utc)
    low, high = ask_over(any_age, 5, now), ask_over(any_age, 16, now)
    shown = any_age.show(child, low)
    assert any_age.verifier.verify(shown, low)
    for nonce in (low.nonce, high.nonce):
        with pytest.raises(REFUSED):
            any_age.verifier.verify(changed(shown, over=16, nonce=nonce), replace(high, nonce=nonce))


def test_a_bound_of_the_provers_choice_is_refused(any_age: Stage, child: Person) -> None:
    now = datetime(2026, 5, 1, 5, tzinfo=timezone.utc)
    low, high = ask_over(any_age, 5, now), ask_over(any_age, 16, now)
    part = parts_of(any_age.show(child, low))[0]
    shown = changed(any_age.show(child, low), over=16, nonce=high.nonce)
    for bound in (day_number(child.born), latest_birth(16, now), latest_birth(16, now) + 1, 0, 2**32 - 1):
        lied = changed(shown, parts=[encode_base64url(bound.to_bytes(4) + part[4:])])
        with pytest.raises(REFUSED):
            any_age.verifier.verify(lied, high)


def test_a_wallet_whose_clock_is_a_day_ahead_proves_nothing_early(any_age: Stage, adult: Person) -> None:
    now = datetime(2026, 5, 1, 5, tzinfo=timezone.utc)
    person = replace(adult, born=date(2010, 5, 2))
    ask = ask_over(any_age, 16, now)
    credential = any_age.credential(person, ask)
    with pytest.raises(REFUSED):
        any_age.verifier.verify(AnyAgeHolder().present(credential, replace(ask, now=now + timedelta(days=1))), ask)


def test_a_wallet_whose_clock_is_behind_at_midnight_is_believed(any_age: Stage, adult: Person) -> None:
    midnight = datetime(2026, 5, 1, 17, tzinfo=timezone.utc)
    ask = ask_over(any_age, 16, midnight)
    credential = any_age.credential(adult, ask)
    shown = AnyAgeHolder().present(credential, replace(ask, now=midnight - timedelta(seconds=30)))
    assert any_age.verifier.verify(shown, ask)


def test_the_proof_of_an_age_is_stripped_or_doubled_in_vain(any_age: Stage, adult: Person) -> None:
    ask = any_age.ask()
    shown = any_age.show(adult, ask)
    part = encode_base64url(parts_of(shown)[0])
    bare = {name: value for name, value in read_object(shown).items() if name != "parts"}
    for wrong in (write_json(bare), changed(shown, parts=[part, part]), changed(shown, parts=[])):
        with pytest.raises(REFUSED):
            any_age.verifier.verify(wrong, ask)


@pytest.mark.parametrize("over", [0, 151, 1000])
def test_an_age_that_nobody_has_is_not_asked(any_age: Stage, adult: Person, over: int) -> None:
    ask = any_age.ask()
    credential = any_age.credential(adult, ask)
    with pytest.raises(CannotAnswer):
        any_age.scheme.holder().present(credential, replace(ask, question=Question(over=over)))


def test_the_scheme_says_that_it_is_experimental() -> None:
    assert BbsAnyAge().info.experimental
    assert not BbsAnyAge().info.usual
