"""The platform as a Privacy Pass origin: clients that know nothing of our API but RFC 9577."""

from __future__ import annotations

from idverify.errors import BadMessage, CannotAnswer, NotFound, NotProven, Unavailable
from idverify.protocols import privacy_pass
from idverify.scheme import Scheme
from idverify.social_platform.issuers import Issuers
from idverify.social_platform.proofs import Proofs


class PrivateTokens:
    """Asks for tokens of whichever offered scheme has keys for them."""

    def __init__(self, proofs: Proofs, issuers: Issuers) -> None:
        self._proofs = proofs
        self._issuers = issuers

    async def header(self, scheme: Scheme, *, action: str = "sign_up", group: str = "") -> str | None:
        """The WWW-Authenticate value that asks for a token, or None where this scheme has none."""
        if scheme.info.binds_nonce or not scheme.info.signed:
            return None  # a token is made for an origin, not for one question
        try:
            over = self._proofs.question(scheme, action, group_id=group).over
            public = await self._issuers.public(scheme)
            return privacy_pass.challenge_header(public, self._proofs.origin, over=over)
        except (BadMessage, CannotAnswer, NotProven, Unavailable):
            return None

    async def challenge(self) -> str | None:
        """The WWW-Authenticate value of the sign-up, or None where no offered scheme has tokens."""
        for scheme in self._proofs.schemes.values():
            if header := await self.header(scheme):
                return header
        return None

    async def scheme(self, token: bytes) -> str:
        """The name of the offered scheme whose key the token names, else the first one. Raises NotFound."""
        first = ""
        for name, scheme in self._proofs.schemes.items():
            if await self.header(scheme):
                first = first or name
                if privacy_pass.is_shown(await self._issuers.public(scheme), token):
                    return name
        if not first:
            raise NotFound("this platform takes no private tokens")
        return first
