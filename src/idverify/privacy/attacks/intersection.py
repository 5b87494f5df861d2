"""Attack 4, intersection: who was issued something each time that this account came back.

Every login multiplies the likelihoods: what one leaves open, the next one narrows down.
"""

from __future__ import annotations

from idverify.privacy.answers import Answer
from idverify.privacy.attacks.timing import by_time
from idverify.privacy.view import View

NAME, WITH_ADDRESS = "intersection", "intersection_and_address"


def intersection(view: View) -> Answer:
    """Each account by all its presentations."""
    return by_time(view, NAME, every=True, addresses=False)


def intersection_and_address(view: View) -> Answer:
    """The same among those who come from the same address."""
    return by_time(view, WITH_ADDRESS, every=True, addresses=True)
