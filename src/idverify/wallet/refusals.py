"""What a service says when it will not: its own code is kept, so that a wallet can tell people why."""

from __future__ import annotations

from idverify.errors import IdverifyError


class Refused(IdverifyError):
    """A service answered 4xx. `reason` is the service's code, `answered` its HTTP status, `step` our request."""

    code = "refused"
    status = 403

    def __init__(self, reason: str, message: str, *, answered: int = 403, step: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.answered = answered
        self.step = step

    def as_json(self) -> dict[str, str]:
        """The error body with the code of the service that refused."""
        body = super().as_json()
        body["error"] = self.reason
        return body


def reason_of(error: IdverifyError) -> str:
    """The word for machines: the service's where a service refused, else our own."""
    return error.reason if isinstance(error, Refused) else error.code
