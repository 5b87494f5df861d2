"""Privacy Pass messages for publicly verifiable tokens (RFC 9577 section 2, RFC 9578 section 6).

Beside type 0x0002 they carry type 0xDA7A, whose tokens are shown with public metadata
(draft-ietf-privacypass-public-metadata-issuance; `privacy_pass_extensions` says what metadata looks like).
"""

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
from idverify.formats.tls import Reader, vector
from idverify.scheme import Json

SPEC = "RFC 9576, RFC 9577, RFC 9578 (June 2024)"
METADATA_SPEC = "draft-ietf-privacypass-public-metadata-issuance-02"
TOKEN_TYPE = 0x0002
METADATA_TYPE = 0xDA7A
TOKEN_TYPES = (TOKEN_TYPE, METADATA_TYPE)
KEY_SIZE = 256
"""Nk of RFC 9578 section 8.2.2: the bytes of an RSA-2048 modulus."""
TOKEN_SIZE = 98 + KEY_SIZE
"""Of a Token struct, in bytes."""
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
        reader = Reader(data, "token challenge")
        token_type = reader.number(2)
        issuer, context, origin = (reader.take(reader.number(n)) for n in (2, 1, 2))
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
    """What a wallet shows, with the metadata that its type has.

    struct {
        uint16_t token_type;
        uint8_t nonce[32];
        uint8_t challenge_digest[32];
        uint8_t token_key_id[32];
        uint8_t authenticator[Nk];
    } Token;

    `extensions` is the encoded Extensions structure of type 0xDA7A: no part of the struct, but written after it here.
    """

    nonce: bytes
    challenge_digest: bytes
    token_key_id: bytes
    authenticator: bytes = field(default=b"", repr=False)
    token_type: int = TOKEN_TYPE
    extensions: bytes = b""

    @property
    def input(self) -> bytes:
        """What the authenticator signs: everything before it."""
        return self.token_type.to_bytes(2) + self.nonce + self.challenge_digest + self.token_key_id

    def encode(self) -> bytes:
        return self.input + self.authenticator + self.extensions

    @classmethod
    def decode(cls, data: bytes) -> Token:
        """Raises BadMessage for another type or length."""
        reader = Reader(data, "token")
        token_type = _token_type(reader)
        nonce, digest, key = (reader.take(32) for _ in range(3))
        token = cls(nonce, digest, key, reader.take(KEY_SIZE), token_type, _extensions(reader, token_type))
        reader.end()
        return token


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a wallet sends to the issuer; type 0xDA7A as ExtendedTokenRequest, with its Extensions structure.

    struct {
        uint16_t token_type = 0x0002;
        uint8_t truncated_token_key_id;
        uint8_t blinded_msg[Nk];
    } TokenRequest;

    struct {
        TokenRequest request;
        Extensions extensions;
    } ExtendedTokenRequest;
    """

    truncated_key_id: int
    blinded: bytes
    token_type: int = TOKEN_TYPE
    extensions: bytes = b""

    def encode(self) -> bytes:
        return self.token_type.to_bytes(2) + self.truncated_key_id.to_bytes(1) + self.blinded + self.extensions

    @classmethod
    def decode(cls, data: bytes) -> TokenRequest:
        """Raises BadMessage for another type or length."""
        reader = Reader(data, "token request")
        request = cls.take(reader)
        reader.end()
        return request

    @classmethod
    def take(cls, reader: Reader) -> TokenRequest:
        """The request at the front of a longer message. Raises BadMessage."""
        token_type = _token_type(reader)
        return cls(reader.number(1), reader.take(KEY_SIZE), token_type, _extensions(reader, token_type))


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
    # Possessive, so that a header of nothing but spaces takes linear time.
    r'\s*+,?+\s*+(?:(PrivateToken)\s++)?+([A-Za-z0-9_-]++)\s*+=\s*+(?:"([^"\\]*+)"|([A-Za-z0-9_.~+/=-]++))',
    re.I,
)
_SHOWN = re.compile(
    r'(token|extensions)[ \t]*=[ \t]*(?:"([A-Za-z0-9_=-]*)"|([A-Za-z0-9_=-]+))[ \t]*(?:,[ \t]*(?=[te])|$)', re.I
)


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


def authorization(shown: bytes) -> str:
    """The Authorization value that shows an encoded Token (RFC 9577 section 2.2), with its extensions if it has any.

    The parameter `extensions` is of draft-ietf-privacypass-auth-scheme-extensions section 3.
    """
    token, extensions = shown[:TOKEN_SIZE], shown[TOKEN_SIZE:]
    more = f', extensions="{encode_padded(extensions)}"' if extensions else ""
    return f'PrivateToken token="{encode_padded(token)}"{more}'


def parse_authorization(value: str) -> bytes:
    """The Token in `PrivateToken token="…"[, extensions="…"]`, as `Token.encode` writes it. Raises BadMessage."""
    scheme, _, rest = value.partition(" ")
    found: dict[str, bytes] = {}
    rest, position = rest.lstrip(" \t"), 0
    if len(value) < 2000 and "\n" not in value and scheme.lower() == "privatetoken":
        while match := _SHOWN.match(rest, position):
            name = match[1].lower()
            if name in found:
                raise BadMessage(f"the Authorization header has {name} twice")
            found[name] = decode_padded(match[3] if match[2] is None else match[2], name)
            position = match.end()
    if "token" not in found or position != len(rest):
        raise BadMessage('the Authorization header is not PrivateToken token="…"')
    token, extensions = found["token"], found.get("extensions", b"")
    if extensions and len(token) != TOKEN_SIZE:
        raise BadMessage(f"the token has {len(token)} bytes, one with extensions {TOKEN_SIZE}")
    return token + extensions


@dataclass(frozen=True, slots=True)
class DirectoryKey:
    """A key of an issuer directory; `ages` says what its tokens can prove."""

    spki: bytes
    token_type: int = TOKEN_TYPE
    ages: tuple[int, ...] = ()


def directory(keys: Sequence[DirectoryKey], *, request_uri: str) -> bytes:
    """The issuer directory (RFC 9578 section 4); an `age`, or several, beside a key says what its tokens prove."""
    listed: list[Json] = []
    for key in keys:
        entry: dict[str, Json] = {"token-type": key.token_type, "token-key": encode_padded(key.spki)}
        ages: dict[str, Json] = {"age": key.ages[0]} if len(key.ages) == 1 else {"ages": key.ages}
        listed.append(entry | (ages if key.ages else {}))
    return write_json({"issuer-request-uri": request_uri, "token-keys": listed})


def parse_directory(document: bytes, token_type: int = TOKEN_TYPE) -> tuple[str, list[bytes]]:
    """The request URI and the keys of one type in an issuer directory. Raises BadMessage."""
    value: JsonObject = read_object(document, "issuer directory")
    uri, listed = value.get("issuer-request-uri"), value.get("token-keys")
    if not isinstance(uri, str) or not isinstance(listed, list):
        raise BadMessage("the issuer directory has no issuer-request-uri or no token-keys")
    keys: list[bytes] = []
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(text := entry.get("token-key"), str):
            raise BadMessage("an entry of the issuer directory has no token-key")
        if entry.get("token-type") == token_type:
            keys.append(decode_padded(text, "token key"))
    return uri, keys


def _token_type(reader: Reader) -> int:
    if (kind := reader.number(2)) not in TOKEN_TYPES:
        raise BadMessage(f"the token type is {kind:#06x}, not {' or '.join(f'{t:#06x}' for t in TOKEN_TYPES)}")
    return kind


def _extensions(reader: Reader, token_type: int) -> bytes:
    """The encoded Extensions structure, `Extension extensions<0..2^16-1>`, where the type has one."""
    return vector(reader.take(reader.number(2)), 2) if token_type == METADATA_TYPE else b""
