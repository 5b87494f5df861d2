"""The raw RSA private operation, m^d mod n, by the best means on this machine (RFC 8017 section 5.1.2).

`cryptography` offers no RSA without padding, which blind signatures need. Three backends are tried:

    libcrypto  OpenSSL through ctypes; constant-time, blinded; releases the interpreter lock
    gmpy2      CRT with blinding; not constant-time
    pow        Python's own pow with CRT and blinding; not constant-time; warns once

Every result is checked with the public exponent before it leaves: one faulty CRT signature gives
away the factors of n (Boneh, DeMillo and Lipton 1997).
"""

from __future__ import annotations

import ctypes
import importlib
import math
import secrets
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeAlias

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.crypto import libcrypto
from idverify.errors import BadMessage, Unavailable

Backend: TypeAlias = Literal["libcrypto", "gmpy2", "pow"]
Power: TypeAlias = Callable[[int, int, int], int]


class RawPrivateKey:
    """An RSA private key that answers `raw(m) = m^d mod n`; safe to share between threads."""

    def __init__(self, key: rsa.RSAPrivateKey, use: Backend | None = None) -> None:
        numbers = key.private_numbers()
        self.public = key.public_key()
        self.n = numbers.public_numbers.n
        self.e = numbers.public_numbers.e
        self.size = (self.n.bit_length() + 7) // 8
        self.backend: Backend = use or backend()
        self._operation = _operation(key, self.backend)
        self._public = public_power(self.public, self.backend)

    def raw(self, message: bytes) -> bytes:
        """m^d mod n for an m of exactly `size` bytes with 1 < m < n − 1; as many bytes.

        0, 1 and n − 1 are their own signatures and so tell the signer's whole answer; nobody who
        blinds honestly sends them. Raises BadMessage, and Unavailable where the result is faulty.
        """
        if len(message) != self.size:
            raise BadMessage(f"the blinded message has {len(message)} bytes, the key {self.size}")
        if not 1 < int.from_bytes(message) < self.n - 1:
            raise BadMessage("the blinded message is not a number between 2 and n - 2")
        result = self._operation(message)
        if self._public(result) != message:
            raise Unavailable("the signature came out wrong and was withheld", hint="check this machine's memory")
        return result

    def __repr__(self) -> str:
        return f"RawPrivateKey({self.n.bit_length()} bits, {self.backend})"


@lru_cache(maxsize=1)
def backend() -> Backend:
    """The name of the backend that this process uses, for the report."""
    if libcrypto.library() is not None:
        return "libcrypto"
    if _gmpy2_power() is not None:
        return "gmpy2"
    warnings.warn(
        "neither libcrypto nor gmpy2 found: RSA signing is slow and not constant-time; pip install gmpy2",
        RuntimeWarning,
        stacklevel=2,
    )
    return "pow"


def public_power(key: rsa.RSAPublicKey, use: Backend | None = None) -> Callable[[bytes], bytes]:
    """s^e mod n on numbers below n, as many bytes as the key has: an exponent may be as long as the key."""
    numbers = key.public_numbers()
    n, e, size = numbers.n, numbers.e, (key.key_size + 7) // 8
    library = libcrypto.library() if (use or backend()) == "libcrypto" else None
    if library is not None:
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        return libcrypto.public_operation(library, der, size=size)
    return lambda message: pow(int.from_bytes(message), e, n).to_bytes(size)


def _operation(key: rsa.RSAPrivateKey, name: Backend) -> Callable[[bytes], bytes]:
    if name == "libcrypto":
        library = libcrypto.library()
        if library is None:
            raise Unavailable("libcrypto was asked for and cannot be loaded", hint="install OpenSSL 3")
        return _with_libcrypto(key, library)
    power = _gmpy2_power() if name == "gmpy2" else pow
    if power is None:
        raise Unavailable("gmpy2 was asked for and cannot be imported", hint="pip install gmpy2")
    return _with_crt(key, power)


def _with_libcrypto(key: rsa.RSAPrivateKey, library: ctypes.CDLL) -> Callable[[bytes], bytes]:
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return libcrypto.private_operation(library, der, size=(key.key_size + 7) // 8)


@lru_cache(maxsize=1)
def _gmpy2_power() -> Power | None:
    try:
        module = importlib.import_module("gmpy2")
    except ImportError:
        return None

    def power(base: int, exponent: int, modulus: int) -> int:
        return int(module.powmod(base, exponent, modulus))

    return power


def _with_crt(key: rsa.RSAPrivateKey, power: Power) -> Callable[[bytes], bytes]:
    numbers = key.private_numbers()
    p, q, n, e = numbers.p, numbers.q, numbers.public_numbers.n, numbers.public_numbers.e
    size = (n.bit_length() + 7) // 8

    def operation(message: bytes) -> bytes:
        # A fresh r hides from a timer which number goes through the private exponent.
        while math.gcd(r := secrets.randbelow(n - 2) + 2, n) != 1:
            continue
        hidden = int.from_bytes(message) * pow(r, e, n) % n
        at_p, at_q = power(hidden % p, numbers.dmp1, p), power(hidden % q, numbers.dmq1, q)
        signed = at_q + q * ((at_p - at_q) * numbers.iqmp % p)
        return (signed * pow(r, -1, n) % n).to_bytes(size)

    return operation
