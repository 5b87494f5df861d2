"""Values that many people share: how much an agreement says, and who is left.

A feature is a value that each subject may have at both parties: an address, a birth date, a key of the issuer. Where
candidate and target agree on a value that a share q of the candidates has, the likelihood ratio is (1 − m)/q, where
they do not it is m, the probability that one person shows two values. Features count as independent.

Everything is relational: a party's features are one table with the columns feature, subject and value, each row once.
What candidates and targets have in common is the same for every attacker, who only weighs it. A feature on which too
many pairs of subjects agree names nobody by itself; it only weighs those whom the others name, or, where there are no
others, all such features must agree at once.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from idverify.privacy.answers import Floats, Ints, Posterior
from idverify.privacy.engine import asked, kept, kept_of
from idverify.privacy.matching import LEAST_KEPT, MOST_ENTRIES, added, gathered, normal
from idverify.privacy.view import View, places

if TYPE_CHECKING:
    from ibis.expr.types import Table

MOST_AGREEING = 8_000_000
"""Pairs of subjects that agree on one feature and are still looked at one by one."""
_AND = " and "


@dataclass(frozen=True, slots=True)
class Size:
    """How much two parties have of a feature."""

    values: int  # distinct ones of the targets
    common: int  # of these, how many a candidate has too
    holders: int  # candidates that have a value
    targets: int  # targets that have a value
    agreeing: int  # pairs of subjects that agree, several values of one counted several times


@dataclass(frozen=True, slots=True)
class Agreeing:
    """Pairs of subjects that agree: on which feature, the places of target and candidate, and `sharing`, how many
    candidates have the value, the rarest of those that they agree on."""

    names: tuple[str, ...]
    features: tuple[tuple[str, ...], ...]  # several that must agree at once are one
    holders: tuple[int, ...]  # of each feature
    feature: Ints
    target: Ints
    candidate: Ints
    sharing: Ints
    left_out: int = 0  # targets


@dataclass(frozen=True, slots=True)
class Weighed:
    """The posterior, the features that said something, and how many targets had to be left out."""

    posterior: Posterior
    names: tuple[str, ...]
    left_out: int = 0


def sizes(view: View, first: Table, second: Table) -> dict[str, Size]:
    """Of tables that have names: how much candidates and targets have of each feature that the targets have."""
    return {
        row["feature"]: Size(
            row["values"], row["common"], row["holders"] or 0, row["targets"], int(row["agreeing"] or 0)
        )
        for row in asked(view.engine, _sizes, first, second).to_pylist()
    }


def agreeing(view: View, first: Table, second: Table, features: Mapping[str, Size]) -> Agreeing | None:
    """Who agrees on these features; None where none of them tells anybody from anybody."""
    assert view.source is not None
    names, subjects = view.subjects(view.source), view.subjects(view.target)
    telling = {f: s for f, s in features.items() if 0 < s.agreeing < 0.9 * len(names) * max(s.targets, 1)}
    if not telling:
        return None
    small = [feature for feature, size in telling.items() if size.agreeing <= MOST_AGREEING]
    large = [feature for feature, size in telling.items() if size.agreeing > MOST_AGREEING]
    holders: dict[tuple[str, ...], int] = {(feature,): size.holders for feature, size in telling.items()}
    left_out = 0
    if small and not large:
        rows = asked(view.engine, _met, first, second, features=tuple(small))
    elif small:
        found = kept_of(view.engine, _met, first, second, features=tuple(small))
        rows = view.engine.to_pyarrow(found.union(_among(first, second, large, found)))
    else:
        first, second = (kept(view.engine, _together(side, large)) for side in (first, second))
        (size,) = sizes(view, first, second).values()
        holders = {tuple(large): size.holders}
        if size.agreeing > MOST_AGREEING:
            most = max(1, int(len(subjects) * MOST_AGREEING / size.agreeing))
            left_out = max(0, len(subjects) - most)
            second = second.filter(second.subject < subjects[min(most, len(subjects) - 1)])
        rows = view.engine.to_pyarrow(_met(first, second, features=(_AND.join(large),)))
    return Agreeing(
        tuple(telling),
        tuple(holders),
        tuple(holders.values()),
        places([_AND.join(feature) for feature in holders], rows.column("feature")),
        places(subjects, rows.column("second")),
        places(names, rows.column("first")),
        rows.column("sharing").to_numpy(zero_copy_only=False),
        left_out,
    )


def weigh(view: View, found: Agreeing, moved: Mapping[str, float]) -> Weighed:
    """The posterior over the source's subjects. `moved`: m of each feature.

    What an agreement says against none: log((1 − m)/q) − log m, where q is `sharing` of `holders`.
    """
    assert view.source is not None
    names, subjects = view.subjects(view.source), view.subjects(view.target)
    chances = [max(moved[name] for name in feature) for feature in found.features]
    most_said: Floats = np.array(
        [math.log((1.0 - m) / m) + math.log(max(n, 1)) for m, n in zip(chances, found.holders, strict=True)]
    )
    gain = np.round(most_said[found.feature] - np.log(found.sharing), 9)
    owner, who, gain = added(found.target, found.candidate, gain, columns=len(names))
    most = max(LEAST_KEPT, MOST_ENTRIES // max(len(subjects), 1))
    posterior = gathered([normal(owner, who, np.round(gain, 9), pool=len(names), most=most)], names, subjects)
    return Weighed(posterior, found.names, found.left_out)


def _sizes(first: Table, second: Table) -> Table:
    known = first.group_by("feature", "value").agg(n=first.count())
    seen = second.group_by("feature", "value").agg(m=second.count())
    met = seen.left_join(known, ["feature", "value"])
    met = met.group_by("feature").agg(values=met.count(), common=met.n.count(), agreeing=(met.n * met.m).sum())
    holders = first.group_by("feature").agg(holders=first.subject.nunique())
    targets = second.group_by("feature").agg(targets=second.subject.nunique())
    return met.join(targets, "feature").left_join(holders, "feature").drop("feature_right").order_by("feature")


def _met(first: Table, second: Table, *, features: tuple[str, ...]) -> Table:
    """The pairs of subjects that agree on each of these features."""
    one, two = (side.filter(side.feature.isin(features)) for side in (first, second))
    met = _shared(one).join(two.select("feature", "value", second="subject"), ["feature", "value"])
    return met.group_by("feature", "first", "second").agg(sharing=met.sharing.min())


def _among(first: Table, second: Table, features: Sequence[str], found: Table) -> Table:
    """The same of features that too many agree on, among pairs of subjects that others have named."""
    one, two = (side.filter(side.feature.isin(features)) for side in (first, second))
    met = found.select("first", "second").distinct().join(_shared(one), "first")
    met = met.join(two.select("feature", "value", second="subject"), ["feature", "second", "value"])
    return met.group_by("feature", "first", "second").agg(sharing=met.sharing.min())


def _shared(one: Table) -> Table:
    """Each candidate's values, and how many candidates have each."""
    seen = one.group_by("feature", "value").agg(sharing=one.count())
    return one.select("feature", "value", first="subject").join(seen, ["feature", "value"])


def _together(side: Table, features: Sequence[str]) -> Table:
    """One feature of several, for subjects that have one value of each."""
    import ibis

    whole: Table | None = None
    for number, feature in enumerate(features):
        table = side.filter(side.feature == feature)
        single = table.group_by("subject").agg(n=table.count(), v=table.value.min())
        single = single.filter(single.n == 1).select("subject", **{f"v{number}": single.v})
        whole = single if whole is None else whole.join(single, "subject")
    assert whole is not None
    parts = [whole[f"v{number}"] for number in range(len(features))]
    value = reduce(lambda a, b: a.concat("|").concat(b), parts)
    return whole.select("subject", feature=ibis.literal(_AND.join(features)), value=value)
