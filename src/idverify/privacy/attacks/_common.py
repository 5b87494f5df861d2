"""What all attacks need: an answer from a posterior, and one that says nothing, and why."""

from __future__ import annotations

from idverify.privacy.answers import Answer, Posterior
from idverify.privacy.matching import gathered
from idverify.privacy.view import View


def answer(view: View, attack: str, posterior: Posterior, pairs: tuple[str, ...]) -> Answer:
    """What an attack found."""
    return Answer(
        attack=attack,
        attacker=view.attacker,
        coalition=view.coalition,
        candidates_of=view.source or "",
        targets_of=view.target,
        pool=view.pool,
        posterior=posterior,
        pairs=pairs,
    )


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
