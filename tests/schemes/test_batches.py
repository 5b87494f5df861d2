"""Several credentials in one answer: each with its own key, salts and status, and nothing in common but the facts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pytest

from idverify.errors import BadMessage, BadSignature, CannotAnswer, WrongAudience
from idverify.formats import jose, jwa, sd_jwt
from idverify.scheme import Asked, Challenge, Credential, Json, Person, Records, Status
from idverify.schemes import SCHEMES
from idverify.schemes._possession import MOST_AT_A_TIME
from idverify.schemes.sd_jwt_vc import SdJwtVc

if TYPE_CHECKING:
    from tests.schemes.conftest import Stage

Staged: TypeAlias = "Callable[[str], Stage]"
OURS = [name for name, scheme in SCHEMES.items() if isinstance(scheme, SdJwtVc)]


@pytest.fixture(params=OURS)
def batches(request: pytest.FixtureRequest, staged: Staged) -> Stage:
    return staged(request.param)


def ask_for(stage: Stage, ask: Challenge, count: int) -> Asked:
    return stage.scheme.holder().request(stage.issuer.public, now=ask.now, count=count)


def numbered() -> Records:
    indices = itertools.count(1000)
    return Records(next_status=lambda: Status("https://status.example/1", next(indices)))


def payload(credential: Credential) -> Mapping[str, Json]:
    issued = sd_jwt.split(credential.body.decode()).issued
    claims: dict[str, Json] = json.loads(jose.parse(issued, typ="dc+sd-jwt", algs=list(jwa.ALGORITHMS)).payload)
    return claims


def test_as_many_come_as_are_asked_for_and_each_is_accepted(batches: Stage, adult: Person) -> None:
    ask, holder = batches.ask(identity=True), batches.scheme.holder()
    for count in (1, 2, 5):
        asked = ask_for(batches, ask, count)
        got = holder.accept(asked, batches.issuer.issue(adult, asked.message, now=ask.now))
        assert len(got) == count
        for credential in got:
            assert batches.verifier.verify(holder.present(credential, ask), ask).claims["name"] == adult.name


def test_two_credentials_of_a_batch_share_the_facts_and_nothing_else(batches: Stage, adult: Person) -> None:
    ask = batches.ask()
    asked = ask_for(batches, ask, 8)
    response = batches.issuer.issue(adult, asked.message, now=ask.now, records=numbered())
    got = batches.scheme.holder().accept(asked, response)
    shared = {"iss", "vct", "iat", "exp", "_sd_alg"}
    for first, second in itertools.combinations(got, 2):
        one, other = payload(first), payload(second)
        assert {name for name in one if one[name] == other[name]} == shared
        texts = [set(sd_jwt.split(each.body.decode()).disclosures) for each in (first, second)]
        assert not texts[0] & texts[1]
        assert first.secret != second.secret
    entries = [json.dumps(payload(each)["status"]) for each in got]
    assert len(set(entries)) == len(got)


def test_two_showings_of_a_batch_have_nothing_in_common_that_is_not_everybodys(
    batches: Stage, adult: Person, child: Person
) -> None:
    ask, holder = batches.ask(over=13), batches.scheme.holder()
    asked = ask_for(batches, ask, 2)
    records = numbered()
    got = holder.accept(asked, batches.issuer.issue(adult, asked.message, now=ask.now, records=records))
    asked = ask_for(batches, ask, 1)
    somebody = replace(child, born=adult.born)
    other = holder.accept(asked, batches.issuer.issue(somebody, asked.message, now=ask.now, records=records))[0]

    def values(credential: Credential) -> set[str]:
        shown = batches.scheme.read(holder.present(credential, replace(ask, nonce="n" * 22)))
        return set(_leaves(shown))

    in_common = values(got[0]) & values(got[1])
    assert in_common <= values(other)


def _leaves(value: Json) -> list[str]:
    if isinstance(value, Mapping):
        return [leaf for member in value.values() for leaf in _leaves(member)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [json.dumps(value)]


def test_issued_dates_are_days_in_every_credential(batches: Stage, adult: Person) -> None:
    ask = batches.ask()
    asked = ask_for(batches, ask, 3)
    for credential in batches.scheme.holder().accept(asked, batches.issuer.issue(adult, asked.message, now=ask.now)):
        iat, exp = (payload(credential)[name] for name in ("iat", "exp"))
        assert isinstance(iat, int)
        assert isinstance(exp, int)
        assert iat % 86_400 == exp % 86_400 == 0


@pytest.mark.parametrize("count", [0, -1, MOST_AT_A_TIME + 1])
def test_a_number_that_no_answer_holds_is_refused_by_the_wallet(batches: Stage, count: int) -> None:
    with pytest.raises(CannotAnswer, match=str(MOST_AT_A_TIME)):
        ask_for(batches, batches.ask(), count)


def test_the_largest_batch_is_answered_and_a_larger_one_is_not(staged: Staged, adult: Person) -> None:
    stage = staged("sd_jwt_vc_batch")
    ask = stage.ask()
    asked = ask_for(stage, ask, MOST_AT_A_TIME)
    assert len(stage.scheme.holder().accept(asked, stage.issuer.issue(adult, asked.message, now=ask.now))) == 100
    proofs = json.loads(asked.message)["proofs"]["jwt"]
    more = json.dumps({"proofs": {"jwt": [*proofs, json.loads(ask_for(stage, ask, 2).message)["proofs"]["jwt"][0]]}})
    with pytest.raises(BadMessage):
        stage.issuer.issue(adult, more.encode(), now=ask.now)


def test_one_bad_proof_refuses_the_whole_request(batches: Stage, adult: Person) -> None:
    ask = batches.ask()
    proofs = json.loads(ask_for(batches, ask, 3).message)["proofs"]["jwt"]
    foreign = batches.scheme.issuer(batches.scheme.new_secret(), name="https://other.example")
    elsewhere = batches.scheme.holder().request(foreign.public, now=ask.now).message.decode()
    head, body, _ = proofs[1].split(".")
    for bad, error in [
        (f"{head}.{body}.{proofs[0].split('.')[2]}", BadSignature),
        (elsewhere, WrongAudience),
        (proofs[0], BadMessage),
        ("", BadMessage),
        (None, BadMessage),
        ({"jwt": proofs[1]}, BadMessage),
    ]:
        message = json.dumps({"proofs": {"jwt": [proofs[0], bad, proofs[2]]}}).encode()
        with pytest.raises(error):
            batches.issuer.issue(adult, message, now=ask.now)


MALFORMED: list[Json] = [
    {},
    {"proofs": {}},
    {"proofs": []},
    {"proofs": None},
    {"proofs": {"jwt": []}},
    {"proofs": {"jwt": "x"}},
    {"proofs": {"jwt": {}}},
    {"proofs": {"jwt": ["x"], "ldp_vp": []}},
    {"proofs": {"jwt": ["x"]}, "proof": {}},
    {"proofs": {"jwt": [["x"]]}},
]


@pytest.mark.parametrize("message", MALFORMED, ids=repr)
def test_a_malformed_request_for_several_is_refused(batches: Stage, adult: Person, message: Json) -> None:
    with pytest.raises(BadMessage):
        batches.issuer.issue(adult, json.dumps(message).encode(), now=batches.ask().now)


def test_an_answer_with_another_number_order_or_key_is_refused_by_the_wallet(batches: Stage, adult: Person) -> None:
    ask, holder = batches.ask(), batches.scheme.holder()
    asked = ask_for(batches, ask, 3)
    answer = json.loads(batches.issuer.issue(adult, asked.message, now=ask.now))
    good = answer["credentials"]
    bound = good[0] | {
        "credential": holder.present(Credential(good[0]["credential"].encode(), _key(asked)), ask).decode()
    }
    wrong: list[Json] = [
        {"credentials": good[:2]},
        {"credentials": [*good, good[0]]},
        {"credentials": [good[0], good[0], good[2]]},
        {"credentials": [good[1], good[0], good[2]]},
        {"credentials": [bound, *good[1:]]},
        {"credentials": [each["credential"] for each in good]},
        {"credentials": [good[0] | {"more": 1}, *good[1:]]},
        {"credentials": []},
        {"credentials": good, "notification_id": "x"},
    ]
    assert len(holder.accept(asked, json.dumps(answer).encode())) == 3
    for each in wrong:
        with pytest.raises(BadMessage):
            holder.accept(asked, json.dumps(each).encode())
    with pytest.raises(BadMessage):
        holder.accept(asked, good[0]["credential"].encode())


def _key(asked: Asked) -> bytes:
    keys: list[str] = json.loads(asked.secret)["keys"]
    return keys[0].encode()


def test_the_post_quantum_instance_wants_its_algorithm_of_issuer_and_holder(staged: Staged, adult: Person) -> None:
    stage, ask = staged("sd_jwt_vc_ml_dsa_44"), staged("sd_jwt_vc_ml_dsa_44").ask()
    issuer, holder, verifier = stage.issuer, stage.scheme.holder(), stage.verifier
    weak = jwa.ES256.new_key()
    claims: Mapping[str, Json] = {"aud": "https://id.example", "iat": int(ask.now.timestamp())}
    proof = jose.sign(claims, weak, typ="openid4vci-proof+jwt", jwk=jose.public_jwk(weak))
    with pytest.raises(BadMessage):
        issuer.issue(adult, proof.encode(), now=ask.now)
    credential = stage.credential(adult, ask)
    selected = sd_jwt.select(credential.body.decode(), lambda name, _: name == "16")
    bound = sd_jwt.bind(selected, weak, audience=ask.audience, nonce=ask.nonce, now=ask.now)
    with pytest.raises(BadMessage):
        verifier.verify(bound.encode(), ask)
    with pytest.raises(BadMessage):
        holder.present(Credential(credential.body, jwa.write_private(weak)), ask)
    issued = sd_jwt.split(credential.body.decode()).issued
    assert jose.parse(issued, typ="dc+sd-jwt", algs=["ML-DSA-44"]).alg == "ML-DSA-44"
    cnf = payload(credential)["cnf"]
    assert isinstance(cnf, Mapping)
    assert isinstance(cnf["jwk"], Mapping)
    assert cnf["jwk"]["kty"] == "AKP"
