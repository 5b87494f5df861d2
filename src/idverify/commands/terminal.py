"""What a terminal is told while it waits, and the matrix as a table of at most 80 columns."""

from __future__ import annotations

import json
import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID
    from rich.table import Table

    from idverify.comparison.model import Linked, Run

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

    def __init__(self) -> None:
        self._scheme = self._phase = ""
        self._seconds: float | None = None
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

    def scheme(self, name: str, number: int, total: int) -> None:
        self._scheme = f"{number}/{total} {name}"

    def phase(self, name: str, seconds: float | None) -> None:
        self._phase, self._seconds, self._began = name, seconds, time.monotonic()
        text = f"{self._scheme}: {name}"
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(text, total=seconds)
        else:
            say(text)

    def done(self, name: str, problem: str = "") -> None:
        text = f"{self._scheme}: {'failed: ' + problem if problem else 'done'}"
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
                say(f"{self._scheme}: {self._phase}, {gone:.0f}{of} s")


def matrix(run: Run) -> Table:
    """Schemes × what they give away, let in and cost, in 80 columns."""
    from rich import box
    from rich.table import Table

    from idverify.comparison.charts import figure

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), expand=False)
    table.add_column("scheme", no_wrap=True)
    for head in ("I+P\nlinked", "P+P\nlinked", "minors\nin", "by\nadult", "acc.", "p95\nms"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("unmet", overflow="fold", max_width=11)
    for name, r in run.schemes.items():
        step = r.steps.get("whole_sign_up")
        gate = r.age_gate
        table.add_row(
            name,
            _share(r.linkage.get("identity_provider+platform_a")),
            _share(r.linkage.get("platform_a+platform_b")),
            f"{gate.minors_admitted[0]}/{gate.minors_admitted[1]}",
            f"{gate.borrowed_admitted[0]}/{gate.borrowed_admitted[1]}",
            str(r.accounts_per_person_max),
            figure(step.p95_ms if step else None),
            "\n".join(r.unanswered) or "–",
        )
    return table


def _share(link: Linked | None) -> str:
    from idverify.privacy.metrics import percent

    if link is None or not link.linkable:
        return "–"
    low, high = (percent(end) for end in link.interval)
    return f"{link.correct}/{link.linkable}\n{low}–{high} %"


def print_matrix(run: Run) -> None:
    """On stdout, with the finding in words above it. Colours only where the terminal and NO_COLOR allow them."""
    from rich.console import Console

    from idverify.comparison.sentences import together

    terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if terminal else 80)
    console.print(together(run), markup=False)
    if run.schemes:
        console.print(matrix(run))
        console.print(
            "MEASURED. I identity provider, P platform: accounts linked, with the 95 % interval (0/n: not detected). "
            "Minors let in by themselves, by an adult's credential. acc.: most accounts of one person. "
            "p95: whole sign-up.",
            markup=False,
        )
