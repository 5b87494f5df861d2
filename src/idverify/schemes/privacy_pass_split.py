"""Privacy Pass with attester and issuer apart: who knows the person holds no key (RFC 9576 section 4.4)."""

from __future__ import annotations

from dataclasses import replace

from idverify.formats import token_keys
from idverify.schemes import privacy_pass
from idverify.schemes._tokens import TokenAttester

INFO = replace(
    privacy_pass.INFO,
    name="privacy_pass_split",
    title="Privacy Pass token, attester and issuer apart",
    parties=("token_issuer",),
    keys_at="token_issuer",
    learns={
        "identity provider": "that the person takes a token of an age band, not for which platform",
        "token issuer": "that somebody takes a token of an age band; not who, and not for which platform",
        "platform": "the age band",
    },
)


class PrivacyPassSplit(privacy_pass.PrivacyPass):
    """The messages of `privacy_pass`; the identity provider attests, the token issuer signs."""

    def __init__(self) -> None:
        super().__init__(INFO)

    def attester(self, public: bytes) -> TokenAttester:
        return TokenAttester(self._kind, token_keys.read_of_type(public, self._kind.token_type))
