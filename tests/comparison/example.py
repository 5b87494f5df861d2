"""A run as it could have been, for the report's tests: four schemes, every kind of cell."""

from __future__ import annotations

import msgspec

from idverify.comparison.coalitions import EVERY
from idverify.comparison.model import (
    AgeGate,
    Assumption,
    Attacked,
    CpuMs,
    EnrolledAgain,
    Linked,
    Load,
    Reuse,
    Revocation,
    Run,
    SchemeResult,
    Sentence,
    Shadow,
    SignUps,
    Step,
    Strongest,
)
from idverify.privacy.metrics import Linkage
from idverify.wallet.policy import METHODS, Method

JOINT, PLATFORMS = "identity_provider+platform_a", "platform_a+platform_b"
FIELD = "POST /api/issue/{scheme} sent.claims.id_number (raw)"


def linked(correct: int, linkable: int, claimed: int, candidates: int) -> Linked:
    found = Linkage("exact_join", correct, linkable, claimed, candidates)
    return Linked(
        attack=found.attack,
        correct=correct,
        linkable=linkable,
        claimed=claimed,
        recall=found.recall,
        precision=found.precision,
        interval=found.interval,
        baseline=found.baseline,
        candidates=candidates,
        evidence=[f"{FIELD} = POST /api/presentations/{{id}} received.claims.id_number (raw)"] if correct else [],
    )


def strongest(attack: str, correct: int, targets: int, candidates: int) -> Strongest:
    found = Linkage(attack, correct, targets, correct, candidates)
    detected = found.above_baseline
    return Strongest(
        attack=attack,
        attacker="policy" if attack else "",
        top_1=correct / targets,
        correct=correct,
        targets=targets,
        interval=found.interval,
        baseline=found.baseline,
        candidates=candidates,
        detected=detected,
        attacks=21 if attack else 0,
        claimed_confidence=0.97 * correct / targets,
        median_rank=1.0 if detected else candidates / 2,
        set_median=None if attack == "near_join" else 1.1 if detected else float(candidates),
        set_5th=None if attack == "near_join" else 1.0 if detected else float(candidates),
        scored_set=None if attack == "near_join" else 1.2 if detected else float(candidates),
        withheld="adversary miscalibrated, value withheld" if attack == "near_join" else "",
        game=(targets if detected else targets // 2, targets),
        evidence=["network address = network address"] if attack == "address" else [],
    )


def attacked(name: str, arrived: Strongest | None, messages: Strongest | None = None, silent: str = "") -> Attacked:
    each = next(each for each in EVERY if each.name == name)
    alone = len(each.parties) == 1
    return Attacked(
        parties=list(each.parties),
        title=each.title,
        candidates_of="" if alone else each.parties[0],
        targets_of=each.parties[-1],
        targets=arrived.targets if arrived else 0,
        candidates=arrived.candidates if arrived else 0,
        arrived=arrived,
        kept=strongest("timing", 9, arrived.targets, arrived.candidates) if each.both and arrived else None,
        messages=messages or arrived,
        silent=silent,
        left_out={"damaged": 3, "without a subject": 82},
    )


def coalitions(*, private: bool) -> dict[str, Attacked]:
    """As for a scheme whose messages say nothing, or for one whose messages say all."""
    hidden, known = strongest("", 0, 312, 343), strongest("exact_join", 312, 312, 343)
    side = strongest("address", 301, 312, 343)
    both = "identity_provider+network_observer+platform_a"
    found = {
        JOINT: attacked(JOINT, side if private else known, hidden if private else known),
        PLATFORMS: attacked(PLATFORMS, side, hidden if private else known),
        "platform_a+platform_a": attacked("platform_a+platform_a", hidden if private else known),
        "platform_a": attacked("platform_a", strongest("enumeration", 0 if private else 312, 312, 101_300_000)),
        "network_observer+platform_a": attacked(
            "network_observer+platform_a", strongest("timing_and_address", 312, 312, 361), hidden
        ),
        both: attacked(both, side if private else known, hidden if private else known),
        "state": attacked("state", side if private else known, hidden if private else known),
        "thief_of_platform_a": attacked("thief_of_platform_a", strongest("near_join", 2, 312, 343)),
        "identity_provider": attacked("identity_provider", None, silent="no account is in these ledgers"),
    }
    return {each.name: found[each.name] for each in EVERY if each.name in found}


def step(n: int, p50: float, up: float, down: float) -> Step:
    return Step(
        n=n,
        per_second=n / 10,
        p50_ms=p50,
        p95_ms=p50 * 2.4,
        p99_ms=p50 * 4.1 if n >= 200 else None,
        p50_interval=(p50 * 0.95, p50 * 1.06),
        bytes_up=up,
        bytes_down=down,
    )


def scheme(title: str, p50: float, cpu: tuple[float | None, float, float], **others: object) -> SchemeResult:
    known: dict[str, object] = {
        "sign_ups": SignUps(attempted=402, accepted=312, refused={"already_used": 31, "too_young": 59}, failed=0),
        "steps": {
            "whole_sign_up": step(312, p50 * 3.2, 3200, 3600),
            "login": step(402, 1.9, 210, 160),
            "issue": step(343, p50 * 1.3, 350, 1900),
            "challenge": step(402, 1.1, 260, 420),
            "present": step(343, p50 * 0.8, 2100, 310),
            "sign_up": step(312, p50, 330, 280),
            "read": step(2480, 1.2, 190, 5400),
            "post": step(160, 2.3, 420, 260),
        },
        "cpu_ms": CpuMs(identity_provider=cpu[0], platform=cpu[1], wallet=cpu[2]),
        "storage_bytes_per_account": 655.4,
        "generator_cpu": 0.61,
        "linkage": {JOINT: linked(312, 312, 312, 343), PLATFORMS: linked(118, 118, 118, 312)},
        "age_gate": AgeGate(minors_admitted=(0, 47), borrowed_admitted=(12, 12), adults_blocked=(0, 340)),
        "accounts_per_person_max": 1,
        "title": title,
        "spec": "RFC 7519",
        "learns": {
            "identity_provider": "who signs up where, and when",
            "platform": "name, ID number and birth date",
        },
        "flags": {"online": True, "single_use": False, "signed": True, "quantum_safe": False},
        "capture_share": 0.021,
        "coalitions": coalitions(private=False),
        "shadow": Shadow(seed=1007, seconds=3.1, accounts=104, enough=True),
        "seconds": 10.0,
    }
    return SchemeResult(**(known | others))  # type: ignore[arg-type]


KINDS = (
    ("nobody vouches", ("self_declared", "Self-declared age"), ("document_upload", "Upload of the ID card")),
    (
        "issuer at each log-in",
        ("real_name", "Real name, central check"),
        ("real_name_hashed", "Real name, hashed ID number"),
        ("real_name_ml_dsa_65", "Real name, quantum-safe"),
        ("oidc_public", "OpenID Connect, the same sub everywhere"),
        ("oidc_pairwise", "OpenID Connect, pairwise"),
    ),
    (
        "kept by the wallet",
        ("sd_jwt_vc:A", "SD-JWT VC, once only (A)"),
        ("sd_jwt_vc:B", "SD-JWT VC, limited time (B)"),
        ("sd_jwt_vc:C", "SD-JWT VC, rotating batch (C)"),
        ("sd_jwt_vc:D", "SD-JWT VC, per platform (D)"),
        ("sd_jwt_vc_batch", "SD-JWT VC, 30 once-only"),
        ("sd_jwt_vc_ml_dsa_44", "SD-JWT VC, quantum-safe"),
        ("mdoc", "mdoc, one credential"),
        ("mdoc_batch", "mdoc, 30 once-only"),
    ),
    (
        "blind tokens, proofs",
        ("privacy_pass", "Privacy Pass token"),
        ("privacy_pass_split", "Privacy Pass, split attester"),
        ("privacy_pass_public_metadata", "Privacy Pass, age band as public metadata"),
        ("bbs", "BBS with per-platform pseudonyms"),
        ("bbs_escrow", "BBS, sealed for three of five openers"),
        ("bbs_any_age", "BBS, any age by a range proof"),
        ("zk_mdoc", "Zero-knowledge proof over an mdoc"),
    ),
)
"""Kinds of schemes with what they are called: as many, and as long, as there may be."""


STRETCHED = Revocation(n=20, median_s=0.74, mean_s=0.75, longest_s=1.44, ttl_s=1.0, publish_s=0.5)


def make_large_run() -> Run:
    """A run with every scheme that there may be, most of them with the same shares, some close together in time."""
    small, schemes = make_run(), {}
    for kind, *rows in KINDS:
        for number, (name, title) in enumerate(rows):
            private = kind.startswith("blind")
            like = small.schemes["privacy_pass" if private else name if name in small.schemes else "sd_jwt_vc"]
            named: Method = "A" if name.endswith("batch") else "B"
            method = next((each for each in METHODS if name.endswith(f":{each}")), named)
            pair = linked(0, 112, 0, 305) if method in "AD" or private else linked(118, 118, 118, 312)
            if method == "C":
                pair = linked(81, 111, 81, 118)
            visits = linked(109, 110, 110, 118) if method in "BD" and not private else linked(0, 110, 0, 118)
            base = like.steps["whole_sign_up"]
            assert base.p50_ms is not None
            p50 = base.p50_ms * (1 + 0.13 * number)
            whole = step(312, p50, base.bytes_up, base.bytes_down)
            keeps = kind in ("kept by the wallet", "blind tokens, proofs")
            schemes[name] = msgspec.structs.replace(
                like,
                title=title,
                family=kind,
                scheme=name.partition(":")[0],
                steps=like.steps | {"whole_sign_up": whole},
                linkage=like.linkage | {PLATFORMS: pair, "platform_a+platform_a": visits},
                reuse=Reuse(method=method, title="as it is", batch=10, refill="just_in_time") if keeps else None,
                experimental="one of a kind, and no standard" if name == "bbs_any_age" else "",
                enrolled_again=EnrolledAgain(
                    recovered=(9, 9), recognised=(9, 9) if private else (0, 0), second_account=(0, 24), new_seed=(0, 3)
                ),
                proofs_again=(250, 250),
                revocation=STRETCHED if kind == "kept by the wallet" else None,
            )
    return msgspec.structs.replace(
        small,
        schemes=schemes,
        missing={"zk_mdoc_2": "pylongfellow is not installed; it has wheels for Linux on x86_64 only"},
        left_out={"privacy_pass:B": "a platform accepts each credential once"},
    )


def make_run() -> Run:
    return Run(
        seed=7,
        mandate="directive_57",
        citizens=2000,
        machine={"cpu": "Example CPU 2.4 GHz", "cpus": 2, "memory_gib": 8.0, "system": "Linux 6.1"},
        versions={"python": "3.11.7", "idverify": "0.1.0"},
        command="idverify compare --seed 7",
        started="2026-03-01T08:00:00+00:00",
        load=Load(users=20, duration=10.0, warm_up=1.0),
        mandate_title="Directive 57-CT/TW",
        mandate_sentences=[
            Sentence(text="Nobody has an anonymous account.", source="Directive 57-CT/TW"),
            Sentence(text="Who is under 16 does not get in.", certainty="inferred", source="Decree 147/2024"),
            Sentence(text="User data is handed over within 24 hours.", certainty="uncertain", source="draft"),
        ],
        assumptions=[
            Assumption(name="borrowing", value=0.19, meaning="share of minors who use an adult's credential"),
            Assumption(name="lying", value=0.85, meaning="share of minors who declare a false birth date"),
        ],
        schemes={
            "self_declared": scheme(
                "Self-declared age",
                1.4,
                (None, 0.7, 0.05),
                linkage={JOINT: linked(0, 0, 0, 0), PLATFORMS: linked(0, 124, 0, 330)},
                coalitions=coalitions(private=True)
                | {JOINT: attacked(JOINT, None, silent="identity provider has a record of nobody")},
                age_gate=AgeGate(minors_admitted=(40, 47), borrowed_admitted=(0, 0), adults_blocked=(0, 340)),
                accounts_per_person_max=8,
                unanswered=["attested", "identity", "one_account"],
                flags={"online": False, "single_use": False, "signed": False, "quantum_safe": True},
                learns={"platform": "the birth date that somebody typed in"},
                limits="nobody checks what is declared",
            ),
            "real_name": scheme("Real name, central check", 2.2, (2.1, 1.5, 0.3)),
            "sd_jwt_vc": scheme(
                "SD-JWT VC, one credential",
                2.9,
                (1.9, 1.8, 0.6),
                unanswered=["identity"],
                flags={"online": False, "single_use": False, "signed": True, "quantum_safe": False},
            ),
            "privacy_pass": scheme(
                "Privacy Pass",
                2.5,
                (3.4, 1.3, 1.2),
                linkage={JOINT: linked(0, 305, 0, 331), PLATFORMS: linked(0, 112, 0, 305)},
                coalitions=coalitions(private=True),
                unanswered=["identity", "one_account"],
                accounts_per_person_max=5,
                flags={"online": False, "single_use": True, "signed": True, "quantum_safe": False},
                warnings=["the load generator was busy for 83% of its time (limit 80%): do not trust the latencies"],
            ),
        },
    )
