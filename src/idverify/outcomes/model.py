"""What run.json says of outcomes. Every part carries how its figures came about.

MEASURED: counted in a world that ran. EXTRAPOLATED: a formula carries it to the country, or prices and habits that are
assumptions go into it. DECLARED: a scheme or mandate says so. Shares are [k, n] with 95 % intervals beside them.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

Count: TypeAlias = Annotated[int, Meta(ge=0)]
Amount: TypeAlias = Annotated[float, Meta(ge=0)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
How: TypeAlias = Literal["MEASURED", "EXTRAPOLATED", "DECLARED"]


class Rate(Struct, frozen=True, kw_only=True):
    """k of n, with the interval of Clopper and Pearson; [0, 1] where nobody tried."""

    k: Count
    n: Count
    interval: tuple[Share, Share]
    label: How = "MEASURED"


class Bits(Struct, frozen=True, kw_only=True):
    """Bits disclosed by one presentation: −log2 of the share of the country that the shown attributes fit.

    Which attributes are shown is counted in the platform's ledger; their probabilities are the population model's.
    """

    n: Count  # presentations
    mean: Amount
    least: Amount
    most: Amount
    interval: tuple[Amount, Amount] | None  # of the mean, Student's t; null below 3 presentations
    shown: dict[str, Count]  # attribute → presentations that show it
    ceiling: Amount  # log2 of the country's people: what it takes to name one
    people: Count
    label: How = "EXTRAPOLATED"


class QuasiIdentifier(Struct, frozen=True, kw_only=True):
    """Attributes that a platform gets together, and how few share them in the country."""

    attributes: list[str]
    unique: Share  # P(nobody else has the same) = Σ p·exp(−Np)
    top_1: Share  # success of a guess among those who share them = Σ (1 − exp(−Np))/N
    people: Count
    label: How = "EXTRAPOLATED"


class Exposure(Struct, frozen=True, kw_only=True):
    """What a copy of one party's database says of people, as a thief has it at the end of the run."""

    party: str
    persons: Count  # with a row in the copy
    events: Amount | None  # dated rows a person in the copy: log-ins, posts; null where nobody has a row
    named: Rate  # persons whose rows hold their ID number, as it is or as a hash that enumeration undoes
    attributes: list[str]  # others that most persons' rows hold
    named_by_attributes: Share  # without the number: success of a guess among those who share these
    retention_days: Amount | None  # of log-ins or uses under the mandate; null: as long as the account exists
    retention_stated: bool
    backward: Amount | None  # log-ins of a person in the copy once it is as old as that, times the link success
    forward: dict[str, Rate]  # share of later or other events that join to the copy: at the same platform, at another
    thieves: dict[str, Rate] = {}  # accounts named by the strongest attack of a thief of this copy, and of several
    label: How = "EXTRAPOLATED"


class Route(Struct, frozen=True, kw_only=True):
    """One way to a fake account: a price, the accounts that it gave, and what one cost."""

    name: str
    price: Amount  # of one person, statement or credential, in US dollars: an assumption
    accounts: Amount  # for that price, on one platform
    cost: Amount | None  # price/accounts; null where it gave none
    n: Count  # persons or tries that the accounts were counted over
    label: How = "EXTRAPOLATED"


class Sybil(Struct, frozen=True, kw_only=True):
    """Accounts by farmers, who each try for many on one platform."""

    persons: Count
    accounts: Count
    tries: Count
    per_person: Amount | None
    interval: tuple[Amount, Amount] | None  # of accounts a person, bootstrap over persons; null below 3 of them
    routes: list[Route]
    cost: Amount | None  # of the cheapest route that gave an account
    cheapest: str = ""
    label: How = "MEASURED"


class AgeRow(Struct, frozen=True, kw_only=True):
    """Everybody of one age in whole years: decided wrongly, of those who tried."""

    age: Count
    wrong: Rate  # below the limit: let in in any way; from the limit on: kept out for the age


class Cause(Struct, frozen=True, kw_only=True):
    """One reason why an age gate errs: wrong decisions among the people to whom it could happen in this run."""

    cause: Literal[
        "lied", "borrowed_credential", "birth_year_only", "time_zone", "cached_answer", "leap_day", "own_credential"
    ]
    wrong: Rate
    note: str = ""


class AgeErrors(Struct, frozen=True, kw_only=True):
    """False block and false admit of an age gate, with exact denominators."""

    limit: Count | None  # years; null: the mandate asks for no age
    false_block: Rate  # of age and kept out as too young, of all of age who came as far as the gate
    false_admit: Rate  # below the limit and let in, of all below it who tried
    by_age: list[AgeRow]
    causes: list[Cause]
    turning_a_day: Amount = 0.0  # people of the country who reach the limit on one day: EXTRAPOLATED


class Served(Struct, frozen=True, kw_only=True):
    """One group: those who got an account on every platform that they tried, with something of their own."""

    group: str
    served: Rate
    reasons: dict[str, Count] = {}  # why others did not, by the first refusal


By: TypeAlias = Literal["what is shown", "messages", "times and addresses", "seal"]


class Way(Struct, frozen=True, kw_only=True):
    """One way from an account to a name: the smallest coalition that can go it, and whether it leaves an entry."""

    by: By
    coalition: list[str]
    share: Rate | None  # accounts that it named; null where it was not counted
    label: How
    leaves_entry: bool = False


class Unmasking(Struct, frozen=True, kw_only=True):
    """Whether somebody can be led back to their name, by whom, and whether that leaves a trace."""

    feasible: Literal["yes", "partly", "no", "not detected"]  # partly: by times and addresses only, in this run
    ways: list[Way] = []  # the surest first; times and addresses only where neither content nor messages do it
    share: Rate | None = None  # where there is no way: what the coalition with the most accounts named
    label: How
    quorum: tuple[Count, Count] | None = None  # openers needed, of how many
    audit_entry: Literal["unavoidable", "avoidable", "none"] = "none"  # of an opening; other ways leave none
    audit_label: How = "DECLARED"
    covert: Literal["detected", "not detected", "nothing to detect"] = "nothing to detect"
    checks: list[str] = []  # what was tried against the openers, and what happened


class Cost(Struct, frozen=True, kw_only=True):
    """What one sign-up takes on the wire, in energy and in money. Prices and powers are assumptions."""

    round_trips: Amount | None  # HTTP requests that a sign-up waited for, mean: MEASURED
    round_trips_range: tuple[Count, Count] | None
    n: Count
    joules_services: Amount | None  # per sign-up, CPU of identity provider and platform
    joules_wallet: Amount | None
    joules_network: Amount | None
    dollars_per_million: Amount | None  # sign-ups: CPU, traffic, and a year of storage
    parts: dict[str, Amount] = {}  # dollars per million by what is paid for
    label: How = "EXTRAPOLATED"


class Outcomes(Struct, frozen=True, kw_only=True):
    """Everything above for one scheme; null where nothing could be counted."""

    bits: Bits | None = None
    quasi_identifiers: list[QuasiIdentifier] = []
    exposure: list[Exposure] = []
    sybil: Sybil | None = None
    age: AgeErrors | None = None
    coverage: list[Served] = []
    unmasking: Unmasking | None = None
    cost: Cost | None = None


class Difference(Struct, frozen=True, kw_only=True):
    """second − first in one metric, paired over seeds: the same people meet both schemes under each seed."""

    first: str
    second: str
    metric: str
    unit: str
    n: Count  # seeds under which both have the metric
    mean: float
    interval: tuple[float, float] | None  # Student's t with n − 1 degrees of freedom; null: too few seeds
    label: How = "MEASURED"


class Figures(Struct, frozen=True, kw_only=True):
    """The key metrics of one scheme under one seed."""

    seed: Count
    scheme: str
    metrics: dict[str, float]
