"""The attack as a process of its own: it gets a folder of ledgers and what is public, and nothing else.

python -m idverify.privacy.attack LEDGERS --coalition identity_provider,platform_a --out guesses.csv
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from idverify.errors import BadEnvironment, BadUsage, IdverifyError, Unusable
from idverify.ledger_decode import Record, decode
from idverify.privacy.exact_join import NAME, Answer, exact_join
from idverify.scheme import Scheme


def ledger_files(folder: Path, party: str) -> list[Path]:
    """The files of one party: PARTY.jsonl, or PARTY-PID.jsonl for each of its worker processes."""
    files = sorted({*folder.glob(f"{party}.jsonl"), *folder.glob(f"{party}-*.jsonl")})
    if not files:
        raise BadEnvironment(
            f"{folder.name} has no ledger of {party}", hint="name a party whose ledger is there: PARTY.jsonl"
        )
    return files


def read_ledger(folder: Path, party: str, schemes: Mapping[str, Scheme]) -> Iterator[Record]:
    """All records of one party, decoded; its worker processes are one party."""

    def lines() -> Iterator[bytes]:
        for path in ledger_files(folder, party):
            with path.open("rb") as file:
                yield from file

    return decode(lines(), schemes)


def subjects_in(folder: Path, party: str) -> set[str]:
    """The subjects that a party's ledger names."""
    return {record.subject for record in read_ledger(folder, party, {}) if record.subject}


def write_answer(path: Path, answer: Answer) -> None:
    """The guesses as CSV, and beside it, as NAME.pairs.json, the field pairs that gave them away."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["subject_1", "subject_2", "weight", "pairs"])
        for guess in answer.guesses:
            writer.writerow([guess.first, guess.second, guess.weight, "; ".join(guess.pairs)])
    pairs = [
        {"first": p.first, "second": p.second, "joins": p.joins, "one_to_one": p.one_to_one, "expected": p.expected}
        for p in sorted(answer.pairs, key=lambda p: (-p.one_to_one, p.first, p.second))
    ]
    document = {"attack": NAME, "subjects": list(answer.subjects), "pairs": pairs}
    path.with_suffix(".pairs.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def attack(folder: Path, coalition: Sequence[str], *, schemes: Mapping[str, Scheme]) -> Answer:
    """Join the ledgers of two parties in `folder`; the subjects of the last-named are guessed."""
    if len(coalition) != 2 or coalition[0] == coalition[1]:
        raise BadUsage(
            f"a coalition of {len(coalition)} parties", hint="name two different ones: identity_provider,platform_a"
        )
    first, second = (read_ledger(folder, party, schemes) for party in coalition)
    return exact_join(first, second)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the attack; exit code 0, or 2 and 3 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m idverify.privacy.attack", description=__doc__)
    parser.add_argument("ledgers", type=Path, help="the folder with PARTY.jsonl files")
    parser.add_argument("--coalition", required=True, help="two parties, with a comma")
    parser.add_argument("--schemes", default="all", help="whose messages to decode, with commas; all by default")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    options = parser.parse_args(arguments)
    from idverify.schemes import SCHEMES

    try:
        wanted = list(SCHEMES) if options.schemes == "all" else options.schemes.split(",")
        if unknown := [name for name in wanted if name not in SCHEMES]:
            raise BadUsage(f"{unknown[0]!r} is no scheme", hint=f"the schemes are {', '.join(SCHEMES)}")
        schemes = {name: SCHEMES[name] for name in wanted}
        write_answer(options.out, attack(options.ledgers, options.coalition.split(","), schemes=schemes))
    except IdverifyError as error:
        print(f"{error.message}. {error.hint}".rstrip(), file=sys.stderr)
        return error.exit_code if isinstance(error, Unusable) else 3
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
