"""Attack 2, enumeration: a platform alone tries all ID numbers that there can be against the hashes it has.

ID numbers are short and orderly: province, century and sex, year of birth, serial. What else the platform knows of a
person, a birth date for one, leaves only some groups to try. An ID number in clear needs no trying.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from idverify.privacy.answers import Answer, Candidate, posterior_of
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.quasi_identifiers import KNOWN
from idverify.privacy.enumerating import Tried, enumerate_groups
from idverify.privacy.public import IdNumbers
from idverify.privacy.view import View

NAME = "enumeration"
YEARS = range(1926, 2020)
"""Years of birth that are tried where a ledger does not say."""
CERTAIN = 0.999


@dataclass(frozen=True, slots=True)
class Handle:
    """A value that may be an ID number or its hash, and whose it is."""

    subject: str
    field: str
    value: str


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
    groups = list(_groups(view, numbers))[: max(1, view.hashes // numbers.serials)]
    tried = enumerate_groups(
        groups,
        (bytes.fromhex(handle.value) for handle in hashed),
        serials=numbers.serials,
        processes=os.cpu_count() or 1,
    )
    whose = {h.subject: tried.found[d] for h in hashed if (d := bytes.fromhex(h.value)) in tried.found}
    fields = sorted({f"{h.field} = SHA-256 of an ID number" for h in hashed if h.subject in whose})
    made = _found(view, whose, [*fields, _effort(tried, numbers)])
    return made if whose else replace(made, silent=f"none found so far: {_effort(tried, numbers)}")


def _found(view: View, whose: Mapping[str, str], pairs: list[str]) -> Answer:
    rows = {s: [Candidate(whose[s], CERTAIN)] if s in whose else [] for s in view.subjects(view.target)}
    return answer(view, NAME, posterior_of(rows), tuple(pairs))


def _effort(tried: Tried, numbers: IdNumbers) -> str:
    """How much was tried, and how long all of it would take here: a figure that is EXTRAPOLATED."""
    whole = len(numbers.provinces or [""]) * 2 * len(YEARS) * numbers.serials
    rate = tried.tried / max(tried.seconds, 1e-9)
    return (
        f"{tried.tried:,} of {whole:,} possible numbers tried in {tried.seconds:.1f} s on {tried.processes} "
        f"processors; EXTRAPOLATED: all of them take {whole / rate / 60:,.0f} minutes"
    )


def _plain(view: View, numbers: IdNumbers) -> Iterator[Handle]:
    shape = re.compile(rf"\d{{{numbers.digits}}}")
    first, last = numbers.first_province, numbers.first_province + max(len(numbers.provinces), 1)
    leaves = view.leaves(view.target)
    rows = leaves.filter(leaves.subject.notnull() & (leaves.text.length() == numbers.digits) & (leaves.bits > 0))
    for row in _rows(view, rows.select("subject", "field", value="text")):
        if shape.fullmatch(row.value) and first <= int(row.value[:3]) < last:
            yield row


def _hashed(view: View) -> Iterator[Handle]:
    leaves = view.leaves(view.target)
    rows = leaves.filter(leaves.subject.notnull() & leaves.digest.notnull())
    return _rows(view, rows.select("subject", "field", value="digest"))


def _rows(view: View, table) -> Iterator[Handle]:  # type: ignore[no-untyped-def]
    for row in view.engine.to_pyarrow(table.distinct().order_by("subject", "field", "value")).to_pylist():
        yield Handle(row["subject"], row["field"], row["value"])


def _groups(view: View, numbers: IdNumbers) -> Iterator[str]:
    """Groups in the order of how many of the wanted are expected in each."""
    weights = numbers.weights or [1.0] * len(numbers.provinces)
    provinces = sorted(range(len(weights)), key=lambda n: -weights[n])
    years = _years(view)
    order = sorted(
        ((share * weights[n], year, male, n) for year, share in years.items() for n in provinces for male in (0, 1)),
        key=lambda item: (-item[0], item[1:]),
    )
    for _, year, female, number in order:
        century = 2 * (year >= 2000) + female
        yield f"{numbers.first_province + number:03d}{century}{year % 100:02d}"


def _years(view: View) -> dict[int, float]:
    """How many of the subjects were born in each year, as far as the ledger says; else as the country's people are."""
    leaves = view.leaves(view.target)
    names = KNOWN["birth_date"]
    rows = leaves.filter(leaves.subject.notnull() & leaves.text.re_search(r"^\d{4}-\d\d-\d\d$"))
    born = Counter(
        int(handle.value[:4])
        for handle in _rows(view, rows.select("subject", "field", value="text"))
        if handle.field.rpartition(".")[2] in names
    )
    if born:
        return dict(born)
    population = view.public.population
    published = {int(year): share for year, share in population.years.items()} if population else {}
    return published or dict.fromkeys(YEARS, 1.0)
