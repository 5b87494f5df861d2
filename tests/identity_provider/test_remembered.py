"""What the issuer remembers of a person: stored before the answer leaves, and never two things at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from fastapi import Request

from idverify.errors import BadMessage, Conflict, IdverifyError
from idverify.identity_provider.issuance import Issuance
from idverify.identity_provider.keys import KeyStore
from idverify.identity_provider.sessions import Limits
from idverify.identity_provider.status_entries import Entries
from idverify.identity_provider.tables import METADATA
from idverify.scheme import Holder, Info, Json, Person, Records, StatusLookup, Verifier, never
from idverify.storage import Store
from tests.identity_provider.service import ISSUER, PEOPLE, Clock, adult

NAME = "remembering"


@dataclass(frozen=True)
class Remembers:
    """An issuer that takes the request as the person's tag, and a request that ends in ! as a bad one."""

    public: bytes = b'{"issuer":"x","keys":[]}'

    def issue(self, person: Person, request: bytes, *, now: datetime, records: Records | None = None) -> bytes:
        assert records is not None
        if records.tag and records.tag != request:
            raise Conflict("this is not what is remembered")
        records.tag = request
        if request.endswith(b"!"):
            raise BadMessage("a bad request")
        return b"for " + request


@dataclass(frozen=True)
class Remembering:
    """A scheme with that issuer; nobody holds or verifies it here."""

    info: Info

    def new_secret(self) -> bytes:
        return b"secret"

    def issuer(self, secret: bytes, *, name: str) -> Remembers:
        return Remembers()

    def holder(self) -> Holder:
        raise NotImplementedError

    def verifier(self, public: bytes, *, revoked: StatusLookup = never) -> Verifier:
        raise NotImplementedError

    def read(self, message: bytes) -> Json:
        return None


@contextmanager
def office(folder: Path, url: str, info: Info, *, quota: int = 3) -> Iterator[Issuance]:
    """An issuing office with a database, which several may share."""
    schemes = {NAME: Remembering(info)}
    store = Store.open(url, METADATA, schema="identity_provider")
    keys = KeyStore(folder / "keys", schemes, issuer=ISSUER)
    entries = Entries(store, host="")
    yield Issuance(PEOPLE, keys, store, schemes=schemes, quota=quota, clock=Clock(), limits=Limits(), entries=entries)
    store.close()


def info(**more: bool) -> Info:
    return Info(name=NAME, title="Remembering", spec="", answers=frozenset(), remembers=True, **more)  # type: ignore[arg-type]


def ask(offices: list[Issuance], bodies: list[bytes], *, row: int) -> list[bytes | BaseException]:
    """Requests of one person at the same moment, in turn to each of the offices."""

    async def go() -> list[bytes | BaseException]:
        request = Request({"type": "http"})
        calls = [
            offices[n % len(offices)].issue(request, NAME, id_number=PEOPLE.id_number(row), body=body)
            for n, body in enumerate(bodies)
        ]
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(go())


@pytest.mark.parametrize("cost", ["inline", "threads"])
def test_of_first_issues_at_the_same_moment_one_tag_wins(tmp_path: Path, database_url: str, cost: str) -> None:
    kind = info(cost=cost)  # type: ignore[arg-type]
    with office(tmp_path, database_url, kind) as one, office(tmp_path, database_url, kind) as other:
        answers = ask([one, other], [b"tag %d" % (n % 7) for n in range(70)], row=adult())
        won = {answer for answer in answers if isinstance(answer, bytes)}
        lost = [answer for answer in answers if not isinstance(answer, bytes)]
        assert len(won) == 1
        assert all(isinstance(answer, Conflict) for answer in lost)
        assert sum(isinstance(answer, bytes) for answer in answers) <= 10
        winner = won.pop().removeprefix(b"for ")
        assert ask([other], [winner], row=adult()) == [b"for " + winner]


def test_everybody_has_a_tag_of_their_own(tmp_path: Path, database_url: str) -> None:
    with office(tmp_path, database_url, info()) as one:
        assert ask([one], [b"linh"], row=adult()) == [b"for linh"]
        assert ask([one], [b"minh"], row=adult(number=1)) == [b"for minh"]
        assert isinstance(ask([one], [b"minh"], row=adult())[0], Conflict)


def test_an_issue_that_fails_stores_nothing(tmp_path: Path, database_url: str) -> None:
    with office(tmp_path, database_url, info()) as one:
        assert isinstance(ask([one], [b"bad!"], row=adult())[0], BadMessage)
        assert ask([one], [b"good"], row=adult()) == [b"for good"]


def test_a_tag_and_a_quota_are_taken_together_or_not_at_all(tmp_path: Path, database_url: str) -> None:
    with office(tmp_path, database_url, info(rationed=True), quota=0) as one:
        refused = ask([one], [b"first"], row=adult())[0]
        assert isinstance(refused, IdverifyError)
        assert refused.status == 429
    with office(tmp_path, database_url, info(rationed=True), quota=2) as one:
        answers = ask([one], [b"second"] * 5, row=adult())
        assert sum(isinstance(answer, bytes) for answer in answers) == 2


def test_a_tag_is_there_before_the_answer_leaves(tmp_path: Path, database_url: str) -> None:
    with office(tmp_path, database_url, info()) as one:
        ask([one], [b"first"], row=adult())
    with office(tmp_path, database_url, info()) as after_a_restart:
        assert isinstance(ask([after_a_restart], [b"other"], row=adult())[0], Conflict)
