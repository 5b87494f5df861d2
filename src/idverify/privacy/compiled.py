"""DuckDB through Ibis, where a query that differs from an earlier one in its texts and tables alone is compiled once.

The attacks ask the same few dozen questions of each pair of parties, and Ibis takes longer to write the SQL of one than
DuckDB to answer it for the ledgers of a short run. A question that is a function of tables alone is put to Ibis once,
with places for the tables. For all others, the shape of a query is all of it but the names of tables and the
texts that values are compared with; which of these are the same belongs to the shape. So no text of a ledger is in what
is kept, and one attacking process may take it over from another.
"""

# pyright: reportAttributeAccessIssue=false, reportIncompatibleMethodOverride=false, reportGeneralTypeIssues=false
# pyright: reportArgumentType=false
# (Ibis' operations are classes that are made while it is imported.)

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis
import ibis.expr.operations as ops
from ibis.backends.duckdb import Backend
from ibis.backends.duckdb.converter import DuckDBPyArrowData
from ibis.common.graph import Node

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.expr.types import Expr, Table

Written: TypeAlias = dict[str, str]
"""SQL with numbered places for names and texts, by the digest of the shape."""
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around the number of a name or a text, where it stands in the SQL of a shape: characters that no language has."""
_PLACE = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")


class Compiled(Backend):  # type: ignore[misc]
    """Ibis' DuckDB with a memory of the SQL that it has written."""

    def __init__(self, *places: object, **settings: object) -> None:
        super().__init__(*places, **settings)
        self.written: Written = {}
        self._asked: dict[tuple[object, ...], tuple[Table, str]] = {}

    def compile(self, expr: Expr, /, **options: Any) -> str:
        """The SQL of an expression."""
        if any(value is not None for value in options.values()):
            return str(super().compile(expr, **options))
        shape = Shape(expr.as_table().op())
        if shape.digest not in self.written:
            self.written[shape.digest] = self._unfused(shape.bare())
        return shape.filled(self.written[shape.digest])

    def asked(self, question: Callable[..., Table], tables: Sequence[Table]) -> tuple[Table, str]:
        """A question about tables that have names: as an expression with places for the names, and as SQL with them."""
        key = (question, *(table.schema() for table in tables))
        if key not in self._asked:
            places = (
                ops.DatabaseTable(f"{_OPEN}{n}{_CLOSE}", schema=table.schema(), source=self, namespace=ops.Namespace())
                for n, table in enumerate(tables)
            )
            expr = question(*(place.to_expr() for place in places))
            self._asked[key] = expr, self.compile(expr)
        expr, sql = self._asked[key]
        return expr, _PLACE.sub(lambda place: tables[int(place[1])].get_name().replace('"', '""'), sql)

    def answer(self, question: Callable[..., Table], tables: Sequence[Table]) -> pa.Table:
        """What a question says of tables that have names."""
        expr, sql = self.asked(question, tables)
        # Not what `execute` gives: that is copied into Arrow without its order.
        return expr.__pyarrow_result__(self.con.sql(sql).to_arrow_table(), data_mapper=DuckDBPyArrowData)

    def _unfused(self, expr: Expr) -> str:
        """Ibis spends half of its time on making one selection of several, which DuckDB does anyway."""
        chosen, before = ibis.options.sql, ibis.options.sql.fuse_selects
        chosen.fuse_selects = False
        try:
            return str(super().compile(expr))
        finally:
            chosen.fuse_selects = before


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
        places = {node: f"{_OPEN}{number}{_CLOSE}" for node, number in self._taken.items()}

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
        return _PLACE.sub(lambda place: said[int(place[1])], sql)

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
