"""The values that fill the templates of `rows.py`: one column of bytes for each name, made for all events at once.

Opaque texts have a Philox stream of their own for each scope and tag, so that the same credential shows the same
signature wherever it comes up, and nothing else is ever equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from idverify.errors import BadUsage
from idverify.population import Population
from idverify.simulation.delays import Floats
from idverify.simulation.events import Events, Ints, stream
from idverify.simulation.scenario import DAY, Scenario

Bytes = NDArray[np.bytes_]

START = 1_772_323_200
"""Second 0 of a scenario, since 1970: 1 March 2026 at 0:00 UTC."""
MOST_TEXT = 43
"""Base64url characters of an opaque text that the replay keeps: 256 bits."""
ISSUER_ORIGIN = "https://id.example"
PLATFORM_ORIGINS = ("https://a.example", "https://b.example")
PLATFORMS = ("platform_a", "platform_b")
_ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", dtype=np.uint8)
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Some events, with what each belongs to. −1 where an event has no such thing."""

    time: Floats
    person: Ints
    platform: Ints
    login: Ints
    issuance: Ints
    credential: Ints

    def __len__(self) -> int:
        return len(self.time)


class Columns:
    """All columns of one replay; those that nobody asks for are never made."""

    def __init__(self, scenario: Scenario, course: Events, *, seed: int) -> None:
        self.scenario = scenario
        self.course = course
        self.seed = seed
        self.people = Population.make(scenario.citizens, seed)
        self._made: dict[str, Bytes] = {}
        self._columns: dict[str, Callable[[Selection], Bytes]] = {
            "id": lambda s: self._of_person("id", s),
            "id-sha256": lambda s: self._of_person("id-sha256", s),
            "name": lambda s: self._of_person("name", s),
            "born": lambda s: self._of_person("born", s),
            "phone": lambda s: self._of_person("phone", s),
            "issuer": lambda s: np.full(len(s), ISSUER_ORIGIN.encode()),
            "audience": lambda s: np.array([o.encode() for o in PLATFORM_ORIGINS])[s.platform],
            "audience-digest": lambda s: self._digests()[s.platform],
            "flow": lambda s: self.text("login", "flow", 43, s),
            "now": lambda s: _whole(START + s.time),
            "iat": lambda s: self._issued_at(s, 0),
            "iat+600": lambda s: self._issued_at(s, 600),
            "iat+7776000": lambda s: self._issued_at(s, 7_776_000),
            "iso": self._issued_iso,
            "status": self._status,
            "key-byte": lambda s: _whole(self.key_of(s.person) % 256),
        }

    def column(self, name: str, chosen: Selection) -> Bytes:
        """The values of a placeholder for these events."""
        if name in self._columns:
            return self._columns[name](chosen)
        scope, _, rest = name.partition(".")
        tag, _, length = rest.partition(".")
        return self.text(scope, tag, int(length), chosen)

    def text(self, scope: str, tag: str, length: int, chosen: Selection) -> Bytes:
        """Opaque texts, one for each thing of that scope."""
        which, total = self._scope(scope, chosen)
        length = min(length, MOST_TEXT)
        name = f"{scope}.{tag}.{length}"
        if name not in self._made:
            drawn = np.frombuffer(stream(self.seed, name).bytes(total * length), dtype=np.uint8)
            letters = np.asarray(drawn & 63, dtype=np.uint8).reshape(total, length)
            if scope == "key" and length == MOST_TEXT:
                _end_in(letters, np.arange(total, dtype=np.int64) % 256)
            self._made[name] = _ALPHABET[letters.ravel()].view(f"S{length}")
        return self._made[name][which]

    def accounts(self) -> Bytes:
        """The handle of each person at each platform: 20 hexadecimal digits after an a, as the platforms give them."""
        if "accounts" not in self._made:
            cells = self.scenario.citizens * self.scenario.platforms
            drawn = stream(self.seed, "accounts").bytes(cells * 10).hex()
            self._made["accounts"] = np.array([f"a{drawn[at : at + 20]}".encode() for at in range(0, len(drawn), 20)])
        return self._made["accounts"]

    def cell(self, person: Ints, platform: Ints) -> Ints:
        """The place of a person at a platform."""
        return person * self.scenario.platforms + platform

    def ids(self) -> Bytes:
        """The ID number of each person."""
        return self._person_column("id")

    def key_of(self, person: Ints) -> Ints:
        """Which of the issuer's keys a person gets: each as often as any other, in a random order."""
        if self.scenario.keys == 1:
            return np.zeros_like(person)
        places = stream(self.seed, "keys").permutation(self.scenario.citizens)
        return places[person].astype(np.int64) % self.scenario.keys

    def status_of(self, credential: Ints) -> tuple[Ints, Ints]:
        """(list, index within it) of each credential; H to a list, or all on one. Indices on a list all differ.

        In sequence, indices are the order of issuance; else they are drawn among all entries of a list.
        """
        total = len(self.course.origin)
        rank = np.empty(total, dtype=np.int64)
        rank[np.argsort(self.course.issued[self.course.origin], kind="stable")] = np.arange(total)
        random = stream(self.seed, "indices")
        if self.scenario.index == "sequential":
            places = rank
        elif total <= self.scenario.entries:
            places = random.choice(self.scenario.entries, total, replace=False).astype(np.int64)
        else:
            places = random.permutation(total).astype(np.int64)
        # Who is on one list is no matter of when they came.
        mixed = random.permutation(total).astype(np.int64)
        lists = mixed // (self.scenario.holders or max(1, total))
        return lists[credential], places[credential]

    def _scope(self, scope: str, chosen: Selection) -> tuple[Ints, int]:
        s = self.scenario
        match scope:
            case "cred":
                return chosen.credential, len(self.course.origin)
            case "issue":
                return chosen.issuance, len(self.course.issued)
            case "login":
                return chosen.login, self.course.logins
            case "person":
                return chosen.person, s.citizens
            case "pair":
                return self.cell(chosen.person, chosen.platform), s.citizens * s.platforms
            case "key":
                return self.key_of(chosen.person), s.keys
        raise BadUsage(f"a template has no scope {scope!r}")

    def _of_person(self, name: str, chosen: Selection) -> Bytes:
        return self._person_column(name)[chosen.person]

    def _person_column(self, name: str) -> Bytes:
        if name not in self._made:
            self._made[name] = self._person_values(name)
        return self._made[name]

    def _person_values(self, name: str) -> Bytes:
        rows = range(self.scenario.citizens)
        if name == "name":
            return np.array([_json(self.people.person(row).name)[1:-1] for row in rows])
        if name == "born":
            return np.datetime_as_string(self.people.born.astype("datetime64[D]")).astype(np.bytes_)
        ids = [f"{number:012d}".encode() for number in self.people.number.tolist()]
        if name == "id-sha256":
            return np.array([hashlib.sha256(each).hexdigest().encode() for each in ids])
        if name == "phone":
            # +84 with a first digit that no Vietnamese operator has; 10n + 3 has no factor in common with 10^8.
            first, step = (int(n) for n in stream(self.seed, "phones").integers(0, 10**7, 2))
            return np.array([f"+840{(first + row * (10 * step + 3)) % 10**8:08d}".encode() for row in rows])
        return np.array(ids)

    def _digests(self) -> Bytes:
        digests = [hashlib.sha256(origin.encode()).hexdigest()[:MOST_TEXT] for origin in PLATFORM_ORIGINS]
        return np.array([digest.encode() for digest in digests])

    def _issued_at(self, chosen: Selection, later: int) -> Bytes:
        issued = START + self.course.issued[self.course.origin[chosen.credential]]
        match self.scenario.issued_at:
            case "day":
                return _whole(np.floor(issued / DAY) * DAY + later)
            case "second":
                return _whole(np.floor(issued) + later)
        # JSON's own spelling of a number: no trailing zeros that decoding would lose.
        return np.array([f"{round(at + later, 3):.3f}".encode() for at in issued.tolist()])

    def _issued_iso(self, chosen: Selection) -> Bytes:
        issued = START + self.course.issued[self.course.origin[chosen.credential]]
        unit = {"day": "D", "second": "s", "millisecond": "ms"}[self.scenario.issued_at]
        times = (np.floor(issued * 1000).astype("datetime64[ms]")).astype(f"datetime64[{unit}]")
        text: Bytes = np.datetime_as_string(times.astype("datetime64[s]" if unit == "D" else times.dtype)).astype("S")
        return np.char.add(text, b"Z")

    def _status(self, chosen: Selection) -> Bytes:
        if self.scenario.status == "none":
            return np.full(len(chosen), b"")
        lists, places = self.status_of(chosen.credential)
        return np.array(
            [
                f'"status":{{"status_list":{{"idx":{place},"uri":"{list_uri(number)}"}}}},'.encode()
                for number, place in zip(lists.tolist(), places.tolist(), strict=True)
            ]
        )


def _end_in(letters: NDArray[np.uint8], last: Ints) -> None:
    """Let texts of 256 bits end in these bytes: the truncated key id of RFC 9578 is the last byte of the whole one."""
    letters[:, -2] = (letters[:, -2] & 0x30) | (last >> 4).astype(np.uint8)
    letters[:, -1] = ((last & 15) << 2).astype(np.uint8)


def list_uri(number: int) -> str:
    """Where a status list is published."""
    return f"https://status.example/lists/{number}"


def _whole(values: Floats | Ints) -> Bytes:
    return np.asarray(values).astype(np.int64).astype(np.bytes_)
