"""Attack 2, enumeration: a platform alone tries all ID numbers that there can be against the hashes it has.

ID numbers are short and orderly: province, century and sex, year of birth, serial. What else the platform knows of a
person, a birth date for one, leaves only some groups to try; they are tried in the order of how many of the people on
the ledger are expected in each, from the published shares of provinces and years. Where thirty should have been found
by now and nobody was, the values are no hashes of ID numbers, and the rest is not tried. An ID number in clear needs
no trying.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from subprocess import CalledProcessError
from typing import TYPE_CHECKING

from idverify.errors import BadEnvironment
from idverify.privacy import hashes
from idverify.privacy.answers import Answer, Candidate, Search, posterior_of
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.quasi_identifiers import KNOWN
from idverify.privacy.engine import asked
from idverify.privacy.enumerating import ALONE, Tried, enumerate_groups
from idverify.privacy.public import IdNumbers
from idverify.privacy.view import View

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from idverify.privacy.compiled import Question, Said

NAME = "enumeration"
YEARS = range(1926, 2020)
"""Years of birth that are tried where a ledger does not say."""
CERTAIN = 0.999
ENOUGH = 30.0
"""People who should have been found where their years are known: that none is would be more than bad luck."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A value that may be an ID number or its hash, and whose it is."""

    subject: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Group:
    """All ID numbers that begin alike, and how many people of the ledger are expected among them."""

    name: str
    expected: float


def enumeration(view: View) -> Answer:
    """Find the ID numbers behind the subjects of a party that is alone with its ledger."""
    if view.source is not None:
        return no_answer(view, NAME, "the coalition knows its people, and the exact join compares hashes too")
    numbers = view.public.id_numbers
    if numbers is None:
        return no_answer(view, NAME, "nothing is published about what an ID number looks like")
    plain, hashed = list(_plain(view, numbers)), list(_hashed(view))
    if plain:
        whose = {handle.subject: handle.value for handle in plain}
        return _found(view, whose, sorted({f"{h.field} is an ID number" for h in plain}))
    if not hashed:
        return no_answer(view, NAME, "no value is as long as a hash")
    born = _born(view)
    groups = list(_groups(view, numbers, born))
    known = born or _published(view)
    some = groups[: max(1, view.hashes // numbers.serials)]
    tried = _tried(view, some, hashed, numbers, enough=ENOUGH if known else math.inf)
    whose = {h.subject: tried.found[d] for h in hashed if (d := bytes.fromhex(h.value)) in tried.found}
    fields = sorted({f"{h.field} = SHA-256 of an ID number" for h in hashed if bytes.fromhex(h.value) in tried.found})
    whole = len(groups) * numbers.serials
    search = Search(tried.tried, whole, whole * tried.seconds / max(tried.tried, 1))
    expected = sum(group.expected for group in groups[: tried.groups])
    people = len(view.subjects(view.target))
    effort = _effort(search, tried, expected=expected, people=people)
    made = _found(view, whose, [*fields, effort])
    left = expected < ENOUGH and tried.tried < whole and len(whose) < people
    return replace(made, silent="" if whose else f"none found so far: {effort}", search=search if left else None)


def _tried(view: View, groups: list[Group], hashed: list[Handle], numbers: IdNumbers, *, enough: float) -> Tried:
    """All groups, or as many as it takes to see that none will be found."""
    digests = {bytes.fromhex(handle.value) for handle in hashed}
    first = 1 + sum(total < enough for total in accumulate(group.expected for group in groups))

    def more(some: list[Group]) -> Tried:
        names = [group.name for group in some]
        if len(names) * numbers.serials <= ALONE:
            made = [hashes.hashes_in(view.hashed, name, numbers.serials) for name in names]
            return hashes.tried(made, digests, serials=numbers.serials)
        try:
            return enumerate_groups(names, digests, serials=numbers.serials, processes=os.cpu_count() or 1)
        except CalledProcessError as error:
            raise BadEnvironment(f"a process that tried ID numbers ended with {error.returncode}") from error

    begun = more(groups[:first])
    return begun if not begun.found or len(begun.found) == len(digests) else begun.then(more(groups[first:]))


def _found(view: View, whose: Mapping[str, str], pairs: list[str]) -> Answer:
    rows = {s: [Candidate(whose[s], CERTAIN)] if s in whose else [] for s in view.subjects(view.target)}
    return answer(view, NAME, posterior_of(rows), tuple(pairs))


def _effort(search: Search, tried: Tried, *, expected: float, people: int) -> str:
    """How much was tried, and how long all of it would take here: a figure that is EXTRAPOLATED."""
    return (
        f"{search.tried:,} of {search.possible:,} possible numbers tried in {tried.seconds:.1f} s on "
        f"{tried.processes} processors, where {expected:,.1f} of {people:,} people were expected; "
        f"EXTRAPOLATED: all of them take {_duration(search.seconds)}"
    )


def _duration(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120.0 else f"{seconds / 60.0:,.0f} minutes"


def _plain(view: View, numbers: IdNumbers) -> Iterator[Handle]:
    shape = re.compile(rf"\d{{{numbers.digits}}}")
    first, last = numbers.first_province, numbers.first_province + max(len(numbers.provinces), 1)
    for row in _rows(view, _long, digits=numbers.digits):
        if shape.fullmatch(row.value) and first <= int(row.value[:3]) < last:
            yield row


def _hashed(view: View) -> Iterator[Handle]:
    return _rows(view, _digests)


def _rows(view: View, question: Question, **said: Said) -> Iterator[Handle]:
    """What a question says of the target's leaves."""
    rows = asked(view.engine, question, view.leaves(view.target), **said)
    columns = (rows.column(name).to_pylist() for name in ("subject", "field", "value"))
    return map(Handle, *columns)


def _long(leaves: Table, *, digits: int) -> Table:
    rows = leaves.filter(leaves.subject.notnull() & (leaves.text.length() == digits) & (leaves.bits > 0))
    return _each(rows.select("subject", "field", value="text"))


def _digests(leaves: Table) -> Table:
    rows = leaves.filter(leaves.subject.notnull() & leaves.digest.notnull())
    return _each(rows.select("subject", "field", value="digest"))


def _dates(leaves: Table) -> Table:
    rows = leaves.filter(leaves.subject.notnull() & leaves.text.re_search(r"^\d{4}-\d\d-\d\d$"))
    return _each(rows.select("subject", "field", value="text"))


def _each(rows: Table) -> Table:
    return rows.distinct().order_by("subject", "field", "value")


def _groups(view: View, numbers: IdNumbers, born: Mapping[int, float]) -> Iterator[Group]:
    """Groups in the order of how many of the wanted are expected in each."""
    weights = numbers.weights or [1.0] * max(len(numbers.provinces), 1)
    total = sum(weights)
    years = born or _published(view) or dict.fromkeys(YEARS, 1.0)
    people = len(view.subjects(view.target)) / sum(years.values())
    order = sorted(
        (-people * share * weight / total / 2.0, year, number, female)
        for year, share in years.items()
        for number, weight in enumerate(weights)
        for female in (0, 1)
    )
    for expected, year, number, female in order:
        century = 2 * ((year - 1900) // 100) + female
        yield Group(f"{numbers.first_province + number:03d}{century}{year % 100:02d}", -expected)


def _born(view: View) -> dict[int, float]:
    """How many of the subjects were born in each year, as far as the ledger says."""
    names = KNOWN["birth_date"]
    return dict(
        Counter(
            int(handle.value[:4])
            for handle in _rows(view, _dates)
            if handle.field.rpartition(".")[2] in names and 1900 <= int(handle.value[:4]) < 2400
        )
    )


def _published(view: View) -> dict[int, float]:
    population = view.public.population
    return {int(year): share for year, share in population.years.items() if share > 0.0} if population else {}
