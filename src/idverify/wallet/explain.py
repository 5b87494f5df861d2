"""What a presentation tells, worked out from its bytes: what is shown, what stays secret, what is visible beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from idverify.scheme import Json, Question, Scheme

FACTS: Mapping[str, tuple[str, ...]] = {
    "your name": ("name", "given_name", "family_name"),
    "your ID number": ("id_number", "personal_administrative_number", "document_number"),
    "your birth date": ("birth_date", "birthdate", "born"),
    "your sex": ("sex", "gender"),
    "your province": ("province", "place_of_birth", "address"),
}
"""What people mind about, and the claim names (OpenID Connect, SD-JWT VC PID, ours) under which it would be found."""
LONGEST = 160


@dataclass(frozen=True, slots=True)
class Row:
    """One decoded value, shortened for a page."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`shown` are facts about the person, `beside` every other value in the bytes, `secret` the facts not in them."""

    shown: tuple[Row, ...]
    secret: tuple[str, ...]
    beside: tuple[Row, ...]
    size: int
    text: str


def explain(scheme: Scheme, presentation: bytes) -> Explanation:
    """Read a finished presentation as a curious platform would."""
    shown: dict[str, Row] = {}
    beside: list[Row] = []
    seen: set[str] = set()
    for path, value in leaves(scheme.read(presentation)):
        fact = fact_of(path)
        row = Row(path, _short(value))
        if fact:
            seen.add(fact)
            shown.setdefault(f"{fact} {row.value}", Row(fact, row.value))
        else:
            beside.append(row)
    return Explanation(
        shown=tuple(shown.values()),
        secret=tuple(fact for fact in FACTS if fact not in seen),
        beside=tuple(beside),
        size=len(presentation),
        text=_text(presentation),
    )


def asked(question: Question) -> list[str]:
    """The platform's question in words."""
    words = []
    if question.over is not None:
        words.append(f"whether you are {question.over} or older")
    if question.identity:
        words.append("who you are: your name and ID number")
    if question.one_account:
        words.append("that you have no other account there")
    return words or ["nothing about you, only that you went through this scheme"]


def leaves(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """Every single value with its path, such as `claims.over`."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == "elementValue" and isinstance(element := value.get("elementIdentifier"), str):
                name = element  # an element of an mdoc (ISO/IEC 18013-5 section 8.3.2.1.2.2)
            yield from leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if path.endswith("disclosures.value") and len(value) == 3 and not isinstance(value[2], Mapping | list):
            yield f"{path}.salt", str(value[0])  # an SD-JWT disclosure: salt, name, value (RFC 9901 section 4.2.1)
            yield f"{path}.{value[1]}", str(value[2])
            return
        for inner in value:
            yield from leaves(inner, path)
    elif value is not None:
        yield path, str(value)


def fact_of(path: str) -> str:
    """The fact that a path is about, or ""."""
    last = path.rsplit(".", 1)[-1].lower()
    for fact, names in FACTS.items():
        if last in names:
            return fact
    if last.isdecimal() and 0 < int(last) < 151 and "disclosures" in path:
        return f"{last} or older"  # a member of age_equal_or_over (SD-JWT VC)
    if last == "over" or last.startswith("age_over_"):
        return "an age you have passed" if last == "over" else f"{last.removeprefix('age_over_')} or older"
    return ""


def _short(value: str) -> str:
    if value in ("True", "False"):
        return "yes" if value == "True" else "no"
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value)} characters)"


def _text(presentation: bytes) -> str:
    """The exact bytes: as they are where they are printable, else in base64."""
    if all(32 <= byte < 127 for byte in presentation):
        return presentation.decode("ascii")
    return base64.b64encode(presentation).decode()
