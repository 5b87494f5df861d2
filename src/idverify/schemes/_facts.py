"""What a verifier concludes from a birth date or an attested age, the same in every scheme."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime

from idverify.errors import BadMessage, CannotAnswer, TooYoung
from idverify.formats.strict_json import encode_base64url
from idverify.scheme import CIVIL_TIME, Ask, Challenge, Info, Json, Person, Records, Status

OLDEST = 150
"""Years; an older birth date is a mistake or a lie."""
STATUS_HOST_LEARNS = "when each platform fetches which list of statuses, not which entry of it matters"
MOST_ENTRIES = 2**24
"""Of a status list: more would be 4 MiB and up even with one bit each."""


def check_answerable(info: Info, challenge: Challenge) -> None:
    """Raises CannotAnswer where the challenge asks more than the scheme ever answers."""
    more: frozenset[Ask] = challenge.question.asks() - info.answers
    if more:
        can = ", ".join(sorted(info.answers)) or "nothing"
        raise CannotAnswer(
            f"the platform asks for {', '.join(sorted(more))}, {info.name} answers {can}", hint="use another scheme"
        )


def read_birth_date(value: Json, now: datetime) -> date:
    """An ISO 8601 day of at most OLDEST years ago. Raises BadMessage."""
    try:
        born = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        born = None
    if born is None or born.isoformat() != value:
        raise BadMessage("the birth_date is not a day written as YYYY-MM-DD")
    today = now.astimezone(CIVIL_TIME).date()
    if born > today or today.year - born.year > OLDEST:
        raise BadMessage(f"the birth_date is in the future or more than {OLDEST} years ago")
    return born


def age_at(born: date, now: datetime) -> int:
    return Person("", "", born, "female", "").age_at(now)


def check_old_enough(born: date, challenge: Challenge) -> dict[str, Json]:
    """`{"over": …}` where an age is asked; raises TooYoung with the ages of both sides."""
    over = challenge.question.over
    if over is None:
        return {}
    if (age := age_at(born, challenge.now)) < over:
        raise TooYoung(f"{age} years old, the platform asks for {over}")
    return {"over": over}


def spent_by_nonce(name: str, challenge: Challenge) -> str:
    """A platform's nonce is answered once, by whomever: signatures could be re-spelled, this not."""
    parts = (name, challenge.audience, challenge.nonce)
    return encode_base64url(hashlib.sha256("\0".join(parts).encode()).digest())


def status_claim(records: Records | None) -> dict[str, Json]:
    """The member `status` of a new credential; nothing where the identity provider keeps no list."""
    status = records.next_status() if records is not None else None
    if status is None:
        return {}
    return {"status": {"status_list": {"idx": status.index, "uri": status.uri}}}


def status_of(claims: Mapping[str, Json]) -> Status | None:
    """Where the status of a credential stands (draft-ietf-oauth-status-list section 6.2). Raises BadMessage."""
    if "status" not in claims:
        return None
    status = claims["status"]
    entry = status.get("status_list") if isinstance(status, Mapping) else None
    if not isinstance(entry, Mapping):
        raise BadMessage("the credential's status names no entry of a status list")
    index, uri = entry.get("idx"), entry.get("uri")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < MOST_ENTRIES:
        raise BadMessage(f"the credential's status has no index below {MOST_ENTRIES}")
    if not isinstance(uri, str) or not uri.startswith(("http://", "https://")) or len(uri) > 2000:
        raise BadMessage("the credential's status names no http or https URL of a list")
    return Status(uri, index)
