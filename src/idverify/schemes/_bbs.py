"""Issuer, holder and verifier of the BBS schemes; requests, answers, credentials and presentations are JSON.

What distinguishes the schemes stands in their `Form`, and in the `statements` that a holder proves and a verifier
checks under the same challenge.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from idverify.crypto import bbs
from idverify.crypto.bbs import Pending, ProverPart, VerifierPart
from idverify.crypto.bbs_batch import bad_ones
from idverify.crypto.bbs_blind import committed_count, core_commit
from idverify.crypto.bbs_parts import PowerProver, PowerVerifier
from idverify.crypto.bbs_pseudonym import (
    context_of,
    core_nym_blind_sign,
    core_nym_proof_check,
    core_nym_proof_gen,
    with_entropy,
)
from idverify.crypto.bls12_381 import POINT_SIZE, PUBLIC_SIZE, SCALAR_SIZE, Scalar, decode_point, decode_scalar
from idverify.errors import (
    BadMessage,
    BadSignature,
    CannotAnswer,
    Conflict,
    Expired,
    IdverifyError,
    TooYoung,
    WrongAudience,
    WrongNonce,
)
from idverify.formats.strict_json import (
    JsonObject,
    decode_base64url,
    encode_base64url,
    read_object,
    shown,
    text_member,
    write_json,
)
from idverify.scheme import AGES, Asked, Challenge, Credential, Json, Person, Proven, Random, Records
from idverify.schemes import _facts
from idverify.schemes._bbs_form import (
    NYMS,
    SEED_SIZE,
    Form,
    Public,
    check_age_exists,
    check_epoch,
    epoch_of,
    key_id,
    load_secret,
    member,
    number,
    read_public,
    write_key,
)
from idverify.schemes._public import write_public

TAG = b"idverify uniqueness tag"
MOST_PARTS = 8
MEMBERS = {"kid", "epoch", "over", "audience", "nonce", "pseudonym", "proof"}


class BbsIssuer:
    """Signs what it knows and a nym secret that it cannot see; remembers one tag for each person."""

    def __init__(self, form: Form, secret: bytes, *, name: str) -> None:
        self._form, self._secret, self._name = form, load_secret(secret), name
        self._key = bbs.public_key(self._secret)

    @property
    def public(self) -> bytes:
        return write_public(self._name, [{**write_key(self._key), **self.published()}])

    def published(self) -> JsonObject:
        """What this scheme publishes with a key beside."""
        return {}

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        # (1) shape  (2) made for this key  (3) the commitment is to one secret, and the tag is of that secret
        # (4) the person's tag, where one is remembered  (5) signature
        form = self._form
        asked = read_object(request, "request", max_size=10_000)
        if set(asked) != {"kid", "commitment", "tag"}:  # (1)
            raise BadMessage("the request does not have exactly the members kid, commitment, tag")
        if asked["kid"] != key_id(self._key):  # (2)
            raise BadMessage("the request names a key that is not in use", hint="fetch the issuer's keys again")
        commitment, tag = member(asked, "commitment", "request"), member(asked, "tag", "request", size=POINT_SIZE)
        if committed_count(commitment) != NYMS:
            raise BadMessage(f"the commitment is not to {NYMS} nym secret")
        part = PowerVerifier(TAG, form.tag_base(self._name), 0, decode_point(tag, "tag"))
        entropy = self._entropy(person, tag, records)  # (4)
        told, epoch = form.told(person), epoch_of(now)
        over = max((age for age in AGES if person.age_at(now) >= age), default=0)
        signature = core_nym_blind_sign(
            self._secret,
            self._key,
            commitment=commitment,
            nyms=NYMS,
            entropy=entropy,
            header=form.header(self._name, epoch),
            messages=form.messages(over, told),
            interface=form.interface,
            parts=[part],
        )  # (3) (5)
        if records is not None:
            records.tag = tag + entropy
        answer: dict[str, Json] = {"kid": key_id(self._key), "epoch": epoch, "over": over, **told}
        return write_json(answer | {"entropy": encode_base64url(entropy), "signature": encode_base64url(signature)})

    def _entropy(self, person: Person, tag: bytes, records: Records | None) -> bytes:
        """What is added to the person's secret: drawn at the first issue, and then remembered. Raises Conflict."""
        known = records.tag if records is not None else b""
        if not known:
            octets = self._secret + person.id_number.encode()
            return self._form.interface.hash_to_scalar(octets, b"SIGNER_NYM_ENTROPY_").to_be_bytes()
        if len(known) != POINT_SIZE + SCALAR_SIZE or not hmac.compare_digest(known[:POINT_SIZE], tag):
            raise Conflict(
                "this person is enrolled with another secret than that of this wallet",
                hint="restore the wallet with the seed of the first enrolment",
            )
        return known[POINT_SIZE:]


class BbsHolder:
    """Derives the secret of the seed, checks what it gets, and shows no more than was asked."""

    def __init__(self, form: Form, random: Random = secrets.token_bytes) -> None:
        self._form, self._random = form, random

    def request(
        self, public: bytes, *, now: datetime, challenge: Challenge | None = None, count: int = 1, seed: bytes = b""
    ) -> Asked:
        form, published = self._form, read_public(public)
        seed = seed or self._random(SEED_SIZE)
        if len(seed) != SEED_SIZE:
            raise BadMessage(f"the seed has {len(seed)} bytes, not {SEED_SIZE}")
        nym = form.prover_nym(seed, published.issuer)
        tag = PowerProver(TAG, form.tag_base(published.issuer), 0, nym)
        committed = core_commit(form.interface, [nym], parts=[tag], random=self._random)
        kid, key = next(iter(published.keys.items()))
        message: JsonObject = {
            "kid": kid,
            "commitment": encode_base64url(committed.octets),
            "tag": encode_base64url(tag.point.to_compressed_bytes()),
        }
        kept: JsonObject = {
            "issuer": published.issuer,
            "public": encode_base64url(key),
            "epoch": epoch_of(now),
            "nym": encode_base64url(nym.to_be_bytes()),
            "blind": encode_base64url(committed.blind),
            "key": published.entries[kid],
        }
        return Asked(write_json(message), write_json(kept))

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        # (1) shape  (2) the key that was asked  (3) the epoch of the request, or the one that began since: a header
        # of its own for each person would be a mark  (4) signature on ages, extras and the secret
        form, kept = self._form, read_object(asked.secret, "wallet's secret")
        answer = read_object(response, "response", max_size=10_000)
        key = member(kept, "public", "wallet's secret", size=PUBLIC_SIZE)
        issuer = text_member(kept, "issuer", what="wallet's secret")
        if answer.get("kid") != key_id(key):  # (2)
            raise BadSignature("the issuer answered with another key than the one that was asked")
        epoch, over = number(answer, "epoch", "response"), number(answer, "over", "response")
        if number(kept, "epoch", "wallet's secret") not in (epoch, epoch - 1):  # (3)
            raise BadMessage(f"the credential is of epoch {epoch}, which this wallet did not ask for")
        if over not in (0, *AGES):
            raise BadMessage(f"the credential attests over {over}, which is none of the ages")
        told = {k: v for k, v in answer.items() if k not in {"kid", "epoch", "over", "entropy", "signature"}}  # (1)
        signature = member(answer, "signature", "response")
        nym = decode_scalar(member(kept, "nym", "wallet's secret"), "nym secret")
        blind = decode_scalar(member(kept, "blind", "wallet's secret"), "blinding factor")
        nyms = with_entropy([nym], member(answer, "entropy", "response", size=SCALAR_SIZE))
        row = [*form.messages(over, told), blind, *nyms]
        bbs.core_verify(form.signed(key, issuer=issuer, epoch=epoch), signature, row)  # (4)
        body: dict[str, Json] = {"issuer": issuer, "public": encode_base64url(key), "epoch": epoch, "over": over}
        body |= {"signature": encode_base64url(signature), "told": told, "key": kept.get("key")}
        secret: JsonObject = {
            "nym": encode_base64url(nyms[0].to_be_bytes()),
            "blind": encode_base64url(blind.to_be_bytes()),
        }
        return (Credential(write_json(body), write_json(secret)),)

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        form = self._form
        _facts.check_answerable(form.info, challenge)
        body = read_object(credential.body, "credential")
        kept = read_object(credential.secret, "wallet's secret")
        epoch, over = number(body, "epoch", "credential"), number(body, "over", "credential")
        try:
            check_epoch(epoch, challenge.now)
        except Expired as error:
            raise CannotAnswer(f"this credential is no longer good: {error.message}", hint=error.hint) from error
        told = body.get("told")
        if not isinstance(told, Mapping):
            raise BadMessage("the credential does not say what was told with it")
        disclosed, parts = self.statements(body, told, challenge)
        key = member(body, "public", "credential", size=PUBLIC_SIZE)
        scalars = [decode_scalar(member(kept, name, "wallet's secret"), name) for name in ("blind", "nym")]
        made = core_nym_proof_gen(
            form.signed(key, issuer=text_member(body, "issuer", what="credential"), epoch=epoch),
            member(body, "signature", "credential"),
            [*form.messages(over, told), *scalars],
            nyms=NYMS,
            context=context_of(form.interface, challenge.audience.encode()),
            ph=presentation_header(challenge),
            disclosed=disclosed,
            parts=parts,
            random=self._random,
        )
        shown_: dict[str, Json] = {
            "kid": key_id(key),
            "epoch": epoch,
            "over": challenge.question.over,
            "audience": challenge.audience,
            "nonce": challenge.nonce,
            "pseudonym": encode_base64url(made.pseudonym),
            "proof": encode_base64url(made.proof),
        }
        if made.answers:
            shown_["parts"] = [encode_base64url(answer) for answer in made.answers]
        return write_json(shown_)

    def statements(
        self, body: JsonObject, told: JsonObject, challenge: Challenge
    ) -> tuple[Sequence[int], Sequence[ProverPart]]:
        """Which messages of the row are disclosed, and what is proven of hidden ones; the extras begin at len(AGES).

        Raises TooYoung, CannotAnswer.
        """
        age = challenge.question.over
        if age is None:
            return [], []
        check_age_exists(age)
        if number(body, "over", "credential") < age:
            raise TooYoung(f"attested not to be over {age}", hint="get a new credential after the birthday")
        return [AGES.index(age)], []


@dataclass(frozen=True, slots=True)
class Statements:
    """What a verifier expects a proof to disclose and to prove beside, and what may be concluded from that."""

    disclosed: Mapping[int, Scalar]
    parts: Sequence[VerifierPart] = ()
    claims: Mapping[str, Json] = field(default_factory=dict)


class BbsVerifier:
    """Checks one presentation, or many with one pairing equation."""

    def __init__(self, form: Form, public: Public) -> None:
        self._form, self._public = form, public

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        proven, pending = self._check(presentation, challenge)
        pending.finish()
        return proven

    def verify_many(self, shown: Sequence[tuple[bytes, Challenge]]) -> Sequence[Proven | IdverifyError]:
        results: list[Proven | IdverifyError] = []
        pending: list[tuple[int, Pending]] = []
        for presentation, challenge in shown:
            try:
                proven, proof = self._check(presentation, challenge)
            except IdverifyError as error:
                results.append(error)
            else:
                pending.append((len(results), proof))
                results.append(proven)
        for bad in bad_ones([proof for _, proof in pending]):
            results[pending[bad][0]] = _not_signed()
        return results

    def statements(self, kid: str, age: int | None, answers: Sequence[bytes], challenge: Challenge) -> Statements:
        """The verifier's half of `BbsHolder.statements`. Raises BadMessage, CannotAnswer."""
        if answers:
            raise BadMessage("the presentation proves more than this scheme knows")
        if age is None:
            return Statements({})
        check_age_exists(age)
        return Statements({AGES.index(age): self._form.attested(age, True)})

    def _check(self, presentation: bytes, challenge: Challenge) -> tuple[Proven, Pending]:
        # (1) shape  (2) a published key  (3) audience and nonce  (4) epoch  (5) age  (6) proof and pseudonym, which
        # cover all that was looked at before  (7) the pairing equation, by the caller
        form = self._form
        _facts.check_answerable(form.info, challenge)
        asked = read_object(presentation, "presentation", max_size=20_000)
        if asked.keys() - {"parts"} != MEMBERS:  # (1)
            raise BadMessage(f"the presentation does not have exactly the members {', '.join(sorted(MEMBERS))}")
        pseudonym = member(asked, "pseudonym", "presentation", size=POINT_SIZE)
        proof, epoch = member(asked, "proof", "presentation"), number(asked, "epoch", "presentation")
        answers = _answers(asked["parts"]) if "parts" in asked else []
        age = None if asked["over"] is None else number(asked, "over", "presentation")
        kid = text_member(asked, "kid", what="presentation")
        key = self._public.find(kid)  # (2)
        if (audience := text_member(asked, "audience", what="presentation")) != challenge.audience:  # (3)
            raise WrongAudience(f"made for {shown(audience)}, shown to {challenge.audience}")
        if not hmac.compare_digest(text_member(asked, "nonce", what="presentation").encode(), challenge.nonce.encode()):
            raise WrongNonce("made for another question of this platform")
        check_epoch(epoch, challenge.now)  # (4)
        _check_age(age, challenge)  # (5)
        expected = self.statements(kid, age, answers, challenge)
        pending = core_nym_proof_check(
            form.signed(key, issuer=self._public.issuer, epoch=epoch),
            proof,
            pseudonym,
            nyms=NYMS,
            context=context_of(form.interface, challenge.audience.encode()),
            ph=presentation_header(challenge),
            disclosed=expected.disclosed,
            parts=expected.parts,
        )  # (6)
        claims: dict[str, Json] = ({} if age is None else {"over": age}) | dict(expected.claims)
        spent = _facts.spent_by_nonce(form.info.name, challenge)
        return Proven(claims, spent, encode_base64url(pseudonym)), pending


def presentation_header(challenge: Challenge) -> bytes:
    """What binds a proof to one question of one platform."""
    return write_json({"audience": challenge.audience, "nonce": challenge.nonce})


def _check_age(age: int | None, challenge: Challenge) -> None:
    wanted = challenge.question.over
    if wanted is not None and age is None:
        raise CannotAnswer(f"the presentation does not show whether the holder is over {wanted}")
    if wanted is not None and age is not None and age < wanted:
        raise TooYoung(f"the presentation proves over {age}, the platform asks for {wanted}")


def _answers(value: Json) -> list[bytes]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_PARTS:
        raise BadMessage(f"the presentation's parts are not a list of 1 to {MOST_PARTS}")
    return [decode_base64url(part if isinstance(part, str) else "", "presentation's parts") for part in value]


def _not_signed() -> BadSignature:
    return BadSignature("the BBS proof was not made of a signature by the issuer's key")
