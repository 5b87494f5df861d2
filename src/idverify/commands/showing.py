"""`idverify schemes`, `idverify mandate …` and `idverify people`: what there is, without starting anything."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict
from textwrap import fill
from typing import TYPE_CHECKING

from idverify.commands.terminal import print_json, say
from idverify.settings import Settings

if TYPE_CHECKING:
    from idverify.scheme import Info


WIDE = 78
LABEL = 17
ANSWERS = {"over": "age", "identity": "name and ID number", "one_account": "one account per person"}


def schemes(options: Namespace) -> int:
    """All schemes, by kind, with what they can answer, who learns what, and what they cannot promise."""
    from idverify.families import FAMILIES, family
    from idverify.schemes import MISSING, SCHEMES

    if options.json:
        rows = [_row(scheme.info) for scheme in SCHEMES.values()]
        absent = [{"name": name, "missing": why} for name, why in MISSING.items()]
        print_json([*rows, *absent])
        return 0
    number = len(SCHEMES)
    print(fill(f"{number} ways to prove something to a platform, by kind.", WIDE))
    told = ""
    for scheme in SCHEMES.values():
        kind = family(scheme.info)
        if kind != told:
            print(f"\n{kind.upper()}\n{fill(FAMILIES[kind], WIDE)}")
            told = kind
        _show_scheme(scheme.info)
    for name, why in MISSING.items():
        print(f"\n{name}\n{_entry('missing here', why)}")
    usual = ",".join([name for name, scheme in SCHEMES.items() if scheme.info.usual][1:3])
    say(f"next: idverify compare --schemes {usual}   (docs/schemes/NAME.md tells how each works)")
    return 0


def _row(info: Info) -> dict[str, object]:
    """Everything about a scheme that a program may want."""
    from idverify.families import family
    from idverify.wallet.policy import METHODS, keeps_credentials, policy_of, why_not

    policy = asdict(policy_of(info, Settings())) if keeps_credentials(info) else None
    return asdict(info) | {
        "answers": sorted(info.answers),
        "learns": dict(info.learns),
        "online": info.online,
        "kind": family(info),
        "policy": policy,
        "reuse": {method: why_not(info, method) or "possible" for method in METHODS},
        "missing": "",
    }


def _show_scheme(info: Info) -> None:
    print(f"\n{info.name}: {info.title}")
    print(_entry("answers", ", ".join(word for ask, word in ANSWERS.items() if ask in info.answers) or "nothing"))
    print(_entry("credentials", _credentials(info)))
    print(_entry("revocation", _revocation(info)))
    for party, text in info.learns.items():
        print(_entry(f"{party.replace('_', ' ')}", text))
    also = [party.replace("_", " ") for party in info.parties]
    if also:
        print(_entry("takes part", ", ".join(also)))
    if info.opened_by:
        print(_entry("opened by", f"{info.quorum} of {', '.join(info.opened_by)} together"))
    if info.limits:
        print(_entry("limit", info.limits))
    if info.experimental:
        print(_entry("EXPERIMENTAL", info.experimental))
    print(_entry("follows", info.spec))
    if not info.usual:
        print(_entry("compare", "only when named, or with --schemes all"))


def _revocation(info: Info) -> str:
    if info.status:
        return "by a status list"
    if info.issued == "by_holder":
        return "there is nothing to withdraw"
    return "the next log-in fails" if info.issued == "per_login" else "none before it runs out"


def _credentials(info: Info) -> str:
    """How wallets come by them and use them, in a few words."""
    from idverify.wallet.policy import policy_of

    if info.issued == "by_holder":
        return "none: the wallet states it itself"
    if info.issued == "per_login":
        return "a new answer from the identity provider for each log-in"
    if info.unlinkable:
        return "one, shown anew each time so that no two showings look alike"
    policy = policy_of(info, Settings())
    if policy.method == "A":
        number = "one at a time" if policy.batch == 1 else f"{policy.batch} at a time"
        quota = ", within a quota for each person" if info.rationed else ""
        return f"{number}, each shown once{quota}"
    return "one, the same shown to every platform"


def _entry(label: str, text: str) -> str:
    """A line, or several under each other, with its label in front."""
    first = f"  {label:<{LABEL}} "
    lead = first if len(label) <= LABEL else f"  {label}\n{' ' * (LABEL + 3)}"
    wrapped = fill(text, WIDE - LABEL - 3, break_on_hyphens=False).replace("\n", "\n" + " " * (LABEL + 3))
    return lead + wrapped


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
