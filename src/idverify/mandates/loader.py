"""From the text of a mandate file to its rules; refuses what it does not understand (docs/mandates.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Literal, TypeVar, cast, get_args

from idverify.mandates import source
from idverify.mandates.model import (
    ACTIONS,
    Action,
    ActionRules,
    Certainty,
    Grace,
    Guardian,
    Identity,
    Order,
    Proof,
    Rule,
    Rules,
    RuleValue,
    Tier,
)
from idverify.mandates.source import Path, Source

SCHEMA = 1
LONGEST_TEXT = 2000
MOST_DAYS = 36_525
MOST_HOURS = 8_766
PLATFORM_KEEPS = ("name", "id_number", "birth_date", "logins")
IDENTITY_PROVIDER_KEEPS = ("uses",)

T = TypeVar("T", bound=RuleValue)
Check = Callable[[object], T]
"""Returns the value in the type of the model, or raises `_Wrong` with what is allowed."""


class _Wrong(Exception):
    """Holds what would have been right."""


def parse(text: str, *, file: str) -> Rules:
    """The rules in a mandate file; raises BadMandate with file, line, key and what is allowed."""
    return _Reader(source.read(text, file=file)).rules()


class _Reader:
    def __init__(self, origin: Source) -> None:
        self._source = origin

    def rules(self) -> Rules:
        top = self._source.tables
        if top.get("schema") != SCHEMA or isinstance(top.get("schema"), bool):
            self._source.refuse(("schema",), f"is {_shown(top.get('schema'))}", allowed=f"schema = {SCHEMA}")
        self._known(
            (),
            *("schema", "name", "title", "summary", "notes", "hypothetical", "in_force", "proof", "unverified"),
            *("actions", "grace", "tiers", "retention", "disclosure", "takedown", "trust"),
        )
        self._known(("proof",), "over", "identity", "one_account", "shortfall")
        self._known(("unverified",), "accounts")
        self._known(("grace",), "days", "applies_to")
        self._known(("retention",), "platform", "identity_provider")
        self._known(("trust",), "countries")
        proof = Proof(
            over=self._rule(("proof", "over"), _age_or_none, None),
            identity=self._rule(("proof", "identity"), _identity, "no"),
            one_account=self._rule(("proof", "one_account"), _yes_or_no, False),
            shortfall=self._rule(("proof", "shortfall"), _shortfall, "accept"),
        )
        tiers = self._tiers()
        self._agree(proof, tiers)
        return Rules(
            name=self._plain(("name",), _name),
            title=self._plain(("title",), _text),
            summary=self._plain(("summary",), _text),
            notes=self._notes(),
            hypothetical=self._flag("hypothetical"),
            in_force=self._rule(("in_force",), _day_or_none, None),
            unverified_accounts=self._rule(("unverified", "accounts"), _yes_or_no, True),
            proof=proof,
            actions=self._actions(),
            grace=Grace(
                days=self._rule(("grace", "days"), _days, 0),
                applies_to=self._rule(("grace", "applies_to"), _applies_to, "existing"),
            ),
            tiers=tiers,
            platform_keeps=self._keeps(("retention", "platform"), PLATFORM_KEEPS),
            identity_provider_keeps=self._keeps(("retention", "identity_provider"), IDENTITY_PROVIDER_KEEPS),
            disclosure=self._order("disclosure"),
            takedown=self._order("takedown"),
            trust=self._rule(("trust", "countries"), _countries, "any"),
        )

    def _actions(self) -> dict[Action, ActionRules]:
        self._known(("actions",), *ACTIONS)
        found: dict[Action, ActionRules] = {}
        for action in ACTIONS:
            at: Path = ("actions", action)
            self._known(at, "visitors", "unverified", "over")
            found[action] = ActionRules(
                visitors=self._rule((*at, "visitors"), _yes_or_no, action == "read"),
                unverified=self._rule((*at, "unverified"), _yes_or_no, True),
                over=self._rule((*at, "over"), _age_or_none, None),
            )
        return found

    def _tiers(self) -> tuple[Tier, ...]:
        tables = self._source.tables.get("tiers", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._source.refuse(("tiers",), f"is {_shown(tables)}", allowed="[[tiers]], once for each tier of ages")
        tiers: list[Tier] = []
        for place in range(len(tables)):
            at: Path = ("tiers", place)
            self._known(at, "from", "to", "may", "guardian")
            first = self._plain((*at, "from"), _age_from_0)
            last = None if tables[place].get("to") is None else self._plain((*at, "to"), _age_from_0)
            expected = 0 if not tiers else (tiers[-1].last or 0) + 1
            if tiers and tiers[-1].last is None:
                self._source.refuse(at, f"follows a tier from {tiers[-1].first} without an end", allowed="give it a to")
            if first != expected:
                self._source.refuse(
                    (*at, "from"), f"is {first}", allowed=f"{expected}: tiers start at 0, without gap or overlap"
                )
            if last is not None and last < first:
                self._source.refuse((*at, "to"), f"is {last}, below from", allowed=f"an age from {first}, or no to")
            may = self._rule((*at, "may"), _may, ACTIONS)
            tiers.append(Tier(first, last, may, self._rule((*at, "guardian"), _guardian, "none")))
        if tiers and tiers[-1].last is not None:
            self._source.refuse(
                ("tiers", len(tiers) - 1, "to"), f"is {tiers[-1].last}", allowed="the last tier has no to"
            )
        return tuple(tiers)

    def _agree(self, proof: Proof, tiers: tuple[Tier, ...]) -> None:
        """A tier that needs a guardian lies below the age that the sign-up asks, or nobody would notice."""
        for place, tier in enumerate(tiers):
            if tier.guardian.value == "registers" and (tier.last is None or tier.last >= (proof.over.value or 0)):
                self._source.refuse(
                    ("tiers", place, "guardian"),
                    f"is registers for ages {tier.ages}, but proof.over is {proof.over.value or 'none'}",
                    allowed="proof.over above every age for which a guardian registers",
                )

    def _keeps(self, at: Path, known: tuple[str, ...]) -> dict[str, Rule[int | None]]:
        table = self._known(at, *known)
        return {what: self._rule((*at, what), _days_or_account, None) for what in known if what in table}

    def _order(self, name: str) -> Order:
        self._known((name,), "by", "hours", "urgent_hours")
        return Order(
            by=self._rule((name, "by"), _by, "nobody"),
            hours=self._rule((name, "hours"), _hours_or_none, None),
            urgent_hours=self._rule((name, "urgent_hours"), _hours_or_none, None),
        )

    def _rule(self, at: Path, check: Check[T], default: T) -> Rule[T]:
        """The inline table {value, source, certainty} at a path; the default is a setting."""
        holder = self._get(at[:-1])
        if not isinstance(holder, Mapping) or at[-1] not in holder:
            return Rule(default)
        table = holder[at[-1]]
        wanted = '{ value = …, source = "…", certainty = "seen", "inferred", "uncertain" or "setting" }'
        if not isinstance(table, Mapping):
            self._source.refuse(at, f"is {_shown(table)}, no rule", allowed=wanted)
        self._known(at, "value", "source", "certainty")
        if "value" not in table:
            self._source.refuse(at, "has no value", allowed=wanted)
        certainty = table.get("certainty")
        if certainty not in get_args(Certainty):
            fault = "has no certainty" if certainty is None else f"has the certainty {_shown(certainty)}"
            self._source.refuse(at, fault, allowed=f"certainty is one of {', '.join(get_args(Certainty))}")
        origin = table.get("source", "")
        if not isinstance(origin, str) or len(origin) > LONGEST_TEXT:
            self._source.refuse(at, "has a source that is no short text", allowed="the document and its article")
        if certainty != "setting" and not origin.strip():
            self._source.refuse(
                at,
                f"is {certainty}, but has no source",
                allowed='a source, or certainty = "setting", which claims nothing',
            )
        return Rule(self._checked(at, table["value"], check=check), origin, cast("Certainty", certainty))

    def _plain(self, at: Path, check: Check[T]) -> T:
        holder = self._get(at[:-1])
        return self._checked(at, holder.get(str(at[-1])) if isinstance(holder, Mapping) else None, check=check)

    def _checked(self, at: Path, value: object, *, check: Check[T]) -> T:
        try:
            return check(value)
        except _Wrong as wrong:
            self._source.refuse(at, f"is {_shown(value)}", allowed=f"allowed: {wrong}")

    def _known(self, at: Path, *known: str) -> Mapping[str, object]:
        """The table at a path, empty if absent; refuses keys outside `known`."""
        table = self._get(at)
        if table is None:
            return {}
        if not isinstance(table, Mapping):
            self._source.refuse(at, f"is {_shown(table)}", allowed=f"a table with {', '.join(known)}")
        for key in table:
            if key not in known:
                self._source.refuse_unknown((*at, key), known)
        return table

    def _get(self, at: Path) -> object:
        found: object = self._source.tables
        for part in at:
            if isinstance(part, int) and isinstance(found, list):
                found = found[part]
            elif isinstance(found, Mapping):
                found = found.get(part)
            else:
                return None
        return found

    def _flag(self, key: str) -> bool:
        return self._plain((key,), _yes_or_no) if key in self._source.tables else False

    def _notes(self) -> tuple[str, ...]:
        return self._plain(("notes",), _texts) if "notes" in self._source.tables else ()


def _shown(value: object) -> str:
    if value is None:
        return "missing"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _whole(value: object, least: int, most: int, *, allowed: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _Wrong(allowed)
    return value


def _one_of(value: object, *allowed: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise _Wrong(" or ".join(f'"{name}"' for name in allowed))
    return value


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("true or false")
    return value


def _age_from_0(value: object) -> int:
    return _whole(value, 0, 150, allowed="an age from 0 to 150 years")


def _age_or_none(value: object) -> int | None:
    allowed = 'an age from 1 to 150 years, or "none"'
    return None if value == "none" else _whole(value, 1, 150, allowed=allowed)


def _days(value: object) -> int:
    return _whole(value, 0, MOST_DAYS, allowed=f"days from 0 to {MOST_DAYS}")


def _days_or_account(value: object) -> int | None:
    allowed = f'days from 0 to {MOST_DAYS}, or "account": as long as the account exists'
    return None if value == "account" else _whole(value, 0, MOST_DAYS, allowed=allowed)


def _hours_or_none(value: object) -> int | None:
    return None if value == "none" else _whole(value, 1, MOST_HOURS, allowed=f'hours from 1 to {MOST_HOURS}, or "none"')


def _day_or_none(value: object) -> date | None:
    if value == "none":
        return None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise _Wrong('a day such as 2026-01-01, or "none"')
    if not 1970 <= value.year <= 2200:
        raise _Wrong("a day of the years 1970 to 2200")
    return value


def _identity(value: object) -> Identity:
    return cast("Identity", _one_of(value, "no", "attested", "shown"))


def _guardian(value: object) -> Guardian:
    return cast("Guardian", _one_of(value, "none", "registers"))


def _shortfall(value: object) -> Literal["accept", "refuse"]:
    return cast("Literal['accept', 'refuse']", _one_of(value, "accept", "refuse"))


def _applies_to(value: object) -> Literal["existing", "all"]:
    return cast("Literal['existing', 'all']", _one_of(value, "existing", "all"))


def _by(value: object) -> Literal["nobody", "court", "authority"]:
    return cast("Literal['nobody', 'court', 'authority']", _one_of(value, "nobody", "court", "authority"))


def _may(value: object) -> tuple[Action, ...]:
    if value == "everything":
        return ACTIONS
    if not isinstance(value, list) or not all(item in ACTIONS for item in value) or len(set(value)) < len(value):
        raise _Wrong(f'"everything", or a list, each once, of {", ".join(ACTIONS)}')
    return tuple(action for action in ACTIONS if action in value)


def _countries(value: object) -> tuple[str, ...] | Literal["any"]:
    if value == "any":
        return "any"
    if not isinstance(value, list) or not all(map(_is_country, value)) or len(set(value)) < len(value):
        raise _Wrong('"any", or a list of countries as two capital letters (ISO 3166-1), each once')
    return tuple(value)


def _is_country(value: object) -> bool:
    return isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()


def _text(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= LONGEST_TEXT:
        raise _Wrong(f"a text of 1 to {LONGEST_TEXT} characters")
    return " ".join(value.split())


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 50:
        raise _Wrong("a list of at most 50 texts")
    return tuple(map(_text, value))


def _name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", value):
        raise _Wrong("a name of small letters, digits and _ that starts with a letter")
    return value
