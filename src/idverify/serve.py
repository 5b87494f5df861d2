"""Starting one party: `python -m idverify.serve` reads the settings and serves until SIGTERM.

The server is granian: ASGI, HTTP/1, one worker process per `IDVERIFY_WORKERS`. Each worker builds its app by
`application` and wraps it as Meter(Capture(Guarded(app))), so that the ledger sees what really crossed the boundary.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from idverify.errors import BadEnvironment, BadSetting, Unusable
from idverify.ledger import OBSERVER, Capture, Ledger
from idverify.metering import Meter
from idverify.scheme import Scheme, SplitIssuer, SplitScheme
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.storage import Store
from idverify.web import Guarded

MOST_CONNECTIONS = 800
"""Per worker; below the usual limit of 1024 descriptors, so that files still open."""
HEADER_MILLISECONDS = 5000
"""How long a client may take to send its headers."""
STOP_SECONDS = 8
"""Seconds from SIGTERM until a worker that does not end is killed."""


@dataclass(frozen=True, slots=True)
class Built:
    """An app and what must be closed after it, in this order."""

    app: FastAPI
    ledger: Ledger | None = None
    store: Store | None = None
    observer: Ledger | None = None

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
        for ledger in (self.ledger, self.observer):
            if ledger is not None:
                ledger.close()


def offered(settings: Settings) -> Mapping[str, Scheme]:
    """The schemes that the settings name, in the order of all pages. Raises BadSetting."""
    unknown = [name for name in settings.scheme_names if name not in SCHEMES]
    if unknown:
        raise BadSetting(f"no scheme is called {unknown[0]!r}", hint=f"the schemes are {', '.join(SCHEMES)}")
    wanted = settings.scheme_names or tuple(SCHEMES)
    return {name: scheme for name, scheme in SCHEMES.items() if name in wanted}


def identity_provider(settings: Settings) -> Built:
    """The identity provider with its keys in FOLDER/keys, which are made where there are none."""
    from idverify.identity_provider.app import create_app, utc_now
    from idverify.identity_provider.attester_key import AttesterKey
    from idverify.identity_provider.keys import KeyStore
    from idverify.identity_provider.relay import Relay
    from idverify.identity_provider.tables import METADATA
    from idverify.population import Population

    population = Population.make(settings.citizens, settings.seed)
    split = split_schemes(settings)
    own = {name: scheme for name, scheme in offered(settings).items() if name not in split}
    keys = KeyStore(settings.folder_path / "keys", own, issuer=settings.own_url)
    relay = None
    if split:
        key = AttesterKey.at(settings.folder_path / "keys" / "attester.pem", name=settings.own_url)
        relay = Relay(split, key=key, origin=lambda name: settings.origin(split[name].info.keys_at), clock=utc_now)
    store = Store.open(_database(settings), METADATA, schema=settings.party)
    ledger = _ledger(settings)
    app = create_app(population=population, keys=keys, store=store, ledger=ledger, settings=settings, relay=relay)
    return Built(app, ledger, store)


def social_platform(settings: Settings) -> Built:
    """A social platform under the mandate of the settings."""
    from idverify.mandates import load
    from idverify.social_platform.app import create_app
    from idverify.social_platform.tables import METADATA

    offered(settings)
    mandate = load(settings.mandate)
    store = Store.open(_database(settings), METADATA, schema=settings.party)
    ledger = _ledger(settings)
    return Built(create_app(mandate=mandate, store=store, ledger=ledger, settings=settings), ledger, store)


def wallet(settings: Settings) -> Built:
    """The wallet. It has no ledger: it is the person's own, and what a person sees is not for a coalition."""
    from idverify.wallet.app import create_app

    return Built(create_app(settings=settings, schemes=offered(settings)))


def status_host(settings: Settings) -> Built:
    """The host of status lists. It has no database: its lists are the identity provider's."""
    from idverify.status_host.app import create_app

    return Built(create_app(settings=settings), _ledger(settings))


def token_issuer(settings: Settings) -> Built:
    """The token issuer with its keys in FOLDER/token_keys. It has no database: it knows nobody."""
    from idverify.identity_provider.keys import KeyFolder
    from idverify.token_issuer.app import create_app

    split = split_schemes(settings)
    if not split:
        raise BadSetting("no scheme that is offered has a token issuer", hint="leave this party out")
    keys: KeyFolder[SplitIssuer] = KeyFolder(settings.folder_path / "token_keys", split, issuer=settings.own_url)
    return Built(create_app(keys=keys, settings=settings), _ledger(settings))


def split_schemes(settings: Settings) -> Mapping[str, SplitScheme]:
    """Those offered schemes whose keys another party than the identity provider holds."""
    return {name: scheme for name, scheme in offered(settings).items() if isinstance(scheme, SplitScheme)}


def builder(party: str) -> Callable[[Settings], Built]:
    """Which kind of party this is. Raises BadSetting."""
    kinds: dict[str, Callable[[Settings], Built]] = {
        "identity_provider": identity_provider,
        "status_host": status_host,
        "token_issuer": token_issuer,
        "wallet": wallet,
    }
    if party.startswith("platform"):
        return social_platform
    if party not in kinds:
        raise BadSetting(
            f"IDVERIFY_PARTY is {party!r}, which is no party",
            hint=f"it is {', '.join(kinds)}, or a name that begins with platform",
        )
    return kinds[party]


def application(party: str = "") -> ASGIApp:
    """The ASGI app of this process by the settings in its environment; `party` where they name none."""
    return assemble(_settings(party))


def assemble(settings: Settings) -> ASGIApp:
    """The app of a party inside its middleware."""
    built = builder(settings.party)(settings)
    others = (settings.identity_provider, settings.wallet, *settings.platform_urls)
    guarded = Guarded(built.app, goes_to=others, secure=settings.own_url.startswith("https://"))
    observer = _ledger(settings, watched=True) if built.ledger is not None else None
    capture = Capture(guarded, built.ledger, observer=observer)
    store = built.store
    meter = Meter(
        capture,
        settings.folder_path / "metrics",
        settings.party,
        capture_cpu=lambda: capture.cpu_seconds,
        writer_cpu=lambda: store.writer_cpu_seconds if store is not None else 0.0,
    )
    # What is built by now stays: leaving it out of every collection takes the long pauses away.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    return _Closing(meter, replace(built, observer=observer))


class _Closing:
    """ASGI wrapper that closes store and ledger once the server has finished with the app."""

    def __init__(self, app: ASGIApp, built: Built) -> None:
        self.app = app
        self._built = built

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self._built.close()


def main() -> int:
    """Serve until SIGTERM or SIGINT. Returns 2 or 3 with a message where the settings or the machine forbid it."""
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.server import Server

    try:
        settings = _settings("")
        build = builder(settings.party)
        refuse_taken_port(settings.host, settings.port)
        # Built once before any worker starts, so that what cannot be used is said once and here.
        build(replace(settings, ledger="on" if _keeps_ledger(settings) and settings.workers == 1 else "off")).close()
    except Unusable as error:
        return complain(error)
    server = Server(
        "idverify.serve:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=65_536),
        websockets=False,
        loop=Loops.asyncio,
        backlog=1024,
        backpressure=MOST_CONNECTIONS,
        log_access=False,
        workers_kill_timeout=STOP_SECONDS,
        factory=True,
    )
    server.serve()
    return 0


def complain(error: Unusable) -> int:
    """Say what cannot be used on stderr; returns the exit status."""
    hint = f"\n  hint: {error.hint}" if error.hint else ""
    print(f"IDV-{error.number}: {error.message}{hint}", file=sys.stderr, flush=True)
    return error.exit_code


def refuse_taken_port(host: str, port: int) -> None:
    """Raise BadEnvironment where another program listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is in use" if error.errno == 98 else f"cannot be used: {error.strerror}"
            raise BadEnvironment(
                f"port {port} {reason}", hint="stop the other program, or set IDVERIFY_PORT"
            ) from error


def _settings(party: str) -> Settings:
    settings = Settings.from_environment()
    return settings if settings.party else replace(settings, party=party)


def _database(settings: Settings) -> str:
    return settings.database_url or f"sqlite:///{(settings.folder_path / settings.party).absolute()}.sqlite"


def _keeps_ledger(settings: Settings) -> bool:
    if settings.ledger not in ("on", "off"):
        raise BadSetting(f"IDVERIFY_LEDGER is {settings.ledger!r}", hint="it is on or off")
    return settings.ledger == "on"


def _ledger(settings: Settings, *, watched: bool = False) -> Ledger | None:
    """FOLDER/ledgers/PARTY.jsonl, or one file per worker process; `watched`: of the network observer before PARTY."""
    if not _keeps_ledger(settings):
        return None
    name = settings.party if settings.workers == 1 else f"{settings.party}-{os.getpid()}"
    party = OBSERVER if watched else settings.party
    name = f"{OBSERVER}-{name}" if watched else name
    return Ledger(Path(settings.folder) / "ledgers" / f"{name}.jsonl", party)


if __name__ == "__main__":
    sys.exit(main())
