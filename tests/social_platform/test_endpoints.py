"""The endpoints are those that services/README.md lists."""

from __future__ import annotations

import re
from pathlib import Path

from tests.social_platform.village import Village

README = Path(__file__).parent.parent.parent / "services" / "README.md"


def test_every_endpoint_is_in_the_readme(village: Village) -> None:
    listed: set[str] = set()
    for methods, places in re.findall(r"^\| `([A-Z, ]+) (/[^`]*)`", README.read_text(), re.MULTILINE):
        listed |= {f"{method} {places.partition('?')[0]}" for method in methods.split(", ")}
    served = village.api.openapi()["paths"]
    for path, methods in served.items():
        for method in methods:
            assert f"{method.upper()} {path.replace('id_', 'id')}" in listed
