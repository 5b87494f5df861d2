"""An opening tried out on a copy of the openers: whether a quorum is needed, and whether it leaves a trace.

Everything happens in a temporary folder, so that the run's own audit log stays as it is.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from idverify.comparison.seals import openers_in, seals
from idverify.crypto.threshold_elgamal import Seal
from idverify.errors import BadUsage
from idverify.opening.audit import AuditLog, Tampered
from idverify.opening.openers import OFFICE, Openers, digest, give, load_openers, open_seal
from idverify.outcomes.unmasking import Drill

REQUEST = {"platform": "platform_a", "ground": "a drill after the load", "by": "the comparison"}


def drill(world: Path, *, platform: str) -> Drill | None:
    """Try the openers of a world on the seal of one account; None where there are no openers or no seal.

    Raises BadEnvironment where their files are broken.
    """
    found = next(seals(world, platform, openers_in(world)), None) if (world / "openers").is_dir() else None
    if found is None:
        return None
    _, (openers, seal) = found
    with TemporaryDirectory(prefix="idverify-drill-") as folder:
        copy = Path(folder) / "openers"
        shutil.copytree(openers.folder, copy)
        return _tried(load_openers(copy), seal, aside=Path(folder))


def _tried(openers: Openers, seal: Seal, *, aside: Path) -> Drill:
    # (1) one too few  (2) an entry outside the log  (3) a quorum  (4) the entry is taken out afterwards
    quorum, now = openers.names[: openers.key.threshold], datetime.now(timezone.utc)
    try:
        open_seal(openers, seal, by=quorum[:-1], request=REQUEST, now=now)  # (1)
        too_few = False
    except BadUsage:
        too_few = not openers.entries()
    before = len(openers.entries())
    opened = open_seal(openers, seal, by=quorum, request=REQUEST, now=now)  # (3)
    recorded = len(openers.entries()) == before + 1
    unrecorded = _unrecorded_refused(openers, seal, aside=aside)  # (2): needs a log to be missing from
    lines = openers.log.read_bytes().splitlines(keepends=True)
    openers.log.write_bytes(b"".join(lines[:-1]))  # (4)
    try:
        openers.entries()
        noticed = False
    except Tampered:
        noticed = True
    return Drill(
        opened=recorded and len(opened.openers) == len(quorum),
        too_few_refused=too_few,
        unrecorded_refused=unrecorded,
        cut_noticed=noticed,
    )


def _unrecorded_refused(openers: Openers, seal: Seal, *, aside: Path) -> bool:
    """An audit office that signs an entry in a log of its own: no opener may act on it."""
    key = Ed25519PrivateKey.from_private_bytes((openers.folder / f"{OFFICE}.key").read_bytes())
    covert = {**REQUEST, "ground": "none that anybody may read", "seal": digest(seal)}
    entry = AuditLog(aside / "apart.jsonl", key).append(covert, now=datetime.now(timezone.utc))
    try:
        give(openers, openers.names[0], seal, entry.line)
    except Tampered:
        return True
    return False
