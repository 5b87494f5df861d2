"""The attacks as a process of their own: it gets a folder of ledgers and what is public, and nothing else.

python -m idverify.privacy.attack LEDGERS --coalition identity_provider,platform_a --answers FOLDER
python -m idverify.privacy.attack LEDGERS --coalition identity_provider,platform_a --out guesses.csv

The first writes the whole answer of each attack, the second the best guesses of the exact join as CSV.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec

from idverify.errors import BadUsage, IdverifyError, Unusable
from idverify.privacy.answers import ATTACKERS, Answer, AttackerName, ViewName
from idverify.privacy.attacks import ALIKE, ATTACKS, INDIFFERENT, WITH_HELPERS
from idverify.privacy.attacks.exact_join import NAME, field_pairs
from idverify.privacy.engine import engine
from idverify.privacy.explaining import explained
from idverify.privacy.guard import confine
from idverify.privacy.public import blinded, read_public
from idverify.privacy.stored import write_answers
from idverify.privacy.tables import FOLDER as CLOSED
from idverify.privacy.tables import close, is_closed, ledger_files, parties_in, read_left_out
from idverify.privacy.training import learn
from idverify.privacy.view import HASHES, Cut, View, coalition_of
from idverify.scheme import Scheme

if TYPE_CHECKING:
    from idverify.privacy.compiled import Written
    from idverify.privacy.engine import Engine
    from idverify.privacy.hashes import Hashed


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the attacks are asked to do. `attacks` empty: all of them. `at`: seconds since 1970."""

    attackers: tuple[AttackerName, ...] = ("policy",)
    attacks: tuple[str, ...] = ()
    view: ViewName = "arrived"
    at: float | None = None
    engine: str = "duckdb"
    threads: int = 0  # of DuckDB; 0: one for each processor
    shadow: Path | None = None
    hashes: int = HASHES
    explain: str = ""  # the target whose evidence is wanted; `best`: each attack's surest


@dataclass(frozen=True, slots=True)
class Known:
    """What attacks work out that is of no ledger, and that the next may know already: each adds to it."""

    written: Written = field(default_factory=dict)  # the SQL of questions without their texts (`compiled`)
    hashed: Hashed = field(default_factory=dict)  # hashes of all ID numbers that begin alike


def ledgers_of(folder: Path) -> Path:
    """The folder with the PARTY.jsonl files: this one, or `ledgers` in it."""
    inner = folder / "ledgers"
    return inner if inner.is_dir() else folder


def attack(
    folder: Path,
    coalition: Sequence[str],
    *,
    attacker: AttackerName = "policy",
    attacks: Sequence[str] = (),
    schemes: Mapping[str, Scheme] | None = None,
    asked: Asked | None = None,
) -> list[Answer]:
    """Attack the ledgers in `folder`; one answer for each attack. Raises BadUsage and BadEnvironment.

    `asked` says more than `attacker` and `attacks` do, and overrules them.
    """
    what = asked or Asked(attackers=(attacker,), attacks=tuple(attacks))
    with Attacking(folder, what, schemes=schemes) as running:
        return running.answers(coalition)


class Attacking:
    """Ledgers that are closed once, for the attacks of one coalition after the other."""

    def __init__(
        self,
        folder: Path,
        asked: Asked,
        *,
        schemes: Mapping[str, Scheme] | None = None,
        known: Known | None = None,
    ) -> None:
        if unknown := [name for name in asked.attacks if name not in ATTACKS]:
            raise BadUsage(f"{unknown[0]!r} is no attack", hint=f"the attacks are {', '.join(ATTACKS)}")
        self.asked = asked
        self.ledgers = ledgers_of(folder)
        self.public = read_public(self.ledgers)
        self._schemes = schemes
        self._known = known or Known()
        if "trained" in asked.attackers and asked.shadow is None and len(asked.attackers) == 1:
            raise BadUsage("the trained attacker has nothing to train on", hint="name a world of another seed: shadow")
        self._stack = ExitStack()
        self._engine: Engine | None = None
        self._closed = Path()
        self._said: dict[str, Answer] = {}
        self._pairs: dict[tuple[object, ...], dict[str, Answer]] = {}
        self._shared: dict[tuple[Path, Cut], dict[tuple[str, ...], object]] = {}
        self._expected: dict[ViewName, list[tuple[str, ...]]] = {}
        self._places: dict[tuple[Path, tuple[str, ...]], Path] = {}

    def __enter__(self) -> Attacking:
        self._engine = self._stack.enter_context(
            engine(self.asked.engine, threads=self.asked.threads, written=self._known.written)
        )
        self._closed = Path(self._stack.enter_context(TemporaryDirectory(prefix="idverify-closed-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def expect(self, coalitions: Sequence[Sequence[str]], *, cut: ViewName | None = None) -> None:
        """Say who will be asked about, so that what several coalitions need is looked for at once."""
        self._expected.setdefault(cut or self.asked.view, []).extend(tuple(each) for each in coalitions)

    def view(self, coalition: Sequence[str], attacker: AttackerName, *, cut: ViewName | None = None) -> View:
        """What one attacker of the coalition has before it. The trained one learns first, from the shadow world.

        It learns nothing of parties that have no ledger there. `cut` is the asked view unless something else is said.
        """
        cut = cut or self.asked.view
        found = self._view(self.ledgers, coalition, attacker, cut=cut)
        if attacker == "trained" and self.asked.shadow is not None:
            shadow = ledgers_of(self.asked.shadow)
            if set(coalition) <= set(parties(shadow)) or len(self.asked.attackers) == 1:
                lesson = self._view(shadow, coalition, "trained", cut=cut)
                truth = self.asked.shadow / "truth.jsonl"
                sides = lesson.source or "", lesson.target
                found.learned = lesson.once(("learned", *sides), lambda: learn(lesson, truth))
        return found

    def _view(self, ledgers: Path, coalition: Sequence[str], attacker: AttackerName, *, cut: ViewName) -> View:
        assert self._engine is not None
        closed = self._tables(ledgers, coalition)
        there = set(parties(ledgers))
        expected = [other for other in self._expected.get(cut, ()) if there.issuperset(other)]
        return View(
            coalition_of(coalition, parties(ledgers)),
            blinded(self.public) if attacker == "blind" else self.public,
            self._engine,
            closed,
            attacker,
            part := Cut(cut, self.asked.at if ledgers == self.ledgers else None),
            left_out=read_left_out(closed),
            hashes=self.asked.hashes,
            hashed=self._known.hashed,
            beside=tuple(other for other in expected if self._tables(ledgers, other) == closed),
            shared=self._shared.setdefault((closed, part), {}),
        )

    def answers(self, coalition: Sequence[str], *, cut: ViewName | None = None) -> list[Answer]:
        """The answers of all attacks by all attackers that are asked for, in the asked view or in another one."""
        found = []
        self._said = {}
        for attacker in self.asked.attackers:
            view = self.view(coalition, attacker, cut=cut)
            if attacker == "trained" and view.learned is None:
                continue
            left_out = unused(view)
            sides = (view.source, view.target, attacker, view.cut)
            view.take_over(self._pairs.get(sides, {}))
            view.take_over({name: each for name, each in self._said.items() if name in ALIKE[attacker]})
            for name in self.asked.attacks or ATTACKS:
                answer = view.said(ATTACKS[name])
                if self.asked.explain:
                    answer = explained(view, answer, self.asked.explain)
                more = {reason: number for reason, number in answer.left_out.items() if number}
                found.append(replace(answer, left_out=left_out | more, view=view.cut.view))
            if attacker == "policy":
                self._said = dict(view.answered)
            elif "policy" not in self.asked.attackers:
                self._said = {name: each for name, each in view.answered.items() if name in INDIFFERENT}
            self._pairs[sides] = {name: each for name, each in view.answered.items() if name not in WITH_HELPERS}
        return found

    def _tables(self, ledgers: Path, coalition: Sequence[str]) -> Path:
        """The folder of these parties' closed tables; it is looked for once."""
        key = ledgers, tuple(coalition)
        if key not in self._places:
            self._places[key] = self._closed_at(ledgers, coalition)
        return self._places[key]

    def _closed_at(self, ledgers: Path, coalition: Sequence[str]) -> Path:
        names = coalition_of(coalition, parties(ledgers))
        kept = ledgers / CLOSED
        if all(is_closed(ledgers, name, kept) for name in names):
            return kept
        if self._schemes is None:
            from idverify.schemes import SCHEMES

            self._schemes = SCHEMES
        out = self._closed / ("ledgers" if ledgers == self.ledgers else "shadow")
        close(ledgers, names, out, schemes=self._schemes)
        return out


def parties(ledgers: Path) -> list[str]:
    """The parties that have a ledger in a folder, as lines or as closed tables."""
    closed = {path.name.partition("=")[2] for path in (ledgers / CLOSED / "events").glob("party=*")}
    return sorted(closed | set(parties_in(ledgers)))


def unused(view: View) -> dict[str, int]:
    """Records of the coalition that no attack could use, by reason; those without a subject link nobody."""
    counts: Counter[str] = Counter()
    for party in view.coalition:
        counts.update(view.left_out.get(party, {}))
        counts["without a subject"] += view.nobodys(party)
    return {reason: number for reason, number in sorted(counts.items()) if number}


class _Glance(msgspec.Struct):
    subject: str = ""


def subjects_in(folder: Path, party: str) -> set[str]:
    """The subjects that a party's ledger names."""
    read = msgspec.json.Decoder(_Glance).decode
    found: set[str] = set()
    for path in ledger_files(folder, party):
        for line in path.read_bytes().splitlines():
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                found.add(read(line).subject)
    return found - {""}


def write_guesses(path: Path, answer: Answer) -> None:
    """The claims of one answer as CSV: subject_1 the candidate, subject_2 the target, and the fields that spoke."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["subject_1", "subject_2", "weight", "pairs"])
        for target in answer.targets:
            if target.claimed and target.candidates:
                best = target.candidates[0]
                writer.writerow([best.subject, target.subject, f"{best.confidence:.6f}", "; ".join(answer.pairs)])


def _guess(running: Attacking, coalition: Sequence[str], out: Path) -> None:
    """The exact join alone, as CSV, and beside it, as NAME.pairs.json, the field pairs that gave them away."""
    view = running.view(coalition, "policy")
    answer = ATTACKS[NAME](view)
    write_guesses(out, answer)
    pairs = [
        {"first": p.first, "second": p.second, "joins": p.joins, "one_to_one": p.one_to_one, "expected": p.expected}
        for p in field_pairs(view)
    ]
    seen = [len(view.subjects(party)) for party in view.coalition]
    document = {"attack": NAME, "subjects": seen, "pairs": pairs}
    out.with_suffix(".pairs.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None, *, known: Known | None = None) -> int:
    """Run the attacks; exit code 0, or 2 and 3 with one sentence on stderr.

    `known` is what other attacks have worked out, and gets what these do.
    """
    parser = argparse.ArgumentParser(prog="python -m idverify.privacy.attack", description=__doc__)
    parser.add_argument("ledgers", type=Path, help="the folder with PARTY.jsonl files")
    parser.add_argument("--coalition", required=True, action="append", help="parties, with commas; may come again")
    parser.add_argument("--kept", default=[], action="append", help="a coalition in the view that the mandate leaves")
    parser.add_argument("--schemes", default="all", help="whose messages to decode, with commas; all by default")
    parser.add_argument("--attacks", default="", help="which attacks, with commas; all by default")
    parser.add_argument("--attacker", default="policy", help=f"{', '.join(ATTACKERS)}, or several with commas")
    parser.add_argument("--view", default="arrived", choices=("arrived", "kept"))
    parser.add_argument("--at", type=float, help="the ledgers as a thief finds them then, seconds since 1970")
    parser.add_argument("--hashes", type=int, default=HASHES, help="how many an enumeration tries")
    parser.add_argument("--engine", default="duckdb", help="duckdb, spark, or spark://HOST:PORT")
    parser.add_argument("--threads", type=int, default=0, help="DuckDB's; 0: one for each processor")
    parser.add_argument("--shadow", type=Path, help="a world of another seed with its truth, to train on")
    parser.add_argument("--out", type=Path, help="the CSV file to write")
    parser.add_argument("--answers", type=Path, help="the folder to write whole answers to")
    parser.add_argument("--explain", default="", help="the target whose evidence is wanted; best: the surest one")
    parser.add_argument("--hidden", type=Path, default=[], action="append", help="a folder that may never be read")
    parser.add_argument("--confined", action="store_true", help="read and write in this folder alone from now on")
    options = parser.parse_args(arguments)
    try:
        if options.confined:
            if not options.answers:
                raise BadUsage("a confined process writes answers", hint="name their folder: --answers FOLDER")
            scratch = Path.cwd() / "scratch"
            for place in (scratch, options.answers):
                place.mkdir(exist_ok=True)
            tempfile.tempdir = str(scratch)
            confine(Path.cwd(), writable=(scratch, options.answers), hidden=options.hidden)
            threading.Thread(target=_end_with_starter, daemon=True).start()
        asked = Asked(
            attackers=_attackers(options.attacker),
            attacks=tuple(name for name in options.attacks.split(",") if name),
            view=options.view,
            at=options.at,
            engine=options.engine,
            threads=options.threads,
            shadow=options.shadow,
            hashes=options.hashes,
            explain=options.explain,
        )
        with Attacking(options.ledgers, asked, schemes=_schemes(options.schemes), known=known) as running:
            coalitions = [names.split(",") for names in options.coalition]
            if options.out:
                _guess(running, coalitions[0], options.out)
            if options.answers:
                kept = [names.split(",") for names in options.kept]
                running.expect(coalitions)
                running.expect(kept, cut="kept")
                found = [a for names in coalitions for a in running.answers(names)]
                found += [a for names in kept for a in running.answers(names, cut="kept")]
                write_answers(options.answers, found)
    except IdverifyError as error:
        print(f"{error.message}. {error.hint}".rstrip(), file=sys.stderr)
        return error.exit_code if isinstance(error, Unusable) else 3
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 3
    return 0


def _end_with_starter() -> None:
    """Standard input is a pipe that nobody writes to: it ends when whoever started this process is gone.

    Read without `sys.stdin`, whose lock a waiting thread would hold when Python ends.
    """
    while os.read(0, 1):
        pass
    os._exit(1)


def _attackers(text: str) -> tuple[AttackerName, ...]:
    wanted = text.split(",")
    if unknown := [name for name in wanted if name not in ATTACKERS]:
        raise BadUsage(f"{unknown[0]!r} is no attacker", hint=f"the attackers are {', '.join(ATTACKERS)}")
    return tuple(name for name in ATTACKERS if name in wanted)


def _schemes(text: str) -> Mapping[str, Scheme]:
    from idverify.schemes import SCHEMES

    wanted = list(SCHEMES) if text == "all" else text.split(",")
    if unknown := [name for name in wanted if name not in SCHEMES]:
        raise BadUsage(f"{unknown[0]!r} is no scheme", hint=f"the schemes are {', '.join(SCHEMES)}")
    return {name: SCHEMES[name] for name in wanted}


if __name__ == "__main__":
    sys.exit(main())
