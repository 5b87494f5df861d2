"""What a coalition has on the table: the ledgers of its parties, as they arrived or as the mandate lets them be kept.

A view is relational tables and what is public, never the truth. Filters are expressions on the tables: nothing is
copied. A thief at a time gets what was there then: nothing younger, and in the kept view nothing that was deleted.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from idverify.errors import BadEnvironment, BadUsage
from idverify.privacy.answers import Answer, AttackerName, Floats, Ints, ViewName
from idverify.privacy.engine import asked, named, named_of, read
from idverify.privacy.hashes import Hashed
from idverify.privacy.public import Kept, Public, PublicScheme, Role
from idverify.privacy.rows import EVENTS, LEAVES
from idverify.privacy.tables import check_table

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, Table, Value

    from idverify.privacy.engine import Engine
    from idverify.privacy.shadow import Learned

KNOWS_PEOPLE: tuple[Role, ...] = ("issuer", "attester", "telecom", "token_issuer")
"""The roles whose subjects are people, in the order in which a coalition asks them for names."""
SHOWN_TO: tuple[Role, ...] = ("platform", "status_host", "relay", "opener", "network_observer")
DAY = 86_400.0
HASHES = 12_000_000
"""How many hashes an enumeration tries before it says how long the rest would take: five seconds or ten."""
REFUSED = " refused"
"""What is added to a route where the answer was a refusal: a rhythm of its own."""


Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Events:
    """Dated records that belong to somebody: `who` are places in `names`, times are in seconds, ascending."""

    names: tuple[str, ...]
    who: Ints
    time: Floats
    route: NDArray[np.str_]
    peer: NDArray[np.object_]
    agent: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of the ledgers: the view, and the time of the theft (seconds since 1970; None: at the end)."""

    view: ViewName = "arrived"
    at: float | None = None


@dataclass
class View:
    """One coalition's view. Tables have the columns of `rows.EVENTS` and `rows.LEAVES`."""

    coalition: tuple[str, ...]
    public: Public
    engine: Engine
    closed: Path
    attacker: AttackerName = "policy"
    cut: Cut = field(default_factory=Cut)
    learned: Learned | None = None
    hashes: int = HASHES
    hashed: Hashed = field(default_factory=dict)  # with views of any tables: hashes of all numbers that there can be
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    beside: tuple[tuple[str, ...], ...] = ()  # other coalitions that will be asked about with these tables
    shared: dict[tuple[str, ...], object] = field(default_factory=dict)  # with views of the same tables and cut

    def __post_init__(self) -> None:
        if not self.coalition or len(set(self.coalition)) != len(self.coalition):
            raise BadUsage(
                f"a coalition of {','.join(self.coalition) or 'nobody'}",
                hint="name one or more parties, each once: identity_provider,platform_a",
            )
        self._said: dict[str, Answer] = {}

    @cached_property
    def target(self) -> str:
        """The party whose subjects are to be found out: the last-named platform, or who comes nearest to one."""
        for roles in (("platform",), SHOWN_TO):
            named = [party for party in self.coalition if self.public.role(party) in roles]
            if named:
                return named[-1]
        return self.coalition[-1]

    @cached_property
    def source(self) -> str | None:
        """The party that knows who the candidates are; None where the target is alone."""
        others = [party for party in self.coalition if party != self.target]
        for role in KNOWS_PEOPLE:
            if named := [party for party in others if self.public.role(party) == role]:
                return named[0]
        platforms = [party for party in others if self.public.role(party) == "platform"]
        return platforms[0] if platforms else others[0] if others else None

    @property
    def helpers(self) -> tuple[str, ...]:
        """The parties between the source and the target."""
        return tuple(party for party in self.coalition if party not in (self.source, self.target))

    def once(self, key: tuple[str, ...], work: Callable[[], Found]) -> Found:
        """What `work` finds, which is the same for every attacker and coalition that reads the same ledgers so."""
        if key not in self.shared:
            self.shared[key] = work()
        return cast("Found", self.shared[key])

    def of_each(self, key: str, party: str, work: Callable[[Sequence[str]], Iterable[Found]]) -> Found:
        """What `work` finds of a party. It is asked once for all parties that will be needed and are not known yet:
        one question about many costs hardly more than about one.
        """
        known = self.once((key,), dict[str, Found])
        if party not in known:
            more = [each for each in self.parties if each not in known]
            known.update(zip(more, work(more), strict=True))
        return known[party]

    @property
    def parties(self) -> list[str]:
        """Those of this coalition, and of the ones beside it."""
        return sorted({party for coalition in (self.coalition, *self.beside) for party in coalition})

    def events(self, party: str) -> Table:
        """The party's records, with a subject for each that has one (a network observer's is the address)."""
        return self.once(("events", party), lambda: named(self.engine, self._events(party)))

    def _events(self, party: str) -> Table:
        table = self._read(party, "events")
        if self.public.role(party) == "network_observer":
            table = table.mutate(subject=table.peer)
        elif self.public.role(party) in ("status_host", "relay", "opener"):
            table = table.mutate(subject=table.subject.fill_null(table.flow))
        kept = self._kept(party)
        if kept is not None and not kept.addresses:
            table = table.mutate(peer=_nothing(), agent=_nothing())
        if kept is not None and kept.times != "exact":
            table = table.mutate(time=_coarse(table.time, kept))
        return table

    def leaves(self, party: str) -> Table:
        """The party's named values, with a subject for each that has one."""
        return self.once(("leaves", party), lambda: named(self.engine, self._leaves(party)))

    def _leaves(self, party: str) -> Table:
        table = self._read(party, "leaves")
        if self.public.role(party) in ("network_observer", "status_host", "relay", "opener"):
            owners = self.events(party).select("record", owner="subject")
            table = table.left_join(owners, "record").drop("record_right").drop("subject")
            table = table.rename(subject="owner")
        kept = self._kept(party)
        if kept is not None:
            last = table.field.re_replace("(?s)^.*[.]", "")  # Spark splits at an expression, and has no last element
            table = table.filter(last.isin(kept.fields)) if kept.fields else table.filter(last == "")
            if kept.times != "exact":
                table = table.mutate(time=_coarse(table.time, kept))
        return table

    def dated(self, party: str) -> Events:
        """The party's records that have a subject, in the order of time."""
        return self.of_each("dated", party, self._dated)

    def _dated(self, parties: Sequence[str]) -> Iterator[Events]:
        every = asked(self.engine, _in_time, *map(self.events, parties))
        for party, columns in zip(parties, split(every, len(parties)), strict=True):
            names = self.subjects(party)
            time, route, peer, agent = (
                columns.column(name).to_numpy(zero_copy_only=False) for name in ("time", "route", "peer", "agent")
            )
            who = places(names, columns.column("subject"))
            yield Events(names, who, time.astype(np.float64), route.astype(str), peer, agent)

    def subjects(self, party: str) -> tuple[str, ...]:
        """The subjects that a party knows, sorted."""
        return self._known(party)[0]

    def nobodys(self, party: str) -> int:
        """How many of a party's records have no subject."""
        return self._known(party)[1]

    def _known(self, party: str) -> tuple[tuple[str, ...], int]:
        def found(parties: Sequence[str]) -> Iterator[tuple[tuple[str, ...], int]]:
            every = asked(self.engine, _by_subject, *map(self.events, parties))
            for rows in split(every, len(parties)):
                subjects, records = rows.column("subject"), rows.column("records")
                nobodys = pc.sum(pc.filter(records, pc.is_null(subjects))).as_py() or 0
                yield tuple(subjects.drop_null().to_pylist()), nobodys

        return self.of_each("known", party, found)

    @property
    def pool(self) -> int:
        """N: how many candidates the coalition knows; without a source, the country's people."""
        if self.source is not None:
            return len(self.subjects(self.source))
        population = self.public.population
        return population.people if population else 0

    def routes(self, party: str) -> frozenset[str]:
        """The routes that this attacker knows to belong to issuance or presentation; empty where it knows none."""
        issues, shows = (self.public.role(party) in roles for roles in (KNOWS_PEOPLE, ("platform",)))
        if self.attacker == "blind" or not (issues or shows):
            return frozenset()
        return frozenset(
            route
            for scheme in self.public.schemes.values()
            for route in (scheme.issuance if issues else scheme.presentation)
        )

    @property
    def scheme(self) -> PublicScheme | None:
        """The one scheme in use, where this attacker knows of exactly one."""
        if self.attacker == "blind" or len(self.public.schemes) != 1:
            return None
        return next(iter(self.public.schemes.values()))

    def said(self, attack: Callable[[View], Answer]) -> Answer:
        """What an attack says of this view; each is asked once."""
        if attack.__name__ not in self._said:
            self._said[attack.__name__] = attack(self)
        return self._said[attack.__name__]

    @property
    def answered(self) -> Mapping[str, Answer]:
        """What the attacks have said so far, by their names."""
        return self._said

    def take_over(self, answers: Mapping[str, Answer]) -> None:
        """Take the answers of another attacker or coalition, for attacks to which it makes no difference."""
        self._said |= {
            name: replace(answer, attacker=self.attacker, coalition=self.coalition) for name, answer in answers.items()
        }

    def _kept(self, party: str) -> Kept | None:
        return self.public.kept.get(party) if self.cut.view == "kept" else None

    def _read(self, party: str, name: str) -> Table:
        place = self.closed / name / f"party={party}" / "part-0.parquet"
        if not place.is_file():
            raise BadEnvironment(f"there is no ledger of {party}", hint="name a party whose ledger is there")
        check_table(place, name, party)
        table = read(self.engine, place, {"events": EVENTS, "leaves": LEAVES}[name])
        chosen: list[BooleanValue] = []
        if self.cut.at is not None:
            chosen.append(table.time <= self.cut.at)
        kept = self._kept(party)
        if kept is not None and kept.days is not None:
            until = self.cut.at if self.cut.at is not None else table.time.max().as_scalar()
            chosen.append(table.time >= until - kept.days * DAY)
        return table.filter(*chosen) if chosen else table


def places(names: Sequence[str], column: pa.ChunkedArray) -> Ints:
    """For each text of a column its place among `names`, all of which are there."""
    found = pc.index_in(column, value_set=pa.array(names, pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def split(every: pa.Table, parties: int) -> list[pa.Table]:
    """The rows of each party, of a table in their order: the column `party` is a place among so many."""
    whose = every.column("party").to_numpy(zero_copy_only=False)
    ends = np.searchsorted(whose, np.arange(parties + 1))
    return [every.slice(begin, end - begin) for begin, end in pairwise(ends.tolist())]


def together(*tables: Table) -> Table:
    """The rows of all these tables, and `party`, the place of theirs."""
    import ibis

    placed = [table.mutate(party=ibis.literal(number, "int16")) for number, table in enumerate(tables)]
    return placed[0].union(*placed[1:]) if len(placed) > 1 else placed[0]


def part(on: Engine, every: Table, party: int) -> Table:
    """The rows of one party, of a table that has a name."""
    return named_of(on, _part, every, party=party)


def _part(every: Table, *, party: int) -> Table:
    return every.filter(every.party == party).drop("party")


def _in_time(*tables: Table) -> Table:
    """Dated records of somebody, in the order of time."""
    events = together(*(events.select("subject", "time", "route", "status", "peer", "agent") for events in tables))
    rows = events.filter(events.subject.notnull() & events.time.notnull())
    refused = rows.route.concat(REFUSED)
    rows = rows.mutate(route=(rows.status >= 400).ifelse(refused, rows.route)).drop("status")
    return rows.order_by("party", "time", "subject", "route")


def _by_subject(*tables: Table) -> Table:
    events = together(*(events.select("subject") for events in tables))
    return events.group_by("party", "subject").agg(records=events.count()).order_by("party", "subject")


def _nothing() -> Value:
    import ibis

    return ibis.null("string")


def _coarse(time: Value, kept: Kept) -> Value:
    import ibis

    return (time / DAY).floor() * DAY if kept.times == "day" else ibis.null("float64")


def coalition_of(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The parties of a coalition, checked against those that have a ledger. Raises BadUsage."""
    for name in names:
        if name not in known:
            raise BadUsage(f"{name!r} has no ledger here", hint=f"the ledgers are {', '.join(known)}")
    return tuple(names)
