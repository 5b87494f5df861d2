"""Every number that shapes the synthetic population, each with its source or marked as an assumption.

Shares are exact fractions, so that the thresholds made from them are the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

REFERENCE_DAY = date(2026, 1, 1)
"""Ages are drawn for this day."""

ADULT_FROM = 18
OLDEST = 99


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number: what it says, its value, and where it comes from; `assumed` where nobody published it."""

    what: str
    value: Fraction
    source: str
    assumed: bool = False

    def __float__(self) -> float:
        return float(self.value)


def _sourced(what: str, value: str, source: str) -> Parameter:
    return Parameter(what, Fraction(value), source)


def _assumed(what: str, value: str, why: str) -> Parameter:
    return Parameter(what, Fraction(value), f"assumption: {why}", assumed=True)


_CENSUS = "UN WPP 2024; 2024 mid-term census"

PEOPLE = _sourced("people in Vietnam, millions", "101.3", "UN WPP 2024 (year 2024)")
AGED_0_14 = _sourced("share aged 0–14", "0.233", _CENSUS)
AGED_15_64 = _sourced("share aged 15–64", "0.674", _CENSUS)
AGED_65_UP = _sourced("share aged 65 and over", "0.093", _CENSUS)
UNDER_16 = _sourced("share under 16", "0.247", f"derived from {_CENSUS}")
AGED_13_15 = _sourced("share aged 13–15", "0.0446", f"derived from {_CENSUS}")

FEMALE = _assumed("share of women and girls", "0.5", "rounded to a half, no source in use")

SOCIAL = _sourced("share of people who use social media", "0.733", "Digital 2024")
SOCIAL_12_17 = _sourced("share of those aged 12–17 who use social media", "0.89", "Disrupting Harm")
SOCIAL_6_11 = _assumed("share of those aged 6–11 who use social media", "0.4", "no source by single year of age")
SOCIAL_UNDER_6 = _assumed("share of those under 6 who use social media", "0", "no source by single year of age")

SMARTPHONE_LEAST = _sourced("adults with a smartphone, province with the fewest", "0.56", "survey of 2022")
SMARTPHONE_MOST = _sourced("adults with a smartphone, province with the most", "0.78", "survey of 2022")
SMARTPHONE_12_17 = _assumed("share of those aged 12–17 with a smartphone", "0.8", "no source below 18")
SMARTPHONE_6_11 = _assumed("share of those aged 6–11 with a smartphone", "0.2", "no source below 18")

E_ID_ACCOUNTS = _sourced(
    "e-ID accounts, millions (the middle of 62–67)", "64.5", "press reports of 2025: 62–67 million accounts"
)
E_ID_FROM = 14
E_ID_ON_REQUEST_FROM = 6
"""VNeID level 2: citizens from 14, or 6–13 on request."""
E_ID_6_13 = _assumed("share of those aged 6–13 with an e-ID on request", "0.1", "no source")

FOREIGN_WORKERS = _sourced("foreign workers, millions", "0.135", "press reports of 2025: more than 135,000")
E_ID_FOREIGN_ACCOUNTS = _sourced("e-ID accounts of foreigners, millions", "0.0439", "press reports of 2025: 43,900")
FOREIGN_TO = 64
"""Assumption: foreigners are the foreign workers, aged 18–64."""

NO_DOCUMENT = _assumed("share of citizens without any identity document", "0.02", "no source")
NO_GUARDIAN = _assumed("share of minors whom no adult vouches for", "0.03", "no source")
GUARDIAN_OLDER_LEAST = 18
GUARDIAN_OLDER_MOST = 45
"""Assumption: a guardian is 18 to 45 years older than the minor and lives in the same province."""

SURNAMES_SOURCE = "aggregate shares of surnames; those after Vũ and Võ, and the even splits, are assumptions"
SURNAMES: tuple[tuple[str, int], ...] = (
    ("Nguyễn", 3840),
    ("Trần", 1100),
    ("Lê", 950),
    ("Phạm", 710),
    ("Hoàng", 255),
    ("Huỳnh", 255),
    ("Phan", 450),
    ("Vũ", 195),
    ("Võ", 195),
    # The remaining 20.5 % are shared out by assumption.
    ("Đặng", 250),
    ("Bùi", 240),
    ("Đỗ", 180),
    ("Hồ", 170),
    ("Ngô", 170),
    ("Dương", 150),
    ("Đinh", 130),
    ("Lý", 120),
    ("Đào", 110),
    ("Trịnh", 110),
    ("Mai", 100),
    ("Lương", 90),
    ("Hà", 80),
    ("Cao", 80),
    ("Tạ", 70),
)
"""In hundredths of a per cent."""

PROVINCES_SOURCE = (
    "the 34 provinces of National Assembly Resolution 202/2025/QH15; weights rounded and approximate (assumption)"
)
PROVINCES: tuple[tuple[str, int], ...] = (
    ("Hà Nội", 88),
    ("Cao Bằng", 6),
    ("Tuyên Quang", 19),
    ("Điện Biên", 7),
    ("Lai Châu", 5),
    ("Sơn La", 14),
    ("Lào Cai", 18),
    ("Thái Nguyên", 18),
    ("Lạng Sơn", 9),
    ("Quảng Ninh", 14),
    ("Bắc Ninh", 36),
    ("Phú Thọ", 40),
    ("Hải Phòng", 47),
    ("Hưng Yên", 36),
    ("Ninh Bình", 44),
    ("Thanh Hóa", 43),
    ("Nghệ An", 38),
    ("Hà Tĩnh", 16),
    ("Quảng Trị", 19),
    ("Huế", 14),
    ("Đà Nẵng", 31),
    ("Quảng Ngãi", 22),
    ("Gia Lai", 36),
    ("Khánh Hòa", 22),
    ("Đắk Lắk", 33),
    ("Lâm Đồng", 39),
    ("Đồng Nai", 45),
    ("Thành phố Hồ Chí Minh", 140),
    ("Tây Ninh", 33),
    ("Đồng Tháp", 44),
    ("Vĩnh Long", 43),
    ("An Giang", 50),
    ("Cần Thơ", 42),
    ("Cà Mau", 26),
)
"""Weights in hundred thousands of people. The place in this list is the province's number in ID numbers."""

COUNTRIES_SOURCE = "assumption: no source for the shares; Laos is among them so that a border can be crossed"
COUNTRIES: tuple[tuple[str, int], ...] = (
    ("VN", 0),
    ("CN", 30),
    ("KR", 24),
    ("TW", 13),
    ("JP", 10),
    ("LA", 8),
    ("KH", 5),
    ("US", 5),
    ("GB", 5),
)
"""Weights among foreigners; the first entry is the country itself."""


def birth_years() -> dict[int, Fraction]:
    """The share born in each year, from the shares of each age on `REFERENCE_DAY`, which is the first of its year."""
    return {REFERENCE_DAY.year - 1 - age: share for age, share in enumerate(age_shares())}


def age_shares() -> tuple[Fraction, ...]:
    """The share of each single year of age from 0 to `OLDEST`, which together make 1.

    Within 0–12, 13–14 and 16–64 every year weighs the same; from 65 on the shares fall in a
    straight line. Both are assumptions; the sums over the bands are those of the sources.
    """
    shares = [Fraction(0)] * (OLDEST + 1)
    aged_15 = UNDER_16.value - AGED_0_14.value
    aged_13_14 = AGED_13_15.value - aged_15
    for first, last, share in (
        (0, 12, AGED_0_14.value - aged_13_14),
        (13, 14, aged_13_14),
        (15, 15, aged_15),
        (16, 64, AGED_15_64.value - aged_15),
    ):
        for age in range(first, last + 1):
            shares[age] = share / (last - first + 1)
    slope = [OLDEST + 1 - age for age in range(65, OLDEST + 1)]
    for age, weight in zip(range(65, OLDEST + 1), slope, strict=True):
        shares[age] = AGED_65_UP.value * weight / sum(slope)
    return tuple(shares)


def aged(first: int, last: int) -> Fraction:
    """The share of people from `first` to `last` years of age, both included."""
    return sum(age_shares()[first : last + 1], Fraction(0))


def social_share(age: int) -> Fraction:
    """The share of social media users at that age; from 18 on one share that makes the total come out."""
    if age < 6:
        return SOCIAL_UNDER_6.value
    if age < 12:
        return SOCIAL_6_11.value
    if age < ADULT_FROM:
        return SOCIAL_12_17.value
    minors = aged(0, 5) * SOCIAL_UNDER_6.value + aged(6, 11) * SOCIAL_6_11.value + aged(12, 17) * SOCIAL_12_17.value
    return (SOCIAL.value - minors) / aged(ADULT_FROM, OLDEST)


def foreign_share() -> Fraction:
    """The share of foreigners among those aged 18–64."""
    return FOREIGN_WORKERS.value / PEOPLE.value / aged(ADULT_FROM, FOREIGN_TO)


def e_id_share_foreign() -> Fraction:
    """The share of foreigners with an e-ID account."""
    return E_ID_FOREIGN_ACCOUNTS.value / FOREIGN_WORKERS.value


def e_id_share_from_14() -> Fraction:
    """The share with an e-ID account among citizens from 14 who have a document, so that the total comes out."""
    documented = 1 - NO_DOCUMENT.value
    accounts = (E_ID_ACCOUNTS.value - E_ID_FOREIGN_ACCOUNTS.value) / PEOPLE.value
    children = aged(E_ID_ON_REQUEST_FROM, E_ID_FROM - 1) * documented * E_ID_6_13.value
    citizens = aged(E_ID_FROM, OLDEST) - FOREIGN_WORKERS.value / PEOPLE.value
    return (accounts - children) / (citizens * documented)


def smartphone_share(province: int) -> Fraction:
    """The share of adults with a smartphone; assumption: the more people a province has, the more of them."""
    order = sorted(range(len(PROVINCES)), key=lambda number: (PROVINCES[number][1], number))
    span = SMARTPHONE_MOST.value - SMARTPHONE_LEAST.value
    return SMARTPHONE_LEAST.value + span * order.index(province) / (len(PROVINCES) - 1)


def parameters() -> tuple[Parameter, ...]:
    """All of them, in the order of this module."""
    return tuple(value for value in globals().values() if isinstance(value, Parameter))
