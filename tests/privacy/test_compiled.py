"""The SQL of a query may come from an earlier one's: names and texts stand where they belong, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis
import pytest
from ibis.backends.duckdb import Backend

from idverify.privacy.compiled import Compiled
from idverify.privacy.engine import asked as answers
from idverify.privacy.engine import engine, kept_of

if TYPE_CHECKING:
    from ibis.expr.types import Table

TEXTS = ("plain", "O'Reilly", 'a "name"', "back\\slash", "new\nline", "\ue0000\ue001", "%s $1 ? {0}", "")


@pytest.fixture(scope="module")
def on() -> Iterator[Compiled]:
    with engine() as found:
        assert isinstance(found, Compiled)
        for name in ("one", "other", 'an "odd" one'):
            rows = [(text, text.upper(), float(n)) for n, text in enumerate(TEXTS)]
            found.con.execute(f'CREATE TABLE "{name.replace(chr(34), chr(34) * 2)}" (field text, text text, n double)')
            found.con.executemany(f'INSERT INTO "{name.replace(chr(34), chr(34) * 2)}" VALUES (?, ?, ?)', rows)
        yield found


def asked(table: Table, other: Table, text: str, second: str) -> Table:
    """A query with a filter, a list, a join, a number and a text that is shown."""
    one = table.filter(table.field == text, table.text.isin([text.upper(), second]))
    met = one.join(other.select("field", m="n"), "field")
    return met.group_by("field").agg(sum=(met.n * 2.5 + met.m).sum(), said=ibis.literal(second)).order_by("field")


@pytest.mark.parametrize("text", TEXTS)
def test_the_sql_is_what_ibis_writes_and_finds_what_it_should(
    on: Compiled, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for names in (("one", "other"), ("one", "one"), ('an "odd" one', "one")):
        for second in (text, "another"):
            query = asked(on.table(names[0]), on.table(names[1]), text, second)
            monkeypatch.setattr(ibis.options.sql, "fuse_selects", False)
            assert on.compile(query) == Backend.compile(on, query)
            assert on.to_pyarrow(query).to_pylist() == [{"field": text, "sum": TEXTS.index(text) * 3.5, "said": second}]


def shared(table: Table, other: Table) -> Table:
    """A question about tables alone."""
    met = table.filter(table.text != "O'REILLY").join(other.select("field", m="n"), "field")
    return met.select("field", both=met.n + 10.0 * met.m).order_by("field")


def test_a_question_is_put_to_ibis_once_and_asked_of_any_tables(on: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []

    def question(table: Table, other: Table) -> Table:
        built.append(table)
        return shared(table, other)

    tables = on.table("one"), on.table('an "odd" one')
    for first, second in (tables, tables[::-1], (tables[0], tables[0])):
        found = answers(on, question, first, second)
        assert found.to_pylist() == on.to_pyarrow(shared(first, second)).to_pylist()
        assert len(found) == len(TEXTS) - 1
        assert on.to_pyarrow(kept_of(on, question, first, second).count()).as_py() == len(TEXTS) - 1
    assert len(built) == 1


def among(table: Table, *, texts: tuple[str, ...], beside: int, others: tuple[str, ...] = ()) -> Table:
    """A question about a list of texts, which may be empty, and a number."""
    chosen = table.text.isin(texts) & (table.n != beside) | table.field.isin(others)
    return table.filter(chosen).select("field", "n").order_by("n")


def test_a_list_has_a_place_in_a_question_and_a_number_has_none() -> None:
    written: dict[str, str] = {}
    for _ in range(2):
        with engine(written=written) as found:
            rows = ", ".join("('" + text.replace("'", "''") + f"', {n})" for n, text in enumerate(TEXTS))
            found.raw_sql(
                f"CREATE TABLE one AS SELECT field, field AS text, n::DOUBLE n FROM (VALUES {rows}) t(field, n)"
            )
            table = found.table("one")
            for texts in (TEXTS, TEXTS[:1], TEXTS[1:6], ("none of them",), ()):
                for beside in (1, 2):
                    said = answers(found, among, table, texts=texts, beside=beside, others=TEXTS[-1:]).to_pydict()
                    expected = [n for n, t in enumerate(TEXTS) if t == TEXTS[-1] or (t in texts and n != beside)]
                    assert said == {"field": [TEXTS[n] for n in expected], "n": expected}
    assert len(written) == 2, "the second engine has nothing to write, and another number is another question"
    assert not any(text in sql for sql in written.values() for text in ("O'", "plain", "none of"))


def test_one_compilation_serves_all_names_and_texts_but_not_another_number_or_list(
    on: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []
    whole = Backend.compile

    def compile_(*query: object, **options: object) -> str:
        written.append(query)
        return str(whole(*query, **options))

    monkeypatch.setattr(Backend, "compile", compile_)
    table, other = on.table("one"), on.table("other")
    queries = [
        table.filter(table.n > 17.25, table.field == "a"),
        other.filter(other.n > 17.25, other.field == "b"),
        table.filter(table.n > 17.5, table.field == "a"),
        table.filter(table.n > 17.25, table.field.isin(["a", "b"])),
        table.filter(table.n > 17.25, table.field.isin(["a", "b", "c"])),
        table.filter(table.n > 17.25, table.text == "a"),
    ]
    for query in queries * 2:
        on.compile(query)
    assert len(written) == len(queries) - 1


def test_another_engine_takes_over_the_sql_and_no_text_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, str] = {}
    secrets = ("NGUYEN", "901090001234")
    for name in ("ledger_of_platform_a", "other"):
        with engine(written=written) as found:
            row = f"('{secrets[0]}', '{secrets[0]}', 1.0)"
            found.raw_sql(f"CREATE TABLE {name} AS SELECT * FROM (VALUES {row}) t(field, text, n)")
            query = asked(found.table(name), found.table(name), *secrets)
            assert found.to_pyarrow(query).num_rows == 1
        (sql,) = written.values()
        assert not any(text in sql for text in (*secrets, name))
        monkeypatch.setattr(Backend, "compile", None)
