"""Attack 6, quasi-identifiers: birth date, sex, place, name, each shared by many, together by few.

Fields are compared that have the same name at both parties and hold words rather than handles. How few they leave
depends on the size of the population: in a small world almost everybody has a birth date of their own. Results are
only to be shown for the world in which they were measured; for a country use `simulation.theory.extrapolate_unique`
and say EXTRAPOLATED.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.timing import LEAST_COMMON
from idverify.privacy.classes import Feature, met, weigh
from idverify.privacy.opaque import LEAST_BITS
from idverify.privacy.view import View

NAME = "quasi_identifiers"
MISTAKEN = 1e-3
"""The probability that a person is written down in two ways."""
OF_EVERYBODY = frozenset({"typ", "alg", "iss", "aud", "vct", "kty", "crv", "code", "error"})
"""Names that formats use for what has nothing to do with a person."""
KNOWN = {
    "birth_date": frozenset({"birth_date", "birthdate", "born", "date_of_birth"}),
    "sex": frozenset({"sex", "gender"}),
    "place": frozenset({"province", "place", "place_of_birth", "address", "locality", "region"}),
    "name": frozenset({"name", "full_name", "given_name", "family_name"}),
    "country": frozenset({"country", "nationality", "nationalities"}),
}
"""Names for the same thing, as registers, OpenID Connect and ISO/IEC 23220 write them."""


def quasi_identifiers(view: View) -> Answer:
    """Guess by what people say about themselves."""
    if view.source is None:
        return no_answer(view, NAME, "one party alone has nothing to compare people with")
    found = weigh(view, list(_features(view)))
    if found is None:
        return no_answer(view, NAME, "the ledgers hold no words about people under the same name")
    pairs = tuple(f"{name} = {name}" for name in found.names)
    return replace(answer(view, NAME, found.posterior, pairs), left_out={"too many targets": found.left_out})


def _features(view: View) -> Iterator[Feature]:
    assert view.source is not None
    names = [view.once(("words", party), partial(_names, view, party)) for party in (view.source, view.target)]
    for name in sorted(names[0].keys() & names[1].keys()):
        sides = []
        for party, fields in zip((view.source, view.target), names, strict=True):
            leaves = view.leaves(party)
            rows = leaves.filter(leaves.subject.notnull() & leaves.field.isin(fields[name]))
            sides.append(rows.select("subject", value="text").distinct())
        total, common = met(view, *sides)
        if total > 1 and common >= LEAST_COMMON * total:
            yield Feature(name, sides[0], sides[1], MISTAKEN)


def _names(view: View, party: str) -> dict[str, list[str]]:
    """The party's fields of words, by what they are called."""
    leaves = view.leaves(party)
    words = leaves.filter(leaves.number.isnull() & (leaves.bits < LEAST_BITS) & leaves.subject.notnull())
    words = words.filter(~words.text.isin(["true", "false"]))
    fields = view.engine.to_pyarrow(words.select("field").distinct()).column("field").to_pylist()
    found: dict[str, list[str]] = {}
    for field in sorted(fields):
        last = field.rpartition(" ")[2].rpartition(".")[2].removesuffix("[]")
        if last in OF_EVERYBODY or field.endswith((".headers.user-agent", ".headers.host")):
            continue
        name = next((kind for kind, words in KNOWN.items() if last in words), last)
        found.setdefault(name, []).append(field)
    return found
