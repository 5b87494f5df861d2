"""Answers on disk: from the process that attacks to the one that scores.

FOLDER/NUMBER.parquet has the rows (subject, candidate, confidence), FOLDER/NUMBER.json all that stands around them.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from idverify.errors import BadEnvironment
from idverify.privacy.answers import Answer, AttackerName, Evidence, Posterior, Search, ViewName


class _Head(msgspec.Struct, frozen=True):
    attack: str
    attacker: AttackerName
    coalition: tuple[str, ...]
    candidates_of: str
    targets_of: str
    pool: int
    subjects: tuple[str, ...]
    names: tuple[str, ...]
    claimed: tuple[bool, ...]
    counts: tuple[int, ...]
    pairs: tuple[str, ...]
    evidence: dict[str, tuple[Evidence, ...]]
    silent: str
    left_out: dict[str, int]
    view: ViewName = "arrived"
    search: Search | None = None


def write_answers(folder: Path, answers: list[Answer]) -> None:
    """Write all of them; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, answer in enumerate(answers):
        rows = answer.posterior
        head = _Head(
            answer.attack,
            answer.attacker,
            answer.coalition,
            answer.candidates_of,
            answer.targets_of,
            answer.pool,
            rows.subjects,
            rows.names,
            tuple(bool(c) for c in rows.claimed),
            tuple(np.diff(rows.starts).tolist()),
            answer.pairs,
            dict(answer.evidence),
            answer.silent,
            dict(answer.left_out),
            answer.view,
            answer.search,
        )
        table = pa.table({"candidate": rows.who, "confidence": rows.confidence})
        pq.write_table(table, folder / f"{number:04d}.parquet", compression="zstd")
        (folder / f"{number:04d}.json").write_bytes(msgspec.json.encode(head) + b"\n")


def read_answers(folder: Path) -> list[Answer]:
    """Read what `write_answers` wrote, in its order. Raises BadEnvironment."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            head = msgspec.json.decode(path.read_bytes(), type=_Head)
            table = pq.read_table(path.with_suffix(".parquet"))
        except (OSError, msgspec.DecodeError, pa.ArrowInvalid) as error:
            raise BadEnvironment(f"{path.name} is no answer of an attack: {error}") from error
        posterior = Posterior(
            head.subjects,
            head.names,
            np.concatenate([[0], np.cumsum(np.asarray(head.counts, dtype=np.int64))]).astype(np.int64),
            table.column("candidate").to_numpy().astype(np.int64),
            table.column("confidence").to_numpy().astype(np.float64),
            np.asarray(head.claimed, dtype=np.bool_),
        )
        found.append(
            Answer(
                head.attack,
                head.attacker,
                head.coalition,
                head.candidates_of,
                head.targets_of,
                head.pool,
                posterior,
                head.pairs,
                head.evidence,
                head.silent,
                head.left_out,
                head.view,
                head.search,
            )
        )
    return found
