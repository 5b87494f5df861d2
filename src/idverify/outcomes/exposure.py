"""Exposure on breach: what a thief's copy of one database says of a person, backward and forward.

    backward = log-ins a day · share that the party hears of · days that the mandate lets it keep them · link success
    link success = share named + (1 − share named) · top-1 of the attributes that are kept,
                   or what the strongest attack of such a thief achieved, if that is more

Backward are the log-ins that the copy holds once the party has existed for as long as it may keep them; a short run
holds only those of some seconds, and they are told beside it. Forward is what the copy makes recognisable later: the
measured share of later events at the same platform, or of events at another, whose shown values join to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from idverify.ledger_decode import Record
from idverify.outcomes.assumptions import LOGINS_A_DAY
from idverify.outcomes.model import Exposure, Rate
from idverify.outcomes.shares import rate
from idverify.outcomes.shown import digests
from idverify.scheme import Person

DATED = ("created", "time")
"""Columns that say when something happened; what has another date was not done by the person."""
EVENTS_APART = frozenset({"account"})
"""Tables whose rows stand for somebody, not for something that they did."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One stolen database: for each person, how many dated rows it has, and all values."""

    events: Mapping[str, int]
    values: Mapping[str, frozenset[str]]


def copy_of(records: Iterable[Record]) -> Copy:
    """The rows of a thief's ledger that belong to somebody, by the account or the ID number."""
    events: dict[str, int] = {}
    values: dict[str, set[str]] = {}
    for record in records:
        if not record.subject:
            continue
        fields = {name.removeprefix("received."): value for name, value in record.fields.items()}
        dated = record.route not in EVENTS_APART and any(name in fields for name in DATED)
        events[record.subject] = events.get(record.subject, 0) + dated
        values.setdefault(record.subject, set()).update(map(str, fields.values()), {record.subject})
    return Copy(events, {subject: frozenset(texts) for subject, texts in values.items()})


def names_person(values: Collection[str], id_number: str) -> bool:
    """Whether the ID number is among the values, as it is or as SHA-256, which trying all numbers undoes."""
    return id_number in values or any(digest in values for digest in digests(id_number))


def exposure(
    party: str,
    copy: Copy,
    *,
    about: Mapping[str, Person],
    top_1: float,
    events_per_login: float,
    retention: float | None,
    stated: bool,
    attributes: Sequence[str],
    forward: Mapping[str, Rate],
    thieves: Mapping[str, Rate],
) -> Exposure:
    """What the copy exposes. `about` says who its subjects are, for counting only; `top_1` is that of the
    attributes that the party keeps; `retention` in days, None for as long as the account exists."""
    persons = sorted(copy.values.keys() & about.keys())
    named = rate(sum(names_person(copy.values[each], about[each].id_number) for each in persons), len(persons))
    share = named.k / named.n if named.n else 0.0
    alone = thieves.get(f"thief_of_{party}")
    measured = alone.k / alone.n if alone is not None and alone.n else 0.0
    link = max(share + (1.0 - share) * top_1, measured)
    logins = float(LOGINS_A_DAY) * events_per_login * retention if retention is not None and stated else None
    return Exposure(
        party=party,
        persons=len(persons),
        events=round(sum(copy.events[each] for each in persons) / len(persons), 3) if persons else None,
        named=named,
        attributes=list(attributes),
        named_by_attributes=top_1,
        retention_days=retention,
        retention_stated=stated,
        backward=None if logins is None or not persons else round(logins * link, 3),
        forward=dict(forward),
        thieves=dict(thieves),
    )


def kept_together(copy: Copy, about: Mapping[str, Person]) -> tuple[str, ...]:
    """The attributes, beside the ID number, that the rows of most persons hold."""
    counts: Counter[str] = Counter()
    persons = copy.values.keys() & about.keys()
    for subject in persons:
        person, values = about[subject], copy.values[subject]
        held = {"name": person.name, "birth_date": person.born.isoformat(), "province": person.province}
        counts.update(name for name, value in held.items() if value in values)
    return tuple(name for name in ("name", "birth_date", "province") if counts[name] > len(persons) / 2)
