"""Where relational queries run: DuckDB on one machine, Apache Spark where a country's ledgers do not fit on one.

Both take the same Ibis expressions and give the same results. DuckDB spills to disk beyond its memory limit; Spark
runs in this process' machine (`spark`) or on a cluster (`spark://host:7077`), with Debian's Java 17.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from idverify.errors import BadEnvironment, BadUsage
from idverify.settings import for_children

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend as DuckDB
    from ibis.backends.pyspark import Backend as Spark
    from ibis.expr.types import Table

    Engine: TypeAlias = DuckDB | Spark

MEMORY = "1500MB"
"""What DuckDB may hold before it spills; a scan of two ledgers of a million records stays below 2 GB with it."""
_NUMBERS = count()
SHUFFLES = 8
"""Spark's partitions of a join in local mode; a cluster's own default is better there."""


@contextmanager
def engine(name: str = "duckdb", *, memory: str = MEMORY) -> Iterator[Engine]:
    """An engine by name: duckdb, spark, or the URL of a Spark master. It is gone after the block."""
    if name == "duckdb":
        with _duckdb(memory) as found:
            yield found
    elif name == "spark" or name.startswith(("spark://", "local[")):
        with _spark("local[*]" if name == "spark" else name) as spark:
            yield spark
    else:
        raise BadUsage(f"{name!r} is no engine", hint="the engines are duckdb, spark, and spark://HOST:PORT")


def missing_for_spark() -> str:
    """What this machine lacks for Spark, in words; empty where it is ready."""
    from importlib.util import find_spec

    if find_spec("pyspark") is None:
        return "pyspark is not installed: pip install 'idverify[spark]'"
    if shutil.which("java") is None:
        return "there is no Java: apt install openjdk-17-jre-headless"
    return ""


@contextmanager
def _duckdb(memory: str) -> Iterator[DuckDB]:
    import ibis

    with TemporaryDirectory(prefix="idverify-") as folder:
        connection = ibis.duckdb.connect(":memory:", memory_limit=memory, temp_directory=folder)
        connection.raw_sql("SET enable_progress_bar = false")
        # Order is asked for where it matters; keeping it everywhere else costs memory.
        connection.raw_sql("SET preserve_insertion_order = false")
        try:
            yield connection
        finally:
            connection.disconnect()


@contextmanager
def _spark(master: str) -> Iterator[Spark]:
    if lacking := missing_for_spark():
        raise BadEnvironment("Spark cannot be used here", hint=lacking)
    import ibis

    local = master.startswith("local")
    if local:
        # Java looks this machine's own name up before it listens to a setting.
        for_children("SPARK_LOCAL_IP", "127.0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

        builder = SparkSession.Builder().master(master).appName("idverify")
        settings = {"spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC", "spark.log.level": "ERROR"}
        if local:
            settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
            settings |= {"spark.sql.shuffle.partitions": str(SHUFFLES), "spark.ui.showConsoleProgress": "false"}
        for key, value in settings.items():
            builder = builder.config(key, value)
        try:
            session = builder.getOrCreate()
        except Exception as error:  # the gateway raises whatever Java had to say
            raise BadEnvironment(f"Spark does not start at {master}: {str(error)[:200]}") from error
        try:
            yield ibis.pyspark.connect(session)
        finally:
            session.stop()


def kept(on: Engine, table: Table) -> Table:
    """The same table, computed once and kept until the engine is gone."""
    if on.name != "duckdb":
        return table.cache()
    # Ibis drops what it cached with a statement that DuckDB 2.0 does not read; a table of our own goes with the engine.
    name = f"kept_{next(_NUMBERS)}"
    return on.create_table(name, table, temp=True)


def counted(on: Engine, table: Table) -> int:
    """How many rows a table has."""
    return int(on.to_pyarrow(table.count()).as_py())
