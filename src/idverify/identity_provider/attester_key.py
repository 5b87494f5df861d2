"""The key with which the identity provider, as an attester, signs statements to a token issuer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from idverify.errors import BadEnvironment, BadMessage
from idverify.formats import jose, jwa
from idverify.protocols import attestation
from idverify.scheme import Json


@dataclass(frozen=True, slots=True)
class AttesterKey:
    """The statements of the attester `name` (its URL)."""

    name: str
    key: jose.PrivateKey
    kid: str

    @classmethod
    def at(cls, path: Path, *, name: str) -> AttesterKey:
        """The key in a file that is made where there is none; of processes that start at once, one makes it.

        Delete the file and start again for another key: token issuers fetch it when they see it. Raises BadEnvironment.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                _make(path)
            key = jwa.read_private(path.read_bytes(), jwa.ES256)
        except (OSError, BadMessage) as error:
            raise BadEnvironment(f"the attester's key in {path} cannot be used: {error}") from error
        return cls(name, key, jose.thumbprint(jose.public_jwk(key)))

    def document(self) -> dict[str, Json]:
        """What a token issuer needs to believe the statements."""
        return {"issuer": self.name, "keys": [jose.public_jwk(self.key) | {"kid": self.kid, "use": "sig"}]}

    def statement(self, body: bytes, *, issuer: str, now: datetime) -> str:
        """That the token issuer may sign what `body` asks for."""
        return attestation.statement(self.key, self.kid, attester=self.name, issuer=issuer, body=body, now=now)


def _make(path: Path) -> None:
    partial = path.with_suffix(f".partial-{os.getpid()}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(jwa.write_private(jwa.ES256.new_key()))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(partial, path)  # fails where another process was first: its key is everybody's
    except FileExistsError:
        pass
    finally:
        partial.unlink()
