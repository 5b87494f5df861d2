"""Charts as inline SVG, drawn here: no script, no font, no request. Every one has a title and a description.

Colours are the palette that keeps 3:1 on white and on the dark ground; what differs in colour differs in shape, in
hatching or in its label too. Text takes the colour of the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from markupsafe import Markup

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#AA3377", "#777777")
WIDTH = 680


@dataclass(frozen=True, slots=True)
class Point:
    """One scheme in the scatter, with the interval of y and, where there is one, of x."""

    name: str
    x: float
    y: float
    low: float
    high: float
    across: tuple[float, float] | None = None
    kind: int = 0  # which mark and colour


@dataclass(frozen=True, slots=True)
class Bar:
    """One group of bars: a name and one value a series; None is drawn as a dash."""

    name: str
    values: tuple[float | None, ...]


def _frame(width: float, height: float, title: str, description: str, *, body: str) -> Markup:
    """The SVG element around a drawing. The ids are made from the title, which is unique in a report."""
    key = "".join(c if c.isalnum() else "-" for c in title.lower())
    return Markup(
        f'<svg role="img" viewBox="0 0 {width:g} {height:g}" aria-labelledby="t-{key} d-{key}">'
        f'<title id="t-{key}">{escape(title)}</title><desc id="d-{key}">{escape(description)}</desc>{body}</svg>'
    )


def ticks(highest: float, *, about: int = 5) -> list[float]:
    """Round axis values from 0 to at least `highest`."""
    if highest <= 0 or not math.isfinite(highest):
        return [0.0, 1.0]
    rough = highest / about
    power = 10.0 ** math.floor(math.log10(rough))
    size = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough - 1e-12)
    return [round(size * n, 10) for n in range(math.ceil(highest / size - 1e-9) + 1)]


def marker(kind: int, x: float, y: float) -> str:
    """The mark of the n-th series: circle, square, triangle, diamond, cross, ring."""
    colour, r = PALETTE[kind % len(PALETTE)], 7.0
    match kind % 6:
        case 0:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{colour}"/>'
        case 1:
            return f'<rect x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12" fill="{colour}"/>'
        case 2:
            return f'<path d="M{x:.1f} {y - 8:.1f}l8 14h-16z" fill="{colour}"/>'
        case 3:
            return f'<path d="M{x:.1f} {y - 9:.1f}l9 9-9 9-9-9z" fill="{colour}"/>'
        case 4:
            return f'<path d="M{x - 6:.1f} {y - 6:.1f}l12 12m0-12l-12 12" stroke="{colour}" stroke-width="4"/>'
        case _:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="none" stroke="{colour}" stroke-width="3"/>'


def mark(kind: int) -> Markup:
    """The mark of a kind alone, for a key beside a chart; the text next to it says what it is."""
    return Markup(f'<svg viewBox="-10 -10 20 20" aria-hidden="true">{marker(kind, 0, 0)}</svg>')


def scatter(points: Sequence[Point], *, title: str, description: str, x_label: str, y_label: str) -> Markup:
    """Latency against linkability: y is a share from 0 to 1 with its interval. Labels keep clear of each other."""
    left, right, top, height = 62.0, 20.0, 34.0, 300.0
    scale = ticks(max((p.across[1] if p.across else p.x for p in points), default=1.0) * 1.08)
    across, bottom = WIDTH - left - right, top + height

    def at_x(value: float) -> float:
        return left + across * value / scale[-1]

    def at_y(share: float) -> float:
        return bottom - height * share

    parts = [f'<text x="4" y="16" class="axis">{escape(y_label)}</text>']
    for n in range(5):
        y = at_y(n / 4)
        parts.append(f'<path class="grid" d="M{left} {y:.1f}h{across:.1f}"/>')
        parts.append(f'<text x="{left - 10}" y="{y + 4.5:.1f}" text-anchor="end">{n * 25} %</text>')
    for value in scale:
        parts.append(f'<path class="grid" d="M{at_x(value):.1f} {bottom}v6"/>')
        parts.append(f'<text x="{at_x(value):.1f}" y="{bottom + 22}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<text x="{left + across}" y="{bottom + 44}" text-anchor="end" class="axis">{escape(x_label)}</text>')
    taken = [(at_x(p.x) - 10, at_x(p.x) + 10, at_y(p.y) - 9, at_y(p.y) + 9) for p in points]
    taken += [(at_x(p.across[0]), at_x(p.across[1]), at_y(p.y) - 6, at_y(p.y) + 6) for p in points if p.across]
    for p in points:
        x, y = at_x(p.x), at_y(p.y)
        colour = PALETTE[p.kind % len(PALETTE)]
        low, high = at_y(p.low), at_y(p.high)
        parts.append(
            f'<path d="M{x:.1f} {low:.1f}V{high:.1f}m-6 0h12M{x - 6:.1f} {low:.1f}h12" '
            f'stroke="{colour}" stroke-width="2" fill="none"/>{marker(p.kind, x, y)}'
        )
        if p.across:
            start, end = (at_x(value) for value in p.across)
            parts.append(
                f'<path d="M{start:.1f} {y:.1f}H{end:.1f}m0 -6v12M{start:.1f} {y - 6:.1f}v12" '
                f'stroke="{colour}" stroke-width="2" fill="none"/>'
            )
        box = _free_place(x, y, len(p.name) * 8.0 + 3, taken, lowest=bottom)
        taken.append(box)
        middle = (box[2] + box[3]) / 2
        if abs(middle - y) > 12:  # a label that had to move away keeps a line to its mark
            end = box[0] - 2 if box[0] > x else box[1] + 2 if box[1] < x else (box[0] + box[1]) / 2
            parts.append(f'<path class="grid" d="M{x:.1f} {y:.1f}L{end:.1f} {middle:.1f}"/>')
        kind = "name short" if len(p.name) < 3 else "name"
        parts.append(f'<text x="{box[0]:.1f}" y="{box[3] - 4:.1f}" class="{kind}">{escape(p.name)}</text>')
    return _frame(WIDTH, bottom + 54, title, description, body="".join(parts))


_Box = tuple[float, float, float, float]  # left, right, top, bottom


def _free_place(x: float, y: float, long: float, taken: Sequence[_Box], *, lowest: float) -> _Box:
    """Where a mark's label fits: beside it, else above or below, the nearest place that covers nothing."""
    beside, centred = [x + 14, x - 14 - long], [x - long / 2, x + 14, x - 14 - long]
    places = [(left, y - 9) for left in beside]
    places += [(left, y - 9 + shift) for shift in (20, -20, 40, -40, 60, -60, 80, -80, 100) for left in centred]
    boxes = [(left, left + long, top, top + 18) for left, top in places]
    inside = [box for box in boxes if box[0] >= 64 and box[1] <= WIDTH and box[2] >= 20 and box[3] <= lowest]
    for box in inside:
        if not any(overlap(box, other) for other in taken):
            return box
    return (inside or boxes)[0]


def overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def bars(groups: Sequence[Bar], series: Sequence[str], *, title: str, description: str, unit: str) -> Markup:
    """Horizontal bars, one group a scheme with its name on the left, and one bar a series, each with its figure."""
    left, thick, gap = 236.0, 13.0, 2.0
    across = WIDTH - left - 92.0
    highest = max((v for g in groups for v in g.values if v is not None), default=0.0) or 1.0
    parts, x, y = [], 0.0, 6.0
    for n, name in enumerate(series):
        parts.append(f'<rect x="{x:.0f}" y="{y}" width="14" height="14" {_fill(n)}/>')
        parts.append(f'<text x="{x + 20:.0f}" y="{y + 12}">{escape(name)}</text>')
        x += 44 + len(name) * 7.4
    y += 32
    for group in groups:
        lines = wrapped(group.name, 28)
        for n, line in enumerate(lines):
            parts.append(f'<text x="0" y="{y + 11 + 16 * n:.1f}" class="name">{escape(line)}</text>')
        top = y
        for n, value in enumerate(group.values):
            middle = y + thick - 2
            if value is None:
                parts.append(f'<text x="{left}" y="{middle:.1f}">– nothing to measure</text>')
            else:
                wide = max(1.5, across * value / highest)
                parts.append(f'<rect x="{left}" y="{y:.1f}" width="{wide:.1f}" height="{thick}" {_fill(n)}/>')
                parts.append(f'<text x="{left + wide + 8:.1f}" y="{middle:.1f}">{figure(value)} {escape(unit)}</text>')
            y += thick + gap
        y = max(y, top + 16.0 * len(lines)) + 9
        parts.append(f'<path class="grid" d="M0 {y - 5:.1f}H{WIDTH}"/>')
    return _frame(WIDTH, y, title, description, body=_HATCHING + "".join(parts))


def wrapped(text: str, most: int) -> list[str]:
    """The text in lines of at most `most` characters, broken at spaces; at most three, the rest cut."""
    lines = wrap(text, most) or [""]
    return lines if len(lines) <= 3 else [*lines[:2], f"{lines[2][: most - 1]}…"]


_HATCHING = (
    '<defs><pattern id="hatch-1" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="6" height="6" fill="{PALETTE[1]}"/><path d="M0 0v6" class="cut" stroke-width="2"/></pattern>'
    '<pattern id="hatch-2" width="6" height="6" patternUnits="userSpaceOnUse">'
    f'<rect width="6" height="6" fill="{PALETTE[2]}"/><circle cx="3" cy="3" r="1.4" class="dot"/></pattern></defs>'
)


def _fill(n: int) -> str:
    """The n-th series: plain, hatched, dotted, then plain in other colours."""
    return f'fill="url(#hatch-{n})"' if n in (1, 2) else f'fill="{PALETTE[n % len(PALETTE)]}"'


def figure(value: float | None) -> str:
    """A number with three significant digits, thousands apart; a dash for none."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}"
