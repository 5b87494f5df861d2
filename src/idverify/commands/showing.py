"""`idverify schemes`, `idverify mandate …` and `idverify people`: what there is, without starting anything."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict
from textwrap import fill

from idverify.commands.terminal import print_json, say
from idverify.settings import Settings


def schemes(options: Namespace) -> int:
    """All schemes, with what they can answer and what they cannot promise."""
    from idverify.schemes import MISSING, SCHEMES

    rows = []
    for scheme in SCHEMES.values():
        info = asdict(scheme.info)
        rows.append(
            info
            | {"answers": sorted(scheme.info.answers), "learns": dict(scheme.info.learns), "online": scheme.info.online}
        )
    if options.json:
        print_json(rows)
        return 0
    for scheme in SCHEMES.values():
        info_ = scheme.info
        print(f"{info_.name}: {info_.title}")
        print(f"  follows  {info_.spec}")
        print(f"  answers  {', '.join(sorted(info_.answers)) or 'nothing'}")
        for party, text in info_.learns.items():
            print(fill(text, 78, initial_indent=f"  {party.replace('_', ' ')}: ", subsequent_indent="    "))
        if info_.limits:
            print(fill(info_.limits, 78, initial_indent="  limit: ", subsequent_indent="    "))
    for name, why in MISSING.items():
        print(fill(f"{name} is not here: {why}", 78, subsequent_indent="    "))
    say("next: idverify compare --schemes " + ",".join(list(SCHEMES)[:2]))
    return 0


def mandate(options: Namespace) -> int:
    """list, show, diff, check."""
    actions = {"list": _list, "show": _show, "diff": _diff, "check": _check}
    return actions[options.action](options)


def _list(options: Namespace) -> int:
    from idverify.mandates import load, names

    found = [load(name) for name in names()]
    if options.json:
        print_json(
            [{"name": m.name, "title": m.title, "summary": m.summary, "hypothetical": m.hypothetical} for m in found]
        )
        return 0
    for each in found:
        print(f"{each.name}: {each.title}{' (hypothetical)' if each.hypothetical else ''}")
        print(fill(each.summary, 78, initial_indent="  ", subsequent_indent="  "))
    say(f"next: idverify mandate show {found[0].name}")
    return 0


def _show(options: Namespace) -> int:
    from idverify.mandates import load

    found = load(options.name)
    if options.json:
        print_json(found.as_json())
        return 0
    print(f"{found.title}{' (hypothetical)' if found.hypothetical else ''}")
    for text in found.sentences():
        print(fill(text, 78, initial_indent="- ", subsequent_indent="  "))
    say(f"next: idverify compare --mandate {options.name}")
    return 0


def _diff(options: Namespace) -> int:
    from idverify.mandates import load

    one, other = load(options.name), load(options.other)
    differences = one.differences(other)
    if options.json:
        print_json({"from": one.name, "to": other.name, "differences": list(differences)})
        return 0
    for text in differences:
        print(fill(text, 78, initial_indent="- ", subsequent_indent="  "))
    if not differences:
        print("no difference")
    say(f"next: idverify compare --mandate {options.other}")
    return 0


def _check(options: Namespace) -> int:
    from idverify.mandates import load

    found = load(options.name)
    if options.json:
        print_json({"name": found.name, "ok": True})
    else:
        print(f"{options.name} is a mandate: {found.title}")
    say(f"next: idverify compare --mandate {options.name}")
    return 0


def people(options: Namespace) -> int:
    """Invented people: one JSON array with --json, the same bytes for the same seed; else a line each."""
    from idverify.population import Population

    seed = Settings.from_environment().seed if options.seed is None else options.seed
    rows = Population.make(options.n, seed).rows_as_json()
    if not options.json:
        for row in rows:
            print("  ".join(str(value) for key, value in row.items() if key in SHOWN))
        say("next: idverify people --json prints every column")
        return 0
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    sys.stdout.write("[")
    for number, row in enumerate(rows):
        sys.stdout.write((",\n" if number else "\n") + encode(row))
    sys.stdout.write("\n]\n")
    return 0


SHOWN = ("id_number", "name", "born", "birth_date", "sex", "province", "country")
