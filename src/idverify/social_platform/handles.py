"""Names that people pick: what is allowed in one, and which two count as the same."""

from __future__ import annotations

import re
import unicodedata

from idverify.errors import BadMessage

SHORTEST, LONGEST = 3, 30
MOST_TEXT = 1000
MOST_BIO = 300
_LAO_MARKS = re.compile("[\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd]")
"""Lao writes vowels and tones above and below a letter; in NFC no other script here needs combining marks."""
_STRAY_MARKS = re.compile(f"(?<![\u0e81-\u0eae\u0eb1-\u0ecd]){_LAO_MARKS.pattern}|{_LAO_MARKS.pattern}{{3}}")
_SCRIPTS = ("LATIN", "LAO", "CYRILLIC", "GREEK", "THAI", "KHMER", "HANGUL", "HIRAGANA", "KATAKANA", "CJK", "DEVANAGARI")
_LOOKALIKES = {"CYRILLIC", "GREEK"}
"""Scripts with letters that look like Latin ones; nobody here needs a handle in them."""


def clean_handle(text: str) -> str:
    """The handle in NFC. Raises BadMessage for lengths, signs, mixed scripts and letters that only look Latin."""
    if len(text) > 4 * LONGEST:
        raise BadMessage(f"the handle is longer than {LONGEST} characters")
    handle = unicodedata.normalize("NFC", text)
    if not SHORTEST <= len(handle) <= LONGEST:
        raise BadMessage(f"the handle has {len(handle)} characters, allowed are {SHORTEST} to {LONGEST}")
    if unicodedata.normalize("NFKC", handle) != handle:
        raise BadMessage("the handle has a letter with a compatibility form", hint="type it with plain letters")
    scripts: set[str] = set()
    for sign in handle:
        kind = unicodedata.category(sign)
        if sign == "_" or "0" <= sign <= "9" or _LAO_MARKS.match(sign):
            continue
        if kind not in ("Ll", "Lu", "Lo") or unicodedata.bidirectional(sign) != "L":
            raise BadMessage("the handle has something other than letters, digits and _")
        scripts.add(next((s for s in _SCRIPTS if unicodedata.name(sign, "").startswith(s)), "another script"))
    if re.search(_STRAY_MARKS, handle):
        raise BadMessage("the handle has a vowel or tone mark without its letter, or too many on one")
    if scripts & _LOOKALIKES or len(scripts) > 1:
        raise BadMessage("the handle's letters could be taken for others", hint="use the letters of one script")
    return handle


def handle_key(handle: str) -> str:
    """Equal for two handles that differ in case only, or in letters that look alike when folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", handle).casefold()).translate(_SAME)


_SAME = str.maketrans({"ı": "i", "ɩ": "i", "ɑ": "a", "ɡ": "g", "ɪ": "i", "ʟ": "l", "ᴏ": "o", "ꞵ": "b", "ƿ": "p"})


def clean_text(text: str, *, most: int = MOST_TEXT, what: str = "text") -> str:
    """A text for others to read, in NFC. Raises BadMessage for lengths and for controls and direction overrides."""
    if len(text) > 2 * most:
        raise BadMessage(f"the {what} is longer than {most} characters")
    cleaned = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    if len(cleaned) > most:
        raise BadMessage(f"the {what} has {len(cleaned)} characters, allowed are {most}")
    for sign in cleaned:
        if (unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t") or sign in _OVERRIDES:
            raise BadMessage(f"the {what} has a control character")
    if re.search(_TOO_MANY_MARKS, cleaned):
        raise BadMessage(f"the {what} has more than 8 marks on one letter")
    return cleaned


_OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_TOO_MANY_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{9,}")
