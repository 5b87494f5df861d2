"""One scheme of each kind, for tests in which a whole world is started: what goes over the wire is decided by `Info`.

Every scheme's own bytes are tested in tests/schemes, and one sign-up of every scheme over the wire in tests/load.
"""

from __future__ import annotations

from collections.abc import Callable

from idverify.scheme import Info
from idverify.schemes import SCHEMES


def one_of_each_kind() -> list[str]:
    """The first scheme of each way to be issued, kept, rationed, remembered and answered, in the list's order."""
    return one_of_each(
        lambda info: (
            *(info.issued, info.single_use, info.rationed, info.remembers, info.signed, info.verifies_many),
            *(info.parties, info.answers, bool(info.opened_by)),
        )
    )


def one_of_each(kind: Callable[[Info], object]) -> list[str]:
    """The first scheme of each kind, in the list's order: for a test whose outcome depends on nothing else."""
    kinds: dict[object, str] = {}
    for name, scheme in SCHEMES.items():
        kinds.setdefault(kind(scheme.info), name)
    return list(kinds.values())
