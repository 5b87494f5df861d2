"""A TOML text with the line of every key, and the refusals that name file, line, key and what is allowed."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from idverify.errors import BadMandate

LONGEST = 64 * 1024
"""Bytes in a mandate file; the longest built-in one has a sixth of it."""

Path: TypeAlias = "tuple[str | int, ...]"

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_AT = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Source:
    """The parsed file. Paths are keys from the top; a number in one is a place in an array of tables."""

    file: str
    tables: Mapping[str, object]
    lines: Mapping[Path, int]

    def refuse(self, path: Path, fault: str, *, allowed: str = "") -> NoReturn:
        """Raise BadMandate: where, which key, what is wrong there, and as a hint what is allowed."""
        raise BadMandate(f"{self.file}, line {self.line(path)}: {spelled(path)} {fault}", hint=allowed)

    def refuse_unknown(self, path: Path, known: Iterable[str]) -> NoReturn:
        """Raise BadMandate for a key that nothing reads, with the nearest known one."""
        names = list(known)
        near = difflib.get_close_matches(str(path[-1]), names, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        self.refuse(path, f"is no key of a mandate{meant}", allowed=f"allowed here: {', '.join(names)}")

    def line(self, path: Path) -> int:
        """The line of a key, or of the nearest table around it; 1 for the file itself."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(text: str, *, file: str) -> Source:
    """Parse TOML 1.0. Raises BadMandate with the line of a mistake."""
    if len(text.encode("utf-8", "replace")) > LONGEST:
        raise BadMandate(f"{file}, line 1: longer than {LONGEST:,} bytes", hint="a mandate is a short file")
    try:
        tables = tomllib.loads(text)
    except RecursionError as error:
        raise BadMandate(f"{file}, line 1: nested too deeply", hint="a rule is an inline table in a table") from error
    except ValueError as error:
        at = _AT.search(str(error))
        line = int(at[1]) if at and at[1] else max(1, len(text.splitlines()))
        fault = _AT.sub("", str(error)).strip()
        fault = fault[:1].lower() + fault[1:]
        raise BadMandate(f"{file}, line {line}: not TOML: {fault}", hint="docs/mandates.md shows the format") from error
    return Source(file, tables, _lines(text))


def spelled(path: Path) -> str:
    """A path as people write it; arrays of tables are counted from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _lines(text: str) -> dict[Path, int]:
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    inside = ""  # the quotes of a multi-line string that is open
    for number, line in enumerate(text.splitlines(), start=1):
        if not inside:
            header = _HEADER.match(line)
            if header:
                table = _parts(header[2])
                if header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                    table = (*table, counts[table])
                lines.setdefault(table, number)
            elif key := _KEY.match(line):
                path = (*table, *_parts(key[1]))
                for end in range(len(table) + 1, len(path) + 1):
                    lines.setdefault(path[:end], number)
        for quotes in ('"""', "'''"):
            if inside in ("", quotes) and line.count(quotes) % 2:
                inside = "" if inside else quotes
                break
    return lines


def _parts(name: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in name.split("."))
