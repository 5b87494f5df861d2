"""bbs: what a cheating holder, issuer or platform tries, and that one account is one person."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from idverify.crypto.bbs_blind import core_commit
from idverify.crypto.bbs_parts import PowerProver
from idverify.crypto.bls12_381 import ORDER, random_scalar
from idverify.errors import (
    BadMessage,
    BadSignature,
    CannotAnswer,
    Conflict,
    Expired,
    IdverifyError,
    NotProven,
    TooYoung,
    UnknownKey,
    WrongAudience,
    WrongNonce,
)
from idverify.formats.strict_json import decode_base64url, encode_base64url
from idverify.scheme import (
    AGES,
    Asked,
    Challenge,
    Credential,
    Json,
    ManyVerifier,
    Person,
    Proven,
    Question,
    Records,
)
from idverify.schemes import _bbs_form
from idverify.schemes._bbs import TAG
from idverify.schemes.bbs import FORM

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

REFUSED = (BadMessage, NotProven, CannotAnswer)
INFINITE = b"\xc0" + bytes(47)
EPOCH = timedelta(seconds=_bbs_form.EPOCH)
SEED = b"s" * 32


@pytest.fixture
def bbs(staged: Callable[[str], Stage]) -> Stage:
    return staged("bbs")


@pytest.fixture
def other(adult: Person) -> Person:
    return replace(adult, id_number="901090000009", name="Người Khác")


def changed(shown: bytes, **members: Json) -> bytes:
    return json.dumps(json.loads(shown) | members).encode()


def edited(shown: bytes, name: str, at: int, octets: bytes) -> bytes:
    """The message with some octets of a base64url member replaced."""
    whole = decode_base64url(json.loads(shown)[name])
    return changed(shown, **{name: encode_base64url(whole[:at] + octets + whole[at + len(octets) :])})


def enrol(stage: Stage, person: Person, records: Records, *, seed: bytes = SEED) -> tuple[Asked, bytes]:
    asked = stage.scheme.holder().request(stage.issuer.public, now=stage.ask().now, seed=seed)
    return asked, stage.issuer.issue(person, asked.message, now=stage.ask().now, records=records)


def enrolled(stage: Stage, person: Person, records: Records, *, seed: bytes = SEED) -> Credential:
    return stage.scheme.holder().accept(*enrol(stage, person, records, seed=seed))[0]


def pseudonym(stage: Stage, credential: Credential, ask: Challenge) -> str:
    found = stage.verifier.verify(stage.scheme.holder().present(credential, ask), ask).pseudonym
    assert found
    return found


# One account per person


def test_a_person_who_enrols_again_keeps_the_pseudonym(bbs: Stage, adult: Person) -> None:
    records = Records()
    first = pseudonym(bbs, enrolled(bbs, adult, records), bbs.ask())
    tag = records.tag
    assert pseudonym(bbs, enrolled(bbs, adult, records), bbs.ask()) == first
    assert records.tag == tag
    assert len(tag) == 80


def test_a_person_who_enrols_with_another_secret_is_refused_and_told_what_to_do(bbs: Stage, adult: Person) -> None:
    records = Records()
    enrolled(bbs, adult, records)
    tag = records.tag
    with pytest.raises(Conflict) as refused:
        enrol(bbs, adult, records, seed=b"t" * 32)
    assert "seed" in refused.value.hint
    assert records.tag == tag


def test_a_pseudonym_survives_the_rotation_of_the_issuers_key(bbs: Stage, adult: Person) -> None:
    records, newer = Records(), replace(bbs, issuer=bbs.other_issuer())
    first = pseudonym(bbs, enrolled(bbs, adult, records), bbs.ask())
    assert pseudonym(newer, enrolled(newer, adult, records), newer.ask()) == first


def test_a_secret_that_somebody_else_uses_too_makes_nobody_the_same(bbs: Stage, adult: Person, other: Person) -> None:
    mine, theirs = Records(), Records()
    ask = bbs.ask()
    first, second = (enrolled(bbs, who, records) for who, records in ((adult, mine), (other, theirs)))
    assert mine.tag[:48] == theirs.tag[:48]
    assert pseudonym(bbs, first, ask) != pseudonym(bbs, second, ask)


def test_a_request_that_somebody_else_sends_again_gives_nothing_to_show(
    bbs: Stage, adult: Person, other: Person
) -> None:
    asked, _ = enrol(bbs, adult, Records())
    stolen = bbs.issuer.issue(other, asked.message, now=bbs.ask().now, records=Records())
    own = bbs.scheme.holder().request(bbs.issuer.public, now=bbs.ask().now, seed=b"o" * 32)
    with pytest.raises(BadSignature):
        bbs.scheme.holder().accept(own, stolen)


def test_a_commitment_to_another_secret_than_the_tags_is_refused(bbs: Stage, adult: Person) -> None:
    base = FORM.tag_base("https://id.example")
    mine, lie = random_scalar(), random_scalar()
    asked = json.loads(enrol(bbs, adult, Records())[0].message)
    honest = PowerProver(TAG, base, 0, mine)
    for committed, tag in (
        (core_commit(FORM.interface, [lie], parts=[honest]), honest),
        (core_commit(FORM.interface, [mine]), honest),
        (core_commit(FORM.interface, [mine], parts=[PowerProver(b"other", base, 0, mine)]), honest),
    ):
        request = asked | {
            "commitment": encode_base64url(committed.octets),
            "tag": encode_base64url(tag.point.to_compressed_bytes()),
        }
        with pytest.raises(BadSignature):
            bbs.issuer.issue(adult, json.dumps(request).encode(), now=bbs.ask().now, records=Records())
    two = core_commit(FORM.interface, [mine, lie], parts=[honest])
    with pytest.raises(BadMessage, match="not to 1"):
        bbs.issuer.issue(
            adult,
            json.dumps(asked | {"commitment": encode_base64url(two.octets)}).encode(),
            now=bbs.ask().now,
        )


def test_a_reused_tag_with_another_commitment_is_refused(bbs: Stage, adult: Person) -> None:
    records = Records()
    first, _ = enrol(bbs, adult, records)
    second = bbs.scheme.holder().request(bbs.issuer.public, now=bbs.ask().now, seed=b"t" * 32)
    mixed = changed(second.message, tag=json.loads(first.message)["tag"])
    with pytest.raises(BadSignature):
        bbs.issuer.issue(adult, mixed, now=bbs.ask().now, records=records)


def test_a_tag_made_for_another_issuer_is_refused(bbs: Stage, adult: Person) -> None:
    elsewhere = bbs.scheme.issuer(bbs.scheme.new_secret(), name="https://elsewhere.example")
    asked = bbs.scheme.holder().request(elsewhere.public, now=bbs.ask().now, seed=SEED)
    here = changed(asked.message, kid=json.loads(bbs.issuer.public)["keys"][0]["kid"])
    with pytest.raises(BadSignature):
        bbs.issuer.issue(adult, here, now=bbs.ask().now)


@pytest.mark.parametrize("octets", [INFINITE, b"\xe0" + bytes(47), b"\xff" * 48, bytes(48)])
@pytest.mark.parametrize("name", ["tag", "commitment"])
def test_a_request_with_a_point_at_infinity_is_refused(bbs: Stage, adult: Person, name: str, octets: bytes) -> None:
    asked, _ = enrol(bbs, adult, Records())
    with pytest.raises(BadMessage):
        bbs.issuer.issue(adult, edited(asked.message, name, 0, octets), now=bbs.ask().now)


def test_a_seed_has_one_length(bbs: Stage) -> None:
    for seed in (b"short", bytes(33)):
        with pytest.raises(BadMessage):
            bbs.scheme.holder().request(bbs.issuer.public, now=bbs.ask().now, seed=seed)


# Presentations


def test_another_platform_knows_another_pseudonym(bbs: Stage, adult: Person) -> None:
    credential = enrolled(bbs, adult, Records())
    here, there = bbs.ask(), replace(bbs.ask(), audience="https://video.example")
    assert pseudonym(bbs, credential, here) != pseudonym(bbs, credential, there)


def test_the_pseudonym_follows_the_audience_and_nothing_else_of_the_request(bbs: Stage, adult: Person) -> None:
    credential = enrolled(bbs, adult, Records())
    asks = [bbs.ask(), bbs.ask(over=18), replace(bbs.ask(), reply_to="https://evil.example"), bbs.ask(over=None)]
    assert len({pseudonym(bbs, credential, ask) for ask in asks}) == 1


def test_each_member_of_a_presentation_is_covered_by_the_proof(bbs: Stage, adult: Person, other: Person) -> None:
    credential = enrolled(bbs, adult, Records())
    ask, there = bbs.ask(), replace(bbs.ask(), audience="https://video.example")
    holder, verifier = bbs.scheme.holder(), bbs.verifier
    shown = holder.present(credential, ask)
    epoch = json.loads(shown)["epoch"]
    elsewhere = json.loads(holder.present(credential, there))
    somebody = json.loads(holder.present(enrolled(bbs, other, Records(), seed=b"o" * 32), ask))
    kid = json.loads(bbs.other_issuer().public)["keys"][0]["kid"]
    for forged, error in (
        (changed(shown, pseudonym=elsewhere["pseudonym"]), BadSignature),
        (changed(shown, pseudonym=somebody["pseudonym"]), BadSignature),
        (changed(shown, proof=somebody["proof"]), BadSignature),
        (changed(shown, epoch=epoch - 1), BadSignature),
        (changed(shown, epoch=epoch - 2), Expired),
        (changed(shown, epoch=epoch + 1), Expired),
        (changed(shown, over=18), BadSignature),
        (changed(shown, over=13), TooYoung),
        (changed(shown, over=19), CannotAnswer),
        (changed(shown, over=None), CannotAnswer),
        (changed(shown, over=True), BadMessage),
        (changed(shown, over="16"), BadMessage),
        (changed(shown, audience="https://video.example"), WrongAudience),
        (changed(shown, nonce=secrets.token_urlsafe(16)), WrongNonce),
        (changed(shown, kid=kid), UnknownKey),
        (changed(shown, more=1), BadMessage),
        (changed(shown, parts=[]), BadMessage),
        (changed(shown, parts=["AAAA"]), BadMessage),
        (json.dumps({k: v for k, v in json.loads(shown).items() if k != "epoch"}).encode(), BadMessage),
    ):
        with pytest.raises(error):
            verifier.verify(forged, ask)
    for audience, nonce in (("https://video.example", ask.nonce), (ask.audience, secrets.token_urlsafe(16))):
        moved = replace(ask, audience=audience, nonce=nonce)
        with pytest.raises(BadSignature):
            verifier.verify(changed(shown, audience=audience, nonce=nonce), moved)


def test_the_pseudonym_of_one_platform_is_worth_nothing_at_another(bbs: Stage, adult: Person) -> None:
    credential = enrolled(bbs, adult, Records())
    here, there = bbs.ask(), replace(bbs.ask(), audience="https://video.example")
    shown = bbs.scheme.holder().present(credential, there)
    mine = json.loads(bbs.scheme.holder().present(credential, here))["pseudonym"]
    with pytest.raises(BadSignature):
        bbs.verifier.verify(changed(shown, pseudonym=mine), there)


def test_points_at_infinity_and_scalars_out_of_range_are_refused(bbs: Stage, adult: Person) -> None:
    ask = bbs.ask()
    shown = bbs.scheme.holder().present(enrolled(bbs, adult, Records()), ask)
    size = len(decode_base64url(json.loads(shown)["proof"]))
    forged = [edited(shown, "pseudonym", 0, octets) for octets in (INFINITE, b"\xff" * 48, bytes(48))]
    forged += [edited(shown, "proof", at, INFINITE) for at in (0, 48, 96)]
    for number in (0, ORDER, 2**256 - 1):
        forged += [edited(shown, "proof", at, number.to_bytes(32)) for at in range(144, size, 32)]
    for message in forged:
        with pytest.raises(BadMessage):
            bbs.verifier.verify(message, ask)


def test_a_proof_that_hides_more_or_fewer_messages_is_refused(bbs: Stage, adult: Person) -> None:
    ask = bbs.ask()
    shown = bbs.scheme.holder().present(enrolled(bbs, adult, Records()), ask)
    proof = decode_base64url(json.loads(shown)["proof"])
    for other in (proof[:-32], proof + proof[-32:], proof[:-1], proof[:144], b"", proof * 20):
        with pytest.raises(BadMessage):
            bbs.verifier.verify(changed(shown, proof=encode_base64url(other)), ask)


def test_a_hidden_age_is_not_proven_by_saying_so(bbs: Stage, child: Person) -> None:
    credential = enrolled(bbs, child, Records())
    with pytest.raises(TooYoung):
        bbs.scheme.holder().present(credential, bbs.ask(over=16))
    body = json.loads(credential.body)
    liar = Credential(json.dumps(body | {"over": 21}).encode(), credential.secret)
    ask = bbs.ask(over=16)
    with pytest.raises(BadSignature):
        bbs.verifier.verify(bbs.scheme.holder().present(liar, ask), ask)


def test_a_fuzzed_presentation_brings_out_only_our_errors(bbs: Stage, adult: Person) -> None:
    ask = bbs.ask()
    shown = bytearray(bbs.scheme.holder().present(enrolled(bbs, adult, Records()), ask))
    for _ in range(300):
        fuzzed = bytearray(shown)
        for _ in range(1 + secrets.randbelow(4)):
            fuzzed[secrets.randbelow(len(fuzzed))] = secrets.randbelow(256)
        if fuzzed != shown:
            with pytest.raises(REFUSED):
                bbs.verifier.verify(bytes(fuzzed), ask)


# Epochs


def test_a_credential_lasts_to_the_end_of_the_next_epoch(bbs: Stage, adult: Person) -> None:
    credential = enrolled(bbs, adult, Records())
    ask = bbs.ask()
    start = ask.now - timedelta(seconds=ask.now.timestamp() % _bbs_form.EPOCH)
    for after, good in ((timedelta(), True), (2 * EPOCH - timedelta(seconds=1), True), (2 * EPOCH, False)):
        late = replace(ask, now=start + after)
        if good:
            assert bbs.verifier.verify(bbs.scheme.holder().present(credential, late), late)
        else:
            with pytest.raises(CannotAnswer):
                bbs.scheme.holder().present(credential, late)
            old = bbs.scheme.holder().present(credential, ask)
            with pytest.raises(Expired):
                bbs.verifier.verify(old, replace(ask, now=late.now))


def test_headers_of_an_epoch_are_the_same_for_everybody(bbs: Stage, adult: Person, other: Person) -> None:
    seen = set()
    for person, hours in ((adult, 0), (other, 5), (adult, 40)):
        asked = bbs.scheme.holder().request(bbs.issuer.public, now=bbs.ask().now)
        at = bbs.ask().now + timedelta(hours=hours)
        answer = json.loads(bbs.issuer.issue(person, asked.message, now=at))
        seen.add((answer["epoch"], answer["kid"], answer["over"]))
    assert len(seen) == 1


# What a wallet refuses


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epoch", 7),
        ("over", 15),
        ("over", 19),
        ("over", True),
        ("kid", "A" * 43),
        ("entropy", encode_base64url(bytes(32))),
        ("entropy", encode_base64url(b"\1" * 32)),
        ("signature", encode_base64url(INFINITE + b"\1" * 32)),
        ("signature", ""),
        ("more", "a mark"),
    ],
)
def test_a_wallet_checks_every_member_of_the_answer(bbs: Stage, adult: Person, name: str, value: Json) -> None:
    asked, answer = enrol(bbs, adult, Records())
    with pytest.raises(REFUSED):
        bbs.scheme.holder().accept(asked, changed(answer, **{name: value}))


def test_a_wallet_refuses_an_epoch_of_its_own(bbs: Stage, adult: Person) -> None:
    asked, _ = enrol(bbs, adult, Records())
    for epochs, good in ((-1, False), (1, True), (2, False)):
        answer = bbs.issuer.issue(adult, asked.message, now=bbs.ask().now + epochs * EPOCH)
        try:
            bbs.scheme.holder().accept(asked, answer)
        except BadMessage:
            assert not good
        else:
            assert good


def test_a_wallet_refuses_a_platform_that_asks_for_an_age_that_nobody_attests(bbs: Stage, adult: Person) -> None:
    credential = enrolled(bbs, adult, Records())
    for over in sorted(set(range(10, 25)) - set(AGES)):
        with pytest.raises(CannotAnswer):
            bbs.scheme.holder().present(credential, replace(bbs.ask(), question=Question(over=over)))


def test_every_attested_age_can_be_proven_alone(bbs: Stage, born: Callable[[date], Person]) -> None:
    credential = enrolled(bbs, born(date(2008, 6, 1)), Records())  # 17 years old
    for over in AGES:
        ask = bbs.ask(over=over)
        if over <= 17:
            claims = bbs.verifier.verify(bbs.scheme.holder().present(credential, ask), ask).claims
            assert claims == {"over": over}
        else:
            with pytest.raises(TooYoung):
                bbs.scheme.holder().present(credential, ask)


@pytest.mark.parametrize("change", [{"alg": "ES256"}, {"kid": "x"}, {"public": "AA"}, {"public": "wA" + "A" * 126}])
def test_a_public_document_with_a_wrong_key_is_refused(bbs: Stage, change: dict[str, Json]) -> None:
    document = json.loads(bbs.issuer.public)
    document["keys"][0] |= change
    with pytest.raises(BadMessage):
        bbs.scheme.verifier(json.dumps(document).encode())


# Many at once


def many(stage: Stage) -> ManyVerifier:
    verifier = stage.verifier
    assert isinstance(verifier, ManyVerifier)
    return verifier


def test_many_are_verified_as_one_after_the_other_would_be(bbs: Stage, adult: Person, other: Person) -> None:
    credentials = [enrolled(bbs, adult, Records()), enrolled(bbs, other, Records(), seed=b"o" * 32)]
    asks = [bbs.ask() for _ in range(6)]
    shown = [(bbs.scheme.holder().present(credentials[i % 2], ask), ask) for i, ask in enumerate(asks)]
    shown[2] = (b"garbage", asks[2])
    shown[4] = (shown[4][0], asks[5])
    results = many(bbs).verify_many(shown)
    for (presentation, ask), result in zip(shown, results, strict=True):
        try:
            expected: Proven | IdverifyError = bbs.verifier.verify(presentation, ask)
        except IdverifyError as error:
            expected = error
        assert type(result) is type(expected)
        assert isinstance(expected, IdverifyError) or result == expected
    assert many(bbs).verify_many([]) == []


def forged(stage: Stage, ask: Challenge) -> bytes:
    """A proof without a signature that passes all but the pairing: A is any point."""
    credential = enrolled(stage, Person("901090000001", "A", date(1990, 5, 1), "male", "Huế"), Records())
    body = json.loads(credential.body)
    signature = decode_base64url(body["signature"])
    other = decode_base64url(json.loads(enrol(stage, _somebody(), Records())[1])["signature"])
    body["signature"] = encode_base64url(other[:48] + signature[48:])
    return stage.scheme.holder().present(Credential(json.dumps(body).encode(), credential.secret), ask)


def _somebody() -> Person:
    return Person("901090000002", "B", date(1990, 5, 1), "male", "Huế")


def test_one_bad_proof_among_128_refuses_only_itself(bbs: Stage, adult: Person) -> None:
    ask, verifier = bbs.ask(), many(bbs)
    good, bad = bbs.scheme.holder().present(enrolled(bbs, adult, Records()), ask), forged(bbs, ask)
    with pytest.raises(BadSignature):
        bbs.verifier.verify(bad, ask)
    results = verifier.verify_many([(bad if number == 99 else good, ask) for number in range(128)])
    assert [number for number, result in enumerate(results) if isinstance(result, IdverifyError)] == [99]
    assert isinstance(results[99], BadSignature)
