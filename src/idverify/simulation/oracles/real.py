"""Cells on real schemes: their own code issues and shows, their own `read` decodes, and the exact join looks for links.

Which value is expected of a scheme follows from its Info alone. An issuer recognises what it has issued, unless the
scheme hides it: then it must ration or remember people, or its showings are unlinkable. Two platforms recognise what
is shown to both, unless it is shown once only, comes from a batch, or is unlinkable. Where the Info does not say
(a token made for one login may or may not name the person), nothing is expected and there is no cell.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import numpy as np

from idverify.ledger import VERSION, RawRecord, Received, Sent
from idverify.population import Population
from idverify.privacy.anonymity import Judged
from idverify.privacy.public import Public, PublicParty, write_public
from idverify.privacy.score import Truth
from idverify.scheme import Challenge, Credential, Holder, Info, Issuer, Person, Question, Records, Scheme
from idverify.schemes import SCHEMES
from idverify.simulation import theory
from idverify.simulation.events import stream
from idverify.simulation.oracles.attacked import I_P, P_P, Coalition, judged, share_of
from idverify.simulation.oracles.cell import Cell, Experiment, Measured
from idverify.simulation.rows import ISSUE_ROUTE, SHOW_ROUTE

NOW: Final = datetime(2026, 3, 1, 8, tzinfo=timezone.utc)
ISSUER: Final = "https://id.example"
ORIGINS: Final = {"platform_a": "https://a.example", "platform_b": "https://b.example"}
TOWN: Final = 20
VILLAGE, VILLAGES = 50, 4
OCTETS: Final = "application/octet-stream"
EVENING: Final = 36_000.0
"""Seconds over which people fetch their credentials, and on the next day show them, each in an order of their own."""


def issuer_recognises(info: Info) -> bool:
    """Whether the issuer and a platform have a value of the same credential in common."""
    return not (info.unlinkable or info.rationed or info.remembers)


def platforms_recognise(info: Info) -> bool | None:
    """Whether two platforms do; None where the Info does not say."""
    if info.unlinkable or info.remembers or info.single_use or info.batch > 1:
        return False
    if info.issued == "per_login":
        return True if "identity" in info.answers else None
    return True if info.signed else None


def experiments() -> tuple[Experiment, ...]:
    """Two for each scheme that somebody signs and that is usual: issuer and platform, and two platforms."""
    found: list[Experiment] = []
    for name, scheme in SCHEMES.items():
        info = scheme.info
        if not (info.signed and info.usual):
            continue
        for coalition, recognised in ((I_P, issuer_recognises(info)), (P_P, platforms_recognise(info))):
            if recognised is not None:
                found.append(_experiment(name, coalition, found_out=recognised))
    return tuple(found)


def _experiment(name: str, coalition: Coalition, *, found_out: bool) -> Experiment:
    people, worlds = (TOWN, 1) if found_out else (VILLAGE, VILLAGES)
    who = "ip" if coalition == I_P else "pp"
    cell = Cell(
        f"{'join' if found_out else 'chance'}.real.{name}.{who}",
        f"{SCHEMES[name].info.title} as it runs, {'I+P' if who == 'ip' else 'P1+P2'}, N = {people}: re-identification",
        1.0 if found_out else theory.chance(people),
        theory.chance(people) if found_out else 1.0,
        "nothing were in common" if found_out else "a handle were in common",
        label="MEASURED",
    )

    def run(folder: Path, seed: int) -> Mapping[str, Measured]:
        found = [real_world(SCHEMES[name], people, coalition, seed=seed * 1_000 + n) for n in range(worlds)]
        return {cell.name: share_of(found, seed)}

    return Experiment((cell,), run)


def real_world(scheme: Scheme, people: int, coalition: Coalition, *, seed: int) -> Judged:
    """Everybody signs up at both platforms with the scheme itself; then the ledgers are attacked."""
    return real_worlds(scheme, people, [coalition], seed=seed)[0]


def real_worlds(scheme: Scheme, people: int, coalitions: Sequence[Coalition], *, seed: int) -> list[Judged]:
    """One such world, attacked by one coalition after the other."""
    with TemporaryDirectory(prefix="idverify-real-") as place:
        folder = Path(place)
        _write(scheme, people, folder, seed=seed)
        return [judged(folder, who, "exact_join", schemes={scheme.info.name: scheme}) for who in coalitions]


@cache
def _issuer(name: str) -> Issuer:
    """The keys of all worlds of one process: making them takes longer than a world."""
    return SCHEMES[name].issuer(SCHEMES[name].new_secret(), name=ISSUER)


@dataclass(slots=True)
class _Wallet:
    """What one person has left to show, and where."""

    person: Person
    seed: bytes
    credentials: list[Credential]


def _write(scheme: Scheme, people: int, folder: Path, *, seed: int) -> None:
    (folder / "ledgers").mkdir()
    adults = _adults(people, seed)
    lines: dict[str, list[RawRecord]] = {"identity_provider": [], "platform_a": [], "platform_b": []}
    truth: list[Truth] = []
    issuer, holder, info = _issuer(scheme.info.name), scheme.holder(), scheme.info
    question = Question(over=16, one_account=True).within(info.answers)
    wallets = [_Wallet(person, secrets.token_bytes(32), []) for person in adults]
    for party, origin in ORIGINS.items():
        begins = stream(seed, party).uniform(0.0, EVENING, people)
        fetched = stream(seed, f"fetched {party}").uniform(0.0, EVENING, people)
        for place, wallet in enumerate(wallets):
            nonce = secrets.token_urlsafe(16)
            challenge = Challenge(origin, nonce, question, NOW, f"{origin}/api/presentations/{nonce}")
            at = 86_400.0 + float(begins[place])
            if not wallet.credentials or info.issued != "ahead":
                issued = at - 1.0 if info.online else float(fetched[place])
                lines["identity_provider"].append(_fetch(wallet, issuer, holder, info, challenge, at=issued))
            # A credential for one showing is gone, one for many stays.
            once = info.single_use or info.batch > 1 or info.issued != "ahead"
            credential = wallet.credentials.pop() if once else wallet.credentials[0]
            shown = holder.present(credential, challenge)
            account = f"a{secrets.token_hex(10)}"
            lines[party].append(
                _record(party, at, SHOW_ROUTE, nonce, scheme=info.name, up=shown, down=b"", subject=account)
            )
            truth.append(Truth(party, account, wallet.person.id_number, wallet.person.id_number, "own"))
    encode = msgspec.json.Encoder().encode
    for party, records in lines.items():
        records.sort(key=lambda record: record.time)
        (folder / "ledgers" / f"{party}.jsonl").write_bytes(b"".join(encode(record) + b"\n" for record in records))
    (folder / "truth.jsonl").write_bytes(b"".join(encode(row) + b"\n" for row in truth))
    roles = {"identity_provider": PublicParty(role="issuer"), **{p: PublicParty(role="platform") for p in ORIGINS}}
    write_public(folder, Public(label="MEASURED", parties=roles))


def _fetch(
    wallet: _Wallet, issuer: Issuer, holder: Holder, info: Info, challenge: Challenge, *, at: float
) -> RawRecord:
    """One request and its answer, into the wallet and onto the issuer's ledger."""
    asked = holder.request(
        issuer.public,
        now=NOW,
        challenge=None if info.issued == "ahead" else challenge,
        count=2 if info.batch > 1 else 1,
        seed=wallet.seed,
    )
    answer = issuer.issue(wallet.person, asked.message, now=NOW, records=Records())
    wallet.credentials.extend(holder.accept(asked, answer))
    return _record(
        "identity_provider",
        at,
        ISSUE_ROUTE,
        info.name,
        scheme=info.name,
        up=asked.message,
        down=answer,
        subject=wallet.person.id_number,
    )


def _record(
    party: str, at: float, route: str, named: str, *, scheme: str, up: bytes, down: bytes, subject: str
) -> RawRecord:
    """One exchange; `named` is what stands in the path where the route has a name."""
    return RawRecord(
        VERSION,
        round(NOW.timestamp() + float(at), 6),
        party,
        "192.0.2.1",
        "POST",
        route,
        re.sub(r"\{\w+\}", named, route),
        200,
        len(up),
        len(down),
        Received(OCTETS, up, {}),
        Sent(OCTETS, down),
        subject,
        "",
        scheme,
    )


def _adults(people: int, seed: int) -> Sequence[Person]:
    """The first adults of a register of that seed."""
    register = Population.make(people * 3, seed % 2**32)
    age = np.flatnonzero(register.born < (NOW - timedelta(days=22 * 366)).timestamp() / 86_400)
    return [register.person(int(row)) for row in age[:people]]
