"""What a value in a mandate file may be: each check gives the value in the model's type, or says what is allowed."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Literal, cast

from idverify.mandates.model import ACTIONS, Action, Guardian, Identity

LONGEST_TEXT = 2000
MOST_DAYS = 36_525
MOST_HOURS = 8_766


class Wrong(Exception):
    """Holds what would have been right."""


def shown(value: object) -> str:
    if value is None:
        return "missing"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def whole(value: object, least: int, most: int, *, allowed: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Wrong(allowed)
    return value


def one_of(value: object, *allowed: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise Wrong(" or ".join(f'"{name}"' for name in allowed))
    return value


def yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong("true or false")
    return value


def age_from_0(value: object) -> int:
    return whole(value, 0, 150, allowed="an age from 0 to 150 years")


def age_or_none(value: object) -> int | None:
    allowed = 'an age from 1 to 150 years, or "none"'
    return None if value == "none" else whole(value, 1, 150, allowed=allowed)


def days(value: object) -> int:
    return whole(value, 0, MOST_DAYS, allowed=f"days from 0 to {MOST_DAYS}")


def days_or_account(value: object) -> int | None:
    allowed = f'days from 0 to {MOST_DAYS}, or "account": as long as the account exists'
    return None if value == "account" else whole(value, 0, MOST_DAYS, allowed=allowed)


def hours_or_none(value: object) -> int | None:
    return None if value == "none" else whole(value, 1, MOST_HOURS, allowed=f'hours from 1 to {MOST_HOURS}, or "none"')


def day_or_none(value: object) -> date | None:
    if value == "none":
        return None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise Wrong('a day such as 2026-01-01, or "none"')
    if not 1970 <= value.year <= 2200:
        raise Wrong("a day of the years 1970 to 2200")
    return value


def identity(value: object) -> Identity:
    return cast("Identity", one_of(value, "no", "attested", "shown"))


def guardian(value: object) -> Guardian:
    return cast("Guardian", one_of(value, "none", "registers"))


def shortfall(value: object) -> Literal["accept", "refuse"]:
    return cast("Literal['accept', 'refuse']", one_of(value, "accept", "refuse"))


def applies_to(value: object) -> Literal["existing", "all"]:
    return cast("Literal['existing', 'all']", one_of(value, "existing", "all"))


def by(value: object) -> Literal["nobody", "court", "authority"]:
    return cast("Literal['nobody', 'court', 'authority']", one_of(value, "nobody", "court", "authority"))


def may(value: object) -> tuple[Action, ...]:
    if value == "everything":
        return ACTIONS
    if not isinstance(value, list) or not all(item in ACTIONS for item in value) or len(set(value)) < len(value):
        raise Wrong(f'"everything", or a list, each once, of {", ".join(ACTIONS)}')
    return tuple(action for action in ACTIONS if action in value)


def countries(value: object) -> tuple[str, ...] | Literal["any"]:
    if value == "any":
        return "any"
    if not isinstance(value, list) or not all(map(is_country, value)) or len(set(value)) < len(value):
        raise Wrong('"any", or a list of countries as two capital letters (ISO 3166-1), each once')
    return tuple(value)


def is_country(value: object) -> bool:
    return isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()


def text(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= LONGEST_TEXT:
        raise Wrong(f"a text of 1 to {LONGEST_TEXT} characters")
    return " ".join(value.split())


def texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 50:
        raise Wrong("a list of at most 50 texts")
    return tuple(map(text, value))


def name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", value):
        raise Wrong("a name of small letters, digits and _ that starts with a letter")
    return value
