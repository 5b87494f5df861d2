"""Every error that leaves a module, as one tree; a branch is whose fault it is.

    IdverifyError
    ├── BadMessage        400  bytes that do not decode, or break a rule of their format
    ├── NotSignedIn       401  no session, or one that has ended
    ├── NotProven         403  a well-formed proof that does not prove what was asked
    │   ├── BadSignature        the signature, MAC or proof does not verify
    │   ├── UnknownKey          signed by a key that the issuer does not publish
    │   ├── UntrustedIssuer     an issuer whom the mandate does not trust
    │   ├── WrongAudience       made for another platform
    │   ├── WrongNonce          made for another question
    │   ├── Expired             too old, or not yet valid
    │   ├── Revoked             withdrawn by its issuer
    │   └── TooYoung            proves an age, and it is too low
    ├── NotAllowed        403  the mandate, or the platform's own rule, does not allow it
    ├── NotFound          404
    ├── Conflict          409  loses against something that was there first
    │   └── AlreadyUsed         a token, nonce, code or pseudonym that is spent
    ├── CannotAnswer      422  the question asks more than this credential or scheme can answer
    ├── TooMany           429  more in a short time than is allowed
    │   └── QuotaUsed           all that a person may have until the next key epoch
    ├── Unavailable       503  somebody else's service does not answer
    │   └── StatusUnknown       a status list that is not at hand, or too old
    └── Unusable          exit 2 or 3: what the operator gave cannot be used
        ├── BadUsage            an argument (exit 2)
        ├── BadSetting          an IDVERIFY_ setting (exit 2)
        ├── BadMandate          a mandate file (exit 2)
        └── BadEnvironment      a port, a file, a database (exit 3)

Two branches grow where only one part raises them: NotVerified and AgeUnproven under NotAllowed
(`social_platform.refusals`), and the wallet's Refused, which carries a service's own code.
Bodies that come too slowly (408) or are too large (413) are cut off in `web`, before an app could raise.

A message is lower case, has no full stop and names both sides; it never holds a secret or a whole
token. `hint` says what to do about it, in one sentence.
"""

from __future__ import annotations

from typing import ClassVar


class IdverifyError(Exception):
    """The root. `code` is the word that machines read, `status` the HTTP status it becomes."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_json(self) -> dict[str, str]:
        """The body of an error response (RFC 6749 section 5.2 names the first two members)."""
        body = {"error": self.code, "error_description": self.message}
        return body | {"hint": self.hint} if self.hint else body


class BadMessage(IdverifyError):
    code = "bad_message"
    status = 400


class NotSignedIn(IdverifyError):
    code = "not_signed_in"
    status = 401


class NotProven(IdverifyError):
    code = "not_proven"
    status = 403


class BadSignature(NotProven):
    code = "bad_signature"


class UnknownKey(NotProven):
    code = "unknown_key"


class UntrustedIssuer(NotProven):
    code = "untrusted_issuer"


class WrongAudience(NotProven):
    code = "wrong_audience"


class WrongNonce(NotProven):
    code = "wrong_nonce"


class Expired(NotProven):
    code = "expired"


class Revoked(NotProven):
    code = "revoked"


class TooYoung(NotProven):
    code = "too_young"


class NotAllowed(IdverifyError):
    code = "not_allowed"
    status = 403


class NotFound(IdverifyError):
    code = "not_found"
    status = 404


class Conflict(IdverifyError):
    code = "conflict"
    status = 409


class AlreadyUsed(Conflict):
    code = "already_used"


class CannotAnswer(IdverifyError):
    code = "cannot_answer"
    status = 422


class TooMany(IdverifyError):
    code = "too_many"
    status = 429


class QuotaUsed(TooMany):
    code = "quota"


class Unavailable(IdverifyError):
    code = "unavailable"
    status = 503


class StatusUnknown(Unavailable):
    """`uri` is the list that would tell."""

    code = "status_unknown"

    def __init__(self, message: str, *, uri: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.uri = uri


class Unusable(IdverifyError):
    """What the operator gave cannot be used. `number` is shown as IDV-nnn."""

    code = "unusable"
    exit_code: ClassVar[int] = 3
    number: ClassVar[int] = 300


class BadUsage(Unusable):
    code = "bad_usage"
    exit_code = 2
    number = 201


class BadSetting(Unusable):
    code = "bad_setting"
    exit_code = 2
    number = 202


class BadMandate(Unusable):
    code = "bad_mandate"
    exit_code = 2
    number = 203


class BadEnvironment(Unusable):
    code = "bad_environment"
    exit_code = 3
    number = 301
