"""What a wallet says to services, without the wire: generators that yield a `Call` and are sent its `Answer`.

The same flows run in the load test, in the wallet service and in the tests; only the driver differs
(`drivers.py`; the load test has its own). A driver that cannot reach a service throws `Unavailable` in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

from idverify.errors import BadMessage, NotSignedIn, Unavailable, UntrustedIssuer, WrongAudience
from idverify.scheme import Challenge, Credential, Json, fingerprint
from idverify.wallet.refusals import Refused
from idverify.wallet.wallet import Wallet

T = TypeVar("T")

Step = Literal["login", "public", "issue", "refill", "challenge", "present", "sign_up", "prove_again", "read", "post"]
"""What a call is for. A refill is an issuance that nobody waits for."""
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
TOO_MANY = 429
OCTETS = {"Content-Type": "application/octet-stream", "Accept": "application/octet-stream, application/json"}


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request. `body` and bearer tokens are secrets.

    `patience` is how many seconds the wallet waits for an answer; 0: as long as the driver does.
    """

    step: Step
    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


Flow: TypeAlias = Generator[Call, Answer, T]


@dataclass(frozen=True, slots=True)
class Request:
    """A platform's question as a wallet sees it. `binding` is known only to whoever started it."""

    id: str
    scheme: str
    challenge: Challenge
    platform: str = ""
    binding: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """A presentation that a platform accepted: a code that opens one account."""

    request: Request
    code: str = field(repr=False)
    proven: Mapping[str, Json]
    continue_at: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Account:
    """An account on a platform, with its session."""

    platform: str
    id: str
    handle: str
    token: str = field(repr=False)


class Flows:
    """What one wallet can do, with one identity provider. `shown` hears of every presentation that was sent."""

    def __init__(
        self,
        wallet: Wallet,
        *,
        identity_provider: str,
        shown: Callable[[str, Challenge], None] = lambda _name, _challenge: None,
    ) -> None:
        self.wallet = wallet
        self.identity_provider = identity_provider.rstrip("/")
        self._shown = shown

    def log_in(self) -> Flow[str]:
        """A session at the identity provider, the one that is still good or a new one."""
        if kept := self.wallet.session():
            return kept
        owner = self.wallet.owner
        if not owner.id_number:
            raise NotSignedIn("this wallet has no session at the identity provider", hint="sign in there first")
        sent = {"id_number": owner.id_number, "pin": owner.pin}
        answer = yield _post("login", f"{self.identity_provider}/api/sessions", sent)
        said = _json(answer, "login")
        return self.wallet.signed_in(_text(said, "token"), seconds=_number(said, "expires_in"))

    def enrol(self, scheme: str) -> Flow[None]:
        """What a person does before any platform asks: sign in, and fetch what can be had ahead."""
        issued = self.wallet.scheme(scheme).info.issued
        if issued == "by_holder":
            return
        yield from self.log_in()
        if issued == "ahead" and not self.wallet.has(scheme):
            yield from self.fill(scheme, None)

    def obtain(self, scheme: str, challenge: Challenge) -> Flow[Credential]:
        """A credential that answers the challenge: stated, stored, or asked of the issuer, as scheme and policy say.

        Where the issuer cannot be asked, a used one serves again if the scheme lets it (ISSU_47).
        """
        info = self.wallet.scheme(scheme).info
        if info.issued == "by_holder":
            return self.wallet.declare(scheme, challenge)
        if info.same_keys:
            yield from self.compare_keys(scheme, challenge.audience)
            if info.issued == "ahead":  # else it came after a comparison
                self.wallet.drop_unpublished(scheme)
        if info.issued == "per_login":
            return (yield from self.issue(scheme, challenge))[0]
        if kept := self.wallet.stored(scheme, challenge):
            return kept
        patience = self.wallet.patience(scheme, challenge)
        try:
            got = yield from self.fill(scheme, challenge, patience=patience)
        except (Unavailable, Refused) as error:
            unable = isinstance(error, Unavailable) or error.answered == TOO_MANY
            if unable and (used := self.wallet.again(scheme, challenge)):
                return used
            raise
        return self.wallet.stored(scheme, challenge) or got[0]

    def fill(
        self, scheme: str, challenge: Challenge | None, *, step: Step = "issue", patience: float = 0.0
    ) -> Flow[Sequence[Credential]]:
        """Fetch as many copies as the policy wants and keep them; an issuer that makes one at a time is asked again.

        A quota or a rate that ends in the middle leaves fewer. Raises what the first request raises.
        """
        wanted = self.wallet.wanted(scheme, challenge)
        got: list[Credential] = []
        while len(got) < wanted:
            try:
                count = wanted - len(got)
                got += yield from self.issue(scheme, challenge, count=count, step=step, patience=patience)
            except (Unavailable, Refused):
                if not got:
                    raise
                break
        self.wallet.keep(scheme, got, challenge)
        return got

    def refill(self, scheme: str, challenge: Challenge | None) -> Flow[None]:
        """What a wallet does of itself, with nobody waiting: one fill, and only one at a time for one purpose."""
        if not self.wallet.claim(scheme, challenge, fetching=True):
            return
        try:
            if challenge is not None and self.wallet.scheme(scheme).info.same_keys:
                yield from self.compare_keys(scheme, challenge.audience)
            yield from self.fill(scheme, challenge, step="refill")
        finally:
            self.wallet.claim(scheme, challenge, fetching=False)

    def issue(
        self,
        scheme: str,
        challenge: Challenge | None,
        *,
        count: int = 1,
        step: Step = "issue",
        patience: float = 0.0,
    ) -> Flow[Sequence[Credential]]:
        """Ask the issuer for `count` copies, whatever the wallet has already; keep none of them."""
        token = yield from self.log_in()
        public = yield from self.public(scheme)
        asked = self.wallet.request(scheme, public, challenge=challenge, count=count)
        answer = yield Call(
            step,
            "POST",
            f"{self.identity_provider}/api/issue/{scheme}",
            OCTETS | {"Authorization": f"Bearer {token}"},
            asked.message,
            patience,
        )
        return self.wallet.accept(scheme, asked, _checked(answer, step))

    def public(self, scheme: str, *, again: bool = False) -> Flow[bytes]:
        """What the issuer publishes for a scheme; `again`: whatever is kept of it."""
        if (kept := self.wallet.public(scheme)) and not again:
            return kept
        url = f"{self.identity_provider}/api/public/{scheme}"
        answer = yield Call("public", "GET", url, {"Accept": JSON["Accept"]})
        return self.wallet.keep_public(scheme, _checked(answer, "public"))

    def compare_keys(self, scheme: str, platform: str) -> Flow[None]:
        """See that the platform sees the same keys: an issuer that shows each person other keys recognises them all.

        After a rotation one of the two may be behind, so both look again once. Raises UntrustedIssuer.
        """
        for again in (False, True):
            ours = fingerprint((yield from self.public(scheme, again=again)))
            if self.wallet.agreed.get((scheme, platform)) == ours:
                return
            url = f"{platform}/api/keys/{scheme}?digest={ours}"
            said = _json((yield Call("public", "GET", url, {"Accept": JSON["Accept"]})), "public")
            if _text(said, "digest") == ours:
                self.wallet.agreed[scheme, platform] = ours
                return
        raise UntrustedIssuer(
            f"the issuer shows this wallet other keys of {scheme} than {platform} sees",
            hint="try again in a minute; if it stays so, the issuer can tell people apart by their keys",
        )

    def ask(self, platform: str, scheme: str, *, action: str = "sign_up", group: str = "") -> Flow[Request]:
        """Have a platform ask its question."""
        sent = {"scheme": scheme, "action": action} | ({"group": group} if group else {})
        said = _json((yield _post("challenge", f"{platform}/api/challenges", sent)), "challenge")
        return self._request(said, platform)

    def fetch(self, platform: str, id_: str) -> Flow[Request]:
        """Read a question that a browser has started on a platform."""
        said = _json((yield Call("challenge", "GET", f"{platform}/api/challenges/{id_}", JSON)), "challenge")
        return self._request(said, platform)

    def answer(self, request: Request) -> Flow[Proof]:
        """Obtain what is needed and show it."""
        credential = yield from self.obtain(request.scheme, request.challenge)
        shown = self.wallet.present(request.scheme, credential, request.challenge)
        return (yield from self.deliver(request, shown))

    def deliver(self, request: Request, presentation: bytes) -> Flow[Proof]:
        """Send a finished presentation."""
        try:
            answer = yield Call("present", "POST", request.challenge.reply_to, OCTETS, presentation)
        finally:
            self._shown(request.scheme, request.challenge)
        said = _json(answer, "present")
        proven = said.get("proven")
        return Proof(
            request=request,
            code=_text(said, "code"),
            proven=proven if isinstance(proven, Mapping) else {},
            continue_at=str(said.get("continue_at") or ""),
            bytes=len(presentation),
        )

    def prove(self, platform: str, scheme: str, *, action: str = "sign_up", group: str = "") -> Flow[Proof]:
        """Everything from enrolment to a proof that the platform accepted."""
        yield from self.enrol(scheme)
        request = yield from self.ask(platform, scheme, action=action, group=group)
        return (yield from self.answer(request))

    def sign_up(self, platform: str, scheme: str, *, handle: str) -> Flow[Account]:
        """A new account on a platform."""
        proof = yield from self.prove(platform, scheme)
        return (yield from open_account(platform, proof, handle=handle))

    def prove_again(self, account: Account, scheme: str) -> Flow[Proof]:
        """Prove an account again, as at a later log-in: the same question, another presentation."""
        request = yield from self.ask(account.platform, scheme)
        proof = yield from self.answer(request)
        sent = {"code": proof.code, "binding": proof.request.binding}
        headers = {"Authorization": f"Bearer {account.token}"}
        _json((yield _post("prove_again", f"{account.platform}/api/accounts/verify", sent, headers)), "prove_again")
        return proof

    def _request(self, said: Mapping[str, Json], platform: str) -> Request:
        inner = said.get("challenge")
        challenge = Challenge.from_json(inner, now=self.wallet.clock())
        if challenge.audience != platform or not challenge.reply_to.startswith(f"{platform}/"):
            raise WrongAudience(f"asked by {platform}, made for {challenge.audience[:200]}")
        named = said.get("scheme") or (inner.get("scheme") if isinstance(inner, Mapping) else None)
        if not isinstance(named, str):
            raise BadMessage("the challenge names no scheme")
        self.wallet.scheme(named)
        title, binding = said.get("platform"), said.get("binding")
        return Request(
            id=_text(said, "id"),
            scheme=named,
            challenge=challenge,
            platform=title if isinstance(title, str) else platform,
            binding=binding if isinstance(binding, str) else "",
        )


def open_account(platform: str, proof: Proof, *, handle: str) -> Flow[Account]:
    """Turn an accepted proof into an account."""
    sent = {"handle": handle, "code": proof.code, "binding": proof.request.binding}
    said = _json((yield _post("sign_up", f"{platform}/api/accounts", sent)), "sign_up")
    account = said.get("account")
    if not isinstance(account, Mapping):
        raise BadMessage("the platform's answer holds no account")
    return Account(platform, str(account.get("id", "")), str(account.get("handle", handle)), _text(said, "token"))


def read_feed(platform: str, *, token: str = "", limit: int = 20) -> Flow[int]:
    """Read the feed; returns its size in bytes."""
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    answer = yield Call("read", "GET", f"{platform}/api/feed?limit={limit}", headers)
    return len(_checked(answer, "read"))


def write_post(platform: str, *, token: str, text: str) -> Flow[None]:
    """Publish a post."""
    call = _post("post", f"{platform}/api/posts", {"text": text}, {"Authorization": f"Bearer {token}"})
    _checked((yield call), "post")


def _post(step: Step, url: str, value: Json, headers: Mapping[str, str] | None = None) -> Call:
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Call(step, "POST", url, JSON | dict(headers or {}), body)


def _checked(answer: Answer, step: Step) -> bytes:
    """The body of a 2xx answer. Raises Refused with the service's own code for 4xx, Unavailable for the rest."""
    if 200 <= answer.status < 300:
        return answer.body
    said: dict[str, str] = {}
    try:
        value = json.loads(answer.body)
        if isinstance(value, dict):
            said = {k: v[:300] for k, v in value.items() if isinstance(k, str) and isinstance(v, str)}
    except ValueError:
        pass
    message = said.get("error_description") or f"{step} was answered with {answer.status}"
    if not 400 <= answer.status < 500:
        raise Unavailable(f"{step} was answered with {answer.status}: {message}"[:300])
    reason = said.get("error") or f"status_{answer.status}"
    raise Refused(reason, message, answered=answer.status, step=step, hint=said.get("hint", ""))


def _json(answer: Answer, step: Step) -> Mapping[str, Json]:
    body = _checked(answer, step)
    try:
        value: Json = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"the answer to {step} is not JSON") from error
    if not isinstance(value, Mapping):
        raise BadMessage(f"the answer to {step} is not a JSON object")
    return value


def _text(value: Mapping[str, Json], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text:
        raise BadMessage(f"the answer has no {name}")
    return text


def _number(value: Mapping[str, Json], name: str) -> float:
    number = value.get(name)
    if isinstance(number, bool) or not isinstance(number, int | float) or number < 0:
        raise BadMessage(f"the answer's {name} is not a number of seconds")
    return float(number)
