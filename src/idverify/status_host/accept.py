"""What a client wants of what is offered: media types and gzip (RFC 9110 sections 12.5.1 and 12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_RANGE = re.compile(r"([a-z0-9!#$&^_.+*-]+/[a-z0-9!#$&^_.+*-]+)(.*)", re.DOTALL)
_QUALITY = re.compile(r";\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)")
MOST_RANGES = 20


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """The offered type of the highest quality, the first of equals; None where the client wants none of them."""
    if not accept.strip():
        return offered[0]
    wanted: dict[str, float] = {}
    for part in accept.lower().split(",")[:MOST_RANGES]:
        found = _RANGE.fullmatch(part.strip())
        if found:
            quality = _QUALITY.search(found[2])
            wanted[found[1]] = float(quality[1]) if quality else 1.0

    def worth(media_type: str) -> float:
        for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):  # the most specific range counts
            if name in wanted:
                return wanted[name]
        return 0.0

    best = max(offered, key=worth)
    return best if worth(best) > 0 else None


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the client takes gzip."""
    for part in accept_encoding.lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
