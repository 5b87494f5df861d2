"""report.html from run.json: one file, no script, no network, to be read on a screen or printed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from idverify.comparison import charts, matrix, sentences
from idverify.comparison.model import Linked, Run, SchemeResult
from idverify.comparison.outcome_sections import differences_section, sections
from idverify.comparison.wire import bytes_by_party
from idverify.outcomes.checklist import ANALOGY
from idverify.privacy.metrics import clopper_pearson, in_words, percent

MOST_BYTES = 300_000
CONTENTS = "<!-- contents -->"
HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>')
WHOLE = "whole_sign_up"
LINKED_BY = (
    ("identity_provider+platform_a", "identity provider + platform A"),
    ("platform_a+platform_b", "platform A + platform B"),
    (sentences.VISITS, "platform A over two visits"),
)
PROPERTIES = (
    ("signed", "An issuer signs"),
    ("online", "Issuer needed at each log-in"),
    ("binds_device", "Bound to a key in the device"),
    ("single_use", "Shown once only"),
    ("unlinkable", "No two showings alike"),
    ("rationed", "Quota a person"),
    ("remembers", "Issuer remembers people, so that nobody comes twice"),
    ("verifies_many", "Platform verifies many together"),
    ("status", "Names a status list"),
    ("quantum_safe", "Quantum-safe"),
)
"""Flags of a scheme, with what each says."""
FEW = 6
"""As many schemes have their names in the scatter; more have numbers there and a key below."""

NOT_SHOWN = (
    "chilling effects: what people no longer say once they must prove who they are",
    "coercion, malware on the phone, a stolen device",
    "recognition by writing style, photographs, contacts, or tracking outside the protocol",
    "how addresses really move: each household has one line here, and nobody a mobile network or a VPN",
    "real legal practice: who is allowed to ask for logs, and who asks all the same",
    "side channels of real hardware, and attacks that nobody has written yet: the results are lower bounds on risk",
)
GLOSSARY = (
    ("account linked", "an attacker who holds the logs names the right person, or the right other account"),
    ("coalition", "parties that put their logs together"),
    ("linkable", "accounts whose owner is in the other party’s log too; nobody else can be found there"),
    (
        "95 %: a–b",
        "the exact interval of Clopper and Pearson: of 100 runs, at least 95 such intervals hold the true share",
    ),
    ("not detected (≤ x)", "no more hits than by chance; the true share may still be as high as x"),
    ("N", "candidates that the coalition knows; for a party that is alone, everybody in the country"),
    (
        "attacker",
        "policy knows what is public of scheme and wallets, trained has a world to learn from, blind neither",
    ),
    ("baseline", "the success of guessing at random among the people whom the first party knows"),
    ("p50, p95, p99", "half, 95 %, 99 % of the requests took no longer"),
    ("MEASURED", "services ran and were measured; not simulated, not extrapolated"),
    ("EXTRAPOLATED", "a formula carries it to the country, or a price or habit that is an assumption goes into it"),
    ("DECLARED", "the scheme or the mandate says so; nothing was measured"),
    ("bits disclosed", "each bit halves the people who fit what was shown; 26.6 of them name one in 101 million"),
)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": charts.figure,
        "unmet": sentences.unmet,
        "lacks": lambda demand: sentences.LACKS.get(demand, demand),
        "coalition": sentences.coalition_title,
        "cell": sentences.verdictless,
        "share": _share,
        "percent": percent,
        "reason": sentences.reason,
        "most_accounts": lambda result: "nobody tried" if (n := sentences.most_accounts(result)) is None else n,
        "first_capital": _first_capital,
        "words": lambda name: str(name).replace("_", " "),
    }
    return environment


def _share(pair: tuple[int, int]) -> str:
    """k of n with its interval, where k = 0 is a count and not a failure to detect."""
    if pair[1] and not pair[0]:
        return f"0 of {pair[1]:,} (true share ≤ {percent(clopper_pearson(*pair)[1])} %)"
    return in_words(*pair) if pair[1] else "nobody tried"


def shares(link: Linked | None) -> Markup:
    """A cell of the matrix in two lines: the counts, and the interval below."""
    if link is None:
        return Markup("<span>not run</span>")
    if not link.linkable:
        return Markup('<span class="free">nothing to measure</span>')
    low, high = (percent(end) for end in link.interval)
    if not link.correct:
        return Markup(f"<span>not detected<small>≤ {high} % of {link.linkable:,}</small></span>")
    return Markup(f"<span>{link.correct:,} of {link.linkable:,}<small>{low}–{high} %</small></span>")


def families(run: Run) -> list[tuple[str, list[tuple[str, SchemeResult]]]]:
    """The schemes as they come, cut where another kind begins."""
    grouped = groupby(run.schemes.items(), key=lambda item: item[1].family)
    return [(kind, list(rows)) for kind, rows in grouped]


def _first_capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _base(run: Run) -> tuple[str, SchemeResult] | None:
    """The scheme that others are set against: the first at which the platform is told who the person is."""
    for name, result in run.schemes.items():
        if result.flags.get("online") and "identity" not in result.unanswered:
            return result.title or name, result
    return None


def render(run: Run) -> str:
    """The whole page. Everything in it comes from `run`."""
    base = _base(run)
    titled = {name: result.title or name for name, result in run.schemes.items()}
    balance = {
        name: (
            sentences.gains(result, base=base[1] if base else None, base_title=base[0] if base else ""),
            sentences.costs(result, base=base[1] if base else None, base_title=base[0] if base else ""),
        )
        for name, result in run.schemes.items()
    }
    numbered = {name: n for n, name in enumerate(run.schemes, 1)} if len(run.schemes) > FEW else {}
    kinds = {kind: n for n, kind in enumerate(dict.fromkeys(r.family for r in run.schemes.values()))}
    labels = {name: str(number) for name, number in numbered.items()} or titled
    drawn = _points(run, labels, kinds=kinds if numbered else {})
    points = list(drawn.values())
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            warned=sentences.warned(run),
            outcomes=sentences.outcomes_of(run) if numbered else [],
            titled=titled,
            top=sentences.together(run),
            second=sentences.children(run),
            beyond=sentences.beyond(run),
            exposure=matrix.matrix(run),
            left=matrix.kept(run),
            attack_names=matrix.ATTACKS,
            attack_heads=matrix.HEADS,
            attack_figures=list(matrix.figures(run, few=FEW)),
            unheard=matrix.silent(run),
            shadows=sentences.shadows(run),
            attack_time=sentences.attack_time(run),
            scatter=_scatter(points),
            wire=_wire(run, titled),
            cpu=_cpu(run, titled),
            bytes_by_party=bytes_by_party,
            balance=balance,
            families=families(run),
            properties=PROPERTIES,
            revoked=[r.revocation for r in run.schemes.values() if r.revocation],
            demands=sorted({demand for r in run.schemes.values() for demand in r.unanswered}),
            linked_by=LINKED_BY,
            shares=shares,
            few=FEW,
            numbered=numbered,
            key=[
                (number, charts.mark(kinds[run.schemes[name].family]), titled[name])
                for name, number in numbered.items()
                if name in drawn
            ],
            reuse={name: r for name, r in run.schemes.items() if r.reuse},
            again={name: r for name, r in run.schemes.items() if r.enrolled_again and r.enrolled_again.recovered[1]},
            joint=sentences.JOINT,
            outcome_sections=sections(run, titled),
            differences=differences_section(run, titled),
            analogy=ANALOGY,
            not_shown=NOT_SHOWN,
            glossary=GLOSSARY,
        )
    )
    return _unbroken(page.replace(CONTENTS, _contents(page), 1))


def _contents(page: str) -> str:
    """Links to the sections of a page: its level-two headings that have an id, as they stand there."""
    found = HEADING.findall(page)
    links = "".join(f'<li><a href="#{anchor}">{title}</a></li>' for anchor, title in found)
    return f'<nav class="contents" aria-label="Contents"><ul>{links}</ul></nav>' if found else ""


def _unbroken(page: str) -> str:
    """Figures stay on one line with their signs."""
    return page.rstrip().replace(" %", "\u00a0%").replace("≤ ", "≤\u00a0").replace(" ×", "\u00a0×") + "\n"


def _points(run: Run, labels: Mapping[str, str], *, kinds: Mapping[str, int]) -> dict[str, charts.Point]:
    """The schemes that have both a latency and a share; schemes of one kind have the same mark where there are many."""
    points = {}
    for number, (name, result) in enumerate(run.schemes.items()):
        step, link = result.steps.get(WHOLE), result.linkage.get(sentences.JOINT)
        if step is None or step.p50_ms is None or link is None or link.recall is None:
            continue
        points[name] = charts.Point(
            labels[name],
            step.p50_ms,
            link.recall,
            *link.interval,
            across=step.p50_interval,
            kind=kinds.get(result.family, number),
        )
    return points


def _scatter(points: Sequence[charts.Point]) -> Markup | None:
    if not points:
        return None
    told = "; ".join(f"{p.name}: {p.x:.2f} ms, {percent(p.y)} % linked" for p in points)
    return charts.scatter(
        points,
        title="Latency against linkability",
        description=f"Time of a whole sign-up against the share of accounts identified. {told}.",
        x_label="median time of a whole sign-up, ms",
        y_label="accounts identified by identity provider + platform A",
    )


def _wire(run: Run, titled: dict[str, str]) -> Markup:
    groups = [charts.Bar(titled[n], tuple(bytes_by_party(r).values())) for n, r in run.schemes.items()]
    return charts.bars(
        groups,
        ("identity provider", "platform"),
        title="Bytes per proof by party",
        description="Bytes sent and received for one sign-up or later proof. The same figures are in the table.",
        unit="bytes",
    )


def _cpu(run: Run, titled: dict[str, str]) -> Markup:
    groups = [
        charts.Bar(titled[n], (r.cpu_ms.identity_provider, r.cpu_ms.platform, r.cpu_ms.wallet))
        for n, r in run.schemes.items()
    ]
    return charts.bars(
        groups,
        ("identity provider, per request", "platform, per proof", "wallet, per presentation"),
        title="CPU time by party",
        description="CPU milliseconds by party. The same figures are in the table.",
        unit="ms",
    )
