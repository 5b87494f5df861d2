"""A country in one process: an identity provider and two platforms that speak the real HTTP interface and schemes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from idverify.errors import IdverifyError
from idverify.scheme import Challenge, Issuer, Json, Person, Question, fingerprint
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet import Owner, Wallet
from tests import keys

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
IDP = "http://idp.test"
PLATFORMS = ("http://a.test", "http://b.test")


@dataclass
class Country:
    """Answers requests as the services would; `broken` maps a path's beginning to an answer."""

    people: dict[str, tuple[str, Person]] = field(default_factory=dict)
    tokens: dict[str, Person] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    questions: dict[str, tuple[str, Challenge]] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    log: list[tuple[str, str, str]] = field(default_factory=list)
    broken: dict[str, httpx.Response | Exception] = field(default_factory=dict)
    issuers: dict[str, Issuer] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        origin = f"{request.url.scheme}://{request.url.host}"
        path = request.url.path
        self.log.append((origin, request.method, path))
        for start, answer in self.broken.items():
            if path.startswith(start):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        try:
            return self.identity_provider(request, path) if origin == IDP else self.platform(request, path, origin)
        except IdverifyError as error:
            return httpx.Response(error.status, json=error.as_json())

    def identity_provider(self, request: httpx.Request, path: str) -> httpx.Response:
        if path == "/api/sessions":
            sent = httpx.Response(200, content=request.content).json()
            pin, person = self.people.get(sent["id_number"], ("", None))
            if person is None or pin != sent["pin"]:
                return httpx.Response(401, json={"error": "wrong_login", "error_description": "wrong number or PIN"})
            return httpx.Response(201, json={"token": self.token(person), "expires_in": 600})
        if path == "/token":
            form = parse_qs(request.content.decode())
            number = self.codes.pop(form["code"][0], "")
            if not number:
                return httpx.Response(400, json={"error": "invalid_grant", "error_description": "no such code"})
            token = self.token(self.people[number][1])
            return httpx.Response(200, json={"access_token": token, "token_type": "Bearer", "expires_in": 600})
        name = path.rsplit("/", 1)[-1]
        if path.startswith("/api/public/"):
            return httpx.Response(200, content=self.issuers[name].public)
        person = self.tokens[request.headers["authorization"].removeprefix("Bearer ")]
        return httpx.Response(200, content=self.issuers[name].issue(person, request.content, now=NOW))

    def platform(self, request: httpx.Request, path: str, origin: str) -> httpx.Response:
        if path == "/api/challenges":
            sent = httpx.Response(200, content=request.content).json()
            return httpx.Response(201, json=self.ask(origin, sent["scheme"]) | {"binding": "bound"})
        id_ = path.rsplit("/", 1)[-1]
        if path.startswith("/api/keys/"):
            return httpx.Response(200, json={"scheme": id_, "digest": fingerprint(self.issuers[id_].public)})
        if path.startswith("/api/challenges/"):
            name, challenge = self.questions[id_]
            return httpx.Response(200, json=self.said(id_, name, challenge) | {"platform": "Market A"})
        if path.startswith("/api/presentations/"):
            name, challenge = self.questions[id_]
            issuer = self.issuers.get(name)
            public = issuer.public if issuer else SCHEMES[name].issuer(b"", name="").public
            proven = SCHEMES[name].verifier(public).verify(request.content, challenge)
            if proven.spent in self.spent:
                return httpx.Response(409, json={"error": "already_used", "error_description": "used before"})
            self.spent.add(proven.spent)
            query = urlencode({"id": id_, "code": "c0de"})
            body = {"code": "c0de", "proven": dict(proven.claims), "continue_at": f"{origin}/sign-up/finish?{query}"}
            return httpx.Response(200, json=body)
        sent = httpx.Response(200, content=request.content).json()
        account = {"id": f"id-{sent['handle']}", "handle": sent["handle"], "verified": True}
        return httpx.Response(201, json={"account": account, "token": "t0ken"})

    def ask(self, origin: str, name: str) -> dict[str, Json]:
        id_ = secrets.token_urlsafe(8)
        question = Question(over=16).within(SCHEMES[name].info.answers)
        challenge = Challenge(origin, secrets.token_urlsafe(16), question, NOW, f"{origin}/api/presentations/{id_}")
        self.questions[id_] = (name, challenge)
        return self.said(id_, name, challenge)

    def said(self, id_: str, name: str, challenge: Challenge) -> dict[str, Json]:
        return {"id": id_, "scheme": name, "challenge": {**challenge.to_json(), "scheme": name}, "expires_in": 300}

    def token(self, person: Person) -> str:
        token = secrets.token_urlsafe(16)
        self.tokens[token] = person
        return token

    def person(self, born: date) -> Owner:
        """Somebody new, who knows their PIN."""
        number = f"9{len(self.people):011d}"
        self.people[number] = ("123456", Person(number, "Nguyễn Văn An", born, "male", "901"))
        return Owner(number, "123456", born)

    def code_for(self, owner: Owner) -> str:
        """What the identity provider's browser pages would send back after a sign-in."""
        code = secrets.token_urlsafe(8)
        self.codes[code] = owner.id_number
        return code

    def calls(self, path: str) -> int:
        return sum(p.startswith(path) for _, _, p in self.log)


@pytest.fixture(scope="session")
def issuers() -> dict[str, Issuer]:
    """One issuer for each scheme that has one; keys take seconds to make, so all tests share them."""
    return {name: keys.issuer(name, name=IDP) for name, s in SCHEMES.items() if s.info.issued != "by_holder"}


@pytest.fixture
def country(issuers: dict[str, Issuer]) -> Country:
    return Country(issuers=issuers)


@pytest.fixture
def http(country: Country) -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.MockTransport(country)) as client:
        yield client


@pytest.fixture
def wallet_of() -> Callable[[Owner], Wallet]:
    return lambda owner: Wallet(owner, SCHEMES, clock=lambda: NOW)


@pytest.fixture
def settings() -> Settings:
    return Settings(
        party="wallet", public_url="http://wallet.test", identity_provider=IDP, platforms=",".join(PLATFORMS)
    )


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
