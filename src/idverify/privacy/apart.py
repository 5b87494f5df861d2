"""Running the attacks in a process of their own that cannot read the truth.

The process gets a folder with the ledgers of the coalitions and public.json, copied or linked there, and gives up the
right to read anything else before it opens the first of them (`guard`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from idverify.errors import BadEnvironment, BadUsage
from idverify.privacy.answers import Answer
from idverify.privacy.attack import Asked, ledgers_of, parties
from idverify.privacy.attackers import Attacker
from idverify.privacy.public import Public, read_public, write_public
from idverify.privacy.stored import read_answers
from idverify.privacy.tables import FOLDER as CLOSED
from idverify.privacy.tables import add_left_out, is_closed, is_whole, ledger_files, parties_in, read_left_out

LONGEST = 3_600.0
"""Seconds after which attacks are given up."""


def attack_apart(
    folder: Path,
    coalitions: Sequence[Sequence[str]],
    *,
    asked: Asked,
    kept: Sequence[Sequence[str]] = (),
    public: Public | None = None,
    attacker: Attacker | None = None,
    timeout: float = LONGEST,
    hidden: Sequence[Path] = (),
    beside: Mapping[Path, Collection[str]] = MappingProxyType({}),
) -> list[Answer]:
    """The answers of all attacks that are asked for, coalition by coalition.

    Those of `kept` are attacked in the view that the mandate leaves, after the others. `public` stands in for a
    public.json that is not there; `attacker` is asked, where one is there already. Of `folder`, of the shadow world and
    of `hidden` the process can read nothing but the copies that it gets; `hidden` is the world that the ledgers are
    from, where `folder` is not it; `beside` are folders with the ledgers of further parties. Raises BadUsage and
    BadEnvironment with the words of the process.
    """
    wanted = {party for names in (*coalitions, *kept) for party in names}
    shadow = [asked.shadow] if asked.shadow is not None else []
    attacked = partial(
        _attack_apart,
        wanted=wanted,
        asked=asked,
        kept=kept,
        public=public,
        attacker=attacker,
        timeout=timeout,
        hidden=[folder, *shadow, *hidden],
        beside=beside,
    )
    try:
        return attacked(folder, coalitions)
    except BadEnvironment:
        # A closed ledger that cannot be read is made again from its lines, where those are there.
        ledgers = ledgers_of(folder)
        damaged = {
            party
            for party in wanted
            if is_closed(ledgers, party, ledgers / CLOSED) and not is_whole(party, ledgers / CLOSED)
        }
        if not damaged:
            raise
        if gone := sorted(damaged - set(parties_in(ledgers))):
            raise BadEnvironment(
                f"the closed ledger of {gone[0]} is damaged, and its lines are not there",
                hint="leave this party out of the coalition",
            ) from None
        return attacked(folder, coalitions, closed=False)


def _attack_apart(
    folder: Path,
    coalitions: Sequence[Sequence[str]],
    *,
    wanted: set[str],
    asked: Asked,
    kept: Sequence[Sequence[str]],
    public: Public | None,
    attacker: Attacker | None,
    timeout: float,
    hidden: Sequence[Path],
    beside: Mapping[Path, Collection[str]],
    closed: bool = True,
) -> list[Answer]:
    with TemporaryDirectory(prefix="idverify-attack-") as place:
        own = Path(place)
        for other, names in beside.items():
            lay_out(other, own / "ledgers", wanted & set(names), link=closed)
        rest = wanted.difference(*beside.values())
        lay_out(ledgers_of(folder), own / "ledgers", rest, public=public, link=closed)
        if asked.shadow is not None:
            _lay_out_shadow(asked.shadow, own / "shadow", wanted)
        arguments = ["ledgers", "--answers", "answers", "--confined"]
        for names in coalitions:
            arguments += ["--coalition", ",".join(names)]
        for names in kept:
            arguments += ["--kept", ",".join(names)]
        for world in hidden:
            arguments += ["--hidden", str(world.resolve())]
        with nullcontext(attacker) if attacker is not None else Attacker() as asking:
            asking.attack(own, arguments + _options(asked), timeout=timeout)
        return read_answers(own / "answers")


def lay_out(ledgers: Path, out: Path, wanted: set[str], *, public: Public | None = None, link: bool = True) -> None:
    """Put the ledgers of these parties and public.json into `out`; the truth is left where it is.

    `link` gives files a second name where that is possible and takes the closed tables where they are; without it the
    lines are copied wherever there are any.
    """
    out.mkdir(parents=True, exist_ok=True)
    place_file = _link if link else shutil.copyfile
    lines = parties_in(ledgers)
    closed = {party for party in wanted if is_closed(ledgers, party, ledgers / CLOSED)}
    taken = set()
    for party in sorted(wanted):
        if party in closed and (party not in lines or (link and closed == wanted)):
            for name in ("events", "leaves"):
                place = ledgers / CLOSED / name / f"party={party}"
                shutil.copytree(place, out / place.relative_to(ledgers), copy_function=place_file)
            taken.add(party)
            continue
        if party not in lines:
            raise BadUsage(f"{party!r} has no ledger here", hint=f"the ledgers are {', '.join(lines) or 'none'}")
        for path in ledger_files(ledgers, party):
            place_file(path, out / path.name)
    if taken:
        counts = read_left_out(ledgers / CLOSED)
        add_left_out(out / CLOSED, {party: counts.get(party, {}) for party in taken})
    described = read_public(ledgers)
    write_public(out, public if public is not None and described == Public() else described)


def _lay_out_shadow(world: Path, out: Path, wanted: set[str]) -> None:
    """The ledgers of the shadow world, of those parties that have one there."""
    lay_out(ledgers_of(world), out / "ledgers", wanted & set(parties(ledgers_of(world))))
    if not (world / "truth.jsonl").is_file():
        raise BadUsage(f"{world.name} has no truth.jsonl to train on", hint="name a world of another seed, with truth")
    shutil.copyfile(world / "truth.jsonl", out / "truth.jsonl")


def _link(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> None:
    """A second name for the file where that is possible, else a copy: a symbolic link would lead out of the folder."""
    try:
        os.link(os.path.realpath(source), out)
    except OSError:
        shutil.copyfile(source, out)


def _options(asked: Asked) -> list[str]:
    found = ["--attacker", ",".join(asked.attackers), "--view", asked.view, "--engine", asked.engine]
    found += ["--hashes", str(asked.hashes), "--threads", str(asked.threads)]
    if asked.attacks:
        found += ["--attacks", ",".join(asked.attacks)]
    if asked.at is not None:
        found += ["--at", repr(asked.at)]
    if asked.shadow is not None:
        found += ["--shadow", "shadow"]
    if asked.explain:
        found += ["--explain", asked.explain]
    return found
