"""Outcome metrics in words and cells: neutral, with counts and intervals, and never a rounded certainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from idverify.comparison.charts import figure
from idverify.comparison.coalitions import JOINT, title_of
from idverify.comparison.model import Run
from idverify.comparison.sentences import listed
from idverify.outcomes.model import Difference, Rate
from idverify.outcomes.paired import NAMED, unit
from idverify.privacy.metrics import percent

ATTRIBUTES = {
    "id_number": "ID number",
    "id_number_hash": "hash of the ID number",
    "birth_date": "birth date",
    "issuer": "that the identity provider vouches",
}
METRICS = {
    "p50_ms": "whole sign-up, median",
    "p95_ms": "whole sign-up, p95",
    "cpu_identity_provider_ms": "CPU, identity provider, a request",
    "cpu_platform_ms": "CPU, platform, a proof",
    "cpu_wallet_ms": "CPU, wallet, a presentation",
    "bytes_per_proof": "bytes a proof",
    "bits": "bits disclosed",
    "false_block": "of age, kept out as too young",
    "false_admit": "minors let in",
    "served": "of age, served",
    "accounts_per_person": "accounts of a farmer",
}
KEY = ("p50_ms", "cpu_platform_ms", "bytes_per_proof", f"{NAMED}{JOINT}", "false_block")
"""What the command line tells of a difference."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: a figure or a word, and in small type below it what it rests on."""

    text: str
    small: str = ""


def share_cell(rate: Rate | None, *, nobody: str = "nobody") -> Cell:
    """k of n, with the interval below."""
    if rate is None:
        return Cell("–")
    if not rate.n:
        return Cell(nobody)
    low, high = (percent(end) for end in rate.interval)
    return Cell(f"{rate.k:,} of {rate.n:,}", f"≤ {high} %" if not rate.k else f"{low}–{high} %")


def one_in(share: float, people: int) -> str:
    """A share that may be tiny: "60.6 %", "1 in 2,773", and "nobody" where it is less than one person."""
    if share * people < 1.0:
        return "nobody"
    return f"{percent(share)} %" if share >= 0.01 else f"1 in {1 / share:,.0f}"


def attribute(name: str) -> str:
    """An attribute in words: age_over_16 is "over 16"."""
    return ATTRIBUTES.get(name, name.removeprefix("age_").replace("_", " "))


def attributes(names: Sequence[str]) -> str:
    """Several of them; an age that follows from a birth date is not told."""
    told = [attribute(name) for name in names if not ("birth_date" in names and name.startswith("age_"))]
    return listed(told) if told else "nothing about the person"


def party(name: str) -> str:
    """A party in words: platform_a is "platform A"."""
    start, _, last = name.replace("_", " ").rpartition(" ")
    return f"{start} {last.upper() if len(last) == 1 else last}".strip()


def metric(name: str) -> str:
    """A metric of paired differences in words."""
    if name.startswith(NAMED):
        return f"{NAMED}{title_of(name.removeprefix(NAMED))}"
    return METRICS.get(name, name.replace("_", " "))


def signed(value: float, kind: str) -> str:
    """A difference with its sign: shares in percentage points, everything else in its unit."""
    if kind == "share":
        text = f"{abs(value) * 100:.1f}"
        return f"{_sign(value, text)}{text} points"
    return f"{_sign(value, figure(abs(value)))}{figure(abs(value))} {kind}".rstrip()


def _sign(value: float, text: str) -> str:
    return "±" if not any(digit in "123456789" for digit in text) else "+" if value > 0 else "−"


def difference_cell(difference: Difference | None) -> Cell:
    """The mean, and below it the interval with n, or that there are too few seeds."""
    if difference is None:
        return Cell("–")
    mean = signed(difference.mean, difference.unit)
    if difference.interval is None:
        return Cell(mean, f"too few seeds, n = {difference.n}")
    low, high = difference.interval
    if low == high:
        return Cell(mean, f"the same under each seed, n = {difference.n}")
    ends = " to ".join(signed(end, difference.unit).removesuffix(f" {_unit(difference)}") for end in (low, high))
    clear = "" if low > 0.0 or high < 0.0 else "no clear difference: "
    return Cell(mean, f"{clear}{ends}, n = {difference.n}")


def _unit(difference: Difference) -> str:
    return "points" if difference.unit == "share" else difference.unit


def difference_in_words(difference: Difference) -> str:
    """A line for the command line."""
    cell = difference_cell(difference)
    return f"{metric(difference.metric)}: {cell.text} ({cell.small})"


def against(run: Run, base: str) -> dict[str, dict[str, Difference]]:
    """Each other scheme minus `base`: scheme → metric → difference."""
    found: dict[str, dict[str, Difference]] = {}
    for each in run.differences:
        if each.first == base:
            found.setdefault(each.second, {})[each.metric] = each
        elif each.second == base:
            interval = None if each.interval is None else (-each.interval[1], -each.interval[0])
            turned = msgspec.structs.replace(
                each, first=base, second=each.first, mean=-each.mean, interval=interval, unit=unit(each.metric)
            )
            found.setdefault(each.first, {})[each.metric] = turned
    return {name: found[name] for name in run.schemes if name in found}


def base_of(run: Run) -> str | None:
    """The scheme that differences are told against: the first at which the platform is told who the person is."""
    named = [n for n, r in run.schemes.items() if r.flags.get("online") and "identity" not in r.unanswered]
    return named[0] if named else next(iter(run.schemes), None)


def key_differences(run: Run) -> list[tuple[str, list[Difference]]]:
    """For each scheme against the one of `base_of` the key metrics; empty where there was one seed."""
    base = base_of(run)
    if base is None or not run.differences:
        return []
    return [
        (f"{name} minus {base}", [rows[key] for key in KEY if key in rows]) for name, rows in against(run, base).items()
    ]
