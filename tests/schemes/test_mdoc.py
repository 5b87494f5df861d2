"""What only the mdoc schemes promise: batches with nothing in common, days for times, certificates, a status."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

import pytest
from cryptography import x509

from idverify.errors import BadMessage, BadSignature, CannotAnswer, Expired, IdverifyError, Revoked, WrongAudience
from idverify.formats import cbor, cose, jwa, mdoc
from idverify.formats.cbor import Cbor, Embedded
from idverify.formats.mdoc_certificates import make_root, make_signer, read_root
from idverify.formats.strict_json import decode_base64url, encode_base64url
from idverify.scheme import AGES, Asked, Challenge, Credential, Json, Person, Records, Status
from idverify.schemes import SCHEMES
from idverify.schemes._possession import MOST_AT_A_TIME
from idverify.schemes.mdoc import DOC_TYPE, NAMESPACE, Mdoc

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

Staged: TypeAlias = "Callable[[str], Stage]"
OURS = [name for name, scheme in SCHEMES.items() if isinstance(scheme, Mdoc)]
LIST = "https://status.example/lists/1"


@pytest.fixture(params=OURS)
def both(request: pytest.FixtureRequest, staged: Staged) -> Stage:
    return staged(request.param)


def ask_for(stage: Stage, ask: Challenge, count: int) -> Asked:
    return stage.scheme.holder().request(stage.issuer.public, now=ask.now, count=count)


def some(stage: Stage, person: Person, ask: Challenge, count: int) -> list[Credential]:
    asked = ask_for(stage, ask, count)
    numbers = itertools.count(4000)
    records = Records(next_status=lambda: Status(LIST, next(numbers)))
    answer = stage.issuer.issue(person, asked.message, now=ask.now, records=records)
    return list(stage.scheme.holder().accept(asked, answer))


def issued(credential: Credential) -> mdoc.IssuerSigned:
    return mdoc.read_issuer_signed(decode_base64url(credential.body.decode()))


def security_object(credential: Credential) -> Mapping[cbor.Key, Cbor]:
    payload = cose.take(list(issued(credential).auth)).payload
    assert payload is not None
    return cbor.read_map(cbor.embedded(cbor.read(payload), "mso").content)


def leaves(value: Cbor) -> Iterator[object]:
    """Every salt, digest, key, time and name of a document, from within embedded items too."""
    if isinstance(value, Embedded):
        yield from leaves(cbor.read(value.content))
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield key
            yield from leaves(member)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    else:
        yield repr(value)


def test_as_many_come_as_are_asked_for_and_each_is_accepted(both: Stage, adult: Person) -> None:
    ask, holder = both.ask(), both.scheme.holder()
    for count in (1, 2, 30):
        got = some(both, adult, ask, count)
        assert len(got) == count
        for credential in got:
            assert both.verifier.verify(holder.present(credential, ask), ask).claims == {"over": 16}


def test_two_of_a_batch_have_nothing_in_common_that_is_not_everybodys(
    both: Stage, adult: Person, child: Person
) -> None:
    ask = both.ask()
    first, second = some(both, adult, ask, 2)
    other = some(both, replace(child, born=adult.born), ask, 1)[0]
    seen = [
        set(leaves(security_object(each))) | {repr(part) for part in issued(each).auth[2:]} | _salts(each)
        for each in (first, second, other)
    ]
    assert seen[0] & seen[1] <= seen[2]
    assert first.secret != second.secret


def _salts(credential: Credential) -> set[object]:
    items = issued(credential).items[NAMESPACE]
    return set(itertools.chain.from_iterable(leaves(item.received) for item in items))


def test_times_are_days_and_the_life_is_at_most_three_months(both: Stage, adult: Person) -> None:
    for hour in (0, 9, 23):
        ask = both.ask(now=datetime(2026, 11, 30, hour, 59, 59, tzinfo=timezone.utc))
        validity = cbor.a_map(security_object(some(both, adult, ask, 1)[0])["validityInfo"], "validityInfo")
        assert {name: repr(value) for name, value in validity.items()} == {
            "signed": "CBORTag(0, '2026-11-30T00:00:00Z')",
            "validFrom": "CBORTag(0, '2026-11-30T00:00:00Z')",
            "validUntil": "CBORTag(0, '2027-02-28T00:00:00Z')",
        }


@pytest.mark.parametrize("day", [(2025, 12, 31), (2026, 1, 1), (2027, 12, 31), (2028, 2, 29), (2028, 12, 31)])
def test_what_is_issued_on_any_day_is_good_for_ninety_days(
    both: Stage, adult: Person, day: tuple[int, int, int]
) -> None:
    ask = both.ask(now=datetime(*day, 23, 59, 50, tzinfo=timezone.utc))
    credential = some(both, adult, ask, 1)[0]
    last = replace(ask, now=datetime(*day, tzinfo=timezone.utc) + timedelta(days=90, seconds=-1))
    assert both.verifier.verify(both.scheme.holder().present(credential, last), last)
    over = replace(last, now=last.now + timedelta(minutes=1))
    with pytest.raises(Expired):
        both.verifier.verify(both.scheme.holder().present(credential, over), over)


def test_each_document_has_a_status_entry_of_its_own_where_a_list_is_kept(both: Stage, adult: Person) -> None:
    ask = both.ask()
    first, second = (security_object(each)["status"] for each in some(both, adult, ask, 2))
    assert first == {"status_list": {"idx": 4000, "uri": LIST}}
    assert second == {"status_list": {"idx": 4001, "uri": LIST}}
    assert "status" not in security_object(both.credential(adult, ask))


def test_a_document_shows_the_age_that_is_asked_and_no_other(both: Stage, adult: Person) -> None:
    ask = both.ask()
    credential = both.credential(adult, ask)
    assert {item.name for item in issued(credential).items[NAMESPACE]} == {f"age_over_{age}" for age in AGES}
    for over, names in ((16, ["age_over_16"]), (None, [])):
        shown = json.dumps(both.scheme.read(both.scheme.holder().present(credential, both.ask(over=over))))
        assert [age for age in AGES if f"age_over_{age}" in shown] == [
            age for age in AGES if f"age_over_{age}" in names
        ]
    with pytest.raises(CannotAnswer, match=", ".join(map(str, AGES))):
        both.scheme.holder().present(credential, both.ask(over=19))


@pytest.mark.parametrize("count", [0, -1, MOST_AT_A_TIME + 1])
def test_a_number_that_no_answer_holds_is_refused_by_the_wallet(both: Stage, count: int) -> None:
    with pytest.raises(CannotAnswer, match=str(MOST_AT_A_TIME)):
        ask_for(both, both.ask(), count)


def test_the_largest_batch_is_answered_and_a_larger_one_is_not(staged: Staged, adult: Person) -> None:
    stage, ask = staged("mdoc_batch"), staged("mdoc_batch").ask()
    assert len(some(stage, adult, ask, MOST_AT_A_TIME)) == MOST_AT_A_TIME
    proofs = [json.loads(ask_for(stage, ask, n).message)["proofs"]["jwt"] for n in (MOST_AT_A_TIME, 2)]
    more = json.dumps({"proofs": {"jwt": proofs[0] + proofs[1][:1]}}).encode()
    with pytest.raises(BadMessage):
        stage.issuer.issue(adult, more, now=ask.now)


def test_one_bad_proof_refuses_the_whole_request(both: Stage, adult: Person) -> None:
    ask = both.ask()
    proofs = json.loads(ask_for(both, ask, 3).message)["proofs"]["jwt"]
    foreign = both.scheme.issuer(both.scheme.new_secret(), name="https://other.example")
    elsewhere = both.scheme.holder().request(foreign.public, now=ask.now).message.decode()
    head, body, _ = proofs[1].split(".")
    wrong: list[tuple[Json, type[IdverifyError]]] = [
        (f"{head}.{body}.{proofs[0].split('.')[2]}", BadSignature),
        (elsewhere, WrongAudience),
        (proofs[0], BadMessage),
        ("", BadMessage),
        (None, BadMessage),
    ]
    for bad, error in wrong:
        message = json.dumps({"proofs": {"jwt": [proofs[0], bad, proofs[2]]}}).encode()
        with pytest.raises(error):
            both.issuer.issue(adult, message, now=ask.now)


def test_an_old_proof_is_refused(both: Stage, adult: Person) -> None:
    ask = both.ask()
    asked = ask_for(both, ask, 1)
    with pytest.raises(Expired):
        both.issuer.issue(adult, asked.message, now=ask.now + timedelta(seconds=331))
    with pytest.raises(Expired):
        both.issuer.issue(adult, asked.message, now=ask.now - timedelta(seconds=31))


def test_an_answer_with_another_number_order_or_key_is_refused_by_the_wallet(both: Stage, adult: Person) -> None:
    ask, holder = both.ask(), both.scheme.holder()
    asked = ask_for(both, ask, 3)
    good = json.loads(both.issuer.issue(adult, asked.message, now=ask.now))["credentials"]
    assert len(holder.accept(asked, json.dumps({"credentials": good}).encode())) == 3
    wrong: list[Json] = [
        {"credentials": good[:2]},
        {"credentials": [*good, good[0]]},
        {"credentials": [good[0], good[0], good[2]]},
        {"credentials": [good[1], good[0], good[2]]},
        {"credentials": [each["credential"] for each in good]},
        {"credentials": []},
        {"credentials": good, "notification_id": "x"},
    ]
    for each in wrong:
        with pytest.raises(BadMessage):
            holder.accept(asked, json.dumps(each).encode())
    with pytest.raises(BadMessage):
        holder.accept(asked, good[0]["credential"].encode())


def forged(stage: Stage, ask: Challenge, **changed: object) -> tuple[bytes, bytes]:
    """A truly signed document of an issuer of one's own with other contents, and that issuer's public document."""
    secret = stage.scheme.new_secret()
    issuer = stage.scheme.issuer(secret, name="https://id.example")
    device = jwa.ES256.new_key()
    today = datetime(2026, 1, 1, tzinfo=timezone.utc)
    values = {
        "elements": {"age_over_16": True},
        "valid_until": today + timedelta(days=90),
        "status": None,
        "doc_type": DOC_TYPE,
        "namespace": NAMESPACE,
    } | changed
    document = mdoc.issue(
        str(values["doc_type"]),
        {str(values["namespace"]): values["elements"]},  # type: ignore[dict-item]
        device_key=device.public_key(),
        key=issuer.key,  # type: ignore[attr-defined]
        chain=[issuer.certificate(2026)],  # type: ignore[attr-defined]
        valid_from=today,
        valid_until=values["valid_until"],  # type: ignore[arg-type]
        status=values["status"],  # type: ignore[arg-type]
    )
    credential = Credential(encode_base64url(document).encode(), jwa.write_private(device))
    return stage.scheme.holder().present(credential, ask), issuer.public


def test_a_truly_signed_document_is_accepted_and_may_have_other_elements(both: Stage) -> None:
    ask = both.ask()
    shown, public = forged(both, ask, elements={"age_over_16": True, "age_in_years": 35})
    assert both.scheme.verifier(public).verify(shown, ask).claims == {"over": 16}


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"elements": {"age_over_16": 1}}, CannotAnswer),
        ({"elements": {"age_over_16": "true"}}, CannotAnswer),
        ({"elements": {"age_over_16": None}}, CannotAnswer),
        ({"elements": {"age_over_18": True}}, CannotAnswer),
        ({"elements": {"AGE_OVER_16": True}}, CannotAnswer),
        ({"namespace": "org.iso.18013.5.1"}, CannotAnswer),
        ({"doc_type": "org.iso.18013.5.1.mDL"}, CannotAnswer),
        ({"valid_until": datetime(2026, 4, 4, tzinfo=timezone.utc)}, BadMessage),
        ({"status": {}}, BadMessage),
        ({"status": []}, BadMessage),
        ({"status": {"status_list": {"idx": -1, "uri": LIST}}}, BadMessage),
        ({"status": {"status_list": {"idx": True, "uri": LIST}}}, BadMessage),
        ({"status": {"status_list": {"idx": b"1", "uri": LIST}}}, BadMessage),
        ({"status": {"status_list": {"idx": 1, "uri": "file:///etc/hostname"}}}, BadMessage),
        ({"status": {"status_list": {"idx": 1}}}, BadMessage),
    ],
    ids=repr,
)
def test_a_truly_signed_document_that_says_something_else_is_refused(
    both: Stage, changed: dict[str, object], error: type[IdverifyError]
) -> None:
    ask = both.ask()
    shown, public = forged(both, ask, **changed)
    with pytest.raises(error):
        both.scheme.verifier(public).verify(shown, ask)


def test_a_status_is_asked_for_wherever_a_document_has_one(both: Stage) -> None:
    ask = both.ask()
    shown, public = forged(both, ask, status={"status_list": {"idx": 7, "uri": LIST}})
    with pytest.raises(Revoked):
        both.scheme.verifier(public, revoked=lambda status: status == Status(LIST, 7)).verify(shown, ask)


@pytest.mark.parametrize("member", ["audience", "nonce", "device_response"])
@pytest.mark.parametrize("value", [None, "", 1, [], ...])
def test_a_presentation_of_another_form_is_refused(both: Stage, adult: Person, member: str, value: object) -> None:
    ask = both.ask()
    message = json.loads(both.show(adult, ask))
    changed = {name: other for name, other in (message | {member: value}).items() if other is not ...}
    for wrong in (changed, message | {"more": 1}):
        with pytest.raises(BadMessage):
            both.verifier.verify(json.dumps(wrong).encode(), ask)


def test_the_device_signs_the_platform_and_the_question_and_not_only_the_wrapping(both: Stage, adult: Person) -> None:
    ask = both.ask()
    for other in (
        replace(ask, audience="https://video.example"),
        replace(ask, nonce="n" * 22),
        replace(ask, reply_to="https://video.example/reply"),
    ):
        message = json.loads(both.show(adult, other)) | {"audience": ask.audience, "nonce": ask.nonce}
        with pytest.raises(BadSignature):
            both.verifier.verify(json.dumps(message).encode(), ask)


def test_a_response_that_another_protocol_carried_is_checked_with_its_session(both: Stage, adult: Person) -> None:
    ask = both.ask()
    session = mdoc.openid4vp_transcript(
        client_id="x509_hash:abc", nonce=ask.nonce, response_uri=ask.reply_to, jwk_thumbprint=b"t" * 32
    )
    credential = both.credential(adult, ask)
    response = mdoc.respond(
        issued(credential),
        lambda _, name: name == "age_over_16",
        doc_type=DOC_TYPE,
        key=jwa.read_private(credential.secret, jwa.ES256),
        transcript=session,
    )
    scheme = both.scheme
    assert isinstance(scheme, Mdoc)
    verifier = scheme.verifier(both.issuer.public)
    assert verifier.verify_response(response, ask, transcript=session).claims == {"over": 16}
    with pytest.raises(BadSignature):
        verifier.verify_response(response, ask, transcript=mdoc.openid4vp_transcript(
            client_id="x509_hash:abc", nonce=ask.nonce, response_uri=ask.reply_to))  # fmt: skip


def test_certificates_follow_from_secret_name_and_year(both: Stage) -> None:
    secret = both.scheme.new_secret()
    issuers = [both.scheme.issuer(secret, name="https://id.example") for _ in range(2)]
    assert issuers[0].certificate(2026) == issuers[1].certificate(2026) != issuers[0].certificate(2027)  # type: ignore[attr-defined]
    other = both.scheme.issuer(secret, name="https://other.example")
    assert other.public != issuers[0].public
    certificate = x509.load_der_x509_certificate(issuers[0].certificate(2026))  # type: ignore[attr-defined]
    assert "C=VN" in certificate.issuer.rfc4514_string()
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=457)


def test_a_name_that_no_certificate_can_hold_is_refused() -> None:
    key = jwa.ES256.new_key()
    with pytest.raises(BadMessage):
        make_root(key, name="https://người.example")  # type: ignore[arg-type]
    assert read_root(make_root(key, name="https://id.example")) != read_root(make_root(key, name="https://b.example"))  # type: ignore[arg-type]


def test_a_public_document_with_a_wrong_key_is_refused(both: Stage) -> None:
    key = json.loads(both.issuer.public)["keys"][0]
    other = json.loads(both.other_issuer().public)["keys"][0]
    root, signer = (jwa.ES256.new_key() for _ in range(2))
    leaf = make_signer(root, signer.public_key(), name="https://id.example", year=2026)  # type: ignore[arg-type]
    wrong: list[Json] = [
        None,
        {name: value for name, value in key.items() if name != "x5c"},
        key | {"x5c": []},
        key | {"x5c": key["x5c"] * 2},
        key | {"x5c": ["AAAA"]},
        key | {"x5c": ["!" + key["x5c"][0]]},
        key | {"x5c": other["x5c"]},
        key | {"x5c": [encode_base64url(leaf)]},
        key | {"kty": "RSA"},
    ]
    for each in wrong:
        with pytest.raises(BadMessage):
            both.scheme.verifier(json.dumps({"issuer": "https://id.example", "keys": [each]}).encode())
    empty: tuple[Json, ...] = ([], {}, None)
    for keys in empty:
        with pytest.raises(BadMessage):
            both.scheme.verifier(json.dumps({"issuer": "https://id.example", "keys": keys}).encode())


def test_a_secret_that_is_not_two_keys_is_refused(both: Stage) -> None:
    good = both.scheme.new_secret()
    for wrong in (
        b"",
        good[:-1],
        good * 2,
        good + b"x",
        good.split(b"-----END")[0],
        jwa.write_private(jwa.ES256.new_key()),
    ):
        with pytest.raises(BadMessage):
            both.scheme.issuer(wrong, name="https://id.example")


def test_reading_shows_what_is_nested_in_a_document(both: Stage, adult: Person) -> None:
    shown = json.dumps(both.scheme.read(both.show(adult, both.ask())))
    for part in (
        "deviceSignature",
        "valueDigests",
        "digestAlgorithm",
        "age_over_16",
        "elementValue",
        "document signer",
        "C=VN",
    ):
        assert part in shown
