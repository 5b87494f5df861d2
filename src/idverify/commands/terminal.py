"""What a terminal is told while it waits, and the matrix as a table of at most 80 columns."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID
    from rich.table import Table

    from idverify.comparison.model import Run

LINE_SECONDS = 5.0
TICK_SECONDS = 0.2


def print_json(value: object) -> None:
    """A result on stdout, deterministic and readable."""
    print(json.dumps(value, ensure_ascii=False, indent=1))


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


class Watch:
    """Progress of a comparison on stderr: a bar on a terminal, else a line every five seconds.

    The bar counts seconds of the phase under way; a phase that takes longer than expected waits at its end, and one
    whose end is unknown shows no share at all.
    """

    def __init__(self, what: str = "scheme") -> None:
        self._what = what
        self._scheme = self._phase = ""
        self._seconds: float | None = None
        self._each: float | None = None
        self._first: float | None = None
        self._left = ""
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._thread = threading.Thread(target=self._keep_telling, name="progress", daemon=True)

    def __enter__(self) -> Watch:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.percentage:>3.0f} %"))
            self._bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
            self._bar.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._bar is not None:
            self._bar.stop()

    def begin(self, total: int, seconds_each: float | None) -> None:
        """Say how long it will take, where the load has an end in time."""
        self._each, self._first = seconds_each, time.monotonic()
        several = f"{total} {self._what}s" if total > 1 else f"one {self._what}"
        text = several if seconds_each is None else f"{several}, {about(total * seconds_each)}"
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            say(text)

    def scheme(self, name: str, number: int, total: int) -> None:
        """What comes next. From the second on, what is left is reckoned from what the others took."""
        if number > 1 and self._first is not None:
            self._each = (time.monotonic() - self._first) / (number - 1)
        left = "" if self._each is None or total == 1 else f" ({about((total - number + 1) * self._each)} left)"
        self._scheme = f"{number}/{total} {name}"
        if left and self._bar is None:
            say(self._scheme + left)
        self._left = left

    def together(self, name: str, seconds: float) -> None:
        """A phase of no single one of them."""
        self._scheme = self._left = ""
        self.phase(name, seconds)

    def phase(self, name: str, seconds: float | None) -> None:
        self._phase, self._seconds, self._began = name, seconds, time.monotonic()
        text = self._of_scheme(name)
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(text + self._left, total=seconds)
        else:
            say(text)

    def done(self, name: str, problem: str = "") -> None:
        said = f"failed: {problem}" if problem else "done"
        text = f"{self._scheme or name}: {said}"
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
                self._task = None
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            say(text)

    def _keep_telling(self) -> None:
        said = time.monotonic()
        while not self._ended.wait(TICK_SECONDS):
            now = time.monotonic()
            gone = now - self._began
            bar, task = self._bar, self._task
            if bar is not None and task is not None:
                bar.update(task, completed=min(gone, self._seconds or 0.0))
            elif bar is None and now - said >= LINE_SECONDS and self._phase:
                said = now
                of = f" of about {self._seconds:.0f}" if self._seconds else ""
                say(self._of_scheme(f"{self._phase}, {gone:.0f}{of} s"))

    def _of_scheme(self, text: str) -> str:
        return f"{self._scheme}: {text}" if self._scheme else text


def about(seconds: float) -> str:
    """A time to wait: "about 40 s", "about 3 min"."""
    return f"about {round(seconds / 5) * 5 or 5} s" if seconds < 90 else f"about {round(seconds / 60)} min"


NAME_WIDTH = 22
NARROW_NAME_WIDTH = 21
"""Beside five columns of cells such as log+addr/p."""


class Shown(Protocol):
    """A count of what was linked, with its interval."""

    @property
    def correct(self) -> int: ...
    @property
    def linkable(self) -> int: ...
    @property
    def interval(self) -> tuple[float, float]: ...


def matrix(run: Run) -> Table:
    """Schemes × what they give away, let in and cost, in 80 columns; schemes of one kind stand together."""
    from rich import box
    from rich.table import Table

    from idverify.comparison.charts import figure
    from idverify.comparison.sentences import LACKS, most_accounts

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), expand=False)
    table.add_column("scheme,\nlacks", overflow="fold", width=NAME_WIDTH)
    heads = ("I+P", "P+P", "1 P, 2\u00d7", "minors\nin", "by\nadult", "acc.", "p95\nms")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    families = [r.family for r in run.schemes.values()]
    told = ""
    for (name, r), kind in zip(run.schemes.items(), families, strict=True):
        if len(set(families)) > 1 and kind != told:
            table.add_row(f"[italic]{kind}[/italic]", *[""] * len(heads))
            told = kind
        step, gate = r.steps.get("whole_sign_up"), r.age_gate
        most = most_accounts(r)
        lacks = ", ".join(LACKS.get(demand, demand) for demand in r.unanswered)
        table.add_row(
            f"[bold]{name}[/bold]\n{lacks or 'nothing'}",
            share(r.linkage.get("identity_provider+platform_a")),
            share(r.linkage.get("platform_a+platform_b")),
            share(r.linkage.get("platform_a+platform_a")),
            f"{gate.minors_admitted[0]}/{gate.minors_admitted[1]}",
            f"{gate.borrowed_admitted[0]}/{gate.borrowed_admitted[1]}",
            "–" if most is None else str(most),
            figure(step.p95_ms if step else None),
        )
    return table


def share(link: Shown | None) -> str:
    """What a coalition linked, in two narrow lines: the counts, and the interval."""
    from idverify.privacy.metrics import percent

    if link is None or not link.linkable:
        return "\u2013"
    low, high = link.interval
    # The column is narrow: whole per cents, rounded outwards, and a tenth only where that is most of it.
    ends = math.floor(100 * low), percent(high) if high < 0.1 else math.ceil(100 * high)
    return f"{link.correct}/{link.linkable}\n{ends[0]}\u2013{ends[1]}%"


EXPOSED = {
    "I+P": "identity_provider+platform_a",
    "P+P": "platform_a+platform_b",
    "P": "platform_a",
    "I+N+P": "identity_provider+network_observer+platform_a",
    "state": "state",
}
"""The coalitions that have a column, and their names in run.json."""


def exposure(run: Run) -> Table:
    """Schemes × coalitions, with all that arrived: the strongest attack, its interval, and a guess at random."""
    from rich import box
    from rich.table import Table

    from idverify.comparison.matrix import narrow

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), expand=False)
    table.add_column("who finds out\nwhom", overflow="fold", width=NARROW_NAME_WIDTH)
    for head in EXPOSED:
        table.add_column(head, justify="right", overflow="fold")
    for name, r in run.schemes.items():
        if r.coalitions:
            table.add_row(f"[bold]{name}[/bold]", *(narrow(r, who) for who in EXPOSED.values()))
    return table


def print_matrix(run: Run) -> None:
    """On stdout, with the finding in words above it. Colours only where the terminal and NO_COLOR allow them."""
    from rich.console import Console

    from idverify.comparison.sentences import beyond, together

    terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if terminal else 80)
    console.print(together(run), markup=False)
    if any(r.coalitions for r in run.schemes.values()):
        console.print(beyond(run), markup=False)
        console.print(exposure(run))
        console.print(
            "MEASURED, strongest attack/attacker (policy, trained, blind); 95 % interval for all attacks at once; 1:N "
            "is a guess at random; n. d.: not detected. With times and addresses: I+P, identity provider and platform; "
            "P+P, two platforms; P alone; I+N+P, with a network observer; the state with an order. Below: equal values "
            "alone.",
            markup=False,
        )
    if run.schemes:
        console.print(matrix(run))
        console.print(
            "MEASURED, with 95 % intervals (0/n: not detected). Accounts linked by I+P, identity provider and "
            "platform; P+P, two platforms; 1 P, 2×, one platform over two visits. Minors let in by themselves, by an "
            "adult's credential. acc.: most accounts of one person, – where nobody tried for two. p95: whole sign-up. "
            "lacks: demands left unmet.",
            markup=False,
        )


def print_differences(run: Run) -> None:
    """Each scheme against the first, paired over seeds; nothing where there was one seed."""
    from idverify.comparison.outcome_words import difference_in_words, key_differences

    shown = key_differences(run)
    if not shown:
        return
    print(f"Differences over seeds {', '.join(map(str, run.seeds))}, the same people under each (MEASURED, paired):")
    for title, rows in shown:
        print(f"  {title}")
        for row in rows:
            print(f"    {difference_in_words(row)}")
