"""Prices, powers and habits that the outcome metrics need and nobody publishes for this purpose, each marked so.

Money is in US dollars. A figure that rests on one of these is labelled EXTRAPOLATED wherever it is shown.
"""

from __future__ import annotations

from fractions import Fraction

from idverify.population.parameters import Parameter


def _assumed(what: str, value: str, why: str) -> Parameter:
    return Parameter(what, Fraction(value), f"assumption: {why}", assumed=True)


LOGINS_A_DAY = _assumed("log-ins of a person a day on one platform", "1", "about daily use; no source in use")

PRICE_STATEMENT = _assumed("a false statement in a form, dollars", "0.05", "a minute of cheap labour and an address")
PRICE_MULE = _assumed("a person who signs up for somebody else, dollars", "10", "no source")
PRICE_LENT = _assumed("the use of an adult's credential, dollars", "5", "no source; within a family it is free")
PRICE_ENROLMENT = _assumed("enrolling once more as somebody else, dollars", "50", "no source")

WATTS_SERVER = _assumed("power of one busy server core, watts", "10", "a 200 W server with 20 busy cores")
WATTS_PHONE = _assumed("power of one busy phone core, watts", "2", "no source in use")
JOULES_MEGABYTE = _assumed("energy of a megabyte on the network, joules", "216", "0.06 kWh a gigabyte, fixed lines")
PRICE_CORE_HOUR = _assumed("an hour of one server core, dollars", "0.04", "list prices of servers, rounded")
PRICE_GIGABYTE = _assumed("a gigabyte that leaves the servers, dollars", "0.08", "list prices of servers, rounded")
PRICE_STORED = _assumed("a gigabyte kept for a month, dollars", "0.1", "list prices of databases, rounded")


def parameters() -> dict[str, Parameter]:
    """All of them by name, in the order of this module."""
    return {name.lower(): value for name, value in globals().items() if isinstance(value, Parameter)}
