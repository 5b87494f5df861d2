"""Bytes on the wire and requests to the issuer, by party and for one proof."""

from __future__ import annotations

from idverify.comparison.model import SchemeResult

SIGN_UP_STEPS = ("challenge", "present", "sign_up")
ISSUING_STEPS = ("login", "public", "issue", "refill")


def bytes_by_party(result: SchemeResult) -> dict[str, float]:
    """Bytes on the wire for one proof: with the identity provider, and with the platform; both ways.

    With the identity provider a wallet talks once for several proofs, so that is divided by their number.
    """
    steps = result.steps
    proofs = steps["present"].n if "present" in steps else 0
    own = sum(steps[n].n * (steps[n].bytes_up + steps[n].bytes_down) for n in ISSUING_STEPS if n in steps)
    platform = sum(steps[n].bytes_up + steps[n].bytes_down for n in SIGN_UP_STEPS if n in steps)
    return {"identity provider": own / proofs if proofs else 0.0, "platform": platform}


def requests_per_proof(result: SchemeResult) -> float:
    """How often the issuer was asked for credentials, for one proof to a platform."""
    steps = result.steps
    asked = sum(steps[name].n for name in ("issue", "refill") if name in steps)
    return asked / steps["present"].n if "present" in steps and steps["present"].n else 0.0
