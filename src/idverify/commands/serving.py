"""`idverify up`: all services, each on its port, until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from argparse import Namespace
from pathlib import Path

from idverify.commands.comparing import chosen, settings_from
from idverify.commands.terminal import print_json, say
from idverify.errors import BadEnvironment

LOOK_SECONDS = 1.0


def up(options: Namespace) -> int:
    """Start, say where, wait. Exit code 0 after Ctrl-C; 3 where a service ended by itself."""
    from idverify.mandates import load
    from idverify.world import World

    settings = settings_from(options)
    chosen(settings)
    load(settings.mandate)
    stop = threading.Event()
    say("starting the services; Ctrl-C stops them")
    with World(Path(settings.folder), settings, base_port=options.port) as world:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        services = {party: url for party, url in world.urls.items() if party in world.parties}
        if options.json:
            print_json({"services": services, "pids": world.pids, "mandate": settings.mandate})
        else:
            for party, url in services.items():
                print(f"{party.replace('_', ' '):18} {url}", flush=True)
        say(f"next: sign up at {world.urls['platform_a']}/sign-up, or locust -f loadtests/locustfile.py")
        while not stop.wait(LOOK_SECONDS):
            dead = [party for party, alive in world.alive().items() if not alive]
            if dead:
                raise BadEnvironment(
                    f"{dead[0]} has ended by itself",
                    hint=f"its log is {world.log(dead[0]).name} in {settings.folder}/logs",
                )
        say("stopping")
    return 0
