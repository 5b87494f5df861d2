"""The parties that stand beside a login: addresses, the status host, the network observer, and revocations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from idverify.formats.strict_json import encode_base64url
from idverify.ledger import VERSION, RawRecord, Received, Sent
from idverify.simulation.columns import PLATFORMS, START, Columns, list_uri
from idverify.simulation.events import Ints, stream
from idverify.simulation.rows import SHOW_ROUTE
from idverify.simulation.scenario import Scenario

JSON = "application/json"
HOSTS = {
    "identity_provider": "id.example",
    "attester": "attester.example",
    "platform_a": "a.example",
    "platform_b": "b.example",
}
"""Whom people reach themselves; what services say to each other, an observer at the people's end does not see."""
RELAY = "192.0.2.1"
SERVICES = {"platform_a": "192.0.2.11", "platform_b": "192.0.2.12"}
TLS = 29
"""Bytes that a TLS 1.3 record adds to what it carries, roughly: header, tag, content type."""
ANSWERED_WITHIN = 60.0
"""Seconds within which everybody whose credential was revoked meets the denial."""
_encode = msgspec.json.Encoder().encode
_ENTRY = _encode({"status": 0})


class Addresses:
    """Network addresses: `behind` users share each, chosen at random; with 0 all come through one relay."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.behind = scenario.behind
        places = stream(seed, "addresses").permutation(scenario.citizens)
        self._place: Ints = places.astype(np.int64) // max(1, scenario.behind)

    def of(self, person: Ints) -> list[str]:
        """The address from which each of these persons comes."""
        if self.behind == 0:
            return [RELAY] * len(person)
        return [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in self._place[person].tolist()]

    @staticmethod
    def service(name: str) -> str:
        """The address of a service that speaks for itself."""
        return SERVICES.get(name, "192.0.2.10")


def status_lines(columns: Columns, addresses: Addresses) -> Iterator[tuple[float, RawRecord]]:
    """What the status host sees: for each login one question about one entry, or one fetch of its list.

    The host numbers what it is asked: a visit is its own handle of somebody unknown at a platform.
    """
    course, direct = columns.course, columns.scenario.status == "direct"
    lists, places = columns.status_of(course.shown)
    answers: dict[int, bytes] = {}
    rows = zip(
        course.time.tolist(), course.platform.tolist(), lists.tolist(), places.tolist(), visits(columns), strict=True
    )
    for time, platform, number, place, visit in rows:
        at = round(START + time + 0.05, 6)
        went = _ENTRY if direct else answers.setdefault(number, _list_token(number, columns.seed))
        yield (
            at,
            RawRecord(
                VERSION,
                at,
                "status_host",
                addresses.service(PLATFORMS[platform]),
                "GET",
                "/lists/{number}/{index}" if direct else "/lists/{number}",
                f"/lists/{number}/{place}" if direct else f"/lists/{number}",
                200,
                0,
                len(went),
                Received("", None, {"user-agent": "idverify-platform"}),
                Sent(JSON if direct else "application/statuslist+jwt", went),
                visit,
                "",
                "",
            ),
        )


def _list_token(number: int, seed: int) -> bytes:
    """A status list token (draft-ietf-oauth-status-list section 5.1) without its bits, which are the same for all."""
    header = {"alg": "ES256", "typ": "statuslist+jwt", "kid": "status"}
    payload = {
        "sub": list_uri(number),
        "iat": START,
        "exp": START + 86_400,
        "ttl": 43_200,
        "status_list": {"bits": 1, "lst": ""},
    }
    signature = stream(seed, f"list {number}").bytes(64)
    return b".".join(encode_base64url(part).encode() for part in (_encode(header), _encode(payload), signature))


def visits(columns: Columns) -> list[str]:
    """The status host's number of each login, in the order in which they come."""
    rank = np.empty(columns.course.logins, dtype=np.int64)
    rank[np.argsort(columns.course.time, kind="stable")] = np.arange(columns.course.logins)
    return [f"visit-{number}" for number in rank.tolist()]


def revocation_lines(columns: Columns, addresses: Addresses) -> Iterator[tuple[str, list[tuple[float, RawRecord]]]]:
    """Updates of the status list at equal distances: the issuer revokes R people, and the platforms deny them soon."""
    scenario = columns.scenario
    if not scenario.revoked or not scenario.updates:
        return
    random = stream(columns.seed, "revocations")
    chosen = random.permutation(scenario.citizens)[: scenario.revoked * scenario.updates].astype(np.int64)
    update = np.arange(len(chosen)) // scenario.revoked
    when = START + (update + 1) * scenario.seconds / (scenario.updates + 1)
    ids = columns.ids()[chosen].astype(str).tolist()
    yield (
        "identity_provider",
        [
            (at, _plain(at, "identity_provider", "192.0.2.9", "/api/revocations", 200, subject))
            for at, subject in zip(when.tolist(), ids, strict=True)
        ],
    )
    for number in range(scenario.platforms):
        party = PLATFORMS[number]
        soon = np.round(when + random.uniform(1.0, ANSWERED_WITHIN, len(chosen)), 6)
        accounts = columns.accounts()[columns.cell(chosen, np.full_like(chosen, number))].astype(str).tolist()
        peers = addresses.of(chosen)
        yield (
            party,
            [
                (at, _plain(at, party, peer, SHOW_ROUTE, 403, account))
                for at, peer, account in zip(soon.tolist(), peers, accounts, strict=True)
            ],
        )


def _plain(at: float, party: str, peer: str, route: str, status: int, subject: str) -> RawRecord:
    went = _encode({"error": "revoked"}) if status == 403 else None
    return RawRecord(
        VERSION,
        at,
        party,
        peer,
        "POST",
        route,
        route,
        status,
        0,
        len(went or b""),
        Received("", None, {}),
        Sent(JSON if went else "", went),
        subject,
        "",
        "",
    )


def observed_lines(
    kept: Mapping[str, Sequence[tuple[float, RawRecord]]], addresses: Addresses
) -> Iterator[tuple[float, RawRecord]]:
    """What an observer of the network sees of all this: source address, destination host, time and sizes alone.

    It knows people by their addresses, as whoever carries the traffic does.
    """
    for party, records in kept.items():
        host = HOSTS.get(party)
        if host is None:
            continue
        for at, record in records:
            yield (
                at,
                RawRecord(
                    VERSION,
                    at,
                    "network_observer",
                    record.peer,
                    "",
                    "",
                    "",
                    0,
                    record.up + TLS,
                    record.down + TLS,
                    Received("", None, {"host": host}),
                    Sent("", None),
                    record.peer,
                    "",
                    "",
                ),
            )
