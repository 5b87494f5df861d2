"""A staircase: more users every half minute, so that one sees where latency begins to climb. Ends by itself."""

import time

from locust import LoadTestShape


class Steps(LoadTestShape):
    """Five steps of 30 s: 10, 20, 30, 40, 50 users."""

    step_users = 10
    step_seconds = 30
    steps = 5

    def tick(self) -> tuple[int, float] | None:
        """Users and spawn rate now; None ends the test."""
        now: float = time.perf_counter() - self.start_time
        step = int(now // self.step_seconds) + 1
        return (step * self.step_users, float(self.step_users)) if step <= self.steps else None
