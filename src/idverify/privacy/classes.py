"""Values that many people share: how much an agreement says, and who is left.

A feature is a value that each subject may have at both parties: an address, a birth date, a key of the issuer. Where
candidate and target agree on a value that a share q of the candidates has, the likelihood ratio is (1 − m)/q, where
they do not it is m, the probability that one person shows two values. Features count as independent.

Everything is relational. A feature on which too many pairs of subjects agree names nobody by itself; it only weighs
those whom the others name, or, where there are no others, all such features must agree at once.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from idverify.privacy.answers import Posterior
from idverify.privacy.engine import counted, kept
from idverify.privacy.matching import LEAST_KEPT, MOST_ENTRIES, gathered, normal
from idverify.privacy.view import View, places

if TYPE_CHECKING:
    from ibis.expr.types import Table

MOST_AGREEING = 8_000_000
"""Pairs of subjects that agree on one feature and are still looked at one by one."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A value of candidates and of targets: tables with the columns subject and value, each row once."""

    name: str
    first: Table
    second: Table
    moved: float  # m


@dataclass(frozen=True, slots=True)
class Weighed:
    """The posterior, the features that said something, and how many targets had to be left out."""

    posterior: Posterior
    names: tuple[str, ...]
    left_out: int = 0


def weigh(view: View, features: Sequence[Feature]) -> Weighed | None:
    """The posterior over the source's subjects; None where no feature tells anybody from anybody."""
    assert view.source is not None
    names, subjects = view.subjects(view.source), view.subjects(view.target)
    sizes = {feature.name: _size(view, feature) for feature in features}
    telling = [f for f in features if 0 < sizes[f.name] < 0.9 * len(names) * max(_targets(view, f), 1)]
    if not telling:
        return None
    small = [f for f in telling if sizes[f.name] <= MOST_AGREEING]
    large = [f for f in telling if sizes[f.name] > MOST_AGREEING]
    left_out = 0
    if small:
        found = kept(view.engine, _summed([_agreeing(view, feature) for feature in small]))
        if large:
            found = _summed([found, *(_among(view, feature, found) for feature in large)])
    else:
        together = _together(large)
        size = _size(view, together)
        if size > MOST_AGREEING:
            most = max(1, int(len(subjects) * MOST_AGREEING / size))
            left_out = max(0, len(subjects) - most)
            chosen = together.second.filter(together.second.subject < subjects[min(most, len(subjects) - 1)])
            together = Feature(together.name, together.first, chosen, together.moved)
        found = _summed([_agreeing(view, together)])
    rows = view.engine.to_pyarrow(found.order_by("second", "first"))
    owner, who = places(subjects, rows.column("second")), places(names, rows.column("first"))
    gain = rows.column("gain").to_numpy(zero_copy_only=False).astype(np.float64)
    most = max(LEAST_KEPT, MOST_ENTRIES // max(len(subjects), 1))
    posterior = gathered([normal(owner, who, gain, pool=len(names), most=most)], names, subjects)
    return Weighed(posterior, tuple(f.name for f in telling), left_out)


def met(view: View, one: Table, two: Table) -> tuple[int, int]:
    """How many distinct values the second table has, and how many of them are in the first too."""
    here = one.select("value", known="value").distinct()
    both = two.select("value").distinct().left_join(here, "value")
    (row,) = view.engine.to_pyarrow(both.agg(total=both.count(), common=both.known.count())).to_pylist()
    return row["total"], row["common"]


def _targets(view: View, feature: Feature) -> int:
    return counted(view.engine, feature.second.select("subject").distinct())


def _size(view: View, feature: Feature) -> int:
    """How many pairs of subjects agree on it, several values of one counted several times."""
    one = feature.first.group_by("value").agg(n=lambda t: t.count())
    two = feature.second.group_by("value").agg(m=lambda t: t.count())
    met = one.join(two, "value")
    found = view.engine.to_pyarrow((met.n * met.m).sum()).as_py()
    return int(found or 0)


def _gains(view: View, feature: Feature) -> Table:
    """Each value and what it says that both have it: log((1 − m)/q) − log m, against not having it."""
    holders = counted(view.engine, feature.first.select("subject").distinct())
    seen = feature.first.group_by("value").agg(n=lambda t: t.count())
    least = math.log((1.0 - feature.moved) / feature.moved)
    return seen.select("value", gain=(least + math.log(max(holders, 1)) - seen.n.cast("float64").ln()).round(9))


def _agreeing(view: View, feature: Feature) -> Table:
    one = feature.first.join(_gains(view, feature), "value").select("value", "gain", first="subject")
    two = feature.second.select("value", second="subject")
    met = one.join(two, "value")
    return met.group_by("first", "second").agg(gain=met.gain.max())


def _among(view: View, feature: Feature, found: Table) -> Table:
    """The gains of a feature among pairs of subjects that others have named."""
    one = feature.first.join(_gains(view, feature), "value").select("value", "gain", first="subject")
    two = feature.second.select("value", second="subject")
    met = found.select("first", "second").join(one, "first").join(two, ["second", "value"])
    return met.group_by("first", "second").agg(gain=met.gain.max())


def _summed(tables: Sequence[Table]) -> Table:
    every = reduce(lambda one, other: one.union(other), (t.select("first", "second", "gain") for t in tables))
    return every.group_by("first", "second").agg(gain=every.gain.sum().round(9))


def _together(features: Sequence[Feature]) -> Feature:
    """One feature of several, for subjects that have one value of each."""

    def one_of_each(side: str) -> Table:
        whole: Table | None = None
        for number, feature in enumerate(features):
            table = getattr(feature, side)
            single = table.group_by("subject").agg(n=table.count(), v=table.value.min().cast("string"))
            single = single.filter(single.n == 1).select("subject", **{f"v{number}": single.v})
            whole = single if whole is None else whole.join(single, "subject")
        assert whole is not None
        parts = [whole[f"v{number}"] for number in range(len(features))]
        return whole.select("subject", value=reduce(lambda a, b: a.concat("|").concat(b), parts))

    return Feature(
        " and ".join(f.name for f in features),
        one_of_each("first"),
        one_of_each("second"),
        max(f.moved for f in features),
    )
