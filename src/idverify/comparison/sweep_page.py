"""sweep.html from sweep.json: one file, no script, no network; the finding, the charts, and the figures as a table."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idverify.comparison import sweep_picture, sweep_words
from idverify.comparison.charts import figure, mark
from idverify.comparison.sweep_model import SAME_PLATFORM, TWO_PLATFORMS, WITH_ISSUER, Sweep
from idverify.privacy.metrics import percent

NOT_SHOWN = (
    "network addresses and devices: whoever compares those too finds most people again at any load and scheme; "
    "idverify attack runs that and all other attacks on the ledgers of any point",
    "a steady state above 100 %: the queue grows as long as the rush lasts, and so does all that depends on it",
    "how much one rush differs from the next: near 100 % all in it share the luck of one line; other seeds show it",
    "an issuer that turns people away, or grows with the load",
    "how long people of a country wait and think, and how often they come: these are settings here",
)


def render(sweep: Sweep) -> str:
    """The whole page. Everything in it comes from `sweep`."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "percent": percent}
    page = environment.get_template("sweep.html.j2").render(
        sweep=sweep,
        words=sweep_words,
        charts=[(chart, sweep_picture.inline(chart)) for chart in sweep_picture.charts(sweep)],
        marks={name: mark(kind) for kind, name in enumerate(sweep.schemes)},
        reading=sweep_picture.reading(sweep),
        warned=sweep_words.warned(sweep.points),
        links=((WITH_ISSUER, "issuer and platform A"), (SAME_PLATFORM, "platform A, coming back"),
               (TWO_PLATFORMS, "platforms A and B")),
        not_shown=NOT_SHOWN,
    )  # fmt: skip
    return page.rstrip().replace(" %", "\u00a0%").replace("≤ ", "≤\u00a0") + "\n"
