"""What the trained attacker learns from a shadow world: a world of another seed whose truth it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idverify.privacy.attacks.timing import Rhythm


@dataclass(frozen=True, slots=True)
class Learned:
    """The rhythm of one coalition in the shadow world, and how often one person shows two values of a feature."""

    rhythm: Rhythm | None = None
    moved: Mapping[str, float] = field(default_factory=dict)
