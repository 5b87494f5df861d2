"""What all attacks need: an answer that says nothing, and why."""

from __future__ import annotations

from idverify.privacy.answers import Answer
from idverify.privacy.matching import gathered
from idverify.privacy.view import View


def no_answer(view: View, attack: str, why: str) -> Answer:
    """The answer of an attack that has nothing to go by: every candidate is as likely as any other."""
    return Answer(
        attack=attack,
        attacker=view.attacker,
        coalition=view.coalition,
        candidates_of=view.source or "",
        targets_of=view.target,
        pool=view.pool,
        posterior=gathered((), (), view.subjects(view.target)),
        silent=why,
    )
