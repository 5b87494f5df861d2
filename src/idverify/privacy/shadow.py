"""What the trained attacker learns from a shadow world: a world of another seed whose truth it knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idverify.privacy.attacks.timing import Rhythm


@dataclass(frozen=True, slots=True)
class Learned:
    """The rhythm of one coalition in the shadow world."""

    rhythm: Rhythm | None = None
