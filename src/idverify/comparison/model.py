"""run.json: everything that one comparison found, as typed values (run_schema.json is made from them).

The keys of `Run` and `SchemeResult` up to `accounts_per_person_max` are relied on by others; what follows them was
added for the report. Times are milliseconds, sizes bytes, shares between 0 and 1, intervals 95 %.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

from idverify.comparison.documents import decoded, encoded, schema_of
from idverify.outcomes.model import Amount, Count, Difference, Figures, Outcomes, QuasiIdentifier, Share

SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("run_schema.json")
Label: TypeAlias = Literal["MEASURED", "SIMULATED", "EXTRAPOLATED"]


class Step(Struct, frozen=True, kw_only=True):
    """One kind of request, or a whole sign-up. p99 is null below 200 samples: too few."""

    n: Count
    per_second: Amount
    p50_ms: Amount | None
    p95_ms: Amount | None
    p99_ms: Amount | None
    p50_interval: tuple[Amount, Amount] | None = None  # 95 %, from order statistics; null below 20 samples
    bytes_up: Amount  # per request, bodies and headers as the generator counts them
    bytes_down: Amount


class SignUps(Struct, frozen=True, kw_only=True):
    attempted: Count
    accepted: Count
    refused: dict[str, Count]
    failed: Count


class CpuMs(Struct, frozen=True, kw_only=True):
    """CPU milliseconds; null where there was nothing to divide by."""

    identity_provider: Amount | None  # per request for credentials
    platform: Amount | None  # per sign-up or proof again
    wallet: Amount | None  # per presentation


class Linked(Struct, frozen=True, kw_only=True):
    """One attack by one coalition. recall is null where no account was linkable, precision where none was claimed."""

    attack: str
    correct: Count
    linkable: Count
    claimed: Count
    recall: Share | None
    precision: Share | None
    interval: tuple[Share, Share]
    baseline: Share
    candidates: Count = 0
    evidence: list[str] = []  # the pairs of fields that gave it away
    label: Label = "MEASURED"


class Strongest(Struct, frozen=True, kw_only=True):
    """The strongest of all attacks of one coalition, by the attacker that is named; the whole adversary, not one guess.

    `attack` is empty where no attack had anything to go by: then the figures are those of a guess at random.
    """

    attack: str
    attacker: Literal["policy", "trained", "blind", ""]
    top_1: Share  # of the targets, named right by the first guess
    correct: Count  # that share in targets
    targets: Count
    interval: tuple[Share, Share]  # of top_1, for all attacks that spoke at once (Bonferroni)
    baseline: Share  # a guess at random: 1/candidates
    candidates: Count  # N
    detected: bool  # the interval excludes the baseline
    attacks: Count = 0  # that had something to say
    claimed_confidence: Share | None = None
    median_rank: Amount | None = None  # of the truth among the candidates
    set_median: Amount | None = None  # 2^entropy of what the adversary claims, persons
    set_5th: Amount | None = None
    scored_set: Amount | None = None  # 2^(−mean log2 p of the truth)
    withheld: str = ""  # why the sets are null
    claimed: Count = 0  # targets for which the attack would speak up
    precision: Share | None = None
    game: tuple[Count, Count] = (0, 0)  # two-user game: won, of; half is chance
    game_interval: tuple[Share, Share] = (0.0, 1.0)
    calibration: list[tuple[float, float, Count]] = []  # mean confidence, share right, targets, by tenths of confidence
    evidence: list[str] = []


class Searched(Struct, frozen=True, kw_only=True):
    """A search through all ID numbers that was not carried to its end: what lies behind a hash may be found yet."""

    tried: Count
    possible: Count
    seconds: Amount  # EXTRAPOLATED: for all of them, on the machine of the run


class Attacked(Struct, frozen=True, kw_only=True):
    """What one coalition finds out: the strongest attack on all that arrived, and on what the mandate says is kept."""

    parties: list[str]
    title: str
    candidates_of: str  # the party that knows who there is; empty for one that is alone with the whole country
    targets_of: str
    targets: Count
    candidates: Count
    arrived: Strongest | None  # null: `silent` says why
    kept: Strongest | None = None  # null where it was not attacked either
    messages: Strongest | None = None  # on all that arrived but times and addresses: by what the messages say
    silent: str = ""
    left_out: dict[str, Count] = {}  # records that could not be used, by reason
    label: Label = "MEASURED"
    searched: Searched | None = None  # null: there was nothing to search for, or nothing left to try


class Shadow(Struct, frozen=True, kw_only=True):
    """The world of another seed on which the trained attacker learned; its accounts' owners are known to it."""

    seed: Count
    seconds: Amount
    accounts: Count
    enough: bool  # to learn a rhythm from


class AgeGate(Struct, frozen=True, kw_only=True):
    """Each as [k, n]: admitted or blocked, of those who tried."""

    minors_admitted: tuple[Count, Count]  # with credentials or declarations of their own
    borrowed_admitted: tuple[Count, Count]  # minors with an adult's credential
    adults_blocked: tuple[Count, Count]  # of age, and without an account on some platform
    adults_blocked_reasons: dict[str, Count] = {}  # no_device, no_e_id …: persons, by the first reason met


class Reuse(Struct, frozen=True, kw_only=True):
    """How wallets used the credentials of this scheme (docs/wallet.md), and how often more were fetched."""

    method: Literal["A", "B", "C", "D"]
    title: str
    batch: Count
    refill: str
    lower_limit: Count = 0
    lifetime_s: Amount = 0.0  # 0: as long as the issuer's date says
    issued: Count = 0  # requests to the issuer that somebody waited for
    refills: Count = 0  # and those that nobody waited for
    fallbacks: Count = 0  # used copies shown again because the issuer did not answer


class EnrolledAgain(Struct, frozen=True, kw_only=True):
    """What became of those who enrolled again, each as [k, n] of persons or tries."""

    recovered: tuple[Count, Count]  # lost the phone, restored the seed, and proved the old account
    recognised: tuple[Count, Count]  # of these, as the same person by a pseudonym, where there is one
    second_account: tuple[Count, Count]  # tries that gave a further account on the same platform
    new_seed: tuple[Count, Count]  # tries as somebody else that gave an account, where the issuer remembers people


class Revocation(Struct, frozen=True, kw_only=True):
    """Seconds from a revoke call to the platform's first denial, in a world of its own with short times.

    Expected is (ttl + publish)/2 on average; longer times stretch it in proportion (docs/status.md).
    """

    n: Count
    median_s: Amount
    mean_s: Amount
    longest_s: Amount
    ttl_s: Amount  # how long the platform keeps a list
    publish_s: Amount  # how often the status host looks for a newer one


class SchemeResult(Struct, frozen=True, kw_only=True):
    sign_ups: SignUps
    steps: dict[str, Step]
    cpu_ms: CpuMs
    storage_bytes_per_account: Amount | None
    generator_cpu: Amount
    linkage: dict[str, Linked]
    age_gate: AgeGate
    accounts_per_person_max: Count
    title: str = ""
    spec: str = ""
    limits: str = ""
    learns: dict[str, str] = {}
    flags: dict[str, bool] = {}  # online, single_use, signed, binds_device, quantum_safe, remembers, rationed …
    scheme: str = ""  # the scheme of a variant such as sd_jwt_vc:A
    family: str = ""
    experimental: str = ""  # why nobody should rely on it
    parties: list[str] = []  # who takes part beside identity provider, platform and wallet
    reuse: Reuse | None = None  # null where wallets keep no credential of this scheme
    proofs_again: tuple[Count, Count] = (0, 0)  # accounts that were proven again, as at a later log-in
    enrolled_again: EnrolledAgain | None = None
    revocation: Revocation | None = None  # null where credentials have no status, or it was not measured
    unanswered: list[str] = []  # what the mandate demands of a sign-up and the scheme leaves unmet
    capture_share: Share | None = None  # of the services' CPU, spent on keeping ledgers
    seconds: Amount = 0.0  # of load that was measured
    complete: bool = True  # false: stopped before its time
    warnings: list[str] = []
    label: Label = "MEASURED"
    coalitions: dict[str, Attacked] = {}  # by coalition: parties with + between them, or `state`
    shadow: Shadow | None = None  # null: no attacker was trained
    attack_seconds: Amount | None = None  # what all attacks took, judging included
    closing_seconds: Amount | None = None  # what closing the ledgers took, mostly before
    outcomes: Outcomes | None = None  # bits, exposure, Sybil, age gate, unmasking, coverage, cost


class Principle(Struct, frozen=True, kw_only=True):
    """One item of the checklist: what this run measured, what a design declares, what lies outside."""

    source: str
    principle: str
    status: Literal["MEASURED", "DECLARED", "OUTSIDE THE SIMULATION"]
    where: str
    anchor: str = ""  # the part of the report


class Sentence(Struct, frozen=True, kw_only=True):
    """A rule of the mandate in words."""

    text: str
    certainty: Literal["seen", "inferred", "uncertain", "setting"] = "seen"
    source: str = ""


class Assumption(Struct, frozen=True, kw_only=True):
    """A setting that stands for something nobody has measured, or a measured value with its source."""

    name: str
    value: float
    meaning: str


class Load(Struct, frozen=True, kw_only=True):
    users: Count = 0
    duration: Amount | None = None
    sign_ups: Count | None = None
    rate: Amount = 0.0
    warm_up: Amount = 0.0


class Run(Struct, frozen=True, kw_only=True):
    schema: Literal[1] = 1
    seed: int
    mandate: str
    citizens: Count
    machine: dict[str, str | int | float | None]
    versions: dict[str, str]
    command: str
    schemes: dict[str, SchemeResult]
    status: Literal["complete", "partial"] = "complete"
    failed: dict[str, str] = {}  # scheme → why it could not be measured
    missing: dict[str, str] = {}  # scheme → why it is not on this machine
    left_out: dict[str, str] = {}  # scheme, or variant such as privacy_pass:B → why it was not run
    started: str = ""  # ISO 8601, UTC
    database: Literal["sqlite", "postgresql"] = "sqlite"
    load: Load = Load()
    attack_seconds: Amount | None = None  # what the attacks took, several worlds at once
    mandate_title: str = ""
    mandate_sentences: list[Sentence] = []
    assumptions: list[Assumption] = []
    quasi_identifiers: list[QuasiIdentifier] = []  # of the country, whatever a scheme shows
    checklist: list[Principle] = []
    seeds: list[int] = []  # more than one with --seeds; `schemes` are those of the first
    figures: list[Figures] = []  # the key metrics of each scheme under each seed
    differences: list[Difference] = []  # paired over seeds


def as_bytes(run: Run) -> bytes:
    """run.json. What does not fit the schema is refused here, before anything is written."""
    return encoded(run)


def from_bytes(raw: bytes) -> Run:
    """Read a run.json. Raises BadEnvironment that says what does not fit."""
    return decoded(raw, Run, name="run.json", version=SCHEMA_VERSION, written_by="idverify compare")


def schema() -> bytes:
    """The JSON Schema (2020-12) of run.json; `run_schema.json` is this, and a test keeps it so."""
    return schema_of(Run)
