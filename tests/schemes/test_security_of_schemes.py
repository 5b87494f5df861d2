"""What only one scheme can get wrong: proofs of possession, attested ages, declared dates, blind requests."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from idverify.errors import (
    BadMessage,
    BadSignature,
    CannotAnswer,
    Expired,
    IdverifyError,
    NotProven,
    Revoked,
    TooYoung,
    UnknownKey,
    UntrustedIssuer,
    WrongAudience,
)
from idverify.formats import card_scan, jose, jwa, sd_jwt
from idverify.formats import privacy_pass as wire
from idverify.formats.card_scan import Card
from idverify.formats.sd_jwt import Claims, Hidden
from idverify.formats.strict_json import encode_base64url
from idverify.scheme import AGES, Challenge, Json, Person, Question, Records, Status
from idverify.schemes import real_name
from idverify.schemes._public import SigningKey, load_secret, write_public
from idverify.schemes.document_upload import DocumentUpload
from idverify.schemes.privacy_pass import PrivacyPass
from idverify.schemes.real_name import RealName, hashed_id
from idverify.schemes.sd_jwt_vc import VCT, SdJwtVc
from idverify.schemes.self_declared import SelfDeclared

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

Staged: TypeAlias = "Callable[[str], Stage]"
HOLDER = ec.generate_private_key(ec.SECP256R1())
SECRET = RealName().new_secret()
KEY: SigningKey = load_secret(SECRET, jwa.ES256)
PUBLIC = write_public("https://id.example", [KEY.jwk])


# --- real_name


def real_name_claims(ask: Challenge, **changed: object) -> Mapping[str, Json]:
    at = int(ask.now.timestamp())
    claims: dict[str, object] = {
        "iss": "https://id.example",
        "aud": ask.audience,
        "nonce": ask.nonce,
        "iat": at,
        "exp": at + 600,
        "jti": "j",
        "name": "Nguyễn Văn Anh",
        "id_number": "901090000001",
        "birth_date": "1990-05-01",
    } | changed
    kept: dict[str, Json] = json.loads(json.dumps({k: v for k, v in claims.items() if v is not ...}))
    return kept


def verify_real_name(ask: Challenge, **changed: object) -> None:
    token = jose.sign(real_name_claims(ask, **changed), KEY.key, typ="real-name+jwt", kid=KEY.kid)
    RealName().verifier(PUBLIC).verify(token.encode(), ask)


def test_a_valid_real_name_token_is_accepted(staged: Staged) -> None:
    verify_real_name(staged("real_name").ask())


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"iss": ...}, UntrustedIssuer),
        ({"iss": "https://id.example/"}, UntrustedIssuer),
        ({"iss": "https://ID.example"}, UntrustedIssuer),
        ({"iss": ["https://id.example"]}, UntrustedIssuer),
        ({"aud": ...}, BadMessage),
        ({"aud": ["https://chat.example"]}, BadMessage),
        ({"aud": "https://chat.example/"}, WrongAudience),
        ({"nonce": None}, BadMessage),
        ({"exp": ...}, BadMessage),
        ({"iat": ...}, BadMessage),
        ({"exp": 4_000_000_000}, BadMessage),
        ({"nbf": 4_000_000_000}, Expired),
        ({"jti": ...}, BadMessage),
        ({"name": ""}, BadMessage),
        ({"name": 1}, BadMessage),
        ({"id_number": ...}, BadMessage),
        ({"id_number": "9" * 3000}, BadMessage),
        ({"birth_date": ...}, BadMessage),
        ({"birth_date": "1990"}, BadMessage),
        ({"birth_date": "2015-05-01"}, TooYoung),
    ],
)
def test_a_real_name_token_with_a_wrong_claim_is_refused(
    staged: Staged, changed: dict[str, object], error: type[IdverifyError]
) -> None:
    with pytest.raises(error):
        verify_real_name(staged("real_name").ask(), **changed)


def test_a_withdrawn_credential_is_refused_by_the_entry_that_it_names(stage: Stage, adult: Person) -> None:
    if not stage.scheme.info.status:
        return
    ask, entry, asked_for = stage.ask(), Status("https://status.example/lists/1", 4711), []

    def look_up(status: Status) -> bool:
        asked_for.append(status)
        return len(asked_for) > 1

    holder = stage.scheme.holder()
    asked = holder.request(stage.issuer.public, now=ask.now, challenge=ask)
    records = Records(next_status=lambda: entry)
    issued = stage.issuer.issue(adult, asked.message, now=ask.now, records=records)
    shown = holder.present(holder.accept(asked, issued)[0], ask)
    verifier = stage.scheme.verifier(stage.issuer.public, revoked=look_up)
    assert verifier.verify(shown, ask)
    with pytest.raises(Revoked):
        verifier.verify(shown, ask)
    assert asked_for == [entry, entry]


def test_a_token_of_one_type_is_accepted_only_at_its_own_verifier(staged: Staged) -> None:
    ask = staged("real_name").ask()
    for typ in ("JWT", "at+jwt", "kb+jwt", "dc+sd-jwt", "openid4vci-proof+jwt"):
        token = jose.sign(real_name_claims(ask), KEY.key, typ=typ, kid=KEY.kid)
        with pytest.raises(BadMessage):
            RealName().verifier(PUBLIC).verify(token.encode(), ask)


def test_a_hashed_number_stands_in_place_of_number_and_name_and_is_found_by_trying(
    staged: Staged, adult: Person
) -> None:
    stage = staged("real_name_hashed")
    ask = stage.ask(identity=True)
    shown = stage.show(adult, ask)
    text = json.dumps(stage.scheme.read(shown), ensure_ascii=False)
    assert adult.id_number not in text
    assert adult.name not in text
    pseudonym = stage.verifier.verify(shown, ask).pseudonym
    tried = (f"{int(adult.id_number) - 500 + n}" for n in range(1000))  # all of them take minutes, not years
    assert [number for number in tried if hashed_id(number) == pseudonym] == [adult.id_number]


def test_a_token_with_a_name_is_none_with_a_hash_and_the_reverse(staged: Staged) -> None:
    ask = staged("real_name").ask()
    hashed = RealName(real_name.HASHED_INFO, hashed=True)
    for typ, verifier in (("real-name+jwt", hashed), ("hashed-id+jwt", RealName())):
        claims = real_name_claims(ask, id_hash="0" * 64)
        token = jose.sign(claims, KEY.key, typ=typ, kid=KEY.kid)
        with pytest.raises(BadMessage):
            verifier.verifier(PUBLIC).verify(token.encode(), ask)
    for id_hash in (..., "", 1, "0" * 65):
        token = jose.sign(real_name_claims(ask, id_hash=id_hash), KEY.key, typ="hashed-id+jwt", kid=KEY.kid)
        with pytest.raises(BadMessage):
            hashed.verifier(PUBLIC).verify(token.encode(), ask)


# --- document_upload


def upload(ask: Challenge, card: Card, **changed: Json) -> bytes:
    scan = encode_base64url(card_scan.draw(card))
    return json.dumps({"audience": ask.audience, "nonce": ask.nonce, "scan": scan} | changed).encode()


def test_a_forged_card_gets_in_and_says_so(staged: Staged) -> None:
    ask = staged("document_upload").ask(identity=True)
    forged = Card("Lê Thị Không Có", "999999999999", "1980-01-01")
    proven = DocumentUpload().verifier(b"").verify(upload(ask, forged), ask)
    assert proven.claims["declared"] is True
    assert (proven.pseudonym, proven.claims["over"]) == ("999999999999", 16)


def test_whoever_has_no_card_forges_one_with_another_number_each_time(staged: Staged, adult: Person) -> None:
    stage, ask = staged("document_upload"), staged("document_upload").ask(identity=True)
    nobody = replace(adult, name="", id_number="")
    numbers = {str(stage.verify(nobody, ask).pseudonym) for _ in range(5)}
    assert len(numbers) == 5
    assert all(number.startswith("9") and len(number) == 12 for number in numbers)


@pytest.mark.parametrize("scan", ["", "AAAA", None, 1, ["AAAA"], "A" * 60_000, "iVBORw0KGgo="])
def test_an_upload_that_is_no_scan_of_a_card_is_refused(staged: Staged, scan: Json) -> None:
    ask = staged("document_upload").ask()
    with pytest.raises(BadMessage):
        DocumentUpload().verifier(b"").verify(upload(ask, Card("A", "9", "1990-05-01"), scan=scan), ask)


@pytest.mark.parametrize("born", ["1990", "2999-01-01", "1990-02-30", "1800-01-01"])
def test_a_card_with_an_impossible_birth_date_is_refused(staged: Staged, born: str) -> None:
    ask = staged("document_upload").ask()
    with pytest.raises(BadMessage):
        DocumentUpload().verifier(b"").verify(upload(ask, Card("A", "9", born)), ask)


def test_a_curious_owner_reads_what_is_printed_on_the_card(staged: Staged, adult: Person) -> None:
    stage, ask = staged("document_upload"), staged("document_upload").ask()
    said = json.dumps(stage.scheme.read(stage.show(adult, ask)), ensure_ascii=False)
    for fact in (adult.name, adult.id_number, adult.born.isoformat()):
        assert fact in said


# --- self_declared


@pytest.mark.parametrize(
    "born",
    ["", "1990", "1990-13-01", "1990-02-30", "19900501", "1990-W18-2", "01/05/1990", " 1990-05-01", "2026-01-03",
     "2999-01-01", "1875-01-01", "0001-01-01", "१९९०-०५-०१", 1990, None, True, ["1990-05-01"]],
)  # fmt: skip
def test_a_birth_date_that_is_none_or_impossible_is_refused(staged: Staged, born: Json) -> None:
    ask = staged("self_declared").ask()
    shown = json.dumps({"audience": ask.audience, "nonce": ask.nonce, "birth_date": born}).encode()
    with pytest.raises(BadMessage):
        SelfDeclared().verifier(b"").verify(shown, ask)


def test_a_declaration_with_more_or_fewer_members_is_refused(staged: Staged) -> None:
    ask = staged("self_declared").ask()
    good = {"audience": ask.audience, "nonce": ask.nonce, "birth_date": "1990-05-01"}
    SelfDeclared().verifier(b"").verify(json.dumps(good).encode(), ask)
    for bad in [good | {"over": 99}, *({k: v for k, v in good.items() if k != name} for name in good)]:
        with pytest.raises(BadMessage):
            SelfDeclared().verifier(b"").verify(json.dumps(bad).encode(), ask)


# --- sd_jwt_vc


def credential(ask: Challenge, **changed: Claims) -> bytes:
    at = int(ask.now.timestamp())
    claims: dict[str, Claims] = {
        "iss": "https://id.example",
        "vct": VCT,
        "iat": at,
        "exp": at + 86_400,
        "cnf": {"jwk": jose.public_jwk(HOLDER)},
        "age_equal_or_over": {"16": Hidden(True)},
    }
    text = sd_jwt.issue(claims | changed, KEY.key, typ="dc+sd-jwt", kid=KEY.kid)
    return sd_jwt.bind(text, HOLDER, audience=ask.audience, nonce=ask.nonce, now=ask.now).encode()


def test_a_valid_credential_is_accepted(staged: Staged) -> None:
    ask = staged("sd_jwt_vc").ask()
    assert SdJwtVc().verifier(PUBLIC).verify(credential(ask), ask).claims == {"over": 16}


@pytest.mark.parametrize("value", [1, "true", "True", 1.0, None, [True], {"16": True}, 16], ids=repr)
def test_only_the_boolean_true_counts_for_an_age(staged: Staged, value: Json) -> None:
    ask = staged("sd_jwt_vc").ask()
    with pytest.raises(CannotAnswer):
        SdJwtVc().verifier(PUBLIC).verify(credential(ask, age_equal_or_over={"16": Hidden(value)}), ask)


def test_false_is_too_young_and_another_age_is_no_answer(staged: Staged) -> None:
    ask = staged("sd_jwt_vc").ask()
    with pytest.raises(TooYoung):
        SdJwtVc().verifier(PUBLIC).verify(credential(ask, age_equal_or_over={"16": Hidden(False)}), ask)
    for ages in ({"18": Hidden(True)}, {}, [True], "16", True):
        with pytest.raises(CannotAnswer):
            SdJwtVc().verifier(PUBLIC).verify(credential(ask, age_equal_or_over=ages), ask)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"iss": "https://rogue.example"}, UntrustedIssuer),
        ({"iss": None}, UntrustedIssuer),
        ({"vct": "urn:other:1"}, BadMessage),
        ({"vct": None}, BadMessage),
        ({"vct": [VCT]}, BadMessage),
        ({"status": {}}, BadMessage),
        ({"status": {"status_list": {"idx": -1, "uri": "https://status.example/1"}}}, BadMessage),
        ({"status": {"status_list": {"idx": True, "uri": "https://status.example/1"}}}, BadMessage),
        ({"status": {"status_list": {"idx": 2**24, "uri": "https://status.example/1"}}}, BadMessage),
        ({"status": {"status_list": {"idx": 0, "uri": "file:///etc/hostname"}}}, BadMessage),
        ({"status": {"status_list": {"idx": 0}}}, BadMessage),
        ({"status": None}, BadMessage),
        ({"exp": 4_000_000_000}, BadMessage),
    ],
)
def test_a_credential_with_a_wrong_claim_is_refused(
    staged: Staged, changed: dict[str, Claims], error: type[IdverifyError]
) -> None:
    ask = staged("sd_jwt_vc").ask()
    with pytest.raises(error):
        SdJwtVc().verifier(PUBLIC).verify(credential(ask, **changed), ask)


def test_identity_that_is_asked_and_not_shown_is_no_answer(staged: Staged, adult: Person) -> None:
    stage = staged("sd_jwt_vc")
    ask = stage.ask()
    with pytest.raises(CannotAnswer):
        stage.verifier.verify(stage.show(adult, ask), replace(ask, question=Question(over=16, identity=True)))


def test_a_credential_shows_only_what_is_asked(staged: Staged, adult: Person) -> None:
    stage = staged("sd_jwt_vc")
    text = json.dumps(stage.scheme.read(stage.show(adult, stage.ask())), ensure_ascii=False)
    for secret in (adult.name, adult.id_number, adult.born.isoformat(), '"18"'):
        assert secret not in text
    with pytest.raises(CannotAnswer, match=", ".join(map(str, AGES))):
        stage.show(adult, stage.ask(over=19))


def test_the_time_of_issuance_is_known_to_the_day_only_and_no_status_is_given(staged: Staged, adult: Person) -> None:
    stage = staged("sd_jwt_vc")
    issued = stage.credential(adult, stage.ask()).body.decode().split("~")[0]
    claims = json.loads(jose.parse(issued, typ="dc+sd-jwt").payload)
    assert claims["iat"] % 86_400 == claims["exp"] % 86_400 == 0
    assert not claims.keys() & {"status", "jti", "sub"}


def proof(ask: Challenge, *, typ: str = "openid4vci-proof+jwt", **changed: object) -> bytes:
    claims: dict[str, object] = {"aud": "https://id.example", "iat": int(ask.now.timestamp())} | changed
    kept = json.loads(json.dumps({k: v for k, v in claims.items() if v is not ...}))
    return jose.sign(kept, HOLDER, typ=typ, jwk=jose.public_jwk(HOLDER)).encode()


@pytest.mark.parametrize(
    "changed",
    [
        {"typ": "JWT"},
        {"typ": "kb+jwt"},
        {"aud": ...},
        {"aud": "https://other.example"},
        {"aud": ["https://id.example"]},
        {"iat": ...},
        {"iat": 1},
        {"iat": 4_000_000_000},
        {"iat": "now"},
        {"exp": 1},
    ],
    ids=repr,
)
def test_a_proof_of_possession_with_a_wrong_claim_is_refused(
    staged: Staged, adult: Person, changed: dict[str, object]
) -> None:
    stage, ask = staged("sd_jwt_vc"), staged("sd_jwt_vc").ask()
    assert stage.issuer.issue(adult, proof(ask), now=ask.now)
    typ = changed.get("typ", "openid4vci-proof+jwt")
    rest = {name: value for name, value in changed.items() if name != "typ"}
    with pytest.raises((BadMessage, NotProven)):
        stage.issuer.issue(adult, proof(ask, typ=str(typ), **rest), now=ask.now)


def test_a_proof_by_another_key_or_with_a_private_one_is_refused(staged: Staged, adult: Person) -> None:
    stage, ask = staged("sd_jwt_vc"), staged("sd_jwt_vc").ask()
    claims: dict[str, Json] = {"aud": "https://id.example", "iat": int(ask.now.timestamp())}
    public = jose.public_jwk(HOLDER)
    stranger = ec.generate_private_key(ec.SECP256R1())
    typ = "openid4vci-proof+jwt"
    with pytest.raises(BadSignature):
        stage.issuer.issue(adult, jose.sign(claims, stranger, typ=typ, jwk=public).encode(), now=ask.now)
    for jwk in (public | {"d": "A" * 43}, {"kty": "oct", "k": "AAAA"}, {}, None):
        with pytest.raises(BadMessage):
            stage.issuer.issue(adult, jose.sign(claims, HOLDER, typ=typ, jwk=jwk).encode(), now=ask.now)


def test_a_wallet_refuses_a_credential_for_another_key(staged: Staged, adult: Person) -> None:
    stage, ask, holder = staged("sd_jwt_vc"), staged("sd_jwt_vc").ask(), staged("sd_jwt_vc").scheme.holder()
    mine, other = (holder.request(stage.issuer.public, now=ask.now) for _ in range(2))
    response = stage.issuer.issue(adult, other.message, now=ask.now)
    with pytest.raises(BadMessage):
        holder.accept(mine, response)


# --- privacy_pass


def test_the_issuer_gives_a_child_no_token_of_a_higher_age(staged: Staged, child: Person) -> None:
    stage = staged("privacy_pass")
    for over in AGES:
        ask = stage.ask(over=over)
        asked = stage.scheme.holder().request(stage.issuer.public, now=ask.now, challenge=ask)
        with pytest.raises(TooYoung):
            stage.issuer.issue(child, asked.message, now=ask.now)


def test_a_token_of_a_higher_age_proves_a_lower_one(staged: Staged, adult: Person) -> None:
    stage = staged("privacy_pass")
    shown = stage.show(adult, stage.ask(over=18))
    assert stage.verifier.verify(shown, stage.ask(over=16)).claims == {"over": 18}
    with pytest.raises(TooYoung):
        stage.verifier.verify(shown, stage.ask(over=21))


def test_where_no_age_is_asked_the_lowest_is_proven(staged: Staged, adult: Person) -> None:
    stage = staged("privacy_pass")
    assert stage.verify(adult, stage.ask(over=None)).claims == {"over": min(AGES)}
    with pytest.raises(CannotAnswer, match=", ".join(map(str, AGES))):
        stage.show(adult, stage.ask(over=19))


def test_blinded_elements_that_nobody_blinds_to_are_refused(staged: Staged, adult: Person) -> None:
    stage, ask = staged("privacy_pass"), staged("privacy_pass").ask()
    key = next(k for k in json.loads(stage.issuer.public)["keys"] if k["age"] == 16)
    spki = wire.decode_padded(key["token_key"])
    n = wire.decode_key(spki).public_numbers().n
    for number in (0, 1, n - 1, n, n + 1, 2**2048 - 1):
        request = wire.TokenRequest(wire.key_id(spki)[-1], number.to_bytes(256)).encode()
        with pytest.raises(BadMessage):
            stage.issuer.issue(adult, request, now=ask.now)


def test_a_request_for_an_unknown_key_is_refused(staged: Staged, adult: Person) -> None:
    stage, ask = staged("privacy_pass"), staged("privacy_pass").ask()
    used = {base64.urlsafe_b64decode(k["kid"] + "=")[-1] for k in json.loads(stage.issuer.public)["keys"]}
    assert len(used) == len(AGES)
    free = next(i for i in range(256) if i not in used)
    with pytest.raises(BadMessage):
        stage.issuer.issue(adult, wire.TokenRequest(free, secrets.token_bytes(256)).encode(), now=ask.now)


def test_every_field_of_a_token_is_checked(staged: Staged, adult: Person) -> None:
    stage, ask = staged("privacy_pass"), staged("privacy_pass").ask()
    token = wire.Token.decode(stage.show(adult, ask))
    for changed, error in [
        (replace(token, nonce=bytes(32)), BadSignature),
        (replace(token, challenge_digest=bytes(32)), BadSignature),
        (replace(token, token_key_id=bytes(32)), UnknownKey),
        (replace(token, authenticator=bytes(256)), BadSignature),
        (replace(token, authenticator=b"\xff" * 256), BadSignature),
    ]:
        with pytest.raises(error):
            stage.verifier.verify(changed.encode(), ask)


def test_a_wallet_shows_a_token_to_its_own_platform_only(staged: Staged, adult: Person) -> None:
    stage, ask = staged("privacy_pass"), staged("privacy_pass").ask()
    kept = stage.credential(adult, ask)
    with pytest.raises(CannotAnswer):
        stage.scheme.holder().present(kept, replace(ask, audience="https://video.example"))
    with pytest.raises(CannotAnswer):
        stage.scheme.holder().present(kept, replace(ask, question=Question(over=18)))


@pytest.mark.parametrize(
    "audience", ["", "chat.example", "ftp://chat.example", "https://", "https://a@b", "https://a:b", "https://[", "//a"]
)
def test_a_platform_that_no_web_origin_names_gets_no_token(staged: Staged, adult: Person, audience: str) -> None:
    stage, ask = staged("privacy_pass"), staged("privacy_pass").ask()
    shown, bad = stage.show(adult, ask), replace(ask, audience=audience)
    with pytest.raises(BadMessage):
        stage.scheme.holder().request(stage.issuer.public, now=ask.now, challenge=bad)
    with pytest.raises(BadMessage):
        stage.verifier.verify(shown, bad)


@pytest.mark.parametrize(
    "change", [{"age": "16"}, {"age": True}, {"token_type": 1}, {"kid": "x"}, {"token_key": "AA=="}]
)
def test_a_public_document_with_a_wrong_key_is_refused(staged: Staged, change: dict[str, Json]) -> None:
    document = json.loads(staged("privacy_pass").issuer.public)
    document["keys"][0] |= change
    with pytest.raises(BadMessage):
        PrivacyPass().verifier(json.dumps(document).encode())
