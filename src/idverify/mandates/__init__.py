"""Mandates: who must prove what, to do what, and what is kept for whom. Each is one TOML file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from idverify.errors import BadMandate
from idverify.mandates.loader import parse as _rules
from idverify.mandates.mandate import Mandate
from idverify.mandates.model import ACTIONS, Action, Decision, Rule, Rules, Sentence, Standing, Tier
from idverify.mandates.source import LONGEST

__all__ = [
    "ACTIONS",
    "Action",
    "Decision",
    "Mandate",
    "Rule",
    "Rules",
    "Sentence",
    "Standing",
    "Tier",
    "load",
    "names",
    "parse",
]


def names() -> tuple[str, ...]:
    """The built-in mandates, in alphabetical order."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(file.removesuffix(".toml") for file in files if file.endswith(".toml")))


def load(name_or_path: str) -> Mandate:
    """A built-in mandate by name, or one from a TOML file.

    Raises BadMandate with file, line, key and what is allowed; for an unknown name, the names.
    """
    if name_or_path in names():
        file = f"{name_or_path}.toml"
        return parse((resources.files(__name__) / file).read_text(encoding="utf-8"), file=file)
    path = Path(name_or_path)
    if path.suffix != ".toml" and len(path.parts) < 2:
        raise BadMandate(
            f"{name_or_path!r} is no built-in mandate",
            hint=f"the built-in ones are {', '.join(names())}; or give the path of a .toml file",
        )
    try:
        with path.open("rb") as opened:
            content = opened.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "no usable path"
        raise BadMandate(f"{name_or_path}: cannot be read: {reason.lower()}", hint="check the path") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadMandate(f"{name_or_path}, line {line}: not UTF-8", hint="save the file as UTF-8") from error
    return parse(text, file=name_or_path)


def parse(text: str, *, file: str = "mandate.toml") -> Mandate:
    """A mandate from its TOML text; `file` is the name that errors show. Raises BadMandate."""
    return Mandate(_rules(text, file=file))
