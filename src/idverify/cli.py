"""The command `idverify`: arguments, errors, exit codes. What a command does is in `commands`, imported when called.

Result on stdout, progress on stderr. Exit codes: 0 ok, 2 usage, 3 environment, 4 threshold failed, 5 too little data,
130 stopped.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from idverify import __version__
from idverify.errors import BadUsage, IdverifyError, Unusable

STOPPED = 130
REFILLS = ("just_in_time", "after_use", "when_empty", "delayed", "fixed_schedule")
SHORT = """idverify shows what a mandate to prove one's identity on social media costs, gives away and stops.

  idverify compare                 run the usual schemes under load, attack their ledgers, report (some minutes)
  idverify compare --schemes real_name,privacy_pass --duration 5
  idverify sweep --scheme A,B      what an overloaded issuer costs, in time and in privacy (some minutes)
  idverify up                      start all services and use them in a browser
  idverify schemes                 what can be compared
  idverify mandate list            under which rules
  idverify doctor                  whether this machine is ready
  idverify --help                  everything else

All people are invented. Not for real identity data."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadUsage(message, hint=f"see {self.prog} --help")


def _number(least: float, kind: type[int] | type[float], *, most: float = math.inf) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most or value == math.inf:
            up_to = f" and at most {most:g}" if most < math.inf else ""
            raise argparse.ArgumentTypeError(f"{text!r} is no number of at least {least:g}{up_to}")
        return value

    return read


def _world_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mandate", metavar="NAME", help="a built-in mandate or a TOML file (directive_57)")
    parser.add_argument("--schemes", metavar="A,B", help="names with commas, or all (compare: the usual ones)")
    parser.add_argument("--citizens", type=_number(1, int), metavar="N", help="persons in the register (2000)")
    parser.add_argument("--seed", type=_number(0, int), metavar="N", help="of the population and the load (7)")
    parser.add_argument("--database-url", metavar="URL", help="postgresql://…; SQLite files without it")


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = _Parser(prog="idverify", description="Compare ways of proving one's identity on social media.")
    top.add_argument("--version", action="version", version=f"idverify {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, help_: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_, description=help_)
        made.add_argument("--json", action="store_true", help="the result as JSON on stdout")
        return made

    compare = command("compare", "run schemes one after the other under load, attack their ledgers, write a report")
    _world_options(compare)
    compare.add_argument("--duration", type=_number(1, float), metavar="S", help="seconds of load a scheme (10)")
    compare.add_argument("--sign-ups", type=_number(1, int), metavar="N", help="end a scheme's load after N sign-ups")
    compare.add_argument("--users", type=_number(1, int), default=20, metavar="N", help="Locust users (20)")
    compare.add_argument("--rate", type=_number(0, float), metavar="X", help="tasks per second and user (12)")
    compare.add_argument("--warm-up", type=_number(0, float), default=3.0, metavar="S", help="seconds not measured (3)")
    compare.add_argument(
        "--shadow",
        type=_number(0, float),
        default=3.0,
        metavar="S",
        help="seconds of load in a world of another seed, for an attacker that trains on it (3; 0: none)",
    )
    compare.add_argument("--reuse", metavar="A,B,C,D", help="run each scheme once per way of reusing credentials")
    compare.add_argument("--batch", type=_number(1, int, most=200), metavar="N", help="copies fetched at a time")
    compare.add_argument("--refill", choices=REFILLS, help="when wallets fetch more (just_in_time)")
    compare.add_argument(
        "--credential-lifetime", type=_number(0, float), metavar="S", help="seconds after which a copy is not shown"
    )
    compare.add_argument("--seeds", metavar="N", help="repeat with N seeds, or with those of a list: 1,2,3")
    compare.add_argument("--out", default="runs", metavar="FOLDER", help="where runs are written (runs)")

    sweeping = command("sweep", "privacy under load: schemes at rising arrival rates, until the issuer is overloaded")
    sweeping.add_argument("--scheme", required=True, metavar="A,B", help="names with commas")
    sweeping.add_argument("--rates", default="1,3,10,30,100", metavar="X,Y", help="arrivals a second (1,3,10,30,100)")
    for option, least, standard, help_ in (
        ("--seconds", 1.0, 8.0, "seconds of load a point; longer at low rates (8)"),
        ("--warm-up", 0.0, 2.0, "seconds of the rush that are not measured (2)"),
        ("--issuer-capacity", 0.0, 25.0, "credential requests it answers a second; 0: all it can (25)"),
        ("--patience", 0.0, 1.0, "seconds until a wallet shows a used credential instead (1)"),
        ("--gives-up", 0.0, 5.0, "seconds until people without one give up; 0: ten (5)"),
        ("--thinking", 0.0, 1.0, "mean seconds that people think before they fetch and before they show (1)"),
    ):
        sweeping.add_argument(
            option, type=_number(least, float), default=standard, metavar="X" if "cap" in option else "S", help=help_
        )
    sweeping.add_argument("--batch", type=_number(1, int, most=200), default=1, metavar="N", help="copies a time (1)")
    sweeping.add_argument("--citizens", type=_number(1, int), default=5000, metavar="N", help="in the register (5000)")
    sweeping.add_argument("--seed", type=_number(0, int), metavar="N", help="of the population and the load (7)")
    sweeping.add_argument("--mandate", metavar="NAME", help="a built-in mandate or a TOML file (directive_57)")
    sweeping.add_argument("--out", default="runs", metavar="FOLDER", help="where runs are written (runs)")

    up = command("up", "start all services, each on its port, until Ctrl-C")
    _world_options(up)
    up.add_argument(
        "--port", type=_number(1, int, most=65530), default=8001, metavar="N", help="the first of six ports (8001)"
    )
    up.add_argument("--folder", metavar="FOLDER", help="keys, databases and ledgers (.idverify)")

    command("schemes", "the schemes that can be compared")

    mandate = commands.add_parser("mandate", help="the rules: list, show, diff, check", description="The mandates.")
    actions = mandate.add_subparsers(dest="action", metavar="ACTION", parser_class=_Parser, required=True)
    for name, help_, names in (
        ("list", "the built-in mandates", ()),
        ("show", "one mandate in sentences", ("name",)),
        ("diff", "what differs between two", ("name", "other")),
        ("check", "whether a TOML file is a mandate", ("name",)),
    ):
        action = actions.add_parser(name, help=help_, description=help_)
        for argument in names:
            action.add_argument(argument, help="a built-in mandate or a TOML file")
        action.add_argument("--json", action="store_true", help="the result as JSON on stdout")

    people = command("people", "print invented people of the population register")
    people.add_argument("--n", type=_number(0, int), default=10, metavar="N", help="how many (10)")
    people.add_argument("--seed", type=_number(0, int), metavar="N", help="another seed, other people (7)")

    oracles = command("oracles", "measure what theory expects of each attack, and say whether they agree")
    oracles.add_argument("--seed", type=_number(0, int), metavar="N", help="of all worlds")
    oracles.add_argument("--only", default="", metavar="PART", help="the cells whose name holds PART")
    oracles.add_argument("--jobs", type=_number(1, int), metavar="N", help="processes (as many as there are cores)")
    oracles.add_argument(
        "--power", action="store_true", help="judge what stated mistakes would give: all must disagree"
    )

    attacking = command("attack", "let parties of a recorded run put their ledgers together and find out who is who")
    attacking.add_argument("run", metavar="RUN", help="a run's folder, its number, runs/latest, or a replayed world")
    attacking.add_argument("--coalition", required=True, metavar="A,B", help="parties: identity_provider,platform_a")
    attacking.add_argument("--scheme", metavar="NAME", help="only this scheme of the run (all)")
    attacking.add_argument("--attacker", choices=("policy", "trained", "blind"), help="only this attacker (all)")
    attacking.add_argument("--attacks", metavar="A,B", help="only these attacks (all)")
    attacking.add_argument(
        "--view", choices=("arrived", "kept"), default="arrived", help="all, or what the mandate lets parties keep"
    )
    attacking.add_argument("--at", metavar="TIME", help="the ledgers as a thief finds them then (at the end)")
    attacking.add_argument("--shadow", metavar="RUN", help="a world of another seed, with its truth, to train on")
    attacking.add_argument("--explain", action="store_true", help="one linked person, with what gave them away")
    attacking.add_argument("--account", metavar="ID", help="explain this account instead of the surest")
    attacking.add_argument("--engine", default="duckdb", metavar="NAME", help="duckdb, spark or spark://HOST:PORT")
    attacking.add_argument(
        "--hashes", type=_number(1, int), metavar="N", help="how many an enumeration tries (60000000)"
    )
    attacking.add_argument("--out", default="runs", metavar="FOLDER", help="where the runs are (runs)")

    exporting = command("export", "hand out a run's ledgers as an exercise, without the truth")
    exporting.add_argument("run", metavar="RUN", help="a run's folder, its number, runs/latest, or a replayed world")
    exporting.add_argument("--folder", required=True, metavar="FOLDER", help="where to; it must not be there yet")
    exporting.add_argument("--scheme", metavar="NAME", help="only this scheme of the run (all)")
    exporting.add_argument("--out", default="runs", metavar="FOLDER", help="where the runs are (runs)")

    scoring = command("score", "grade somebody else's guesses by the truth of a run")
    scoring.add_argument("guesses", metavar="GUESSES.csv", help="columns account, person and, if you like, confidence")
    scoring.add_argument("--run", required=True, metavar="RUN", help="the run whose ledgers were attacked")
    scoring.add_argument("--scheme", metavar="NAME", help="which scheme of the run")
    scoring.add_argument(
        "--coalition", default="identity_provider,platform_a", metavar="A,B",
        help="whose persons and whose accounts (identity_provider,platform_a)",
    )  # fmt: skip
    scoring.add_argument("--out", default="runs", metavar="FOLDER", help="where the runs are (runs)")

    command("doctor", "whether this machine is ready")

    opening = command("open", "have the openers of a sealed identity find the person behind an account")
    opening.add_argument("run", metavar="RUN", nargs="?", default="latest", help="a run, or the folder of idverify up")
    opening.add_argument("--account", metavar="ID", help="the account to open; without it: accounts that have a seal")
    opening.add_argument("--platform", default="platform_a", metavar="NAME", help="who keeps it (platform_a)")
    opening.add_argument("--openers", default="", metavar="A,B", help="who agrees to the opening")
    opening.add_argument("--ground", default="", metavar="TEXT", help="the legal ground; it is written down")
    opening.add_argument("--by", default="a court", metavar="TEXT", help="who asks; it is written down (a court)")
    opening.add_argument("--log", action="store_true", help="show the audit log of all openings, checked")
    opening.add_argument("--scheme", default="", metavar="NAME", help="where a run has several with openers")
    opening.add_argument("--citizens", type=_number(1, int), metavar="N", help="of the folder of idverify up (2000)")
    opening.add_argument("--seed", type=_number(0, int), metavar="N", help="of the folder of idverify up (7)")
    opening.add_argument("--out", default="runs", metavar="FOLDER", help="where the runs are (runs)")

    revoking = command("revoke", "withdraw a person's credentials at the identity provider")
    revoking.add_argument("id_number", metavar="ID_NUMBER", help="whose; idverify people shows some")
    revoking.add_argument("--scheme", default="", metavar="NAME", help="only those of one scheme (all)")
    revoking.add_argument("--folder", metavar="FOLDER", help="the folder of idverify up (.idverify)")
    revoking.add_argument("--database-url", metavar="URL", help="postgresql://…; SQLite files without it")

    report = command("report", "write a run's report again from its run.json")
    report.add_argument("run", metavar="RUN", help="a run's folder, its number, or latest")
    report.add_argument("-o", "--output", metavar="FILE", help="the HTML file to write (the run's report.html)")
    report.add_argument("--out", default="runs", metavar="FOLDER", help="where the runs are (runs)")
    return top


MODULES = {
    "attack": "attacking",
    "export": "attacking",
    "score": "attacking",
    "compare": "comparing",
    "sweep": "sweeping",
    "up": "serving",
    "schemes": "showing",
    "mandate": "showing",
    "people": "showing",
    "oracles": "oracles",
    "doctor": "doctor",
    "report": "comparing",
    "open": "opening",
    "revoke": "revoking",
}

FUNCTIONS = {"open": "open_"}
"""Commands whose name Python has taken."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Errors are one sentence on stderr, without a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not given:
            print(SHORT)
            return _flushed(0)
        options = parser().parse_args(given)
        if options.command is None:
            raise BadUsage("no command was given", hint="see idverify --help")
        module = import_module(f"idverify.commands.{MODULES[options.command]}")
        run: Callable[[argparse.Namespace], int] = getattr(module, FUNCTIONS.get(options.command) or options.command)
        return _flushed(run(options))
    except BrokenPipeError:
        return _pipe_is_gone()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    except IdverifyError as error:
        return complain(error)
    except OSError as error:
        print(f"IDV-301 {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        return 3


def complain(error: IdverifyError) -> int:
    """Say what is wrong and what to do; the exit code."""
    number = error.number if isinstance(error, Unusable) else 300
    hint = f"\n{error.hint}" if error.hint else ""
    print(f"IDV-{number} {error.message}{hint}", file=sys.stderr)
    return error.exit_code if isinstance(error, Unusable) else 3


def _flushed(code: int) -> int:
    sys.stdout.flush()
    return code


def _pipe_is_gone() -> int:
    """Whoever read our output has gone (idverify people | head): not an error, and nothing more to say."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
