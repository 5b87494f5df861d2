"""Exposure on breach, unmasking, the checklist, and paired differences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from idverify.ledger_decode import Leaf, Record
from idverify.outcomes.checklist import ITEMS, checked
from idverify.outcomes.exposure import copy_of, exposure, kept_together
from idverify.outcomes.model import Figures, Outcomes, Unmasking
from idverify.outcomes.paired import differences
from idverify.outcomes.shares import rate, t_interval
from idverify.outcomes.shown import digests
from idverify.outcomes.unmasking import Drill, Joined, unmasking
from idverify.scheme import Info, Person

ANN = Person("900099000001", "Nguyễn Thị An", date(1990, 5, 5), "female", "Huế")
BEN = Person("900099000002", "Trần Văn Bình", date(1991, 6, 6), "male", "Huế")
INFO = Info(name="x", title="X", spec="", answers=frozenset())


def row(table: str, subject: str, **values: Leaf) -> Record:
    fields = {f"received.{name}": value for name, value in values.items()}
    return Record(1.0, "thief_of_platform_a", "", "", table, 0, subject, "", 0, 0, fields)


def test_a_copy_is_counted_by_person_and_dated_row() -> None:
    rows = [
        row("account", "a", created=1.0),
        row("login", "a", time=2.0),
        row("post", "a", created=3.0),
        row("kept", "a", claim="name", value=ANN.name),
        row("nonce", "", expires=5.0),
        row("login", "b", time=2.0),
    ]
    copy = copy_of(rows)
    assert copy.events == {"a": 2, "b": 1}
    assert kept_together(copy, {"a": ANN}) == ("name",)
    assert kept_together(copy, {"a": ANN, "b": BEN}) == ()


@pytest.mark.parametrize("value", [ANN.id_number, *digests(ANN.id_number)])
def test_backward_exposure_is_log_ins_within_retention_times_link_success(value: str) -> None:
    copy = copy_of([row("kept", "a", value=value), row("login", "b", time=2.0)])
    found = exposure(
        "platform_a",
        copy,
        about={"a": ANN, "b": BEN, "gone": BEN},
        attributes=("birth_date",),
        top_1=0.2,
        events_per_login=1.0,
        retention=100,
        stated=True,
        forward={"platform_a+platform_b": rate(1, 2)},
        thieves={},
    )
    assert (found.persons, found.named.k, found.named.n) == (2, 1, 2)
    assert found.backward == pytest.approx(100 * (0.5 + 0.5 * 0.2))
    assert found.forward["platform_a+platform_b"].k == 1


def test_a_thief_who_does_better_than_names_and_attributes_is_believed() -> None:
    copy = copy_of([row("login", "a", time=2.0), row("login", "b", time=2.0)])
    found = exposure(
        "platform_a", copy, about={"a": ANN, "b": BEN}, attributes=(), top_1=0.0, events_per_login=1.0, retention=10,
        stated=True, forward={}, thieves={"thief_of_platform_a": rate(1, 2)},
    )  # fmt: skip
    assert found.backward == pytest.approx(5.0)


def test_without_a_stated_term_or_a_person_there_is_no_backward_figure() -> None:
    known: dict[str, object] = {"attributes": (), "top_1": 0.0, "events_per_login": 1.0, "forward": {}, "thieves": {}}
    copy = copy_of([row("kept", "a", value="x")])
    silent = exposure("p", copy, about={"a": ANN}, retention=None, stated=False, **known)  # type: ignore[arg-type]
    empty = exposure("p", copy_of([]), about={}, retention=9, stated=True, **known)  # type: ignore[arg-type]
    assert (silent.backward, empty.backward, empty.events) == (None, None, None)


PROVIDER_AND_PLATFORM = ("identity_provider", "platform_a")
JOINED = [Joined(PROVIDER_AND_PLATFORM, 9, 10, detected=True)]
APART = [Joined(PROVIDER_AND_PLATFORM, 0, 10, detected=False)]
TIMED = [*APART, Joined(PROVIDER_AND_PLATFORM, 4, 10, detected=True, by_times=True)]
OPENERS = replace(INFO, opened_by=("court", "ombudsman", "platform"), quorum=2)
GOOD = Drill(opened=True, too_few_refused=True, unrecorded_refused=True, cut_noticed=True)


def ways(found: Unmasking) -> list[tuple[str, list[str]]]:
    return [(way.by, way.coalition) for way in found.ways]


def test_who_is_shown_the_number_needs_nobody_else() -> None:
    found = unmasking(INFO, JOINED, shown_names=(5, 5))
    assert ways(found) == [("what is shown", ["platform_a"])]
    assert (found.feasible, found.label, found.audit_entry) == ("yes", "MEASURED", "none")
    assert unmasking(INFO, JOINED, shown_names=(5, 5), hashed=True).label == "EXTRAPOLATED"


def test_else_the_smallest_coalition_that_did_it_is_named() -> None:
    three = Joined(("identity_provider", "network_observer", "platform_a"), 10, 10, detected=True)
    found = unmasking(INFO, [three, *JOINED], shown_names=(0, 5))
    assert ways(found) == [("messages", ["identity_provider", "platform_a"])]
    assert found.ways[0].share == rate(9, 10)


def test_what_takes_times_is_told_apart() -> None:
    found = unmasking(INFO, TIMED, shown_names=(0, 5))
    assert (found.feasible, ways(found)) == (
        "partly", [("times and addresses", ["identity_provider", "platform_a"])],
    )  # fmt: skip


def test_not_detected_is_not_the_same_as_no() -> None:
    found = unmasking(INFO, APART, shown_names=(0, 5))
    assert (found.feasible, found.ways, found.share) == ("not detected", [], rate(0, 10))
    assert unmasking(INFO, [], shown_names=(0, 5)).feasible == "no"


def test_a_seal_is_opened_by_a_quorum_and_the_drill_says_whether_that_leaves_a_trace() -> None:
    declared = unmasking(OPENERS, APART, shown_names=(0, 5))
    assert (declared.label, declared.quorum, declared.audit_label) == ("DECLARED", (2, 3), "DECLARED")
    tried = unmasking(OPENERS, TIMED, shown_names=(0, 5), drill=GOOD)
    assert ways(tried) == [
        ("seal", ["platform_a", "audit_office", "court", "ombudsman"]),
        ("times and addresses", ["identity_provider", "platform_a"]),
    ]
    assert [way.leaves_entry for way in tried.ways] == [True, False]
    assert (tried.audit_entry, tried.covert, tried.audit_label) == ("unavoidable", "detected", "MEASURED")
    leaky = unmasking(
        OPENERS, APART, shown_names=(0, 5), drill=replace(GOOD, unrecorded_refused=False, cut_noticed=False)
    )
    assert (leaky.audit_entry, leaky.covert) == ("avoidable", "not detected")
    assert sum(text.startswith("not so: ") for text in leaky.checks) == 2


def test_nothing_is_called_measured_that_no_scheme_measured() -> None:
    bare = checked([Outcomes()])
    assert len(bare) == len(ITEMS)
    assert {item.status for item in bare if item.anchor == "coverage"} == set()
    assert {item.status for item in ITEMS} == {"MEASURED", "DECLARED", "OUTSIDE THE SIMULATION"}


def test_the_t_interval_is_the_textbooks() -> None:
    # mean 2, s = 1, t(2) = 4.3027: 2 ± 4.3027/√3
    assert t_interval([1.0, 2.0, 3.0]) == pytest.approx((-0.4841, 4.4841), abs=1e-3)
    assert t_interval([1.0, 2.0]) is None
    assert t_interval([0.3, 0.3, 0.3]) == pytest.approx((0.3, 0.3))


def figures(scheme: str, *values: float | None) -> list[Figures]:
    return [
        Figures(seed=seed, scheme=scheme, metrics={} if value is None else {"p50_ms": value})
        for seed, value in enumerate(values)
    ]


def test_differences_are_paired_by_seed() -> None:
    (found,) = differences([*figures("a", 10, 20, 30), *figures("b", 11, 22, 33)])
    assert (found.first, found.second, found.metric, found.unit, found.n, found.mean) == (
        "a",
        "b",
        "p50_ms",
        "ms",
        3,
        2,
    )
    assert found.interval is not None
    assert found.interval[0] == pytest.approx(-0.4841, abs=1e-3)  # unpaired it would be tens wide


def test_a_seed_under_which_one_scheme_lacks_the_metric_is_left_out() -> None:
    (found,) = differences([*figures("a", 1, 2, None), *figures("b", 2, 3, 4)])
    assert (found.n, found.mean, found.interval) == (2, 1, None)
    assert differences([*figures("a", 1), *figures("b", None)]) == []
