"""Which rows a comparison has, and what two visits to one platform have in common."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from idverify.comparison.variants import Variant, check, methods_in, variants
from idverify.comparison.visits import FIRST, LATER, SHOWN, recognised, visits_in, write_ledgers
from idverify.errors import BadSetting, BadUsage
from idverify.families import family
from idverify.ledger import RawRecord, Received, Sent
from idverify.privacy.attack import main
from idverify.privacy.metrics import Linkage
from idverify.privacy.score import read_claims
from idverify.scheme import Info
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet.policy import METHODS, policy_of, why_not


def test_each_scheme_that_can_runs_once_for_each_method_and_the_others_say_why_not() -> None:
    run, left_out = variants(tuple(SCHEMES), SCHEMES, METHODS)
    names = [variant.name for variant in run]
    assert len(names) == len(set(names)) == len({variant.folder for variant in run})
    for name, scheme in SCHEMES.items():
        fitting = {f"{name}:{m}" for m in METHODS if not why_not(scheme.info, m)}
        assert fitting <= set(names)
        assert (name in names) == (not fitting)
        assert (name in left_out) == (not fitting)
        assert {f"{name}:{m}" for m in METHODS} - fitting == {n for n in left_out if n.startswith(f"{name}:")} or (
            not fitting
        )
    assert all(left_out.values())


def test_without_methods_each_scheme_runs_once() -> None:
    run, left_out = variants(tuple(SCHEMES), SCHEMES, ())
    assert [variant.name for variant in run] == list(SCHEMES)
    assert left_out == {}


def test_a_variants_world_has_its_method() -> None:
    run, _ = variants(tuple(SCHEMES), SCHEMES, METHODS)
    for variant in run:
        settings = variant.settings(Settings(reuse="C", seed=9))
        assert (settings.schemes, settings.seed) == (variant.info.name, 9)
        if variant.method:
            assert policy_of(variant.info, settings).method == variant.method
            assert variant.title.endswith(f"({variant.method})")


@pytest.mark.parametrize(
    ("text", "found"), [("", ""), ("a", "A"), ("D,A,A", "AD"), (" B , C ", "BC"), ("A,B,C,D", "ABCD")]
)
def test_methods_are_read_in_order_and_once(text: str, found: str) -> None:
    assert "".join(methods_in(text)) == found


@pytest.mark.parametrize("text", ["E", "A;B", "AB", "once"])
def test_an_unknown_method_is_refused(text: str) -> None:
    with pytest.raises(BadUsage, match="no method of reuse"):
        methods_in(text)


def test_a_wrong_refill_is_refused_before_anything_starts() -> None:
    with pytest.raises(BadSetting, match="no refill policy"):
        check(Settings(refill="never"), [Variant(next(iter(SCHEMES.values())).info)])


def test_every_scheme_is_of_some_family_and_the_list_keeps_families_together() -> None:
    plain = Info("plain", "Plain", "a spec", frozenset({"over"}))
    assert family(replace(plain, signed=False)) == "nobody vouches"
    assert family(replace(plain, issued="per_login")) == "issuer at each log-in"
    assert family(plain) == "kept by the wallet"
    assert family(replace(plain, unlinkable=True)) == family(replace(plain, issued="ahead_per_platform"))
    assert all(family(scheme.info) for scheme in SCHEMES.values())


def shown(account: str, flow: str, shows: str, *, status: int = 200, route: str = SHOWN) -> RawRecord:
    body = json.dumps({"key": shows}).encode()
    answer = json.dumps({"continue_at": f"https://x/{account}"}).encode()
    received = Received("application/json", body, {"user-agent": "the same"})
    sent = Sent("application/json", answer)
    values = (1, 1.0, "platform_a", "127.0.0.1", "POST", route, f"/x/{account}", status, 1, 1, received, sent)
    return RawRecord(*values, account, flow, "")


def value(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def joined(records: list[RawRecord], folder: Path) -> Linkage:
    visits = visits_in(records)
    write_ledgers(visits, folder)
    main([str(folder), "--coalition", f"{FIRST},{LATER}", "--out", str(folder / "guesses.csv")])
    return recognised(visits, read_claims(folder / "guesses.csv"), attack="exact_join")


def test_who_shows_the_same_twice_is_recognised(tmp_path: Path) -> None:
    records = [shown(f"a{n}", f"f{n}-{visit}", value(n)) for visit in (1, 2, 3) for n in range(40)]
    linkage = joined(records, tmp_path)
    assert (linkage.correct, linkage.linkable, linkage.claimed, linkage.candidates) == (40, 40, 40, 40)


def test_who_shows_something_new_each_time_is_not(tmp_path: Path) -> None:
    records = [shown(f"a{n}", f"f{n}-{visit}", value(n, visit)) for visit in (1, 2) for n in range(40)]
    linkage = joined(records, tmp_path)
    assert (linkage.correct, linkage.linkable, linkage.claimed) == (0, 40, 0)


def test_neither_the_account_nor_what_the_platform_answered_helps() -> None:
    records = [shown(f"a{n}", f"f{n}-{visit}", value(n, visit)) for visit in (1, 2) for n in range(40)]
    visits = visits_in(records)
    for record in (*visits.first, *visits.later):
        assert record.subject == record.flow
        assert (record.path, record.peer, record.sent.body) == ("", "", None)
        assert record.received.headers == {}
    assert len({record.time for record in (*visits.first, *visits.later)}) == 1


def test_one_visit_refused_proofs_and_other_routes_are_not_counted() -> None:
    records = [
        shown("a1", "f1", value(1)),
        shown("a2", "f2", value(2)),
        shown("a2", "f3", value(2), status=403),
        shown("a2", "f4", value(2), route="/api/accounts"),
        shown("", "f5", value(2)),
    ]
    linkage = recognised(visits_in(records), [], attack="exact_join")
    assert (linkage.linkable, linkage.candidates) == (0, 2)
