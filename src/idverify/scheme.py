"""The interface that every attestation scheme implements.

A scheme is a way for a person to prove something to a platform with the help of an identity
provider. Three roles, five messages, always in this order:

    holder.request  ->  issuer.issue  ->  holder.accept        when `Info.issued` says
    (platform asks) ->  holder.present -> verifier.verify      every time something is to be proven

What an issuer must remember of a person, and the status indices that it gives out, come and go in
`Records`; what a verifier must know of a credential's status, it asks of a `StatusLookup`.

Everything here is pure: bytes in, bytes out, no clock, no network, no files. The services carry
the bytes, the ledgers keep what each party saw, and the comparison counts them.

Beside the interface stand the values that cross it. All times are aware datetimes; ages are whole
years; messages are bytes as they go over the wire.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from idverify.errors import BadMessage, IdverifyError

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Random: TypeAlias = Callable[[int], bytes]

AGES = (13, 14, 15, 16, 17, 18, 21)
"""The ages, in years, that an issuer attests one by one: age_over_13 … age_over_21."""

CIVIL_TIME = timezone(timedelta(hours=7), "ICT")
"""Vietnam and Laos: UTC+7, no daylight saving. A birthday begins at midnight there."""


@dataclass(frozen=True, slots=True)
class Person:
    """One row of the population register. Only the identity provider ever holds one."""

    id_number: str
    name: str
    born: date
    sex: Literal["female", "male"]
    province: str
    country: str = "VN"

    def age_at(self, now: datetime) -> int:
        """Age in whole years at the instant `now`, by the civil calendar of `CIVIL_TIME`.

        Somebody born on 29 February is a year older on 1 March in a common year.
        """
        day = now.astimezone(CIVIL_TIME).date()
        had_birthday = (day.month, day.day) >= (self.born.month, self.born.day)
        return day.year - self.born.year - (not had_birthday)


Ask: TypeAlias = Literal["over", "identity", "one_account"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a platform needs to know, and no more: "over 16, and one account per person"."""

    over: int | None = None
    identity: bool = False
    one_account: bool = False

    def asks(self) -> frozenset[Ask]:
        """The names of the parts that are asked."""
        parts: dict[Ask, bool] = {
            "over": self.over is not None,
            "identity": self.identity,
            "one_account": self.one_account,
        }
        return frozenset(name for name, asked in parts.items() if asked)

    def within(self, answers: frozenset[Ask]) -> Question:
        """The same question without the parts that a scheme with these answers cannot answer."""
        return Question(
            over=self.over if "over" in answers else None,
            identity=self.identity and "identity" in answers,
            one_account=self.one_account and "one_account" in answers,
        )


@dataclass(frozen=True, slots=True)
class Challenge:
    """A platform's question, made fresh and addressed so that an answer cannot be replayed.

    `audience` is the platform's origin (`https://chat.example`), `nonce` at least 128 bits in
    base64url, `reply_to` the URL that takes the presentation, `now` the verifier's time. A wallet
    that reads a challenge from the wire puts its own time there.
    """

    audience: str
    nonce: str
    question: Question
    now: datetime
    reply_to: str = ""

    def to_json(self) -> dict[str, Json]:
        """The wire form; `now` stays behind, each side has its own clock."""
        return {
            "audience": self.audience,
            "nonce": self.nonce,
            "question": asdict(self.question),
            "reply_to": self.reply_to,
        }

    @classmethod
    def from_json(cls, value: Json, *, now: datetime) -> Challenge:
        """Read the wire form. Raises BadMessage that names the member at fault."""
        if not isinstance(value, Mapping):
            raise BadMessage("the challenge is not a JSON object")
        texts: dict[str, str] = {}
        for name in ("audience", "nonce", "reply_to"):
            text = value.get(name)
            if not isinstance(text, str) or len(text) > 2000:
                raise BadMessage(f"the challenge's {name} is not a string of at most 2000 characters")
            texts[name] = text
        asked = value.get("question")
        if not isinstance(asked, Mapping):
            raise BadMessage("the challenge's question is not a JSON object")
        over, identity, one_account = (asked.get(k) for k in ("over", "identity", "one_account"))
        if over is not None and (isinstance(over, bool) or not isinstance(over, int) or not 0 < over < 151):
            raise BadMessage("the question's over is neither null nor an age in years")
        if not isinstance(identity, bool) or not isinstance(one_account, bool):
            raise BadMessage("the question's identity and one_account are not both true or false")
        question = Question(over=over, identity=identity, one_account=one_account)
        return cls(texts["audience"], texts["nonce"], question, now, texts["reply_to"])


@dataclass(frozen=True, slots=True)
class Proven:
    """What a verifier may believe after `Verifier.verify`; nothing is ever half checked.

    `claims` has at most `over` (the proven lowest age, an int), `name`, `id_number`, `birth_date`
    (ISO 8601), and `declared: true` where nobody but the person vouches for them; `sealed` is the identity for the
    openers of `Info.opened_by`, which the platform keeps with the account and cannot read.
    """

    claims: Mapping[str, Json]
    spent: str  # never accept the same value twice
    pseudonym: str | None = None  # same person, same platform -> same value


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way to the issuer, and what the wallet keeps until the answer."""

    message: bytes
    secret: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a wallet stores. `secret` never leaves it."""

    body: bytes
    secret: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Status:
    """Where a credential's status stands: entry `index` of the token status list at `uri`."""

    uri: str
    index: int


StatusLookup: TypeAlias = Callable[[Status], bool]
"""Whether the status says that a credential is no longer valid.

Raises StatusUnknown where the list is not at hand: whoever does the I/O fetches it and verifies again.
"""


def never(_: Status) -> bool:
    """The look-up of a world in which nothing is ever revoked."""
    return False


@dataclass(slots=True)
class Records:
    """What an issuer reads and writes about one person while it issues once.

    `tag` is what the issuer remembers of this person under this scheme, empty at first. An issuer that sets it has it
    stored before anybody sees the answer; two that set it at the same moment have one winner. `next_status` gives the
    next unused random entry of a status list, or None where the identity provider keeps no list.
    """

    tag: bytes = b""
    next_status: Callable[[], Status | None] = field(default=lambda: None)


Issued: TypeAlias = Literal["by_holder", "ahead", "ahead_per_platform", "per_login"]


@dataclass(frozen=True, slots=True)
class Info:
    """What people need to know about a scheme before they pick it.

    `issued` says what the wallet must know before it asks the issuer: nothing, because it is its
    own issuer (`by_holder`); nothing (`ahead`); the platform and the question, not the nonce
    (`ahead_per_platform`); the whole challenge, at each login (`per_login`).
    """

    name: str  # in URLs, reports and test ids: [a-z0-9_]+
    title: str
    spec: str  # the documents followed, with their versions
    answers: frozenset[Ask]
    issued: Issued = "ahead"
    batch: int = 1  # credentials that a wallet asks for at a time, unless its policy says otherwise
    single_use: bool = False  # a credential may be shown once only
    rationed: bool = False  # each person gets only a quota of credentials in a key epoch
    status: bool = False  # a credential names an entry of a status list
    remembers: bool = False  # the issuer keeps a tag of each person, so that nobody is somebody else next time
    unlinkable: bool = False  # two showings of one credential have no value in common but what is meant to be
    verifies_many: bool = False  # its verifier is a ManyVerifier
    same_keys: bool = False  # private only where everybody sees the same keys: the wallet compares
    signed: bool = True  # an issuer stands behind it
    binds_audience: bool = True  # refused by any other platform
    binds_nonce: bool = True  # refused for any other question of the same platform
    binds_device: bool = False  # shown with a key that the credential names
    quantum_safe: bool = False
    most_bytes: int = 65_536  # of a presentation; a longer one is refused unread
    cost: Literal["inline", "threads", "process"] = "inline"  # where a service runs verify()
    keys_at: str = ""  # the party that holds the keys; empty: the identity provider
    parties: tuple[str, ...] = ()  # who takes part beside identity provider, platform and wallet
    usual: bool = True  # part of a comparison that names no schemes
    opened_by: tuple[str, ...] = ()  # who can open a sealed identity, `quorum` of them together; see `Sealing`
    quorum: int = 0
    experimental: str = ""  # why nobody should rely on it, in a sentence; empty where that is not so
    learns: Mapping[str, str] = field(default_factory=dict)  # party -> what it learns, in a sentence
    limits: str = ""  # what it does not do, in a sentence

    @property
    def online(self) -> bool:
        """The issuer takes part in every login."""
        return self.issued == "per_login"


class Issuer(Protocol):
    """The identity provider's side. Holds the private key."""

    @property
    def public(self) -> bytes:
        """All that a verifier needs: a JSON object with `issuer` and `keys`, newest key first."""
        ...

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        """Answer a wallet's request with facts about `person`.

        Without `records` nothing is remembered and no credential has a status. Raises BadMessage for a malformed
        request, TooYoung or CannotAnswer where there is no truthful answer, Conflict where the request does not fit
        what is remembered.
        """
        ...


class Holder(Protocol):
    """The wallet's side. Keeps no state of its own between calls."""

    def request(
        self,
        public: bytes,
        *,
        now: datetime,
        challenge: Challenge | None = None,
        count: int = 1,
        seed: bytes = b"",
    ) -> Asked:
        """Start an issuance; `Info.issued` says which challenge it needs. Raises CannotAnswer.

        `count` credentials are wanted, each of which may be shown to somebody else; a scheme that makes only one at
        a time answers with one. `seed` are 32 bytes that the person keeps for life, on paper where the
        phone is lost: a scheme that recognises people again derives its secrets from it. Empty: a fresh one.
        """
        ...

    def accept(self, asked: Asked, response: bytes) -> Sequence[Credential]:
        """Check and unpack the issuer's answer. Raises BadMessage or BadSignature."""
        ...

    def present(self, credential: Credential, challenge: Challenge) -> bytes:
        """Answer a platform's question. Raises CannotAnswer."""
        ...


class Verifier(Protocol):
    """The platform's side. Holds only what the issuer published."""

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        """Return what was proven; raises BadMessage, NotProven or CannotAnswer. Never a bool."""
        ...


@runtime_checkable
class ManyVerifier(Verifier, Protocol):
    """A verifier that checks several presentations together for less than one after the other."""

    def verify_many(self, shown: Sequence[tuple[bytes, Challenge]]) -> Sequence[Proven | IdverifyError]:
        """For each presentation what `verify` would return or raise; a bad one harms no other."""
        ...


@runtime_checkable
class Rationed(Protocol):
    """A scheme whose requests may ask for several credentials, all of which count against the quota."""

    def asks(self, request: bytes) -> int:
        """For how many credentials a request asks. Raises BadMessage."""
        ...


class Scheme(Protocol):
    """One way to prove things. Stateless and safe to share between threads."""

    @property
    def info(self) -> Info: ...

    def new_secret(self) -> bytes:
        """Fresh private keys, encoded for the key store."""
        ...

    def issuer(self, secret: bytes, *, name: str) -> Issuer:
        """The issuer with these keys; `name` is its URL."""
        ...

    def holder(self) -> Holder: ...

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> Verifier:
        """A verifier that trusts every key in `public`, the merged ones of a rotation included."""
        ...

    def read(self, message: bytes) -> Json:
        """Everything that a curious owner of these bytes can decode, never raising.

        The measurements look for people in these values, so a scheme that left something out
        would look more private than it is. The tests check that.
        """
        ...


@dataclass(frozen=True, slots=True)
class Dealt:
    """An issuer's secret, and what its openers take home: a share each, and the witness's part of every opening."""

    secret: bytes = field(repr=False)
    openers_key: bytes
    shares: Mapping[str, bytes] = field(repr=False)
    witness: bytes = field(repr=False)


@runtime_checkable
class Sealing(Scheme, Protocol):
    """A scheme whose presentations hold the identity, sealed for a quorum of openers."""

    def deal(self) -> Dealt:
        """Fresh keys for issuer and openers. The secret that `new_secret` gives is one whose shares are forgotten."""
        ...


class Attester(Protocol):
    """The half of an issuer that knows the person, where another party holds the keys (`Info.keys_at`)."""

    def attest(self, person: Person, request: bytes, *, now: datetime) -> None:
        """Whether the person may have what the request asks for. Raises BadMessage, TooYoung or CannotAnswer."""
        ...


class SplitIssuer(Issuer, Attester, Protocol):
    """An issuer in two halves, of which `issue` is both."""

    def sign(self, request: bytes) -> bytes:
        """The half that holds the keys: answer a request that was attested. Raises BadMessage."""
        ...


@runtime_checkable
class SplitScheme(Scheme, Rationed, Protocol):
    """A scheme whose keys another party than the identity provider holds."""

    def issuer(self, secret: bytes, *, name: str) -> SplitIssuer: ...

    def attester(self, public: bytes) -> Attester:
        """The attesting half for what the key holder published, the merged documents of a rotation included."""
        ...


def fingerprint(public: bytes) -> str:
    """A short name of a public document, by which a wallet and a platform find out whether they see the same."""
    return urlsafe_b64encode(hashlib.sha256(public).digest()).rstrip(b"=").decode()


def merge(publics: Sequence[bytes]) -> bytes:
    """One public document of several, newest first: what a service publishes during a rotation.

    The members are those of the newest; `keys` are the keys of all, each once, in that order.
    """
    documents = [json.loads(public) for public in publics]
    keys: list[Json] = []
    for document in documents:
        keys += [key for key in document["keys"] if key not in keys]
    return json.dumps(documents[0] | {"keys": keys}, separators=(",", ":")).encode()
