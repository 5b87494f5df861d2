"""Reading TLS presentation language: fixed fields and vectors (RFC 8446 section 3, RFC 9000 section 16)."""

from __future__ import annotations

from idverify.errors import BadMessage


class Reader:
    """Takes bytes off the front and refuses too few or too many; `what` names the message in errors."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._at, self._what = data, 0, what

    @property
    def left(self) -> int:
        """How many bytes have not been taken."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next `size` bytes. Raises BadMessage."""
        part = self._data[self._at : self._at + size]
        if len(part) != size:
            raise BadMessage(f"the {self._what} ends after {len(self._data)} bytes, in the middle of a field")
        self._at += size
        return part

    def number(self, size: int) -> int:
        """An unsigned integer of `size` bytes. Raises BadMessage."""
        return int.from_bytes(self.take(size))

    def varint(self) -> int:
        """A length of one to eight bytes in its shortest form. Raises BadMessage."""
        first = self.number(1)
        rest = self.take((1 << (first >> 6)) - 1)
        value = int.from_bytes(bytes([first & 0x3F]) + rest)
        if varint(value) != bytes([first]) + rest:
            raise BadMessage(f"a length in the {self._what} is longer than it need be")
        return value

    def end(self) -> None:
        """Nothing may be left. Raises BadMessage."""
        if self.left:
            raise BadMessage(f"the {self._what} has {len(self._data)} bytes, {self._at} belong to it")


def varint(value: int) -> bytes:
    """The shortest form of a length below 2^62."""
    exponent = next(k for k in range(4) if value < 1 << (8 * (1 << k) - 2))
    size = 1 << exponent
    return (exponent << (8 * size - 2) | value).to_bytes(size)


def vector(value: bytes, size: int) -> bytes:
    """`opaque value<0..2^(8·size)-1>`: its length in `size` bytes, then itself. Raises BadMessage."""
    if len(value) >> (8 * size):
        raise BadMessage(f"{len(value)} bytes do not fit into a vector with a length of {size} bytes")
    return len(value).to_bytes(size) + value
