"""`idverify open`: from an account to the person behind it, as the openers of a sealed identity would go."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from idverify.commands.comparing import settings_from
from idverify.commands.terminal import print_json, say
from idverify.comparison.folders import find_run, read_run
from idverify.comparison.seals import openers_in, seals
from idverify.crypto.threshold_elgamal import Seal
from idverify.errors import BadEnvironment, BadUsage
from idverify.opening.openers import Opened, Openers, find, open_seal
from idverify.population import Population

SHOWN_ACCOUNTS = 5


@dataclass(frozen=True, slots=True)
class Place:
    """A world that was left on the disk: its folder, its people, and its openers."""

    folder: Path
    citizens: int
    seed: int
    openers: dict[str, Openers]  # by the short hash of their key, as seals name it


def open_(options: Namespace) -> int:
    """Open one account's seal, list accounts that have one, or show the audit log."""
    place = _place(options)
    if options.log:
        return _show_log(place, as_json=options.json)
    found = dict(seals(place.folder, options.platform, place.openers))
    if not options.account:
        return _list(found, options, place)
    if options.account not in found:
        raise BadUsage(
            f"{options.platform} keeps no sealed identity of the account {options.account[:60]!r}",
            hint=f"it keeps those of {', '.join(list(found)[:SHOWN_ACCOUNTS]) or 'nobody'}",
        )
    if not options.ground:
        raise BadUsage("an opening needs its legal ground", hint='say it with --ground "case 12/2026"')
    openers, seal = found[options.account]
    by = [name.strip() for name in options.openers.split(",") if name.strip()]
    before = len(openers.entries())
    request = {"platform": options.platform, "account": options.account, "ground": options.ground, "by": options.by}
    opened = open_seal(openers, seal, by=by, request=request, now=datetime.now(timezone.utc))
    population = Population.make(place.citizens, place.seed)
    number = find(opened.point, (int(population.id_number(row)) for row in range(len(population))))
    row = population.find(f"{number:012d}")
    name = population.person(row).name if row is not None else ""
    entries = len(openers.entries())
    if options.json:
        print_json(
            {
                "account": options.account,
                "id_number": f"{number:012d}",
                "name": name,
                "openers": list(opened.openers),
                "entry": json.loads(opened.entry.line),
                "entries": entries,
            }
        )
    else:
        _tell(options, openers, seal, opened, person=f"{name}, ID number {number:012d}", before=before)
    say(f"next: idverify open {options.run} --log shows the audit log, in which this opening stays")
    return 0


def _tell(options: Namespace, openers: Openers, seal: Seal, opened: Opened, *, person: str, before: int) -> None:
    quorum, entry = openers.key.threshold, opened.entry
    print(f"1  {options.platform} hands over what it keeps of account {options.account}:")
    print(f"   {len(seal.octets)} bytes that it cannot read, for {', '.join(openers.names)} ({quorum} needed)")
    print(f"2  the audit office writes entry {entry.seq} and gives its part of the key:")
    print(f"   {entry.time}  {entry.request['ground']}, asked by {entry.request['by']}")
    print(f"3  {' and '.join(opened.openers)} see that the entry is signed, that it names this seal")
    print(f"   and that it follows the {before} before it; each gives a part, proven for this entry")
    print("4  the parts open the seal, and the register says who that is:")
    print(f"   {person}")


def _list(found: dict[str, tuple[Openers, Seal]], options: Namespace, place: Place) -> int:
    names = next(iter(place.openers.values())).names
    if options.json:
        print_json({"platform": options.platform, "accounts": sorted(found), "openers": list(names)})
        return 0
    print(f"{options.platform} keeps {len(found)} sealed identities; {', '.join(names)} can open them")
    for account in list(found)[:SHOWN_ACCOUNTS]:
        print(f"  {account}")
    if found:
        chosen = ",".join(names[: next(iter(found.values()))[0].key.threshold])
        say(f'next: idverify open {options.run} --account {next(iter(found))} --openers {chosen} --ground "case 1"')
    return 0


def _show_log(place: Place, *, as_json: bool) -> int:
    found = [(openers, openers.entries()) for openers in place.openers.values()]
    if as_json:
        print_json([json.loads(entry.line) for _, entries in found for entry in entries])
        return 0
    for openers, entries in found:
        for entry in entries:
            asked = "  ".join(f"{name}={text}" for name, text in sorted(entry.request.items()) if name != "seal")
            asked = "".join(c if c.isprintable() else "?" for c in asked)  # a log is a stranger's text
            print(f"{entry.seq:4}  {entry.time}  {asked}")
        print(f"{len(entries)} openings; the chain is whole and holds all that {', '.join(openers.names)} have seen")
    return 0


def _place(options: Namespace) -> Place:
    """A run's world, or the folder of `idverify up`. Raises BadEnvironment."""
    if Path(options.run, "openers").is_dir():
        settings = settings_from(options)
        folders, citizens, seed = [Path(options.run)], settings.citizens, settings.seed
    else:
        run = find_run(options.run, out=Path(options.out))
        folders = sorted(path.parent for path in run.glob("*/openers") if options.scheme in ("", path.parent.name))
        about = read_run(run)
        citizens, seed = about.citizens, about.seed
    if not folders:
        raise BadEnvironment(
            f"{options.run} holds no openers", hint="run a scheme with a sealed identity; see idverify schemes"
        )
    if len(folders) > 1:
        raise BadUsage(
            f"{options.run} has openers of {', '.join(folder.name for folder in folders)}", hint="choose with --scheme"
        )
    return Place(folders[0], citizens, seed, openers_in(folders[0]))
