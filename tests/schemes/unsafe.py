"""A planted leak for the measurements and for the wallet: an issuer that spreads people over keys of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from idverify.scheme import Issuer, Person, Scheme, merge
from tests import keys


@dataclass
class UnsafePartitionedIssuer:
    """Gives the n-th person the keys n mod `count`, and platforms all of them; each key is a crowd of its own."""

    scheme: Scheme
    count: int
    name: str = "https://id.example"
    _issuers: list[Issuer] = field(init=False)
    _place: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._issuers = [keys.issuer(self.scheme.info.name, number, name=self.name) for number in range(self.count)]

    @property
    def public(self) -> bytes:
        """What platforms are told: everything that anybody signs with."""
        return merge([issuer.public for issuer in self._issuers])

    def public_for(self, person: Person) -> bytes:
        """What this person's wallet is told."""
        return self._issuer(person).public

    def issue(self, person: Person, request: bytes, *, now: datetime) -> bytes:
        return self._issuer(person).issue(person, request, now=now)

    def groups(self) -> Mapping[str, int]:
        """For each ID number the place of its keys: what the issuer needs to remember, and no more."""
        return self._place

    def _issuer(self, person: Person) -> Issuer:
        place = self._place.setdefault(person.id_number, len(self._place) % self.count)
        return self._issuers[place]
