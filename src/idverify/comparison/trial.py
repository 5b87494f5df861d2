"""One scheme's trial: a fresh world, load, stop, attacks, score. The only place that starts things."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from idverify.comparison import collect, gather, revocation, stored, visits
from idverify.comparison.databases import fresh_database
from idverify.comparison.describing import describe
from idverify.comparison.model import Linked, Revocation, SchemeResult
from idverify.comparison.theft import steal
from idverify.comparison.variants import Variant
from idverify.errors import BadEnvironment, IdverifyError
from idverify.load.result import LoadResult
from idverify.load.run import run_load
from idverify.mandates import Mandate
from idverify.metering import Use
from idverify.population import Population
from idverify.privacy import score
from idverify.privacy.attack import subjects_in
from idverify.privacy.attacks.exact_join import NAME
from idverify.privacy.public import write_public
from idverify.privacy.tables import ledger_files
from idverify.scheme import Info
from idverify.settings import Settings
from idverify.wallet.policy import Policy, keeps_credentials, policy_of
from idverify.world import World, environment_of

COALITIONS = (("identity_provider", "platform_a"), ("platform_a", "platform_b"))
VISITED = "platform_a"
"""The platform whose two visits are joined with each other."""
STOLEN = ("identity_provider", "platform_a", "platform_b")
"""Whose databases a thief gets a copy of, when the load has ended."""
LONGEST_ATTACK = 600.0
START_SECONDS, STOP_SECONDS, ATTACK_SECONDS, LOCUST_SECONDS, REVOKE_SECONDS = 4.0, 1.0, 8.0, 3.0, 8.0
OUTCOME_SECONDS = 2.0
"""How long the phases take here, for the progress bar; nothing else depends on it."""

Phase = Callable[[str, float | None], None]
"""Called when a phase begins: its name, and the seconds it is expected to take where that is known."""


class Trial:
    """How every scheme of one comparison is tried. `stop`, once set, ends the load early and in good order."""

    def __init__(
        self,
        settings: Settings,
        mandate: Mandate,
        *,
        seconds: float | None,
        sign_ups: int | None,
        users: int,
        warm_up: float,
        stop: threading.Event,
    ) -> None:
        self.settings = settings
        self.mandate = mandate
        self.seconds = seconds
        self.sign_ups = sign_ups
        self.users = users
        self.warm_up = warm_up
        self.stop = stop
        self.under_load = False
        self.population = Population.make(settings.citizens, settings.seed)
        self._revocations: dict[str, Revocation | None] = {}

    def reseed(self, seed: int) -> None:
        """From now on with the people of that seed; how long revocations take is not measured again."""
        self.settings = replace(self.settings, seed=seed)
        self.population = Population.make(self.settings.citizens, seed)

    @property
    def expected_seconds(self) -> float | None:
        """How long one scheme will take, where that is known."""
        if self.seconds is None:
            return None
        return self.warm_up + self.seconds + LOCUST_SECONDS + START_SECONDS + STOP_SECONDS + ATTACK_SECONDS

    def run(self, variant: Variant, folder: Path, *, phase: Phase) -> SchemeResult:
        """Try one scheme in `folder`. Raises BadEnvironment where its world does not come up."""
        info = variant.info
        folder.mkdir(parents=True)
        with fresh_database(self.settings.database_url) as database:
            settings = replace(variant.settings(self.settings), database_url=database)
            phase("starting the services", START_SECONDS)
            with World(folder, settings) as world:
                before = self._first_metrics(folder)
                expected = None if self.seconds is None else self.warm_up + self.seconds + LOCUST_SECONDS
                phase("under load", expected)
                load = self._load(world, info.name, folder)
                origins = {party: world.urls[party] for party in world.parties}
                phase("stopping the services", STOP_SECONDS)
            after = read_metrics(folder)
            bytes_stored = self._bytes_stored(folder, database)
            for party in STOLEN:
                steal(
                    database or f"sqlite:///{folder / party}.sqlite", party, folder=folder / "ledgers", at=time.time()
                )
        write_public(folder / "ledgers", describe(settings, info, self.mandate, origins=origins))
        load.truth.replace(folder / "truth.jsonl") if load.truth.is_file() else (folder / "truth.jsonl").touch()
        self._tidy(folder)
        phase("attacking the ledgers", ATTACK_SECONDS)
        linkage = attack_all(folder)
        late: list[str] = []
        if info.status and info.name not in self._revocations and not self.stop.is_set():
            phase("revoking", REVOKE_SECONDS)
            self._revocations[info.name] = self._revocation(info.name, late)
        accounts = len(score.read_truth(folder / "truth.jsonl"))
        measured = from_load(
            load,
            info,
            before=before,
            after=after,
            storage_bytes=bytes_stored,
            accounts_stored=accounts,
            unanswered=frozenset(self.mandate.unanswered(info)),
            policy=policy_of(info, settings) if keeps_credentials(info) else None,
        )
        measured = replace(measured, revocation=self._revocations.get(info.name), warnings=[*measured.warnings, *late])
        result = collect.result(measured, linkage, title=variant.title)
        phase("counting outcomes", OUTCOME_SECONDS)
        return self._with_outcomes(result, info, folder, since=load.started - self.warm_up)

    def _with_outcomes(self, result: SchemeResult, info: Info, folder: Path, *, since: float) -> SchemeResult:
        """The result with what became of people; what goes wrong there is a warning of this scheme."""
        trial = gather.Ended(folder=folder, info=info, mandate=self.mandate, population=self.population, since=since)
        try:
            return msgspec.structs.replace(result, outcomes=gather.outcomes(trial, result))
        except IdverifyError as error:
            told = f"the outcomes could not be counted: {error.message}"
            return msgspec.structs.replace(result, warnings=[*result.warnings, told])

    def _load(self, world: World, scheme: str, folder: Path) -> LoadResult:
        self.under_load = True
        try:
            return run_load(
                world.urls,
                scheme,
                seconds=self.seconds,
                sign_ups=self.sign_ups,
                users=self.users,
                rate=self.settings.rate,
                seed=self.settings.seed,
                citizens=self.settings.citizens,
                results=folder / "load",
                warm_up=self.warm_up,
                stop=self.stop,
                settings=world.settings,
            )
        finally:
            self.under_load = False

    def _revocation(self, scheme: str, warnings: list[str]) -> Revocation | None:
        """How long revocations take, in a world of its own; what goes wrong there is a warning of this scheme."""
        try:
            with TemporaryDirectory(prefix="idverify-revoke-") as folder:
                seconds = revocation.in_a_world_of_its_own(self.settings, scheme, Path(folder))
        except IdverifyError as error:
            warnings.append(f"how long a revocation takes could not be measured: {error.message}")
            return None
        return collect.revocation(seconds, ttl=revocation.TTL, publish=revocation.PUBLISH)

    def _first_metrics(self, folder: Path) -> list[Use]:
        """What starting cost, which is nobody's sign-up: the meters write half a second after the first request."""
        until = time.monotonic() + 1.0
        while time.monotonic() < until and len(list((folder / "metrics").glob("*.json"))) < 3:
            time.sleep(0.05)
        return read_metrics(folder)

    def _bytes_stored(self, folder: Path, database: str) -> int | None:
        if database:
            return sum(stored.postgresql_bytes(database, party) for party in ("platform_a", "platform_b"))
        files = [p for p in folder.glob("platform*.sqlite") if p.is_file()]
        return sum(stored.sqlite_bytes(path) for path in files) if files else None

    def _tidy(self, folder: Path) -> None:
        """Keys and databases go; ledgers, truth, logs, metrics and the load's own figures stay."""
        shutil.rmtree(folder / "keys", ignore_errors=True)
        for path in folder.glob("*.sqlite*"):
            path.unlink()


def read_metrics(folder: Path) -> list[Use]:
    """The metrics files of a world; one that is just being replaced is read next time."""
    read = msgspec.json.Decoder(Use).decode
    found = []
    for path in sorted((folder / "metrics").glob("*.json")):
        try:
            found.append(read(path.read_bytes()))
        except (OSError, msgspec.DecodeError):
            continue
    return found


def attack_all(folder: Path) -> dict[str, Linked]:
    """Every coalition's attack in a process of its own, which gets the ledgers and not the truth; then the score."""
    truth = score.read_truth(folder / "truth.jsonl")
    found = {}
    for coalition in COALITIONS:
        name = "+".join(coalition)
        claims, evidence = _attack(folder / "ledgers", coalition, out=folder / f"guesses-{name}.csv")
        seen = {party: subjects_in(folder / "ledgers", party) for party in coalition}
        found[name] = collect.linked(score.score(claims, truth, coalition, seen=seen, attack=NAME), evidence)
    name = f"{VISITED}+{VISITED}"
    seen_twice = visits.read_visits(ledger_files(folder / "ledgers", VISITED))
    with TemporaryDirectory(prefix="idverify-visits-") as cut:
        visits.write_ledgers(seen_twice, Path(cut))
        claims, evidence = _attack(Path(cut), (visits.FIRST, visits.LATER), out=folder / f"guesses-{name}.csv")
    found[name] = collect.linked(visits.recognised(seen_twice, claims, attack=NAME), evidence)
    return found


def _attack(ledgers: Path, coalition: tuple[str, str], *, out: Path) -> tuple[list[score.Claim], list[str]]:
    """The claims of the exact join of two parties, and the pairs of fields that gave them away."""
    command = [sys.executable, "-m", "idverify.privacy.attack", ".", "--coalition", ",".join(coalition)]
    done = subprocess.run(
        [*command, "--out", str(out.resolve())],
        cwd=ledgers,
        env=environment_of(Settings()),
        capture_output=True,
        text=True,
        timeout=LONGEST_ATTACK,
        start_new_session=True,
    )
    if done.returncode:
        name = "+".join(coalition)
        raise BadEnvironment(f"the attack of {name} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    pairs = json.loads(out.with_suffix(".pairs.json").read_bytes())["pairs"]
    return score.read_claims(out), [f"{pair['first']} = {pair['second']}" for pair in pairs]


def from_load(
    load: LoadResult,
    info: Info,
    *,
    before: list[Use],
    after: list[Use],
    storage_bytes: int | None,
    accounts_stored: int,
    unanswered: frozenset[str],
    policy: Policy | None,
) -> collect.Measured:
    """The load's own figures in the terms of `collect`."""
    warnings = []
    if load.lag_ms_p99 > 10:
        warnings.append(f"the load generator was {load.lag_ms_p99:.0f} ms late (p99, limit 10): latencies are too high")
    failed_requests = sum(step.failed for step in load.steps.values())
    if failed_requests:
        warnings.append(f"{failed_requests} requests failed")
    return collect.Measured(
        info=info,
        seconds=load.seconds,
        steps={name: collect.StepSample(step.ms, step.up, step.down) for name, step in load.steps.items()},
        attempted=load.attempted,
        accepted=load.accepted,
        refused=load.refused,
        failed=load.failed,
        minors_admitted=load.minors_admitted,
        borrowed_admitted=load.borrowed_admitted,
        adults_blocked=load.adults_blocked,
        adults_blocked_reasons=load.adults_blocked_reasons,
        accounts_per_person_max=max(load.accounts_per_person_max.values(), default=0),
        generator_cpu=load.cpu_share,
        wallet_cpu=load.wallet_cpu,
        before=before,
        after=after,
        storage_bytes=storage_bytes,
        accounts_stored=accounts_stored,
        unanswered=unanswered,
        policy=policy,
        fallbacks=load.fallbacks,
        proofs_again=load.proofs_again,
        enrolled_again=load.enrolled_again,
        complete=not load.stopped,
        warnings=warnings,
    )
