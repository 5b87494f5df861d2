"""No ledger holds what its party cannot have seen: canaries planted at one party are looked for at all others.

The search does not trust our own decoders: it looks for the raw text, and for it inside every run of base64 or
hexadecimal characters, at each of the places where such a run may begin.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import httpx
import pytest

from idverify.population import Population
from idverify.scheme import Challenge, Scheme
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet import Flows, Owner, Wallet, run
from idverify.wallet.flows import read_feed, write_post
from idverify.world import World
from tests import keys

CITIZENS = 300
SEED = 11
LONGEST = 120.0
"""Seconds that anything may take on a busy machine."""


def windows(data: bytes, depth: int = 2) -> Iterator[bytes]:
    """The bytes, and what they hold in base64 (either alphabet, any offset) or hexadecimal, nested twice."""
    yield data
    if depth == 0:
        return
    for run_ in re.findall(rb"[A-Za-z0-9_+/-]{8,}", data):
        plain = run_.translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):
            piece = plain[start:]
            piece = piece[: len(piece) // 4 * 4]
            if piece:
                yield from windows(base64.b64decode(piece), depth - 1)
        if re.fullmatch(rb"(?:[0-9a-fA-F]{2})+", run_):
            yield from windows(bytes.fromhex(run_.decode()), depth - 1)


def holds(path: Path, canary: str) -> bool:
    """Whether a ledger holds the text in any of these forms."""
    forms = {canary.encode(), json.dumps(canary)[1:-1].encode()}
    for line in path.read_bytes().splitlines():
        raw = json.loads(line)
        bodies = [base64.b64decode(raw[side]["body"] or "") for side in ("received", "sent")]
        for part in (line, *bodies):
            if any(form in window for window in windows(part) for form in forms):
                return True
    return False


@pytest.fixture(scope="module", params=list(SCHEMES.values()), ids=list(SCHEMES))
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def seen(forked_parties: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """All parties and all schemes; each scheme's citizen comes alone."""
    others = {party for each in SCHEMES.values() for party in each.info.parties}
    parties = ("identity_provider", "platform_a", "platform_b", *others)
    settings = replace(Settings(), citizens=CITIZENS, seed=SEED)
    with World(keys.lend(tmp_path_factory.mktemp("world")), settings, parties=parties) as world:
        yield Seen(world, written(world))


def written(world: World) -> dict[str, bytes]:
    """What every ledger holds, once each party has written down a last request that nobody else makes."""
    mark, until = f"/{secrets.token_hex(8)}", time.monotonic() + LONGEST
    for party in world.parties:
        httpx.get(world.urls[party] + mark, timeout=LONGEST)
    while True:
        found = {path.stem: path.read_bytes() for path in (world.folder / "ledgers").glob("*.jsonl")}
        if all(is_written(found, party, mark.encode()) for party in world.parties if party in found):
            return found
        assert time.monotonic() < until
        time.sleep(0.02)


def is_written(found: Mapping[str, bytes], party: str, mark: bytes) -> bool:
    """A ledger has the marked line; that of the observer, who sees no path, has as many lines as the party's own."""
    own, watched = found[party], found[f"network_observer-{party}"]
    return mark in own and own.endswith(b"\n") and own.count(b"\n") == watched.count(b"\n")


@dataclass
class Seen:
    """The world, and how much of each ledger was there before: one citizen comes after the other."""

    world: World
    lines: dict[str, bytes] = field(default_factory=dict)

    def since(self) -> dict[str, bytes]:
        """What was written down since this was asked the last time."""
        before, self.lines = self.lines, written(self.world)
        return {stem: lines[len(before.get(stem, b"")) :] for stem, lines in self.lines.items()}


class Trace:
    """One citizen's way through a world, and what the ledgers hold of that time."""

    def __init__(self, scheme: Scheme, seen: Seen, folder: Path) -> None:
        self.scheme, world = scheme, seen.world
        people = Population.make(CITIZENS, SEED)
        # Somebody whose name nobody else has, so that only their own data can hold it.
        names = [people.person(row).name for row in range(len(people))]
        self.row = next(
            row
            for row in range(len(people))
            if people.e_id[row] and people.born[row] < 7000 and names.count(names[row]) == 1
        )
        self.person = people.person(self.row)
        owner = Owner(self.person.id_number, people.pin(self.row), self.person.born, name=self.person.name)
        wallet = Wallet(owner, SCHEMES)
        self.platform = world.urls["platform_a"]
        number = list(SCHEMES).index(scheme.info.name)
        self.handle, self.text = f"canary_{number:02}_7319", f"canary post 5d1f 8842 {number:02}"
        with httpx.Client(timeout=LONGEST) as client:
            flows = Flows(wallet, identity_provider=world.urls["identity_provider"])
            proof = run(flows.prove(self.platform, scheme.info.name), client)
            self.question = proof.request.challenge.question
            created = client.post(
                f"{self.platform}/api/accounts",
                json={"handle": self.handle, "code": proof.code, "binding": proof.request.binding},
            )
            assert created.status_code == 201, created.text
            self.account, self.token = created.json()["account"]["id"], created.json()["token"]
            run(write_post(self.platform, token=self.token, text=self.text), client)
            run(read_feed(self.platform, token=self.token), client)
            self.nonce = proof.request.challenge.nonce
        self.ledgers = {}
        for stem, lines in seen.since().items():
            self.ledgers[stem] = folder / f"{stem}.jsonl"
            self.ledgers[stem].write_bytes(lines)
        self.pin = owner.pin

    def proven(self) -> frozenset[str]:
        """The claims that this scheme proves for the platform's question, found out without any service."""
        now = datetime.now(timezone.utc)
        challenge = Challenge("http://platform.example", "n" * 22, self.question, now)
        issuer = keys.issuer(self.scheme.info.name, name="http://issuer.example")
        holder = self.scheme.holder()
        shown = None if self.scheme.info.issued == "ahead" else challenge
        asked = holder.request(issuer.public, now=now, challenge=shown)
        credential = holder.accept(asked, issuer.issue(self.person, asked.message, now=now))[0]
        presentation = holder.present(credential, challenge)
        return frozenset(self.scheme.verifier(issuer.public).verify(presentation, challenge).claims)


@pytest.fixture(scope="module")
def trace(scheme: Scheme, seen: Seen, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return Trace(scheme, seen, tmp_path_factory.mktemp(scheme.info.name))


def test_the_search_finds_what_is_there(trace: Trace) -> None:
    assert holds(trace.ledgers["platform_a"], trace.handle)
    assert holds(trace.ledgers["platform_a"], trace.text)
    assert holds(trace.ledgers["platform_a"], trace.nonce)
    if trace.scheme.info.issued != "by_holder":
        assert holds(trace.ledgers["identity_provider"], trace.person.id_number)


def test_the_identity_provider_never_sees_what_happens_on_the_platform(trace: Trace) -> None:
    for canary in (trace.handle, trace.text, trace.account):
        assert not holds(trace.ledgers["identity_provider"], canary)


def test_the_identity_provider_hears_of_the_platform_only_where_the_scheme_says_so(trace: Trace) -> None:
    hears = trace.scheme.info.issued == "per_login"
    assert holds(trace.ledgers["identity_provider"], trace.nonce) is hears
    assert holds(trace.ledgers["identity_provider"], trace.platform.removeprefix("http://")) is hears


def test_the_platform_sees_only_the_personal_data_that_was_proven(trace: Trace) -> None:
    ledger = trace.ledgers["platform_a"]
    facts = {
        "name": trace.person.name,
        "id_number": trace.person.id_number,
        "birth_date": trace.person.born.isoformat(),
    }
    proven = trace.proven()
    for claim, fact in facts.items():
        assert holds(ledger, fact) is (claim in proven), claim


def test_the_other_platform_sees_nothing(trace: Trace) -> None:
    ledger = trace.ledgers.get("platform_b")
    if ledger is not None and ledger.stat().st_size:
        for canary in (trace.handle, trace.text, trace.person.id_number, trace.person.name, trace.nonce):
            assert not holds(ledger, canary)


def test_nobody_else_sees_a_person_or_what_they_do(trace: Trace) -> None:
    """Whoever takes part beside the identity provider and the platforms, and whoever watches the lines."""
    platform = {"platform_a", "platform_b"}
    others = trace.ledgers.keys() - platform - {"identity_provider"}
    assert {*trace.scheme.info.parties, "network_observer-platform_a"} <= others
    for party in others:
        for canary in (trace.person.name, trace.person.id_number, trace.handle, trace.text, trace.account, trace.nonce):
            assert not holds(trace.ledgers[party], canary), party


def test_no_ledger_keeps_a_secret(trace: Trace) -> None:
    for ledger in trace.ledgers.values():
        text = ledger.read_text()
        assert trace.token not in text
        for line in text.splitlines():
            for side in ("received", "sent"):
                body = base64.b64decode(json.loads(line)[side]["body"] or "")
                assert trace.token.encode() not in body
                assert f'"{trace.pin}"'.encode() not in body
