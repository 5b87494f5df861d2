"""Who logs in when, what was issued for it, and which credential was shown: arrays, not loops.

Times are in seconds from the start of the scenario and may be negative (what was issued before). Every random column
has a Philox stream of its own, named, so that another setting or column changes no other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idverify.simulation import delays
from idverify.simulation.delays import Floats
from idverify.simulation.scenario import DAY, Scenario

Ints = NDArray[np.int64]

ELSEWHERE = -1
ENROLMENT = DAY
"""Wallets get their first credentials within this many seconds before the first login."""


def stream(seed: int, column: str) -> np.random.Generator:
    """The random numbers of one column."""
    key = int.from_bytes(hashlib.sha256(column.encode()).digest()[:4], "big")
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(key,))))


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Logins in the order of person and time; issuances in no order. `shown[i]` is the credential of login i.

    A login elsewhere has the platform ELSEWHERE. Credential c was given by issuance `origin[c]`.
    """

    person: Ints
    platform: Ints
    time: Floats
    shown: Ints
    issued_to: Ints
    issued: Floats
    origin: Ints

    @property
    def logins(self) -> int:
        return len(self.time)


def events(scenario: Scenario, seed: int) -> Events:
    """Draw one course of events."""
    person, platform, time = _logins(scenario, seed)
    order = np.lexsort((time, person))
    person, platform, time = person[order], platform[order], time[order]
    made = _once_only if scenario.reuse == "once_only" else _reused
    shown, issued_to, issued, origin = made(scenario, seed, person=person, platform=platform, time=time)
    return Events(person, platform, time, shown, issued_to, issued, origin)


def _logins(scenario: Scenario, seed: int) -> tuple[Ints, Ints, Floats]:
    cells = scenario.citizens * scenario.platforms
    if scenario.exactly is None:
        counts = stream(seed, "logins").poisson(scenario.logins * scenario.days, cells)
    else:
        counts = np.full(cells, scenario.exactly)
    cell = np.repeat(np.arange(cells, dtype=np.int64), counts)
    time = stream(seed, "times").uniform(0.0, scenario.seconds, len(cell))
    unread = np.repeat(np.arange(scenario.citizens, dtype=np.int64), scenario.elsewhere)
    return (
        np.concatenate([cell // scenario.platforms, unread]),
        np.concatenate([cell % scenario.platforms, np.full_like(unread, ELSEWHERE)]),
        np.concatenate([time, stream(seed, "elsewhere").uniform(0.0, scenario.seconds, len(unread))]),
    )


def _place(person: Ints) -> Ints:
    """The place of each login among those of its person, from 0; logins are sorted by person."""
    if not len(person):
        return person
    starts = np.flatnonzero(np.r_[True, person[1:] != person[:-1]])
    return np.arange(len(person)) - np.repeat(starts, np.diff(np.r_[starts, len(person)]))


def _once_only(
    scenario: Scenario, seed: int, *, person: Ints, platform: Ints, time: Floats
) -> tuple[Ints, Ints, Floats, Ints]:
    """Every credential is shown once (method A of the EU's Architecture and Reference Framework)."""
    delay = delays.draw(scenario.delay, stream(seed, "delays"), size=len(time))
    everybody = np.arange(scenario.citizens, dtype=np.int64)
    enrolled = -stream(seed, "enrolment").uniform(0.0, ENROLMENT, scenario.citizens)
    k, batch = _place(person), scenario.batch
    logins = np.arange(len(time), dtype=np.int64)
    if scenario.refill == "just_in_time":
        # A batch is asked for each time, and the first of it shown.
        return logins * batch, person, time - delay, np.repeat(logins, batch)
    if scenario.refill in ("after_use", "delayed"):
        # The wallet begins with a batch; each use is followed by the issuance of one more.
        first = np.repeat(everybody, batch)
        starts = np.searchsorted(person, everybody)
        later = scenario.citizens * batch + starts[person] + k - batch
        shown = np.where(k < batch, person * batch + k, later)
        issued = np.concatenate([enrolled, time + delay])
        return shown, np.r_[everybody, person], issued, np.r_[first, scenario.citizens + logins]
    if scenario.refill == "when_empty":
        # Wallets are met at any point of their cycle: some of the first batch is used already.
        left = stream(seed, "stock").integers(0, batch, scenario.citizens)[person]
        cycle, place = (k - left) // batch, (k - left) % batch
        empty = np.flatnonzero((k >= left) & (place == 0))
        issuance = np.where(k < left, person, scenario.citizens + np.searchsorted(empty, logins, side="right") - 1)
        shown = issuance * batch + np.where(cycle < 0, k + batch - left, place)
        total = scenario.citizens + len(empty)
        issued = np.concatenate([enrolled, time[empty] - delay[empty]])
        return shown, np.r_[everybody, person[empty]], issued, np.repeat(np.arange(total), batch)
    # A fixed schedule: everybody has an hour of their own, whatever they do between.
    phase = stream(seed, "phase").uniform(0.0, scenario.schedule, scenario.citizens)
    rounds = int(np.ceil(scenario.seconds / scenario.schedule)) + 1
    issued = (phase[:, None] + (np.arange(rounds) - 1)[None, :] * scenario.schedule).ravel()
    turn = np.clip(np.floor((time - phase[person]) / scenario.schedule).astype(np.int64) + 1, 0, rounds - 1)
    issuance = person * rounds + turn
    used = _place(issuance)  # sorted by person and time, hence by issuance
    most = int(max(batch, used.max(initial=0) + 1))
    return issuance * most + used, np.repeat(everybody, rounds), issued, np.repeat(np.arange(len(issued)), most)


def _reused(
    scenario: Scenario, seed: int, *, person: Ints, platform: Ints, time: Floats
) -> tuple[Ints, Ints, Floats, Ints]:
    """Credentials that are shown again: for a limited time (B), in turn from a batch (C), one a platform (D), for ever.

    A wallet renews what has come of age at the first login after it. Ages are counted on a clock of each person's own.
    """
    batch = scenario.batch if scenario.reuse == "rotating_batch" else 1
    if scenario.reuse == "unlimited":
        everybody = np.arange(scenario.citizens, dtype=np.int64)
        enrolled = -stream(seed, "enrolment").uniform(0.0, ENROLMENT, scenario.citizens)
        return person, everybody, enrolled, everybody
    delay = delays.draw(scenario.delay, stream(seed, "delays"), size=len(time))
    phase = stream(seed, "phase").uniform(0.0, scenario.lifetime, scenario.citizens)
    age = np.floor((time + phase[person]) / scenario.lifetime).astype(np.int64)
    apart = platform if scenario.reuse == "per_platform" else np.zeros_like(platform)
    group = (person * (scenario.platforms + 1) + apart + 1) * (int(age.max(initial=0)) + 1) + age
    _, first, number = np.unique(group, return_index=True, return_inverse=True)
    order = np.lexsort((time, number))
    turn = np.empty(len(time), dtype=np.int64)
    turn[order] = _place(number[order])
    shown = number * batch + turn % batch
    # Within a group logins are in the order of time, so that the first is the one that renewed it.
    return shown, person[first], time[first] - delay[first], np.repeat(np.arange(len(first)), batch)
