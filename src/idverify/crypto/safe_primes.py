"""Safe primes p = 2p' + 1 with a prime p', of which partially blind RSA makes its keys.

libcrypto takes about a second for 1024 bits; the search in Python, where there is no libcrypto, about ten.
"""

from __future__ import annotations

import secrets
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import libcrypto

_WINDOW = 1 << 16
"""Candidates that are sieved together, and the bound of the small primes that sieve them."""
_ROUNDS = 32
"""Of Miller and Rabin; a composite passes all with a chance below 4^-32 (and far below for random numbers)."""
EXPONENT = 65537


def new_key(bits: int) -> rsa.RSAPrivateKey:
    """KeyGen of draft-irtf-cfrg-partially-blind-rsa section 4.1: n = p·q of exactly `bits` bits, e = 65537."""
    while True:
        p, q = safe_prime(bits // 2), safe_prime(bits // 2)
        if p != q and (p * q).bit_length() == bits:
            break
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(EXPONENT, p * q)).private_key()


def safe_prime(bits: int) -> int:
    """A random safe prime whose two highest bits are set; libcrypto finds it, or we do."""
    library = libcrypto.library()
    return libcrypto.safe_prime(library, bits) if library is not None else search(bits)


def search(bits: int) -> int:
    """The same without libcrypto: sieve p' and 2p' + 1 together, then test what is left."""
    while True:
        first = secrets.randbits(bits - 1) | 3 << (bits - 3) | 1
        left = bytearray(b"\1") * _WINDOW  # left[i] stands for p' = first + 2i
        for prime in _small_primes():
            half = (prime + 1) // 2  # 1/2 modulo prime
            for remainder in (0, (prime - 1) // 2):  # of a p' that prime divides, and of one whose 2p' + 1 it divides
                start = (remainder - first) * half % prime
                left[start::prime] = bytes(len(range(start, _WINDOW, prime)))
        for index in range(_WINDOW):
            p = 2 * (first + 2 * index) + 1
            if left[index] and p.bit_length() == bits and is_safe(p):
                return p


def is_safe(p: int) -> bool:
    """Whether p > 7 and (p - 1)/2 are both prime, with overwhelming probability."""
    half = p >> 1
    if p <= 7 or not p & half & 1:
        return False
    # One round each sorts nearly all out before the many.
    return all(_is_prime(n, rounds) for rounds in (1, _ROUNDS) for n in (half, p))


def _is_prime(n: int, rounds: int) -> bool:
    """Miller and Rabin with random bases, for an odd n > 3."""
    shift = (n - 1 & 1 - n).bit_length() - 1
    for _ in range(rounds):
        x = pow(secrets.randbelow(n - 3) + 2, n >> shift, n)
        if x in (1, n - 1):
            continue
        for _ in range(shift - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


@lru_cache(maxsize=1)
def _small_primes() -> tuple[int, ...]:
    """The odd primes below the window's size."""
    sieve = bytearray(b"\1") * _WINDOW
    for i in range(3, int(_WINDOW**0.5) + 1, 2):
        if sieve[i]:
            sieve[i * i :: 2 * i] = bytes(len(range(i * i, _WINDOW, 2 * i)))
    return tuple(i for i in range(3, _WINDOW, 2) if sieve[i])
