"""The bytes that `docs/schemes/` tells are the bytes that the schemes make."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

from idverify.scheme import Challenge, Person, Question, Records, Status
from idverify.schemes import SCHEMES
from tests import keys

ISSUER, PLATFORM = "https://id.example", "https://chat.example"
NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
DOCS = Path(__file__).parents[2] / "docs" / "schemes"
ROW = re.compile(r"^\| ([a-z ]+) \| ([\d,]+) \|$", re.MULTILINE)
PAGES = {name: DOCS / f"{name}.md" for name in SCHEMES}
SIZED = [name for name, page in PAGES.items() if page.exists() and ROW.search(page.read_text())]
TOLERANCE = 0.02
"""Signatures of ECDSA and salts have one length; numbers in decimal have not."""


@pytest.mark.parametrize("name", SIZED)
def test_the_documented_bytes_are_those_of_the_messages(name: str, adult: Person) -> None:
    scheme = SCHEMES[name]
    issuer = keys.issuer(name, name=ISSUER)
    ask = Challenge(PLATFORM, "n" * 22, Question(over=16).within(scheme.info.answers), NOW, f"{PLATFORM}/reply")
    records = Records(next_status=lambda: Status("https://status.example/lists/1", 123_456))
    holder = scheme.holder()
    asked = holder.request(issuer.public, now=NOW, challenge=ask, count=scheme.info.batch)
    response = issuer.issue(adult, asked.message, now=NOW, records=records)
    shown = holder.present(holder.accept(asked, response)[0], ask)
    made = {"request": len(asked.message), "answer": len(response), "presentation": len(shown)}
    told = {what: int(size.replace(",", "")) for what, size in ROW.findall(PAGES[name].read_text())}
    assert told.keys() == made.keys()
    for what, size in told.items():
        assert abs(size - made[what]) <= TOLERANCE * made[what], f"{what}: {made[what]} bytes"
