"""Attack 6, quasi-identifiers: birth date, sex, place, name, each shared by many, together by few.

Fields are compared that have the same name at both parties and hold words rather than handles. How few they leave
depends on the size of the population: in a small world almost everybody has a birth date of their own. Results are
only to be shown for the world in which they were measured; for a country use `simulation.theory.extrapolate_unique`
and say EXTRAPOLATED.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportArgumentType=false, reportCallIssue=false
# (Ibis gives every column the type of a column of anything.)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import TYPE_CHECKING

from idverify.privacy.answers import Answer
from idverify.privacy.attacks._common import answer, no_answer
from idverify.privacy.attacks.timing import LEAST_COMMON
from idverify.privacy.classes import Agreeing, agreeing, sizes, weigh
from idverify.privacy.engine import kept_of
from idverify.privacy.fields import fields_of
from idverify.privacy.view import View, part, together

if TYPE_CHECKING:
    from ibis.expr.types import Column, Table, Value

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
    found = view.once(("same words", view.source, view.target), partial(_agreeing, view))
    if found is None:
        return no_answer(view, NAME, "the ledgers hold no words about people under the same name")
    weighed = weigh(view, found, dict.fromkeys(found.names, MISTAKEN))
    pairs = tuple(f"{name} = {name}" for name in weighed.names)
    return replace(answer(view, NAME, weighed.posterior, pairs), left_out={"too many targets": weighed.left_out})


def _agreeing(view: View) -> Agreeing | None:
    """Who says the same of himself, where the source has met enough of what the target has met."""
    assert view.source is not None
    sides = _words(view, view.source), _words(view, view.target)
    if sides[0] is None or sides[1] is None:
        return None
    found = sizes(view, *sides)
    common = {
        name: size for name, size in found.items() if size.values > 1 and size.common >= LEAST_COMMON * size.values
    }
    return agreeing(view, *sides, common)


def _words(view: View, party: str) -> Table | None:
    """What people are called and say, under the names of the fields; None where nobody says anything."""
    return view.of_each("words", party, partial(_words_of, view))


def _words_of(view: View, parties: Sequence[str]) -> list[Table | None]:
    fields = {
        f"fields_{number}": tuple(f.name for f in fields_of(view, party) if f.words and _about(f.name))
        for number, party in enumerate(parties)
    }
    every = kept_of(view.engine, _said, *map(view.leaves, parties), **fields)
    return [part(view.engine, every, number) if names else None for number, names in enumerate(fields.values())]


def _said(*ledgers: Table, **fields: tuple[str, ...]) -> Table:
    said = together(*(leaves.select("subject", "field", value="text") for leaves in ledgers))
    chosen = ((said.party == number) & said.field.isin(names) for number, names in enumerate(fields.values()))
    said = said.filter(said.subject.notnull(), reduce(lambda one, other: one | other, chosen)).distinct()
    names = said.select("field").distinct()
    names = names.mutate(feature=_name(names.field))
    return said.join(names, "field").select("party", "subject", "feature", "value").distinct()


def _about(field: str) -> bool:
    """Whether a field of words may say something about a person."""
    last = field.rpartition(" ")[2].rpartition(".")[2].removesuffix("[]")
    return last not in OF_EVERYBODY and not field.endswith((".headers.user-agent", ".headers.host"))


def _name(field: Column) -> Value:
    """What a field is called, or the usual name of what it is."""
    import ibis

    last = field.re_replace("(?s)^.*[ .]", "")  # Spark splits at an expression, and has no last element
    last = last.endswith("[]").ifelse(last.left(last.length() - 2), last)
    return ibis.cases(*((last.isin(sorted(words)), kind) for kind, words in KNOWN.items()), else_=last)
