"""From a mandate's decision to an error that says what is missing and what is still allowed."""

from __future__ import annotations

from idverify.errors import IdverifyError, NotAllowed, NotSignedIn, TooYoung
from idverify.mandates import Decision


class NotVerified(NotAllowed):
    code = "not_verified"


class AgeUnproven(NotAllowed):
    code = "age_unproven"


class Banned(NotAllowed):
    code = "banned"


_KINDS: dict[str, type[IdverifyError]] = {
    "not_signed_in": NotSignedIn,
    "not_verified": NotVerified,
    "age_unproven": AgeUnproven,
    "too_young": TooYoung,
}


def require(decision: Decision) -> Decision:
    """Pass an allowed decision on. Raises NotSignedIn, NotVerified, AgeUnproven, TooYoung or NotAllowed."""
    if decision.allowed:
        return decision
    still = f"still allowed: {', '.join(decision.may_still)}" if decision.may_still else ""
    raise _KINDS.get(decision.code, NotAllowed)(decision.message, hint=still)
