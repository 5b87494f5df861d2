"""Privacy Pass messages for publicly verifiable tokens, type 0x0002 (RFC 9577 section 2, RFC 9578 section 6)."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from idverify.errors import BadMessage
from idverify.formats.strict_json import JsonObject, decode_base64url, read_object, write_json
from idverify.scheme import Json

SPEC = "RFC 9576, RFC 9577, RFC 9578 (June 2024)"
TOKEN_TYPE = 0x0002
KEY_SIZE = 256
"""Nk of RFC 9578 section 8.2.2: the bytes of an RSA-2048 modulus."""
_SPKI_HEAD = bytes.fromhex(
    "30820152303d06092a864886f70d01010a3030a00d300b0609608648016503040202"  # RSASSA-PSS, SHA-384
    "a11a301806092a864886f70d010108300b0609608648016503040202a203020130"  # MGF1 with SHA-384, salt 48
    "0382010f003082010a0282010100"
)
_SPKI_TAIL = bytes.fromhex("0203010001")


@dataclass(frozen=True, slots=True)
class TokenChallenge:
    """What a token is made for.

    struct {
        uint16_t token_type;
        opaque issuer_name<1..2^16-1>;
        opaque redemption_context<0..32>;
        opaque origin_info<0..2^16-1>;
    } TokenChallenge;
    """

    issuer_name: str
    origin_info: str = ""
    redemption_context: bytes = b""
    token_type: int = TOKEN_TYPE

    def encode(self) -> bytes:
        issuer, origin = self.issuer_name.encode(), self.origin_info.encode()
        if not 0 < len(issuer) < 65536 or len(origin) >= 65536 or len(self.redemption_context) not in (0, 32):
            raise BadMessage("a name or the redemption context does not fit into a token challenge")
        fields = (issuer, 2), (self.redemption_context, 1), (origin, 2)
        return self.token_type.to_bytes(2) + b"".join(len(value).to_bytes(n) + value for value, n in fields)

    @classmethod
    def decode(cls, data: bytes) -> TokenChallenge:
        """Raises BadMessage."""
        reader = _Reader(data, "token challenge")
        token_type = int.from_bytes(reader.take(2))
        issuer, context, origin = (reader.take(int.from_bytes(reader.take(n))) for n in (2, 1, 2))
        reader.end()
        try:
            challenge = cls(issuer.decode("ascii"), origin.decode("ascii"), context, token_type)
        except UnicodeDecodeError as error:
            raise BadMessage("the token challenge's names are not ASCII") from error
        challenge.encode()
        return challenge

    def digest(self) -> bytes:
        return hashlib.sha256(self.encode()).digest()


@dataclass(frozen=True, slots=True)
class Token:
    """What a wallet shows.

    struct {
        uint16_t token_type;
        uint8_t nonce[32];
        uint8_t challenge_digest[32];
        uint8_t token_key_id[32];
        uint8_t authenticator[Nk];
    } Token;
    """

    nonce: bytes
    challenge_digest: bytes
    token_key_id: bytes
    authenticator: bytes = field(default=b"", repr=False)
    token_type: int = TOKEN_TYPE

    @property
    def input(self) -> bytes:
        """What the authenticator signs: everything before it."""
        return self.token_type.to_bytes(2) + self.nonce + self.challenge_digest + self.token_key_id

    def encode(self) -> bytes:
        return self.input + self.authenticator

    @classmethod
    def decode(cls, data: bytes) -> Token:
        """Raises BadMessage for another type or length."""
        reader = _Reader(data, "token")
        _expect_type(reader)
        token = cls(reader.take(32), reader.take(32), reader.take(32), reader.take(KEY_SIZE))
        reader.end()
        return token


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a wallet sends to the issuer.

    struct {
        uint16_t token_type = 0x0002;
        uint8_t truncated_token_key_id;
        uint8_t blinded_msg[Nk];
    } TokenRequest;
    """

    truncated_key_id: int
    blinded: bytes

    def encode(self) -> bytes:
        return TOKEN_TYPE.to_bytes(2) + self.truncated_key_id.to_bytes(1) + self.blinded

    @classmethod
    def decode(cls, data: bytes) -> TokenRequest:
        """Raises BadMessage for another type or length."""
        reader = _Reader(data, "token request")
        _expect_type(reader)
        request = cls(reader.take(1)[0], reader.take(KEY_SIZE))
        reader.end()
        return request


def encode_key(key: rsa.RSAPublicKey) -> bytes:
    """SubjectPublicKeyInfo with RSASSA-PSS parameters (RFC 9578 section 8.2.2). RSA-2048, e = 65537 only."""
    numbers = key.public_numbers()
    if numbers.n.bit_length() != 2048 or numbers.e != 65537:
        raise BadMessage("a token key is not RSA-2048 with the exponent 65537")
    return _SPKI_HEAD + numbers.n.to_bytes(KEY_SIZE) + _SPKI_TAIL


@lru_cache(maxsize=256)
def decode_key(spki: bytes) -> rsa.RSAPublicKey:
    """The key in a SubjectPublicKeyInfo of exactly the form of `encode_key`. Raises BadMessage."""
    head, tail = len(_SPKI_HEAD), len(_SPKI_TAIL)
    if len(spki) != head + KEY_SIZE + tail or spki[:head] != _SPKI_HEAD or spki[-tail:] != _SPKI_TAIL:
        raise BadMessage("the token key is not RSA-2048 as RSASSA-PSS with SHA-384 and a salt of 48 bytes")
    n = int.from_bytes(spki[head:-tail])
    if n.bit_length() != 2048 or n % 2 == 0:
        raise BadMessage("the token key's modulus is not an odd number of 2048 bits")
    try:
        key = rsa.RSAPublicNumbers(65537, n).public_key()
    except ValueError as error:
        raise BadMessage("the token key is not an RSA key") from error
    return key


def key_id(spki: bytes) -> bytes:
    """SHA-256 of the encoded key; its last byte is the truncated id."""
    return hashlib.sha256(spki).digest()


def pkcs8(key: rsa.RSAPrivateKey) -> str:
    """The private key as PEM, for the key store."""
    form, no = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, no).decode()


def encode_padded(value: bytes) -> str:
    """base64url with padding, as RFC 9577 and RFC 9578 want it."""
    return urlsafe_b64encode(value).decode()


def decode_padded(text: str, what: str = "parameter") -> bytes:
    """base64url with its padding, or with none at all; nothing else. Raises BadMessage."""
    bare = text.rstrip("=")
    if len(text) != len(bare) and len(text) != len(bare) + -len(bare) % 4:
        raise BadMessage(f"the {what} is not base64url with padding")
    return decode_base64url(bare, what)


def www_authenticate(challenges: Sequence[tuple[TokenChallenge, bytes]], *, max_age: int | None = None) -> str:
    """The WWW-Authenticate value that asks for a token of any of these challenges and keys (RFC 9577 section 2.1)."""
    age = f', max-age="{max_age}"' if max_age is not None else ""
    return ", ".join(
        f'PrivateToken challenge="{encode_padded(challenge.encode())}", token-key="{encode_padded(spki)}"{age}'
        for challenge, spki in challenges
    )


_PARAMETER = re.compile(
    r'\s*,?\s*(?:(PrivateToken)\s+)?([A-Za-z0-9_-]+)\s*=\s*(?:"([^"\\]*)"|([A-Za-z0-9_.~+/=-]+))', re.I
)
_TOKEN = re.compile(r'PrivateToken[ \t]+token[ \t]*=[ \t]*(?:"([A-Za-z0-9_=-]*)"|([A-Za-z0-9_=-]+))[ \t]*', re.I)


def parse_www_authenticate(value: str) -> list[dict[str, str]]:
    """The parameters of each PrivateToken challenge, unknown ones included. Raises BadMessage."""
    challenges: list[dict[str, str]] = []
    position, end = 0, len(value.rstrip(" ,\t"))
    while position < end:
        match = _PARAMETER.match(value, position)
        if match is None:
            raise BadMessage("the WWW-Authenticate header is not a list of PrivateToken challenges")
        scheme, name, quoted, bare = match.groups()
        if scheme:
            challenges.append({})
        if not challenges or name.lower() in challenges[-1]:
            raise BadMessage("the WWW-Authenticate header has a parameter twice, or before its scheme")
        challenges[-1][name.lower()] = bare if quoted is None else quoted
        position = match.end()
    return challenges


def authorization(token: bytes) -> str:
    """The Authorization value that shows a token (RFC 9577 section 2.2)."""
    return f'PrivateToken token="{encode_padded(token)}"'


def parse_authorization(value: str) -> bytes:
    """The token's bytes in `PrivateToken token="…"`. Raises BadMessage."""
    match = _TOKEN.fullmatch(value) if len(value) < 2000 else None
    if match is None:
        raise BadMessage('the Authorization header is not PrivateToken token="…"')
    return decode_padded(match[1] or match[2] or "", "token")


def directory(keys: Sequence[bytes], *, request_uri: str, ages: Sequence[int] = ()) -> bytes:
    """The issuer directory (RFC 9578 section 4); `age` beside a key says what its tokens prove."""
    listed: list[Json] = []
    for index, spki in enumerate(keys):
        entry: dict[str, Json] = {"token-type": TOKEN_TYPE, "token-key": encode_padded(spki)}
        listed.append(entry | ({"age": ages[index]} if ages else {}))
    return write_json({"issuer-request-uri": request_uri, "token-keys": listed})


def parse_directory(document: bytes) -> tuple[str, list[bytes]]:
    """The request URI and the keys of type 0x0002 in an issuer directory. Raises BadMessage."""
    value: JsonObject = read_object(document, "issuer directory")
    uri, listed = value.get("issuer-request-uri"), value.get("token-keys")
    if not isinstance(uri, str) or not isinstance(listed, list):
        raise BadMessage("the issuer directory has no issuer-request-uri or no token-keys")
    keys: list[bytes] = []
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(text := entry.get("token-key"), str):
            raise BadMessage("an entry of the issuer directory has no token-key")
        if entry.get("token-type") == TOKEN_TYPE:
            keys.append(decode_padded(text, "token key"))
    return uri, keys


class _Reader:
    """Takes bytes off the front and refuses too few or too many."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._at, self._what = data, 0, what

    def take(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) != size:
            raise BadMessage(f"the {self._what} ends after {len(self._data)} bytes, in the middle of a field")
        self._at += size
        return part

    def end(self) -> None:
        if self._at != len(self._data):
            raise BadMessage(f"the {self._what} has {len(self._data)} bytes, {self._at} belong to it")


def _expect_type(reader: _Reader) -> None:
    if (kind := int.from_bytes(reader.take(2))) != TOKEN_TYPE:
        raise BadMessage(f"the token type is {kind:#06x}, not {TOKEN_TYPE:#06x}")
