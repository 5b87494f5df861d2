"""From the text of a mandate file to its rules; refuses what it does not understand (docs/mandates.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast, get_args

from idverify.mandates import checks, source
from idverify.mandates.model import (
    ACTIONS,
    Action,
    ActionRules,
    Certainty,
    Grace,
    Order,
    Proof,
    Rule,
    Rules,
    RuleValue,
    Tier,
)
from idverify.mandates.source import Path, Source

SCHEMA = 1
PLATFORM_KEEPS = ("name", "id_number", "birth_date", "logins")
IDENTITY_PROVIDER_KEEPS = ("uses",)

T = TypeVar("T", bound=RuleValue)
Check = Callable[[object], T]
"""Returns the value in the type of the model, or raises `checks.Wrong` with what is allowed."""


def parse(text: str, *, file: str) -> Rules:
    """The rules in a mandate file; raises BadMandate with file, line, key and what is allowed."""
    return _Reader(source.read(text, file=file)).rules()


class _Reader:
    def __init__(self, origin: Source) -> None:
        self._source = origin

    def rules(self) -> Rules:
        top = self._source.tables
        schema = top.get("schema")
        if type(schema) is not int or schema != SCHEMA:
            self._source.refuse(("schema",), f"is {checks.shown(schema)}", allowed=f"schema = {SCHEMA}")
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
            over=self._rule(("proof", "over"), checks.age_or_none, None),
            identity=self._rule(("proof", "identity"), checks.identity, "no"),
            one_account=self._rule(("proof", "one_account"), checks.yes_or_no, False),
            shortfall=self._rule(("proof", "shortfall"), checks.shortfall, "accept"),
        )
        tiers = self._tiers()
        self._agree(proof, tiers)
        return Rules(
            name=self._plain(("name",), checks.name),
            title=self._plain(("title",), checks.text),
            summary=self._plain(("summary",), checks.text),
            notes=self._notes(),
            hypothetical=self._flag("hypothetical"),
            in_force=self._rule(("in_force",), checks.day_or_none, None),
            unverified_accounts=self._rule(("unverified", "accounts"), checks.yes_or_no, True),
            proof=proof,
            actions=self._actions(),
            grace=Grace(
                days=self._rule(("grace", "days"), checks.days, 0),
                applies_to=self._rule(("grace", "applies_to"), checks.applies_to, "existing"),
            ),
            tiers=tiers,
            platform_keeps=self._keeps(("retention", "platform"), PLATFORM_KEEPS),
            identity_provider_keeps=self._keeps(("retention", "identity_provider"), IDENTITY_PROVIDER_KEEPS),
            disclosure=self._order("disclosure"),
            takedown=self._order("takedown"),
            trust=self._rule(("trust", "countries"), checks.countries, "any"),
        )

    def _actions(self) -> dict[Action, ActionRules]:
        self._known(("actions",), *ACTIONS)
        found: dict[Action, ActionRules] = {}
        for action in ACTIONS:
            at: Path = ("actions", action)
            self._known(at, "visitors", "unverified", "over")
            found[action] = ActionRules(
                visitors=self._rule((*at, "visitors"), checks.yes_or_no, action == "read"),
                unverified=self._rule((*at, "unverified"), checks.yes_or_no, True),
                over=self._rule((*at, "over"), checks.age_or_none, None),
            )
        return found

    def _tiers(self) -> tuple[Tier, ...]:
        tables = self._source.tables.get("tiers", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._source.refuse(("tiers",), f"is {checks.shown(tables)}", allowed="[[tiers]], once for each tier")
        tiers: list[Tier] = []
        for place in range(len(tables)):
            at: Path = ("tiers", place)
            self._known(at, "from", "to", "may", "guardian")
            first = self._plain((*at, "from"), checks.age_from_0)
            last = None if tables[place].get("to") is None else self._plain((*at, "to"), checks.age_from_0)
            expected = 0 if not tiers else (tiers[-1].last or 0) + 1
            if tiers and tiers[-1].last is None:
                self._source.refuse(at, f"follows a tier from {tiers[-1].first} without an end", allowed="give it a to")
            if first != expected:
                self._source.refuse(
                    (*at, "from"), f"is {first}", allowed=f"{expected}: tiers start at 0, without gap or overlap"
                )
            if last is not None and last < first:
                self._source.refuse((*at, "to"), f"is {last}, below from", allowed=f"an age from {first}, or no to")
            may = self._rule((*at, "may"), checks.may, ACTIONS)
            tiers.append(Tier(first, last, may, self._rule((*at, "guardian"), checks.guardian, "none")))
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
        return {what: self._rule((*at, what), checks.days_or_account, None) for what in known if what in table}

    def _order(self, name: str) -> Order:
        self._known((name,), "by", "hours", "urgent_hours")
        return Order(
            by=self._rule((name, "by"), checks.by, "nobody"),
            hours=self._rule((name, "hours"), checks.hours_or_none, None),
            urgent_hours=self._rule((name, "urgent_hours"), checks.hours_or_none, None),
        )

    def _rule(self, at: Path, check: Check[T], default: T) -> Rule[T]:
        """The inline table {value, source, certainty} at a path; the default is a setting."""
        holder = self._get(at[:-1])
        if not isinstance(holder, Mapping) or at[-1] not in holder:
            return Rule(default)
        table = holder[at[-1]]
        wanted = '{ value = …, source = "…", certainty = "seen", "inferred", "uncertain" or "setting" }'
        if not isinstance(table, Mapping):
            self._source.refuse(at, f"is {checks.shown(table)}, no rule", allowed=wanted)
        self._known(at, "value", "source", "certainty")
        if "value" not in table:
            self._source.refuse(at, "has no value", allowed=wanted)
        certainty = table.get("certainty")
        if certainty not in get_args(Certainty):
            fault = "has no certainty" if certainty is None else f"has the certainty {checks.shown(certainty)}"
            self._source.refuse(at, fault, allowed=f"certainty is one of {', '.join(get_args(Certainty))}")
        origin = table.get("source", "")
        if not isinstance(origin, str) or len(origin) > checks.LONGEST_TEXT:
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
        except checks.Wrong as wrong:
            self._source.refuse(at, f"is {checks.shown(value)}", allowed=f"allowed: {wrong}")

    def _known(self, at: Path, *known: str) -> Mapping[str, object]:
        """The table at a path, empty if absent; refuses keys outside `known`."""
        table = self._get(at)
        if table is None:
            return {}
        if not isinstance(table, Mapping):
            self._source.refuse(at, f"is {checks.shown(table)}", allowed=f"a table with {', '.join(known)}")
        for key in table:
            if key not in known:
                self._source.refuse_unknown((*at, key), known)
        return table

    def _get(self, at: Path) -> object:
        found: object = self._source.tables
        for part in at:
            if isinstance(part, int):
                found = cast("list[object]", found)[part]
            elif isinstance(found, Mapping):
                found = cast("Mapping[str, object]", found).get(part)
            else:
                return None
        return found

    def _flag(self, key: str) -> bool:
        return self._plain((key,), checks.yes_or_no) if key in self._source.tables else False

    def _notes(self) -> tuple[str, ...]:
        return self._plain(("notes",), checks.texts) if "notes" in self._source.tables else ()
