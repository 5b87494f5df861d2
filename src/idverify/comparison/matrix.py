"""The matrix of schemes and coalitions in words: each cell the strongest attack, its interval, N, and the attacker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from idverify.comparison.charts import figure
from idverify.comparison.coalitions import FIRST, JOINT, PLATFORMS, SHOWN, STATE, in_order, title_of
from idverify.comparison.model import Attacked, Run, SchemeResult, Strongest
from idverify.comparison.sentences import share_tried
from idverify.privacy.metrics import percent

ATTACKS = {
    "exact_join": "equal values",
    "near_join": "near numbers",
    "enumeration": "trying ID numbers",
    "timing": "time",
    "timing_and_address": "time + address",
    "intersection": "repeated log-ins",
    "intersection_and_address": "log-ins + address",
    "address": "address, device",
    "quasi_identifiers": "birth date, place",
    "partition": "issuer’s keys",
    "revocation": "revocation",
    "combined": "all together",
}
"""What an attack goes by."""
MANY = 10_000_000
"""From here on candidates are counted in millions."""
IN_FIGURES = (JOINT,)
"""The coalitions whose attacks are shown in all their figures where there are many schemes."""
NARROW = {
    "exact_join": "equal",
    "near_join": "near",
    "enumeration": "tried",
    "timing": "time",
    "timing_and_address": "tim+addr",
    "intersection": "log-ins",
    "intersection_and_address": "log+addr",
    "address": "address",
    "quasi_identifiers": "born",
    "partition": "keys",
    "revocation": "revoked",
    "combined": "all",
}
"""The same for a terminal's columns."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One coalition and scheme: the finding, then lines below it; `share` of accounts for the bar, 0 for none."""

    main: str
    lines: tuple[str, ...] = ()
    share: float = 0.0


def cell(found: Attacked | None, view: str = "arrived") -> Cell:
    """What stands in the matrix. Never a bare zero: what was not detected has the bound that the data allow."""
    if found is None:
        return Cell("–")
    best = found.kept if view == "kept" else found.arrived
    if best is None:
        return Cell(*_why_not(found)) if found.silent else Cell("–")
    lines = [bounds(best)]
    if best.attack:
        lines.append(ATTACKS.get(best.attack, best.attack))
    lines.append(f"{best.attacker}, {among(found)}" if best.attacker else among(found))
    if view == "arrived" and best.detected and found.messages is not None and best.attack != found.messages.attack:
        lines.append(f"messages alone {_briefly(found.messages)}")
    if view == "arrived" and found.searched is not None:
        lines.append(f"{share_tried(found.searched)} of ID numbers tried")
    main = f"{best.correct:,} of {best.targets:,}" if best.detected else "not detected"
    return Cell(main, tuple(lines), best.top_1 if best.detected else 0.0)


def bounds(best: Strongest) -> str:
    """The interval, or the bound alone where nothing was detected."""
    low, high = (percent(end) for end in best.interval)
    return f"{low}–{high} %" if best.detected else f"≤ {high} %"


def among(found: Attacked) -> str:
    """Among how many a guess at random would choose."""
    return f"N {found.candidates:,}" if found.candidates < MANY else f"N {found.candidates / 1e6:,.0f} M"


def _briefly(best: Strongest) -> str:
    if best.detected:
        return f"{best.correct:,} of {best.targets:,}"
    return f"≤ {percent(best.interval[1])} %"


def _why_not(found: Attacked) -> tuple[str, tuple[str, ...]]:
    if found.candidates_of and not found.candidates:
        return "nothing to put in", ()
    if not found.targets:
        return "nobody to find", ()
    return "too little data", (f"{found.targets} accounts",)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Columns with their titles, and for each scheme a cell for each column."""

    heads: tuple[str, ...]
    rows: Mapping[str, tuple[Cell, ...]]


def matrix(run: Run, columns: Sequence[str] = SHOWN, *, view: str = "arrived") -> Matrix:
    """The matrix of those coalitions that some scheme was attacked by."""
    there = {
        name for r in run.schemes.values() for name, each in r.coalitions.items() if view == "arrived" or each.kept
    }
    shown = [name for name in columns if name in there]
    rows = {
        scheme: tuple(cell(r.coalitions.get(name), view) for name in shown)
        for scheme, r in run.schemes.items()
        if r.coalitions
    }
    return Matrix(tuple(title_of(name) for name in shown), rows if shown else {})


def kept(run: Run) -> Matrix:
    """The same on what the mandate leaves."""
    return matrix(run, (JOINT, PLATFORMS, FIRST, STATE), view="kept")


@dataclass(frozen=True, slots=True)
class Row:
    """One attack in all its figures."""

    scheme: str
    coalition: str
    attack: str
    share: str
    cells: tuple[str, ...]


HEADS = (
    "Guess at random", "Claimed sure", "Median rank of the truth", "Set, median and 5th percentile", "Scored set",
    "Two-user game", "Attacks that spoke", "Records left out",
)  # fmt: skip


def figures(run: Run, *, few: int) -> Iterator[Row]:
    """The strongest attack of each coalition in figures; where there are many schemes, of the main coalitions."""
    for name, r in run.schemes.items():
        for who in in_order(r.coalitions):
            found = r.coalitions[who]
            if found.arrived is not None and (len(run.schemes) <= few or who in IN_FIGURES):
                yield _figures(r.title or name, found, found.arrived)


def _figures(scheme: str, found: Attacked, best: Strongest) -> Row:
    shown = cell(found)
    sets = (best.set_median, best.set_5th, best.scored_set)
    withheld = best.withheld or "–"
    left_out = ", ".join(f"{number:,} {why}" for why, number in found.left_out.items())
    return Row(
        scheme,
        found.title,
        f"{ATTACKS.get(best.attack, best.attack)} ({best.attacker})" if best.attack else "none had a lead",
        f"{shown.main} ({bounds(best)})",
        (
            f"1 in {best.candidates:,}" if best.candidates else "–",
            "–" if best.claimed_confidence is None else f"{percent(best.claimed_confidence)} %",
            figure(best.median_rank),
            withheld if sets[0] is None else f"{figure(sets[0])}, {figure(sets[1])}",
            withheld if sets[2] is None else figure(sets[2]),
            f"{best.game[0]} of {best.game[1]}",
            str(best.attacks),
            left_out or "none",
        ),
    )


def silent(run: Run) -> list[tuple[str, str]]:
    """Coalitions that found nothing to do, each with the reason and the schemes, said once."""
    told: dict[tuple[str, str], list[str]] = {}
    for name, r in run.schemes.items():
        for each in r.coalitions.values():
            if each.silent:
                told.setdefault((each.title, each.silent), []).append(r.title or name)
    every = sum(bool(r.coalitions) for r in run.schemes.values())
    return [
        (title, why if len(names) == every else f"{why} ({', '.join(names)})") for (title, why), names in told.items()
    ]


def narrow(result: SchemeResult, name: str) -> str:
    """A cell for a terminal, in up to four short lines."""
    found = result.coalitions.get(name)
    if found is None:
        return "–"
    best = found.arrived
    if best is None:
        return "too few" if found.targets > 0 and found.candidates else "–"
    low, high = best.interval
    by = f"{NARROW.get(best.attack, best.attack)}/{best.attacker[:1]}" if best.attack else ""
    chance = f"1:{among(found).removeprefix('N ')}"
    if not best.detected:
        return "\n".join(part for part in ("n. d.", f"≤{percent(high)}%", by, chance) if part)
    return "\n".join((f"{best.correct}/{best.targets}", f"{int(100 * low)}–{percent(high)}%", by, chance))
