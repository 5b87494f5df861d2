"""Many BBS proofs checked with one pairing equation, and the bad ones found by halving.

For each pending proof i the verifier still has to see that e(Abar_i, W_i) = e(Bbar_i, BP2). Written in the exponent of
a generator of the target group, the two sides differ by some x_i, and x_i = 0 is what must hold. With weights w_i the
batch computes

    e(Σ w_i·Abar_i, W) · e(−Σ w_i·Bbar_i, BP2)     (one left pairing for each key that occurs)

which is one exactly where Σ w_i·x_i = 0 modulo the order r. **Soundness**: the proofs are fixed before the weights are
drawn, each uniformly from 2^128 numbers, all below r and thus different modulo r. Where some x_j is not zero, for every
choice of the other weights at most one w_j makes the sum vanish, so that a bad batch passes with a probability of at
most 2^-128. It needs points of the prime-order group, which their decoding checked. Fresh weights are drawn for each
half, so that the bound holds for each of the fewer than 2n equations.

T1, T2 and what pseudonyms announce cannot be combined over proofs: a proof carries the challenge, which is a hash of
each of them, and not the points.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from idverify.crypto.bbs import Pending
from idverify.crypto.bls12_381 import G1Point, G2Point, Scalar, combine, is_identity, pairings_hold
from idverify.scheme import Random

WEIGHT_SIZE = 16


def bad_ones(pending: Sequence[Pending], *, random: Random = secrets.token_bytes) -> frozenset[int]:
    """The indexes of the proofs whose pairing equation does not hold.

    One equation where all are good, about 2·log n more for a bad one, and less than 2n where all are bad.
    """
    return frozenset(_search(pending, range(len(pending)), random=random, fails=False)) if pending else frozenset()


def _search(pending: Sequence[Pending], indexes: range, *, random: Random, fails: bool) -> list[int]:
    """The bad ones among `indexes`; `fails` says that there is one for sure."""
    if not fails and _hold([pending[index] for index in indexes], random):
        return []
    if len(indexes) == 1:
        return [indexes[0]]
    middle = len(indexes) // 2
    bad = _search(pending, indexes[:middle], random=random, fails=False)
    return bad + _search(pending, indexes[middle:], random=random, fails=not bad)


def _hold(pending: Sequence[Pending], random: Random) -> bool:
    weights = [Scalar.from_be_bytes_mod_order(random(WEIGHT_SIZE)) for _ in pending]
    of_key: dict[G2Point, tuple[list[G1Point], list[Scalar]]] = {}
    for proof, weight in zip(pending, weights, strict=True):
        points, factors = of_key.setdefault(proof.key, ([], []))
        points.append(proof.abar)
        factors.append(weight)
    sums = [(combine(points, factors), key) for key, (points, factors) in of_key.items()]
    sums.append((-combine([proof.bbar for proof in pending], weights), G2Point()))
    # A sum at infinity pairs to one. It comes about by chance never, and by cancelling pairs of a cheat with the
    # probability that the weights do, which the bound counts already.
    pairs = [(point, key) for point, key in sums if not is_identity(point)]
    return not pairs or pairings_hold(pairs)
