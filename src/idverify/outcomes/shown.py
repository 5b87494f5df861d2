"""Which attributes of a person a message shows, read from its decoded fields and not from the scheme's name.

A value is recognised by what it is, compared with the register (the ID number, the name, the birth date, the province,
and SHA-256 of the ID number, which enumeration undoes), or by the claim names of the specifications: OpenID Connect
Core 1.0 section 5.1 (birthdate, given_name, family_name, gender), ISO/IEC 18013-5 section 7.2 (birth_date,
age_over_NN, sex, resident_state), SD-JWT VC and the EU's PID (personal_administrative_number, age_equal_or_over).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date

from idverify.ledger_decode import Leaf, Record, collapsed
from idverify.outcomes.country import Sex, Shown
from idverify.scheme import Person

BIRTH = frozenset({"birth_date", "birthdate", "born", "date_of_birth"})
NAME = frozenset({"name", "full_name"})
GIVEN, FAMILY = frozenset({"given_name"}), frozenset({"family_name"})
NUMBER = frozenset({"id_number", "personal_administrative_number", "document_number"})
HASHED = frozenset({"id_hash", "id_number_hash"})
SEX = frozenset({"sex", "gender"})
COUNTRY = frozenset({"nationality", "nationalities[]", "country"})
SEXES: Mapping[str, Sex] = {"female": "female", "male": "male", "2": "female", "1": "male"}
"""By word, and by ISO/IEC 5218."""
_AGE = re.compile(r"(?:age_over_|age_equal_or_over\.)(\d{1,3})$")


def digests(id_number: str) -> frozenset[str]:
    """SHA-256 of an ID number as messages spell it: hexadecimal, base64url."""
    raw = hashlib.sha256(id_number.encode()).digest()
    return frozenset({raw.hex(), base64.urlsafe_b64encode(raw).rstrip(b"=").decode()})


def shown(fields: Mapping[str, Leaf], person: Person | None) -> Shown:
    """The attributes in `fields`, whose names begin with received or sent; `person` is whom the credential is about."""
    values: dict[str, Leaf] = {
        collapsed(name).removeprefix("received."): value
        for name, value in fields.items()
        if name.startswith("received.") and not name.startswith(("received.headers.", "received.path."))
    }
    texts = {str(value) for name, value in fields.items() if name.startswith("received.")}
    named = {name.rpartition(".")[2]: value for name, value in values.items()}
    ages = [(int(found[1]), value) for name, value in values.items() if (found := _AGE.search(name))]
    over = [age for age, value in ages if value is True]
    under = [age for age, value in ages if value is False]
    proven = fields.get("sent.proven.over")  # what the platform read out of a proof
    if isinstance(proven, int) and not isinstance(proven, bool):
        over.append(proven)
    number, hashed = bool(NUMBER & named.keys()), bool(HASHED & named.keys())
    name = _text(named, NAME)
    if name is None and (given := _text(named, GIVEN)) and (family := _text(named, FAMILY)):
        name = f"{family} {given}"
    born = _date(_text(named, BIRTH))
    sex = SEXES.get(str(next((named[key] for key in sorted(SEX) if key in named), "")))
    country = _text(named, COUNTRY)
    province = None
    if person is not None:
        number = number or person.id_number in texts
        hashed = hashed or bool(texts & digests(person.id_number))
        name = person.name if person.name in texts else name
        born = person.born if texts & {person.born.isoformat(), person.born.strftime("%Y%m%d")} else born
        province = person.province if person.province in texts else None
    return Shown(
        born=born,
        over=max(over, default=None),
        under=min(under, default=None),
        sex=sex,
        province=province,
        country=country,
        name=name,
        id_number=number,
        id_hash=hashed,
        attested=fields.get("sent.proven.declared") is not True
        and any(name.startswith("sent.proven.") for name in fields),
    )


def is_presentation(record: Record, routes: Iterable[str]) -> bool:
    """Whether a platform's record is a presentation that it accepted."""
    return record.status < 300 and f"{record.method} {record.route}" in routes


def _text(named: Mapping[str, Leaf], wanted: frozenset[str]) -> str | None:
    return next((str(named[key]) for key in sorted(wanted) if key in named and named[key] != ""), None)


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
