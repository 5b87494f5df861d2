"""Where relational queries run: DuckDB on one machine, Apache Spark where a country's ledgers do not fit on one.

Both take the same Ibis expressions and give the same results. DuckDB spills to disk beyond its memory limit; Spark
runs in this process' machine (`spark`) or on a cluster (`spark://host:7077`), with Debian's Java 17.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, cast

from idverify.errors import BadEnvironment, BadUsage
from idverify.privacy.spark import LOCAL, is_master, spark

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from ibis import Schema
    from ibis.backends.duckdb import Backend as DuckDB
    from ibis.backends.pyspark import Backend as Spark
    from ibis.expr.types import Table

    from idverify.privacy.compiled import Compiled, Question, Said, Written

    Engine: TypeAlias = DuckDB | Spark

MEMORY = "1200MB"
"""What DuckDB may hold before it spills; a scan of two ledgers of a million records stays below 2 GB with it."""
_KEEP = MappingProxyType({"duckdb": "CREATE TEMP TABLE", "pyspark": "CACHE TABLE"})
"""Ibis would drop what it cached table by table: DuckDB 2.0 does not read how, and Spark may be gone by then."""
_NAME = MappingProxyType({"duckdb": "CREATE TEMP VIEW", "pyspark": "CREATE TEMPORARY VIEW"})
_LET_GO = MappingProxyType({"duckdb": "DROP TABLE", "pyspark": "UNCACHE TABLE"})
_NUMBERS = count()


@contextmanager
def engine(
    name: str = "duckdb", *, memory: str = MEMORY, threads: int = 0, written: Written | None = None
) -> Iterator[Engine]:
    """An engine by name: duckdb, spark, or the URL of a Spark master. It is gone after the block.

    `memory`, `threads` and `written` are DuckDB's; no threads: one for each processor. `written` is SQL that is known
    already, and gets what is written now.
    """
    if name == "duckdb":
        with _duckdb(memory, threads, written={} if written is None else written) as found:
            yield found
    elif name == "spark" or is_master(name):
        with spark(LOCAL if name == "spark" else name) as on_java:
            yield on_java
    else:
        raise BadUsage(f"{name!r} is no engine", hint="the engines are duckdb, spark, and spark://HOST:PORT")


@contextmanager
def _duckdb(memory: str, threads: int, *, written: Written) -> Iterator[DuckDB]:
    import duckdb

    from idverify.privacy.compiled import Compiled

    with TemporaryDirectory(prefix="idverify-") as folder:
        compiled = cast("Compiled", Compiled().connect(":memory:", memory_limit=memory, temp_directory=folder))
        compiled.written = written
        connection = cast("DuckDB", compiled)
        connection.raw_sql("SET enable_progress_bar = false")
        if threads:
            connection.raw_sql(f"SET threads = {threads:d}")
        # Order is asked for where it matters; keeping it everywhere else costs memory.
        connection.raw_sql("SET preserve_insertion_order = false")
        try:
            yield connection
        except duckdb.Error as error:
            raise BadEnvironment(f"DuckDB gave up: {str(error).splitlines()[0][:200]}") from error
        finally:
            connection.disconnect()


def read(on: Engine, file: Path, columns: pa.Schema) -> Table:
    """The table of a Parquet file that has these columns; to ask the file for them takes longer than most questions."""
    if on.name != "duckdb":
        return on.read_parquet(str(file))
    import ibis

    quoted = str(file).replace("'", "''")
    names = ", ".join(f'"{name}"' for name in columns.names)
    return _own(on, _NAME[on.name], f"SELECT {names} FROM read_parquet('{quoted}')", ibis.Schema.from_pyarrow(columns))


def kept(on: Engine, table: Table) -> Table:
    """The same table, computed once and kept until the engine is gone."""
    return _own(on, _KEEP[on.name], on.compile(table), table.schema())


def let_go(on: Engine, table: Table) -> None:
    """Forget a table that was kept and is not asked about again: it takes place that others need."""
    on.raw_sql(f"{_LET_GO[on.name]} {table.get_name()}")


def named(on: Engine, table: Table) -> Table:
    """The same table by a name of its own, computed whenever it is asked: questions about it are short."""
    import ibis.expr.operations as ops

    if isinstance(table.op(), ops.DatabaseTable):
        return table
    return _own(on, _NAME[on.name], on.compile(table), table.schema())


def given(on: Engine, names: Sequence[str], rows: Sequence[Sequence[int | float]]) -> Table:
    """A small table, kept, of numbers that are known here. A column is of floats or of whole numbers."""
    import ibis

    types = {
        name: "float64" if isinstance(value, float) else "int64" for name, value in zip(names, rows[0], strict=True)
    }
    # Without an exponent a fraction would be a decimal to either engine.
    written = [
        ", ".join(f"{value:.17e}" if isinstance(value, float) else f"{value:d}" for value in row) for row in rows
    ]
    columns = [
        f"CAST({name} AS {'DOUBLE' if kind == 'float64' else 'BIGINT'}) AS {name}" for name, kind in types.items()
    ]
    query = f"SELECT {', '.join(columns)} FROM (VALUES ({'), ('.join(written)})) AS given({', '.join(names)})"
    return _own(on, _KEEP[on.name], query, ibis.schema(types))


def _own(on: Engine, begin: str, query: str, schema: Schema) -> Table:
    """A table or view of this process, by a name of its own."""
    import ibis.expr.operations as ops

    name = f"own_{next(_NUMBERS)}"
    on.raw_sql(f"{begin} {name} AS {query}")
    return ops.DatabaseTable(name, schema=schema, source=on, namespace=ops.Namespace()).to_expr()


def asked(on: Engine, question: Question, *tables: Table, **said: Said) -> pa.Table:
    """What a question says of tables that have names and of what is said: it is put into SQL only once (`compiled`)."""
    if on.name != "duckdb":
        return on.to_pyarrow(question(*tables, **said))
    return cast("Compiled", on).answer(question, tables, said)


def kept_of(on: Engine, question: Question, *tables: Table, **said: Said) -> Table:
    """The same as a table that is computed once and kept."""
    return _made(on, _KEEP[on.name], question, tables, said)


def named_of(on: Engine, question: Question, *tables: Table, **said: Said) -> Table:
    """The same as a table with a name that is computed whenever it is asked."""
    return _made(on, _NAME[on.name], question, tables, said)


def _made(on: Engine, begin: str, question: Question, tables: Sequence[Table], said: Mapping[str, Said]) -> Table:
    if on.name != "duckdb":
        found = question(*tables, **said)
        return _own(on, begin, on.compile(found), found.schema())
    schema, sql = cast("Compiled", on).asked(question, tables, said)
    return _own(on, begin, sql, schema)


def counted(on: Engine, table: Table) -> int:
    """How many rows a table has."""
    return int(on.to_pyarrow(table.count()).as_py())
