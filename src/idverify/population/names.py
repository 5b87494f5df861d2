"""Names of people who do not exist: a surname by its share, the rest combined at random.

The words are ordinary, the combinations are drawn; a name that somebody bears is a coincidence.
"""

from __future__ import annotations

from dataclasses import dataclass

from idverify.population.parameters import COUNTRIES, SURNAMES

COUNTRY = COUNTRIES[0][0]
_MIDDLE_FEMALE = ("Thị", "Ngọc", "Thu", "Minh", "Thanh", "Bảo", "Khánh", "Phương", "Hoài", "Kim", "Diệu", "Quỳnh")
_MIDDLE_MALE = ("Văn", "Đức", "Hữu", "Minh", "Quang", "Công", "Thanh", "Gia", "Xuân", "Quốc", "Đình", "Tuấn")
_GIVEN_FEMALE = (
    *("An", "Anh", "Bích", "Chi", "Dung", "Duyên", "Giang", "Hà", "Hạnh", "Hằng", "Hiền", "Hoa", "Hồng", "Huệ"),
    *("Hương", "Lan", "Liên", "Linh", "Loan", "Ly", "Mai", "My", "Nga", "Ngân", "Nhi", "Nhung", "Oanh", "Phượng"),
    *("Quyên", "Tâm", "Thảo", "Thơ", "Thúy", "Trang", "Trinh", "Tuyết", "Uyên", "Vân", "Vy", "Yến"),
)
_GIVEN_MALE = (
    *("An", "Bình", "Chiến", "Cường", "Dũng", "Duy", "Đạt", "Đông", "Hải", "Hiếu", "Hoàng", "Hùng", "Huy", "Hưng"),
    *("Khang", "Khoa", "Kiên", "Lâm", "Long", "Lộc", "Mạnh", "Nam", "Nghĩa", "Nhân", "Phong", "Phúc", "Quân", "Sơn"),
    *("Tài", "Tân", "Thành", "Thắng", "Thịnh", "Tiến", "Toàn", "Trung", "Tú", "Tùng", "Việt", "Vinh"),
)


@dataclass(frozen=True, slots=True)
class _Abroad:
    family: tuple[str, ...]
    female: tuple[str, ...]
    male: tuple[str, ...]
    family_first: bool = False


_ABROAD = {
    "CN": _Abroad(
        ("Wang", "Li", "Zhang", "Liu", "Chen"), ("Mei", "Xiu", "Lan", "Jing"), ("Wei", "Jun", "Bo", "Tao"), True
    ),
    "KR": _Abroad(
        ("Kim", "Lee", "Park", "Choi", "Jung"),
        ("Ji-woo", "Seo-yeon", "Min-ji", "Ha-eun"),
        ("Min-jun", "Do-yun", "Ji-ho", "Joon-seo"),
        True,
    ),
    "TW": _Abroad(
        ("Chen", "Lin", "Huang", "Tsai", "Wu"),
        ("Mei-ling", "Yi-chun", "Shu-fen", "Ya-ting"),
        ("Chih-ming", "Chun-chieh", "Po-han", "Kuan-yu"),
        True,
    ),
    "JP": _Abroad(
        ("Sato", "Suzuki", "Takahashi", "Tanaka", "Ito"),
        ("Yui", "Hina", "Sakura", "Aoi"),
        ("Haruto", "Sota", "Ren", "Kaito"),
    ),
    "LA": _Abroad(
        ("Phommachanh", "Sisavath", "Vongsa", "Keomany", "Inthavong"),
        ("Bouavanh", "Khamla", "Noy", "Vilayphone"),
        ("Bounmy", "Khamphet", "Somchit", "Thongdy"),
    ),
    "KH": _Abroad(
        ("Chea", "Sok", "Chan", "Keo", "Heng"),
        ("Sreymom", "Bopha", "Kunthea", "Chanthou"),
        ("Sovann", "Dara", "Rithy", "Vuthy"),
        True,
    ),
    "US": _Abroad(
        ("Smith", "Johnson", "Brown", "Davis", "Miller"),
        ("Emily", "Olivia", "Hannah", "Grace"),
        ("James", "Ethan", "Jacob", "Noah"),
    ),
    "GB": _Abroad(
        ("Jones", "Taylor", "Wilson", "Evans", "Walker"),
        ("Amelia", "Isla", "Freya", "Poppy"),
        ("Oliver", "George", "Harry", "Arthur"),
    ),
}


def vietnamese(surname: int, word: int, *, female: bool) -> str:
    """Surname, middle name and given name; `surname` is a place in SURNAMES, `word` any number below 2^32."""
    middle, given = (_MIDDLE_FEMALE, _GIVEN_FEMALE) if female else (_MIDDLE_MALE, _GIVEN_MALE)
    rest, place = divmod(word, len(given))
    return f"{SURNAMES[surname][0]} {middle[rest % len(middle)]} {given[place]}"


def foreign(country: str, word: int, *, female: bool) -> str:
    """A name as people of that country have one; `word` is any number below 2^32."""
    names = _ABROAD[country]
    given = names.female if female else names.male
    rest, place = divmod(word, len(given))
    family = names.family[rest % len(names.family)]
    return f"{family} {given[place]}" if names.family_first else f"{given[place]} {family}"


def likely(name: str, country: str, *, female: bool) -> float:
    """The probability of a whole name among people of that country and sex; 0 for one that is never made."""
    if country == COUNTRY:
        middle, given = (_MIDDLE_FEMALE, _GIVEN_FEMALE) if female else (_MIDDLE_MALE, _GIVEN_MALE)
        surname, _, rest = name.partition(" ")
        second, _, last = rest.partition(" ")
        weights = dict(SURNAMES)
        made = middle.count(second) * given.count(last) / (len(middle) * len(given))
        return weights.get(surname, 0) / sum(weights.values()) * made
    abroad = _ABROAD[country]
    own = abroad.female if female else abroad.male
    places = [(f, g) if abroad.family_first else (g, f) for f in abroad.family for g in own]
    return sum(f"{one} {other}" == name for one, other in places) / len(places)


def rests(*, female: bool) -> list[tuple[str, str]]:
    """Every middle and given name of citizens, all equally likely."""
    middle, given = (_MIDDLE_FEMALE, _GIVEN_FEMALE) if female else (_MIDDLE_MALE, _GIVEN_MALE)
    return [(one, other) for one in middle for other in given]
