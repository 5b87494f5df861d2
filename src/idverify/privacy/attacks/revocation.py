"""Attack 7, revocation difference: who was revoked just before this account was refused.

What a status list no longer holds after an update is somebody, and whoever is refused soon after is one of them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import no_answer
from idverify.privacy.attacks.timing import by_rhythm, found_rhythm
from idverify.privacy.matching import only
from idverify.privacy.view import REFUSED, View

NAME = "revocation"


def revocation(view: View) -> Answer:
    """Guess by refusals that follow something at the source; only accounts that were refused are targets."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone does not know why it refuses")
    first, second = view.dated(view.source), view.dated(view.target)
    refused = frozenset(str(r) for r in np.unique(second.route) if r.endswith(REFUSED))
    if not refused:
        return no_answer(view, NAME, "nobody was refused")
    rhythm = found_rhythm(first, second, there=refused)
    if rhythm is None:
        return no_answer(view, NAME, "refusals follow nothing that the other party did")
    found = by_rhythm(view, NAME, rhythm, every=True)
    asked = np.unique(second.who[np.isin(second.route, sorted(refused))])
    return replace(found, posterior=only(found.posterior, asked))
