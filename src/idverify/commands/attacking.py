"""`idverify attack`, `idverify export` and `idverify score`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from idverify.commands.terminal import print_json, say
from idverify.errors import BadEnvironment, BadUsage

if TYPE_CHECKING:
    from rich.console import Console

    from idverify.privacy.answers import Answer, Evidence
    from idverify.privacy.attack import Asked
    from idverify.privacy.score import Truth
    from idverify.privacy.verdict import Verdict

TOO_LITTLE = 5
NOT_HERE = {
    "telecom": "no scheme that is run here goes over phone numbers, a replayed world does (docs/simulation.md)",
    "attester": "where attester and issuer are apart, the attester is identity_provider and the issuer token_issuer",
    "token_issuer": "only schemes whose attester and issuer are apart have one",
    "status_host": "only schemes with a status list have one",
    "openers": "only a scheme that seals identities has openers",
    "openers_too_few": "only a scheme that seals identities has openers",
    "relay": "relays keep no ledger",
}
"""Parties that are known, and why a run may have no ledger of them."""
LONGEST_VALUE = 44


def attack(options: Namespace) -> int:
    """Attack a recorded run; what the strongest attacker of each scheme found, and all the others."""
    from idverify.privacy.answers import ATTACKERS, AttackerName
    from idverify.privacy.attack import Asked, ledgers_of, parties
    from idverify.privacy.public import read_public
    from idverify.privacy.verdict import LEAST_ACCOUNTS, strongest, verdicts
    from idverify.privacy.view import HASHES

    attackers: tuple[AttackerName, ...] = (options.attacker,) if options.attacker else ATTACKERS
    worlds = worlds_in(options.run, out=Path(options.out), scheme=options.scheme)
    coalition = coalition_in(options.coalition, [parties(ledgers_of(world)) for world in worlds])
    asked = Asked(
        attackers=attackers,
        attacks=tuple(name for name in (options.attacks or "").split(",") if name),
        view=options.view,
        at=_instant(options.at),
        engine=options.engine,
        shadow=_shadow(options.shadow, Path(options.out)),
        hashes=int(options.hashes) if options.hashes else HASHES * (5 if len(coalition) == 1 else 1),
        explain=options.account or ("best" if options.explain else ""),
    )
    documents, enough = [], False
    for world in worlds:
        if missing := [name for name in coalition if name not in parties(ledgers_of(world))]:
            say(f"{world.name}: {missing[0]} keeps no ledger")
            continue
        say(f"{world.name}: attacking the ledgers of {' and '.join(coalition)}")
        answers = _answers(world, coalition, _with_shadow(asked, world))
        truth = linkable_in(world, answers[0])
        found = verdicts(answers, truth, label=read_public(ledgers_of(world)).label)
        best = strongest(found)
        if best is not None and best.anonymity.targets < LEAST_ACCOUNTS:
            best = None
        enough = enough or best is not None
        documents.append(_document(world, coalition, found, best=best))
        if not options.json:
            _tell(world, found, best=best, truth=truth if asked.explain else None, account=options.account)
    if options.json:
        print_json(documents)
    return 0 if enough else TOO_LITTLE


def export(options: Namespace) -> int:
    """Hand out the ledgers of a run as an exercise, without the truth."""
    from idverify.privacy.exercise import export as hand_out

    worlds = worlds_in(options.run, out=Path(options.out), scheme=options.scheme)
    target = Path(options.folder)
    told = {}
    for world in worlds:
        place = target if len(worlds) == 1 else target / world.name
        told[world.name] = hand_out(world, place)
        if not options.json:
            print(f"{place}: the ledgers of {', '.join(told[world.name])}, public.json and README.txt; no truth")
    if options.json:
        print_json(told)
    return 0


def score(options: Namespace) -> int:
    """Grade somebody else's guesses by the truth of a run."""
    from idverify.privacy.attack import ledgers_of, subjects_in
    from idverify.privacy.exercise import graded
    from idverify.privacy.public import read_public
    from idverify.privacy.score import read_truth
    from idverify.privacy.verdict import verdicts

    worlds = worlds_in(options.run, out=Path(options.out), scheme=options.scheme)
    if len(worlds) != 1:
        names = ", ".join(world.name for world in worlds)
        raise BadUsage(f"the run has {len(worlds)} schemes", hint=f"name one with --scheme: {names}")
    (world,) = worlds
    coalition = [name.strip() for name in options.coalition.split(",")]
    if len(coalition) != 2:
        raise BadUsage(
            "two parties are needed", hint="who knows people, and whose accounts: identity_provider,platform_a"
        )
    source, target = coalition
    pool = len(subjects_in(ledgers_of(world), source))
    truth = read_truth(world / "truth.jsonl")
    answer, unknown = graded(Path(options.guesses), truth, source=source, target=target, pool=pool)
    (verdict,) = verdicts([answer], linkable_in(world, answer), label=read_public(ledgers_of(world)).label)
    if options.json:
        print_json(verdict.as_json() | {"unknown_accounts": unknown})
        return 0
    link, hidden = verdict.linkage, verdict.anonymity
    print(f"{Path(options.guesses).name}, {world.name}, {verdict.label}:")
    print(f"  right             {verdict.words()}")
    print(f"  guessed           {link.claimed} accounts, of which {link.correct} right")
    print(f"  by chance         1 of {pool:,}")
    print(f"  scored set        {_set(hidden.scored_set, hidden.withheld)}")
    print(f"  two-user game     won {verdict.game[0]} of {verdict.game[1]}; half is chance")
    if unknown:
        print(f"  left out          {unknown} accounts that nobody has at {target}")
    return 0


def coalition_in(text: str, known: Sequence[Sequence[str]]) -> list[str]:
    """The parties of a coalition, with commas or as reports name it, with +; `state` is all whom an order reaches.

    `known` are the parties that have a ledger, in each world. Raises BadUsage.
    """
    from idverify.comparison.coalitions import STATE, STATE_PARTIES

    every = sorted({party for parties in known for party in parties})
    if text.strip() == STATE:
        return [party for party in STATE_PARTIES if party in every]
    names = [name.strip() for name in text.replace("+", ",").split(",")]
    listed = f"the ledgers are {', '.join(every) or 'none'}"
    for place, name in enumerate(names):
        if not name:
            raise BadUsage(f"the coalition {text!r} names nobody in one place", hint=listed)
        if name in names[:place]:
            raise BadUsage(f"the coalition {text!r} names {name} twice", hint=listed)
        if name not in every:
            why = NOT_HERE.get(name)
            raise BadUsage(f"{name!r} has no ledger here", hint=f"{why}; {listed}" if why else listed)
    return names


def worlds_in(run: str, *, out: Path, scheme: str | None) -> list[Path]:
    """The folders with ledgers and truth of a run: one a scheme, or the folder itself where a replay wrote it."""
    given = Path(run)
    numbered = [out / f"{int(run):03d}"] if run.isdigit() else []
    for folder in (given, out / run, *numbered):
        if (folder / "ledgers").is_dir():
            return [folder]
        worlds = sorted(path.parent for path in folder.glob("*/ledgers"))
        if worlds:
            names = [world.name for world in worlds]
            if scheme and scheme not in names:
                raise BadUsage(f"{scheme!r} is not in this run", hint=f"the run has {', '.join(names)}")
            return [world for world in worlds if not scheme or world.name == scheme]
    raise BadEnvironment(
        f"there is no run {run}", hint=f"give a folder with ledgers, a number in {out.name}, or {out.name}/latest"
    )


def _answers(world: Path, coalition: Sequence[str], asked: Asked) -> list[Answer]:
    from idverify.privacy.apart import attack_apart

    return attack_apart(world, [coalition], asked=asked)


def linkable_in(world: Path, answer: Answer) -> list[Truth]:
    """The truth of a world without accounts of people whom the source has no record of: nobody could name them."""
    from idverify.privacy.attack import ledgers_of, subjects_in
    from idverify.privacy.score import linkable, read_truth
    from idverify.privacy.tables import parties_in

    truth = read_truth(world / "truth.jsonl")
    source, ledgers = answer.candidates_of, ledgers_of(world)
    known = subjects_in(ledgers, source) if source in parties_in(ledgers) else set()
    return linkable(truth, source=source, target=answer.targets_of, known=known) if known else truth


def _with_shadow(asked: Asked, world: Path) -> Asked:
    """With the run's own shadow world where no other is named; where there is none, nobody trains."""
    from dataclasses import replace

    if asked.shadow is not None:
        return asked
    own = world / "shadow"
    if (own / "truth.jsonl").is_file():
        return replace(asked, shadow=own)
    return _without_training(asked) if len(asked.attackers) > 1 else asked


def _without_training(asked: Asked) -> Asked:
    from dataclasses import replace

    say("no shadow world to train on (--shadow RUN): the attackers are policy and blind")
    return replace(asked, attackers=("policy", "blind"))


def _shadow(run: str | None, out: Path) -> Path | None:
    if not run:
        return None
    worlds = worlds_in(run, out=out, scheme=None)
    if len(worlds) != 1:
        raise BadUsage(f"the shadow world {run} has {len(worlds)} schemes", hint="name the folder of one: RUN/SCHEME")
    return worlds[0]


def _instant(text: str | None) -> float | None:
    """Seconds since 1970, from a number of them or an ISO 8601 time; without a zone it is UTC."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadUsage(f"{text!r} is no time", hint="give 2026-03-01T12:00:00, or seconds since 1970") from error
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def _document(
    world: Path, coalition: Sequence[str], found: Sequence[Verdict], *, best: Verdict | None
) -> dict[str, object]:
    return {
        "world": world.name,
        "coalition": list(coalition),
        "strongest": best.as_json() | {"explained": _explained(best)} if best else None,
        "verdicts": [verdict.as_json() for verdict in found],
    }


def _explained(best: Verdict) -> dict[str, object]:
    from dataclasses import asdict

    return {subject: [asdict(each) for each in found] for subject, found in best.answer.evidence.items()}


def _tell(
    world: Path,
    found: Sequence[Verdict],
    *,
    best: Verdict | None,
    truth: Sequence[Truth] | None,
    account: str | None,
) -> None:
    """What was found; with the truth, one linked person too."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    if best is None:
        console.print(f"{world.name}: {_why_no_number(found)}", markup=False)
        _tell_left_out(console, found[0].answer)
        if truth is not None:
            console.print("nobody was linked, so there is nobody to explain", markup=False)
        return
    of = best.answer
    console.print(
        f"{world.name}: {best.words()} {of.targets_of} accounts identified by {' + '.join(of.coalition)} "
        f"({best.label}; attacker {of.attacker}, attack {of.attack}; by chance 1 of {of.pool:,})",
        markup=False,
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head in ("attack", "attacker"):
        table.add_column(head, no_wrap=True)
    for head in ("top 1", "95 %, all at once", "rank", "set", "scored set"):
        table.add_column(head, justify="right")
    for verdict in sorted((v for v in found if v.spoke), key=lambda v: -v.success):
        hidden = verdict.anonymity
        if hidden.top_1 is None:
            continue
        low, high = verdict.interval
        table.add_row(
            verdict.answer.attack,
            verdict.answer.attacker,
            f"{hidden.top_1:.3f}" if hidden.top_1 else "n. d.",
            f"{low:.3f}–{high:.3f}" if hidden.top_1 else f"≤ {high:.3f}",
            f"{hidden.median_rank:g}",
            _set(hidden.set_median, hidden.withheld),
            _set(hidden.scored_set, hidden.withheld),
        )
    console.print(table)
    console.print("  intervals take accounts as independent; those who come at one time are not quite", markup=False)
    for attack, why in {v.answer.attack: v.answer.silent for v in found if v.answer.silent}.items():
        if not any(v.spoke and v.answer.attack == attack for v in found):
            console.print(f"  {attack}: {why}", markup=False)
    _tell_left_out(console, of)
    for pair in of.pairs[:6]:
        console.print(f"  gave it away: {pair}", markup=False)
    if truth is not None:
        _explain(console, best, truth, wanted=account)


def _why_no_number(found: Sequence[Verdict]) -> str:
    from idverify.privacy.verdict import LEAST_ACCOUNTS

    targets = max((v.anonymity.targets for v in found), default=0)
    if any(v.spoke for v in found) and 0 < targets < LEAST_ACCOUNTS:
        return f"too little data for a number: {targets} accounts, and {LEAST_ACCOUNTS} are needed"
    reasons = [v.answer.silent for v in found if v.answer.silent]
    telling = [reason for reason in reasons if not reason.startswith("one party alone")]
    silent = [*telling, *reasons, "nobody to find"][0]
    return f"too little data for a number, or nothing to go by: {silent}"


def _tell_left_out(console: Console, answer: Answer) -> None:
    if answer.left_out:
        told = ", ".join(f"{number:,} {why}" for why, number in answer.left_out.items())
        console.print(f"  left out: {told} (records)", markup=False)


def _explain(console: Console, best: Verdict, truth: Sequence[Truth], *, wanted: str | None) -> None:
    """The surest claim of the strongest attack, and whether it is right."""
    from rich import box
    from rich.table import Table

    from idverify.privacy.explaining import TRIED
    from idverify.privacy.score import right_answers

    right = right_answers(truth, source=best.answer.candidates_of, target=best.answer.targets_of)
    if not best.answer.evidence:
        nobody = f"nothing links the account {wanted}" if wanted else "nobody was linked, so there is nobody to explain"
        console.print(f"\n{nobody}", markup=False)
    elif not best.above_baseline:
        console.print("\nnobody was linked more often than by chance; this is the surest guess", markup=False)
    for subject, pieces in best.answer.evidence.items():
        rows = best.answer.posterior
        who, confidence = rows.row(rows.subjects.index(subject))
        name, party = rows.names[who[0]], best.answer.candidates_of
        held = {True: "It is right", False: "It is wrong", None: "The truth does not know the account"}
        known = name in right[subject] if subject in right else None
        console.print(
            f"\n{best.answer.targets_of} account {subject} is {name}{f' of {party}' if party else ''}, "
            f"says the attack, at {confidence[0]:.1%}. {held[known]}. Side by side:",
            markup=False,
        )
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_lines=False)
        for head in (party or TRIED, best.answer.targets_of, "how they agree"):
            table.add_column(head, overflow="fold")
        for piece in pieces:
            table.add_row(*_side_by_side(piece))
        console.print(table)


def _side_by_side(piece: Evidence) -> tuple[str, str, str]:
    def short(field: str, value: str) -> str:
        shown = value if len(value) <= LONGEST_VALUE else f"{value[: LONGEST_VALUE - 1]}…"
        return f"{field.rpartition(' ')[2] if '.' in field else field}\n  {shown}"

    from rich.markup import escape

    return (
        escape(short(piece.field, piece.value)),
        escape(short(piece.other_field, piece.other_value)),
        escape(piece.how),
    )


def _set(value: float | None, withheld: str) -> str:
    if value is None:
        return "withheld" if withheld.startswith("adversary") else "too few"
    return f"{value:,.1f}"
