"""The table of parties as data: which party writes which exchange into its ledger, and what stands in it.

A template is the decoded form of a message, as `ledger.decode` names its leaves, in JSON. `<scope.tag.length>` is an
opaque text of that many base64url characters, the same wherever scope and tag are: scope `cred` for one credential,
`login` for one login, `issue` for one issuance, `person`, `pair` for one person at one platform, and `key` for one key
of the issuer. All other names in angle brackets are columns of `columns.py`. What stands between `[[` and `]]` comes
once for each credential of a batch, as a list where there are several. Texts longer than 43 characters are cut to that,
256 bits; sizes are those of the real messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from idverify.errors import BadUsage

When: TypeAlias = Literal["issuance", "request", "login", "opening"]
"""At each issuance; at the issuance that belongs to a login; at each login; where a sealed identity is opened."""
Subject: TypeAlias = Literal["person", "account", "none"]

ISSUER: Final = "identity_provider"
PLATFORM: Final = "platform"
"""Stands for platform_a and platform_b."""
ISSUE_ROUTE: Final = "/api/issue/{scheme}"
SHOW_ROUTE: Final = "/api/presentations/{id_}"
ATTEST_ROUTE: Final = "/api/attest"
CHECK_ROUTE: Final = "/api/phones"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One line of one party's ledger for each issuance or login. `peer` is who is on the other side."""

    party: str
    when: When
    route: str
    received: str
    sent: str
    subject: Subject
    sizes: tuple[int, int]  # bytes of the bodies, of the real messages; for a batch of one
    peer: Literal["user", "party"] = "user"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `shares` says what the coalitions have in common, in the table's words."""

    name: str
    shares: str
    exchanges: tuple[Exchange, ...]
    per_login: bool = False  # the issuer is asked in every login and hears for whom
    single_use: bool = False

    @property
    def slug(self) -> str:
        """The name in paths and in the ledgers' member `scheme`."""
        return self.name.replace(",", "").replace(" ", "_")

    @property
    def has_status(self) -> bool:
        """Whether a credential names an entry of a status list."""
        return any("<status>" in exchange.received + exchange.sent for exchange in self.exchanges)

    @property
    def can_be_opened(self) -> bool:
        """Whether somebody can open the sealed identity."""
        return any(exchange.when == "opening" for exchange in self.exchanges)

    @property
    def parties(self) -> tuple[str, ...]:
        """Who keeps a ledger, platforms as `platform`."""
        return tuple(dict.fromkeys(exchange.party for exchange in self.exchanges))


_ANSWER = (
    '{"code":"[redacted]","proven":{"over":16,"one_account":<flag>},'
    '"continue_at":"<audience>/sign-up/finish?id=<flow>&code=<login.code.43>"}'
)
_ASKED = '{"audience":"<audience>","nonce":"<login.nonce.43>"}'
_HEADER = '{"alg":"ES256","typ":"<typ>","kid":"<key.kid.43>"}'


def _show(shown: str, size: int, *, account: bool = False) -> Exchange:
    answer = _ANSWER.replace("<flag>", "true" if account else "false")
    return Exchange(PLATFORM, "login", SHOW_ROUTE, shown, answer, "account", (size, 280))


def _issue(received: str, sent: str, sizes: tuple[int, int], *, when: When = "issuance") -> Exchange:
    return Exchange(ISSUER, when, ISSUE_ROUTE, received, sent, "person", sizes)


def _signed(typ: str, payload: str) -> str:
    header = _HEADER.replace("<typ>", typ)
    return f'{{"header":{header},"payload":{{{payload}}},"signature":"<cred.signature.86>"}}'


def _per_login(name: str, shares: str, payload: str, *, typ: str, size: int, account: bool = True) -> Row:
    """A token that the issuer makes for one question of one platform."""
    token = _signed(
        typ,
        '"iss":"<issuer>","aud":"<audience>","nonce":"<login.nonce.43>","iat":<iat>,"exp":<iat+600>,'
        f'"jti":"<cred.jti.22>",{payload}',
    )
    exchanges = (_issue(_ASKED, token, (91, size), when="request"), _show(token, size, account=account))
    return Row(name, shares, exchanges, per_login=True)


_REAL_NAME = _per_login(
    "real name",
    "the ID number",
    '"name":"<name>","id_number":"<id>","birth_date":"<born>"',
    typ="real-name+jwt",
    size=558,
)
_HASHED = _per_login(
    "real name, hashed",
    "the hash of the ID number, which can be enumerated",
    '"birth_date":"<born>","id_hash":"<id-sha256>"',
    typ="hashed-id+jwt",
    size=520,
)
_PUBLIC_SUB = _per_login("sub, public", "the sub", '"sub":"<person.sub.22>"', typ="JWT", size=480)
_PAIRWISE_SUB = _per_login(
    "sub, pairwise", "nothing between platforms; the issuer can map", '"sub":"<pair.sub.43>"', typ="JWT", size=500
)

_DECLARED = Row(
    "declared",
    "nothing",
    (_show('{"audience":"<audience>","nonce":"<login.nonce.43>","birth_date":"<born>"}', 117),),
)
_PHONE = Row(
    "phone",
    "the phone number",
    (
        Exchange(
            "telecom",
            "request",
            CHECK_ROUTE,
            '{"audience":"<audience>","phone":"<phone>"}',
            '{"sent":true}',
            "person",
            (64, 13),
            peer="party",
        ),
        _show('{"phone":"<phone>","name":"<name>","birth_date":"<born>"}', 96, account=True),
    ),
)

_KEY = '{"kty":"EC","crv":"P-256","x":"<cred.x.43>","y":"<cred.y.43>"}'
_SD_ISSUED = _signed(
    "dc+sd-jwt",
    '"iss":"<issuer>","vct":"urn:idverify:person:1","iat":<iat>,"exp":<iat+7776000>,'
    f'"cnf":{{"jwk":{_KEY}}},<status>"age_equal_or_over":{{"_sd":["<cred.sd0.43>","<cred.sd1.43>"]}},'
    '"_sd":["<cred.sd2.43>","<cred.sd3.43>"],"_sd_alg":"sha-256"',
)
_SD_SHOWN = (
    '{"text":"<cred.disclosure.43>","digest":"<cred.sd0.43>","value":["<cred.salt.22>","16",true]}',
    '{"header":{"alg":"ES256","typ":"kb+jwt"},"payload":{"nonce":"<login.nonce.43>","aud":"<audience>",'
    '"iat":<now>,"sd_hash":"<login.sdhash.43>"},"signature":"<login.signature.86>"}',
)
_PROOF_OF_KEY = (
    f'{{"header":{{"alg":"ES256","typ":"openid4vci-proof+jwt","jwk":{_KEY}}},'
    '"payload":{"aud":"<issuer>","iat":<now>},"signature":"<cred.proof.86>"}'
)
_SD_JWT = Row(
    "selective disclosure",
    "signature, key and status index of each credential",
    (
        _issue(
            f"[[{_PROOF_OF_KEY}]]",
            f'[[{{"issued":{_SD_ISSUED},"disclosures":[{_SD_SHOWN[0]}],"binding":""}}]]',
            (390, 1769),
        ),
        _show(f'{{"issued":{_SD_ISSUED},"disclosures":[{_SD_SHOWN[0]}],"binding":{_SD_SHOWN[1]}}}', 1599),
    ),
)
_MDOC_SIGNED = (
    '"issuerAuth":{"payload":{"value":{"docType":"eu.europa.ec.av.1","version":"1.0",'
    '"validityInfo":{"signed":{"value":"<iso>"}},"valueDigests":{"eu.europa.ec.av.1":{"0":"<cred.digest.43>"}},'
    '"deviceKeyInfo":{"deviceKey":{"-2":"<cred.x.43>","-3":"<cred.y.43>"}}}},"signature":"<cred.signature.86>"},'
    '"nameSpaces":{"eu.europa.ec.av.1":[{"value":{"random":"<cred.salt.43>","digestID":0,"elementValue":true,'
    '"elementIdentifier":"age_over_16"}}]}'
)
_MDOC = Row(
    "mobile document",
    "signature, key and digests of each credential",
    (
        _issue(f"[[{_PROOF_OF_KEY}]]", f'[[{{"cbor":{{{_MDOC_SIGNED}}}}}]]', (384, 2538)),
        _show(
            '{"audience":"<audience>","nonce":"<login.nonce.22>","device_response":{"cbor":{"version":"1.0","status":0,'
            '"documents":[{"docType":"eu.europa.ec.av.1","deviceSigned":{"deviceAuth":{"deviceSignature":'
            f'{{"signature":"<login.signature.86>"}}}}}},"issuerSigned":{{{_MDOC_SIGNED}}}}}]}}}}}}',
            2093,
        ),
    ),
)
_PSEUDONYM_ISSUE = _issue(
    '{"kid":"<key.kid.43>","commitment":{"C":"<issue.commitment.64>","challenge":"<issue.challenge.43>"},'
    '"tag":"<person.tag.64>"}',
    '{"kid":"<key.kid.43>","epoch":2930,"over":21,"entropy":"<person.entropy.43>",'
    '"signature":{"A":"<issue.a.64>","e":"<issue.e.43>"}}',
    (334, 254),
)
_PSEUDONYM_SHOWN = (
    '"kid":"<key.kid.43>","epoch":2930,"over":16,"audience":"<audience>","nonce":"<login.nonce.22>",'
    '"pseudonym":"<pair.pseudonym.64>",'
    '"proof":{"Abar":"<login.abar.64>","Bbar":"<login.bbar.64>","D":"<login.d.64>"}'
)
_PSEUDONYM = Row(
    "pseudonym of a hidden secret",
    "nothing; the pseudonym inside one platform",
    (_PSEUDONYM_ISSUE, _show(f"{{{_PSEUDONYM_SHOWN}}}", 934, account=True)),
)
_TOKEN_REQUEST = '{"token_type":2,"truncated_token_key_id":<key-byte>,"blinded_msg":"<cred.blinded.342>"}'
_TOKEN_ANSWER = '{"blind_signature":"<cred.blindsignature.342>"}'
_TOKEN_SHOWN = _show(
    '{"token_type":2,"nonce":"<cred.nonce.43>","challenge_digest":"<audience-digest>","token_key_id":"<key.kid.43>",'
    '"authenticator":"<cred.authenticator.342>"}',
    354,
)
_TOKENS = Row(
    "blind tokens",
    "nothing, but for timing, address and key",
    (_issue(f"[[{_TOKEN_REQUEST}]]", f"[[{_TOKEN_ANSWER}]]", (259, 256)), _TOKEN_SHOWN),
    single_use=True,
)
_SPLIT_TOKENS = Row(
    "blind tokens, split attester",
    "nothing, unless attester and platform",
    (
        Exchange(
            "attester",
            "issuance",
            ATTEST_ROUTE,
            f"[[{_TOKEN_REQUEST}]]",
            f"[[{_TOKEN_ANSWER}]]",
            "person",
            (259, 256),
        ),
        Exchange(
            "token_issuer",
            "issuance",
            "/token-request",
            f"[[{_TOKEN_REQUEST}]]",
            f"[[{_TOKEN_ANSWER}]]",
            "none",
            (259, 256),
            peer="party",
        ),
        _TOKEN_SHOWN,
    ),
    single_use=True,
)
_ESCROW = Row(
    "escrow",
    "nothing but for the openers",
    (
        _PSEUDONYM_ISSUE,
        _show(f'{{{_PSEUDONYM_SHOWN},"sealed":"<login.sealed.86>"}}', 1_320, account=True),
        Exchange(
            "opener",
            "opening",
            "/api/openings",
            '{"sealed":"<login.sealed.86>"}',
            '{"opened":true}',
            "person",
            (140, 15),
            peer="party",
        ),
    ),
)

ROWS: Final[Mapping[str, Row]] = MappingProxyType(
    {
        row.name: row
        for row in (
            _DECLARED,
            _REAL_NAME,
            _HASHED,
            _PHONE,
            _PUBLIC_SUB,
            _PAIRWISE_SUB,
            _SD_JWT,
            _MDOC,
            _PSEUDONYM,
            _TOKENS,
            _SPLIT_TOKENS,
            _ESCROW,
        )
    }
)
"""In the order of the table of parties. Batches are a setting of the scenario, not rows."""


def find_row(name: str) -> Row:
    """Raises BadUsage that lists the rows."""
    if name not in ROWS:
        raise BadUsage(f"the table of parties has no row {name!r}", hint=f"it has {'; '.join(ROWS)}")
    return ROWS[name]
