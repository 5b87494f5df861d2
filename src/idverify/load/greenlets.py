"""Greenlets that finish what they have begun."""

from __future__ import annotations

from collections.abc import Callable

import gevent


def to_its_end(work: Callable[[], None]) -> None:
    """Do `work` even if Locust kills this user meanwhile: half a sign-up leaves an account that nobody knows of.

    Locust spares users that are in a task, but one whose wait ends just as the test stops is killed in the next task.
    """
    running = gevent.spawn(work)
    try:
        running.join()
    except gevent.GreenletExit:
        running.join()
        raise
    running.get()
