"""Bits disclosed by a presentation: −log2 P(shown attributes) over the country's people, the issuer included.

Shannon, Bell System Technical Journal 27 (1948): the information of an event of probability P is −log2 P bits. Opaque
values (keys, signatures, pseudonyms, status indices) are no attributes of the population; what they connect is
measured as linkage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from idverify.outcomes.country import Country, Shown
from idverify.outcomes.model import Bits
from idverify.outcomes.shares import mean, t_interval


def bits(presentations: Sequence[Shown], country: Country) -> Bits | None:
    """The bits of each presentation and their mean, in bits; None without any."""
    if not presentations:
        return None
    known: dict[Shown, float] = {}
    each = [known.setdefault(one, known[one] if one in known else country.bits(one)) for one in presentations]
    shown = Counter(name for one in presentations for name in one.attributes())
    interval = t_interval(each)
    return Bits(
        n=len(each),
        mean=round(mean(each), 3),
        least=round(min(each), 3),
        most=round(max(each), 3),
        interval=None if interval is None else (round(max(0.0, interval[0]), 3), round(interval[1], 3)),
        shown=dict(sorted(shown.items(), key=lambda item: (-item[1], item[0]))),
        ceiling=round(country.ceiling, 3),
        people=country.people,
    )
