"""What a sweep found, in sentences; neutral, with numbers and intervals."""

from __future__ import annotations

from collections.abc import Sequence

from idverify.comparison.charts import figure
from idverify.comparison.sweep_figures import best
from idverify.comparison.sweep_model import SAME_PLATFORM, Counted, Link, Point, Sweep
from idverify.privacy.metrics import in_words, percent

OVERLOADED = 1.0
FEW = 2
"""As many schemes are told about in the first sentences."""


def finding(sweep: Sweep) -> str:
    """What the busiest issuer cost, a sentence a scheme, set against the calmest."""
    told = [text for name in list(sweep.schemes)[:FEW] if (text := _of(sweep, name))]
    return " ".join(told) or "Nothing was measured: no point came as far as an attack."


def _of(sweep: Sweep, name: str) -> str:
    points = sorted((p for p in sweep.points if p.scheme == name and p.arrivals), key=lambda p: p.rate)
    if not points:
        return ""
    calm, busy = points[0], points[-1]
    said = f"With {name}, at {_rate(busy)}, a platform recognised {_recognised(busy)}"
    if not sweep.schemes[name].falls_back:
        said += f", and {_gave_up(busy)}"
        return f"{said}; at {figure(calm.rate)} a second {_gave_up(calm)}." if calm is not busy else f"{said}."
    return f"{said}; at {figure(calm.rate)} a second {_recognised(calm)}." if calm is not busy else f"{said}."


def _rate(point: Point) -> str:
    arrivals = f"{figure(point.rate)} arrivals a second"
    if point.utilisation is None:
        return arrivals
    share = utilisation(point.utilisation)
    return f"{arrivals} ({share} {'' if 'times' in share else 'of '}what the issuer can answer)"


def _recognised(point: Point) -> str:
    """How many came back and were known again, after the word recognised."""
    link = point.linkage.get(SAME_PLATFORM)
    if link is None or not link.linkable:
        return "nobody, because nobody came back"
    if not link.correct:
        return f"none of {link.linkable:,} who came back (≤ {percent(link.interval[1])} %)"
    low, high = (percent(end) for end in link.interval)
    return f"{link.correct:,} of {link.linkable:,} who came back (95 %: {low}–{high} %)"


def _gave_up(point: Point) -> str:
    gone = point.given_up
    if not gone.k:
        return f"none of {gone.n:,} gave up (≤ {percent(gone.interval[1])} %)"
    low, high = (percent(end) for end in gone.interval)
    return f"{gone.k:,} of {gone.n:,} gave up (95 %: {low}–{high} %)"


def utilisation(value: float) -> str:
    """ "41 %", and from twice the capacity on "4.1 times"."""
    return f"{value:.1f} times" if value >= 2 * OVERLOADED else f"{100 * value:.0f} %"


def counts(shown: Counted) -> str:
    """k of n as people read it, with the interval."""
    return in_words(shown.k, shown.n).replace("not detected in", "none of")


def linked(link: Link | None) -> str:
    """A link as it stands in a table."""
    return "not run" if link is None else in_words(link.correct, link.linkable)


def waited(point: Point) -> str:
    """The p95 of what people waited: "84 ms", "5.2 s", "too few"."""
    return "too few" if point.waited.p95 is None else time(point.waited.p95.ms)


def time(ms: float) -> str:
    """Milliseconds as people say them: "84 ms", "5.2 s"."""
    return f"{ms:.0f} ms" if ms < 1_000 else f"{ms / 1_000:.1f} s"


def hidden(point: Point) -> str:
    """The effective set with its interval, or why there is none."""
    found = best(point.timing)
    if found is None or found.scored_set is None:
        return next((each.withheld for each in point.timing if each.withheld), "too few arrivals")
    interval = found.scored_interval
    return figure(found.scored_set) + (f" ({figure(interval[0])}–{figure(interval[1])})" if interval else "")


def setting(sweep: Sweep) -> str:
    """Under which conditions all this was measured."""
    c = sweep.conditions
    capacity = "The issuer was as fast as this machine; its capacity is estimated from the CPU time of a request"
    if c.issuer_capacity:
        capacity = (
            f"The issuer was limited to {c.issuer_capacity:g} requests for credentials a second (a setting, so that it "
            "can be overloaded on any machine)"
        )
    patience = f"wallets that have a used credential wait {c.patience_s:g} s for a new one and then show the used one"
    others = f"others give up after {c.gives_up_s:g} s" if c.gives_up_s else "others wait on"
    thinking = (
        f"People think {c.thinking_s:g} s on average before they open the wallet, and as long before they let it show "
        "anything."
    )
    return f"{capacity}; {patience}, {others}. {thinking}"


def warned(points: Sequence[Point]) -> list[str]:
    """The warnings, each with the points that it is about."""
    return [f"{p.scheme} at {p.asked_rate:g} a second: {text}" for p in points for text in p.warnings]
