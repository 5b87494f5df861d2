"""Keys made once for a whole run: making them takes seconds, and most tests only need some."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from idverify.scheme import Issuer
from idverify.schemes import SCHEMES


@cache
def secret(scheme: str, number: int = 0) -> bytes:
    """A secret of a scheme, the same one for everybody who asks for this number."""
    return SCHEMES[scheme].new_secret()


def issuer(scheme: str, number: int = 0, *, name: str) -> Issuer:
    """An issuer that is called `name`, with the secret of this number."""
    return SCHEMES[scheme].issuer(secret(scheme, number), name=name)


def lend(folder: Path) -> Path:
    """Put the token keys, which alone take long to make, where a world in this folder would make its own."""
    for name, scheme in SCHEMES.items():
        if scheme.info.rationed:
            own = folder / ("token_keys" if scheme.info.keys_at else "keys") / name
            own.mkdir(parents=True, mode=0o700)
            (own / "000001.secret").write_bytes(secret(name))
    return folder
