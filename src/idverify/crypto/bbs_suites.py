"""Ciphersuites, interfaces and generators of BBS (draft-irtf-cfrg-bbs-signatures sections 4.1 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from threading import Lock

from idverify.crypto.bls12_381 import (
    EXPAND_SIZE,
    Base,
    Expand,
    Scalar,
    expand_xmd,
    expand_xof,
    hash_to_point,
    hash_to_scalar,
)
from idverify.errors import BadMessage

MOST_MESSAGES = 1024
"""More would be slow to make generators for, and a proof's length alone says how many there are."""


@dataclass(frozen=True, slots=True)
class Ciphersuite:
    """Section 6: the hash, and with it the identifier."""

    name: bytes
    expand: Expand


SHA_256 = Ciphersuite(b"BBS_BLS12381G1_XMD:SHA-256_SSWU_RO_", expand_xmd)
SHAKE_256 = Ciphersuite(b"BBS_BLS12381G1_XOF:SHAKE-256_SSWU_RO_", expand_xof)


@dataclass(frozen=True, slots=True)
class Interface:
    """Section 3.8: whatever is hashed carries its `api_id`, so that interfaces cannot be mixed up."""

    suite: Ciphersuite
    name: bytes

    @property
    def api_id(self) -> bytes:
        return self.suite.name + self.name

    def hash_to_scalar(self, octets: bytes, label: bytes = b"H2S_") -> Scalar:
        return hash_to_scalar(octets, self.api_id + label, expand=self.suite.expand)

    def scalars(self, messages: Sequence[bytes]) -> list[Scalar]:
        """messages_to_scalars, section 4.1.2."""
        return [self.hash_to_scalar(message, b"MAP_MSG_TO_SCALAR_AS_HASH_") for message in messages]


def plain(suite: Ciphersuite) -> Interface:
    """The interface of section 3.5."""
    return Interface(suite, b"H2G_HM2S_")


@dataclass(frozen=True, slots=True)
class Generators:
    """P1, Q_1 and a point for each message; `octets` is what the domain says of them."""

    bases: tuple[Base, ...]
    octets: bytes = field(repr=False)

    @property
    def messages(self) -> int:
        return len(self.bases) - 2

    def prepare(self) -> None:
        """Make all tables now: about 6 to 12 ms and 1.4 MB for each point (section 4.1.1 allows to keep them)."""
        for base in self.bases:
            if base.rows() is None:
                base.prepare()


class _Series:
    """Section 4.1.1: pseudo-random points with no known relation, made when first wanted and then kept."""

    def __init__(self, suite: Ciphersuite, api_id: bytes, seed: bytes) -> None:
        self._suite, self._api_id = suite, api_id
        self._v = suite.expand(api_id + seed, api_id + b"SIG_GENERATOR_SEED_", EXPAND_SIZE)
        self._made: list[Base] = []
        self._lock = Lock()

    def first(self, count: int) -> list[Base]:
        with self._lock:
            while len(self._made) < count:
                number = (len(self._made) + 1).to_bytes(8)
                seed_dst, point_dst = self._api_id + b"SIG_GENERATOR_SEED_", self._api_id + b"SIG_GENERATOR_DST_"
                self._v = self._suite.expand(self._v + number, seed_dst, EXPAND_SIZE)
                self._made.append(Base(hash_to_point(self._v, point_dst, expand=self._suite.expand)))
            return self._made[:count]


@cache
def _series(suite: Ciphersuite, api_id: bytes, seed: bytes = b"MESSAGE_GENERATOR_SEED") -> _Series:
    return _Series(suite, api_id, seed)


@lru_cache(maxsize=256)
def generators(interface: Interface, known: int, blind: int = 0) -> Generators:
    """Q_1 and a point for each of the `known` messages; then `blind` points of the prover (Q_2, J_1, …)."""
    if known + blind > MOST_MESSAGES:
        raise BadMessage(f"{known + blind} messages are more than {MOST_MESSAGES}")
    suite = interface.suite
    first = _series(suite, suite.name + b"H2G_HM2S_", b"BP_MESSAGE_GENERATOR_SEED").first(1)
    bases = first + _series(suite, interface.api_id).first(known + 1)
    if blind:
        bases += _series(suite, b"BLIND_" + interface.api_id).first(blind)
    return Generators(tuple(bases), (known + blind).to_bytes(8) + b"".join(base.octets for base in bases[1:]))
