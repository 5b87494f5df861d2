"""A mistake in a mandate file is refused with file, line, key and what is allowed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idverify import mandates
from idverify.errors import BadMandate

GOOD = """\
schema = 1
name = "mine"
title = "Mine"
summary = "A mandate."
in_force = { value = 2026-01-01, certainty = "setting" }
hypothetical = true
notes = ["one"]

[proof]
over = { value = 16, source = "a law", certainty = "seen" }
identity = { value = "no", certainty = "setting" }

[actions.post]
unverified = { value = false, certainty = "setting" }

[grace]
days = { value = 90, certainty = "setting" }

[[tiers]]
from = 0
to = 15
guardian = { value = "registers", certainty = "setting" }

[[tiers]]
from = 16
may = { value = ["read", "post"], certainty = "setting" }

[retention.platform]
name = { value = 30, certainty = "setting" }

[takedown]
hours = { value = 24, certainty = "setting" }

[trust]
countries = { value = ["VN"], certainty = "setting" }
"""

MISTAKES: list[tuple[str, str, int, str, str]] = [
    # what stands there, what is put in its place, line, key, a word of what is said or allowed
    ("schema = 1", "", 1, "schema", "schema = 1"),
    ("schema = 1", "schema = 2", 1, "schema", "schema = 1"),
    ("schema = 1", "schema = 1.0", 1, "schema", "schema = 1"),
    ("schema = 1", "schema = true", 1, "schema", "schema = 1"),
    ('name = "mine"', 'name = "Mine Own"', 2, "name", "small letters"),
    ('title = "Mine"', "title = 3", 3, "title", "a text"),
    ('summary = "A mandate."', 'summary = " "', 4, "summary", "a text"),
    ('summary = "A mandate."', "", 1, "summary", "missing"),
    ("value = 2026-01-01", 'value = "soon"', 5, "in_force", "2026-01-01"),
    ("value = 2026-01-01", "value = 2026-01-01T00:00:00Z", 5, "in_force", "a day"),
    ("value = 2026-01-01", "value = 0001-01-01", 5, "in_force", "1970"),
    ("hypothetical = true", "hypothetical = 1", 6, "hypothetical", "true or false"),
    ('notes = ["one"]', 'notes = "one"', 7, "notes", "list"),
    ("[proof]", "[prof]", 9, "prof", "did you mean proof?"),
    ("[proof]", "[elephant]", 9, "elephant", "allowed here: schema"),
    ("over = {", "ovr = {", 10, "proof.ovr", "did you mean over?"),
    ("value = 16", "value = true", 10, "proof.over", "an age"),
    ("value = 16", "value = -1", 10, "proof.over", "an age"),
    ("value = 16", "value = 16.0", 10, "proof.over", "an age"),
    ("value = 16", "value = 151", 10, "proof.over", "an age"),
    ("value = 16", 'value = "16"', 10, "proof.over", '"none"'),
    ("value = 16, ", "", 10, "proof.over", "has no value"),
    ('source = "a law", ', "", 10, "proof.over", "has no source"),
    ('source = "a law"', 'source = "  "', 10, "proof.over", "has no source"),
    ('source = "a law"', "source = 3", 10, "proof.over", "source"),
    ('certainty = "seen"', 'certainty = "sure"', 10, "proof.over", "seen, inferred, uncertain, setting"),
    (', certainty = "seen"', "", 10, "proof.over", "has no certainty"),
    ('certainty = "seen"', 'certanty = "seen"', 10, "proof.over.certanty", "did you mean certainty?"),
    ('{ value = 16, source = "a law", certainty = "seen" }', "16", 10, "proof.over", "no rule"),
    ('value = "no"', 'value = "maybe"', 11, "proof.identity", '"attested"'),
    ('value = "no"', "value = false", 11, "proof.identity", '"attested"'),
    ("[actions.post]", "[actions.pots]", 13, "actions.pots", "did you mean post?"),
    ("unverified = {", "anonymous = {", 14, "actions.post.anonymous", "visitors, unverified, over"),
    ("value = false", "value = 0", 14, "actions.post.unverified", "true or false"),
    ("value = 90", "value = -90", 17, "grace.days", "days from 0"),
    ("value = 90", "value = true", 17, "grace.days", "days from 0"),
    ("value = 90", "value = 99999999999999999999", 17, "grace.days", "days from 0"),
    ("from = 0", "from = 1", 20, "tiers[1].from", "start at 0"),
    ("to = 15", "to = 16", 25, "tiers[2].from", "without gap or overlap"),
    ("to = 15", "to = 14", 25, "tiers[2].from", "without gap or overlap"),
    ("to = 15", "to = -1", 21, "tiers[1].to", "an age"),
    ("to = 15", "", 24, "tiers[2]", "without an end"),
    ("to = 15", "to = true", 21, "tiers[1].to", "an age"),
    ("from = 16", "", 24, "tiers[2].from", "missing"),
    ("from = 16", "from = 16\nto = 99", 26, "tiers[2].to", "the last tier has no to"),
    ('"registers"', '"asks"', 22, "tiers[1].guardian", '"registers"'),
    ("value = 16, ", "value = 15, ", 22, "tiers[1].guardian", "proof.over above"),
    ("value = 16, ", 'value = "none", ', 22, "tiers[1].guardian", "proof.over above"),
    ('"read", "post"', '"read", "fly"', 26, "tiers[2].may", "livestream"),
    ('"read", "post"', '"read", "read"', 26, "tiers[2].may", "each once"),
    ('"read", "post"', "[]", 26, "tiers[2].may", "everything"),
    ("[retention.platform]", "[retention.plattform]", 28, "retention.plattform", "did you mean platform?"),
    ("name = { value = 30", "face = { value = 30", 29, "retention.platform.face", "id_number"),
    ("value = 30", "value = -1", 29, "retention.platform.name", '"account"'),
    ("value = 24", "value = 0", 32, "takedown.hours", "hours from 1"),
    ('["VN"]', '["vn"]', 35, "trust.countries", "capital letters"),
    ('["VN"]', '["VN", "VN"]', 35, "trust.countries", "each once"),
    ('["VN"]', '"VN"', 35, "trust.countries", '"any"'),
    ('["VN"]', '[["VN"]]', 35, "trust.countries", '"any"'),
]


def refusal(text: str) -> BadMandate:
    with pytest.raises(BadMandate) as caught:
        mandates.parse(text, file="mine.toml")
    return caught.value


def test_the_file_without_a_mistake_is_good() -> None:
    assert mandates.parse(GOOD).name == "mine"


@pytest.mark.parametrize(("old", "new", "line", "key", "word"), MISTAKES)
def test_a_mistake_is_refused_with_line_and_key(old: str, new: str, line: int, key: str, word: str) -> None:
    assert GOOD.count(old) >= 1
    error = refusal(GOOD.replace(old, new, 1))
    assert error.message.startswith(f"mine.toml, line {line}: {key} "), error.message
    assert word in f"{error.message} {error.hint}"
    assert error.hint


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD.replace("schema = 1", "schema ="), 1),
        (GOOD.replace("[grace]", "[grace"), 16),
        (GOOD.replace("[grace]", "[proof]"), 16),
        (GOOD.replace("days = {", "days = { days = {"), 17),
        (GOOD + 'open = "', 36),
    ],
)
def test_broken_toml_is_refused_with_its_line(text: str, line: int) -> None:
    error = refusal(text)
    assert error.message.startswith(f"mine.toml, line {line}: not TOML: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a = " + "[" * 30_000,
        "a = " + "9" * 10_000,
        "a" * 70_000,
        "x = 1\n" * 20,
        "schema = 1\ntiers = 3\n",
        "schema = 1\nproof = []\n",
        "schema = 1\nactions = 'all'\n",
        "schema = 1\n[retention]\nplatform = 3\n",
        "schema = 1\ntiers = [1, 2]\n",
        "schema = 1\n" + ".".join("a" * 5000) + " = 1\n",
    ],
)
def test_hostile_texts_are_refused_like_any_mistake(text: str) -> None:
    assert refusal(text).message.startswith("mine.toml, line ")


def test_a_multi_line_string_does_not_confuse_the_lines() -> None:
    text = GOOD.replace('"A mandate."', '"""\n[proof]\nover = 3\n"""').replace("value = 16", "value = 0")
    assert refusal(text).message.startswith("mine.toml, line 13: proof.over ")


def test_dotted_keys_have_lines_too() -> None:
    dotted = 'schema = 1\nproof.over = { value = 0, certainty = "setting" }\n'
    assert refusal(dotted).message.startswith("mine.toml, line 2: proof.over ")


@given(st.text(max_size=200))
def test_any_text_is_a_mandate_or_a_bad_one(text: str) -> None:
    with pytest.raises(BadMandate):
        mandates.parse(text)


@given(st.integers(0, len(GOOD) - 1), st.characters(max_codepoint=126))
def test_a_changed_character_is_a_mandate_or_a_bad_one(place: int, character: str) -> None:
    text = GOOD[:place] + character + GOOD[place + 1 :]
    with contextlib.suppress(BadMandate):
        assert mandates.parse(text, file="mine.toml").as_json()


def test_an_unknown_name_lists_the_names() -> None:
    with pytest.raises(BadMandate, match="'directive_58' is no built-in mandate") as caught:
        mandates.load("directive_58")
    for name in mandates.names():
        assert name in caught.value.hint


def test_a_file_is_loaded_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    assert mandates.load(str(tmp_path / "mine.toml")).title == "Mine"


def test_a_refused_file_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("value = 16", "value = 0"))
    with pytest.raises(BadMandate) as caught:
        mandates.load(str(path))
    assert caught.value.message.startswith(f"{path}, line 10: proof.over ")


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"schema = 1\ntitle = '\xe9'\n")
    (tmp_path / "huge.toml").write_bytes(b"#" * 10_000_000)
    (tmp_path / "folder.toml").mkdir()
    for name, word in (
        ("latin.toml", "line 2: not UTF-8"),
        ("huge.toml", "longer than"),
        ("folder.toml", "cannot be read"),
        ("absent.toml", "cannot be read"),
        ("nul\0.toml", "cannot be read"),
    ):
        with pytest.raises(BadMandate, match=word):
            mandates.load(str(tmp_path / name))
