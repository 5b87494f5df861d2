"""A spike: quiet, then five times as many users at once, then quiet again: how do services recover? Ends by itself."""

import time

from locust import LoadTestShape


class Spike(LoadTestShape):
    """30 s with 10 users, 20 s with 50, 30 s with 10."""

    phases = ((30, 10), (50, 50), (80, 10))
    """Until this second of the test, so many users."""

    def tick(self) -> tuple[int, float] | None:
        """Users and spawn rate now; None ends the test."""
        now: float = time.perf_counter() - self.start_time
        for until, users in self.phases:
            if now < until:
                return users, 50.0
        return None
