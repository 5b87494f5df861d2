"""The replay: a scenario becomes a folder of ledgers as services would have written them, with truth and public.json.

    replay(Scenario(citizens=20_000, days=3.0), Path("world"), seed=7)

FOLDER/ledgers/PARTY.jsonl, FOLDER/public.json and FOLDER/truth.jsonl. Clocks are virtual; nothing is signed. What a
party would not see is not in its ledger, and what it would see is there under the name that decoding gives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from idverify.errors import BadEnvironment, BadUsage
from idverify.ledger import VERSION, RawRecord, Received, Sent
from idverify.privacy.score import Truth
from idverify.simulation.columns import PLATFORMS, START, Columns, Selection
from idverify.simulation.description import write_description
from idverify.simulation.events import ELSEWHERE, Events, Ints, events, stream
from idverify.simulation.hosts import Addresses, observed_lines, revocation_lines, status_lines, visits
from idverify.simulation.rows import PLATFORM, Exchange, Row, find_row
from idverify.simulation.scenario import DAY, Scenario
from idverify.simulation.templates import bodies

JSON = "application/json"
AGENT = {"user-agent": "idverify-wallet"}
CHUNK = 50_000
"""Lines that are made and written at a time."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was written where. `lines` by party."""

    folder: Path
    scenario: Scenario
    seed: int
    logins: int
    lines: dict[str, int] = field(default_factory=dict)
    label: Literal["SIMULATED"] = "SIMULATED"

    @property
    def ledgers(self) -> Path:
        return self.folder / "ledgers"

    @property
    def truth(self) -> Path:
        return self.folder / "truth.jsonl"


def replay(scenario: Scenario, folder: Path, *, seed: int) -> Replayed:
    """Write one world. Raises BadUsage for a scenario that its row cannot have, BadEnvironment for a bad folder."""
    row = find_row(scenario.row)
    _check(row, scenario)
    course = events(scenario, seed)
    columns = Columns(scenario, course, seed=seed)
    addresses = Addresses(scenario, seed)
    try:
        (folder / "ledgers").mkdir(parents=True, exist_ok=True)
        lines = {
            party: _write(folder / "ledgers" / f"{party}.jsonl", records)
            for party, records in _ledgers(row, columns, addresses=addresses).items()
        }
        _write_truth(folder / "truth.jsonl", columns, addresses)
        write_description(folder, scenario, row, parties=tuple(lines))
    except OSError as error:
        raise BadEnvironment(f"the world cannot be written: {error.filename}: {error.strerror}") from error
    return Replayed(folder, scenario, seed, course.logins, lines)


Records = list[tuple[float, RawRecord]]


def _ledgers(row: Row, columns: Columns, *, addresses: Addresses) -> dict[str, Records]:
    scenario = columns.scenario
    kept: dict[str, Records] = {}
    for exchange in row.exchanges:
        for party, chosen in _chosen(exchange, columns):
            kept.setdefault(party, []).extend(_records(party, exchange, row, chosen, columns, addresses))
    if scenario.status != "none":
        kept["status_host"] = list(status_lines(columns, addresses))
    for party, records in revocation_lines(columns, addresses):
        kept.setdefault(party, []).extend(records)
    if scenario.observed:
        kept["network_observer"] = list(observed_lines(kept, addresses))
    return kept


def _chosen(exchange: Exchange, columns: Columns) -> Iterator[tuple[str, Selection]]:
    """For each party that this exchange is written by, the events at which it is."""
    course = columns.course
    if exchange.when == "issuance":
        issuances = np.arange(len(course.issued), dtype=np.int64)
        none = np.full(len(issuances), -1, dtype=np.int64)
        yield exchange.party, Selection(course.issued, course.issued_to, none, none, issuances, none)
        return
    logins = _opened(columns) if exchange.when == "opening" else np.arange(course.logins, dtype=np.int64)
    if exchange.party != PLATFORM:
        yield exchange.party, _logins(exchange, course, logins)
        return
    for number in range(columns.scenario.platforms):
        yield PLATFORMS[number], _logins(exchange, course, logins[course.platform[logins] == number])


def _logins(exchange: Exchange, course: Events, logins: Ints) -> Selection:
    shown = course.shown[logins]
    issuance = course.origin[shown]
    match exchange.when:
        case "request":
            time = course.issued[issuance]
        case "opening":
            time = course.time[logins] + DAY
        case _:
            time = course.time[logins]
    return Selection(time, course.person[logins], course.platform[logins], logins, issuance, shown)


def _opened(columns: Columns) -> Ints:
    order = stream(columns.seed, "openings").permutation(columns.course.logins)
    return np.sort(order[: columns.scenario.opened]).astype(np.int64)


def _records(
    party: str, exchange: Exchange, row: Row, chosen: Selection, columns: Columns, addresses: Addresses
) -> Iterator[tuple[float, RawRecord]]:
    route, (up, down) = exchange.route, exchange.sizes
    batch = columns.scenario.batch if exchange.when == "issuance" and "[[" in exchange.sent else 1
    for start in range(0, len(chosen), CHUNK):
        part = _slice(chosen, start)
        received, sent = bodies(exchange.received, columns, part), bodies(exchange.sent, columns, part)
        if exchange.subject == "account":
            subjects = columns.accounts()[columns.cell(part.person, part.platform)].astype(str).tolist()
        elif exchange.subject == "person":
            subjects = columns.ids()[part.person].astype(str).tolist()
        else:
            subjects = [""] * len(part)
        peers = addresses.of(part.person) if exchange.peer == "user" else [addresses.service(row.name)] * len(part)
        if exchange.subject == "account":
            flows = columns.text("login", "flow", 43, part).astype(str).tolist()
        else:
            flows = [""] * len(part)
        whole = zip(part.time.tolist(), received, sent, subjects, peers, flows, strict=True)
        for time, came, went, subject, peer, flow in whole:
            at = round(START + time, 6)
            path = route.replace("{scheme}", row.slug).replace("{id_}", flow)
            yield (
                at,
                RawRecord(
                    VERSION,
                    at,
                    party,
                    peer,
                    "POST",
                    route,
                    path,
                    200,
                    up * batch,
                    down * batch,
                    Received(JSON, came, AGENT),
                    Sent(JSON, went),
                    subject,
                    flow,
                    row.slug,
                ),
            )


def _slice(chosen: Selection, start: int) -> Selection:
    part = slice(start, start + CHUNK)
    return Selection(
        chosen.time[part],
        chosen.person[part],
        chosen.platform[part],
        chosen.login[part],
        chosen.issuance[part],
        chosen.credential[part],
    )


def _write(path: Path, records: Records) -> int:
    """Write the lines in the order of time, as they would have arrived."""
    encode = msgspec.json.Encoder().encode
    records.sort(key=lambda pair: pair[0])
    with path.open("wb") as file:
        for start in range(0, len(records), CHUNK):
            file.write(b"".join(encode(record) + b"\n" for _, record in records[start : start + CHUNK]))
    return len(records)


def _write_truth(path: Path, columns: Columns, addresses: Addresses) -> None:
    """Who is behind each account that was ever used, each visit of the status host, and each address that is seen."""
    course, encode = columns.course, msgspec.json.Encoder().encode
    seen = course.platform != ELSEWHERE
    cells = np.unique(columns.cell(course.person, course.platform)[seen])
    accounts = columns.accounts()[cells].astype(str).tolist()
    owners = columns.ids()[cells // columns.scenario.platforms].astype(str).tolist()
    places = (cells % columns.scenario.platforms).tolist()
    with path.open("wb") as file:
        for place, account, owner in zip(places, accounts, owners, strict=True):
            file.write(encode(Truth(PLATFORMS[place], account, owner, owner, "own")) + b"\n")
        everybody = columns.ids().astype(str).tolist()
        if columns.scenario.status != "none":
            for visit, person in zip(visits(columns), course.person.tolist(), strict=True):
                file.write(encode(Truth("status_host", visit, everybody[person], everybody[person], "visit")) + b"\n")
        if columns.scenario.observed and columns.scenario.behind:
            lines = addresses.of(np.arange(len(everybody), dtype=np.int64))
            for line, owner in zip(lines, everybody, strict=True):
                file.write(encode(Truth("network_observer", line, owner, owner, "line")) + b"\n")


def _check(row: Row, scenario: Scenario) -> None:
    """Raises BadUsage where row and scenario contradict each other."""
    if row.per_login and (scenario.reuse, scenario.refill, scenario.batch) != ("once_only", "just_in_time", 1):
        raise BadUsage(f"{row.name} is issued within each login", hint="take once_only, just_in_time and a batch of 1")
    if row.single_use and scenario.reuse != "once_only":
        raise BadUsage(f"{row.name}: a platform accepts each of these once only", hint="take the reuse once_only")
    if scenario.status != "none" and not row.has_status:
        raise BadUsage(f"{row.name} has no status", hint="take the status none")
    if scenario.elsewhere and (row.per_login or scenario.status != "none" or row.can_be_opened):
        raise BadUsage(f"{row.name}: logins elsewhere would be seen", hint="take elsewhere 0, or a row issued ahead")
    if scenario.opened and not row.can_be_opened:
        raise BadUsage(f"{row.name} cannot be opened", hint="take opened 0")
