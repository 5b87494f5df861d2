"""The picture of a sweep: four charts that share their scales, drawn as SVG without script, font or request.

Above, against arrivals a second: what people waited (p95), and among how many they hide by time. Below, against the
issuer's utilisation: whom one platform recognises, and whom two platforms link. Marks with bars are MEASURED, with
95 % intervals; dashed lines are SIMULATED. Schemes differ in mark and colour, and stand beside their own marks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from markupsafe import Markup

from idverify.comparison.charts import PALETTE, marker, overlap
from idverify.comparison.sweep_figures import best
from idverify.comparison.sweep_model import SAME_PLATFORM, TWO_PLATFORMS, Curve, CurvePoint, Point, Sweep
from idverify.comparison.sweep_words import finding, hidden, linked, waited

WIDTH, HEIGHT = 480.0, 360.0
LEFT, RIGHT, TOP, BOTTOM = 74.0, 14.0, 54.0, 52.0
LETTER = 8.4
"""The width of a letter of a label at the size at which it is drawn, on average."""

ASIDE = 9.0
"""Pixels between the marks of two schemes at the same place."""

Box = tuple[float, float, float, float]  # left, right, top, bottom


@dataclass(frozen=True, slots=True)
class Mark:
    """One measured value with its interval. `hollow`: not to be trusted."""

    x: float
    y: float
    low: float
    high: float
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One scheme: its measured marks, and the line of the model."""

    name: str
    kind: int
    marks: tuple[Mark, ...]
    line: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from low to high, logarithmic or linear, with its ticks and their words."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = True

    def at(self, value: float) -> float:
        """Where a value lies, from 0 to 1; what lies outside is drawn at the edge."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Chart:
    """One of the four: a heading, its axes and what is drawn; `upright` is a line at a value of x, with its words."""

    key: str
    heading: str
    x_label: str
    description: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    theory: tuple[tuple[float, float], ...] = ()
    theory_label: str = ""
    upright: tuple[float, str] | None = None


def charts(sweep: Sweep) -> list[Chart]:
    """The four charts; those that nothing was measured for are left out."""
    rates = [v for p in sweep.points for v in (p.rate, p.asked_rate) if v > 0] or [1.0]
    used = [p.utilisation for p in sweep.points if p.utilisation] or [1.0]
    by_rate, by_use = log_axis(rates, decimal), log_axis([*used, OVERLOADED], share_words)
    waits = _series(sweep, lambda p: p.rate, _wait, lambda at: (at.rate, at.waited_p95))
    sets = _series(sweep, lambda p: p.rate, _set, lambda at: (at.rate, at.effective_set))
    said = "; ".join
    found = [
        Chart(
            "waits",
            "What people wait, p95",
            "arrivals a second",
            said(f"{p.scheme} at {p.rate:.3g} a second: {waited(p)}" for p in sweep.points),
            by_rate,
            log_axis(_heights(waits), seconds_words),
            waits,
        ),
        Chart(
            "sets",
            "People among whom one hides by time",
            "arrivals a second",
            said(f"{p.scheme} at {p.rate:.3g} a second: {hidden(p)}" for p in sweep.points),
            by_rate,
            log_axis([1.0, *_heights(sets)], decimal),
            sets,
            *_theory(sweep),
        ),
    ]
    for key, heading in (
        (SAME_PLATFORM, "Recognised by one platform, coming back"),
        (TWO_PLATFORMS, "Linked by two platforms together"),
    ):
        series = _series(sweep, lambda p: p.utilisation, _link(key), lambda at: (at.utilisation, at.fell_back))
        told = (f"{p.scheme} at {_used(p)}: {linked(p.linkage.get(key))}" for p in sweep.points)
        found.append(Chart(key, heading, "utilisation of the issuer", said(told), by_use, SHARES, series, (), "", FULL))
    return [chart for chart in found if any(series.marks for series in chart.series)]


def _heights(series: Sequence[Series]) -> list[float]:
    """All values that the axis must hold: the marks' intervals, and the lines."""
    marks = [value for each in series for mark in each.marks for value in (mark.low, mark.high)]
    return [*marks, *(y for each in series for _, y in each.line)]


OVERLOADED = 1.0
FULL = (OVERLOADED, "all it can answer")
SHARES = Axis(0.0, 1.0, tuple((n / 4, f"{25 * n} %") for n in range(5)), log=False)


def log_axis(values: Sequence[float], words: Callable[[float], str]) -> Axis:
    """A logarithmic axis a little wider than the values, with a tick at 1 and 3 of every decade, or at 1 alone."""
    known = [value for value in values if value > 0] or [1.0]
    low, high = min(known) / 1.25, max(known) * 1.25
    if high / low < 10.0:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(10.0), middle * math.sqrt(10.0)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 3) if len(decades) <= 5 else (1,)
    marks = [float(f"{step}e{decade}") for decade in decades for step in steps]
    return Axis(low, high, tuple((value, words(value)) for value in marks if low <= value <= high))


def decimal(value: float) -> str:
    return f"{value:,.10g}"


def seconds_words(ms: float) -> str:
    return f"{ms:g} ms" if ms < 1_000 else f"{ms / 1_000:g} s"


def share_words(value: float) -> str:
    return f"{100 * value:,.10g} %"


def _used(point: Point) -> str:
    return "an unknown utilisation" if point.utilisation is None else f"{100 * point.utilisation:.0f} % utilisation"


def _wait(point: Point) -> tuple[float, float, float] | None:
    p95 = point.waited.p95
    return None if p95 is None else (p95.ms, p95.low, p95.high or p95.ms)


def _set(point: Point) -> tuple[float, float, float] | None:
    found = best(point.timing)
    if found is None or found.scored_set is None:
        return None
    low, high = found.scored_interval or (found.scored_set, found.scored_set)
    return found.scored_set, low, high


def _link(key: str) -> Callable[[Point], tuple[float, float, float] | None]:
    def of(point: Point) -> tuple[float, float, float] | None:
        link = point.linkage.get(key)
        return (link.correct / link.linkable, *link.interval) if link and link.linkable else None

    return of


def _series(
    sweep: Sweep,
    x: Callable[[Point], float | None],
    y: Callable[[Point], tuple[float, float, float] | None],
    line: Callable[[CurvePoint], tuple[float, float | None]],
) -> tuple[Series, ...]:
    curves: dict[str, Curve] = {curve.scheme: curve for curve in sweep.curves}
    found = []
    for kind, name in enumerate(sweep.schemes):
        marks = []
        for point in sorted((p for p in sweep.points if p.scheme == name), key=lambda p: p.rate):
            at, value = x(point), y(point)
            if at and value:
                marks.append(Mark(at, *value, hollow=point.saturated or not point.complete))
        drawn = [line(at) for at in curves[name].points] if name in curves else []
        found.append(Series(name, kind, tuple(marks), tuple((a, b) for a, b in drawn if b is not None)))
    return tuple(found)


def _theory(sweep: Sweep) -> tuple[tuple[tuple[float, float], ...], str]:
    """e·λE[D] against the rate, where every arrival asks for one credential."""
    thinking = sweep.conditions.thinking_s
    if thinking <= 0.0 or not sweep.points:
        return (), ""
    rates = [p.rate for p in sweep.points if p.rate > 0]
    if not rates:
        return (), ""
    return tuple((rate, math.e * rate * thinking) for rate in (min(rates), max(rates))), "e·λ·E[D]"


def draw(chart: Chart, *, x: float = 0.0, y: float = 0.0) -> str:
    """The elements of one chart, with its left upper corner at x, y."""
    right, bottom = x + WIDTH - RIGHT, y + HEIGHT - BOTTOM
    left, top = x + LEFT, y + TOP

    def at_x(value: float) -> float:
        return left + (right - left) * chart.x.at(value)

    def at_y(value: float) -> float:
        return bottom - (bottom - top) * chart.y.at(value)

    parts = [f'<text x="{x + 4:.1f}" y="{y + 20:.1f}" class="heading">{escape(chart.heading)}</text>']
    for value, words in chart.y.ticks:
        parts.append(f'<path class="grid" d="M{left:.1f} {at_y(value):.1f}H{right:.1f}"/>')
        parts.append(f'<text x="{left - 8:.1f}" y="{at_y(value) + 4.5:.1f}" text-anchor="end">{escape(words)}</text>')
    for value, words in chart.x.ticks:
        parts.append(f'<path class="grid" d="M{at_x(value):.1f} {bottom:.1f}v5"/>')
        parts.append(f'<text x="{at_x(value):.1f}" y="{bottom + 20:.1f}" text-anchor="middle">{escape(words)}</text>')
    parts.append(f'<path class="base" d="M{left:.1f} {bottom:.1f}H{right:.1f}"/>')
    parts.append(
        f'<text x="{right:.1f}" y="{bottom + 41:.1f}" text-anchor="end" class="axis">{escape(chart.x_label)}</text>'
    )
    taken: list[Box] = []
    # Marks at the same place stand side by side.
    middle = (len(chart.series) - 1) / 2
    aside = {series.name: ASIDE * (number - middle) for number, series in enumerate(chart.series)}
    if chart.upright:
        at = at_x(chart.upright[0])
        parts.append(f'<path class="upright" d="M{at:.1f} {top - 8:.1f}V{bottom:.1f}"/>')
        end = "end" if at > (left + right) / 2 else "start"
        shift = -6 if end == "end" else 6
        parts.append(
            f'<text x="{at + shift:.1f}" y="{top - 2:.1f}" text-anchor="{end}" class="axis">'
            f"{escape(chart.upright[1])}</text>"
        )
    if chart.theory:
        way = "L".join(f"{at_x(a):.1f} {at_y(b):.1f}" for a, b in chart.theory)
        parts.append(f'<path class="theory" d="M{way}"/>')
    for series in chart.series:
        if len(series.line) > 1:
            way = "L".join(f"{at_x(a):.1f} {at_y(b):.1f}" for a, b in series.line)
            parts.append(f'<path d="M{way}" stroke="{_colour(series)}" class="model"/>')
            taken += _beside([(at_x(a), at_y(b)) for a, b in series.line])
    for series in chart.series:
        for mark in series.marks:
            mx, my, low, high = at_x(mark.x) + aside[series.name], at_y(mark.y), at_y(mark.low), at_y(mark.high)
            taken.append((mx - 8, mx + 8, min(high, my - 8), max(low, my + 8)))
            parts.append(
                f'<path d="M{mx:.1f} {low:.1f}V{high:.1f}m-5 0h10M{mx - 5:.1f} {low:.1f}h10" '
                f'stroke="{_colour(series)}" class="bar"/>'
            )
            parts.append(marker(series.kind, mx, my))
            if mark.hollow:
                parts.append(f'<circle cx="{mx:.1f}" cy="{my:.1f}" r="3.4" class="hole"/>')
    inside = (left, right, top - 14, bottom)
    for series in chart.series:
        spots = [(at_x(mark.x) + aside[series.name], at_y(mark.y)) for mark in series.marks]
        if spots:
            parts.append(_label(series.name, spots, taken, inside))
    if chart.theory:
        a, b = chart.theory[len(chart.theory) // 2]
        parts.append(
            _label(chart.theory_label, [(at_x(a), at_y(b)), *_along(chart, at_x, at_y)], taken, inside, "axis")
        )
    return "".join(parts)


def _beside(line: Sequence[tuple[float, float]]) -> list[Box]:
    """Small boxes along a line, so that no label covers it."""
    found: list[Box] = []
    for (a, b), (c, d) in pairwise(line):
        steps = max(1, math.ceil(math.hypot(c - a, d - b) / 8.0))
        places = ((a + (c - a) * n / steps, b + (d - b) * n / steps) for n in range(steps + 1))
        found += [(x - 2, x + 2, y - 2, y + 2) for x, y in places]
    return found


def _along(
    chart: Chart, at_x: Callable[[float], float], at_y: Callable[[float], float]
) -> Iterator[tuple[float, float]]:
    """Places along the line of the theory."""
    (a, b), (c, d) = ((at_x(v), at_y(w)) for v, w in (chart.theory[0], chart.theory[-1]))
    yield from ((a + (c - a) * n / 8, b + (d - b) * n / 8) for n in range(8, -1, -1))


def _label(text: str, spots: Sequence[tuple[float, float]], taken: list[Box], inside: Box, kind: str = "name") -> str:
    """A label beside one of its own spots, the last first, where it covers nothing."""
    long = len(text) * LETTER
    places: list[tuple[Box, str]] = []
    for x, y in reversed(spots):
        for top in (y - 28, y + 12, y - 9, y - 46, y + 30):
            for left, anchor in ((x - long - 12, "end"), (x - long / 2, "middle"), (x + 12, "start")):
                places.append(((left, left + long, top, top + 18), anchor))
    fitting = [
        (b, anchor)
        for b, anchor in places
        if b[0] >= inside[0] + 2 and b[1] <= inside[1] and b[2] >= inside[2] and b[3] <= inside[3]
    ]
    free = (each for each in fitting if not any(overlap(each[0], other) for other in taken))
    box, anchor = next(free, (fitting or places)[0])
    taken.append(box)
    # Held where it is nearest to its mark, so that a larger letter grows away from it.
    at = {"start": box[0], "middle": (box[0] + box[1]) / 2, "end": box[1]}[anchor]
    held = f'x="{at:.1f}" y="{box[3] - 4:.1f}" text-anchor="{anchor}"'
    return f'<text {held} class="{kind}">{escape(text)}</text>'


def _colour(series: Series) -> str:
    return PALETTE[series.kind % len(PALETTE)]


def inline(chart: Chart) -> Markup:
    """One chart for a page, which brings the style."""
    key = f"chart-{chart.key.replace('_', '-')}"
    return Markup(
        f'<svg role="img" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(chart.heading)}</title><desc id="{key}-d">{escape(chart.description)}</desc>'
        f"{draw(chart)}</svg>"
    )


STYLE = (
    "text{font:14px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;fill:#16191f}"
    ".heading{font-size:16px;font-weight:600}"
    ".name{font-weight:600;paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}.axis{fill:#555c68}"
    ".grid{stroke:#d4d8de;fill:none}.base{stroke:#555c68;fill:none}"
    ".upright{stroke:#555c68;stroke-dasharray:2 4;fill:none}"
    ".theory{stroke:#777;stroke-width:1.5;stroke-dasharray:1 4;stroke-linecap:round;fill:none}"
    ".model{stroke-width:1.75;stroke-dasharray:7 5;fill:none}.bar{stroke-width:2;fill:none}.hole{fill:#fff}"
    ".ground{fill:#fff}.lead{font-size:18px;font-weight:600}"
    "@media (prefers-color-scheme:dark){text{fill:#e9ecf1}.axis{fill:#a9b2bf}.grid{stroke:#343c48}"
    ".base,.upright{stroke:#a9b2bf}.name{stroke:#0f1318}.hole,.ground{fill:#0f1318}}"
)


def picture(sweep: Sweep) -> str:
    """picture.svg: all charts, with the finding above them and how to read them below."""
    drawn = charts(sweep)
    margin, gap = 24.0, 28.0
    wide = 2 * WIDTH + gap + 2 * margin
    lines = _lines(finding(sweep), 92)
    top = margin + 26.0 * len(lines) + 10
    high = top + (HEIGHT + gap) * math.ceil(len(drawn) / 2)
    notes = _lines(reading(sweep), 124)
    tall = high + 20.0 * len(notes) + 14.0
    parts = [f'<rect width="{wide:g}" height="{tall:g}" class="ground"/>']
    for number, line in enumerate(lines):
        parts.append(f'<text x="{margin + 4}" y="{margin + 18 + 26 * number:g}" class="lead">{escape(line)}</text>')
    for number, chart in enumerate(drawn):
        parts.append(draw(chart, x=margin + number % 2 * (WIDTH + gap), y=top + number // 2 * (HEIGHT + gap)))
    for number, line in enumerate(notes):
        parts.append(f'<text x="{margin + 4}" y="{high + 8 + 20 * number:g}" class="axis">{escape(line)}</text>')
    told = " ".join(f"{chart.heading}: {chart.description}." for chart in drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {wide:g} {tall:g}" '
        f'width="{wide:g}" height="{tall:g}" aria-labelledby="t d"><title id="t">Privacy under load</title>'
        f'<desc id="d">{escape(finding(sweep))} {escape(told)}</desc><style>{STYLE}</style>{"".join(parts)}</svg>\n'
    )


def reading(sweep: Sweep) -> str:
    """How to read the charts, in a line."""
    c = sweep.conditions
    limit = f"issuer limited to {c.issuer_capacity:g} requests a second" if c.issuer_capacity else "issuer not limited"
    doubtful = any(point.saturated or not point.complete for point in sweep.points)
    hole = "; a mark with a hole is not to be trusted" if doubtful else ""
    return (
        "Marks MEASURED, with 95 % intervals; dashed SIMULATED, of waiting only the issuer's part; "
        f"{limit}, patience {c.patience_s:g} s{hole}."
    )


def _lines(text: str, most: int) -> list[str]:
    from textwrap import wrap

    return wrap(text, most)
