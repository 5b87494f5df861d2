"""Locust's side of a load test: options, warm-up, partition over workers, generator lag, results at the end."""

from __future__ import annotations

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping

import gevent
from locust import User, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.event import EventHook
from locust.runners import MasterRunner, Runner, WorkerRunner

from idverify.errors import BadSetting, IdverifyError, Unusable
from idverify.load.rush import Rush
from idverify.load.state import Load
from idverify.load.users import CitizenUser, load_of, user_classes
from idverify.schemes import SCHEMES
from idverify.settings import Settings

PARTITION = "idverify_partition"
TICK = 0.02
"""Seconds between two looks at how late this process's own event loop is."""
STOP_TIMEOUT = 15.0
"""Seconds that users have to finish a journey: one that is cut off would leave an account that nobody knows of."""
log = logging.getLogger("idverify.load")


def expose() -> dict[str, type[User]]:
    """Register everything with Locust and return the user classes by name, for a locustfile's globals."""
    settings = Settings.from_environment()
    classes = user_classes(settings)
    if not classes:
        known = ", ".join(SCHEMES)
        raise BadSetting(f"IDVERIFY_SCHEMES is {settings.schemes!r}, which names no scheme", hint=f"there are {known}")
    for each in classes:
        each.host = settings.platform_urls[0]

    def _options(parser: LocustArgumentParser) -> None:
        group = parser.add_argument_group("idverify")
        group.add_argument("--warm-up", type=float, default=3.0, help="seconds at the start that are not measured")
        group.add_argument(
            "--seconds", type=float, default=0.0, help="stop after this many measured seconds; 0: when -t says"
        )
        group.add_argument(
            "--sign-ups", type=int, default=0, help="stop after this many persons tried to sign up; 0: never"
        )
        group.add_argument("--enrol", type=int, default=0, help="persons who enrol before a rush (with --tags rush)")
        group.add_argument("--thinking", type=float, default=0.0, help="mean seconds that they think, each time")
        group.add_argument("--gives-up", type=float, default=0.0, help="seconds until one of them gives up; 0: never")

    def _init(environment: Environment, runner: Runner | None, **_: object) -> None:
        try:
            _prepare(environment, runner, settings)
        except IdverifyError as error:  # Locust would only log it, and go on without us
            log.error("%s; %s", error.message, error.hint)
            raise SystemExit(error.exit_code if isinstance(error, Unusable) else 1) from error

    def _start(environment: Environment, **_: object) -> None:
        runner = environment.runner
        if isinstance(runner, MasterRunner):
            workers = sorted(runner.clients)
            for index, worker in enumerate(workers):
                runner.send_message(PARTITION, {"index": index, "count": len(workers)}, client_id=worker)
            return
        _begin(environment)

    def _request(
        name: str,
        response_time: float,
        context: Mapping[str, object],
        exception: Exception | None,
        start_time: float,
        **_: object,
    ) -> None:
        load = context.get("load")
        up, down = context.get("up"), context.get("down")
        if isinstance(load, Load) and load.window.covers(start_time) and isinstance(up, int) and isinstance(down, int):
            scheme = str(context.get("scheme"))
            load.recorder.request(scheme, name, ms=response_time, up=up, down=down, failed=exception is not None)

    def _stop(environment: Environment, **_: object) -> None:
        if not isinstance(environment.runner, MasterRunner):
            load = load_of(environment)
            load.close()
            if load.rush is not None:
                load.rush.finish(STOP_TIMEOUT)
            load.end()

    _on(events.init_command_line_parser, _options)
    _on(events.init, _init)
    _on(events.test_start, _start)
    _on(events.request, _request)
    _on(events.test_stop, _stop)
    return {each.__name__: each for each in classes}


def _on(hook: EventHook, listener: Callable[..., None]) -> None:
    add: Callable[[Callable[..., None]], object] = hook.add_listener
    add(listener)


def _prepare(environment: Environment, runner: Runner | None, settings: Settings) -> None:
    _refuse_other_hosts(environment, settings)
    environment.stop_timeout = environment.stop_timeout or STOP_TIMEOUT
    options = environment.parsed_options
    if not getattr(options, "tags", None):
        _leave_out_single_steps(environment)
    if isinstance(runner, MasterRunner):
        return
    environment.__dict__["idverify"] = Load(settings, SCHEMES, sign_ups=int(getattr(options, "sign_ups", 0) or 0))
    if isinstance(runner, WorkerRunner):
        load_of(environment).partition(-1, 1)
        runner.register_message(PARTITION, _partition)


def _partition(environment: Environment, msg: object, **_: object) -> None:
    data = getattr(msg, "data", None)
    if isinstance(data, dict):
        load_of(environment).partition(int(data["index"]), int(data["count"]))


def _begin(environment: Environment) -> None:
    load = load_of(environment)
    load.recorder.reset()
    load.window.start = 0.0
    options = environment.parsed_options
    size = int(getattr(options, "enrol", 0) or 0)
    if size:
        thinking, gives_up = (float(getattr(options, name, 0.0) or 0.0) for name in ("thinking", "gives_up"))
        load.rush = Rush(load, size=size, thinking=thinking, gives_up=gives_up)
    for origin in load.settings.platform_urls:
        try:
            load.platform_names[origin] = _party_at(origin)
        except (OSError, ValueError) as error:
            log.error("no platform answers at %s: %s; start the services first (idverify up)", origin, error)
            environment.process_exit_code = 2
            if environment.runner is not None:
                gevent.spawn(environment.runner.quit)
            return
    warm_up = float(getattr(options, "warm_up", 0.0) or 0.0)
    seconds = float(getattr(options, "seconds", 0.0) or 0.0)
    gevent.spawn(_measure, environment, load, warm_up=warm_up, seconds=seconds)


def _measure(environment: Environment, load: Load, *, warm_up: float, seconds: float) -> None:
    """Start the measured window after the warm-up, watch the lag, and stop after `seconds` or the ordered sign-ups."""
    if load.rush is not None:
        while not load.rush.is_ready:
            gevent.sleep(TICK)
        load.rush.begin()
    gevent.sleep(warm_up)
    load.begin()
    names = [each.scheme.info.name for each in environment.user_classes if issubclass(each, CitizenUser)]
    runner = environment.runner
    while runner is not None and runner.state not in ("stopped", "stopping", "cleanup"):
        before = time.perf_counter()
        gevent.sleep(TICK)
        load.window.lags.append(max(0.0, (time.perf_counter() - before - TICK) * 1000))
        over = seconds > 0 and time.time() >= load.window.start + seconds
        if over:
            load.close()
        if over or (load.limit and all(load.is_complete(name) for name in names)):
            runner.quit()
            return


def _leave_out_single_steps(environment: Environment) -> None:
    """Without --tags, credentials that are shown to nobody and proofs that open nothing would only blur the picture."""
    for each in environment.user_classes:
        if issubclass(each, CitizenUser):
            each.tasks = [t for t in each.tasks if getattr(t, "__name__", "") not in ("issue", "present", "rush")]


def _refuse_other_hosts(environment: Environment, settings: Settings) -> None:
    host = environment.host
    if host and host.rstrip("/") not in settings.platform_urls:
        known = ", ".join(settings.platform_urls)
        raise BadSetting(
            f"--host is {host}, the platforms are {known}", hint="set IDVERIFY_PLATFORMS and IDVERIFY_IDENTITY_PROVIDER"
        )


def _party_at(origin: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{origin}/api/about", timeout=5) as answer:
        value = json.loads(answer.read(200_000))
    party = value.get("party") if isinstance(value, dict) else None
    if not isinstance(party, str):
        raise ValueError("its /api/about names no party")
    return party
