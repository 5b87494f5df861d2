"""The identity provider's keys: a folder that all its processes share, and that a rotation changes under them.

    FOLDER/SCHEME/000001.secret      one file a key epoch, mode 0600, newest = highest number
    FOLDER/../openers/SCHEME/000001  what the openers of a sealed identity take home, where a scheme has such

A file appears by fsync and rename, so that it is there whole or not at all. Whoever finds a scheme without keys makes
them while holding FOLDER/lock, so that any number of processes started at once make one key set.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from idverify.crypto.threshold_elgamal import decode_key
from idverify.errors import BadEnvironment, IdverifyError, NotFound, Unavailable
from idverify.identity_provider.list_signing import LISTS, ListSigner, ListSigning
from idverify.opening.openers import settle
from idverify.scheme import Issuer, Scheme, Sealing, merge

OPENERS = "openers"
"""The folder beside the keys: in this simulator the dealer's machine is where the openers come to fetch theirs."""
NOTICE_SECONDS = 0.25
"""How often a process looks whether the folder changed."""
TRIES = 20
"""New secrets tried until no short key identifier meets one that is in use."""


class Signer(Protocol):
    """Whoever holds a private key, with what it publishes: a JSON object with `issuer` and `keys`."""

    @property
    def public(self) -> bytes: ...


S = TypeVar("S", bound=Signer)
S_co = TypeVar("S_co", bound=Signer, covariant=True)


class Maker(Protocol[S_co]):
    """What makes private keys, and a signer of them: a scheme is one."""

    def new_secret(self) -> bytes: ...

    def issuer(self, secret: bytes, *, name: str) -> S_co: ...


@dataclass(frozen=True, slots=True)
class KeySet(Generic[S]):
    """The keys of one name at one moment: issuers newest first, and what they publish together."""

    epoch: int
    issuers: tuple[S, ...]
    public: bytes


class KeyFolder(Generic[S]):
    """Keys under several names, of an issuer that is called `issuer` (the service's URL)."""

    def __init__(self, folder: Path, makers: Mapping[str, Maker[S]], *, issuer: str) -> None:
        self._folder = folder
        self._makers = dict(makers)
        self._issuer = issuer
        self._sets: dict[str, tuple[int, KeySet[S]]] = {}
        self._made: dict[tuple[str, int], S] = {}
        self._looked: dict[str, float] = {}
        self._loading = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in self._makers:
                (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked():
                for name in self._makers:
                    if not self._epochs(name):
                        self._add(name)
            for name in self._makers:
                self._reload(name)
                self._looked[name] = time.monotonic()
        except OSError as error:
            raise BadEnvironment(f"the keys in {folder} cannot be used: {error.strerror}") from error

    @property
    def names(self) -> tuple[str, ...]:
        """What there are keys for."""
        return tuple(self._makers)

    def issuer(self, name: str) -> S:
        """The issuer with the newest keys. Raises NotFound."""
        return self._current(name).issuers[0]

    def issuers(self, name: str) -> Sequence[S]:
        """All issuers that are not retired, newest first: a wallet may have asked for a key just before a rotation."""
        return self._current(name).issuers

    def public(self, name: str) -> bytes:
        """The public document of all keys that are not retired, newest first. Raises NotFound."""
        return self._current(name).public

    def epoch(self, name: str) -> int:
        """The number of the newest key set, from 1. Raises NotFound."""
        return self._current(name).epoch

    def rotate(self, name: str) -> int:
        """Make new keys; the old ones stay valid until they are retired. Returns the new epoch."""
        self._check(name)
        with self._locked():
            epoch = self._add(name)
        self._reload(name)
        return epoch

    def retire(self, name: str) -> int:
        """Forget all keys but the newest; what they signed is worth nothing from now on. Returns how many went."""
        self._check(name)
        with self._locked():
            old = self._epochs(name)[:-1]
            for epoch in old:
                self._path(name, epoch).unlink()
            _sync_folder(self._folder / name)
        self._reload(name)
        return len(old)

    def _check(self, name: str) -> None:
        if name not in self._makers:
            raise NotFound(f"there are no keys for {name[:40]!r}", hint=f"there are some for {', '.join(self.names)}")

    def _current(self, name: str) -> KeySet[S]:
        self._check(name)
        now = time.monotonic()
        if now - self._looked[name] >= NOTICE_SECONDS:
            self._looked[name] = now
            with suppress(OSError):  # a folder that cannot be read now: the known keys go on working
                stamp = (self._folder / name).stat().st_mtime_ns
                if stamp != self._sets[name][0] and not self._loading.locked():
                    # Reading private keys takes tenths of a second, so the old set serves until the new one is ready.
                    threading.Thread(target=self._reload, args=(name,), name="keys", daemon=True).start()
        return self._sets[name][1]

    def _reload(self, name: str) -> None:
        """Read the folder. A folder in a state that cannot be used leaves the known keys in place."""
        with self._loading:
            stamp = (self._folder / name).stat().st_mtime_ns
            try:
                self._sets[name] = (stamp, self._load(name))
            except (OSError, IdverifyError, ValueError) as error:
                if name not in self._sets:
                    raise BadEnvironment(f"the keys of {name} in {self._folder} cannot be used: {error}") from error
                print(f"the new keys of {name} cannot be used: {error}", file=sys.stderr, flush=True)

    def _load(self, name: str) -> KeySet[S]:
        epochs = self._epochs(name)
        if not epochs:
            raise Unavailable(f"the keys of {name} are gone")
        issuers = tuple(self._issuer_of(name, epoch) for epoch in reversed(epochs))
        self._made = {key: made for key, made in self._made.items() if key[0] != name or key[1] in epochs}
        return KeySet(epochs[-1], issuers, merge([issuer.public for issuer in issuers]))

    def _issuer_of(self, name: str, epoch: int) -> S:
        if (name, epoch) not in self._made:
            secret = self._path(name, epoch).read_bytes()
            self._made[name, epoch] = self._makers[name].issuer(secret, name=self._issuer)
        return self._made[name, epoch]

    def _add(self, name: str) -> int:
        """Make the next epoch's keys; the caller holds the lock."""
        maker, epochs = self._makers[name], self._epochs(name)
        taken = {short for epoch in epochs for short in _short_ids(self._issuer_of(name, epoch).public)}
        dealt = maker.deal() if isinstance(maker, Sealing) else None
        for _ in range(TRIES):
            secret = dealt.secret if dealt else maker.new_secret()
            if not taken & _short_ids(maker.issuer(secret, name=self._issuer).public):
                break
        else:
            raise BadEnvironment(f"no new keys of {name} fit beside those of {len(epochs)} epochs", hint="retire them")
        epoch = (epochs[-1] if epochs else 0) + 1
        if dealt:
            settle(
                self._folder.parent / OPENERS / name / f"{epoch:06d}",
                decode_key(dealt.openers_key),
                shares=dealt.shares,
                witness=dealt.witness,
            )
        _write_whole(self._path(name, epoch), secret)
        return epoch

    def _epochs(self, name: str) -> list[int]:
        """The epochs that have keys, oldest first."""
        return sorted(int(path.stem) for path in (self._folder / name).glob("*.secret") if path.stem.isdigit())

    def _path(self, name: str, epoch: int) -> Path:
        return self._folder / name / f"{epoch:06d}.secret"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


class KeyStore(KeyFolder[Issuer]):
    """Keys of every scheme that is issued here, and beside them those that sign status lists."""

    def __init__(self, folder: Path, schemes: Mapping[str, Scheme], *, issuer: str) -> None:
        super().__init__(folder, {n: s for n, s in schemes.items() if s.info.issued != "by_holder"}, issuer=issuer)
        self.lists: KeyFolder[ListSigner] = KeyFolder(folder, {LISTS: ListSigning()}, issuer=issuer)


def _short_ids(public: bytes) -> set[int]:
    """The identifiers that are one byte on the wire, the last of the whole `kid`, and so must not meet.

    Only token keys have them (RFC 9578 section 4).
    """
    kids = [key["kid"] for key in json.loads(public)["keys"] if "token_key" in key]
    return {base64.urlsafe_b64decode(kid + "=" * (-len(kid) % 4))[-1] for kid in kids}


def _write_whole(path: Path, data: bytes) -> None:
    partial = path.with_suffix(f".partial-{os.getpid()}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with memoryview(data) as rest:
            written = 0
            while written < len(data):
                written += os.write(file, rest[written:])
        os.fsync(file)
    finally:
        os.close(file)
    partial.rename(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
