"""What of OpenSSL's libcrypto is used through ctypes: RSA without padding, and safe primes.

`cryptography` carries an OpenSSL of its own and offers neither. Calls release the interpreter lock.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
import weakref
from collections.abc import Callable
from functools import lru_cache

from idverify.errors import Unavailable

_NO_PADDING = 3
_NAMES = ("libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.3.dylib", "libcrypto-3-x64.dll", "libcrypto-3.dll")
_RAW = (ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)
_READ = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_long)
_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "d2i_RSAPrivateKey": (ctypes.c_void_p, _READ),
    "d2i_RSAPublicKey": (ctypes.c_void_p, _READ),
    "RSA_private_encrypt": (ctypes.c_int, _RAW),
    "RSA_public_decrypt": (ctypes.c_int, _RAW),
    "RSA_free": (None, (ctypes.c_void_p,)),
    "BN_new": (ctypes.c_void_p, ()),
    "BN_clear_free": (None, (ctypes.c_void_p,)),
    "BN_generate_prime_ex": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_int, ctypes.c_int, *(ctypes.c_void_p,) * 3)),
    "BN_bn2binpad": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)),
}


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """OpenSSL's libcrypto with all these functions, or None. macOS aborts on its own unversioned copy."""
    found = ctypes.util.find_library("crypto") if sys.platform != "darwin" else None
    for name in [*_NAMES, *([found] if found else [])]:
        try:
            loaded = ctypes.CDLL(name)
            for function, (result, arguments) in _SIGNATURES.items():
                getattr(loaded, function).restype = result
                getattr(loaded, function).argtypes = arguments
        except (OSError, AttributeError):  # not there, or without the functions deprecated since 3.0
            continue
        return loaded
    return None


class _Key:
    """Owns one RSA structure and frees it with itself."""

    def __init__(self, loaded: ctypes.CDLL, der: bytes, *, private: bool) -> None:
        read = loaded.d2i_RSAPrivateKey if private else loaded.d2i_RSAPublicKey
        pointer: int | None = read(None, ctypes.byref(ctypes.c_char_p(der)), len(der))
        if not pointer:
            raise Unavailable("libcrypto does not read this RSA key")
        self.pointer = pointer
        weakref.finalize(self, loaded.RSA_free, pointer)


def private_operation(loaded: ctypes.CDLL, der: bytes, *, size: int) -> Callable[[bytes], bytes]:
    """m^d mod n with a PKCS #1 private key, on numbers of `size` bytes; constant-time and blinded."""
    key = _Key(loaded, der, private=True)
    return lambda message: _raw(loaded.RSA_private_encrypt, key, message, size=size)


def public_operation(loaded: ctypes.CDLL, der: bytes, *, size: int) -> Callable[[bytes], bytes]:
    """s^e mod n with a PKCS #1 public key, on numbers of `size` bytes."""
    key = _Key(loaded, der, private=False)
    return lambda message: _raw(loaded.RSA_public_decrypt, key, message, size=size)


def _raw(function: Callable[..., int], key: _Key, message: bytes, *, size: int) -> bytes:
    out = ctypes.create_string_buffer(size)
    if function(len(message), message, out, key.pointer, _NO_PADDING) != size:
        raise Unavailable("libcrypto refused an RSA operation")
    return out.raw


def safe_prime(loaded: ctypes.CDLL, bits: int) -> int:
    """A random safe prime whose two highest bits are set."""
    number = loaded.BN_new()
    if not number:
        raise Unavailable("libcrypto has no memory left")
    try:
        out = ctypes.create_string_buffer((bits + 7) // 8)
        made = loaded.BN_generate_prime_ex(number, bits, 1, None, None, None)
        if made != 1 or loaded.BN_bn2binpad(number, out, len(out)) != len(out):
            raise Unavailable("libcrypto made no prime")
        return int.from_bytes(out.raw)
    finally:
        loaded.BN_clear_free(number)
