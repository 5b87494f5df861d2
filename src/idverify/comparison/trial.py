"""One scheme's trial: a fresh world, load, stop. The only place that starts things."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from idverify.comparison import collect, revocation, stored
from idverify.comparison.attacked import LONGEST
from idverify.comparison.concluding import Loaded
from idverify.comparison.databases import fresh_database
from idverify.comparison.describing import describe
from idverify.comparison.model import Revocation, Shadow
from idverify.comparison.openings import open_accounts
from idverify.comparison.theft import steal
from idverify.comparison.variants import Variant
from idverify.errors import IdverifyError
from idverify.load.result import LoadResult
from idverify.load.run import run_load
from idverify.mandates import Mandate
from idverify.metering import Use
from idverify.population import Population
from idverify.privacy import score
from idverify.privacy.attackers import Attacker
from idverify.privacy.closing import close_all
from idverify.privacy.lags import LEAST_POINTS
from idverify.privacy.public import write_public
from idverify.scheme import Info
from idverify.settings import Settings
from idverify.wallet.policy import Policy, keeps_credentials, policy_of
from idverify.world import World

STOLEN = ("identity_provider", "platform_a", "platform_b")
"""Whose databases a thief gets a copy of, when the load has ended."""
START_SECONDS, STOP_SECONDS, LOCUST_SECONDS, REVOKE_SECONDS, CLOSE_SECONDS = 4.0, 1.0, 3.0, 8.0, 2.0
ATTACK_SECONDS, OUTCOME_SECONDS = 3.5, 1.0
"""How long the phases take here, for the progress bar; nothing else depends on it."""

SHADOW = "shadow"
"""The folder of the shadow world beside the ledgers of the scheme's own."""
OTHER_SEED = 1_000
"""What is added to the seed for the shadow world: other people, who do the same, and whom no repetition attacks."""

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
        attacker: Attacker,
        shadow: float = 0.0,
    ) -> None:
        self.settings = settings
        self.mandate = mandate
        self.seconds = seconds
        self.sign_ups = sign_ups
        self.users = users
        self.warm_up = warm_up
        self.stop = stop
        self.attacker = attacker
        self.shadow = shadow
        self.under_load = False
        self.population = Population.make(settings.citizens, settings.seed)
        self._revocations: dict[str, Revocation | None] = {}
        self._shadows: dict[str, tuple[Path, Shadow]] = {}

    def reseed(self, seed: int) -> None:
        """From now on with the people of that seed; how long revocations take is not measured again."""
        self.settings = replace(self.settings, seed=seed)
        self.population = Population.make(self.settings.citizens, seed)

    @property
    def expected_seconds(self) -> float | None:
        """How long one scheme will take, where that is known."""
        if self.seconds is None:
            return None
        trained = self.shadow + LOCUST_SECONDS + START_SECONDS + STOP_SECONDS if self.shadow else 0.0
        concluding = CLOSE_SECONDS + ATTACK_SECONDS + OUTCOME_SECONDS
        return self.warm_up + self.seconds + LOCUST_SECONDS + START_SECONDS + STOP_SECONDS + concluding + trained

    def load(self, variant: Variant, folder: Path, *, phase: Phase) -> Loaded:
        """Put one scheme under load, in `folder`. Raises BadEnvironment where its world does not come up."""
        info = variant.info
        folder.mkdir(parents=True)
        with fresh_database(self.settings.database_url) as database:
            settings = replace(variant.settings(self.settings), database_url=database)
            phase("starting the services", START_SECONDS)
            with World(folder, settings) as world:
                before = self._first_metrics(folder)
                expected = None if self.seconds is None else self.warm_up + self.seconds + LOCUST_SECONDS
                phase("under load", expected)
                load = self._load(world, info.name, folder, seconds=self.seconds, warm_up=self.warm_up)
                origins = {party: world.urls[party] for party in world.parties}
                phase("stopping the services", STOP_SECONDS)
            after = read_metrics(folder)
            bytes_stored = self._bytes_stored(folder, database)
            _steal_all(folder, database)
        write_public(folder / "ledgers", describe(settings, info, self.mandate, origins=origins))
        load.truth.replace(folder / "truth.jsonl") if load.truth.is_file() else (folder / "truth.jsonl").touch()
        self._tidy(folder)
        if info.opened_by:
            open_accounts(folder, platform=STOLEN[1], population=self.population)
        late: list[str] = []
        shadow = self._shadow(variant, folder / SHADOW, phase=phase, warnings=late)
        phase("closing the ledgers", CLOSE_SECONDS)
        closing = self._close([folder / "ledgers", *([shadow[0] / "ledgers"] if shadow else [])])
        if info.status and info.name not in self._revocations and not self.stop.is_set():
            phase("revoking", REVOKE_SECONDS)
            self._revocations[info.name] = self._revocation(info.name, late)
        accounts = _accounts(folder)
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
        return Loaded(
            variant=variant,
            folder=folder,
            mandate=self.mandate,
            population=self.population,
            since=load.started - self.warm_up,
            measured=replace(
                measured, revocation=self._revocations.get(info.name), warnings=[*measured.warnings, *late]
            ),
            shadow=shadow,
            closing=closing,
        )

    def _close(self, ledgers: Sequence[Path]) -> float:
        """Make tables of the lines, and say how many seconds it took.

        Whatever is not closed now is closed when it is attacked, and what goes wrong is told then.
        """
        begun = time.monotonic()
        try:
            close_all(ledgers, self.attacker, at_once=2, timeout=LONGEST)
        except IdverifyError:
            pass
        except KeyboardInterrupt:
            self.attacker.interrupt()
            self.stop.set()
        return time.monotonic() - begun

    def _shadow(
        self, variant: Variant, folder: Path, *, phase: Phase, warnings: list[str]
    ) -> tuple[Path, Shadow] | None:
        """A short load in a world of another seed, for the attacker that trains; None where there is none.

        It is the same services under the same load with other people, so that it teaches the rhythm of this scheme on
        this machine. One world serves all repetitions. What goes wrong there is a warning of this scheme.
        """
        if not self.shadow or self.stop.is_set() or variant.name in self._shadows:
            return self._shadows.get(variant.name)
        phase("a shadow world to train on", START_SECONDS + self.shadow + LOCUST_SECONDS)
        seed = self.settings.seed + OTHER_SEED
        try:
            folder.mkdir()
            with fresh_database(self.settings.database_url) as database:
                settings = replace(variant.settings(self.settings), database_url=database, seed=seed)
                with World(folder, settings) as world:
                    load = self._load(world, variant.info.name, folder, seconds=self.shadow, warm_up=0.0)
                    origins = {party: world.urls[party] for party in world.parties}
                _steal_all(folder, database)
        except IdverifyError as error:
            shutil.rmtree(folder, ignore_errors=True)
            warnings.append(f"nobody could train on a shadow world: {error.message}")
            return None
        write_public(folder / "ledgers", describe(settings, variant.info, self.mandate, origins=origins))
        load.truth.replace(folder / "truth.jsonl") if load.truth.is_file() else (folder / "truth.jsonl").touch()
        self._tidy(folder)
        for name in ("load", "logs", "metrics"):
            shutil.rmtree(folder / name, ignore_errors=True)
        accounts = _accounts(folder)
        enough = accounts >= LEAST_POINTS
        if not enough:
            warnings.append(
                f"the shadow world has {accounts} accounts, too few to train on ({LEAST_POINTS} are needed)"
            )
        told = Shadow(seed=seed, seconds=round(load.seconds, 2), accounts=accounts, enough=enough)
        self._shadows[variant.name] = folder, told
        return self._shadows[variant.name]

    def _load(self, world: World, scheme: str, folder: Path, *, seconds: float | None, warm_up: float) -> LoadResult:
        self.under_load = True
        try:
            return run_load(
                world.urls,
                scheme,
                seconds=seconds,
                sign_ups=self.sign_ups,
                users=self.users,
                rate=self.settings.rate,
                seed=world.settings.seed,
                citizens=self.settings.citizens,
                results=folder / "load",
                warm_up=warm_up,
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
        for name in ("keys", "token_keys"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for path in folder.glob("*.sqlite*"):
            path.unlink()


def _steal_all(folder: Path, database: str) -> None:
    """A thief's copy of each database as it stands now, beside the ledgers."""
    for party in STOLEN:
        url = database or f"sqlite:///{folder / party}.sqlite"
        steal(url, party, folder=folder / "ledgers", at=time.time())


def _accounts(folder: Path) -> int:
    """How many accounts the truth knows, on all platforms."""
    return sum(row.platform.startswith("platform") for row in score.read_truth(folder / "truth.jsonl"))


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
