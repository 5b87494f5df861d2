"""A small world without services: real schemes make real messages, and each party's ledger holds what crossed it."""

from __future__ import annotations

import base64
import json
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest

from idverify.privacy.score import Truth
from idverify.scheme import Challenge, Question, Scheme
from idverify.schemes import SCHEMES

NOW = datetime(2026, 3, 1, 8, tzinfo=timezone.utc)
ISSUER = "https://id.example"


@dataclass
class SmallWorld:
    """Ledgers by party, as lines, and the truth. `leak` puts a value of the person's into both parties' records."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    truth: list[Truth] = field(default_factory=list)

    def record(self, party: str, route: str, subject: str, *, scheme: str, up: bytes, down: bytes) -> None:
        def part(body: bytes) -> dict[str, object]:
            kind = "application/json" if body.startswith(b'{"json"') else "application/octet-stream"
            return {"type": kind, "body": base64.b64encode(body).decode(), "headers": {}}

        line = {"v": 1, "time": 1.0, "party": party, "peer": "127.0.0.1", "method": "POST", "route": route}
        line |= {"path": route, "status": 200, "up": len(up), "down": len(down), "received": part(up)}
        line |= {"sent": part(down), "subject": subject, "flow": "", "scheme": scheme}
        self.lines.setdefault(party, []).append(json.dumps(line))

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for party, lines in self.lines.items():
            (folder / f"{party}.jsonl").write_text("\n".join(lines) + "\n")
        return folder


def _challenge(platform: str, question: Question) -> Challenge:
    nonce = secrets.token_urlsafe(16)
    return Challenge(f"https://{platform}.example", nonce, question, NOW, f"https://{platform}.example/p/{nonce}")


def build(scheme: Scheme, *, people: int, platforms: Sequence[str], leak: bool = False) -> SmallWorld:
    """Everybody signs up at every platform, in an order of its own."""
    from idverify.population import Population

    world, info = SmallWorld(), scheme.info
    population = Population.make(people * 3, 5)
    adults = [p for p in map(population.person, range(len(population))) if p.age_at(NOW) >= 21][:people]
    holder = scheme.holder()
    issuer = scheme.issuer(b"" if info.issued == "by_holder" else scheme.new_secret(), name=ISSUER)
    question = Question(over=16, identity=True, one_account=True).within(info.answers)
    wallets: dict[str, object] = {}
    for platform in platforms:
        order = list(adults)
        random.Random(platform).shuffle(order)
        for number, person in enumerate(order):
            challenge = _challenge(platform, question)
            account = f"{platform}-{number}"
            planted = secrets.token_bytes(16) if leak else b""
            if info.issued == "ahead" and person.id_number in wallets:
                credential = wallets[person.id_number]
            else:
                wanted = None if info.issued == "ahead" else challenge
                asked = holder.request(issuer.public, now=NOW, challenge=wanted)
                answer = issuer.issue(person, asked.message, now=NOW)
                credential = wallets[person.id_number] = holder.accept(asked, answer)[0]
                if info.signed:
                    world.record(
                        "identity_provider",
                        "/api/issue/{scheme}",
                        person.id_number,
                        scheme=info.name,
                        up=asked.message,
                        down=answer,
                    )
            if leak:
                body = json.dumps({"json": 1, "client": planted.hex()}).encode()
                world.record("identity_provider", "/x", person.id_number, scheme="", up=body, down=b"")
                world.record(platform, "/y", account, scheme="", up=body, down=b"")
            shown = holder.present(credential, challenge)  # type: ignore[arg-type]
            world.record(platform, "/api/presentations/{id_}", account, scheme=info.name, up=shown, down=b"")
            world.truth.append(Truth(platform, account, person.id_number, person.id_number, "own"))
    if not info.signed:
        for person in adults:
            world.record("identity_provider", "/api/sessions", person.id_number, scheme="", up=b"", down=b"")
    return world


@pytest.fixture(scope="session")
def small_world() -> Callable[..., SmallWorld]:
    """(scheme name, people, platforms, leak) → its ledgers and its truth; each is built once."""
    built: dict[tuple[object, ...], SmallWorld] = {}

    def make(
        name: str, people: int = 40, *, platforms: tuple[str, ...] = ("platform_a", "platform_b"), leak: bool = False
    ) -> SmallWorld:
        key = (name, people, platforms, leak)
        if key not in built:
            built[key] = build(SCHEMES[name], people=people, platforms=platforms, leak=leak)
        return built[key]

    return make
