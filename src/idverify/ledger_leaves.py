"""The named values of one record: what a decoded value holds, each with the dotted name of the place where it lies.

"received.challenge.nonce" is a member of a member. All items of a list have the same name, "received.keys[].kid".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice, repeat
from typing import TypeAlias, cast

from idverify.scheme import Json

Leaf: TypeAlias = "str | int | float | bool"
MOST_LEAVES = 20_000
"""Of one part of a record; those beyond are not looked at."""
_KINDS = frozenset((str, int, float, bool))


class Place(dict["str | None", "Place"]):
    """A dotted name, and the places in it: of each member by its name, of the items of a list under None.

    They are made when they are first asked for. The records of a ledger resemble each other, so that looking a place
    up takes the place of putting its name together.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __missing__(self, key: str | None) -> Place:
        place = self[key] = Place(f"{self.name}[]" if key is None else f"{self.name}.{key}")
        return place


class Leaves:
    """The values of a part of a record in the order in which they were found, and beside each the name of its place.

    Where `again` is set, other records have the same part: what is made of it is worth keeping.
    """

    __slots__ = ("again", "names", "values")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[Leaf] = []
        self.again = False

    def put(self, value: Leaf, place: Place) -> None:
        """Take in one value."""
        if len(self.values) < MOST_LEAVES:
            self.names.append(place.name)
            self.values.append(value)

    def add(self, value: Json, place: Place) -> None:
        """Take in all that a JSON value holds; without recursion, because the value may be hostile."""
        names, values = self.names, cast("list[Json]", self.values)
        waiting: list[Iterator[tuple[Place, Json]]] = [iter([(place, value)])]
        while waiting and len(values) < MOST_LEAVES:
            for inside, item in waiting[-1]:
                if type(item) in _KINDS:  # in less time than isinstance takes
                    names.append(inside.name)
                    values.append(item)
                elif item is None:
                    continue
                elif isinstance(item, (list, tuple)):
                    waiting.append(zip(repeat(inside[None]), item, strict=False))
                    break
                elif isinstance(item, (dict, Mapping)):  # the ABC alone takes ten times as long
                    waiting.append(zip(map(inside.__getitem__, item), item.values(), strict=True))
                    break
            else:
                waiting.pop()
        del names[MOST_LEAVES:], values[MOST_LEAVES:]

    def once(self) -> Leaves:
        """Without what was there before under the same name: 1, 1.0 and true are three values, 0.0 and -0.0 two."""
        shown = [value if isinstance(value, str) else (repr(value),) for value in self.values]
        found = dict(zip(zip(self.names, shown, strict=True), self.values, strict=True))
        leaves = Leaves()
        leaves.names, leaves.values = [name for name, _ in found], [*found.values()]
        return leaves

    def first(self, name: str) -> Leaf | None:
        """The first value with that name."""
        return self.values[self.names.index(name)] if name in self.names else None


def numbered(parts: Iterable[Leaves]) -> dict[str, Leaf]:
    """Each value of a record under a name of its own: where a name comes again, the second is "name #2", and so on.

    No more of them than one part may have."""
    found: dict[str, Leaf] = {}
    counts: dict[str, int] = {}
    pairs = chain.from_iterable(zip(leaves.names, leaves.values, strict=True) for leaves in parts)
    for name, value in islice(pairs, MOST_LEAVES):
        counts[name] = count = counts.get(name, 0) + 1
        found[name if count == 1 else f"{name} #{count}"] = value
    return found


def collapsed(name: str) -> str:
    """The name that all values of the same place share: without the " #2" of a repeated one."""
    return name.partition(" #")[0]
