"""A wallet's policy in words: how its copies are used, when more are fetched, and who can connect what."""

from __future__ import annotations

from idverify.scheme import Info
from idverify.wallet.policy import Policy


def copies(left: int, shown: int, policy: Policy) -> str:
    """How many copies there are: "7 copies left of 10, 3 shown"."""
    counted = f"{left} {'copy' if left == 1 else 'copies'}"
    if policy.method in ("A", "D"):
        return f"{counted} left to be shown{f', {shown} already shown' if shown else ''}"
    return f"{counted} in use" if policy.method == "C" else f"{counted}, shown as often as you like"


def how(policy: Policy) -> str:
    """Which copy is shown to whom, in a sentence."""
    if policy.method == "A":
        again = (
            "" if not policy.reusable else ", and shown again only where none is left and the issuer does not answer"
        )
        return f"Each copy is shown once{again} (method A)."
    if policy.method == "B":
        until = f"for {_duration(policy.lifetime)}" if policy.lifetime else "until its issuer’s date"
        return f"One copy is shown to every platform, {until} (method B)."
    if policy.method == "C":
        return f"{policy.batch} copies take turns in random order (method C)."
    return "Each platform sees a copy of its own, the same one each time (method D)."


def when(policy: Policy) -> str:
    """When more are fetched, and what that tells, in a sentence."""
    several = policy.batch if policy.method != "B" else 1
    what = f"{several} are" if several > 1 else "one is"
    match policy.refill:
        case "just_in_time":
            return f"When none is left, {what} fetched at the moment of use: the issuer sees when that is."
        case "after_use":
            return "What was used is fetched again at once: the issuer sees when each use was."
        case "when_empty":
            return f"As soon as the last is used, {what} fetched: the issuer sees the time of that use."
        case "delayed":
            return "What was used is fetched again after a random time, which blurs when the use was."
        case "fixed_schedule":
            return f"Every {_duration(policy.interval)} {what} fetched, used or not: the time tells nothing."


def connected(policy: Policy, info: Info) -> str:
    """Whether others can connect one showing to another, in words for the person whose showings they are."""
    if info.issued == "by_holder" and "identity" in info.answers:
        return "Yes, where platforms compare: what you state names you."
    if info.issued == "by_holder":
        return "Only by the birth date you state, which many people share."
    if info.unlinkable:
        return "Not by the proof itself: it is made afresh each time. By time and network address, perhaps."
    if info.issued == "per_login":
        return "By what the answer says of you, and by the identity provider, which makes each answer."
    if policy.method == "A":
        return "Not by the proof itself: it is shown once. By time and network address, perhaps."
    if policy.method == "D":
        return "Not across platforms by the proof itself: each sees another copy. A platform knows its own copy again."
    if policy.method == "C":
        return f"Sometimes, where platforms compare: the same {policy.batch} copies come round again."
    return "Yes, where platforms compare: the same credential is shown each time."


def _duration(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds / size
            return f"{number:.3g} {name}{'' if number == 1 else 's'}"
    return f"{seconds:g} {'second' if seconds == 1 else 'seconds'}"
