"""The exact join: every opaque field of one party's ledger against every one of the other's, blind to the scheme.

    (1) leaves   every opaque value with its party, field and subject
    (2) forms    each as it is, and as SHA-256 in hexadecimal and in base64url
    (3) pairs    for each pair of fields: how many values they have in common, how many of these belong to exactly one
                 subject on either side, and whether that many could be equal by accident
    (4) guesses  for each subject of the second party, the subject of the first with most weight of agreeing pairs

A pair of fields counts if at least SAME_OWNER of its common values belong to one subject at each party: the rest are
people with several accounts, whose subjects hold the same value and are one candidate. All of it is relational and
runs in DuckDB, which spills to disk where a country's ledgers do not fit into memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import msgspec

from idverify.ledger_decode import Record, collapsed
from idverify.privacy.opaque import apparent_bits, is_opaque

NAME = "exact_join"
FALSE_ALARM = 0.001
"""The chance, declared beforehand, that any accidental equality at all is taken for a link."""
LEAST_JOINS = 2
"""Equal values that a pair of fields needs; one alone may be a constant that only one subject met."""
SAME_OWNER = 0.75
MOST_HOLDERS = 32
"""A value that more subjects of a party hold is a constant of the system."""


@dataclass(frozen=True, slots=True)
class FieldPair:
    """Two fields, one at each party, with values in common. `first` and `second` name field and transform."""

    first: str
    second: str
    joins: int
    one_to_one: int
    expected: float  # equal values by accident, from the apparent entropy
    consistency: float  # share of common values that belong to one subject at each party


@dataclass(frozen=True, slots=True)
class Guess:
    """One answer: these two subjects are the same person, because of these field pairs."""

    first: str
    second: str
    weight: float
    pairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """All that the attack says, before anybody looks at the truth."""

    guesses: tuple[Guess, ...]
    pairs: tuple[FieldPair, ...]
    subjects: tuple[int, int]  # how many subjects each party knows


_FORMS = """
CREATE TABLE forms AS
    SELECT side, field, subject, value, 'raw' AS form, bits FROM leaves
    UNION ALL SELECT side, field, subject, sha256(value), 'sha256 hex', bits FROM leaves
    UNION ALL SELECT side, field, subject,
        rtrim(translate(to_base64(unhex(sha256(value))), '+/', '-_'), '='), 'sha256 base64url', bits FROM leaves;
CREATE TABLE holders AS
    SELECT side, form, value, count(DISTINCT subject) AS holders, min(bits) AS bits FROM forms
    GROUP BY side, form, value;
CREATE TABLE common AS
    SELECT a.value, a.form AS form_1, b.form AS form_2, a.holders AS holders_1, b.holders AS holders_2,
        least(a.bits, b.bits) AS bits
    FROM holders a JOIN holders b ON a.value = b.value AND a.side = 1 AND b.side = 2
    WHERE (a.form = 'raw' OR b.form = 'raw') AND a.holders <= $most AND b.holders <= $most;
"""

_PAIRS = """
CREATE TABLE field_values AS SELECT DISTINCT side, field, form, value FROM forms;
CREATE TABLE sizes AS SELECT side, field, form, count(*) AS size FROM field_values GROUP BY side, field, form;
CREATE TABLE pairs AS
    SELECT a.field AS field_1, c.form_1, b.field AS field_2, c.form_2,
        count(*) AS joins,
        count(*) FILTER (c.holders_1 = 1 AND c.holders_2 = 1) AS one_to_one,
        min(c.bits) AS bits
    FROM common c
    JOIN field_values a ON a.side = 1 AND a.form = c.form_1 AND a.value = c.value
    JOIN field_values b ON b.side = 2 AND b.form = c.form_2 AND b.value = c.value
    GROUP BY a.field, c.form_1, b.field, c.form_2;
SELECT field_1, p.form_1, field_2, p.form_2, joins, one_to_one, bits, s.size, t.size
    FROM pairs p
    JOIN sizes s ON s.side = 1 AND s.field = field_1 AND s.form = p.form_1
    JOIN sizes t ON t.side = 2 AND t.field = field_2 AND t.form = p.form_2
    ORDER BY ALL;
"""

_GUESSES = """
WITH agree AS (
    SELECT DISTINCT a.subject AS first, b.subject AS second, k.name, k.weight, c.value
    FROM kept k
    JOIN forms a ON a.side = 1 AND a.field = k.field_1 AND a.form = k.form_1
    JOIN common c ON c.value = a.value AND c.form_1 = k.form_1 AND c.form_2 = k.form_2
    JOIN forms b ON b.side = 2 AND b.field = k.field_2 AND b.form = k.form_2 AND b.value = a.value
), per_pair AS (
    SELECT first, second, name, any_value(weight) AS weight, list_sort(list(DISTINCT value)) AS evidence
    FROM agree GROUP BY first, second, name
), candidates AS (
    SELECT first, second, round(sum(weight), 6) AS weight, list_sort(list(name)) AS names,
        list(evidence ORDER BY name) AS evidence
    FROM per_pair GROUP BY first, second
), best AS (
    SELECT *, rank() OVER (PARTITION BY second ORDER BY weight DESC) AS place FROM candidates
)
SELECT min(first), second, any_value(weight), any_value(names)
    FROM best WHERE place = 1
    GROUP BY second HAVING count(DISTINCT evidence) = 1
    ORDER BY second;
"""


def exact_join(first: Iterable[Record], second: Iterable[Record], *, memory: str = "512MB") -> Answer:
    """Guess which subject of `first` each subject of `second` is. Both are decoded ledgers of one party each."""
    with TemporaryDirectory(prefix="idverify-") as folder:
        leaves = Path(folder) / "leaves.jsonl"
        counts = _write_leaves(leaves, first, second)
        with duckdb.connect(":memory:") as database:
            database.execute("SET memory_limit = ?", [memory])
            database.execute("SET temp_directory = ?", [folder])
            database.execute("SET enable_progress_bar = false")
            # (1) the leaves
            columns = "{side: 'TINYINT', field: 'VARCHAR', subject: 'VARCHAR', value: 'VARCHAR', bits: 'DOUBLE'}"
            read = f"read_json(?, format = 'newline_delimited', columns = {columns})"
            database.execute(f"CREATE TABLE leaves AS SELECT DISTINCT * FROM {read}", [str(leaves)])
            # (2) the forms
            for statement in _FORMS.split(";\n"):
                if statement.strip():
                    database.execute(statement, {"most": MOST_HOLDERS} if "$most" in statement else {})
            # (3) the pairs
            pairs = _kept(database)
            # (4) the guesses
            guesses = [
                Guess(str(a), str(b), float(weight), tuple(names))
                for a, b, weight, names in database.execute(_GUESSES).fetchall()
            ]
    return Answer(tuple(guesses), tuple(pairs), counts)


def _write_leaves(path: Path, first: Iterable[Record], second: Iterable[Record]) -> tuple[int, int]:
    encode = msgspec.json.Encoder().encode
    counts = []
    with path.open("wb") as file:
        for side, records in ((1, first), (2, second)):
            subjects = set()
            for record in records:
                if not record.subject:
                    continue
                subjects.add(record.subject)
                for field, value in _opaque_leaves(record):
                    row = {"side": side, "field": field, "subject": record.subject, "value": value}
                    file.write(encode(row | {"bits": apparent_bits(value)}) + b"\n")
            counts.append(len(subjects))
    return counts[0], counts[1]


def _opaque_leaves(record: Record) -> Iterator[tuple[str, str]]:
    for name, value in record.fields.items():
        if isinstance(value, str) and is_opaque(value):
            yield f"{record.method} {record.route} {collapsed(name)}", value


def _kept(database: duckdb.DuckDBPyConnection) -> list[FieldPair]:
    """The pairs of fields that agree more than accident would have it; they become the table `kept`."""
    # DuckDB runs all statements and hands back the rows of the last.
    found = database.execute(_PAIRS).fetchall()
    kept: list[FieldPair] = []
    rows: list[list[object]] = []
    for field_1, form_1, field_2, form_2, joins, one_to_one, bits, size_1, size_2 in found:
        expected = size_1 * size_2 * 2.0 ** -float(bits)
        consistency = one_to_one / joins
        if one_to_one < LEAST_JOINS or consistency < SAME_OWNER:
            continue
        if chance_of(one_to_one, expected) > FALSE_ALARM / len(found):
            continue
        pair = FieldPair(f"{field_1} ({form_1})", f"{field_2} ({form_2})", joins, one_to_one, expected, consistency)
        kept.append(pair)
        rows.append([field_1, form_1, field_2, form_2, f"{pair.first} = {pair.second}", consistency])
    database.execute(
        "CREATE TABLE kept (field_1 VARCHAR, form_1 VARCHAR, field_2 VARCHAR, form_2 VARCHAR, "
        "name VARCHAR, weight DOUBLE)"
    )
    if rows:
        database.executemany("INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?)", rows)
    return kept


def chance_of(joins: int, expected: float) -> float:
    """The probability of at least `joins` events where `expected` are (Poisson), bounded as by Chernoff.

    P(X ≥ k) ≤ exp(−λ)(eλ/k)^k for k > λ; it needs no library and errs on the careful side.
    """
    if joins <= expected:
        return 1.0
    if expected <= 0.0:
        return 0.0
    exponent = joins - expected + joins * math.log(expected / joins)
    return math.exp(min(exponent, 0.0))
