"""DuckDB through Ibis, where a query that differs from an earlier one in its texts and tables alone is compiled once.

The attacks ask the same few dozen questions of each pair of parties, and Ibis takes longer to write the SQL of one than
DuckDB to answer it for the ledgers of a short run. A question that is a function of tables and lists of texts is put to
Ibis once, with places for them, and is not even built the next time. For all others, the shape of a query is all of it
but the names of tables and the texts that values are compared with; which of these are the same belongs to the shape.
So no text of a ledger is in what is kept, and one attacking process may take it over from another.
"""

# pyright: reportAttributeAccessIssue=false, reportIncompatibleMethodOverride=false, reportGeneralTypeIssues=false
# pyright: reportArgumentType=false
# (Ibis' operations are classes that are made while it is imported.)

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis
import ibis.expr.operations as ops
from ibis.backends.duckdb import Backend
from ibis.backends.duckdb.converter import DuckDBPyArrowData
from ibis.common.graph import Node

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis import Schema
    from ibis.expr.types import Expr, Table

Written: TypeAlias = dict[str, str]
"""SQL with numbered places for names and texts, by the digest of the shape or of the question; of a question after a
line that says what it answers: the types of its columns."""
Said: TypeAlias = "tuple[str, ...] | int | bool"
"""What a question is about beside tables. A list of texts has a place in its SQL; a number belongs to the question."""
Question: TypeAlias = "Callable[..., Table]"
"""A function by a name of its own, which depends on what it is given alone: tables, and by their names what is said."""
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around the number of a name or a text, where it stands in the SQL of a shape: characters that no language has."""
_PLACE = re.compile(f"('?){_OPEN}([0-9]+){_CLOSE}\\1")


class Compiled(Backend):  # type: ignore[misc]
    """Ibis' DuckDB with a memory of the SQL that it has written."""

    def __init__(self, *places: object, **settings: object) -> None:
        super().__init__(*places, **settings)
        self.written: Written = {}
        self._asked: dict[tuple[object, ...], tuple[Schema, str]] = {}

    def compile(self, expr: Expr, /, **options: Any) -> str:
        """The SQL of an expression."""
        if any(value is not None for value in options.values()):
            return str(super().compile(expr, **options))
        shape = Shape(expr.as_table().op())
        if shape.digest not in self.written:
            self.written[shape.digest] = self._unfused(shape.bare())
        return shape.filled(self.written[shape.digest])

    def asked(self, question: Question, tables: Sequence[Table], said: Mapping[str, Said]) -> tuple[Schema, str]:
        """A question about tables that have names: the columns of its answer, and its SQL."""
        lists = [value for value in said.values() if isinstance(value, tuple)]
        kind = tuple((name, None if isinstance(value, tuple) else value) for name, value in said.items())
        key = question, kind, *(table.schema() for table in tables)
        if key not in self._asked:
            self._asked[key] = self._known(question, tables, said)
        schema, sql = self._asked[key]
        names = [table.get_name().replace('"', '""') for table in tables]
        filled = [*names, *map(_listed, lists)]
        return schema, _PLACE.sub(lambda place: filled[int(place[2])], sql)

    def answer(self, question: Question, tables: Sequence[Table], said: Mapping[str, Said]) -> pa.Table:
        """What a question says of tables that have names."""
        schema, sql = self.asked(question, tables, said)
        # Not what `execute` gives: that is copied into Arrow without its order.
        return DuckDBPyArrowData.convert_table(self.con.sql(sql).to_arrow_table(), schema)

    def _known(self, question: Question, tables: Sequence[Table], said: Mapping[str, Said]) -> tuple[Schema, str]:
        """The same with places for the names of tables and for lists."""
        schemas = [table.schema() for table in tables]
        place = count(len(tables))
        placed = {n: (_place(next(place)),) if isinstance(value, tuple) else value for n, value in said.items()}
        about = question.__module__, question.__qualname__, placed, [list(schema.items()) for schema in schemas]
        digest = blake2b(repr(about).encode(), digest_size=16).hexdigest()
        if digest not in self.written:
            named = (
                ops.DatabaseTable(_place(n), schema=schema, source=self, namespace=ops.Namespace()).to_expr()
                for n, schema in enumerate(schemas)
            )
            expr = question(*named, **placed)
            columns = {name: str(kind) for name, kind in expr.schema().items()}
            self.written[digest] = f"{json.dumps(columns)}\n{self._unfused(expr)}"
        types, _, sql = self.written[digest].partition("\n")
        return ibis.schema(json.loads(types)), sql

    def _unfused(self, expr: Expr) -> str:
        """Ibis spends half of its time on making one selection of several, which DuckDB does anyway."""
        chosen, before = ibis.options.sql, ibis.options.sql.fuse_selects
        chosen.fuse_selects = False
        try:
            return str(super().compile(expr))
        finally:
            chosen.fuse_selects = before


def _place(number: int) -> str:
    return f"{_OPEN}{number}{_CLOSE}"


def _listed(texts: tuple[str, ...]) -> str:
    """A list of texts in SQL, nothing being in an empty one."""
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts) or "NULL"


class Shape:
    """The parts of a query in an order, each with the numbers of those that it is made of."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.parts: list[object] = []
        self._numbers: dict[Node, int] = {}
        self._texts: dict[tuple[type, str], int] = {}
        self._taken: dict[Node, int] = {}
        self._number(root)

    @property
    def digest(self) -> str:
        """The same for all queries of this shape, also in another process."""
        return blake2b(repr(self.parts).encode(), digest_size=16).hexdigest()

    def bare(self) -> Expr:
        """The query with places for its names and texts."""
        places = {node: _place(number) for node, number in self._taken.items()}

        def replaced(node: Node, changed: Mapping[str, object] | None) -> Node:
            if node in places:
                part = "name" if isinstance(node, ops.DatabaseTable) else "value"
                return node.copy(**{part: places[node]})
            return node.__recreate__(changed) if changed else node

        return self.root.replace(replaced).to_expr()

    def filled(self, sql: str) -> str:
        """The SQL of this very query."""
        said = [text.replace('"', '""') if kind is ops.DatabaseTable else text.replace("'", "''")
                for kind, text in self._texts]  # fmt: skip
        return _PLACE.sub(lambda place: f"{place[1]}{said[int(place[2])]}{place[1]}", sql)

    def _number(self, node: Node) -> int:
        number = self._numbers.get(node)
        if number is None:
            self.parts.append((type(node), *self._of(node)))
            number = self._numbers[node] = len(self._numbers)
        return number

    def _of(self, node: Node) -> tuple[object, ...]:
        if isinstance(node, ops.DatabaseTable):
            return self._text(node, node.name), node.schema, node.namespace
        if isinstance(node, ops.Literal) and isinstance(node.value, str):
            return self._text(node, node.value), node.dtype
        return tuple(map(self._part, node.__args__))

    def _text(self, node: Node, text: str) -> int:
        self._taken[node] = number = self._texts.setdefault((type(node), text), len(self._texts))
        return number

    def _part(self, value: object) -> object:
        if isinstance(value, Node):
            return "of", self._number(value)
        if isinstance(value, tuple):
            return tuple(map(self._part, value))
        if isinstance(value, Mapping):
            return tuple((name, self._part(each)) for name, each in value.items())
        return value
