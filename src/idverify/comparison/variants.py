"""What a comparison runs: a scheme as it is, or once for each way in which wallets may reuse its credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from idverify.errors import BadUsage
from idverify.scheme import Info, Scheme
from idverify.settings import Settings
from idverify.wallet.policy import METHODS, TITLES, Method, policy_of, why_not


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the comparison: `sd_jwt_vc`, or `sd_jwt_vc:A` where wallets show each credential once."""

    info: Info
    method: Method | None = None

    @property
    def name(self) -> str:
        return f"{self.info.name}:{self.method}" if self.method else self.info.name

    @property
    def folder(self) -> str:
        """The name as a folder on every system."""
        return self.name.replace(":", "-")

    @property
    def title(self) -> str:
        return f"{self.info.title}, {TITLES[self.method]} ({self.method})" if self.method else self.info.title

    def settings(self, base: Settings) -> Settings:
        """The settings of the world in which it runs."""
        return replace(base, schemes=self.info.name, reuse=self.method or "")


def methods_in(text: str) -> tuple[Method, ...]:
    """The methods in "A,C", in the ARF's order and each once. Raises BadUsage."""
    named = {part.strip().upper() for part in text.split(",") if part.strip()}
    if unknown := sorted(named - set(METHODS)):
        raise BadUsage(f"{unknown[0][:40]!r} is no method of reuse", hint=f"the methods are {', '.join(METHODS)}")
    return tuple(method for method in METHODS if method in named)


def variants(
    names: Sequence[str], schemes: Mapping[str, Scheme], methods: Sequence[Method]
) -> tuple[list[Variant], dict[str, str]]:
    """The variants to run, and why others are left out. A scheme that no method fits runs as it is."""
    run: list[Variant] = []
    left_out: dict[str, str] = {}
    for name in names:
        info = schemes[name].info
        reasons: dict[Method, str] = {method: why_not(info, method) for method in methods}
        fitting: list[Method] = [method for method in methods if not reasons[method]]
        run += [Variant(info, method) for method in fitting] or [Variant(info)]
        if fitting:
            left_out |= {f"{name}:{method}": reason for method, reason in reasons.items() if reason}
        elif methods:
            left_out[name] = next(iter(reasons.values()))
    return run, left_out


def check(settings: Settings, chosen: Sequence[Variant]) -> None:
    """Refuse a wrong refill policy or the like before anything starts. Raises BadSetting."""
    for variant in chosen:
        policy_of(variant.info, variant.settings(settings))
