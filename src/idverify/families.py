"""The kinds of schemes: which stand together on every page, told by what their `Info` says and never by name."""

from __future__ import annotations

from idverify.scheme import Info

FAMILIES = {
    "nobody vouches": "What the person states, or shows a picture of. No issuer signs anything.",
    "issuer at each log-in": "The identity provider makes an answer for each log-in, and hears where and when it is.",
    "kept by the wallet": "A signed credential is fetched ahead and shown, as often as the wallet's policy says.",
    "blind tokens, proofs": "The issuer does not recognise what it helped to make: blind signatures and proofs.",
}
"""The kinds of schemes, each in a sentence."""


def family(info: Info) -> str:
    """Schemes of one kind stand together: by who takes part in a log-in, and what stays recognisable."""
    if not info.signed:
        return "nobody vouches"
    if info.issued == "per_login":
        return "issuer at each log-in"
    if info.unlinkable or info.issued == "ahead_per_platform":
        return "blind tokens, proofs"
    return "kept by the wallet"
