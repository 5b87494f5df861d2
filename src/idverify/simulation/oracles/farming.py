"""Cells on fake accounts: how many one person gets at one platform, from a real identity provider with a real quota.

A farmer takes what the issuer gives until it refuses, in one key epoch after the other, with a fresh wallet each time,
and shows everything to the same platform. What the platform would count as different people is what was gained.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

import numpy as np
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from idverify.identity_provider.app import create_app
from idverify.identity_provider.keys import KeyStore
from idverify.identity_provider.tables import METADATA
from idverify.population import Population
from idverify.scheme import Challenge, Question, Scheme
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.simulation import theory
from idverify.simulation.oracles.cell import Cell, Experiment, Mean, Measured
from idverify.storage import Store

FARMERS: Final = 4
QUOTA: Final = 3
EPOCHS: Final = 2
TRIES: Final = 8
"""Requests of one farmer in one epoch: more than the quota."""
NOW: Final = datetime(2026, 3, 1, 8, tzinfo=timezone.utc)
ISSUER: Final = "http://127.0.0.1:8001"
PLATFORM: Final = "https://a.example"


def experiments() -> tuple[Experiment, ...]:
    """One for each scheme that rations what it gives or promises one account per person."""
    return tuple(
        _experiment(name)
        for name, scheme in SCHEMES.items()
        if scheme.info.usual
        and scheme.info.issued != "by_holder"
        and (scheme.info.rationed or "one_account" in scheme.info.answers)
    )


def _experiment(name: str) -> Experiment:
    info = SCHEMES[name].info
    unique = "one_account" in info.answers
    what = "unique pseudonym" if unique else f"blind tokens, quota {QUOTA} × {EPOCHS} epochs"
    expected = theory.accounts_per_person(pseudonym=unique, quota=QUOTA, epochs=EPOCHS)
    cell = Cell(
        f"sybil.{name}",
        f"{info.title}, {what}: accounts of one person at a platform",
        float(expected),
        float(expected + 1),
        "one more were to be had",
        "accounts",
        "MEASURED",
    )

    def run(folder: Path, seed: int) -> Mapping[str, Measured]:
        return {cell.name: Mean(np.array(asyncio.run(_farm(SCHEMES[name], folder, seed % 2**32)), dtype=np.float64))}

    return Experiment((cell,), run)


@dataclass(frozen=True, slots=True)
class _Farm:
    """One identity provider in this process, and who farms there."""

    scheme: Scheme
    keys: KeyStore
    people: Population
    client: AsyncClient

    async def gained(self, row: int) -> set[str]:
        """What one farmer's presentations are to the platform in one epoch: pseudonyms, or what is spent."""
        body = {"id_number": self.people.id_number(row), "pin": self.people.pin(row)}
        signed_in = (await self.client.post("/api/sessions", json=body)).json()["token"]
        headers = {"Authorization": f"Bearer {signed_in}", "Content-Type": "application/octet-stream"}
        name, holder = self.scheme.info.name, self.scheme.holder()
        public = self.keys.public(name)
        verifier = self.scheme.verifier(public)
        found: set[str] = set()
        for _ in range(TRIES):
            question = Question(over=16, one_account=True).within(self.scheme.info.answers)
            challenge = Challenge(PLATFORM, secrets.token_urlsafe(16), question, NOW, f"{PLATFORM}/reply")
            shown = None if self.scheme.info.issued == "ahead" else challenge
            asked = holder.request(public, now=NOW, challenge=shown, seed=secrets.token_bytes(32))
            answer = await self.client.post(f"/api/issue/{name}", content=asked.message, headers=headers)
            if answer.status_code != 200:
                continue
            for credential in holder.accept(asked, answer.content)[:1]:
                proven = verifier.verify(holder.present(credential, challenge), challenge)
                found.add(proven.pseudonym or proven.spent)
        return found


async def _farm(scheme: Scheme, folder: Path, seed: int) -> list[int]:
    """Accounts of each farmer over all epochs."""
    people = Population.make(200, seed)
    rows = [row for row in range(200) if people.e_id[row] and people.person(row).age_at(NOW) >= 21][:FARMERS]
    keys = KeyStore(folder / "keys", {scheme.info.name: scheme}, issuer=ISSUER)
    store = Store.open(f"sqlite:///{folder / 'provider.sqlite'}", METADATA, schema="identity_provider")
    gained: list[set[str]] = [set() for _ in rows]
    try:
        app = _provider(people, keys, store)
        async with AsyncClient(transport=ASGITransport(app), base_url=ISSUER) as client:
            farm = _Farm(scheme, keys, people, client)
            for epoch in range(EPOCHS):
                if epoch and scheme.info.rationed:
                    keys.rotate(scheme.info.name)
                for number, row in enumerate(rows):
                    gained[number] |= await farm.gained(row)
    finally:
        store.close()
    return [len(each) for each in gained]


def _provider(people: Population, keys: KeyStore, store: Store) -> FastAPI:
    settings = Settings(party="identity_provider", public_url=ISSUER, quota=QUOTA)
    return create_app(population=people, keys=keys, store=store, ledger=None, settings=settings, clock=lambda: NOW)
