"""Answers on disk: from the process that attacks to the one that scores.

FOLDER/answers.jsonl has a line for each answer, with the number of its posterior: many answers say the very same.
FOLDER/NUMBER.parquet has a posterior's rows (candidate, confidence), FOLDER/NUMBER.json all that stands around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from idverify.errors import BadEnvironment
from idverify.privacy.answers import Answer, AttackerName, Evidence, Posterior, Search, ViewName

ANSWERS = "answers.jsonl"


class _Rows(msgspec.Struct, frozen=True):
    subjects: tuple[str, ...]
    names: tuple[str, ...]
    claimed: tuple[bool, ...]
    counts: tuple[int, ...]


class _Head(msgspec.Struct, frozen=True):
    attack: str
    attacker: AttackerName
    coalition: tuple[str, ...]
    candidates_of: str
    targets_of: str
    pool: int
    posterior: int
    pairs: tuple[str, ...]
    evidence: dict[str, tuple[Evidence, ...]]
    silent: str
    left_out: dict[str, int]
    view: ViewName = "arrived"
    search: Search | None = None


def write_answers(folder: Path, answers: Sequence[Answer]) -> None:
    """Write all of them; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers: dict[bytes, int] = {}
    heads = []
    for answer in answers:
        new = len(numbers)
        number = numbers.setdefault(_digest(answer.posterior), new)
        if number == new:
            _write_rows(folder / f"{number:04d}.parquet", answer.posterior)
        heads.append(
            _Head(
                answer.attack,
                answer.attacker,
                answer.coalition,
                answer.candidates_of,
                answer.targets_of,
                answer.pool,
                number,
                answer.pairs,
                dict(answer.evidence),
                answer.silent,
                dict(answer.left_out),
                answer.view,
                answer.search,
            )
        )
    lines = b"".join(msgspec.json.encode(head) + b"\n" for head in heads)
    (folder / ANSWERS).write_bytes(lines)


def _digest(rows: Posterior) -> bytes:
    """The same for posteriors that say the same."""
    found = blake2b(msgspec.json.encode((rows.subjects, rows.names, rows.counts.tolist())))
    for part in (rows.who, rows.confidence, rows.claimed):
        found.update(part.tobytes())
    return found.digest()


def _write_rows(place: Path, rows: Posterior) -> None:
    table = pa.table({"candidate": rows.who, "confidence": rows.confidence})
    pq.write_table(table, place, compression="zstd")
    around = _Rows(rows.subjects, rows.names, tuple(rows.claimed.tolist()), tuple(rows.counts.tolist()))
    place.with_suffix(".json").write_bytes(msgspec.json.encode(around) + b"\n")


def read_answers(folder: Path) -> list[Answer]:
    """Read what `write_answers` wrote, in its order. Raises BadEnvironment."""
    path = folder / ANSWERS
    try:
        heads = [msgspec.json.decode(line, type=_Head) for line in path.read_bytes().splitlines()]
    except (OSError, msgspec.DecodeError) as error:
        raise BadEnvironment(f"{path.name} are no answers of attacks: {error}") from error
    posteriors = {number: _read_rows(folder / f"{number:04d}.parquet") for number in {h.posterior for h in heads}}
    return [
        Answer(
            head.attack,
            head.attacker,
            head.coalition,
            head.candidates_of,
            head.targets_of,
            head.pool,
            posteriors[head.posterior],
            head.pairs,
            head.evidence,
            head.silent,
            head.left_out,
            head.view,
            head.search,
        )
        for head in heads
    ]


def _read_rows(place: Path) -> Posterior:
    try:
        around = msgspec.json.decode(place.with_suffix(".json").read_bytes(), type=_Rows)
        table = pq.read_table(place)
    except (OSError, msgspec.DecodeError, pa.ArrowInvalid) as error:
        raise BadEnvironment(f"{place.name} is no posterior of an attack: {error}") from error
    return Posterior(
        around.subjects,
        around.names,
        np.concatenate([[0], np.cumsum(np.asarray(around.counts, dtype=np.int64))]).astype(np.int64),
        table.column("candidate").to_numpy().astype(np.int64),
        table.column("confidence").to_numpy().astype(np.float64),
        np.asarray(around.claimed, dtype=np.bool_),
    )
